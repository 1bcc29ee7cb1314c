//! One run of the command: watched by a progress bar, its decisions written to a journal when asked for.

use crate::app::Failure;
use crate::document::decision;
use crate::domain::time::Timestamp;
use crate::report::run::RunResult;
use crate::service::backtest::{Control, Run};
use crate::session::backtest::{Backtest, Flow};
use crate::session::collector::DecisionSink;
use crate::session::ports::Feed;
use indicatif::ProgressBar;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Where decisions are written, shared by all runs of a command.
pub type Journal = Arc<Mutex<BufWriter<std::fs::File>>>;

/// An empty journal.
///
/// # Errors
/// A file that cannot be created.
pub fn journal(path: &Path) -> Result<Journal, Failure> {
    let file = std::fs::File::create(path).map_err(|error| {
        Failure::other(format!("the journal {} cannot be written: {error}", path.display()))
    })?;
    Ok(Arc::new(Mutex::new(BufWriter::new(file))))
}

/// Runs from the first to the last event.
///
/// # Errors
/// Data that could not be read to its end; then there is no result.
pub fn finish(run: &Run<'_>, journal: Option<&Journal>, bar: &ProgressBar) -> Result<RunResult, Failure> {
    let control = Control::default();
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

fn sink<'s>(run: &Run<'_>, journal: &'s Journal, backtest: &mut Backtest) -> Box<DecisionSink<'s>> {
    let defs = run.defs();
    let strategies: Vec<u32> =
        backtest.engine().instances().iter().map(|instance| instance.strategy).collect();
    let table = backtest.table().clone();
    let source = run.source_id().to_owned();
    Box::new(move |made, evidence| {
        let def = &defs[strategies[made.instance as usize] as usize];
        let mut line = decision::decision(made, evidence, def, table.spec(made.symbol));
        // All runs write into one file: without it, three files of one symbol could not be told apart.
        line["source"] = source.as_str().into();
        if let Ok(mut file) = journal.lock() {
            // A journal that cannot be written to any more must not stop the run it only watches.
            let _ = writeln!(file, "{line}");
        }
    })
}

/// How many of `bytes` are done when the replay has reached `at`.
fn share(span: Option<(Timestamp, Timestamp)>, at: Timestamp, bytes: u64) -> u64 {
    let Some((first, last)) = span else { return 0 };
    let whole = (last - first).nanos().max(1);
    let done = (at - first).nanos().clamp(0, whole);
    (i128::from(bytes) * i128::from(done) / i128::from(whole)) as u64
}
