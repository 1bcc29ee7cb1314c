//! What a person hears of a session with real money: an event, a line of the log, a metric, and the program
//! of `alerts.exec`.

use super::kills::events;
use super::order_kills::begun;
use super::{Market, until};
use crate::serve::daemon::Daemon;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use tradingd::domain::decimal::Decimal;
use tradingd::domain::order::OrderId;
use tradingd::exchange::mexc::request::account::Margin;
use tradingd::exchange::mexc::request::order::{NewOrder, OrderType};
use tradingd::exchange::mexc::{Effect, WriteOutcome};
use tradingd::rehearsal::{FaultKind, Scenario};
use tradingd::service::market::KeyRing;
use tradingd::session::live::SessionTag;

/// Sends an order anew that the exchange refused, under its client id.
fn send_again(market: &Market, state: &Path, client: &str) {
    let asked: Value = market.exchange.look(|exchange| {
        let of_client = exchange.requests.iter().find(|asked| asked.body.contains(client)).unwrap();
        serde_json::from_str(&of_client.body).unwrap()
    });
    let opens_long = asked["side"] == Effect::OpenLong as u8;
    let order = NewOrder {
        symbol: asked["symbol"].as_str().unwrap().to_owned(),
        effect: if opens_long { Effect::OpenLong } else { Effect::OpenShort },
        kind: OrderType::Market,
        margin: Margin::Isolated,
        quantity: Decimal::parse(asked["vol"].to_string().as_bytes()).unwrap(),
        price: None,
        leverage: asked["leverage"].as_u64().map(|leverage| leverage as u32),
        external: Some(client.to_owned()),
        position: None,
        mode: None,
    };
    let keys = KeyRing::new(state, None);
    keys.refresh().unwrap();
    let account = market.client().account(keys.shared()).unwrap();
    let placed = market.runtime.block_on(account.place(&order));
    assert!(matches!(placed, WriteOutcome::Accepted(_)), "{placed:?}");
}

/// Opens a position of one lot per symbol that no order of the session has asked for. Each is an alert.
fn open_foreign_positions(market: &Market, state: &Path) {
    let keys = KeyRing::new(state, None);
    keys.refresh().unwrap();
    let account = market.client().account(keys.shared()).unwrap();
    for symbol in &market.symbols {
        let order = NewOrder {
            symbol: symbol.clone(),
            effect: Effect::OpenLong,
            kind: OrderType::Market,
            margin: Margin::Isolated,
            quantity: Decimal::parse(b"1").unwrap(),
            price: None,
            leverage: Some(10),
            external: None,
            position: None,
            mode: None,
        };
        let placed = market.runtime.block_on(account.place(&order));
        assert!(matches!(placed, WriteOutcome::Accepted(_)), "{placed:?}");
    }
}

/// What a counter of the daemon shows.
fn counter(daemon: &Daemon, name: &str) -> u64 {
    let page = String::from_utf8(daemon.ask("GET", "/metrics", &[], None).body).unwrap();
    let line = page.lines().find_map(|line| line.strip_prefix(&format!("{name} "))).unwrap();
    line.parse().unwrap()
}

#[test]
fn a_daemon_that_stops_tells_the_alerts_that_wait() {
    let market = Market::trading(Scenario::default(), 7, 300, 44);
    let programs = tempfile::tempdir().unwrap();
    let (told, gate) = (programs.path().join("told"), programs.path().join("gate"));
    let script = format!("until [ -e {} ]; do sleep 0.02; done; cat >> {}", gate.display(), told.display());
    let (folder, mut daemon, _) = begun(&market, json!({"exec": ["sh", "-c", script], "timeout_s": 300}));
    open_foreign_positions(&market, &folder.path().join("state"));
    until("alerts", || counter(&daemon, "tradingd_alerts_total") >= 7);
    daemon.signal("TERM");
    until("the stop", || daemon.log.lock().unwrap().contains("session suspended"));
    fs::write(&gate, "").unwrap();
    assert_eq!(daemon.wait(), Some(0));
    let lines = fs::read_to_string(&told).unwrap();
    let foreign = lines.lines().filter(|line| line.contains("foreign_")).count();
    assert!(foreign >= 7, "{lines}");
    let log = daemon.log.lock().unwrap();
    assert!(log.contains("stopped") && !log.contains("alerts.exec"), "{log}");
}

