//! Paper sessions: they trade, survive faults of the exchange, resume after a restart, and replay to equal
//! decisions.

use super::{Market, World, paper, until};
use serde_json::{Value, json};
use tradingd::domain::decimal::Decimal;
use tradingd::domain::symbol::SymbolSpec;
use tradingd::rehearsal::FaultKind;
use tradingd::service::sessions::SessionState;
use tradingd::store::{OpenMode, Store};

#[test]
fn a_session_trades_a_live_market_and_a_replay_decides_the_same() {
    let market = Market::new(2, 400, 1);
    let folder = tempfile::tempdir().unwrap();
    let world = World::open(folder.path(), Some(market.client()));
    world.add_strategy();
    let body = paper(&market.symbols);
    let id = world.start(&body);
    assert_eq!(world.start(&body), id, "the same request is the same session");
    until("ten trades", || world.counters(&id).trades >= 10);
    world.stop(&id);
    let session = world.service.sessions.get(&id).unwrap();
    assert_eq!(session.status, SessionState::Stopped);
    let replayed = world.service.sessions.replay(&id, &|| true).unwrap();
    assert!(replayed.equal && replayed.events_equal > 40, "{replayed:?}");
    assert_eq!(replayed.digest_recorded.as_ref(), Some(&replayed.digest_replayed));
    let counters = world.counters(&id);
    assert_eq!(counters.fills, counters.orders, "every order of this strategy is filled once");
}

#[test]
fn what_goes_wrong_in_between_changes_nothing_about_the_replay() {
    let market = Market::new(3, 600, 2);
    let folder = tempfile::tempdir().unwrap();
    let world = World::open(folder.path(), Some(market.client()));
    world.add_strategy();
    let id = world.start(&paper(&market.symbols));
    until("a trade", || world.counters(&id).trades >= 2);
    market.fault(FaultKind::Disconnect, |_| {});
    until("the gap of a lost connection", || world.has_event(&id, "feed_gap", "cause", "disconnect"));
    market.fault(FaultKind::Silent, |fault| fault.for_ms = Some(3_000));
    until("the gap of a silent one", || world.has_event(&id, "feed_gap", "cause", "silence"));
    market.fault(FaultKind::DealsRepeated, |fault| fault.times = Some(5));
    market.fault(FaultKind::DealsReordered, |fault| fault.times = Some(5));
    let mut config = super::config();
    config.trading.disabled_symbols = vec![market.symbols[0].clone()];
    world.service.sessions.apply_config(&config);
    let off = json!([market.symbols[0]]);
    until("the changed symbol table", || {
        world
            .events(&id)
            .iter()
            .any(|event| event["event"] == "symbol_table" && event["disabled_symbols"] == off)
    });
    let before = world.counters(&id);
    world.close();
    let world = World::open(folder.path(), Some(market.client()));
    until("trades after the restart", || world.counters(&id).trades > before.trades + 2);
    assert!(world.has_event(&id, "feed_gap", "cause", "restart"));
    world.stop(&id);
    let replayed = world.service.sessions.replay(&id, &|| true).unwrap();
    assert!(replayed.equal, "{replayed:?}");
    assert!(replayed.digest_recorded.is_some());
}

#[test]
fn a_stop_that_comes_with_the_restart_is_replayed_where_it_was_obeyed() {
    let market = Market::new(2, 300, 9);
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::open(folder.path(), Some(market.client()));
    world.add_strategy();
    let id = world.start(&paper(&market.symbols));
    until("orders", || world.counters(&id).orders >= 3);
    world.close();
    world = World::open(folder.path(), Some(market.client()));
    // The session is still catching up, so the stop comes before all new market data.
    world.stop(&id);
    let replayed = world.service.sessions.replay(&id, &|| true).unwrap();
    assert!(replayed.equal, "{replayed:?}");
    assert!(world.has_event(&id, "feed_gap", "cause", "restart"));
}

#[test]
fn a_replay_finds_what_was_changed() {
    let market = Market::new(1, 300, 3);
    let folder = tempfile::tempdir().unwrap();
    let world = World::open(folder.path(), Some(market.client()));
    world.add_strategy();
    let id = world.start(&paper(&market.symbols));
    until("trades", || world.counters(&id).trades >= 3);
    world.stop(&id);
    let told = world.service.sessions.get(&id).unwrap().recording_session_id;
    world.close();
    let store = Store::open(folder.path(), OpenMode::MustExist).unwrap();
    // Replaces the contract terms that the session traded with.
    let recording = store.session(&id).unwrap().input_recording_id.unwrap();
    assert_eq!(told.as_deref(), Some(recording.as_str()), "a session names the recording it makes");
    let spec = store.recorded_spec(&recording, &market.symbols[0]).unwrap().unwrap();
    let finer = Decimal::new(1, 3).unwrap();
    let other = SymbolSpec::new(&spec.name, finer, spec.quantity_step, spec.contract_size).unwrap();
    store.put_recorded_specs(&recording, &[other]).unwrap();
    let replayed = tradingd::service::sessions::replay(&store, &id, &|| true).unwrap();
    assert!(!replayed.equal);
    let difference = replayed.first_difference.unwrap();
    assert!(
        difference.recorded.is_some()
            && difference.replayed.is_some()
            && difference.recorded != difference.replayed
    );
}

/// Kinds of the feed events of a symbol and `order` for each order update, in order.
fn news(world: &World, id: &str, symbol: &str) -> Vec<String> {
    let kind = |event: &Value| match (event["event"].as_str(), event["symbol"] == symbol) {
        (Some("feed"), true) => event["kind"].as_str().map(str::to_owned),
        (Some("order_update"), true) => Some("order".to_owned()),
        _ => None,
    };
    world.events(id).iter().filter_map(kind).collect()
}

