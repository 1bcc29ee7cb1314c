//! A thread that makes checkpoints of the sessions on paper from their journals, while they run.
//!
//! It replays what came since the last checkpoint, comparing every event as any replay does: a checkpoint
//! that is kept is one to which the journal leads. One session at a time; it ends between two chunks when the
//! daemon does. Invariant: no session fails because of it, or waits for it longer than for another commit.

use super::checkpoints::{Begun, Checkpoints};
use super::rerun::{self, Comparison, Controls, Part};
use crate::clock::Stopwatch;
use crate::domain::time::{Span, Timestamp};
use crate::limits::CHECKPOINT_ROWS;
use crate::service::backtest::{self, Run};
use crate::service::sessions::Sessions;
use crate::service::sessions::run::outcome::Failure;
use crate::service::sessions::run::progress::SessionProgress;
use crate::service::sessions::run::recorder::SessionRecorder;
use crate::service::sessions::run::running::Running;
use crate::service::sessions::start::market_plan;
use crate::service::sessions::start::plan::Plan;
use crate::session::checkpoint;
use crate::session::driver::Driver;
use crate::session::replay::replay_ticks;
use crate::store::Store;
use arc_swap::ArcSwap;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Between two looks whether a session has come far enough.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// A session that is slow gets one after this time.
const AT_LEAST_EVERY: Span = Span::from_seconds(3_600);

/// So far behind its last commit a checkpoint stays: by then everything up to there is on disk, in whatever
/// order it came.
const BEHIND: Span = Span::from_seconds(1);

