//! What is told of a stream when, against an in-memory store. Never: an event or an alert before its commit,
//! unless the disk refuses.

use super::*;
use crate::domain::symbol::SymbolTable;
use crate::domain::time::Timestamp;
use crate::engine::Engine;
use crate::engine::account::SessionConfig;
use crate::service::hub::{Filter, Start};
use crate::service::sessions::run::snapshot::Answered;
use crate::session::snapshot::{Moment, Parts};

#[test]
fn what_comes_between_a_part_and_its_commit_is_told_with_the_next_one() {
    let hub = Arc::new(Hub::new(crate::domain::time::Timestamp::from_seconds(5)));
    let mut orders = hub.subscribe("orders", Filter::default(), Start::Now, &Arc::default()).unwrap();
    let mut told = || {
        let mut updates = Vec::new();
        let _ = orders.read(10, &mut updates);
        updates.len()
    };
    let alerts = Arc::<Alerts>::default();
    let shared = (Arc::new(Store::in_memory().unwrap()), hub, Arc::clone(&alerts));
    let stream = EventStream::new("exec_1", SessionKind::Paper, 0, shared);
    stream.add(Class::Order, "fill", None, json!({"quantity": 1}));
    let part = stream.part();
    stream.add(Class::Order, "fill", None, json!({"quantity": 2}));
    assert_eq!((part.lines.lines().count(), told()), (1, 0), "not on disk yet");
    stream.written();
    stream.release_part();
    assert_eq!(told(), 1, "the second is not on disk");
    stream.part();
    stream.release_part();
    assert_eq!(told(), 1);
    stream.add(Class::Order, "fill", None, json!({"quantity": 3}));
    stream.add(Class::Feed, "alert", None, json!({"kind": "unassigned_fill"}));
    assert_eq!(alerts.raised(), 0, "not on disk");
    stream.release();
    assert_eq!((told(), alerts.raised()), (1, 1));
}

/// A stream whose alerts are told to a program that writes them down, and what it has written.
fn heard() -> (EventStream, impl Fn(usize) -> Vec<Value>, tempfile::TempDir) {
    let (folder, alerts) = (tempfile::tempdir().unwrap(), Arc::<Alerts>::default());
    let told = folder.path().join("told");
    let script = format!("cat >> {}", told.display());
    alerts.apply(&["sh", "-c", &script].map(str::to_owned), 30);
    let hub = Arc::new(Hub::new(Timestamp::from_seconds(5)));
    let shared = (Arc::new(Store::in_memory().unwrap()), hub, alerts);
    let lines = move |count: usize| {
        let begun = Stopwatch::start();
        loop {
            let text = std::fs::read_to_string(&told).unwrap_or_default();
            let told: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
            if told.len() >= count || begun.elapsed() > Span::from_seconds(30) {
                return told;
            }
            std::thread::yield_now();
        }
    };
    (EventStream::new("exec_1", SessionKind::Live, 6, shared), lines, folder)
}

#[test]
fn an_alert_is_told_with_its_number_once_it_is_on_disk() {
    let (stream, told, _folder) = heard();
    stream.venue_alert(Some("A"), json!({"kind": "locked"}));
    stream.part();
    stream.raise_late();
    assert_eq!(stream.alerts.raised(), 0, "its event is on its way");
    stream.written();
    stream.release_part();
    let expected = json!({
        "seq": 7, "event": "venue_alert", "symbol": "A", "kind": "locked", "session_id": "exec_1", "session_type": "live",
    });
    assert_eq!(told(1), [expected]);
    stream.forget();
    assert_eq!(stream.alerts.raised(), 1, "once");
}

#[test]
fn an_alert_that_the_disk_keeps_from_becoming_an_event_is_told_without_a_number() {
    let (stream, told, _folder) = heard();
    let kinds = |count| -> Vec<Value> { told(count).iter().map(|told| told["kind"].clone()).collect() };
    stream.add(Class::Signal, "alert", None, json!({"kind": "warning"}));
    stream.add(Class::Order, "fill", None, json!({}));
    stream.forget();
    assert_eq!(kinds(1), ["warning"]);
    stream.venue_alert(None, json!({"kind": "account_unread"}));
    assert_eq!(kinds(2), ["warning", "account_unread"], "the session stands still");
    assert!(told(2).iter().all(|told| told.get("seq").is_none()));
    // A disk that hangs: nothing fails, and nothing is on disk either.
    stream.restart(6);
    stream.venue_alert(None, json!({"kind": "locked"}));
    stream.raise_held(Span::ZERO);
    assert_eq!(kinds(3)[2], "locked");
    stream.part();
    stream.written();
    stream.release_part();
    assert_eq!((stream.alerts.raised(), stream.counts().kept), (3, 7), "its event comes all the same");
    let filler = "x".repeat(SESSION_SEGMENT_BYTES);
    stream.add(Class::Order, "fill", None, json!({"filler": filler}));
    stream.venue_alert(None, json!({"kind": "position_mode"}));
    assert_eq!(
        (kinds(4)[3].as_str(), stream.counts().kept),
        (Some("position_mode"), 8),
        "no event finds room"
    );
}

