//! One backtest run with its progress bar and, with `--journal`, a file of its decisions.

use crate::app::{Failure, output};
use crate::document::decision;
use crate::domain::time::Timestamp;
use crate::domain::visible::Visible;
use crate::report::run::RunResult;
use crate::service::backtest::{Run, StopSignal};
use crate::session::collector::DecisionSink;
use crate::session::driver::{Driver, Flow};
use crate::session::ports::Feed;
use indicatif::ProgressBar;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The file of `--journal`, shared by all runs of the command. It may be a pipe.
pub struct JournalFile {
    path: PathBuf,
    /// The first failed write ends it.
    file: Mutex<io::Result<BufWriter<File>>>,
}

impl JournalFile {
    /// Creates an empty file.
    ///
    /// # Errors
    /// A file that cannot be created.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        let file = File::create(path).map_err(|error| output::unwritable(path, error))?;
        Ok(JournalFile { path: path.to_owned(), file: Mutex::new(Ok(BufWriter::new(file))) })
    }

    /// Appends a line. A failing journal does not stop the run; [`JournalFile::finish`] tells of it.
    fn line(&self, line: &serde_json::Value) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(out) = &mut *file
            && let Err(error) = writeln!(out, "{line}")
        {
            *file = Err(error);
        }
    }

    /// Writes the rest.
    ///
    /// # Errors
    /// A line that could not be written: the file is cut there.
    pub fn finish(self) -> Result<(), Failure> {
        let file = self.file.into_inner().unwrap_or_else(PoisonError::into_inner);
        file.and_then(|mut file| file.flush()).map_err(|error| {
            let what = format!("the journal {} is cut, it cannot be written", self.path.visible());
            output::unfinished(&self.path, &what, error, "and repeat")
        })
    }
}

/// Runs a backtest from the first to the last event.
///
/// # Errors
/// Data that cannot be read to its end; there is no result then.
pub fn finish(run: &Run<'_>, journal: Option<&JournalFile>, bar: &ProgressBar) -> Result<RunResult, Failure> {
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

fn sink<'s>(run: &Run<'_>, journal: &'s JournalFile, backtest: &mut Driver) -> Box<DecisionSink<'s>> {
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
        journal.line(&line);
    })
}

/// The share of `bytes` that corresponds to the time range replayed up to `at`.
fn share(span: Option<(Timestamp, Timestamp)>, at: Timestamp, bytes: u64) -> u64 {
    let Some((first, last)) = span else { return 0 };
    let whole = (last - first).nanos().max(1);
    let done = (at - first).nanos().clamp(0, whole);
    (i128::from(bytes) * i128::from(done) / i128::from(whole)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_that_cannot_be_written_is_told_at_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let journal = JournalFile::create(&path).unwrap_or_else(|failure| panic!("{failure}"));
        journal.line(&serde_json::json!({"a": 1}));
        journal.finish().unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"a\":1}\n");
        // A file that is open for reading only takes no write.
        let file = Mutex::new(Ok(BufWriter::new(File::open(&path).unwrap())));
        let journal = JournalFile { path, file };
        journal.line(&serde_json::json!({"a": 2}));
        let failure = journal.finish().unwrap_err();
        assert!(failure.code() == 69 && failure.to_string().contains("is cut"), "{failure}");
    }
}
