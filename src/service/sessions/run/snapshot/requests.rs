//! Asking a session's thread for a snapshot, and getting it.
//!
//! The thread makes one between two batches of input and only when somebody asks; nobody who asks holds a
//! thread while waiting. Invariant: whoever asks gets a snapshot of a moment after the question, or is told
//! that none came.

use crate::clock::Stopwatch;
use crate::domain::time::Span;
use crate::session::snapshot::{Parts, Snapshot};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// Between two snapshots of one session.
const EVERY: Span = Span::from_millis(100);
/// A snapshot may take this share of the session's time: the next one waits as many times as long as the last
/// took.
const REST_PER_COST: i64 = 20;
/// How long a question waits for its answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);

/// A snapshot that was published: everything in it is on disk.
#[derive(Debug)]
pub struct Shown {
    /// Number of the last event of the session's stream before it: what happened later has a higher one.
    pub seq: u64,
    /// Events before it that the stream only counted, because it was full.
    pub events_not_kept: u64,
    /// The session.
    pub snapshot: Snapshot,
    number: u64,
    parts: Parts,
}

impl Shown {
    /// Whether whoever waits for the other one is content with this later one.
    pub(in crate::service::sessions) fn replaces(&self, other: &Shown) -> bool {
        self.number > other.number && self.parts.covers(other.parts)
    }
}

/// What was published last.
#[derive(Clone, Default)]
struct Published {
    last: Option<Arc<Shown>>,
    /// The session's thread has left it: nothing more comes.
    ended: bool,
}

/// What the session's thread is asked for.
#[derive(Clone, Copy, Debug)]
pub(in crate::service::sessions) struct Wanted {
    /// The parts that somebody wants.
    pub parts: Parts,
    number: u64,
}

#[cfg(test)]
impl Wanted {
    /// Of a snapshot with a number.
    pub(in crate::service::sessions) fn numbered(number: u64, parts: Parts) -> Self {
        Wanted { parts, number }
    }
}

/// What a question brought.
#[derive(Debug)]
pub(in crate::service::sessions) enum Answered {
    /// A snapshot of a moment after the question.
    Fresh(Arc<Shown>),
    /// None came in time; the last one that was published, if it has the parts.
    Late(Option<Arc<Shown>>),
    /// The session has ended.
    Ended,
}

/// The questions to one session and its last snapshot.
pub(in crate::service::sessions) struct Snapshots {
    /// Whether anybody asks: all that a session's thread looks at while nobody does.
    is_asked: AtomicBool,
    state: Mutex<SnapshotsState>,
    published: watch::Sender<Published>,
}

struct SnapshotsState {
    parts: Parts,
    /// Snapshots made so far.
    made: u64,
    /// When the last one was begun, and how long it took.
    last: Option<(Stopwatch, Span)>,
}

impl Snapshots {
    pub(in crate::service::sessions) fn new() -> Self {
        Snapshots {
            is_asked: AtomicBool::new(false),
            state: Mutex::new(SnapshotsState { parts: Parts::default(), made: 0, last: None }),
            published: watch::Sender::new(Published::default()),
        }
    }

    /// For the session's thread: whether a snapshot is wanted. Whoever gets one makes it.
    #[inline]
    pub(in crate::service::sessions) fn wanted(&self) -> Option<Wanted> {
        if self.is_asked.load(Ordering::Relaxed) { Some(self.take()) } else { None }
    }

    #[cold]
    fn take(&self) -> Wanted {
        let mut state = self.lock();
        self.is_asked.store(false, Ordering::Relaxed);
        state.made += 1;
        state.last = Some((Stopwatch::start(), Span::ZERO));
        Wanted { parts: std::mem::take(&mut state.parts), number: state.made }
    }

    /// The snapshot that was wanted, to be published when what it shows is on disk.
    pub(in crate::service::sessions) fn made(
        &self,
        wanted: Wanted,
        snapshot: Snapshot,
        (seq, events_not_kept): (u64, u64),
    ) -> Arc<Shown> {
        if let Some((begun, took)) = &mut self.lock().last {
            *took = begun.elapsed();
        }
        Arc::new(Shown { seq, events_not_kept, snapshot, number: wanted.number, parts: wanted.parts })
    }

    /// What it shows is on disk.
    pub(in crate::service::sessions) fn publish(&self, shown: Arc<Shown>) {
        self.published.send_modify(|published| published.last = Some(shown));
    }

    /// The session's thread leaves it.
    pub(in crate::service::sessions) fn end(&self) {
        self.published.send_modify(|published| published.ended = true);
    }

    /// Asks for a snapshot of now. `wake` makes a session's thread look that waits for its next event.
    pub(in crate::service::sessions) async fn ask(&self, parts: Parts, wake: impl Fn()) -> Answered {
        let after = self.lock().made;
        let mut published = self.published.subscribe();
        let fits = |shown: &Shown| shown.number > after && shown.parts.covers(parts);
        let answer = async {
            loop {
                let now = published.borrow_and_update().clone();
                match now.last {
                    Some(shown) if fits(&shown) => return Answered::Fresh(shown),
                    _ if now.ended => return Answered::Ended,
                    _ => {}
                }
                let changed = match self.put(parts) {
                    // Others may be answered before, with a snapshot that fits.
                    Some(too_early) => timeout(too_early, published.changed()).await,
                    None => {
                        wake();
                        Ok(published.changed().await)
                    }
                };
                if let Ok(Err(_)) = changed {
                    return Answered::Ended;
                }
            }
        };
        match timeout(ANSWERED_WITHIN, answer).await {
            Ok(answered) => answered,
            Err(_) => Answered::Late(self.last(parts)),
        }
    }

