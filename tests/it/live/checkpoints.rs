//! A paper session that is killed goes on from a checkpoint as from its whole journal; a checkpoint that is
//! damaged or of another engine is of no use: it is removed, and the log says so.

use super::kills::events;
use super::{Market, paper, until};
use crate::serve::client::Login;
use crate::serve::daemon::Daemon;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use tradingd::service::sessions::make_checkpoint;
use tradingd::store::records::CheckpointV1;
use tradingd::store::{OpenMode, Store};

fn counter(daemon: &Daemon, login: &Login, id: &str, name: &str) -> u64 {
    let session = daemon.ask_as(login, "GET", &format!("/sessions/{id}"), None).data();
    assert!(session["status"] == "running" || session["status"] == "starting", "{session}");
    session["counters"][name].as_u64().unwrap_or(0)
}

/// A daemon that takes up the session, which then decides again; its log up to there, and what the session
/// told.
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

fn stored(folder: &Path) -> Store {
    Store::open(&folder.join("state"), OpenMode::MustExist).unwrap()
}

/// Puts a checkpoint on disk; the one before was removed when it was found to be of no use.
fn put(folder: &Path, checkpoint: &CheckpointV1) {
    let store = stored(folder);
    assert_eq!(store.checkpoint(&checkpoint.session_id).unwrap(), None);
    store.put_checkpoint(checkpoint).unwrap();
}

fn without_its_last_byte(checkpoint: &CheckpointV1) -> CheckpointV1 {
    let mut state = checkpoint.unpack().unwrap();
    state.pop();
    let mut changed = checkpoint.clone();
    changed.pack(&state).unwrap();
    changed
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
    until("rows", || counter(&daemon, &admin, &id, "ticks") > 2_000);
    daemon.kill();

    assert!(make_checkpoint(&stored(folder.path()), &id).unwrap() > 200);

    let (log, first) = killed_after_a_trade(folder.path(), &id);
    assert!(log.contains("the session goes on from a checkpoint"), "{log}");
    let (log, second) = killed_after_a_trade(folder.path(), &id);
    assert!(log.contains("the session goes on from a checkpoint"), "{log}");
    assert_eq!(&second[..first.len()], first.as_slice(), "told before is there as it was told");

    let whole = |log: &str, why: &str| {
        assert!(log.contains("the whole journal is replayed") && log.contains(why), "{log}");
        assert!(!log.contains("goes on from a checkpoint"), "{log}");
    };
    let kept = {
        let store = stored(folder.path());
        let kept = store.checkpoint(&id).unwrap().unwrap();
        for (useless, why) in [
            (CheckpointV1 { engine_version: kept.engine_version + 1, ..kept.clone() }, "of another engine"),
            (without_its_last_byte(&kept), "that does not fit"),
            (CheckpointV1 { seq: 0, events: 0, ..kept.clone() }, "that what followed differs from"),
        ] {
            store.put_checkpoint(&useless).unwrap();
            let rows = make_checkpoint(&store, &id);
            assert!(rows.as_ref().is_ok_and(|rows| *rows >= kept.rows), "behind one {why}: {rows:?}");
            assert!(store.checkpoint(&id).unwrap().unwrap().rows > kept.rows, "made anew");
        }
        store.remove_checkpoint(&id).unwrap();
        kept
    };
    put(folder.path(), &CheckpointV1 { engine_version: kept.engine_version + 1, ..kept.clone() });
    let (log, third) = killed_after_a_trade(folder.path(), &id);
    whole(&log, "it is of engine version");
    assert_eq!(&third[..second.len()], second.as_slice());
    let mut short = kept.clone();
    short.state.truncate(kept.state.len() / 2);
    put(folder.path(), &short);
    whole(&killed_after_a_trade(folder.path(), &id).0, "its state cannot be unpacked");
    put(folder.path(), &without_its_last_byte(&kept));
    whole(&killed_after_a_trade(folder.path(), &id).0, "its state does not fit the session");
    put(folder.path(), &CheckpointV1 { controls: kept.controls + 1, ..kept.clone() });
    whole(&killed_after_a_trade(folder.path(), &id).0, "controls are in it");
    put(folder.path(), &kept);

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
    assert!(stored(folder.path()).checkpoint(&id).unwrap().is_none(), "it goes with the end of its session");
}
