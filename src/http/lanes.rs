//! Bounded groups ("lanes") of threads for blocking work. The permits of all lanes together fit the runtime's
//! blocking threads (`limits.rs` asserts it), so a lane filled by slow disks, long computations or a client
//! that does not read leaves the others unaffected.
//!
//! Invariant: in `http`, `spawn_blocking` is called only here and in `stream::client`, which has its own
//! semaphore.

use super::key_locks::{KeyLocks, NoTurn, OwnTurn};
use crate::limits::{
    HTTP_CONTROLS, HTTP_COPIES, HTTP_EXCHANGE_CALLS, HTTP_EXPORTS, HTTP_HEAVY_READS,
    HTTP_HEAVY_READS_PER_USER, HTTP_HEAVY_READS_WAITING_PER_USER, HTTP_IMPORTS, HTTP_LISTS,
    HTTP_PASSWORD_CHECKS, HTTP_PREVIEWS, HTTP_REPLAYS, HTTP_STARTS, HTTP_STORE_THREADS, HTTP_SYMBOL_LISTS,
    HTTP_URGENT_THREADS,
};
use crate::service::{Refusal, RefusalKind};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

/// Kinds of blocking work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lane {
    /// Short work that must always get a thread.
    Urgent,
    /// Controlling one session, which may take seconds.
    Control,
    /// Reading and writing the store.
    Store,
    /// Reading a whole result, or all rows of a recorded symbol, for one answer, which may be large. Its
    /// users have shares, and the next turn of a user begins when the answer has been sent.
    Heavy,
    /// Checking a password.
    Password,
    /// Streaming rows to a client, which may be slow.
    Export,
    /// Sending a list of records to a command.
    List,
    /// Copying all of one recording, session or result to a command.
    Copy,
    /// Replaying a session.
    Replay,
    /// Computing a strategy preview.
    Preview,
    /// Reading files into the store.
    Import,
    /// The list of the exchange's symbols, which anybody may ask for: who waits shares the one call.
    Symbols,
    /// Calling the exchange, which may be slow.
    Exchange,
    /// Starting a session, which may wait for the exchange and for other starts.
    Start,
}

/// Seconds after which a client should retry a full lane.
const RETRY_AFTER_S: u32 = 5;
/// How long a heavy read waits for its turn.
const HEAVY_PATIENCE: Duration = Duration::from_secs(30);

impl Lane {
    const ALL: [Lane; 14] = [
        Lane::Urgent,
        Lane::Control,
        Lane::Store,
        Lane::Heavy,
        Lane::Password,
        Lane::Export,
        Lane::List,
        Lane::Copy,
        Lane::Replay,
        Lane::Preview,
        Lane::Import,
        Lane::Symbols,
        Lane::Exchange,
        Lane::Start,
    ];

    const fn permits(self) -> usize {
        match self {
            Lane::Urgent => HTTP_URGENT_THREADS,
            Lane::Control => HTTP_CONTROLS,
            Lane::Store => HTTP_STORE_THREADS,
            Lane::Heavy => HTTP_HEAVY_READS,
            Lane::Password => HTTP_PASSWORD_CHECKS,
            Lane::Export => HTTP_EXPORTS,
            Lane::List => HTTP_LISTS,
            Lane::Copy => HTTP_COPIES,
            Lane::Replay => HTTP_REPLAYS,
            Lane::Preview => HTTP_PREVIEWS,
            Lane::Import => HTTP_IMPORTS,
            Lane::Symbols => HTTP_SYMBOL_LISTS,
            Lane::Exchange => HTTP_EXCHANGE_CALLS,
            Lane::Start => HTTP_STARTS,
        }
    }

    /// The refusal when no permit is free; `None` for a lane where requests wait.
    fn full(self) -> Option<Refusal> {
        let (code, what) = match self {
            Lane::Export => ("too_many_exports", "exports"),
            Lane::Replay => ("too_many_replays", "replays and charts of trades"),
            Lane::Urgent
            | Lane::Control
            | Lane::Store
            | Lane::Heavy
            | Lane::Password
            | Lane::List
            | Lane::Copy
            | Lane::Preview
            | Lane::Import
            | Lane::Symbols
            | Lane::Exchange
            | Lane::Start => {
                return None;
            }
        };
        let message = format!(
            "{} {what} are running, which is the most allowed: try again when one has ended",
            self.permits()
        );
        Some(Refusal {
            retry_after_s: Some(RETRY_AFTER_S),
            ..Refusal::new(RefusalKind::TooMany, code, message)
        })
    }
}

/// All lanes.
pub struct Lanes {
    permits: [Arc<Semaphore>; Lane::ALL.len()],
    /// Turns in the heavy lane, by user.
    heavy: Arc<KeyLocks<Arc<str>>>,
}

/// A user's own turn in the heavy lane, dropped when the answer has been sent. Others go on when the work is
/// done, however slowly the answer is read.
pub type HeavyTurn = OwnTurn<Arc<str>>;

/// A permit of a lane, held until it and all work started with it are done.
pub struct LanePermit(Arc<OwnedSemaphorePermit>);

impl Default for Lanes {
    fn default() -> Self {
        Lanes {
            permits: Lane::ALL.map(|lane| Arc::new(Semaphore::new(lane.permits()))),
            heavy: KeyLocks::new(
                HTTP_HEAVY_READS,
                HTTP_HEAVY_READS_PER_USER,
                HTTP_HEAVY_READS_WAITING_PER_USER,
            ),
        }
    }
}

