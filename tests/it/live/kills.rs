//! `kill -9` during a recording and a paper session: both resume, nothing acknowledged is lost, no event
//! occurs twice. Six kills by default; `TRADINGD_LIVE_KILLS=200` for the long run.

use super::{Market, until};
use crate::serve::daemon::Daemon;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;

#[test]
fn sessions_go_on_after_every_kill() {
    let kills: usize =
        std::env::var("TRADINGD_LIVE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(6);
    let market = Market::new(2, 300, 7);
    let folder = tempfile::tempdir().unwrap();
    let mut config = crate::serve::daemon::config();
    config["exchange"] = json!({
        "enabled": true, "rest_url": market.exchange.rest_url(), "ws_url": market.exchange.ws_url(), "reconnect_min_ms": 50,
    });
    config["recording"] = json!({"min_free_mib": 0});
    fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    let mut daemon = Daemon::at(folder.path());
    let admin = daemon.admin();
    assert_eq!(daemon.ask_as(&admin, "POST", "/api/strategies", Some(&super::STRATEGY)).status, 201);
    let start = |body: &Value| {
        let answer = daemon.ask_as(&admin, "POST", "/sessions/start", Some(body));
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.data()["data"]["session_id"].as_str().unwrap().to_owned()
    };
    let paper = start(&super::paper(&market.symbols));
    let collect = start(&json!({"session_type": "collect", "symbols": market.symbols}));
    let mut acknowledged: Vec<Value> = Vec::new();
    let mut rows = 0;
    for kill in 0..kills {
        let login = daemon.log_in("admin");
        let counter = |id: &str, name: &str| {
            let session = daemon.ask_as(&login, "GET", &format!("/sessions/{id}"), None).data();
            assert_eq!(session["status"], "running", "before kill {kill}: {session}");
            session["counters"][name].as_u64().unwrap_or(0)
        };
        let (orders, ticks) = (counter(&paper, "orders"), counter(&collect, "ticks"));
        until("orders and rows", || {
            counter(&paper, "orders") > orders && counter(&collect, "ticks") > ticks + 50
        });
        let events = events(&daemon, &login, &paper);
        assert_eq!(
            &events[..acknowledged.len()],
            acknowledged.as_slice(),
            "before kill {kill}: told before is there as it was told"
        );
        acknowledged = events;
        let recorded = daemon.ask_as(&login, "GET", &format!("/api/data-collection/{collect}"), None).data();
        let count = recorded["records_collected"].as_u64().unwrap();
        assert!(count >= rows, "before kill {kill}: {count} rows, and there were {rows}");
        rows = count;
        daemon.kill();
        daemon = Daemon::at(folder.path());
    }
    let login = daemon.log_in("admin");
    for id in [&paper, &collect] {
        let stopped = daemon.ask_as(&login, "POST", "/sessions/stop", Some(&json!({"session_id": id})));
        assert_eq!(stopped.status, 200, "{}", stopped.json());
    }
    let events = events(&daemon, &login, &paper);
    assert_eq!(&events[..acknowledged.len()], acknowledged.as_slice());
    let submitted: Vec<String> = of(&events, "order_update", "submitted");
    let unique: BTreeSet<&String> = submitted.iter().collect();
    assert_eq!(unique.len(), submitted.len(), "an order stands there twice");
    let restarts =
        events.iter().filter(|event| event["event"] == "feed_gap" && event["cause"] == "restart").count();
    assert!(restarts >= kills, "{restarts} gaps for {kills} kills");
    let replayed = daemon.ask_as(&login, "GET", &format!("/sessions/{paper}/replay"), None);
    assert_eq!(replayed.data()["equal"], true, "{}", replayed.json());
    let detail = daemon.ask_as(&login, "GET", &format!("/api/data-collection/{collect}"), None).data();
    let causes = detail["gap_list"].to_string();
    assert!(causes.contains("restart"), "{detail}");
}

fn of(events: &[Value], name: &str, status: &str) -> Vec<String> {
    let wanted = events.iter().filter(|event| event["event"] == name && event["status"] == status);
    wanted.map(|event| event["order_id"].to_string()).collect()
}

pub fn events(daemon: &Daemon, login: &crate::serve::client::Login, id: &str) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let part = daemon
            .ask_as(login, "GET", &format!("/sessions/{id}/events?after={after}&limit=1000"), None)
            .data();
        all.extend(part["events"].as_array().unwrap().iter().cloned());
        after = part["next_after"].as_u64().unwrap();
        if part["more"] != true {
            return all;
        }
    }
}
