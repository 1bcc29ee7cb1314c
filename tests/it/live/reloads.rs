//! A page that is reloaded at random moments of a paper session sees, field by field, what one sees that
//! stays: events, account, positions and orders. 50 reloads by default; `TRADINGD_RELOADS=1000` for the long
//! run, `TRADINGD_RELOADS_SEED` for other moments.

use super::{Market, until};
use crate::cli::Cli;
use crate::serve::client::Login;
use crate::serve::daemon::Daemon;
use crate::serve::reload::Ear;
use crate::session_now::Folded;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use tradingd::domain::rng::Rng;

const PARTS: [&str; 3] = ["account", "positions", "orders"];
const BALANCE: f64 = 1_000_000.0;
/// Events before the moment of its reload that a page shows.
const SHOWN: u64 = 200;
/// Updates that a reloaded page waits for.
const FOLLOWED: u64 = 3;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// What identifies the moment of an answer: number of the last event before it, and its time.
fn moment(answer: &Value) -> (u64, String) {
    (answer["seq"].as_u64().unwrap(), answer["as_of"].as_str().unwrap_or_default().to_owned())
}

/// A page that stays: it has every event, most of them heard, and reads the session again and again.
#[derive(Default)]
struct Staying {
    /// By number, without what only the WebSocket adds.
    events: Mutex<BTreeMap<u64, Value>>,
    /// Answers of each part, by moment.
    read: Mutex<BTreeMap<(&'static str, u64, String), Value>>,
    readings: AtomicUsize,
    is_over: AtomicBool,
}

impl Staying {
    /// The event as the WebSocket sent it, as it is stored.
    fn hear(&self, update: &Value) {
        if let Some(seq) = update["data"]["seq"].as_u64() {
            self.events.lock().unwrap_or_else(PoisonError::into_inner).insert(seq, stored(update));
        }
    }

    fn event(&self, seq: u64) -> Option<Value> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).get(&seq).cloned()
    }

    fn events_to(&self, seq: u64) -> Vec<Value> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.range(..=seq).map(|(_, event)| event.clone()).collect()
    }

    fn reading(&self, part: &'static str, (seq, as_of): &(u64, String)) -> Option<Value> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.get(&(part, *seq, as_of.clone())).cloned()
    }

    /// Reads a part until it is over.
    fn keep_reading(&self, page: &Page<'_>, part: &'static str) {
        while !self.is_over.load(Ordering::Relaxed) {
            let answer = page.get(part);
            let (seq, as_of) = moment(&answer);
            self.read.lock().unwrap_or_else(PoisonError::into_inner).insert((part, seq, as_of), answer);
            self.readings.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Whatever happens, the threads end.
struct Over<'a>(&'a Staying);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }
}

fn stored(update: &Value) -> Value {
    let mut event = update["data"].clone();
    event.as_object_mut().unwrap().remove("session_id");
    event
}

/// What a browser needs to show a session.
#[derive(Clone, Copy)]
struct Page<'a> {
    daemon: &'a Daemon,
    login: &'a Login,
    id: &'a str,
}

impl Page<'_> {
    #[track_caller]
    fn get(&self, path: &str) -> Value {
        let answer = self.daemon.ask_as(self.login, "GET", &format!("/sessions/{}/{path}", self.id), None);
        assert_eq!(answer.status, 200, "{path}: {}", answer.json());
        answer.data()
    }

    fn listen(&self) -> (Ear, Value) {
        let subscribe =
            json!({"type": "subscribe", "stream": "session", "params": {"session_id": self.id}, "id": "1"});
        Ear::listen(self.daemon, self.login, &subscribe.to_string())
    }

    fn events_behind(&self, seq: u64) -> Vec<Value> {
        let part = self.get(&format!("events?after={seq}&limit=1000"));
        part["events"].as_array().unwrap().clone()
    }

    /// Opened anew: how many parts it could compare with those of the page that stays.
    fn reload(&self, staying: &Staying) -> usize {
        let (mut ear, snapshot) = self.listen();
        let now = &snapshot["data"]["now"];
        assert_eq!(snapshot["data"]["now_reason"], Value::Null, "{snapshot}");
        let at = moment(now);
        for event in self.events_behind(at.0.saturating_sub(SHOWN)) {
            let seq = event["seq"].as_u64().unwrap();
            until("the event at the page that stays", || staying.event(seq).is_some());
            assert_eq!(staying.event(seq), Some(event), "event {seq}");
        }
        until("all events at the page that stays", || at.0 == 0 || staying.event(at.0).is_some());
        let events = staying.events_to(at.0);
        let mut compared = 0;
        for part in PARTS {
            Folded::new(&events, at.0, BALANCE).agrees(part, &now[part]);
            if let Some(read) = staying.reading(part, &at) {
                assert_eq!(read, now[part], "{part} at {at:?}");
                compared += 1;
            }
        }
        let mut expected = at.0;
        while expected < at.0 + FOLLOWED {
            let update = ear.next();
            let Some(seq) = update["data"]["seq"].as_u64() else { continue };
            // What the snapshot contains may come again.
            if seq > at.0 {
                assert_eq!(seq, expected + 1, "an update is missing behind {at:?}");
                expected = seq;
                until("the update at the page that stays", || staying.event(seq).is_some());
                assert_eq!(staying.event(seq), Some(stored(&update)));
            }
        }
        compared
    }
}

