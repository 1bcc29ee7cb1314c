//! `tradingd backtest`: runs strategies over recorded data, from the store or directly from files.
//!
//! Each combination of source, symbol and strategy is a run with its own account, unless `--together` puts
//! all symbols and strategies of a source into one session. Runs share no state, so the number of threads
//! does not change a result.

mod explain;
mod explain_trade;
mod job;
mod options;
pub mod strategies;

pub use options::{Options, RunOptions};
pub use strategies::RELEASE;

use super::state::Holder;
use super::{Failure, Global, terminal};
use crate::clock;
use crate::config::Config;
use crate::document::result;
use crate::domain::visible::Visible;
use crate::report::run::RunResult;
use crate::report::{html, text};
use crate::service::SourceError;
use crate::service::backtest::{self, GENERATOR, Input, Run};
use crate::service::strategies::Loaded;
use crate::store::{NewResult, OpenMode};
use job::JournalFile;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Plans the runs, executes them, stores the results if asked to and prints them.
///
/// # Errors
/// Unusable options, strategies or data (64), a damaged store (65); nothing is stored then. A store, report
/// or journal that cannot be written once the runs have ended: the results are printed all the same.
pub fn run(global: &Global, options: Options) -> Result<(), Failure> {
    options.check()?;
    for file in [&options.report, &options.journal].into_iter().flatten() {
        options.replace.check(file)?;
    }
    let config = match &options.runs.config {
        Some(file) => super::config::find(Some(file))?.config,
        None => Config::default(),
    };
    let holder = match (options.runs.recording.is_empty(), options.keep) {
        (false, _) => Some(global.holder(OpenMode::MustExist)?),
        (true, true) => Some(global.holder(OpenMode::CreateIfNew)?),
        (true, false) => None,
    };
    let copied = match &holder {
        Some(Holder::Daemon(daemon)) => Some(daemon.copy(&options.runs.records())?),
        _ => None,
    };
    let stored = match &holder {
        Some(Holder::Command(store)) => Some(&**store),
        _ => copied.as_ref(),
    };
    let strategies = strategies::load(&options.strategy, global, stored)?;
    let settings = options.settings(&config);
    let input = match stored.filter(|_| !options.runs.recording.is_empty()) {
        Some(store) => Input::Recordings(store, &options.runs.recording),
        None => Input::Files(&options.runs.data),
    };
    let mut left_out = Vec::new();
    let is_choice = options.runs.data.len() > 1 || options.runs.data.iter().any(|path| path.is_dir());
    let mut sources = backtest::find_fit(input, &settings, &mut left_out).map_err(|error| {
        let is_overlap = matches!(&error, SourceError::File(file) if file.is_overlap());
        let failure = Failure::from(error);
        let may_skip = is_choice && !is_overlap && !settings.skip_unfit && failure.is_refusal();
        if may_skip { failure.because("--skip-unfit leaves out what cannot be used") } else { failure }
    })?;
    backtest::refuse_empty_range(&mut sources, &settings, &mut left_out)?;
    let journal = options.journal.as_deref().map(JournalFile::create).transpose()?;
    let runs = backtest::plan_fit(&settings, &sources, &strategies, &mut left_out).map_err(|error| {
        let several = sources.len() * strategies.len() > 1 && !settings.skip_unfit;
        Failure::input(format!(
            "{error}{}",
            if several { "\nor let --skip-unfit leave out what does not fit" } else { "" }
        ))
    })?;
    tell_left_out(&left_out);
    warn(&runs, &strategies, &options);
    if let Some(question) = &options.explain {
        return explain::run(question, &runs, options.json);
    }
    terminal::say_when_interrupted(|| "results reported as stored are kept".to_owned());
    let results = run_all(&runs, journal.as_ref(), options.runs.threads())?;
    let journaled = journal.map_or(Ok(()), JournalFile::finish);
    if let Some(which) = &options.explain_trade {
        return explain_trade::run(which, &results, options.json).and(journaled);
    }
    // A result has cost its time: it is shown whatever becomes of its copies, and everything that fails is
    // told.
    let reported = options.report.as_ref().map_or(Ok(()), |path| {
        let page = html::page(&results, &format!("{} {}", GENERATOR.name, GENERATOR.version));
        options.replace.write(path, page.as_bytes())
    });
    let report = options.report.as_deref().filter(|_| reported.is_ok());
    let shown = show(&results, options.json, report);
    let kept = holder.as_ref().map_or(Ok(()), |holder| keep(holder, &results));
    let mut failures: Vec<Failure> =
        [kept, reported, journaled, shown].into_iter().filter_map(Result::err).collect();
    let last = failures.pop();
    failures.iter().for_each(terminal::report);
    last.map_or(Ok(()), Err)
}

/// Says on standard error what `--skip-unfit` left out, if anything.
pub fn tell_left_out(left_out: &[String]) {
    if !left_out.is_empty() {
        terminal::notice(left_out_text(left_out).trim_end());
    }
}

/// What was left out, each as `what: why`; what was left out for one reason stands together.
fn left_out_text(left_out: &[String]) -> String {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for told in left_out {
        let end = told.find(": ").into_iter().chain(told.find(":\n")).min().unwrap_or(told.len());
        let (what, why) = told.split_at(end);
        match reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, all)) => all.push(what),
            None => reasons.push((why, vec![what])),
        }
    }
    let one = |(why, all): &(&str, Vec<&str>)| match all.as_slice() {
        [what] => format!("left out: {what}{why}\n"),
        all => {
            let lines = why.trim_start_matches(':').trim().lines().map(|line| format!("  {}\n", line.trim()));
            format!("left out: {}\n{}", all.join("\nleft out: "), lines.collect::<String>())
        }
    };
    reasons.iter().map(one).collect()
}

