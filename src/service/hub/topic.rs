//! One topic: the updates it keeps and its readers.
//!
//! Two locks, never held together: publishing and reading use the kept updates; only subscribing and waking
//! use the list of readers.

use super::{FellBehind, Filter, More, ReaderWakeup, Start, Update, locked};
use crate::limits::{TOPIC_BYTES, TOPIC_VALUES};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// A stream of updates with its own sequence numbers.
#[derive(Debug)]
pub(super) struct Topic {
    name: Box<str>,
    conflated: bool,
    updates_max: usize,
    /// Number before its first update.
    base: u64,
    kept: Mutex<Retained>,
    readers: Mutex<BTreeMap<u64, Arc<ReaderWakeup>>>,
    /// Set while a wake-up of the readers is pending.
    fresh: AtomicBool,
    /// Set when nothing more will be published.
    retired: AtomicBool,
}

/// The updates a topic keeps.
#[derive(Debug)]
struct Retained {
    last: u64,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// The last updates without a gap, and their total bytes.
    Ring { updates: VecDeque<Arc<Update>>, bytes: usize },
    /// The latest update of every session and symbol, by sequence number.
    Latest { updates: BTreeMap<u64, Arc<Update>>, newest: HashMap<Key, u64> },
}

impl Form {
    fn is_empty(&self) -> bool {
        match self {
            Form::Ring { updates, .. } => updates.is_empty(),
            Form::Latest { updates, .. } => updates.is_empty(),
        }
    }
}

/// Session and symbol.
type Key = (Option<Box<str>>, Option<Box<str>>);

impl Topic {
    pub(super) fn new(name: &str, conflated: bool, last: u64, updates_max: usize) -> Self {
        let form = match conflated {
            true => Form::Latest { updates: BTreeMap::new(), newest: HashMap::new() },
            false => Form::Ring { updates: VecDeque::new(), bytes: 0 },
        };
        Topic {
            name: name.into(),
            conflated,
            updates_max,
            base: last,
            kept: Mutex::new(Retained { last, form }),
            readers: Mutex::default(),
            fresh: AtomicBool::new(false),
            retired: AtomicBool::new(false),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_conflated(&self) -> bool {
        self.conflated
    }

    pub(super) fn last_seq(&self) -> u64 {
        locked(&self.kept).last
    }

    pub(super) fn append(
        &self,
        event: &'static str,
        session_id: Option<Box<str>>,
        symbol: Option<Box<str>>,
        json: Box<str>,
    ) {
        let mut kept = locked(&self.kept);
        kept.last += 1;
        let update = Arc::new(Update { seq: kept.last, event, session_id, symbol, json });
        match &mut kept.form {
            Form::Ring { updates, bytes } => {
                *bytes += update.json.len();
                updates.push_back(update);
                // The newest update stays, however large it is.
                while updates.len() > 1 && (updates.len() > self.updates_max || *bytes > TOPIC_BYTES) {
                    *bytes -= updates.pop_front().map_or(0, |oldest| oldest.json.len());
                }
            }
            Form::Latest { updates, newest } => {
                let before = newest.insert((update.session_id.clone(), update.symbol.clone()), update.seq);
                if let Some(before) = before {
                    updates.remove(&before);
                }
                updates.insert(update.seq, update);
                if updates.len() > TOPIC_VALUES
                    && let Some((_, oldest)) = updates.pop_first()
                {
                    newest.remove(&(oldest.session_id.clone(), oldest.symbol.clone()));
                }
            }
        }
    }

    pub(super) fn forget_session(&self, session_id: &str) {
        if let Form::Latest { updates, newest } = &mut locked(&self.kept).form {
            updates.retain(|_, update| update.session_id.as_deref() != Some(session_id));
            newest.retain(|(session, _), _| session.as_deref() != Some(session_id));
        }
    }

    /// The sequence number after which a new reader continues, and whether that is where it asked to start.
    pub(super) fn locate(&self, start: Start) -> (u64, bool) {
        let kept = locked(&self.kept);
        match (&kept.form, start) {
            (Form::Latest { .. }, _) => (0, false),
            (Form::Ring { updates, .. }, Start::After(seen)) => {
                let oldest = kept.last - updates.len() as u64;
                // What came before this topic was made, behind one of its name that was removed, is not
                // known.
                let is_known = seen > self.base && (oldest..=kept.last).contains(&seen);
                if is_known { (seen, true) } else { (kept.last, false) }
            }
            (Form::Ring { .. }, Start::Now) => (kept.last, false),
        }
    }

    pub(super) fn read(
        &self,
        seen: u64,
        filter: &Filter,
        most: usize,
        into: &mut Vec<Arc<Update>>,
    ) -> Result<(u64, More), FellBehind> {
        let kept = locked(&self.kept);
        match &kept.form {
            Form::Ring { updates, .. } => {
                let oldest = kept.last - updates.len() as u64;
                let skip = seen.checked_sub(oldest).ok_or(FellBehind)?;
                Ok(take(updates.iter().skip(skip as usize), kept.last, filter, most, into))
            }
            Form::Latest { updates, .. } => {
                Ok(take(updates.range(seen + 1..).map(|(_, update)| update), kept.last, filter, most, into))
            }
        }
    }

    pub(super) fn register(&self, id: u64, wakeup: Arc<ReaderWakeup>) {
        locked(&self.readers).insert(id, wakeup);
    }

    pub(super) fn unregister(&self, id: u64) {
        locked(&self.readers).remove(&id);
    }

    pub(super) fn readers(&self) -> usize {
        locked(&self.readers).len()
    }

    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }

    /// Whether the topic can be dropped: it is retired, or nothing was ever published.
    pub(super) fn is_done(&self) -> bool {
        self.retired.load(Ordering::Acquire) || locked(&self.kept).form.is_empty()
    }

    /// Marks the topic as having updates; true for the first mark since readers were last woken.
    pub(super) fn mark_fresh(&self) -> bool {
        !self.fresh.swap(true, Ordering::AcqRel)
    }

    /// Wakes all readers. Clears the mark first, so that an update published from now on marks the topic
    /// again.
    pub(super) fn ring(&self) {
        self.fresh.store(false, Ordering::Release);
        for wakeup in locked(&self.readers).values() {
            wakeup.ring();
        }
    }
}

/// Appends up to `most` matching updates; returns the sequence number read up to.
fn take<'k>(
    updates: impl Iterator<Item = &'k Arc<Update>>,
    last: u64,
    filter: &Filter,
    most: usize,
    into: &mut Vec<Arc<Update>>,
) -> (u64, More) {
    for (taken, update) in updates.filter(|update| filter.passes(update)).enumerate() {
        if taken == most {
            // Stop just before this update, so that it is read next.
            return (update.seq - 1, More::Yes);
        }
        into.push(update.clone());
    }
    (last, More::No)
}