fn says(world: &World, id: &str, symbol: &str, what: &str) -> bool {
    news(world, id, symbol).iter().any(|kind| kind == what)
}

fn orders(world: &World, id: &str, symbol: &str) -> usize {
    news(world, id, symbol).iter().filter(|kind| *kind == "order").count()
}

/// Stops the session and checks that a replay of its recording gives equal decisions.
fn ends_well(world: &World, id: &str) {
    world.stop(id);
    let session = world.service.sessions.get(id).unwrap();
    assert!(session.status == SessionState::Stopped && session.result_id.is_some(), "{session:?}");
    let replayed = world.service.sessions.replay(id, &|| true).unwrap();
    assert!(replayed.equal && replayed.digest_recorded.is_some(), "{replayed:?}");
}

#[test]
fn changed_terms_end_the_trading_of_one_symbol_and_the_next_session_knows_them() {
    let market = Market::new(2, 400, 11);
    let folder = tempfile::tempdir().unwrap();
    let world = World::open(folder.path(), Some(market.client()));
    world.add_strategy();
    let id = world.start(&paper(&market.symbols));
    let [changed, other] = [market.symbols[0].clone(), market.symbols[1].clone()];
    until("orders of both", || orders(&world, &id, &changed) >= 4 && orders(&world, &id, &other) >= 4);
    market.fault(FaultKind::FinerPrices, |fault| fault.symbol = Some(changed.clone()));
    until("the news", || says(&world, &id, &changed, "terms_changed"));
    let is_flat = || {
        let of_symbol =
            |event: &&Value| event["event"] == "position_update" && event["symbol"] == changed.as_str();
        world.events(&id).iter().rfind(of_symbol).is_none_or(|event| event["status"] == "closed")
    };
    until("no position", is_flat);
    let before = (orders(&world, &id, &changed), orders(&world, &id, &other));
    until("orders of the other symbol", || orders(&world, &id, &other) >= before.1 + 6);
    assert_eq!(orders(&world, &id, &changed), before.0, "nothing is begun any more");
    assert!(!says(&world, &id, &other, "halted"));
    assert_eq!(world.service.sessions.get(&id).unwrap().status, SessionState::Running);
    ends_well(&world, &id);

    let mut again = paper(&market.symbols);
    again["idempotent"] = json!(false);
    let next = world.start(&again);
    until("orders by the new terms", || orders(&world, &next, &changed) >= 2);
    assert!(!says(&world, &next, &changed, "halted"), "{:?}", news(&world, &next, &changed));
    ends_well(&world, &next);
}

#[test]
fn a_price_that_does_not_fit_holds_its_symbol_still_until_prices_fit_again() {
    let market = Market::new(2, 400, 12);
    let folder = tempfile::tempdir().unwrap();
    let world = World::open(folder.path(), Some(market.client()));
    world.add_strategy();
    let id = world.start(&paper(&market.symbols));
    let odd = market.symbols[0].clone();
    until("orders", || orders(&world, &id, &odd) >= 4);
    market.fault(FaultKind::OddPrices, |fault| fault.symbol = Some(odd.clone()));
    until("the halt", || says(&world, &id, &odd, "halted"));
    market.fault(FaultKind::PlainPrices, |fault| fault.symbol = Some(odd.clone()));
    until("the end of it", || {
        let kinds = news(&world, &id, &odd);
        let resumed = kinds.iter().rposition(|kind| kind == "resumed");
        resumed.is_some_and(|at| kinds[at..].iter().filter(|kind| *kind == "order").count() >= 2)
    });
    assert!(world.has_event(&id, "feed_gap", "cause", "halt"));
    ends_well(&world, &id);
}

#[test]
fn a_paused_contract_is_not_traded_until_it_is_resumed() {
    let market = Market::new(2, 400, 13);
    let folder = tempfile::tempdir().unwrap();
    let world = World::open(folder.path(), Some(market.client()));
    world.add_strategy();
    let id = world.start(&paper(&market.symbols));
    let [paused, other] = [market.symbols[0].clone(), market.symbols[1].clone()];
    until("orders", || orders(&world, &id, &paused) >= 4);
    market.fault(FaultKind::Paused, |fault| fault.symbol = Some(paused.clone()));
    until("the halt", || says(&world, &id, &paused, "halted"));
    // Events of orders in flight at the pause may still arrive.
    let elsewhere = orders(&world, &id, &other);
    until("orders of the other symbol", || orders(&world, &id, &other) >= elsewhere + 2);
    let before = (orders(&world, &id, &paused), orders(&world, &id, &other));
    until("more of them", || orders(&world, &id, &other) >= before.1 + 6);
    assert_eq!(orders(&world, &id, &paused), before.0);
    world.close();
    let world = World::open(folder.path(), Some(market.client()));
    let halts = || news(&world, &id, &paused).iter().filter(|kind| *kind == "halted").count();
    until("the halt after a restart, which nobody tells of", || halts() == 2);
    market.fault(FaultKind::Resumed, |fault| fault.symbol = Some(paused.clone()));
    until("the resumption", || says(&world, &id, &paused, "resumed"));
    // Orders that try to close a position count too, even those that could not fill.
    let resumed = orders(&world, &id, &paused);
    until("orders again", || orders(&world, &id, &paused) >= resumed + 2);
    ends_well(&world, &id);
}
