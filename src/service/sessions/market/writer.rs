//! The thread that commits a session's journal, so that the thread that decides waits for no disk.
//!
//! One commit is under way at a time, and one is handed over while none is; what gathers meanwhile goes with
//! the next. Invariant: events are published here, after the commit that made what they follow from durable.

use crate::clock::Stopwatch;
use crate::domain::time::Span;
use crate::service::market::Lags;
use crate::service::sessions::run::running::Running;
use crate::store::records::{SessionReachedV2, SessionRow};
use crate::store::{EventSegment, OpenRecording, RecordingCommit, StoreError};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{Builder, JoinHandle};

/// What goes with the rows that wait in the recording when it is committed.
pub(super) struct Commit {
    /// Events that follow from rows which were appended before this was made.
    pub part: Arc<EventSegment>,
    /// The session's row, when it has something to say.
    pub row: Option<SessionRow>,
    /// What is shown of the session once this is on disk.
    pub counted: SessionReachedV2,
    /// The messages that wait.
    pub came: Vec<Came>,
    /// Who waits for it.
    pub waiting: AwaitingCommit,
}

/// What is done once everything so far is on disk. Both lists are short however long a disk hangs: for each
/// pair of strategy and symbol an entry, an exit and their withdrawals, behind which the engine waits for
/// answers, and `SESSION_COMMANDS` commands.
#[derive(Default)]
pub(super) struct AwaitingCommit {
    /// Orders that may leave then, before anything is published.
    pub orders: Vec<WhenDurable>,
    /// Answers to those who asked for something, when it was published.
    pub answers: Vec<WhenDurable>,
}

impl AwaitingCommit {
    pub(super) fn is_empty(&self) -> bool {
        self.orders.is_empty() && self.answers.is_empty()
    }
}

/// A message that waits for its commit. Times count from when the journal was opened.
#[derive(Clone, Copy)]
pub(super) struct Came {
    pub arrived: Span,
    /// When the engine had seen it.
    pub decided: Option<Span>,
}

/// Lets orders go, or answers.
pub(super) type WhenDurable = Box<dyn FnOnce() + Send>;

/// A session's commits.
pub(super) struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Between the thread that decides and the one that commits.
#[derive(Default)]
struct Shared {
    /// Has the session's thread look.
    wake: OnceLock<Box<dyn Fn() + Send + Sync>>,
    slot: Mutex<CommitSlot>,
    changed: Condvar,
}

#[derive(Default)]
struct CommitSlot {
    /// Handed over.
    commit: Option<Commit>,
    /// Handed over, and not durable yet.
    is_busy: bool,
    /// Why a commit failed: nothing is committed any more.
    failed: Option<StoreError>,
    is_over: bool,
    /// Something waits for the next commit: the session's thread is told when this one is over.
    is_awaited: bool,
    /// Memory for the next [`Commit::came`].
    spare: Vec<Came>,
}

