//! Rules of accounts: own orders that meet, risk tiers, position modes, one budget for all clients of a key.

use super::*;

fn order(side: i64, kind: i64, vol: i64, price: f64) -> Value {
    json!({"symbol": "BTC_USDT", "side": side, "type": kind, "openType": 1, "vol": vol, "price": price, "leverage": 20})
}

/// `(state, errorCode, dealVol)`.
fn ended(world: &mut World, id: &str) -> (i64, i64, i64) {
    let order = world.order(id);
    let number = |key: &str| order[key].as_i64().unwrap();
    (number("state"), number("errorCode"), number("dealVol"))
}

#[test]
fn own_orders_that_meet_trade_or_are_cancelled_as_stp_mode_says() {
    // A resting own bid at 100.005 would be inside the spread; here it is the best bid of an emptied side.
    for (mode, resting, arriving) in [
        (0, (2, 0, 6), (3, 0, 6)),
        (1, (4, 8, 0), (4, 18, 0)),
        (2, (2, 0, 0), (4, 8, 0)),
        (3, (4, 8, 0), (4, 8, 0)),
    ] {
        let mut world = World::new(PLAIN);
        let bid = world.place(&order(1, 1, 10, 99.0)).unwrap();
        world.pass(20);
        for level in 0..30 {
            world.level(0, Side::Buy, 10_000 - level, 0, false);
        }
        world.pass(5);
        let mut sale = order(3, 3, 6, 98.0);
        sale["stpMode"] = json!(mode);
        let sale = world.place(&sale).unwrap();
        world.pass(20);
        assert_eq!(ended(&mut world, &bid), resting, "the resting order, mode {mode}");
        assert_eq!(ended(&mut world, &sale), arriving, "the arriving order, mode {mode}");
        let deals = world.private("GET", "order/list/order_deals", "")["data"].clone();
        let own: Vec<(&Value, &Value)> =
            deals.as_array().unwrap().iter().map(|deal| (&deal["isSelf"], &deal["price"])).collect();
        let both = (&json!(true), &json!(99));
        assert_eq!(own, if mode == 0 { vec![both, both] } else { vec![] });
    }
}

#[test]
fn displayed_levels_come_before_own_orders_of_the_same_price() {
    let mut world = World::new(PLAIN);
    let bid = world.place(&order(1, 1, 10, 100.0)).unwrap();
    world.pass(20);
    let sale = world.place(&order(3, 3, 105, 100.0)).unwrap();
    world.pass(20);
    assert_eq!((ended(&mut world, &sale), ended(&mut world, &bid)), ((3, 0, 105), (2, 0, 5)));
}

#[test]
fn a_position_stays_within_the_tier_of_its_leverage() {
    let mut world = World::new(&PLAIN.replace("\"quirks\"", "\"deposit\": 1e9, \"quirks\""));
    // The first tier ends at a tenth of the largest order: 100,000 contracts.
    let mut large = order(1, 1, 100_001, 90.5);
    large["leverage"] = json!(200);
    assert_eq!(world.place(&large), Err(2031));
    large["leverage"] = json!(100);
    assert!(world.place(&large).is_ok());
    let tiers =
        world.get("/api/v1/contract/detail/country?symbol=BTC_USDT")["data"]["riskLimitCustom"].clone();
    assert_eq!((&tiers[0]["maxVol"], &tiers[1]["mmr"]), (&json!(100_000), &json!(0.008)), "{tiers}");
}

