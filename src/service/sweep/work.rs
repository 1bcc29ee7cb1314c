//! Runs the trials of a sweep on several threads and keeps each finished run.
//!
//! Runs are taken source by source, so that all trials share its data in memory. Invariant: threads share
//! nothing that a decision depends on, so their number changes no result.

use super::content;
use super::shared::{Replay, SharedTicks, TrialTicks};
use super::{Folder, Plan, PlannedRun, Shard, SweepError, TrialRun};
use crate::domain::quote::common_quote_currency;
use crate::limits::SWEEP_QUEUE;
use crate::report::run::RunResult;
use crate::service::SourceError;
use crate::service::backtest::{self, Run, RunSettings, Source, StopSignal};
use crate::service::strategies::Loaded;
use crate::session::driver::Flow;
use crate::session::ports::{Feed, FeedError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

/// What is run.
pub struct Work<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Which part of it.
    pub shard: Shard,
    /// Settings of every run; those the plan was made with.
    pub settings: &'a RunSettings,
    /// The sources the plan was made with.
    pub sources: &'a [Source<'a>],
    /// Number of threads, at least 1.
    pub threads: usize,
}

/// How far a sweep is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Runs that are finished.
    pub done: usize,
    /// Runs of the shard.
    pub all: usize,
}

/// The runs of every trial, with the hash of what they replay. Reads all market data once.
///
/// # Errors
/// Data that cannot be read or lack what the strategy needs.
pub fn planned_runs(
    settings: &RunSettings,
    sources: &[Source<'_>],
    strategy: &Loaded,
    threads: usize,
) -> Result<Vec<PlannedRun>, SweepError> {
    let runs = backtest::plan(settings, sources, std::slice::from_ref(strategy))?;
    let indices: Vec<usize> = (0..runs.len()).collect();
    let mut planned: Vec<Option<PlannedRun>> = vec![None; runs.len()];
    let stop = AtomicBool::new(false);
    on_threads(
        &indices,
        threads,
        &stop,
        &|index: &usize| Ok(Some((*index, planned_run(&runs[*index])?))),
        &mut |(index, run)| {
            planned[index] = Some(run);
            Ok(())
        },
    )?;
    // Every index was handed out, and the first failure would have been returned.
    Ok(planned.into_iter().flatten().collect())
}

fn planned_run(run: &Run<'_>) -> Result<PlannedRun, SweepError> {
    let control = StopSignal::default();
    let driver = run.build();
    let mut feed = run.feed(&driver, &control)?;
    let sha256 = content::hash(driver.table(), &mut feed).map_err(unreadable)?;
    let symbols: Vec<String> = driver.table().iter().map(|(_, spec)| spec.name.clone()).collect();
    let currency = common_quote_currency(symbols.iter().map(String::as_str)).map(str::to_owned);
    Ok(PlannedRun { source: run.source_id().to_owned(), symbols, sha256, currency })
}

fn unreadable(error: FeedError) -> SweepError {
    SweepError::Source(SourceError::Input(error.to_string()))
}

/// Runs what the folder does not have yet; `watch` is told after each run.
///
/// # Errors
/// Data that cannot be read, or a folder that cannot be written; what is finished is kept.
pub fn run(work: &Work<'_>, folder: &mut Folder, watch: &mut dyn FnMut(Progress)) -> Result<(), SweepError> {
    let trials: Vec<usize> = (1..=work.plan.trials.len()).filter(|trial| work.shard.has(*trial)).collect();
    let all = trials.len() * work.plan.runs.len();
    let is_missing = |trial: usize, run: usize| !folder.has((trial, run));
    let held = Arc::new(AtomicUsize::new(0));
    let (mut keys, mut slots) = (Vec::new(), Vec::new());
    for run in 0..work.plan.runs.len() {
        let before = keys.len();
        keys.extend(trials.iter().filter(|trial| is_missing(**trial, run)).map(|trial| (*trial, run)));
        slots.push(SharedTicks::new(keys.len() - before, &held));
    }
    let mut done = all - keys.len();
    watch(Progress { done, all });
    let indexes = work.run_indexes(&trials)?;
    let one = |key: &(usize, usize)| work.finish(*key, indexes.get(key.1).copied(), &slots[key.1]);
    on_threads(&keys, work.threads, &AtomicBool::new(false), &one, &mut |run| {
        folder.append(&run)?;
        done += 1;
        watch(Progress { done, all });
        Ok(())
    })
}

/// Where a run of the plan is: index of its source, and its number among the runs of that source.
type RunIndex = (usize, usize);

impl Work<'_> {
    /// Where the plan's runs are, by index. Every trial has them at the same indexes, or it cannot run.
    fn run_indexes(&self, trials: &[usize]) -> Result<Vec<RunIndex>, SweepError> {
        let Some(first) = trials.first() else { return Ok(Vec::new()) };
        let strategy = self.plan.load(*first)?;
        let mut indexes = Vec::new();
        for (index, source) in self.sources.iter().enumerate() {
            let count = match self.runs_of(source, &strategy) {
                Ok(runs) => runs.len(),
                Err(_) if self.settings.skip_unfit => 0,
                Err(error) => return Err(error.into()),
            };
            indexes.extend((0..count).map(|run| (index, run)));
        }
        Ok(indexes)
    }

    fn runs_of<'r>(
        &'r self,
        source: &'r Source<'r>,
        strategy: &'r Loaded,
    ) -> Result<Vec<Run<'r>>, SourceError> {
        backtest::plan(self.settings, std::slice::from_ref(source), std::slice::from_ref(strategy))
    }

    /// One run of a trial; `None`: another trial could not read its data and says why.
    fn finish(
        &self,
        (trial, index): (usize, usize),
        run_index: Option<RunIndex>,
        slot: &SharedTicks,
    ) -> Result<Option<TrialRun>, SweepError> {
        let strategy = self.plan.load(trial)?;
        let planned = &self.plan.runs[index];
        let mut runs = Vec::new();
        if let Some((source, _)) = run_index {
            // Of its own source only: all of them for each run would take the square of their number.
            runs = self.runs_of(&self.sources[source], &strategy)?;
        }
        let is_planned = |run: &&Run<'_>| {
            run.source_id() == planned.source && planned.symbols.iter().all(|name| run.has_symbol(name))
        };
        let run = run_index.and_then(|(_, number)| runs.get(number)).filter(is_planned).ok_or_else(|| {
            SweepError::Input(format!(
                "trial {trial} ({}) cannot run on {}: it needs other data than the document it varies",
                self.plan.values_line(trial),
                planned.source
            ))
        })?;
        Ok(finish(run, slot)?.map(|result| TrialRun::new(trial, index, &result)))
    }
}

