//! Commits that concurrent callers share: one of them does the work of all who wait, without a thread of its
//! own.
//!
//! A commit costs its syncs, however much is in it. So a caller leaves its change in a queue; whoever finds
//! nobody at work takes the whole queue, runs every change in one transaction and commits it. A change that
//! refuses harms nobody: the transaction is undone and the others are run again without it, then the refused
//! ones each alone, so that each is refused or done by how things stand behind the others. That is why
//! changes can run more than once. Never: an acknowledgement before the commit is on disk.

use super::StoreError;
use super::current::Current;
use super::error::during;
use crate::limits::STORE_COMMIT_QUEUE;
use redb::WriteTransaction;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// How a change ended; the outer error is a panic inside it, which belongs to its caller.
type JobOutcome = thread::Result<Result<(), StoreError>>;
type Write = Box<dyn FnMut(&WriteTransaction) -> Result<(), StoreError> + Send>;

/// A change that waits, and where its caller looks for the outcome.
struct Job {
    change: Write,
    outcome: Arc<Mutex<Option<JobOutcome>>>,
}

/// The changes that wait for a commit.
#[derive(Default)]
pub(super) struct Commits {
    queue: Mutex<Queue>,
    turn: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Job>,
    /// Somebody is committing.
    busy: bool,
}

/// Why a transaction over several changes did not happen.
enum Fault {
    /// The change at this index refused, or panicked.
    Change(usize, JobOutcome),
    /// The disk did, so it is everybody's.
    Commit(StoreError),
}

impl Commits {
    /// Runs a change together with those of other callers; it is on disk afterwards, or left no trace.
    ///
    /// # Errors
    /// Its own, or the commit's.
    pub(super) fn run<T: Send + 'static>(
        &self,
        current: &Current,
        mut change: impl FnMut(&WriteTransaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let value = Arc::new(Mutex::new(None));
        let outcome = Arc::new(Mutex::new(None));
        let kept = Arc::clone(&value);
        let change = Box::new(move |txn: &WriteTransaction| {
            let value = change(txn)?;
            *lock(&kept) = Some(value);
            Ok(())
        });
        match self.wait(current, Job { change, outcome: Arc::clone(&outcome) }, &outcome) {
            Ok(Ok(())) => Ok(lock(&value).take().expect("a change that succeeded left its value")),
            Ok(Err(error)) => Err(error),
            Err(panic) => resume_unwind(panic),
        }
    }

    #[cfg(test)]
    pub(super) fn is_busy(&self) -> bool {
        lock(&self.queue).busy
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        lock(&self.queue).waiting.len()
    }

    fn wait(&self, current: &Current, job: Job, outcome: &Mutex<Option<JobOutcome>>) -> JobOutcome {
        let mut queue = lock(&self.queue);
        while queue.waiting.len() >= STORE_COMMIT_QUEUE {
            queue = self.turn.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.waiting.push(job);
        loop {
            if let Some(outcome) = lock(outcome).take() {
                return outcome;
            }
            if queue.busy {
                queue = self.turn.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            queue.busy = true;
            let group = std::mem::take(&mut queue.waiting);
            drop(queue);
            let leader = Leader(self);
            settle(current, group);
            drop(leader);
            queue = lock(&self.queue);
        }
    }
}

/// Lets the next caller lead, also when the database panicked.
struct Leader<'a>(&'a Commits);

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        lock(&self.0.queue).busy = false;
        self.0.turn.notify_all();
    }
}

/// Nobody waits for ever: a change whose leader panicked failed.
impl Drop for Job {
    fn drop(&mut self) {
        let lost = || Ok(Err(StoreError::damaged("the store file", "the database stopped while writing it")));
        lock(&self.outcome).get_or_insert_with(lost);
    }
}

/// Runs every change of a group and says to each how it ended.
fn settle(current: &Current, mut group: Vec<Job>) {
    let mut refused = Vec::new();
    while !group.is_empty() {
        match attempt(current, &mut group) {
            Ok(()) => {
                group.drain(..).for_each(|job| job.say(Ok(Ok(()))));
            }
            Err(Fault::Commit(error)) => {
                group.drain(..).for_each(|job| job.say(Ok(Err(error.clone()))));
            }
            Err(Fault::Change(at, outcome)) => {
                let job = group.remove(at);
                // With nobody beside it, it was refused by how things stand.
                if group.is_empty() && refused.is_empty() { job.say(outcome) } else { refused.push(job) }
            }
        }
    }
    for mut job in refused {
        let outcome = match attempt(current, std::slice::from_mut(&mut job)) {
            Ok(()) => Ok(Ok(())),
            Err(Fault::Commit(error)) => Ok(Err(error)),
            Err(Fault::Change(_, outcome)) => outcome,
        };
        job.say(outcome);
    }
}

impl Job {
    fn say(self, outcome: JobOutcome) {
        *lock(&self.outcome) = Some(outcome);
    }
}

/// All changes in one transaction, or none.
fn attempt(current: &Current, group: &mut [Job]) -> Result<(), Fault> {
    let txn = current.begin_write().map_err(Fault::Commit)?;
    for (at, job) in group.iter_mut().enumerate() {
        // A panic inside a change must not unwind through the transaction: it would not be undone.
        let outcome = catch_unwind(AssertUnwindSafe(|| (job.change)(&txn)));
        if !matches!(outcome, Ok(Ok(()))) {
            return Err(Fault::Change(at, outcome));
        }
    }
    txn.commit().map_err(during("writing a change")).map_err(Fault::Commit)
}

/// What a panic left behind is whole: nothing here stops between two steps that belong together.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Commits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Commits")
    }
}
