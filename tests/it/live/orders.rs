//! Sessions with real money, on the rehearsal exchange over real sockets: an entry, its stop at the exchange,
//! an exit, a flat end, and a journal that replays equal.

use super::{Market, World, until};
use crate::session_now::ask as ask_session;
use serde_json::{Value, json};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tradingd::clock;
use tradingd::config::Config;
use tradingd::exchange::ExchangeError;
use tradingd::exchange::mexc::{Mexc, Settings};
use tradingd::rehearsal::{FaultKind, Scenario};
use tradingd::service::market::{KeyRing, LiveLease};
use tradingd::service::sessions::{Question, SessionState};
use tradingd::service::settings::Outcome;
use tradingd::service::watchdog::Watchdog;

/// A market with an account, and fills that come soon.
fn market(seed: u64) -> Market {
    Market::trading(Scenario::default(), 1, 300, seed)
}

pub fn put_key(state: &Path) {
    let path = state.join("mexc.key");
    fs::write(&path, format!("{}\n{}\n", super::KEY, super::SECRET)).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
}

fn config(symbols: &[String]) -> Config {
    let mut config = super::config();
    // The client of these tests is given to the service; the start looks at the addresses only.
    config.exchange.rest_url = "http://127.0.0.1:1".to_owned();
    config.exchange.ws_url = "ws://127.0.0.1:1".to_owned();
    config.trading.live.enabled = true;
    config.trading.live.symbols = symbols.to_vec();
    config.trading.live.account_cap = Some(1_000_000.0);
    config.trading.live.day_cap = Some(100_000_000.0);
    let risk = &mut config.trading.risk;
    (risk.trades_per_day, risk.consecutive_losses) = (None, None);
    // One contract of the made-up market costs a good part of the money.
    (risk.risk_per_trade_pct, risk.max_position_pct) = (None, None);
    (risk.symbol_exposure_pct, risk.margin_utilisation_pct) = (None, None);
    (risk.daily_loss_pct, risk.max_drawdown_pct) = (None, None);
    config
}

pub fn body(symbols: &[String]) -> Value {
    json!({
        "session_type": "live",
        "symbols": symbols,
        "strategy_config": {"strategies": ["restless"]},
        "config": {
            "initial_balance": 9_000, "stop_loss_percent": 5.0, "budget": {"global_cap": 9_000, "allocations": {}},
            "session_name": "first", "confirm_live": "first",
        },
    })
}

/// A daemon that may trade with real money.
fn open(state: &Path, market: &Market) -> World {
    World::with(state, Some(market.client()), config(&market.symbols))
}

fn begin(world: &World, market: &Market) -> String {
    world.add_strategy();
    let started =
        world.service.sessions.start(&body(&market.symbols), "ann", &config(&market.symbols), clock::now());
    started.unwrap().session_id
}

/// Every order that the exchange was sent, by client id.
pub fn sent(market: &Market) -> Vec<String> {
    market.exchange.look(|exchange| {
        let orders = exchange.requests.iter().filter(|asked| asked.target.ends_with("/private/order/create"));
        let id = |body: &str| {
            let body: Value = serde_json::from_str(body).ok()?;
            body["externalOid"].as_str().map(str::to_owned)
        };
        orders.filter_map(|asked| id(&asked.body)).collect()
    })
}