/// One run from the first to the last event; `None` where another trial could not read its data.
fn finish(run: &Run<'_>, slot: &SharedTicks) -> Result<Option<RunResult>, SweepError> {
    let control = StopSignal::default();
    let mut driver = run.build();
    let open = || Ok::<_, Failed>(Box::new(run.feed(&driver, &control)?) as Box<dyn Feed>);
    let shared = slot.take(open).map_err(|Failed(error)| error)?;
    let mut feed: Box<dyn Feed> = match shared {
        TrialTicks::Ticks(ticks) => Box::new(Replay::new(ticks)),
        TrialTicks::TooLarge => Box::new(run.feed(&driver, &control)?),
        TrialTicks::Unreadable => return Ok(None),
    };
    let mut collector = run.collector(&mut driver);
    driver.run(&mut *feed, &mut collector, &mut |_| Flow::Continue).map_err(unreadable)?;
    drop(feed);
    Ok(Some(run.result(driver, collector, Vec::new())))
}

/// Why data could not be loaded.
struct Failed(SweepError);

impl From<FeedError> for Failed {
    fn from(error: FeedError) -> Self {
        Failed(unreadable(error))
    }
}

impl From<SourceError> for Failed {
    fn from(error: SourceError) -> Self {
        Failed(SweepError::Source(error))
    }
}

/// Does `one` for every item on several threads and hands each outcome to `take` on this thread, in the order
/// in which they come. Ends at the first failure of either; an item without an outcome depends on one that
/// failed.
fn on_threads<I: Sync, T: Send>(
    items: &[I],
    threads: usize,
    stop: &AtomicBool,
    one: &(dyn Fn(&I) -> Result<Option<T>, SweepError> + Sync),
    take: &mut dyn FnMut(T) -> Result<(), SweepError>,
) -> Result<(), SweepError> {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = sync_channel(SWEEP_QUEUE);
    let work = |sender: SyncSender<Result<T, SweepError>>| {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            // Nobody receives any more: the first failure has been returned.
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let Some(outcome) = one(item).transpose() else { continue };
            if sender.send(outcome).is_err() {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, items.len().max(1)) {
            let (sender, work) = (sender.clone(), &work);
            scope.spawn(move || work(sender));
        }
        drop(sender);
        let ended = receiver.iter().try_for_each(|outcome| take(outcome?));
        stop.store(true, Ordering::Relaxed);
        drop(receiver);
        ended
    })
}
