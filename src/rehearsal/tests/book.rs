//! A book built from a snapshot and frames equals the exchange's book in every mode, and every quirk occurs.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

type Side2 = BTreeMap<String, i64>;

/// Applies the frames of one stream to a snapshot, by version. `None`: a gap.
fn apply(snapshot: &Value, frames: &[Value]) -> Option<(Side2, Side2, u64)> {
    let mut sides = ["asks", "bids"].map(|side| levels(&snapshot[side]));
    let mut last = snapshot["version"].as_u64().unwrap();
    for frame in frames.iter().map(|frame| &frame["data"]) {
        let version = frame["version"].as_u64().unwrap();
        let (begin, end) =
            (frame["begin"].as_u64().unwrap_or(version), frame["end"].as_u64().unwrap_or(version));
        if end <= last {
            continue;
        }
        if begin > last + 1 {
            return None;
        }
        for (side, key) in sides.iter_mut().zip(["asks", "bids"]) {
            for (price, size) in levels(&frame[key]) {
                if size == 0 {
                    side.remove(&price)
                } else {
                    side.insert(price, size)
                };
            }
        }
        last = end;
    }
    let [asks, bids] = sides;
    Some((asks, bids, last))
}

fn levels(side: &Value) -> Side2 {
    let price = |value: &Value| Decimal::parse(value.to_string().as_bytes()).unwrap().to_string();
    side.as_array()
        .unwrap()
        .iter()
        .map(|level| (price(&level[0]), level[1].as_f64().unwrap() as i64))
        .collect()
}

fn truth(world: &World) -> (Side2, Side2, u64) {
    let market = &world.exchange.markets[0];
    let side = |side: Side| {
        market
            .ladder
            .side(side)
            .map(|(price, qty)| (market.price_decimal(price).to_string(), qty.0))
            .collect()
    };
    (side(Side::Sell), side(Side::Buy), market.version)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn frames_over_a_snapshot_are_the_book(seed in any::<u64>(), steps in proptest::collection::vec((any::<bool>(), 0_i64..40, 0_i64..9, 0_i64..90), 20..200), asked in 0_usize..20) {
        let mut world = World::seeded(r#"{"settings": {"rate_limits": "off"}}"#, seed);
        let (mut merged, mut each) = (world.connect(), world.connect());
        world.subscribe(&merged, "sub.depth", json!({"symbol": "BTC_USDT"}));
        world.subscribe(&each, "sub.depth", json!({"symbol": "BTC_USDT", "compress": false}));
        let mut snapshot = Value::Null;
        for (place, (is_buy, offset, contracts, wait_ms)) in steps.into_iter().enumerate() {
            if place == asked {
                snapshot = world.get("/api/v1/contract/depth/BTC_USDT?limit=1000")["data"].clone();
            }
            let side = if is_buy { Side::Buy } else { Side::Sell };
            world.level(0, side, if is_buy { 10_000 - offset } else { 10_001 + offset }, contracts, false);
            world.pass(wait_ms);
        }
        world.pass(400);
        let expected = truth(&world);
        for client in [&mut merged, &mut each] {
            let frames = world.of(client, "push.depth");
            let (asks, bids, last) = apply(&snapshot, &frames).expect("no gap");
            prop_assert_eq!((asks, bids), (expected.0.clone(), expected.1.clone()));
            prop_assert!(last == expected.2 || frames.is_empty());
        }
    }
}

#[test]
fn merged_frames_follow_each_other_without_a_hole_and_are_unordered() {
    let mut world = World::new("{}");
    let mut client = world.connect();
    world.subscribe(&client, "sub.depth", json!({"symbol": "BTC_USDT"}));
    for step in 0..200 {
        world.level(0, Side::Buy, 10_000 - step % 25, 1 + step, false);
        world.pass(10);
    }
    let frames = world.of(&mut client, "push.depth");
    assert!(frames.len() > 5);
    for pair in frames.windows(2) {
        assert_eq!(pair[1]["data"]["begin"].as_u64().unwrap(), pair[0]["data"]["end"].as_u64().unwrap() + 1);
    }
    let sorted = |frame: &Value| {
        let prices: Vec<f64> = frame["data"]["bids"]
            .as_array()
            .unwrap()
            .iter()
            .map(|level| level[0].as_f64().unwrap())
            .collect();
        prices.is_sorted() || prices.iter().rev().is_sorted()
    };
    assert!(frames.iter().any(|frame| !sorted(frame)));
}

#[test]
fn a_full_book_is_its_best_levels_and_comes_only_when_it_changed() {
    let mut world = World::new(PLAIN);
    let mut client = world.connect();
    world.subscribe(&client, "sub.depth.full", json!({"symbol": "BTC_USDT", "limit": 5}));
    world.pass(3_000);
    world.of(&mut client, "push.depth.full");
    world.level(0, Side::Sell, 10_001, 7, false);
    world.pass(3_000);
    let frames = world.of(&mut client, "push.depth.full");
    assert_eq!(frames.len(), 1);
    let asks = frames[0]["data"]["asks"].as_array().unwrap();
    assert_eq!((asks.len(), asks[0].clone()), (5, json!([100.01, 7, asks[0][2]])));
}

#[test]
fn a_snapshot_row_by_row_becomes_changes() {
    let mut world = World::new(PLAIN);
    let before = truth(&world);
    for level in 1..=20_u16 {
        for (side, ticks) in [(Side::Buy, 20_000 - i64::from(level)), (Side::Sell, 20_000 + i64::from(level))]
        {
            let (price, quantity) = (Decimal::new(ticks, 2).unwrap(), Decimal::new(3, 0).unwrap());
            world.row(1, RecordBody::SnapshotLevel { side, level, price, quantity });
        }
    }
    world.pass(5);
    // Level changes of this symbol were recorded, so snapshots are ignored.
    assert_eq!(world.exchange.markets[1].ladder.best(Side::Buy).unwrap().0.0, 1_000);
    assert_eq!(truth(&world), before);
}

#[test]
fn where_only_trades_were_recorded_a_book_is_made_up_around_them() {
    let scenario = Scenario::parse(PLAIN).unwrap();
    let mut exchange = Exchange::new(vec![contract("BTC")], &[], &scenario, 1, BEGIN_MS).unwrap();
    let body = RecordBody::Trade {
        price: Decimal::new(10_000, 2).unwrap(),
        quantity: Decimal::ONE,
        taker: Side::Buy,
        id: None,
    };
    exchange
        .row(0, &Record { exchange_at: Timestamp::from_seconds(1), received_at: None, body }, BEGIN_MS)
        .unwrap();
    exchange.step(BEGIN_MS);
    let ladder = &exchange.markets[0].ladder;
    assert_eq!((ladder.best(Side::Buy).unwrap().0.0, ladder.best(Side::Sell).unwrap().0.0), (9_999, 10_000));
}

#[test]
fn a_row_off_the_steps_is_named() {
    let mut world = World::new(PLAIN);
    let body = RecordBody::Trade {
        price: Decimal::new(1, 3).unwrap(),
        quantity: Decimal::ONE,
        taker: Side::Buy,
        id: None,
    };
    let record = Record { exchange_at: Timestamp::from_seconds(1), received_at: None, body };
    let problem = world.exchange.row(0, &record, BEGIN_MS).unwrap_err();
    assert_eq!(problem, "BTC_USDT: the price 0.001 is not a multiple of 0.01");
}
