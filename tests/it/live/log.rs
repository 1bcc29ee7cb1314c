//! The event log: a reader that goes on from its cursor, over restarts, sees every event of every session
//! once and in order.

use super::{Market, World, paper, until};
use crate::cli::Cli;
use crate::schema;
use crate::serve::client::Login;
use crate::serve::daemon::Daemon;
use crate::serve::reload::Ear;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tradingd::clock;

/// Reads on from a cursor.
struct Follower {
    after: u64,
    seen: Vec<Value>,
}

impl Follower {
    fn read_on(&mut self, world: &World, limit: usize) {
        loop {
            let part = world.service.events.read(Some(self.after), limit).unwrap();
            assert!(part.events.len() <= limit && part.oldest == 1);
            self.after = part.next_after;
            self.seen.extend(part.events);
            if !part.more {
                return;
            }
        }
    }

    fn of(&self, session: &str) -> Vec<Value> {
        let own = self.seen.iter().filter(|event| event["session_id"] == session);
        own.map(|event| {
            let mut event = event.clone();
            let object = event.as_object_mut().unwrap();
            object.remove("session_id");
            object.remove("position");
            event
        })
        .collect()
    }
}

#[test]
fn a_reader_that_goes_on_from_its_cursor_sees_every_event_once() {
    let market = Market::new(2, 400, 5);
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::open(folder.path(), Some(market.client()));
    world.add_strategy();
    let mut follower = Follower { after: 0, seen: Vec::new() };
    let other = json!({
        "session_type": "collect", "symbols": [market.symbols[1]], "config": {"duration": "continuous"},
    });
    let ids = [world.start(&paper(&market.symbols)), world.start(&other)];
    for trades in [2, 5, 8] {
        until("trades", || {
            follower.read_on(&world, 7);
            world.counters(&ids[0]).trades >= trades
        });
        let mut config = serde_json::to_value(super::config()).unwrap();
        config["trading"]["default_symbols"] = json!([format!("N{trades}_USDT")]);
        world.service.settings.reload(config.to_string().as_bytes(), clock::now());
        world.service.settings.reload(b"{", clock::now());
        follower.read_on(&world, 50);
        world.close();
        world = World::open(folder.path(), Some(market.client()));
    }
    ids.iter().for_each(|id| world.stop(id));
    follower.read_on(&world, 1_000);
    for id in &ids {
        let events = world.events(id);
        assert!(follower.of(id) == events, "{id}: {} of {}", follower.of(id).len(), events.len());
    }
    let positions: Vec<u64> = follower.seen.iter().map(|event| event["position"].as_u64().unwrap()).collect();
    assert!(positions.iter().copied().eq(1..=positions.len() as u64), "positions have no holes");
    let mut daemon: BTreeMap<String, usize> = BTreeMap::new();
    for event in follower.of("daemon") {
        *daemon.entry(event["event"].as_str().unwrap().to_owned()).or_default() += 1;
        assert!(event["timestamp"].is_string(), "{event}");
    }
    assert_eq!(
        daemon,
        BTreeMap::from([("config_rejected".to_owned(), 3), ("config_reloaded".to_owned(), 3)])
    );
}

