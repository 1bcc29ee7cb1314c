//! A session's stream of events: numbered without holes, published at once, stored in segments while it runs.
//!
//! What says that a session is there or has ended is held back until that is on disk: whoever is told so and
//! asks finds it. Never: an event published in another order than it is stored, or a number given twice.

mod alerts;

use super::event_sink::{Class, Sink};
use super::log::SessionLog;
use super::snapshot::{Shown, Snapshots, Wanted};
use crate::clock::Stopwatch;
use crate::domain::time::Span;
use crate::limits::{BACKTEST_EVENTS, SESSION_EVENTS_MS, SESSION_SEGMENT_BYTES};
use crate::service::Alerts;
use crate::service::hub::{Hub, Publishing};
use crate::service::sessions::start::request::SessionKind;
use crate::session::snapshot::Snapshot;
use crate::store::{EventSegment, Store, StoreError};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the streams of all sessions share: where events are kept, who watches, who hears alerts.
pub(in crate::service::sessions) type Shared = (Arc<Store>, Arc<Hub>, Arc<Alerts>);

/// The stream of one session.
pub(in crate::service::sessions) struct EventStream {
    session: String,
    kind: SessionKind,
    topic: String,
    store: Arc<Store>,
    hub: Arc<Hub>,
    alerts: Arc<Alerts>,
    /// What is true of the session now, for whoever asks.
    pub snapshots: Snapshots,
    log: SessionLog,
    state: Mutex<StreamState>,
}

struct StreamState {
    /// Number of the next event.
    next_seq: u64,
    left_out: LeftOut,
    /// On its way into the store; there until it is on disk.
    writing: Arc<EventSegment>,
    /// Not on its way yet.
    pending: EventSegment,
    since: Stopwatch,
    failed: Option<StoreError>,
    /// The session's last transaction is being written: what comes now is too late.
    closed: bool,
    /// What is told once it is on disk; `None`: what comes is told at once.
    held: Option<Vec<Held>>,
    /// How many of them came before the last part was taken.
    held_in_part: usize,
    /// A part is on its way and is told afterwards.
    publishing: Option<Publishing>,
}

/// What is told once it is on disk, in order.
enum Held {
    Event(Told),
    Snapshot(Arc<Shown>),
}

/// An event on its way to whoever watches.
struct Told {
    class: Class,
    event: &'static str,
    symbol: Option<String>,
    fields: Value,
    /// Since when an alert waits that nobody was told of.
    alert: Option<Stopwatch>,
}

/// Events of a backtest that were only published, because as many as are kept were there.
#[derive(Default)]
struct LeftOut {
    count: u64,
    by_event: BTreeMap<&'static str, u64>,
    /// Times of the first and the last.
    first: Value,
    last: Value,
}

impl LeftOut {
    fn add(&mut self, event: &'static str, fields: &Value) {
        if self.count == 0 {
            self.first = fields["timestamp"].clone();
        }
        self.count += 1;
        *self.by_event.entry(event).or_default() += 1;
        self.last = fields["timestamp"].clone();
    }
}

/// How many events there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct EventCounts {
    pub kept: u64,
    pub not_kept: u64,
}

impl EventStream {
    /// Before the session is on disk, or before it goes on behind event number `last`: its events are held
    /// back until [`EventStream::release`].
    pub(in crate::service::sessions) fn new(
        session: &str,
        kind: SessionKind,
        last: u64,
        (store, hub, alerts): Shared,
    ) -> Self {
        let state = StreamState {
            next_seq: last + 1,
            left_out: LeftOut::default(),
            writing: Arc::default(),
            pending: EventSegment { first_seq: last + 1, lines: String::new() },
            since: Stopwatch::start(),
            failed: None,
            closed: false,
            held: Some(Vec::new()),
            held_in_part: 0,
            publishing: None,
        };
        EventStream {
            session: session.to_owned(),
            kind,
            topic: format!("session/{session}"),
            store,
            hub,
            alerts,
            snapshots: Snapshots::new(),
            log: SessionLog::new(session, kind),
            state: Mutex::new(state),
        }
    }

    /// Adds an event. `fields` is an object; its number and name are put before it.
    pub(in crate::service::sessions) fn add(
        &self,
        class: Class,
        event: &'static str,
        symbol: Option<&str>,
        fields: Value,
    ) {
        self.add_to(&mut self.lock(), class, event, symbol, fields);
    }