#[test]
fn a_daemon_that_stops_ends_alert_programs_that_hang_and_logs_what_was_not_told() {
    let market = Market::trading(Scenario::default(), 7, 300, 45);
    let programs = tempfile::tempdir().unwrap();
    let started = programs.path().join("started");
    // A script with a program of its own, which an end of the script alone would leave behind.
    let script = format!("sleep 1000 & echo $! $$ >> {}; wait", started.display());
    let (folder, mut daemon, _) = begun(&market, json!({"exec": ["sh", "-c", script], "timeout_s": 300}));
    open_foreign_positions(&market, &folder.path().join("state"));
    let processes = || -> Vec<String> {
        let text = fs::read_to_string(&started).unwrap_or_default();
        text.split_whitespace().map(str::to_owned).collect()
    };
    until("alerts", || counter(&daemon, "tradingd_alerts_total") >= 7 && processes().len() == 8);
    daemon.signal("TERM");
    assert_eq!(daemon.wait(), Some(0));
    assert_eq!(processes().len(), 8, "four at once, and none after them");
    let lives = |process: &String| {
        let state = Command::new("ps").args(["-o", "stat=", "-p", process]).output().unwrap().stdout;
        !state.is_empty() && !state.starts_with(b"Z")
    };
    until("all to be gone", || !processes().iter().any(lives));
    until("the last line", || daemon.log.lock().unwrap().contains("stopped"));
    let log = daemon.log.lock().unwrap();
    let dropped =
        log.lines().find(|line| line.contains("the daemon stops before the program of alerts.exec"));
    let dropped = dropped.unwrap_or_else(|| panic!("{log}"));
    assert!(dropped.contains("foreign_") && dropped.contains("alerts="), "{dropped}");
    assert_eq!(log.matches("it still ran when the daemon stopped and was ended").count(), 4, "{log}");
}

#[test]
fn an_execution_that_fits_no_order_is_an_event_a_line_a_number_and_told_to_a_program() {
    let market = Market::trading(Scenario::default(), 1, 300, 43);
    let programs = tempfile::tempdir().unwrap();
    let told = programs.path().join("told");
    let script = format!("cat >> {}", told.display());
    let (folder, daemon, id) = begun(&market, json!({"exec": ["sh", "-c", script]}));
    let login = daemon.log_in("admin");
    let events = || events(&daemon, &login, &id);
    until("a trade", || events().iter().any(|event| event["status"] == "closed"));
    // An entry that the exchange refused, and that was taken all the same.
    let refused = || -> Option<u64> {
        let events = events();
        let rejected = events.iter().filter(|event| event["status"] == "rejected");
        let is_entry = |order: &&Value| {
            let submitted = |event: &&Value| event["status"] == "submitted" && event["order_id"] == **order;
            events.iter().find(submitted).is_some_and(|event| event["purpose"] == "entry")
        };
        rejected.map(|event| &event["order_id"]).find(is_entry)?.as_u64()
    };
    let mut faults = 0;
    until("a refused entry", || {
        // One at a time: none is left for what is sent later.
        let rejected = events().iter().filter(|event| event["status"] == "rejected").count();
        if market.held() == 0 && rejected == faults && refused().is_none() {
            faults += 1;
            market.fault(FaultKind::Refused, |fault| {
                (fault.path, fault.count) = (Some("order/create".to_owned()), Some(2_005));
            });
        }
        refused().is_some()
    });
    let client = SessionTag::of(&id).client_id(OrderId(refused().unwrap()));
    send_again(&market, &folder.path().join("state"), &client);
    let unassigned = |event: &Value| event["event"] == "alert" && event["kind"] == "unassigned_fill";
    until("the event", || events().iter().any(unassigned));
    let alert = events().into_iter().find(unassigned).unwrap();
    assert_eq!(alert["symbol"], market.symbols[0].as_str(), "{alert}");
    assert!(alert["reason"].as_str().unwrap().contains("fits no open order"), "{alert}");
    let lines = daemon.log.lock().unwrap().clone();
    let is_line = |line: &&str| line.contains("WARN") && line.contains("an execution fits no order");
    let line = lines.lines().find(is_line).unwrap_or_else(|| panic!("{lines}"));
    assert!(line.contains(&id) && line.contains(&market.symbols[0]), "{line}");
    // Whatever else is an alert: as many are counted and told as are events.
    let told = || -> Vec<Value> {
        let text = fs::read_to_string(&told).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    };
    let of_events = || -> Vec<u64> {
        let events = events();
        let alerts =
            events.iter().filter(|event| event["event"] == "alert" || event["event"] == "venue_alert");
        alerts.filter_map(|event| event["seq"].as_u64()).collect()
    };
    let counted = || -> usize {
        let page = String::from_utf8(daemon.ask("GET", "/metrics", &[], None).body).unwrap();
        let line = page.lines().find_map(|line| line.strip_prefix("tradingd_alerts_total ")).unwrap();
        line.parse().unwrap()
    };
    let pause = daemon.ask_as(&login, "POST", &format!("/sessions/{id}/flatten"), None);
    assert_eq!(pause.status, 200, "{}", pause.json());
    until("every alert to be told", || {
        let mut seqs: Vec<u64> = told().iter().filter_map(|told| told["seq"].as_u64()).collect();
        seqs.sort_unstable();
        seqs == of_events() && counted() == seqs.len()
    });
    let heard = told().into_iter().find(unassigned).unwrap();
    assert_eq!((&heard["session_id"], &heard["session_type"]), (&json!(id), &json!("live")));
    assert_eq!((&heard["seq"], &heard["reason"]), (&alert["seq"], &alert["reason"]));
    let stop = json!({"session_id": id});
    until("the end", || {
        matches!(daemon.ask_as(&login, "POST", "/sessions/stop", Some(&stop)).status, 200 | 409)
    });
    assert_eq!(market.held(), 0, "what it lacked was closed");
    let replayed = daemon.ask_as(&login, "GET", &format!("/sessions/{id}/replay"), None).data();
    assert_eq!(replayed["equal"], true, "{replayed}");
}
