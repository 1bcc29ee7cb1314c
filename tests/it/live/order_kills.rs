//! `kill -9` of the daemon during a session with real money: after each the exchange has what the session
//! has, no order was sent twice, and no fill is lost. Four kills by default; `TRADINGD_ORDER_KILLS=500` for
//! the long run.

use super::orders::{put_key, sent};
use super::{Market, until};
use crate::serve::daemon::Daemon;
use serde_json::{Value, json};
use std::fs;
use std::time::Instant;
use tradingd::rehearsal::Scenario;
use tradingd::service::watchdog::Watchdog;

/// A daemon with a session with real money; the folder of both, the daemon, and the session's id. `alerts`:
/// of its configuration.
pub fn begun(market: &Market, alerts: Value) -> (tempfile::TempDir, Daemon, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut config = crate::serve::daemon::config();
    config["exchange"] = json!({
        "enabled": true, "rest_url": market.exchange.rest_url(), "ws_url": market.exchange.ws_url(), "reconnect_min_ms": 50,
    });
    config["recording"] = json!({"min_free_mib": 0});
    config["alerts"] = alerts;
    config["trading"] = json!({
        "risk": {
            "trades_per_day": null, "consecutive_losses": null, "risk_per_trade_pct": null, "max_position_pct": null,
            "symbol_exposure_pct": null, "margin_utilisation_pct": null, "daily_loss_pct": null, "max_drawdown_pct": null,
        },
        "live": {"enabled": true, "symbols": market.symbols, "account_cap": 1e6, "day_cap": 1e8},
    });
    fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    let daemon = Daemon::at(folder.path());
    put_key(&folder.path().join("state"));
    let admin = daemon.admin();
    assert_eq!(daemon.ask_as(&admin, "POST", "/api/strategies", Some(&super::STRATEGY)).status, 201);
    let body = super::orders::body(&market.symbols);
    let answer = daemon.ask_as(&admin, "POST", "/sessions/start", Some(&body));
    assert_eq!(answer.status, 200, "{}", answer.json());
    let id = answer.data()["data"]["session_id"].as_str().unwrap().to_owned();
    (folder, daemon, id)
}

#[test]
fn a_session_with_real_money_goes_on_after_every_kill() {
    let kills: usize =
        std::env::var("TRADINGD_ORDER_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(4);
    let market = Market::trading(Scenario::default(), 1, 300, 41);
    let (folder, mut daemon, id) = begun(&market, json!({}));
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
    let account = daemon.ask_as(&login, "GET", "/api/exchange/account", None);
    assert_eq!(account.status, 200, "{}", account.json());
    let act = |word: &str| daemon.ask_as(&login, "POST", &format!("/sessions/{id}/{word}"), None).data();
    for word in ["pause", "resume", "cancel"] {
        assert_eq!(act(word)["is_done"], true, "{word}");
    }
    // One answer waits ten seconds; on a busy machine the exchange may need longer.
    let mut flat = json!(null);
    until("flat", || {
        flat = act("flatten");
        flat["is_flat"] == true
    });
    assert_eq!(
        (market.held(), market.stops()),
        (0, 0),
        "flat, as the exchange shows it: {flat}, {}",
        market.account()
    );
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

#[test]
fn a_watchdog_closes_what_a_dead_daemon_held_and_leaves_it_locked() {
    let market = Market::trading(Scenario::default(), 1, 300, 42);
    let (folder, mut daemon, id) = begun(&market, json!({}));
    loop {
        until("a protected position", || market.held() > 0 && market.stops() > 0);
        daemon.kill();
        if market.held() > 0 {
            break;
        }
        daemon = Daemon::at(folder.path());
    }
    let died = Instant::now();
    let state = folder.path().join("state");
    let client = market.client();
    let mut watchdog = Watchdog::new(&state, &client).unwrap();
    let mut closed = Vec::new();
    until("the watchdog", || {
        closed = watchdog.look().closed;
        market.held() == 0
    });
    let seconds = died.elapsed().as_secs_f64();
    assert_eq!((market.held(), market.stops()), (0, 0), "{closed:?}");
    assert!(state.join("live.locked").exists());
    daemon = Daemon::at(folder.path());
    let login = daemon.log_in("admin");
    let orders = sent(&market).len();
    until("the close to be booked", || {
        super::kills::events(&daemon, &login, &id).iter().any(|event| event["kind"] == "closed_by_others")
    });
    let body = super::orders::body(&market.symbols);
    let refused = daemon.ask_as(&login, "POST", "/sessions/start", Some(&body));
    assert_eq!(refused.status, 409, "{}", refused.json());
    assert_eq!(daemon.ask_as(&login, "POST", "/api/control/unlock", None).status, 200);
    let stop = json!({"session_id": id});
    until("the end", || {
        matches!(daemon.ask_as(&login, "POST", "/sessions/stop", Some(&stop)).status, 200 | 409)
    });
    assert_eq!((market.held(), market.stops()), (0, 0));
    let replayed = daemon.ask_as(&login, "GET", &format!("/sessions/{id}/replay"), None).data();
    assert_eq!(replayed["equal"], true, "{replayed}");
    println!(
        "1 kills: flat {seconds:.1} s after the daemon died, {} orders later",
        sent(&market).len() - orders
    );
}