#[test]
fn in_one_way_mode_reduce_only_closes_what_is_held() {
    let mut world = World::new(PLAIN);
    let reduce = |side: i64| {
        let mut order = order(side, 5, 4, 0.0);
        order["reduceOnly"] = json!(true);
        order
    };
    assert_eq!(world.place(&reduce(3)), Err(600), "hedge mode has no reduceOnly");
    world.private("POST", "position/change_position_mode", r#"{"positionMode": 2}"#);
    assert_eq!(world.place(&reduce(3)), Err(2009), "nothing is held");
    world.place(&order(1, 5, 10, 0.0)).unwrap();
    world.pass(20);
    world.place(&reduce(3)).unwrap();
    assert_eq!(world.place(&reduce(1)), Err(2009), "a buy does not reduce a long");
    world.pass(20);
    let positions = world.private("GET", "position/open_positions", "")["data"].clone();
    assert_eq!((positions.as_array().unwrap().len(), &positions[0]["holdVol"]), (1, &json!(6)));
    let mut other_mode = order(1, 5, 1, 0.0);
    other_mode["positionMode"] = json!(1);
    assert_eq!(world.place(&other_mode), Err(2043));
    let mut other_position = order(4, 5, 1, 0.0);
    other_position["positionId"] = json!(77);
    assert_eq!(world.place(&other_position), Err(2043));
}

#[test]
fn all_clients_of_a_key_share_one_window() {
    let mut world = World::new(r#"{"settings": {"quirks": false}}"#);
    world.now_ms = BEGIN_MS + 2_000;
    let codes: Vec<i64> = (0..6)
        .map(|_| world.private("POST", "planorder/cancel_all", "{}")["code"].as_i64().unwrap())
        .collect();
    assert_eq!(codes, [0, 0, 0, 0, 510, 510], "four in two seconds, whoever asks");
    assert_eq!(world.private("POST", "order/cancel_all", "{}")["code"], 0, "cancels have their own");
    world.now_ms += 2_000;
    assert_eq!(world.private("POST", "planorder/cancel_all", "{}")["code"], 0);
}

#[test]
fn the_truth_tells_since_when_a_position_is_without_a_stop() {
    let mut world = World::new(PLAIN);
    world.trade(0, Side::Buy, 10_001, 1);
    let truth = |world: &World| -> Value {
        let text = crate::rehearsal::control::truth(&world.exchange);
        serde_json::from_str::<Value>(&text).unwrap()["accounts"][0].clone()
    };
    let mut named = order(1, 5, 10, 0.0);
    named["externalOid"] = json!("mine-1");
    world.place(&named).unwrap();
    world.pass(20);
    let before = truth(&world)["sides"][0].clone();
    let since = before["bare_since_ms"].as_i64().unwrap();
    assert!((BEGIN_MS..world.now_ms).contains(&since));
    assert_eq!((&before["position"], &before["resident_stop"]), (&json!(10), &json!(0)));
    world.pass(80);
    let position = world.private("GET", "position/open_positions", "")["data"][0]["positionId"].clone();
    let stop = |vol: i64| json!({"positionId": position, "vol": vol, "stopLossPrice": 99.0}).to_string();
    world.private("POST", "stoporder/place", &stop(6));
    world.pass(5);
    assert_eq!(truth(&world)["sides"][0]["bare_since_ms"], since, "six of ten are not enough");
    world.private("POST", "stoporder/place", &stop(4));
    world.pass(5);
    let after = truth(&world);
    assert_eq!(
        (&after["sides"][0]["bare_since_ms"], &after["sides"][0]["resident_stop"]),
        (&Value::Null, &json!(10))
    );
    let bare = &after["sides"][0]["bare"][0];
    assert_eq!((bare[0].as_i64(), bare[1].as_i64()), (Some(since), Some(world.now_ms)));
    assert_eq!(
        (
            &after["orders"][0]["externalOid"],
            &after["orders"][0]["dealVol"],
            after["stops"].as_array().unwrap().len()
        ),
        (&json!("mine-1"), &json!(10), 2)
    );
}

#[test]
fn a_position_near_liquidation_is_told_once() {
    let mut world = World::new(PLAIN);
    let mut client = world.connect();
    let sign = signature("s", &format!("k{}", world.now_ms));
    let param = json!({"apiKey": "k", "reqTime": world.now_ms.to_string(), "signature": sign});
    world.say(&client, &json!({"method": "login", "param": param}));
    world.place(&order(1, 5, 10, 0.0)).unwrap();
    world.pass(20);
    // Margin 5 percent, of which 0.4 must stay; at 95.55 some 0.54 are left.
    let mark = |world: &mut World, ticks: i64| {
        world.row(0, RecordBody::Mark { mark: Decimal::new(ticks, 2).unwrap(), index: None });
        world.pass(20);
    };
    mark(&mut world, 9_555);
    mark(&mut world, 9_556);
    let told = world.of(&mut client, "push.personal.liquidate.risk");
    assert_eq!((told.len(), &told[0]["data"]["symbol"]), (1, &json!("BTC_USDT")), "{told:?}");
    mark(&mut world, 9_900);
    mark(&mut world, 9_555);
    assert_eq!(world.of(&mut client, "push.personal.liquidate.risk").len(), 1, "again after it was well");
}
