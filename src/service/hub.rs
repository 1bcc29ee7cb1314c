//! Publish and subscribe: running sessions publish updates, WebSocket clients read them.
//!
//! A topic keeps its latest updates, serialised once and shared by all readers; a reader is a [`Cursor`] into
//! the topic, not a queue. The cost of publishing does not depend on the number of readers: it appends and
//! notifies one task, [`Hub::run`], which wakes the readers. A topic exists from its first reader on; an
//! update of any other topic is dropped before it is serialised.
//!
//! Invariant: a publisher never waits for a reader, and a lossless topic never changes or skips an update.

mod topic;
mod watermark;

use super::{Refusal, RefusalKind};
use crate::domain::time::Timestamp;
use crate::limits::{HUB_TOPICS, TOPIC_BYTES, TOPIC_UPDATES};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::sync::Notify;
use topic::Topic;

pub use watermark::{Publishing, Watermark};

/// Conflated topics: a reader gets the latest value per session and symbol instead of every update.
const CONFLATED: [&str; 2] = ["market_data", "indicators"];

/// A published update.
#[derive(Debug)]
pub struct Update {
    /// Sequence number within the topic, without gaps.
    pub seq: u64,
    /// Event type, e.g. `session_started`.
    pub event: &'static str,
    /// Session it belongs to.
    pub session_id: Option<Box<str>>,
    /// Symbol it concerns.
    pub symbol: Option<Box<str>>,
    /// JSON object: `event`, `session_id` and `symbol` where known, then the publisher's fields.
    pub json: Box<str>,
}

/// Which updates of a topic a reader gets. Updates without a session or symbol always pass.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    /// Only this session's; `None` for all.
    pub session_id: Option<Box<str>>,
    /// Only these symbols'; empty for all.
    pub symbols: Vec<Box<str>>,
}

impl Filter {
    /// Whether every update passes.
    pub fn is_open(&self) -> bool {
        self.session_id.is_none() && self.symbols.is_empty()
    }

    fn passes(&self, update: &Update) -> bool {
        let session = match (&self.session_id, &update.session_id) {
            (Some(wanted), Some(session)) => wanted == session,
            _ => true,
        };
        session
            && (self.symbols.is_empty()
                || update.symbol.as_ref().is_none_or(|symbol| self.symbols.contains(symbol)))
    }
}

/// Where a new reader starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// At the next update. In a conflated topic: with the latest values.
    Now,
    /// After this sequence number, if all later updates are still kept; else as [`Start::Now`], see
    /// [`Cursor::resumed`].
    After(u64),
}

/// The reader was too slow: its next update is no longer kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FellBehind;

/// Wakes one client when any of its topics has updates. A wakeup while nobody waits is kept for the next
/// wait.
#[derive(Debug, Default)]
pub struct ReaderWakeup(Notify);

impl ReaderWakeup {
    /// Waits for the next ring; returns at once if there was one since the last wait.
    pub async fn rung(&self) {
        self.0.notified().await;
    }

    /// Wakes the waiter.
    pub fn ring(&self) {
        self.0.notify_one();
    }
}

/// All topics.
#[derive(Debug)]
pub struct Hub {
    topics: RwLock<HashMap<Box<str>, Arc<Topic>>>,
    /// Topics with something new since readers were last woken.
    fresh: Mutex<Vec<Arc<Topic>>>,
    wake: Notify,
    /// Sequence numbers of new topics start here, so that none of an earlier topic or process is used again.
    floor: AtomicU64,
    ids: AtomicU64,
    updates_max: usize,
    /// How much of the event log was published.
    pub log: Arc<Watermark>,
}

impl Hub {
    /// An empty hub. Sequence numbers start at `now` in microseconds, so that resuming with a number from
    /// before a restart is detected.
    pub fn new(now: Timestamp) -> Self {
        Hub::keeping(now, TOPIC_UPDATES)
    }

    fn keeping(now: Timestamp, updates_max: usize) -> Self {
        Hub {
            topics: RwLock::default(),
            fresh: Mutex::default(),
            wake: Notify::new(),
            floor: AtomicU64::new(now.micros().max(0).unsigned_abs()),
            ids: AtomicU64::new(0),
            updates_max,
            log: Arc::default(),
        }
    }

    /// Appends an update to a topic. `data` should be an object; any other value is put under `value`.
    pub fn publish(
        &self,
        topic: &str,
        event: &'static str,
        session_id: Option<&str>,
        symbol: Option<&str>,
        data: Value,
    ) {
        let Some(topic) = self.find(topic) else { return };
        let json = serialised(event, session_id, symbol, data);
        topic.append(event, session_id.map(Box::from), symbol.map(Box::from), json);
        if topic.mark_fresh() {
            locked(&self.fresh).push(topic);
            self.wake.notify_one();
        }
    }

    /// Whether the topic has readers; without them a publisher can skip building updates.
    pub fn has_readers(&self, topic: &str) -> bool {
        self.find(topic).is_some_and(|topic| topic.readers() > 0)
    }

    /// Ends a session's updates: removes its values from the conflated topics, and its own topic
    /// `session/<id>` once that has no reader.
    pub fn end_session(&self, session_id: &str) {
        for topic in CONFLATED {
            if let Some(topic) = self.find(topic) {
                topic.forget_session(session_id);
            }
        }
        if let Some(topic) = self.find(&format!("session/{session_id}")) {
            topic.retire();
            self.remove_if_left(&topic);
        }
    }

