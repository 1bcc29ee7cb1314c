//! One backtest run with its progress bar and, with `--journal`, a file of its decisions.

use crate::app::Failure;
use crate::document::decision;
use crate::domain::time::Timestamp;
use crate::report::run::RunResult;
use crate::service::backtest::{Run, StopSignal};
use crate::session::collector::DecisionSink;
use crate::session::driver::{Driver, Flow};
use crate::session::ports::Feed;
use indicatif::ProgressBar;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// The file of `--journal`, shared by all runs of the command.
pub type Journal = Arc<Mutex<BufWriter<std::fs::File>>>;

/// Creates an empty journal file.
///
/// # Errors
/// A file that cannot be created.
pub fn journal(path: &Path) -> Result<Journal, Failure> {
    let file = std::fs::File::create(path).map_err(|error| {
        Failure::other(format!("the journal {} cannot be written: {error}", path.display()))
    })?;
    Ok(Arc::new(Mutex::new(BufWriter::new(file))))
}

/// Runs a backtest from the first to the last event.
///
/// # Errors
/// Data that cannot be read to its end; there is no result then.
pub fn finish(run: &Run<'_>, journal: Option<&Journal>, bar: &ProgressBar) -> Result<RunResult, Failure> {
    let control = StopSignal::default();
    let mut backtest = run.build();
    let mut feed = run.feed(&backtest, &control)?;
    let mut collector = run.collector(&mut backtest);
    if let Some(journal) = journal {
        collector = collector.with_sink(sink(run, journal, &mut backtest));
    }
    let mut shown = 0;
    let ended = backtest.run(&mut feed, &mut collector, &mut |progress| {
        let reached = share(run.source_span(), progress.at, run.bytes());
        bar.inc(reached.saturating_sub(shown));
        shown = shown.max(reached);
        Flow::Continue
    });
    let failed = |damaged| if damaged { Failure::damaged } else { Failure::input };
    ended.map_err(|error| failed(feed.found_damage())(error.to_string()))?;
    bar.inc(run.bytes().saturating_sub(shown));
    Ok(run.result(backtest, collector, Vec::new()))
}

fn sink<'s>(run: &Run<'_>, journal: &'s Journal, backtest: &mut Driver) -> Box<DecisionSink<'s>> {
    let defs = run.defs();
    let strategies: Vec<u32> =
        backtest.engine().instances().iter().map(|instance| instance.strategy).collect();
    let table = backtest.table().clone();
    let source = run.source_id().to_owned();
    Box::new(move |made, evidence| {
        let def = &defs[strategies[made.instance as usize] as usize];
        let mut line = decision::decision(made, evidence, def, table.spec(made.symbol));
        // All runs write to one file; the source distinguishes runs of the same symbol and strategy.
        line["source"] = source.as_str().into();
        if let Ok(mut file) = journal.lock() {
            // A failing journal must not stop the run.
            let _ = writeln!(file, "{line}");
        }
    })
}

/// The share of `bytes` that corresponds to the time range replayed up to `at`.
fn share(span: Option<(Timestamp, Timestamp)>, at: Timestamp, bytes: u64) -> u64 {
    let Some((first, last)) = span else { return 0 };
    let whole = (last - first).nanos().max(1);
    let done = (at - first).nanos().clamp(0, whole);
    (i128::from(bytes) * i128::from(done) / i128::from(whole)) as u64
}