    fn add_to(
        &self,
        state: &mut StreamState,
        class: Class,
        event: &'static str,
        symbol: Option<&str>,
        fields: Value,
    ) {
        if state.closed {
            return;
        }
        if self.kind == SessionKind::Backtest && class != Class::Life && state.next_seq > BACKTEST_EVENTS {
            state.left_out.add(event, &fields);
            return self.tell(state, class, event, symbol, fields);
        }
        let seq = state.next_seq;
        state.next_seq += 1;
        let object = event_object(Some(seq), event, symbol, fields);
        let line = object.to_string();
        state.pending.lines.push_str(&line);
        state.pending.lines.push('\n');
        // Under the lock, so that readers see events in the order of their numbers.
        self.tell(state, class, event, symbol, object);
    }

    /// Says which events were not kept, if some were. Before the end, where it is read.
    pub(super) fn tell_left_out(&self, timestamp: &str) {
        let left_out = std::mem::take(&mut self.lock().left_out);
        let LeftOut { count, by_event, first, last } = &left_out;
        if *count > 0 {
            let fields = json!({
                "timestamp": timestamp, "count": count, "by_event": by_event, "from": first, "to": last,
            });
            self.add(Class::Life, "events_not_kept", None, fields);
        }
        self.lock().left_out = left_out;
    }

    fn tell(
        &self,
        state: &mut StreamState,
        class: Class,
        event: &'static str,
        symbol: Option<&str>,
        fields: Value,
    ) {
        match &mut state.held {
            Some(held) => {
                let alert = self.is_alert(event).then(Stopwatch::start);
                held.push(Held::Event(Told {
                    class,
                    event,
                    symbol: symbol.map(str::to_owned),
                    fields,
                    alert,
                }));
            }
            None => self.publish(class, event, symbol, fields),
        }
    }

    /// From now on events are held back.
    pub(super) fn hold(&self) {
        self.lock().held.get_or_insert_default();
    }

    /// What was held back before the last [`EventStream::part`] was taken is on disk and told; the rest stays
    /// held back.
    pub(in crate::service::sessions) fn release_part(&self) {
        let mut state = self.lock();
        let count = std::mem::take(&mut state.held_in_part);
        let part = state.held.get_or_insert_default().drain(..count).collect();
        self.tell_part(state, part);
    }

    /// What was held back is on disk and told.
    pub(in crate::service::sessions) fn release(&self) {
        loop {
            let mut state = self.lock();
            state.held_in_part = 0;
            let Some(part) = state.held.replace(Vec::new()).filter(|held| !held.is_empty()) else {
                (state.held, state.publishing) = (None, None);
                return;
            };
            self.tell_part(state, part);
        }
    }

    /// Tells what was held back, without the lock: what comes meanwhile is held back behind it, and does not
    /// wait for the hub, nor for whoever reads the log.
    fn tell_part(&self, mut state: MutexGuard<'_, StreamState>, part: Vec<Held>) {
        let publishing = state.publishing.take();
        drop(state);
        part.into_iter().for_each(|held| self.tell_held(held));
        drop(publishing);
    }

    fn tell_held(&self, held: Held) {
        match held {
            Held::Event(Told { class, event, symbol, fields, alert }) => {
                if alert.is_some() {
                    self.raise(&fields);
                }
                self.show_event(class, event, symbol.as_deref(), fields);
            }
            Held::Snapshot(shown) => self.snapshots.publish(shown),
        }
    }