#[test]
fn a_session_enters_is_protected_exits_and_ends_flat() {
    let market = market(31);
    let folder = tempfile::tempdir().unwrap();
    put_key(folder.path());
    let world = open(folder.path(), &market);
    let id = begin(&world, &market);
    until("a stop at the exchange", || market.stops() > 0);
    until("a position with its margin, as the exchange has it", || {
        let positions = ask(&world, &market, &id, Question::Positions);
        let there = positions["at_exchange"].as_array();
        there.into_iter().flatten().any(|held| {
            ["quantity", "entry_price", "margin"].iter().all(|name| held[*name].as_f64() > Some(0.0))
        })
    });
    until("three trades", || world.counters(&id).trades >= 3);
    world.stop(&id);
    assert_eq!(world.service.sessions.get(&id).unwrap().status, SessionState::Stopped);
    assert_eq!(market.held(), 0, "verified flat");
    assert_eq!(market.stops(), 0, "no stop is left");
    let ids = sent(&market);
    let mut once = ids.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), ids.len(), "no order was sent twice");
    let counters = world.counters(&id);
    assert_eq!(counters.orders as usize, ids.len(), "every order is one that the engine decided");
    assert!(world.has_event(&id, "order_update", "status", "accepted"), "the exchange's answer is an event");
    let replayed = world.service.sessions.replay(&id, &|| true).unwrap();
    assert!(replayed.equal && replayed.events_equal > 10, "{replayed:?}");
    assert_eq!(replayed.digest_recorded.as_ref(), Some(&replayed.digest_replayed));
}