#[test]
fn a_cursor_that_is_too_old_is_told_where_to_go_on() {
    let market = Market::new(1, 400, 6);
    let folder = tempfile::tempdir().unwrap();
    let world = World::open(folder.path(), Some(market.client()));
    world.add_strategy();
    let id = world.start(&paper(&market.symbols));
    until("trades", || world.counters(&id).trades >= 3);
    world.service.settings.reload(b"{", clock::now());
    let newest = world.service.events.read(None, 1).unwrap().newest;
    let ahead = world.service.events.read(Some(newest + 1_000), 1).unwrap_err();
    assert_eq!(ahead.code, "cursor_expired", "of another store");
    until("further events", || world.service.events.read(None, 1).unwrap().newest > newest);
    assert!(world.service.events.trim(0).unwrap() > 0);
    let refusal = world.service.sessions.events(&id, 0, 10).unwrap_err();
    assert_eq!(refusal.code, "cursor_expired", "the events of one that runs go, too");
    let begin = refusal.details["oldest"].as_u64().unwrap();
    let session = json!(world.service.sessions.get(&id).unwrap());
    let told = market.runtime.block_on(world.service.sessions.with_session_now(refusal, session));
    let snapshot = &told.details["snapshot"];
    schema::openapi().fits_named("SessionReadModel", snapshot);
    assert!(snapshot["now"]["seq"].as_u64().unwrap() >= begin, "{snapshot}");
    assert!(snapshot["now"]["states"]["total_count"].as_u64().unwrap() > 0, "{snapshot}");
    let rest = world.service.sessions.events(&id, begin - 1, 1_000).unwrap();
    assert_eq!(rest.events.first().map(|event| event["seq"].as_u64().unwrap()), Some(begin));
    let refusal = world.service.events.read(Some(0), 10).unwrap_err();
    assert_eq!(refusal.code, "cursor_expired");
    let oldest = refusal.details["oldest"].as_u64().unwrap();
    assert!(oldest > 1);
    let rest = world.service.events.read(Some(oldest - 1), 10).unwrap();
    assert_eq!(rest.events[0]["position"], oldest);
    let first = world.service.events.read(None, 10).unwrap().events.swap_remove(0);
    assert!(first["position"].as_u64().unwrap() >= oldest);
    world.stop(&id);
    assert!(world.service.events.trim(0).unwrap() > 0);
    assert_eq!(world.service.sessions.replay(&id, &|| true).unwrap_err().code, "no_replay");
    world.service.settings.reload(b"{", clock::now());
    let last = world.service.events.read(None, 1_000).unwrap().events.pop().unwrap();
    assert_eq!((&last["event"], &last["seq"]), (&json!("config_rejected"), &json!(2)));
    let refusal = world.service.sessions.events(&id, 0, 10).unwrap_err();
    assert_eq!(refusal.code, "cursor_expired");
    let oldest = refusal.details["oldest"].as_u64().unwrap();
    let rest = world.service.sessions.events(&id, oldest - 1, 1_000).unwrap();
    assert_eq!(rest.events.first().map(|event| event["seq"].as_u64().unwrap()), Some(oldest));
    assert_eq!(rest.events.last().unwrap()["event"], "session_stopped");
}

/// A page that was away, also while the daemon restarted, gets what it missed from the log, each event once
/// and in order.
#[test]
fn a_page_that_comes_back_goes_on_from_the_log() {
    let (market, folder) = (Market::new(2, 300, 9), Cli::new());
    let (mut daemon, login, id) = super::reloads::started(&market, &folder);
    let subscribe = |stream: &str, more: Value| {
        let mut params = if stream == "session" { json!({"session_id": id}) } else { json!({}) };
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"type": "subscribe", "stream": stream, "params": params, "id": "1"})
    };
    let trades = |daemon: &Daemon, login: &Login| {
        let session = daemon.ask_as(login, "GET", &format!("/sessions/{id}"), None).data();
        session["counters"]["trades"].as_u64().unwrap_or(0)
    };
    let ahead = daemon.ask_as(&login, "GET", "/api/events?after=999999999", None);
    assert_eq!((ahead.status, ahead.json()["error_code"].as_str()), (409, Some("cursor_expired")));
    let details = &ahead.json()["details"];
    let session = &details["snapshot"]["sessions"][0];
    assert_eq!((&session["session_id"], &details["oldest"]), (&json!(id), &json!(1)), "{details}");
    let mut left = Vec::new();
    for stream in ["session", "orders"] {
        let (mut ear, _) = Ear::listen(&daemon, &login, &subscribe(stream, json!({})).to_string());
        let mut last = 0;
        let position = loop {
            let update = ear.next();
            last = update["data"]["seq"].as_u64().unwrap_or(last);
            // The first update may be one that is not kept, with the position of events before it listened.
            if let Some(position) = update["position"].as_u64().filter(|_| last > 0) {
                break position;
            }
        };
        left.push((stream, last, position));
    }
    let before = trades(&daemon, &login);
    until("trades", || trades(&daemon, &login) > before + 2);
    daemon.signal("TERM");
    assert_eq!(daemon.wait(), Some(0));
    let daemon = Daemon::at(&folder.at("."));
    let login = daemon.log_in("admin");
    until("trades after the restart", || trades(&daemon, &login) > before + 4);
    for (stream, last, position) in left {
        let all = super::kills::events(&daemon, &login, &id);
        let is_of = |event: &Value| {
            stream == "session" || event["event"] == "fill" || event["event"] == "order_update"
        };
        let missed: Vec<Value> =
            all.into_iter().filter(|event| is_of(event) && event["seq"].as_u64() > Some(last)).collect();
        assert!(!missed.is_empty());
        let mut ear = Ear::connect(&daemon, &login);
        ear.send(&subscribe(stream, json!({"resume_after": position})));
        assert_eq!(ear.next()["data"]["resumed"], true, "{stream}");
        for event in &missed {
            let mut told = loop {
                let update = ear.next();
                // What was told before the page left may be told again, and what is not kept is not in the
                // log.
                if update["data"]["seq"].as_u64().is_some_and(|seq| seq > last) {
                    break update["data"].clone();
                }
            };
            told.as_object_mut().unwrap().remove("session_id");
            assert_eq!(told, *event, "{stream}");
        }
    }
}