impl Writer {
    /// Starts the thread; times of [`Commit::came`] count from `opened`.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(
        session: &Arc<Running>,
        recording: &Arc<OpenRecording>,
        lags: Arc<Lags>,
        opened: Stopwatch,
    ) -> io::Result<Writer> {
        let shared = Arc::new(Shared::default());
        let (of_thread, session, recording) =
            (Arc::clone(&shared), Arc::clone(session), Arc::clone(recording));
        // Linux shows 15 bytes of a thread's name.
        let name = format!("commit-{}", session.id.rsplit('_').next().unwrap_or_default());
        let thread = Builder::new().name(name).spawn(move || {
            while let Some(mut commit) = of_thread.next() {
                let written = catch_unwind(AssertUnwindSafe(|| {
                    write(&session, &recording, &mut commit)?;
                    let now = opened.elapsed();
                    for Came { arrived, decided } in &commit.came {
                        lags.durable.add(now - *arrived);
                        decided.iter().for_each(|decided| lags.committed.add(now - *decided));
                    }
                    Ok(())
                }));
                let defect = || StoreError::Damaged {
                    place: "the journal of a session".to_owned(),
                    what: "a defect stopped its writer".to_owned(),
                };
                commit.came.clear();
                of_thread.done(written.unwrap_or_else(|_| Err(defect())), commit.came);
            }
        })?;
        Ok(Writer { shared, thread: Some(thread) })
    }

    /// Whether a commit is under way.
    ///
    /// # Errors
    /// Why one failed.
    pub(super) fn is_busy(&self) -> Result<bool, StoreError> {
        let slot = self.shared.lock();
        slot.failed.clone().map_or(Ok(slot.is_busy), Err)
    }

    /// How the session's thread is made to look; until it is known it looks by itself.
    pub(super) fn wakes_with(&self, wake: impl Fn() + Send + Sync + 'static) {
        // Only the first counts: a session has one inbox.
        let _ = self.shared.wake.set(Box::new(wake));
    }

    /// Has the session's thread look when the commit under way is over.
    pub(super) fn wake_when_done(&self) {
        let mut slot = self.shared.lock();
        slot.is_awaited = slot.is_busy;
        let is_over = !slot.is_busy;
        drop(slot);
        if is_over {
            self.shared.wake();
        }
    }

    /// Hands a commit over, once the one under way is durable; gives memory for the next [`Commit::came`].
    ///
    /// # Errors
    /// Why an earlier one failed.
    pub(super) fn hand_over(&self, commit: Commit) -> Result<Vec<Came>, StoreError> {
        let mut slot = self.shared.idle()?;
        (slot.commit, slot.is_busy) = (Some(commit), true);
        let spare = std::mem::take(&mut slot.spare);
        drop(slot);
        self.shared.changed.notify_all();
        Ok(spare)
    }

    /// Waits until nothing is under way.
    ///
    /// # Errors
    /// Why a commit failed.
    pub(super) fn settle(&self) -> Result<(), StoreError> {
        self.shared.idle().map(drop)
    }
}

/// Ends the thread after the commit under way.
impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // It catches what panics inside.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// The next commit; `None` when there will be none.
    fn next(&self) -> Option<Commit> {
        let idle = |slot: &mut CommitSlot| slot.commit.is_none() && !slot.is_over;
        let waited = self.changed.wait_while(self.lock(), idle);
        waited.unwrap_or_else(PoisonError::into_inner).commit.take()
    }

    fn done(&self, written: Result<(), StoreError>, spare: Vec<Came>) {
        let mut slot = self.lock();
        (slot.is_busy, slot.failed, slot.spare) = (false, written.err(), spare);
        let is_awaited = std::mem::take(&mut slot.is_awaited);
        drop(slot);
        self.changed.notify_all();
        if is_awaited {
            self.wake();
        }
    }

    fn wake(&self) {
        if let Some(wake) = self.wake.get() {
            wake();
        }
    }

    fn idle(&self) -> Result<MutexGuard<'_, CommitSlot>, StoreError> {
        let waited = self.changed.wait_while(self.lock(), |slot| slot.is_busy);
        let slot = waited.unwrap_or_else(PoisonError::into_inner);
        match &slot.failed {
            Some(error) => Err(error.clone()),
            None => Ok(slot),
        }
    }

    fn lock(&self) -> MutexGuard<'_, CommitSlot> {
        // Every change is complete before anything can panic.
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write(session: &Running, recording: &OpenRecording, commit: &mut Commit) -> Result<(), StoreError> {
    let row = commit.row.as_ref().map(|row| (row, &*commit.part));
    recording.commit(RecordingCommit { session: row })?;
    let AwaitingCommit { orders, answers } = std::mem::take(&mut commit.waiting);
    orders.into_iter().for_each(|go| go());
    session.stream.written();
    session.is_on_disk(commit.counted);
    session.stream.release_part();
    answers.into_iter().for_each(|answer| answer());
    Ok(())
}