#[test]
fn a_backtest_says_which_events_it_did_not_keep_and_a_market_keeps_all() {
    let hub = Arc::new(Hub::new(Timestamp::from_seconds(5)));
    let store = Arc::new(Store::in_memory().unwrap());
    for is_backtest in [true, false] {
        let shared = (Arc::clone(&store), Arc::clone(&hub), Arc::default());
        let (id, kind) = match is_backtest {
            true => ("backtest", SessionKind::Backtest),
            false => ("paper", SessionKind::Paper),
        };
        let stream = EventStream::new(id, kind, BACKTEST_EVENTS - 1, shared);
        stream.add(Class::Order, "fill", None, json!({"timestamp": "1"}));
        stream.tell_left_out("5");
        for (event, time) in [("fill", "2"), ("order_update", "3"), ("fill", "4")] {
            stream.add(Class::Order, event, None, json!({"timestamp": time}));
        }
        stream.tell_left_out("5");
        let lines = stream.rest().lines.clone();
        let kept: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        if is_backtest {
            let told = json!({
                "seq": BACKTEST_EVENTS + 1, "event": "events_not_kept", "timestamp": "5", "count": 3,
                "by_event": {"fill": 2, "order_update": 1}, "from": "2", "to": "4",
            });
            assert_eq!(kept[1..], [told]);
        } else {
            assert_eq!(kept.len(), 4);
        }
        let not_kept = if is_backtest { 3 } else { 0 };
        assert_eq!(stream.counts().not_kept, not_kept);
    }
}

#[tokio::test]
async fn a_snapshot_is_shown_once_the_events_before_it_are_on_disk() {
    let hub = Arc::new(Hub::new(crate::domain::time::Timestamp::from_seconds(5)));
    let shared = (Arc::new(Store::in_memory().unwrap()), hub, Arc::default());
    let stream = EventStream::new("exec_1", SessionKind::Paper, 0, shared);
    stream.part();
    stream.release_part();
    assert!(!stream.has_news());
    let parts = Parts::default();
    let mut asked = Box::pin(stream.snapshots.ask(parts, || {}));
    tokio::select! { biased; _ = &mut asked => panic!("nobody answers yet"), () = std::future::ready(()) => {} }
    stream.add(Class::Order, "fill", None, json!({"quantity": 1}));
    let table = Arc::new(SymbolTable::default());
    let mut engine = Engine::new(&table, &[], SessionConfig::default());
    let moment = Moment { engine: &mut engine, table: &table, at: Timestamp::from_seconds(1) };
    let snapshot = Snapshot::take(moment, None, &[], parts);
    stream.show(stream.snapshots.wanted().unwrap(), snapshot);
    stream.add(Class::Order, "fill", None, json!({"quantity": 2}));
    assert!(stream.snapshots.last(parts).is_none() && stream.has_news());
    stream.part();
    assert!(stream.snapshots.last(parts).is_none(), "its events are on their way to the disk");
    stream.written();
    stream.release_part();
    let Answered::Fresh(shown) = asked.await else { panic!("it was shown") };
    assert_eq!(shown.seq, 1, "behind the first event, before the second");
    assert!(!stream.has_news());
}

#[test]
fn of_snapshots_that_a_hung_disk_holds_back_the_newest_of_each_kind_is_kept() {
    let hub = Arc::new(Hub::new(Timestamp::from_seconds(5)));
    let shared = (Arc::new(Store::in_memory().unwrap()), hub, Arc::default());
    let stream = EventStream::new("exec_1", SessionKind::Paper, 0, shared);
    let (states, equity) = (Parts { states: true, equity: false }, Parts { states: false, equity: true });
    let table = Arc::new(SymbolTable::default());
    let mut engine = Engine::new(&table, &[], SessionConfig::default());
    let mut show = |number: u64, parts: Parts| {
        let moment =
            Moment { engine: &mut engine, table: &table, at: Timestamp::from_seconds(number as i64) };
        let snapshot = Snapshot::take(moment, None, &[], parts);
        stream.show(Wanted::numbered(number, parts), snapshot);
    };
    let held = || {
        let state = stream.lock();
        let number = |held: &Held| match held {
            Held::Snapshot(shown) => Some(shown.snapshot.at.seconds()),
            Held::Event(_) => None,
        };
        state.held.iter().flatten().map(number).collect::<Vec<_>>()
    };
    show(1, states);
    stream.part();
    (2..40).for_each(|number| show(number, if number % 2 == 0 { equity } else { states }));
    stream.add(Class::Order, "fill", None, json!({}));
    assert_eq!(held(), [Some(1), Some(38), Some(39), None], "the first is on its way");
    show(40, Parts { states: true, equity: true });
    assert_eq!(held(), [Some(1), None, Some(40)]);
    stream.release_part();
    assert_eq!(stream.snapshots.last(states).map(|shown| shown.snapshot.at.seconds()), Some(1));
}

/// A log that looks whether the stream can be used while a line is written.
struct Reader(Arc<EventStream>, Arc<Mutex<Vec<bool>>>);

impl tracing::Subscriber for Reader {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        self.1.lock().unwrap().push(self.0.state.try_lock().is_ok());
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn nobody_waits_for_a_stream_that_waits_for_whoever_reads_the_log() {
    let hub = Arc::new(Hub::new(Timestamp::from_seconds(5)));
    let shared = (Arc::new(Store::in_memory().unwrap()), hub, Arc::default());
    let stream = Arc::new(EventStream::new("exec_1", SessionKind::Paper, 0, shared));
    let free = Arc::<Mutex<Vec<bool>>>::default();
    let log = Reader(Arc::clone(&stream), Arc::clone(&free));
    tracing::subscriber::with_default(log, || {
        stream.add(Class::Life, "session_stopped", None, json!({}));
        stream.part();
        stream.release_part();
        stream.add(Class::Life, "session_stopped", None, json!({}));
        stream.release();
    });
    assert_eq!(*free.lock().unwrap(), [true, true]);
    assert!(stream.lock().held.is_none(), "what comes now is told at once");
}