#[test]
fn everything_that_is_missing_is_said_in_one_answer() {
    let market = market(32);
    let folder = tempfile::tempdir().unwrap();
    let world = open(folder.path(), &market);
    world.add_strategy();
    let mut body = body(&market.symbols);
    body["config"]["confirm_live"] = json!("second");
    let refusal = world.service.sessions.start(&body, "ann", &super::config(), clock::now()).unwrap_err();
    assert_eq!(refusal.code, "live_not_confirmed");
    let paths: Vec<&str> = refusal.details["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["path"].as_str().unwrap())
        .collect();
    for place in ["rest_url", "enabled", "symbols", "account_cap", "day_cap", "confirm_live"] {
        assert!(paths.iter().any(|path| path.ends_with(place)), "{place}: {paths:?}");
    }
    let start = |body: &Value| {
        world.service.sessions.start(body, "ann", &config(&market.symbols), clock::now()).unwrap_err()
    };
    body["config"]["confirm_live"] = json!("first");
    assert_eq!(start(&body).code, "exchange_unavailable", "there is no key");
    put_key(folder.path());
    body["config"].as_object_mut().unwrap().remove("stop_loss_percent");
    assert!(start(&body).message.contains("stop loss"));
    assert_eq!(sent(&market), Vec::<String>::new());
}

#[test]
fn a_symbol_belongs_to_one_session() {
    let market = market(33);
    let folder = tempfile::tempdir().unwrap();
    put_key(folder.path());
    let world = open(folder.path(), &market);
    let id = begin(&world, &market);
    let mut other = body(&market.symbols);
    other["config"]["session_name"] = json!("other");
    other["config"]["confirm_live"] = json!("other");
    other["config"]["replace_existing"] = json!(true);
    let config = config(&market.symbols);
    let refusal = world.service.sessions.start(&other, "ann", &config, clock::now()).unwrap_err();
    assert_eq!(
        (refusal.code, &refusal.details["conflict"]["kind"]),
        ("session_conflict", &json!("live_symbol"))
    );
    world.stop(&id);
}

#[test]
fn answers_that_get_lost_cost_no_order_and_no_fill() {
    let market = market(34);
    let folder = tempfile::tempdir().unwrap();
    put_key(folder.path());
    let world = open(folder.path(), &market);
    let id = begin(&world, &market);
    until("a trade", || world.counters(&id).trades >= 1);
    for kind in
        [FaultKind::ResetAfter, FaultKind::ResetBefore, FaultKind::PushesTwice, FaultKind::PushesReordered]
    {
        let before = world.counters(&id).trades;
        market.fault(kind, |fault| {
            if matches!(kind, FaultKind::ResetAfter | FaultKind::ResetBefore) {
                fault.path = Some("order/create".to_owned());
            } else {
                fault.for_ms = Some(2_000);
            }
        });
        until("another trade", || world.counters(&id).trades > before);
    }
    world.stop(&id);
    assert_eq!((market.held(), market.stops()), (0, 0));
    let replayed = world.service.sessions.replay(&id, &|| true).unwrap();
    assert!(replayed.equal, "{replayed:?}");
}

#[test]
fn a_restart_goes_on_with_what_the_exchange_has() {
    let market = market(35);
    let folder = tempfile::tempdir().unwrap();
    put_key(folder.path());
    let mut world = open(folder.path(), &market);
    let id = begin(&world, &market);
    until("a stop at the exchange", || market.stops() > 0);
    let before = world.counters(&id).trades;
    world.close();
    world = open(folder.path(), &market);
    until("trades after the restart", || world.counters(&id).trades > before + 1);
    world.stop(&id);
    assert_eq!((market.held(), market.stops()), (0, 0));
    let replayed = world.service.sessions.replay(&id, &|| true).unwrap();
    assert!(replayed.equal, "{replayed:?}");
}

#[test]
fn what_somebody_closes_in_the_app_is_booked() {
    let market = market(36);
    let folder = tempfile::tempdir().unwrap();
    put_key(folder.path());
    let world = open(folder.path(), &market);
    let id = begin(&world, &market);
    until("a stop at the exchange", || market.stops() > 0);
    until("a close by hand", || {
        if market.held() > 0 {
            market.fault(FaultKind::WebClose, |_| {});
        }
        world.has_event(&id, "venue_alert", "kind", "closed_by_others")
    });
    world.stop(&id);
    assert_eq!(market.held(), 0);
    let replayed = world.service.sessions.replay(&id, &|| true).unwrap();
    assert!(replayed.equal, "{replayed:?}");
}

/// An answer about a running session.
fn ask(world: &World, market: &Market, id: &str, question: Question) -> Value {
    market.runtime.block_on(ask_session(&world.service.sessions, id, &question)).unwrap()
}

#[test]
fn a_lock_by_file_closes_withdraws_and_leaves_the_session_paused() {
    let market = market(37);
    let folder = tempfile::tempdir().unwrap();
    put_key(folder.path());
    let world = open(folder.path(), &market);
    let id = begin(&world, &market);
    until("a stop at the exchange", || market.stops() > 0);
    fs::write(folder.path().join("live.locked"), "").unwrap();
    until("a locked session without a position", || {
        world.has_event(&id, "venue_alert", "kind", "locked") && (market.held(), market.stops()) == (0, 0)
    });
    fs::remove_file(folder.path().join("live.locked")).unwrap();
    until("entries to be paused by a command", || {
        ask(&world, &market, &id, Question::Account)["entries"]["status"] == "paused"
    });
    world.stop(&id);
    let replayed = world.service.sessions.replay(&id, &|| true).unwrap();
    assert!(replayed.equal, "{replayed:?}");
}

/// How many orders that open a position the exchange was sent.
fn openings(market: &Market) -> usize {
    market.exchange.look(|exchange| {
        let orders = exchange.requests.iter().filter(|asked| asked.target.ends_with("/private/order/create"));
        let bodies = orders.filter_map(|asked| serde_json::from_str::<Value>(&asked.body).ok());
        bodies.filter(|body| matches!(body["side"].as_u64(), Some(1 | 3))).count()
    })
}

#[test]
fn live_trading_that_is_switched_off_ends_entries_at_once_and_no_exits() {
    let market = market(44);
    let folder = tempfile::tempdir().unwrap();
    put_key(folder.path());
    let world = open(folder.path(), &market);
    let id = begin(&world, &market);
    let mut trades = 0;
    until("a protected position", || {
        trades = world.counters(&id).trades;
        market.held() > 0 && market.stops() > 0
    });
    let mut off = config(&market.symbols);
    off.trading.live.enabled = false;
    let reloaded = world.service.settings.reload(&serde_json::to_vec(&off).unwrap(), clock::now());
    assert!(matches!(reloaded, Outcome::Reloaded { .. }), "{reloaded:?}");
    let tightened = |event: &Value| event["event"] == "limits_tightened";
    until("the tighter limits", || world.events(&id).iter().any(tightened));
    until("the exit of what was open", || market.held() == 0 && world.counters(&id).trades > trades);
    let (sent, ticks) = (openings(&market), world.counters(&id).ticks);
    until("enough of the market for several entries", || world.counters(&id).ticks > ticks + 1_000);
    assert_eq!((openings(&market), market.held(), market.stops()), (sent, 0, 0), "nothing is begun any more");
    let events = world.events(&id);
    let told = events.iter().find(|event| tightened(event)).unwrap();
    assert_eq!(told["real_money"]["symbols"], json!([]), "{told}");
    world.stop(&id);
    let replayed = world.service.sessions.replay(&id, &|| true).unwrap();
    assert!(replayed.equal, "the switch is an input of its journal: {replayed:?}");
}

#[test]
fn a_watchdog_calls_nothing_flat_whose_orders_it_cannot_read() {
    let market = market(38);
    let folder = tempfile::tempdir().unwrap();
    put_key(folder.path());
    let lease = LiveLease {
        session_id: "exec_1".to_owned(),
        symbols: market.symbols.clone(),
        client_prefix: "td0".to_owned(),
        heartbeat_ms: 0,
        expected_back_until_ms: None,
    };
    lease.write(folder.path()).unwrap();
    // One that cannot be read hides no other.
    fs::write(folder.path().join("live.lease.exec_0"), "{").unwrap();
    let failures = 7;
    market.fault(FaultKind::Internal, |fault| {
        fault.path = Some("order/list/open_orders".to_owned());
        fault.times = Some(failures);
    });
    let looked = Watchdog::new(folder.path(), &market.client()).unwrap().look_once(clock::now());
    assert!(looked.closed.is_empty() && looked.unreadable.len() == 1, "{looked:?}");
    let asked = market.exchange.look(|exchange| {
        exchange.requests.iter().filter(|asked| asked.target.contains("order/list/open_orders")).count()
    });
    assert!(asked > failures as usize, "{asked}: flat only when the orders were read");
    assert!(!folder.path().join("live.lease.exec_1").exists() && folder.path().join("live.locked").exists());
}

#[test]
fn a_watchdog_without_a_key_locks_all_the_same() {
    let market = market(39);
    let folder = tempfile::tempdir().unwrap();
    let lease = LiveLease {
        session_id: "exec_1".to_owned(),
        symbols: market.symbols.clone(),
        client_prefix: "td0".to_owned(),
        heartbeat_ms: 0,
        expected_back_until_ms: None,
    };
    lease.write(folder.path()).unwrap();
    let looked = Watchdog::new(folder.path(), &market.client()).unwrap().look_once(clock::now());
    assert!(looked.unreadable[0].contains("no API key"), "{looked:?}");
    assert!(folder.path().join("live.locked").exists());
    assert!(folder.path().join("live.lease.exec_1").exists(), "somebody still has to look");
}

#[test]
fn a_position_that_is_closed_while_the_daemon_is_away_is_booked() {
    let market = market(40);
    let folder = tempfile::tempdir().unwrap();
    put_key(folder.path());
    let mut world = open(folder.path(), &market);
    let id = begin(&world, &market);
    loop {
        until("a stop at the exchange", || market.stops() > 0);
        world.close();
        if market.held() > 0 {
            break;
        }
        world = open(folder.path(), &market);
    }
    market.fault(FaultKind::WebClose, |_| {});
    until("the close in the app", || market.held() == 0);
    world = open(folder.path(), &market);
    until("it to be booked", || world.has_event(&id, "venue_alert", "kind", "closed_by_others"));
    world.stop(&id);
    assert_eq!((market.held(), market.stops()), (0, 0));
    let replayed = world.service.sessions.replay(&id, &|| true).unwrap();
    assert!(replayed.equal, "{replayed:?}");
}

#[tokio::test]
async fn orders_go_to_no_exchange_of_another_host() {
    let other = Settings { rest_url: "https://api.mexc.com".to_owned(), ..Settings::default() };
    let client = Mexc::new(other, tokio::runtime::Handle::current()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    put_key(folder.path());
    assert!(matches!(Watchdog::new(folder.path(), &client), Err(ExchangeError::Settings(_))));
    let keys = KeyRing::new(folder.path(), None);
    assert!(matches!(client.account(keys.shared()), Err(ExchangeError::Settings(_))));
}