    /// Shows the session as it is behind the events so far; like them, once that is on disk.
    pub(super) fn show(&self, wanted: Wanted, snapshot: Snapshot) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        let shown = self.snapshots.made(wanted, snapshot, (state.next_seq - 1, state.left_out.count));
        let on_its_way = state.held_in_part;
        match &mut state.held {
            Some(held) => {
                forget_covered(held, on_its_way, &shown);
                held.push(Held::Snapshot(shown));
            }
            None => self.snapshots.publish(shown),
        }
    }

    /// What was held back did not get onto the disk: it is never published, and its numbers are given again
    /// by whoever goes on from the disk. Nothing can be added any more.
    pub(super) fn forget(&self) {
        let mut state = self.lock();
        state.closed = true;
        self.raise_held_of(&mut state, Span::ZERO);
        (state.held, state.held_in_part, state.publishing) = (Some(Vec::new()), 0, None);
        state.pending.lines.clear();
        state.writing = Arc::default();
    }

    /// Goes on behind event number `last`, after [`EventStream::forget`].
    pub(super) fn restart(&self, last: u64) {
        let mut state = self.lock();
        (state.closed, state.failed) = (false, None);
        (state.held, state.held_in_part) = (Some(Vec::new()), 0);
        state.next_seq = last + 1;
        state.pending = EventSegment { first_seq: last + 1, lines: String::new() };
        state.writing = Arc::default();
    }

    /// Publishes an event to whoever watches and to the log, without keeping it.
    pub(super) fn publish(&self, class: Class, event: &'static str, symbol: Option<&str>, fields: Value) {
        if self.is_alert(event) {
            self.raise(&fields);
        }
        self.show_event(class, event, symbol, fields);
    }

    fn show_event(&self, class: Class, event: &'static str, symbol: Option<&str>, fields: Value) {
        self.log.write(class, event, symbol, &fields);
        // Also without readers: one that lost its connection reads on from where it was.
        if let Some(topic) = class.topic() {
            self.hub.publish(topic, event, Some(&self.session), symbol, fields.clone());
        }
        self.hub.publish(&self.topic, event, Some(&self.session), symbol, fields);
    }

    /// The latest price of a symbol, for whoever watches the market.
    pub(super) fn publish_price(&self, symbol: &str, fields: Value) {
        self.hub.publish("market_data", "market_data", Some(&self.session), Some(symbol), fields);
    }

    /// Writes what has gathered, when it is much or waits long. Only the session's thread calls this.
    ///
    /// # Errors
    /// The disk refuses and may take it later: nothing is lost, call again.
    pub(super) fn write_if_due(&self) -> Result<(), StoreError> {
        let segment = {
            let mut state = self.lock();
            let bytes = state.pending.lines.len();
            let waited = state.since.elapsed() >= Span::from_millis(SESSION_EVENTS_MS);
            if bytes == 0 || state.failed.is_some() || bytes < SESSION_SEGMENT_BYTES / 2 && !waited {
                return Ok(());
            }
            state.take()
        };
        let written = self.store.put_session_events(&self.session, &segment);
        let mut state = self.lock();
        match written {
            Ok(()) => {
                state.writing = Arc::default();
                drop(state);
                self.log_has_grown();
            }
            Err(error) if error.may_pass() => {
                state.put_back();
                return Err(error);
            }
            Err(error) => state.failed = Some(error),
        }
        Ok(())
    }

    /// Whether so much has gathered that it must be written before more comes.
    pub(in crate::service::sessions) fn is_full(&self) -> bool {
        self.lock().pending.lines.len() >= SESSION_SEGMENT_BYTES / 2
    }

    /// Whether something has gathered, to be stored or to be told.
    pub(in crate::service::sessions) fn has_news(&self) -> bool {
        let state = self.lock();
        let held = state.held.as_ref().map_or(0, Vec::len);
        !state.pending.lines.is_empty() || held > state.held_in_part
    }

    /// What has not been written yet, for a transaction of the session itself; still readable until
    /// [`EventStream::written`].
    pub(in crate::service::sessions) fn part(&self) -> Arc<EventSegment> {
        let mut state = self.lock();
        self.begin_to_publish(&mut state);
        state.take()
    }

    /// The same for the session's last transaction: what is added later is dropped.
    pub(super) fn rest(&self) -> Arc<EventSegment> {
        let mut state = self.lock();
        state.closed = true;
        self.begin_to_publish(&mut state);
        state.take()
    }

    /// What is held back is published behind the commit of the part that is taken now.
    fn begin_to_publish(&self, state: &mut StreamState) {
        if state.held.is_some() && state.publishing.is_none() {
            state.publishing = Some(self.hub.log.begin());
        }
    }

    /// The part is on disk.
    pub(in crate::service::sessions) fn written(&self) {
        let written = std::mem::take(&mut self.lock().writing);
        if !written.lines.is_empty() {
            self.log_has_grown();
        }
    }

    /// While it is not known how far, readers are told that less was published.
    fn log_has_grown(&self) {
        if let Ok(newest) = self.store.newest_position() {
            self.hub.log.reached(newest);
        }
    }

    /// Before the end of the session is stored otherwise and then published.
    pub(in crate::service::sessions) fn publishing(&self) -> Publishing {
        self.hub.log.begin()
    }

    /// Whether events could not be written.
    pub(super) fn has_failed(&self) -> bool {
        self.lock().failed.is_some()
    }

    /// Why events could not be written, once.
    pub(super) fn failure(&self) -> Option<StoreError> {
        self.lock().failed.take()
    }

    pub(super) fn counts(&self) -> EventCounts {
        let state = self.lock();
        EventCounts { kept: state.next_seq - 1, not_kept: state.left_out.count }
    }

    /// Number of the newest event that readers may know and that may not be on disk yet; 0 while all of them
    /// are.
    pub(in crate::service::sessions) fn published(&self) -> u64 {
        let state = self.lock();
        if state.held.is_some() { 0 } else { state.next_seq - 1 }
    }

    /// Events behind a number that are not on disk yet, and the number from which on they are all here.
    /// What is held back is nobody's business yet.
    pub(in crate::service::sessions) fn unwritten(&self, after: u64) -> (u64, Vec<(u64, String)>) {
        let state = self.lock();
        if state.held.is_some() {
            return (u64::MAX, Vec::new());
        }
        let from =
            if state.writing.lines.is_empty() { state.pending.first_seq } else { state.writing.first_seq };
        let lines = |segment: &EventSegment| -> Vec<(u64, String)> {
            (segment.first_seq..)
                .zip(segment.lines.lines())
                .filter(|(seq, _)| *seq > after)
                .map(|(seq, line)| (seq, line.to_owned()))
                .collect()
        };
        let mut all = lines(&state.writing);
        all.extend(lines(&state.pending));
        (from, all)
    }

    /// Ends the stream for whoever watches.
    pub(super) fn end(&self) {
        self.snapshots.end();
        self.hub.end_session(&self.session);
    }

    fn lock(&self) -> MutexGuard<'_, StreamState> {
        // Every change is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops snapshots behind those `on_its_way` that are told together with a newer one that has their parts:
/// while a disk hangs, people ask again and again.
fn forget_covered(held: &mut Vec<Held>, on_its_way: usize, newer: &Shown) {
    let mut index = 0;
    held.retain(|held| {
        index += 1;
        index <= on_its_way || !matches!(held, Held::Snapshot(shown) if newer.replaces(shown))
    });
}

/// An event as it is stored and published: its number, where it has one, its name and symbol, then its
/// fields.
pub(in crate::service) fn event_object(
    seq: Option<u64>,
    event: &str,
    symbol: Option<&str>,
    fields: Value,
) -> Value {
    let mut object = Map::new();
    if let Some(seq) = seq {
        object.insert("seq".to_owned(), seq.into());
    }
    object.insert("event".to_owned(), event.into());
    if let Some(symbol) = symbol {
        object.insert("symbol".to_owned(), symbol.into());
    }
    if let Value::Object(fields) = fields {
        for (name, value) in fields {
            object.entry(name).or_insert(value);
        }
    }
    Value::Object(object)
}

/// Written as it gathers.
impl Sink for EventStream {
    fn add(&self, class: Class, event: &'static str, symbol: Option<&str>, fields: Value) {
        EventStream::add(self, class, event, symbol, fields);
    }

    fn settle(&self) {
        if self.is_full() {
            // What the disk refuses is written after the batch.
            let _ = self.write_if_due();
        }
    }

    fn wanted(&self) -> Option<Wanted> {
        self.snapshots.wanted()
    }

    fn show(&self, wanted: Wanted, snapshot: Snapshot) {
        EventStream::show(self, wanted, snapshot);
    }
}

impl StreamState {
    /// What was on its way did not get onto the disk: it is in front of what gathered since.
    fn put_back(&mut self) {
        let writing = std::mem::take(&mut self.writing);
        self.pending.first_seq = writing.first_seq;
        self.pending.lines.insert_str(0, &writing.lines);
    }

    fn take(&mut self) -> Arc<EventSegment> {
        let fresh = EventSegment { first_seq: self.next_seq, lines: String::new() };
        let full = std::mem::replace(&mut self.pending, fresh);
        self.since = Stopwatch::start();
        self.held_in_part = self.held.as_ref().map_or(0, Vec::len);
        self.writing = Arc::new(full);
        Arc::clone(&self.writing)
    }
}

#[cfg(test)]
mod tests;