    /// The last one published, if it has the parts.
    pub(in crate::service::sessions) fn last(&self, parts: Parts) -> Option<Arc<Shown>> {
        self.published.borrow().last.clone().filter(|shown| shown.parts.covers(parts))
    }

    /// Puts a question, unless the last one was answered so lately that it has to wait: for how long.
    fn put(&self, parts: Parts) -> Option<Duration> {
        let mut state = self.lock();
        if let Some((begun, took)) = state.last {
            let rest = EVERY.nanos().max(took.nanos().saturating_mul(REST_PER_COST));
            let left = rest.saturating_sub(begun.elapsed().nanos());
            if left > 0 {
                return Some(Duration::from_nanos(left.unsigned_abs()));
            }
        }
        state.parts = state.parts.and(parts);
        self.is_asked.store(true, Ordering::Relaxed);
        None
    }

    fn lock(&self) -> MutexGuard<'_, SnapshotsState> {
        // Every change is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::symbol::SymbolTable;
    use crate::domain::time::Timestamp;
    use crate::engine::Engine;
    use crate::engine::account::SessionConfig;
    use crate::session::snapshot::Moment;

    const STATES: Parts = Parts { states: true, equity: false };

    /// What the session's thread does between two batches; the snapshot tells its number by its time.
    fn look_up(snapshots: &Snapshots) -> Option<Arc<Shown>> {
        let wanted = snapshots.wanted()?;
        let table = Arc::new(SymbolTable::default());
        let mut engine = Engine::new(&table, &[], SessionConfig::default());
        let at = Timestamp::from_seconds(wanted.number as i64);
        let moment = Moment { engine: &mut engine, table: &table, at };
        Some(snapshots.made(wanted, Snapshot::take(moment, None, &[], wanted.parts), (7, 0)))
    }

    fn number(answered: Answered) -> i64 {
        let Answered::Fresh(shown) = answered else { panic!("{answered:?}") };
        assert_eq!((shown.seq, shown.snapshot.states.is_some()), (7, shown.parts.states));
        shown.snapshot.at.seconds()
    }

    /// Polls a question once, so that it is put.
    async fn put<T>(question: &mut (impl Future<Output = T> + Unpin)) {
        tokio::select! { biased; _ = question => panic!("answered"), () = std::future::ready(()) => {} }
    }

    #[tokio::test]
    async fn a_question_is_answered_with_a_moment_after_it() {
        let snapshots = Snapshots::new();
        assert!(look_up(&snapshots).is_none(), "nobody asks");
        let mut first = Box::pin(snapshots.ask(Parts::default(), || {}));
        put(&mut first).await;
        let made = look_up(&snapshots).unwrap();
        // Asked after it was made, although before it was published: the next one is the answer.
        let mut second = Box::pin(snapshots.ask(STATES, || {}));
        put(&mut second).await;
        snapshots.publish(made);
        assert_eq!(number(first.await), 1);
        let next = loop {
            put(&mut second).await;
            match look_up(&snapshots) {
                Some(made) => break made,
                // It rests after the first.
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        };
        snapshots.publish(next);
        assert_eq!(number(second.await), 2);
        assert!(
            snapshots.last(STATES).is_some() && snapshots.last(Parts { equity: true, ..STATES }).is_none()
        );
    }

    #[tokio::test]
    async fn many_questions_at_once_are_one_snapshot_and_a_flood_is_slowed_down() {
        let snapshots = Snapshots::new();
        let thread = async {
            loop {
                if let Some(made) = look_up(&snapshots) {
                    snapshots.publish(made);
                }
                tokio::task::yield_now().await;
            }
        };
        let asked = async {
            let watch = Stopwatch::start();
            let all = (0..50).map(|_| snapshots.ask(STATES, || {}));
            let numbers: Vec<i64> =
                futures_util::future::join_all(all).await.into_iter().map(number).collect();
            assert_eq!(numbers, [1; 50]);
            for expected in 2..5 {
                assert_eq!(number(snapshots.ask(STATES, || {}).await), expected);
            }
            assert!(watch.elapsed() >= Span::from_millis(300), "three more, 100 ms apart");
        };
        tokio::select! { () = thread => {}, () = asked => {} }
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_that_nobody_answers_ends_with_what_is_known() {
        let snapshots = Snapshots::new();
        let woken = AtomicBool::new(false);
        let asked = snapshots.ask(STATES, || woken.store(true, Ordering::Relaxed)).await;
        assert!(matches!(asked, Answered::Late(None)) && woken.load(Ordering::Relaxed));
        snapshots.publish(look_up(&snapshots).unwrap());
        let Answered::Late(Some(last)) = snapshots.ask(Parts::default(), || {}).await else {
            panic!("no last one")
        };
        assert_eq!(last.snapshot.at, Timestamp::from_seconds(1));
        let mut waiting = Box::pin(snapshots.ask(STATES, || {}));
        put(&mut waiting).await;
        snapshots.end();
        assert!(matches!(waiting.await, Answered::Ended));
    }
}
