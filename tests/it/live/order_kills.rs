//! `kill -9` of the daemon during a session with real money: after each the exchange has what the session has, no order was sent
//! twice, and no fill is lost. Four kills by default; `TRADINGD_ORDER_KILLS=500` for the long run.

use super::orders::{put_key, sent};
use super::{Market, until};
use crate::serve::daemon::Daemon;
use serde_json::{Value, json};
use std::fs;
use tradingd::rehearsal::Scenario;

#[test]
fn a_session_with_real_money_goes_on_after_every_kill() {
    let kills: usize =
        std::env::var("TRADINGD_ORDER_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(4);
    let market = Market::trading(Scenario::default(), 1, 300, 41);
    let folder = tempfile::tempdir().unwrap();
    let mut config = crate::serve::daemon::config();
    config["exchange"] = json!({
        "enabled": true, "rest_url": market.exchange.rest_url(), "ws_url": market.exchange.ws_url(), "reconnect_min_ms": 50,
    });
    config["recording"] = json!({"min_free_mib": 0});
    config["trading"] = json!({
        "risk": {"trades_per_day": null, "consecutive_losses": null},
        "live": {"enabled": true, "symbols": market.symbols, "account_cap": 1e6, "day_cap": 1e8},
    });
    fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    let mut daemon = Daemon::at(folder.path());
    put_key(&folder.path().join("state"));
    let admin = daemon.admin();
    assert_eq!(daemon.ask_as(&admin, "POST", "/api/strategies", Some(&super::STRATEGY)).status, 201);
    let answer =
        daemon.ask_as(&admin, "POST", "/sessions/start", Some(&super::orders::body(&market.symbols)));
    assert_eq!(answer.status, 200, "{}", answer.json());
    let id = answer.data()["data"]["session_id"].as_str().unwrap().to_owned();
    for kill in 0..kills {
        let login = daemon.log_in("admin");
        let session = || daemon.ask_as(&login, "GET", &format!("/sessions/{id}"), None).data();
        let fills = || session()["counters"]["fills"].as_u64().unwrap_or(0);
        let before = fills();
        until("fills", || {
            let now = session();
            assert_eq!(now["status"], "running", "before kill {kill}: {now}");
            fills() > before + 1
        });
        daemon.kill();
        daemon = Daemon::at(folder.path());
    }
    let login = daemon.log_in("admin");
    let stop = json!({"session_id": id});
    until("the end", || {
        let stopped = daemon.ask_as(&login, "POST", "/sessions/stop", Some(&stop));
        matches!(stopped.status, 200 | 409)
    });
    let session: Value = daemon.ask_as(&login, "GET", &format!("/sessions/{id}"), None).data();
    assert_eq!(session["status"], "stopped", "{session}");
    assert_eq!((market.held(), market.stops()), (0, 0), "flat");
    let ids = sent(&market);
    let executed = market.executed();
    for client in &executed {
        let is_ours = ids.contains(client) || client.starts_with("stoporder_");
        assert!(is_ours, "an execution of {client} that nobody sent");
    }
    let told = session["counters"]["fills"].as_u64().unwrap();
    assert_eq!(told, executed.len() as u64, "every execution is one fill");
    let replayed = daemon.ask_as(&login, "GET", &format!("/sessions/{id}/replay"), None).data();
    assert_eq!(replayed["equal"], true, "{replayed}");
    println!("{kills} kills: {} orders, {told} executions, none twice, none lost", ids.len());
}
