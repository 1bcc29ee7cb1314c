//! Where running sessions publish what happens and WebSocket clients read it.
//!
//! A topic keeps what happened last, serialised once and shared by everybody; a reader is a place in it, not a queue. A
//! publisher pays the same however many read: it appends and tells one waiting task, [`Hub::run`], which wakes the
//! readers. A topic exists from its first reader on; what is published into another is not even serialised.
//!
//! Never: a publisher that waits for a reader, an update that is changed or skipped in a lossless topic.

mod topic;

use super::{Refusal, RefusalKind};
use crate::domain::time::Timestamp;
use crate::limits::{HUB_TOPICS, TOPIC_BYTES, TOPIC_UPDATES};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::sync::Notify;
use topic::Topic;

/// Topics of which a reader gets the latest value per session and symbol instead of every update.
const CONFLATED: [&str; 2] = ["market_data", "indicators"];

/// One thing that happened.
#[derive(Debug)]
pub struct Update {
    /// Number within the topic; no number is left out.
    pub seq: u64,
    /// What happened, e.g. `session_started`.
    pub event: &'static str,
    /// Session it belongs to.
    pub session_id: Option<Box<str>>,
    /// Symbol it is about.
    pub symbol: Option<Box<str>>,
    /// A JSON object: `event`, `session_id` and `symbol` where known, then what the publisher gave.
    pub json: Box<str>,
}

/// Which updates of a topic a reader wants; empty wants all. An update that names no session or no symbol passes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    /// Only this session's.
    pub session_id: Option<Box<str>>,
    /// Only these symbols'; empty for all.
    pub symbols: Vec<Box<str>>,
}

impl Filter {
    /// Whether everything passes.
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

/// From where on a reader reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// From now on. In a conflated topic: the latest values first.
    Now,
    /// Everything after this number, when it is still there; else as [`Start::Now`], see [`Cursor::resumed`].
    After(u64),
}

/// The reader missed updates that are gone from the topic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FellBehind;

/// Wakes one client, whichever of its topics has something new. A ring that nobody waits for is kept until somebody does.
#[derive(Debug, Default)]
pub struct ReaderWakeup(Notify);

impl ReaderWakeup {
    /// Waits until it rings; returns at once when it rang since the last time.
    pub async fn rung(&self) {
        self.0.notified().await;
    }

    /// Rings it.
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
    /// New topics count on from here, so that no number of an earlier topic or process is given again.
    floor: AtomicU64,
    ids: AtomicU64,
    updates_max: usize,
}

impl Hub {
    /// An empty hub. Numbers start at `now` in microseconds, so that a client that resumes after a restart is recognised.
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
        }
    }

    /// Puts an update behind the others of its topic. `data` is an object; anything else stands under `value`.
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

    /// Whether anybody reads the topic; a publisher may spare itself making updates that nobody sees.
    pub fn has_readers(&self, topic: &str) -> bool {
        self.find(topic).is_some_and(|topic| topic.readers() > 0)
    }

    /// Says that a session publishes nothing more: its values leave the conflated topics, and its own topic
    /// `session/<id>` goes as soon as nobody reads it.
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

    /// A place in a topic. The bell rings whenever there is something new, at once for what is there already.
    ///
    /// # Errors
    /// `too_many_topics` when as many topics are being read as there may be.
    pub fn subscribe(
        self: &Arc<Self>,
        name: &str,
        filter: Filter,
        start: Start,
        bell: &Arc<ReaderWakeup>,
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
        topic.register(id, bell.clone());
        drop(topics);
        let (seen, resumed) = topic.place(start);
        bell.ring();
        Ok(Cursor { hub: self.clone(), topic, id, filter, seen, resumed })
    }

    /// Wakes readers for as long as it is polled. The server runs it once; without it nobody is woken.
    pub async fn run(&self) {
        loop {
            self.wake.notified().await;
            for topic in std::mem::take(&mut *locked(&self.fresh)) {
                topic.ring();
            }
        }
    }

    /// Topics that exist.
    pub fn topics(&self) -> usize {
        self.topics.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn find(&self, topic: &str) -> Option<Arc<Topic>> {
        self.topics.read().unwrap_or_else(PoisonError::into_inner).get(topic).cloned()
    }

    /// Topics that nobody reads go when there are too many: who resumes there gets a snapshot.
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

/// A reader's place in a topic.
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
    /// Adds at most `most` updates to `into`, oldest first, and says whether there are more. In a conflated topic the
    /// latest value of each session and symbol that changed since.
    ///
    /// # Errors
    /// [`FellBehind`] when the next update is gone; a conflated topic never says so.
    pub fn read(&mut self, most: usize, into: &mut Vec<Arc<Update>>) -> Result<More, FellBehind> {
        let (seen, more) = self.topic.read(self.seen, &self.filter, most, into)?;
        self.seen = seen;
        Ok(more)
    }

    /// Number of the last update that was read or skipped by the filter.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Whether it goes on exactly where [`Start::After`] asked; if not the reader needs a snapshot.
    pub fn resumed(&self) -> bool {
        self.resumed
    }

    /// Whether only the latest values are read.
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

/// Whether a read left something behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum More {
    /// Read again before waiting.
    Yes,
    /// Wait for the bell.
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

/// A panic elsewhere leaves nothing half-changed here: every change is one push, insert or removal.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const _: () = assert!(TOPIC_BYTES > 0 && TOPIC_UPDATES > 0);

#[cfg(test)]
mod tests;