/// The bytes of all events are bounded, so those of a session that runs go, too. What is left is what it is
/// compared with.
#[test]
fn a_session_whose_oldest_events_were_removed_goes_on_and_numbers_go_on() {
    let market = Market::new(2, 300, 7);
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::open(folder.path(), Some(market.client()));
    world.add_strategy();
    let id = world.start(&paper(&market.symbols));
    let mut last = 0;
    for round in 1..4 {
        until("trades", || world.counters(&id).trades >= 3 * round);
        if round > 1 {
            assert!(world.service.events.trim(0).unwrap() > 0);
        }
        let refusal = world.service.sessions.events(&id, 0, 1);
        assert_eq!(refusal.is_err(), round > 1, "{refusal:?}");
        world.close();
        world = World::open(folder.path(), Some(market.client()));
        until("the session decides again", || {
            let session = world.service.sessions.get(&id).unwrap();
            assert_eq!(session.error_message, None);
            session.catching_up.is_none()
        });
        until("further events", || {
            let newest = world.service.sessions.events(&id, last, 5_000);
            let newest = newest.unwrap_or_else(|refusal| {
                let oldest = refusal.details["oldest"].as_u64().unwrap();
                world.service.sessions.events(&id, oldest - 1, 5_000).unwrap()
            });
            let more = newest.next_after > last + 20;
            last = if more { newest.next_after } else { last };
            more
        });
    }
    world.stop(&id);
    assert_eq!(world.service.sessions.get(&id).unwrap().error_message, None);
    assert_eq!(world.service.sessions.replay(&id, &|| true).unwrap_err().code, "no_replay");
}

/// The lines of standard error are what a trader has after the fact: when the daemon stopped, what became of
/// each session, and what of the market is missing.
#[test]
fn the_log_says_that_sessions_are_suspended_and_go_on() {
    let market = Market::new(1, 300, 8);
    let folder = tempfile::tempdir().unwrap();
    let mut config = crate::serve::daemon::config();
    config["exchange"] = json!({
        "enabled": true, "rest_url": market.exchange.rest_url(), "ws_url": market.exchange.ws_url(), "reconnect_min_ms": 50,
    });
    config["recording"] = json!({"min_free_mib": 0});
    std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    let mut daemon = Daemon::at(folder.path());
    let admin = daemon.admin();
    let body = json!({"session_type": "collect", "symbols": market.symbols});
    let started = daemon.ask_as(&admin, "POST", "/sessions/start", Some(&body));
    let id = started.data()["data"]["session_id"].as_str().unwrap().to_owned();
    let ticks = |daemon: &Daemon, login| {
        let session = daemon.ask_as(login, "GET", &format!("/sessions/{id}"), None).data();
        session["counters"]["ticks"].as_u64().unwrap_or(0)
    };
    until("rows", || ticks(&daemon, &admin) > 10);
    daemon.signal("TERM");
    assert_eq!(daemon.wait(), Some(0));
    let line = |daemon: &Daemon, message: &str| {
        let log = daemon.log.lock().unwrap();
        log.lines().find(|line| line.contains(message)).map(str::to_owned)
    };
    until("the last line", || line(&daemon, "stopped").is_some());
    assert!(line(&daemon, "stopping").unwrap().contains("SIGTERM"));
    assert!(line(&daemon, "session suspended; the next start continues it").unwrap().contains(&id));
    assert_eq!(line(&daemon, "session goes on"), None);
    let daemon = Daemon::at(folder.path());
    let login = daemon.log_in("admin");
    until("further rows", || ticks(&daemon, &login) > 20);
    let goes_on = line(&daemon, "session goes on").unwrap();
    assert!(
        goes_on.contains(&id) && goes_on.contains("missing_from=") && goes_on.contains("missing_s="),
        "{goes_on}"
    );
}
