//! The configuration changes while sessions run: what it no longer allows acts at once, as an input in their
//! journals; what it allows in addition is for the next session.

use super::kills::events;
use super::{Market, World, until};
use crate::serve::daemon::Daemon;
use serde_json::{Value, json};
use std::fs;
use tradingd::config::Config;

/// Limits that let the strategy trade as often as it likes.
fn unlimited() -> Value {
    json!({
        "trades_per_day": null, "consecutive_losses": null, "risk_per_trade_pct": null, "max_position_pct": null,
        "symbol_exposure_pct": null, "margin_utilisation_pct": null, "daily_loss_pct": null, "max_drawdown_pct": null,
    })
}

/// A paper session with the limits of the configuration.
fn paper(symbols: &[String]) -> Value {
    let mut body = super::paper(symbols);
    body["config"]["risk"] = json!("default");
    body
}

fn is_entry(event: &&Value) -> bool {
    event["event"] == "order_update" && event["status"] == "submitted" && event["purpose"] == "entry"
}

/// Entries behind the first event of a name whose field holds a value.
fn entries_behind(events: &[Value], name: &str, is_it: impl Fn(&Value) -> bool) -> usize {
    let at = events.iter().position(|event| event["event"] == name && is_it(event)).expect(name);
    events[at..].iter().filter(is_entry).count()
}

#[test]
fn a_daemon_tightens_running_sessions_with_its_file_and_loosens_only_the_next() {
    let market = Market::new(2, 300, 11);
    let folder = tempfile::tempdir().unwrap();
    let mut config = crate::serve::daemon::config();
    config["exchange"] = json!({
        "enabled": true, "rest_url": market.exchange.rest_url(), "ws_url": market.exchange.ws_url(), "reconnect_min_ms": 50,
    });
    config["recording"] = json!({"min_free_mib": 0});
    config["trading"] = json!({"risk": unlimited()});
    let write = |config: &Value| fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    write(&config);
    let mut daemon = Daemon::at(folder.path());
    let admin = daemon.admin();
    assert_eq!(daemon.ask_as(&admin, "POST", "/api/strategies", Some(&super::STRATEGY)).status, 201);
    let started = daemon.ask_as(&admin, "POST", "/sessions/start", Some(&paper(&market.symbols)));
    assert_eq!(started.status, 200, "{}", started.json());
    let id = started.data()["data"]["session_id"].as_str().unwrap().to_owned();
    until("entries", || events(&daemon, &admin, &id).iter().filter(is_entry).count() >= 3);
    // Fewer entries a day than there were already, and a symbol off.
    config["trading"]["risk"]["trades_per_day"] = json!(1);
    config["trading"]["disabled_symbols"] = json!([market.symbols[0], "OTHER_USDT"]);
    write(&config);
    until("the tighter limits", || {
        events(&daemon, &admin, &id).iter().any(|event| event["event"] == "limits_tightened")
    });
    let told = events(&daemon, &admin, &id);
    let tightened = told.iter().find(|event| event["event"] == "limits_tightened").unwrap();
    assert_eq!(tightened["changes"], json!([{"limit": "trades_per_day", "from": null, "to": 1.0}]));
    assert_eq!(tightened["disabled_symbols"], json!([market.symbols[0]]), "only its own symbols");
    let by_limit = |event: &Value| event["event"] == "signal" && event["guard"] == "max_daily_trades";
    until("a refused entry", || events(&daemon, &admin, &id).iter().any(by_limit));
    let refused = events(&daemon, &admin, &id).into_iter().find(by_limit).unwrap();
    assert!(refused["reason"].as_str().unwrap().contains("of 1 entries of the day were used"), "{refused}");
    // Looser again, and a restart: neither loosens the session.
    config["trading"] = json!({"risk": unlimited()});
    write(&config);
    until("the looser file", || {
        let changes = daemon.ask_as(&admin, "GET", "/api/config/status", None).data()["changes"].to_string();
        changes.contains("next_session")
    });
    daemon.kill();
    daemon = Daemon::at(folder.path());
    let login = daemon.log_in("admin");
    let before = events(&daemon, &login, &id).len();
    until("refusals behind the restart", || events(&daemon, &login, &id).iter().skip(before).any(by_limit));
    let stop = daemon.ask_as(&login, "POST", "/sessions/stop", Some(&json!({"session_id": id})));
    assert_eq!(stop.status, 200, "{}", stop.json());
    let told = events(&daemon, &login, &id);
    assert_eq!(entries_behind(&told, "limits_tightened", |_| true), 0);
    let replayed = daemon.ask_as(&login, "GET", &format!("/sessions/{id}/replay"), None).data();
    assert_eq!(replayed["equal"], true, "{replayed}");
    let result = daemon.ask_as(&login, "GET", &format!("/results/session/{id}"), None).data();
    let warnings = result["assumptions"]["warnings"].to_string();
    assert!(warnings.contains("trades_per_day was 1.0 instead of off"), "{warnings}");
    // The next session is allowed what the file allows now.
    let next = daemon.ask_as(&login, "POST", "/sessions/start", Some(&paper(&market.symbols)));
    let next = next.data()["data"]["session_id"].as_str().unwrap().to_owned();
    until("entries of the next", || events(&daemon, &login, &next).iter().filter(is_entry).count() >= 3);
}

#[test]
fn fees_of_the_configuration_are_paid_and_a_result_says_that_they_are() {
    let market = Market::new(1, 300, 14);
    let folder = tempfile::tempdir().unwrap();
    let mut config = super::config();
    (config.exchange.fees.maker_pct, config.exchange.fees.taker_pct) = (0.011, 0.022);
    let world = World::with(folder.path(), Some(market.client()), config);
    world.add_strategy();
    let result = |body: &Value| {
        let id = world.start(body);
        until("a trade", || world.counters(&id).trades >= 1);
        world.stop(&id);
        world.service.results.of_session(&id).unwrap()
    };
    let configured = result(&super::paper(&market.symbols));
    assert_eq!(
        configured["assumptions"]["fees"][&market.symbols[0]],
        json!({"maker_pct": 0.011, "taker_pct": 0.022, "source": "configured"})
    );
    assert_eq!(configured["settings"].get("fees_pct"), None);
    let mut body = super::paper(&market.symbols);
    body["config"]["fees"] = json!({"maker": 0.01, "taker": 0.05});
    let given = result(&body);
    assert_eq!(
        given["assumptions"]["fees"][&market.symbols[0]],
        json!({"maker_pct": 0.01, "taker_pct": 0.05, "source": "given"})
    );
    assert_eq!(given["settings"]["fees_pct"], "0.01,0.05");
}

#[test]
fn a_session_that_was_started_without_limits_gets_none() {
    let market = Market::new(1, 300, 12);
    let folder = tempfile::tempdir().unwrap();
    let world = World::open(folder.path(), Some(market.client()));
    world.add_strategy();
    let id = world.start(&super::paper(&market.symbols));
    until("entries", || world.counters(&id).trades >= 2);
    let mut config: Config = super::config();
    config.trading.risk.trades_per_day = Some(1);
    world.service.sessions.apply_config(&config);
    let before = world.counters(&id).trades;
    until("more entries", || world.counters(&id).trades > before + 2);
    assert!(!world.events(&id).iter().any(|event| event["event"] == "limits_tightened"));
    world.stop(&id);
}