    /// Subscribes to a topic. `wakeup` rings at once, and again whenever there are new updates.
    ///
    /// # Errors
    /// `too_many_topics` when the limit of topics with readers is reached.
    pub fn subscribe(
        self: &Arc<Self>,
        name: &str,
        filter: Filter,
        start: Start,
        wakeup: &Arc<ReaderWakeup>,
    ) -> Result<Cursor, Refusal> {
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        let topic = match topics.get(name) {
            Some(topic) => topic.clone(),
            None => {
                self.make_room(&mut topics)?;
                let conflated = CONFLATED.contains(&name);
                let topic = Arc::new(Topic::new(
                    name,
                    conflated,
                    self.floor.load(Ordering::Relaxed),
                    self.updates_max,
                ));
                topics.insert(name.into(), topic.clone());
                topic
            }
        };
        topic.register(id, wakeup.clone());
        drop(topics);
        let (seen, resumed) = topic.locate(start);
        wakeup.ring();
        Ok(Cursor { hub: self.clone(), topic, id, filter, seen, resumed })
    }

    /// Wakes readers while it is polled. The server runs it once; without it no reader is woken.
    pub async fn run(&self) {
        loop {
            self.wake.notified().await;
            for topic in std::mem::take(&mut *locked(&self.fresh)) {
                topic.ring();
            }
        }
    }

    /// Number of existing topics.
    pub fn topics(&self) -> usize {
        self.topics.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn find(&self, topic: &str) -> Option<Arc<Topic>> {
        self.topics.read().unwrap_or_else(PoisonError::into_inner).get(topic).cloned()
    }

    /// Removes topics without readers when there are too many. A client that resumes one of them later needs
    /// a snapshot.
    fn make_room(&self, topics: &mut HashMap<Box<str>, Arc<Topic>>) -> Result<(), Refusal> {
        if topics.len() >= HUB_TOPICS {
            topics.retain(|_, topic| {
                let stays = topic.readers() > 0;
                if !stays {
                    self.raise_floor(topic);
                }
                stays
            });
        }
        if topics.len() >= HUB_TOPICS {
            let message = format!(
                "{HUB_TOPICS} streams are being read, the most there may be; unsubscribe from one first"
            );
            return Err(Refusal {
                retry_after_s: Some(60),
                ..Refusal::new(RefusalKind::TooMany, "too_many_topics", message)
            });
        }
        Ok(())
    }

    fn remove_if_left(&self, topic: &Arc<Topic>) {
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        let current = topics.get(topic.name()).is_some_and(|there| Arc::ptr_eq(there, topic));
        if current && topic.is_done() && topic.readers() == 0 {
            topics.remove(topic.name());
            self.raise_floor(topic);
        }
    }

    fn raise_floor(&self, topic: &Topic) {
        self.floor.fetch_max(topic.last_seq(), Ordering::Relaxed);
    }
}

/// A reader's position in a topic.
#[derive(Debug)]
pub struct Cursor {
    hub: Arc<Hub>,
    topic: Arc<Topic>,
    id: u64,
    filter: Filter,
    seen: u64,
    resumed: bool,
}

impl Cursor {
    /// Appends up to `most` updates to `into`, oldest first, and returns whether more are left. In a
    /// conflated topic these are the latest values of sessions and symbols that changed since the last read.
    ///
    /// # Errors
    /// [`FellBehind`] when the next update is no longer kept; never in a conflated topic.
    pub fn read(&mut self, most: usize, into: &mut Vec<Arc<Update>>) -> Result<More, FellBehind> {
        let (seen, more) = self.topic.read(self.seen, &self.filter, most, into)?;
        self.seen = seen;
        Ok(more)
    }

    /// Sequence number of the last update read or skipped by the filter.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Whether it continues exactly after [`Start::After`]; if not, the reader needs a snapshot.
    pub fn resumed(&self) -> bool {
        self.resumed
    }

    /// Whether this topic is conflated.
    pub fn is_conflated(&self) -> bool {
        self.topic.is_conflated()
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        self.topic.unregister(self.id);
        if self.topic.is_done() {
            self.hub.remove_if_left(&self.topic);
        }
    }
}

/// Whether updates were left unread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum More {
    /// Read again before waiting.
    Yes,
    /// Wait for the wakeup.
    No,
}

fn serialised(event: &'static str, session_id: Option<&str>, symbol: Option<&str>, data: Value) -> Box<str> {
    let mut object = Map::new();
    object.insert("event".to_owned(), event.into());
    for (name, value) in [("session_id", session_id), ("symbol", symbol)] {
        if let Some(value) = value {
            object.insert(name.to_owned(), value.into());
        }
    }
    match data {
        Value::Null => {}
        Value::Object(fields) => {
            for (name, value) in fields {
                object.entry(name).or_insert(value);
            }
        }
        value => {
            object.insert("value".to_owned(), value);
        }
    }
    Value::Object(object).to_string().into_boxed_str()
}

/// Ignores poisoning: every change under these locks is one push, insert or removal, so a panic leaves
/// nothing half-changed.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const _: () = assert!(TOPIC_BYTES > 0 && TOPIC_UPDATES > 0);

#[cfg(test)]
mod tests;