impl Lanes {
    /// Takes a permit, in the order of the requests.
    ///
    /// # Errors
    /// 429 in a lane where requests do not wait.
    pub async fn enter(&self, lane: Lane) -> Result<LanePermit, Refusal> {
        let semaphore = Arc::clone(&self.permits[lane as usize]);
        let permit = match lane.full() {
            Some(full) => semaphore.try_acquire_owned().map_err(|_| full)?,
            None => semaphore.acquire_owned().await.expect("the semaphore is never closed"),
        };
        Ok(LanePermit(Arc::new(permit)))
    }

    /// Runs blocking work in a lane. It runs to completion even if the request is cancelled.
    ///
    /// # Errors
    /// As [`Lanes::enter`]; `internal_error` when the work panics.
    pub async fn run<T: Send + 'static>(
        &self,
        lane: Lane,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        self.enter(lane).await?.run(work).await
    }

    /// As [`Lanes::run`], of a user, who in the heavy lane waits behind himself. All without a login are one
    /// user. Gives the turn in the heavy lane too: whoever holds a large answer holds it, until the answer
    /// has been sent.
    ///
    /// # Errors
    /// As [`Lanes::run`]; 429 `too_many_reads` for too many heavy reads of this user, or when their turn does
    /// not come.
    pub async fn run_for<T: Send + 'static>(
        &self,
        lane: Lane,
        user: Option<Arc<str>>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(T, Option<HeavyTurn>), Refusal> {
        if lane != Lane::Heavy {
            return Ok((self.run(lane, work).await?, None));
        }
        let turn = self.heavy.take(user.unwrap_or_default(), HEAVY_PATIENCE).await.map_err(no_turn)?;
        // The work keeps its turn when its request is cancelled.
        let done = self.run(lane, move || {
            let done = work();
            (done, turn.only_own())
        });
        let (done, turn) = done.await?;
        Ok((done, Some(turn)))
    }
}

fn no_turn(why: NoTurn) -> Refusal {
    let message = match why {
        NoTurn::TooMany => {
            "too many of your requests for results and charts wait already: send the next one when one of them is answered"
        }
        NoTurn::TooLong => "results and charts are being read, for others or for you: try again in a moment",
    };
    Refusal {
        retry_after_s: Some(RETRY_AFTER_S),
        ..Refusal::new(RefusalKind::TooMany, "too_many_reads", message)
    }
}

impl LanePermit {
    /// Runs blocking work with this permit.
    ///
    /// # Errors
    /// `internal_error` when it panics.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let permit = Arc::clone(&self.0);
        let joined = spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        joined.await.map_err(|panic| {
            Refusal::new(
                RefusalKind::Internal,
                "internal_error",
                format!("a request ended in a panic: {panic}"),
            )
        })
    }

    /// Starts blocking work without waiting for it.
    pub fn start(self, work: impl FnOnce() + Send + 'static) {
        spawn_blocking(move || {
            work();
            drop(self);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test]
    async fn a_full_lane_leaves_the_others_free() {
        let lanes = Lanes::default();
        let mut releases = Vec::new();
        for lane in Lane::ALL.into_iter().filter(|lane| *lane != Lane::Urgent) {
            for _ in 0..lane.permits() {
                let (release, gate) = mpsc::channel::<()>();
                let waits = move || assert!(gate.recv().is_err(), "nothing is ever sent");
                lanes.enter(lane).await.unwrap().start(waits);
                releases.push(release);
            }
        }
        assert_eq!(lanes.run(Lane::Urgent, || 7).await.unwrap(), 7);
        for (lane, code) in [(Lane::Export, "too_many_exports"), (Lane::Replay, "too_many_replays")] {
            let refused = lanes.run(lane, || ()).await.unwrap_err();
            assert_eq!(
                (refused.kind, refused.code, refused.retry_after_s),
                (RefusalKind::TooMany, code, Some(RETRY_AFTER_S))
            );
        }
        drop(releases);
        // A waiting request gets the permit of the first that ends.
        assert_eq!(lanes.run(Lane::Store, || 7).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn whoever_reads_much_waits_behind_himself() {
        let lanes = Arc::new(Lanes::default());
        let read = |user: &'static str, work: Box<dyn FnOnce() + Send>| {
            let lanes = Arc::clone(&lanes);
            tokio::spawn(async move { lanes.run_for(Lane::Heavy, Some(user.into()), work).await })
        };
        let (release, gate) = mpsc::channel::<()>();
        let mut greedy =
            vec![read("greedy", Box::new(move || assert!(gate.recv().is_err(), "nothing is ever sent")))];
        for _ in 0..HTTP_HEAVY_READS_WAITING_PER_USER {
            greedy.push(read("greedy", Box::new(|| ())));
        }
        tokio::task::yield_now().await;
        let refused = lanes.run_for(Lane::Heavy, Some("greedy".into()), || ()).await.err().unwrap();
        assert_eq!(
            (refused.kind, refused.code, refused.retry_after_s),
            (RefusalKind::TooMany, "too_many_reads", Some(RETRY_AFTER_S))
        );
        assert_eq!(lanes.run_for(Lane::Heavy, Some("modest".into()), || 7).await.unwrap().0, 7);
        assert_eq!(lanes.run_for(Lane::Store, Some("greedy".into()), || 7).await.unwrap().0, 7);
        drop(release);
        for read in greedy {
            read.await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn a_panic_gives_its_place_back() {
        let lanes = Lanes::default();
        for _ in 0..=HTTP_EXPORTS {
            let ended = lanes.run(Lane::Export, || panic!("the work of a test")).await;
            assert_eq!(ended.unwrap_err().code, "internal_error");
        }
    }
}