/// The thread, and how it is told to end.
#[derive(Default)]
pub(in crate::service::sessions) struct Follower {
    ending: Arc<Ending>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Ending {
    is_told: Mutex<bool>,
    changed: Condvar,
}

impl Ending {
    fn is_told(&self) -> bool {
        *self.is_told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the end, at most this long; whether it has come.
    fn wait(&self, at_most: Duration) -> bool {
        let told = self.is_told.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(told, at_most, |told| !*told);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Follower {
    /// Begins to follow the sessions. Without a thread there are no checkpoints, which the log says.
    pub(in crate::service::sessions) fn start(&self, sessions: Weak<Sessions>) {
        let ending = Arc::clone(&self.ending);
        let spawned = Builder::new().name("checkpoints".to_owned()).spawn(move || follow(&sessions, &ending));
        match spawned {
            Ok(thread) => *self.thread() = Some(thread),
            Err(error) => tracing::warn!(%error, "no thread could be started for checkpoints of sessions"),
        }
    }

    /// Tells it to end; an unfinished checkpoint is dropped.
    pub(in crate::service::sessions) fn tell_to_end(&self) {
        *self.ending.is_told.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.ending.changed.notify_all();
    }

    /// Waits until it has ended, for the chunk or the commit that is under way.
    pub(in crate::service::sessions) fn wait(&self) {
        let thread = self.thread().take();
        if let Some(thread) = thread {
            // A panic was in the log.
            let _ = thread.join();
        }
    }

    fn thread(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far a session was when one was made of it, or tried.
struct Made {
    rows: u64,
    since: Stopwatch,
    /// Rows until the next try: four times as many after each that came to nothing, since a try replays all
    /// of them again.
    next_after: u64,
}

impl Made {
    fn at(rows: u64, next_after: u64) -> Made {
        Made { rows, since: Stopwatch::start(), next_after }
    }

    fn is_due(&self, rows: u64) -> bool {
        rows >= self.rows.saturating_add(self.next_after)
            || self.next_after == CHECKPOINT_ROWS
                && rows > self.rows
                && self.since.elapsed() >= AT_LEAST_EVERY
    }
}

fn follow(sessions: &Weak<Sessions>, ending: &Ending) {
    let mut made: BTreeMap<String, Made> = BTreeMap::new();
    while !ending.wait(LOOK_EVERY) {
        let Some(sessions) = sessions.upgrade() else { return };
        let running = sessions.followed();
        made.retain(|id, _| running.iter().any(|(running, _)| running == id));
        for (id, rows) in running {
            let before = made.entry(id.clone()).or_insert_with(|| Made::at(0, CHECKPOINT_ROWS));
            if !before.is_due(rows) || ending.is_told() {
                continue;
            }
            // A panic is one session's, and ends in the log.
            let tried = catch_unwind(AssertUnwindSafe(|| make(&sessions.store, &id, &|| ending.is_told())));
            let failed = match tried {
                // The newest is of before the last try.
                Ok(Ok(kept)) => kept <= before.rows && before.rows > 0,
                Ok(Err(why)) => {
                    tracing::warn!(session = id, %why, "no checkpoint was made");
                    true
                }
                Err(_) => {
                    tracing::error!(session = id, "making a checkpoint ended in a panic");
                    true
                }
            };
            let next_after = if failed { before.next_after.saturating_mul(4) } else { CHECKPOINT_ROWS };
            *before = Made::at(rows, next_after);
        }
    }
}

/// Makes a checkpoint of a session on paper from its journal, as the daemon does every so often; returns the
/// rows in it.
///
/// # Errors
/// Why there is none.
pub fn make_checkpoint(store: &Store, id: &str) -> Result<u64, String> {
    make(store, id, &|| false).map_err(|failure| failure.to_string())
}

/// Makes a checkpoint of a session on paper from its journal; returns the rows in the newest. When
/// `is_ending` interrupts it that is what was kept before.
///
/// # Errors
/// Why there is none.
fn make(store: &Store, id: &str, is_ending: &dyn Fn() -> bool) -> Result<u64, Failure> {
    let row = store.session(id)?;
    let (Some(recording), Some(reached)) = (row.input_recording_id.clone(), row.reached_ns) else {
        return Err(Failure::Other("it has recorded nothing yet".to_owned()));
    };
    let to = Timestamp::from_nanos(reached) - BEHIND;
    let plan = market_plan::again(&row, store)?;
    let sources = [plan.market(&recording)];
    let runs =
        backtest::plan(&plan.settings, &sources, &plan.strategies).map_err(|error| error.to_string())?;
    let run = runs.first().ok_or_else(|| "there is nothing to run".to_owned())?;
    store.flush_recording(&recording, None)?;
    let controls = Controls::read(store, id)?;
    let mut checkpoints = Checkpoints::new(store, id, &plan.fingerprint, &plan.specs());
    let mut begun = checkpoints.find(&controls.inputs);
    let followed = Followed { store, id, recording: &recording, plan: &plan, run, controls: &controls, to };
    loop {
        let is_whole = begun.is_none();
        match followed.replay(begun.take(), &mut checkpoints, is_ending)? {
            Ok(rows) => return Ok(rows),
            Err(why) if is_whole => return Err(Failure::Other(why)),
            Err(why) => checkpoints.refuse(&why),
        }
    }
}

/// The journal of a session up to a time, and what runs over it.
struct Followed<'a> {
    store: &'a Store,
    id: &'a str,
    recording: &'a str,
    plan: &'a Plan,
    run: &'a Run<'a>,
    controls: &'a Controls,
    to: Timestamp,
}

impl Followed<'_> {
    /// Replays what came behind a checkpoint, or all, and keeps one there; returns the rows in the newest, or
    /// why where it began does not lead to what the session did.
    ///
    /// # Errors
    /// What could not be read.
    fn replay(
        &self,
        begun: Option<Begun>,
        checkpoints: &mut Checkpoints<'_>,
        is_ending: &dyn Fn() -> bool,
    ) -> Result<Result<u64, String>, Failure> {
        let Followed { store, id, recording, plan, run, controls, to } = *self;
        let table = Arc::new(ArcSwap::from_pointee(plan.table.clone()));
        let live = SessionProgress::new(None, plan.table.len());
        let comparison = Comparison::new(true);
        let mut driver: Driver = run.sharing(Arc::clone(&table));
        let mut recorder = SessionRecorder::new(run, &mut driver, &comparison, &live, plan);
        if let Some(begun) = &begun
            && checkpoint::load(&begun.state, &mut driver, &mut recorder).is_err()
        {
            return Ok(Err("its state does not fit the session".to_owned()));
        }
        comparison.compare_with(store, id, begun.as_ref().map(|begun| begun.cursor));
        let part = Part { begun: begun.map(|begun| begun.position), to };
        let symbols = driver.table().clone();
        let mut watch = |position, driver: &Driver, recorder: &SessionRecorder<'_>| {
            let rows = driver.progress().ticks;
            if checkpoints.is_due(rows) {
                let state = || Some(checkpoint::save(driver, recorder));
                checkpoints.keep(position, comparison.cursor(), rows, state);
            }
        };
        let mut goes_on = |_, _| !is_ending();
        let replayed = rerun::again(store, recording, &symbols, (controls, part), &mut goes_on, |journal| {
            replay_ticks(&mut driver, &table, journal, &mut recorder, &mut watch)
        });
        if replayed.is_err() && is_ending() {
            return Ok(Ok(checkpoints.rows()));
        }
        let position = replayed?;
        if let (Some(difference), _) = comparison.outcome(false)? {
            return Ok(Err(format!("its journal does not lead to what it did: {difference:?}")));
        }
        let position = position.ok_or_else(|| "it has ended by then".to_owned())?;
        let rows = driver.progress().ticks;
        if rows != checkpoints.rows() {
            let state = || Some(checkpoint::save(&driver, &recorder));
            checkpoints.keep(position, comparison.cursor(), rows, state);
        }
        Ok(Ok(checkpoints.rows()))
    }
}

impl Sessions {
    /// The sessions on paper that decide now, with the rows that they have seen.
    fn followed(&self) -> Vec<(String, u64)> {
        let running = self.running().clone();
        let is_followed = |session: &&Arc<Running>| {
            session.trades_a_market()
                && !session.is_live()
                && !session.is_ended()
                && !session.catch_up.is_under_way()
        };
        let followed = running.values().filter(is_followed);
        followed.map(|session| (session.id.clone(), session.progress.ticks())).collect()
    }

    /// [`make_checkpoint`] of a session of this process.
    ///
    /// # Errors
    /// Why there is none.
    pub fn make_checkpoint(&self, id: &str) -> Result<u64, String> {
        make_checkpoint(&self.store, id)
    }
}