pub(super) fn started(market: &Market, folder: &Cli) -> (Daemon, Login, String) {
    let mut config = crate::serve::daemon::config();
    config["exchange"] = json!({
        "enabled": true, "rest_url": market.exchange.rest_url(), "ws_url": market.exchange.ws_url(), "reconnect_min_ms": 50,
    });
    config["recording"] = json!({"min_free_mib": 0});
    // One login lasts for the long run.
    config["auth"] = json!({"access_ttl_s": 7_200});
    folder.file("config.json", config.to_string());
    let daemon = Daemon::at(&folder.at("."));
    let login = daemon.admin();
    assert_eq!(daemon.ask_as(&login, "POST", "/api/strategies", Some(&super::STRATEGY)).status, 201);
    let answer = daemon.ask_as(&login, "POST", "/sessions/start", Some(&super::paper(&market.symbols)));
    assert_eq!(answer.status, 200, "{}", answer.json());
    let id = answer.data()["data"]["session_id"].as_str().unwrap().to_owned();
    (daemon, login, id)
}

#[test]
fn a_page_that_is_reloaded_sees_what_one_sees_that_stays() {
    let reloads = number("TRADINGD_RELOADS", 50) as usize;
    let mut moments = Rng::new(number("TRADINGD_RELOADS_SEED", 1));
    let (market, folder) = (Market::new(3, 300, 51), Cli::new());
    let (daemon, login, id) = started(&market, &folder);
    let page = Page { daemon: &daemon, login: &login, id: &id };
    until("orders", || page.get("account")["orders_count"].as_u64().is_some_and(|count| count > 2));
    let staying = Staying::default();
    let (mut ear, _) = page.listen();
    // What happened before it listened; the rest it hears.
    let before = super::kills::events(&daemon, &login, &id);
    staying
        .events
        .lock()
        .unwrap()
        .extend(before.into_iter().map(|event| (event["seq"].as_u64().unwrap(), event)));
    let mut compared = [0; 1 + PARTS.len()];
    std::thread::scope(|scope| {
        let _over = Over(&staying);
        scope.spawn(|| {
            while !staying.is_over.load(Ordering::Relaxed) {
                staying.hear(&ear.next());
            }
        });
        for part in PARTS {
            let staying = &staying;
            scope.spawn(move || staying.keep_reading(&page, part));
        }
        for _ in 0..reloads {
            let next = staying.readings.load(Ordering::Relaxed) + moments.below(9) as usize;
            until("further readings", || staying.readings.load(Ordering::Relaxed) >= next);
            compared[page.reload(&staying)] += 1;
        }
    });
    println!("{reloads} reloads; parts compared at the same moment, 0 to 3: {compared:?}");
    assert!(compared[PARTS.len()] * 2 > reloads, "too few moments were seen by both: {compared:?}");
    let stop = json!({"session_id": id});
    assert_eq!(daemon.ask_as(&login, "POST", "/sessions/stop", Some(&stop)).status, 200);
    let replayed = daemon.ask_as(&login, "GET", &format!("/sessions/{id}/replay"), None);
    assert_eq!(replayed.data()["equal"], true, "{}", replayed.json());
}
