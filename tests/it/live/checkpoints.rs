//! A paper session that is killed goes on from a checkpoint as from its whole journal; a checkpoint that is damaged or of another
//! engine is of no use, and the log says so.

use super::kills::events;
use super::{Market, World, paper, until};
use crate::serve::client::Login;
use crate::serve::daemon::Daemon;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use tradingd::store::records::CheckpointV1;
use tradingd::store::{OpenMode, Store};

fn counter(daemon: &Daemon, login: &Login, id: &str, name: &str) -> u64 {
    let session = daemon.ask_as(login, "GET", &format!("/sessions/{id}"), None).data();
    assert!(session["status"] == "running" || session["status"] == "starting", "{session}");
    session["counters"][name].as_u64().unwrap_or(0)
}

/// A daemon that takes up the session, which then decides again; its log up to there, and what the session told.
fn killed_after_a_trade(folder: &Path, id: &str) -> (String, Vec<Value>) {
    let mut daemon = Daemon::at(folder);
    let login = daemon.log_in("admin");
    until("the session", || {
        daemon.ask_as(&login, "GET", &format!("/sessions/{id}"), None).data()["catching_up"].is_null()
    });
    let before = counter(&daemon, &login, id, "trades");
    until("trades", || counter(&daemon, &login, id, "trades") > before + 2);
    let told = events(&daemon, &login, id);
    let log = daemon.log.lock().unwrap().clone();
    daemon.kill();
    (log, told)
}

/// Changes the checkpoint on disk.
fn change(folder: &Path, id: &str, change: impl FnOnce(&mut CheckpointV1)) {
    let store = Store::open(&folder.join("state"), OpenMode::MustExist).unwrap();
    let mut checkpoint = store.checkpoint(id).unwrap().expect("one was made");
    change(&mut checkpoint);
    store.put_checkpoint(&checkpoint).unwrap();
}

#[test]
fn a_killed_session_goes_on_from_a_checkpoint_or_else_from_its_whole_journal() {
    let market = Market::new(2, 300, 41);
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
    let answer = daemon.ask_as(&admin, "POST", "/sessions/start", Some(&paper(&market.symbols)));
    let id = answer.data()["data"]["session_id"].as_str().unwrap().to_owned();
    until("trades", || counter(&daemon, &admin, &id, "trades") > 4);
    daemon.kill();

    let world = World::open(&folder.path().join("state"), Some(market.client()));
    until("a checkpoint", || world.service.sessions.make_checkpoint(&id).is_ok_and(|rows| rows > 200));
    world.close();

    let (log, first) = killed_after_a_trade(folder.path(), &id);
    assert!(log.contains("the session goes on from a checkpoint"), "{log}");
    let (log, second) = killed_after_a_trade(folder.path(), &id);
    assert!(log.contains("the session goes on from a checkpoint"), "{log}");
    assert_eq!(&second[..first.len()], first.as_slice(), "told before is there as it was told");

    let whole = |log: &str, why: &str| {
        assert!(log.contains("the whole journal is replayed") && log.contains(why), "{log}");
        assert!(!log.contains("goes on from a checkpoint"), "{log}");
    };
    let mut kept = CheckpointV1::default();
    change(folder.path(), &id, |checkpoint| {
        kept = checkpoint.clone();
        checkpoint.engine_version += 1;
    });
    let (log, third) = killed_after_a_trade(folder.path(), &id);
    whole(&log, "it is of engine version");
    assert_eq!(&third[..second.len()], second.as_slice());
    change(folder.path(), &id, |checkpoint| {
        *checkpoint = kept.clone();
        let last = checkpoint.state.len() / 2;
        checkpoint.state.truncate(last);
    });
    whole(&killed_after_a_trade(folder.path(), &id).0, "its state cannot be unpacked");
    change(folder.path(), &id, |checkpoint| {
        let mut state = kept.unpack().unwrap();
        state.pop();
        *checkpoint = kept.clone();
        checkpoint.pack(&state).unwrap();
    });
    whole(&killed_after_a_trade(folder.path(), &id).0, "its state does not fit the session");
    change(folder.path(), &id, |checkpoint| {
        *checkpoint = kept.clone();
        checkpoint.controls += 1;
    });
    whole(&killed_after_a_trade(folder.path(), &id).0, "controls are in it");
    change(folder.path(), &id, |checkpoint| *checkpoint = kept.clone());

    let mut daemon = Daemon::at(folder.path());
    let login = daemon.log_in("admin");
    let stopped = daemon.ask_as(&login, "POST", "/sessions/stop", Some(&json!({"session_id": id})));
    assert_eq!(stopped.status, 200, "{}", stopped.json());
    let all = events(&daemon, &login, &id);
    assert_eq!(&all[..third.len()], third.as_slice());
    let submitted = all.iter().filter(|event| event["status"] == "submitted").map(|event| &event["order_id"]);
    let submitted: Vec<String> = submitted.map(Value::to_string).collect();
    let unique: BTreeSet<&String> = submitted.iter().collect();
    assert_eq!(unique.len(), submitted.len(), "an order stands there twice");
    let replayed = daemon.ask_as(&login, "GET", &format!("/sessions/{id}/replay"), None).data();
    assert_eq!(replayed["equal"], true, "{replayed}");
    assert_eq!(replayed["digest_recorded"], replayed["digest_replayed"], "{replayed}");
    daemon.kill();
    let store = Store::open(&folder.path().join("state"), OpenMode::MustExist).unwrap();
    assert!(store.checkpoint(&id).unwrap().is_none(), "it goes with the end of its session");
}