/// Prints warnings before the runs start; each result repeats its own.
fn warn(runs: &[Run<'_>], strategies: &[Loaded], options: &Options) {
    let mut warnings: Vec<String> = Vec::new();
    for loaded in strategies {
        let own = [
            ("--stop-loss", options.runs.stop_loss.is_some() && loaded.def.z1.stop.is_some(), "stop"),
            ("--take-profit", options.runs.take_profit.is_some() && loaded.def.z1.target.is_some(), "target"),
        ];
        let ignored = own.iter().filter(|(_, is_ignored, _)| *is_ignored);
        warnings.extend(ignored.map(|(option, _, what)| {
            format!("{} has a {what} of its own: {option} does not change it", loaded.label.id)
        }));
    }
    warnings.extend(runs.iter().flat_map(Run::short_data));
    terminal::warn(warnings);
}

/// Prints results; `report`: the page they are in too.
fn show(results: &[RunResult], is_json: bool, report: Option<&Path>) -> Result<(), Failure> {
    if is_json {
        let mut out = Vec::new();
        result::write(results, GENERATOR, &mut out)
            .map_err(|error| Failure::other(format!("the result could not be written: {error}")))?;
        return terminal::try_print(&out);
    }
    let style = terminal::style();
    let shown = match results {
        [single] => text::one(single, style),
        many => text::many(many, style),
    };
    terminal::try_print(shown.as_bytes())?;
    if let Some(path) = report {
        terminal::notice(&format!("report: {}", path.visible()));
    }
    Ok(())
}

/// Executes every run on the given number of threads; results are in the order of `runs`.
fn run_all(
    runs: &[Run<'_>],
    journal: Option<&JournalFile>,
    threads: usize,
) -> Result<Vec<RunResult>, Failure> {
    let bytes: u64 = runs.iter().map(Run::bytes).sum();
    let bar = terminal::byte_progress(bytes, "backtest");
    let next = AtomicUsize::new(0);
    let slots: Vec<Mutex<Option<Result<RunResult, Failure>>>> =
        runs.iter().map(|_| Mutex::new(None)).collect();
    let work = || {
        while let Some((run, slot)) = runs.get(next.load(Ordering::Relaxed)).and_then(|_| {
            let index = next.fetch_add(1, Ordering::Relaxed);
            runs.get(index).zip(slots.get(index))
        }) {
            let ended = job::finish(run, journal, &bar);
            if let Ok(mut slot) = slot.lock() {
                *slot = Some(ended);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(runs.len()) {
            scope.spawn(work);
        }
        work();
    });
    bar.finish_and_clear();
    let missing = || Err(Failure::other("a run ended without a result; please report this"));
    slots.into_iter().map(|slot| slot.into_inner().ok().flatten().unwrap_or_else(missing)).collect()
}

/// Stores every result; prints its id once it is durable.
fn keep(holder: &Holder, results: &[RunResult]) -> Result<(), Failure> {
    for (stored, run) in results.iter().enumerate() {
        let created = clock::now();
        let id = format!("exec_{}", created.id(clock::entropy()));
        let one = std::slice::from_ref(run);
        let new = NewResult {
            result: backtest::summary(id.clone(), None, false, run, created),
            document: result::document(one, GENERATOR).to_string(),
            report: html::page(one, &format!("{} {}", GENERATOR.name, GENERATOR.version)),
            outcomes: backtest::outcomes(run),
        };
        let kept = match holder {
            Holder::Command(store) => store.put_result(new).map_err(Failure::from),
            Holder::Daemon(daemon) => daemon.keep_result(new),
        };
        kept.map_err(|failure| match results.len() {
            1 => failure.because(
                "the result was printed and not stored: run the same command again when the store takes it",
            ),
            all => failure.because(&format!(
                "{stored} of {all} results were stored, all are printed: when the store takes them, run the same command again \
                 and delete those that are then stored twice"
            )),
        })?;
        let source = run.source.rsplit('/').next().unwrap_or(&run.source);
        let first = run.assumptions.coverage.first;
        let from = first.map_or_else(String::new, |first| format!(" from {}", text::second(first)));
        terminal::notice(&format!(
            "stored as {id} ({} on {}, {}{from})",
            run.strategies_line().visible(),
            run.symbols_line(),
            source.visible()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_for_one_reason_stands_together() {
        let told =
            ["a.json: its layout is unknown", "b.txt: no market data", "c.json: its layout is unknown"];
        assert_eq!(
            left_out_text(&told.map(str::to_owned)),
            "left out: a.json\nleft out: c.json\n  its layout is unknown\nleft out: b.txt: no market data\n"
        );
        let unfit = |symbol: &str| {
            format!("pump cannot run on {symbol}:\n  condition x needs trades\nrecord them too")
        };
        assert_eq!(
            left_out_text(&[unfit("A"), unfit("B")]),
            "left out: pump cannot run on A\nleft out: pump cannot run on B\n  condition x needs trades\n  record them too\n"
        );
        assert_eq!(left_out_text(&[unfit("A")]), format!("left out: {}\n", unfit("A")));
    }
}
