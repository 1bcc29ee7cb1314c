//! `tradingd sweep`: runs variants of a strategy over recorded data in a folder that it continues from,
//! merges the folders of shards, and shows the trials in order.

mod options;
mod table;

pub use options::Options;

use super::backtest::{strategies, tell_left_out};
use super::{Failure, Global, output, terminal};
use crate::config::Config;
use crate::domain::visible::Visible;
use crate::service::backtest::{self, Input};
use crate::service::sweep::{
    self, Folder, Method, Plan, PlanRequest, Progress, Ranking, Shard, SweepError, Work,
};
use options::{Action, MergeOptions, RunSweep, ShowOptions};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Without a terminal, progress is told each time so many percent more are done.
const TOLD_PERCENT: usize = 10;

impl From<SweepError> for Failure {
    fn from(error: SweepError) -> Self {
        match error {
            SweepError::Input(what) => Failure::input(what),
            SweepError::Folder(what) => Failure::other(what),
            SweepError::Unwritable(path, error) => {
                let what = format!("the folder {} cannot be written", path.visible());
                let then = "and run the same command again: what is finished is kept";
                output::unfinished(&path, &what, error, then)
            }
            SweepError::Source(error) => error.into(),
        }
    }
}

/// Runs, merges or shows a sweep.
///
/// # Errors
/// Unusable options, strategies, data or folders (64), a folder that takes no more (69) or cannot be read
/// (1).
pub fn run(global: &Global, options: &Options) -> Result<(), Failure> {
    match &options.action {
        None => run_sweep(global, &options.run),
        Some(Action::Run(run)) => run_sweep(global, run),
        Some(Action::Merge(options)) => merge(options),
        Some(Action::Show(options)) => show(options),
    }
}

fn run_sweep(global: &Global, options: &RunSweep) -> Result<(), Failure> {
    let name = options.strategy.clone().ok_or_else(|| Failure::input("name the strategy with --strategy"))?;
    options.runs.check()?;
    let config = match &options.runs.config {
        Some(file) => super::config::find(Some(file))?.config,
        None => Config::default(),
    };
    let settings = options.runs.settings(&config);
    let is_recorded = !options.runs.recording.is_empty();
    let store = if is_recorded { Some(global.read(&options.runs.records())?) } else { None };
    let strategy = strategies::load(&[name], global, store.as_ref())?.remove(0);
    let input = match &store {
        Some(store) => Input::Recordings(store, &options.runs.recording),
        None => Input::Files(&options.runs.data),
    };
    let mut left_out = Vec::new();
    let mut sources = backtest::find_fit(input, &settings, &mut left_out)?;
    backtest::refuse_empty_range(&mut sources, &settings, &mut left_out)?;
    let threads = options.runs.threads();
    let runs = backtest::plan_fit(&settings, &sources, std::slice::from_ref(&strategy), &mut left_out)?;
    tell_left_out(&left_out);
    terminal::warn(runs.iter().flat_map(|run| run.money_warning().into_iter().chain(run.short_data())));
    let planned = sweep::planned_runs(&settings, &sources, &strategy, threads)?;
    let method = match options.random {
        Some(trials) => Method::Random { trials, seed: options.random_seed },
        None => Method::Grid,
    };
    let request = PlanRequest { strategy: &strategy, axes: options.set.clone(), method, settings: &settings };
    let plan = Plan::new(request, planned)?;
    let path = match &options.out {
        Some(path) => path.clone(),
        None => own_folder(global, &plan, options.shard)?,
    };
    let (mut folder, torn) = Folder::open(&path, &plan, options.shard)?;
    if torn > 0 {
        terminal::notice(&format!(
            "the last {torn} bytes of the log are incomplete; the run they belong to is repeated"
        ));
    }
    terminal::notice(&format!(
        "sweep {}: {} trials on {} runs each, shard {}, in {}",
        plan.digest_short(),
        plan.trials.len(),
        plan.runs.len(),
        options.shard,
        path.visible()
    ));
    terminal::say_when_interrupted(|| {
        "finished runs are kept; run the same command again to continue".to_owned()
    });
    let work = Work { plan: &plan, shard: options.shard, settings: &settings, sources: &sources, threads };
    watched(|watch| sweep::run(&work, &mut folder, watch))?;
    let digest = folder.finish()?;
    terminal::notice(&format!("finished: {}, digest {digest}", path.visible()));
    shown(&path, &options.shown)
}

/// Where a sweep without `--out` goes: a folder of the state directory that follows from its plan, so that
/// the same command finds it again.
fn own_folder(global: &Global, plan: &Plan, shard: Shard) -> Result<PathBuf, Failure> {
    let part =
        if shard == Shard::WHOLE { String::new() } else { format!("-{}of{}", shard.number, shard.count) };
    let path = global.state().join("sweeps").join(format!("{}{part}", plan.digest_short()));
    // For the owner only, like all of the state directory.
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(|error| {
        Failure::configuration(format!(
            "{} cannot be written ({error}): name a folder with --out",
            path.visible()
        ))
    })?;
    Ok(path)
}

/// Runs something with a progress bar, or lines of progress where standard error is no terminal.
fn watched<T>(run: impl FnOnce(&mut dyn FnMut(Progress)) -> T) -> T {
    let bar = terminal::count_progress(0, "sweep");
    let mut told = 0;
    let ended = run(&mut |progress: Progress| {
        bar.set_length(progress.all as u64);
        bar.set_position(progress.done as u64);
        let percent = 100 * progress.done / progress.all.max(1);
        if bar.is_hidden() && percent >= told + TOLD_PERCENT {
            told = percent - percent % TOLD_PERCENT;
            terminal::notice(&format!("{} of {} runs", progress.done, progress.all));
        }
    });
    bar.finish_and_clear();
    ended
}

fn merge(options: &MergeOptions) -> Result<(), Failure> {
    let digest = sweep::merge(&options.folders, &options.out)?;
    terminal::notice(&format!("merged: {}, digest {digest}", options.out.visible()));
    shown(&options.out, &options.shown)
}

fn show(options: &ShowOptions) -> Result<(), Failure> {
    match options.trial {
        Some(trial) => {
            let document = sweep::read(&options.folder)?.plan.document(trial)?;
            terminal::print(&format!("{}\n", document.trim_end()));
            Ok(())
        }
        None => shown(&options.folder, &options.shown),
    }
}

fn shown(path: &Path, options: &options::Shown) -> Result<(), Failure> {
    let opened = sweep::read(path)?;
    let ranking = Ranking::new(&opened, &options.by)?;
    if options.json {
        let mut json = ranking.to_json();
        json["plan"] = opened.plan.digest.as_str().into();
        json["digest"] = opened.digest().into();
        terminal::print(&format!("{json:#}\n"));
    } else if options.csv {
        terminal::print(&ranking.to_csv());
    } else {
        terminal::print(&table::text(&opened, &ranking, options.top));
    }
    Ok(())
}
