//! Recording a market feed: every row once and in order, and a gap for everything missing.

use super::{Market, World, until};
use serde_json::json;
use tradingd::domain::record::{RecordBody, StreamKind};
use tradingd::rehearsal::FaultKind;
use tradingd::service::sessions::SessionState;
use tradingd::store::{OpenMode, Store};

#[test]
fn what_was_dealt_is_recorded_once_and_holes_are_told() {
    let market = Market::new(2, 400, 4);
    let folder = tempfile::tempdir().unwrap();
    let world = World::open(folder.path(), Some(market.client()));
    let id = world.start(&json!({"session_type": "collect", "symbols": market.symbols}));
    assert!(id.starts_with("session_"), "a recording and its session are one: {id}");
    until("rows", || world.counters(&id).ticks > 2_000);
    market.fault(FaultKind::DealsRepeated, |fault| fault.times = Some(10));
    market.fault(FaultKind::DealsReordered, |fault| fault.times = Some(10));
    market.fault(FaultKind::Disconnect, |_| {});
    let again = world.service.sessions.start(
        &json!({"session_type": "collect", "symbols": [market.symbols[0]]}),
        "ann",
        &world.service.settings.current(),
        tradingd::clock::now(),
    );
    assert_eq!(again.unwrap_err().code, "session_conflict");
    let seen = world.counters(&id).ticks;
    until("rows after the lost connection", || world.counters(&id).ticks > seen + 2_000);
    let listed = world.service.recordings.get(&id).unwrap();
    assert_eq!(listed["status"], "recording", "{listed}");
    assert!(
        listed["records_collected"].as_u64().unwrap() > 0,
        "a recording that is being made shows its counts: {listed}"
    );
    world.stop(&id);
    assert_eq!(world.service.sessions.get(&id).unwrap().status, SessionState::Stopped);
    let lag = world.service.market.lags().durable.counts();
    assert!(lag.count > 500 && lag.at_most_us.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{lag:?}");
    let listed = world.service.recordings.get(&id).unwrap();
    assert_eq!(listed["status"], "completed");
    assert!(listed["gaps"].as_u64().is_none_or(|gaps| gaps > 0), "{listed}");
    world.close();
    let store = Store::open(folder.path(), OpenMode::MustExist).unwrap();
    let gaps = store.gaps(&id).unwrap();
    assert!(!gaps.is_empty());
    for symbol in &market.symbols {
        let rows: Vec<_> = store.rows(&id, symbol, StreamKind::Trades).unwrap().map(Result::unwrap).collect();
        let ids: Vec<u64> = rows
            .iter()
            .filter_map(|row| if let RecordBody::Trade { id, .. } = row.body { id } else { None })
            .collect();
        assert!(ids.len() == rows.len() && rows.len() > 50);
        let mut once = ids.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), ids.len(), "a deal stands there twice");
        assert!(rows.windows(2).all(|pair| pair[0].received_at <= pair[1].received_at));
        // Every deal of the exchange between the first and the last stored one is stored or in a gap.
        let truth = market.exchange.deals(symbol);
        let (first, last) = (once[0], once[once.len() - 1]);
        let missing = truth
            .iter()
            .filter(|deal| (first..=last).contains(&deal.id) && once.binary_search(&deal.id).is_err());
        for deal in missing {
            let at_ms = deal.at_ms;
            let told = gaps.iter().any(|(name, gap)| {
                name == symbol
                    && gap.stream == StreamKind::Trades
                    && gap.gap.from.millis() - 1_000 <= at_ms
                    && at_ms <= gap.gap.to.millis() + 1_000
            });
            assert!(told, "deal {deal:?} is missing and no gap says so");
        }
    }
}

#[test]
fn a_recording_ends_when_its_time_is_over() {
    let market = Market::new(1, 200, 5);
    let folder = tempfile::tempdir().unwrap();
    let world = World::open(folder.path(), Some(market.client()));
    let body = json!({"session_type": "collect", "symbols": market.symbols, "config": {"duration": "1s", "data_types": ["tick_prices", "orderbook"]}});
    let id = world.start(&body);
    until("progress", || {
        world.service.sessions.get(&id).unwrap().progress.is_some_and(|percent| percent > 0.0)
    });
    assert!(world.service.sessions.wait(&id, tradingd::domain::time::Span::from_seconds(30)));
    let ended = world.service.sessions.get(&id).unwrap();
    assert_eq!((ended.status, ended.progress), (SessionState::Completed, Some(100.0)));
    let listed = world.service.recordings.get(&id).unwrap();
    assert_eq!(listed["exchange"], "mexc");
    assert_eq!(listed["data_types"], json!(["tick_prices", "orderbook"]));
}
