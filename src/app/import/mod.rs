//! `tradingd import`: files of market data become one recording, whole or not at all.
//!
//! Nothing of an import is visible before all of it is on disk; what a killed import left is removed when the store is
//! opened next. Never skips or repairs a row.

mod load;
mod plan;

use super::{Failure, Global, recordings, terminal};
use crate::clock;
use crate::files::expand;
use crate::store::records::RecordingV1;
use crate::store::{NewRecording, OpenMode, RecordingMode, Store, StoreError, store_path};
use clap::Args;
use std::path::PathBuf;

/// Options of `tradingd import`.
#[derive(Args)]
pub struct Options {
    /// Files or directories: trades, book20, l2, bbo, bars, marks or funding as CSV or JSON lines, plain, gzip or zstd.
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// Imports the files as one recording and prints it once it is durable.
///
/// # Errors
/// The first file or row that is refused, files that overlap, or a store that cannot be written; nothing is kept then.
pub fn run(global: &Global, options: &Options) -> Result<(), Failure> {
    let files = plan::in_time_order(expand(&options.paths)?)?;
    let mut store = global.store(OpenMode::CreateIfNew)?;
    let recording = record(&store, &files).map_err(|failure| failure.because("nothing of this import was kept"))?;
    recordings::show(&store, &recording, options.json)?;
    compact(&mut store, global);
    Ok(())
}

fn record(store: &Store, files: &[plan::Planned]) -> Result<RecordingV1, Failure> {
    let writer = store.begin_recording(NewRecording {
        at: clock::now(),
        // Both ends of ids are six hexadecimal digits.
        suffix: u32::from_str_radix(&clock::id_suffix(), 16).unwrap_or_default(),
        sources: files.iter().map(|file| file.path.display().to_string()).collect(),
        mode: RecordingMode::Import,
    })?;
    let bar = terminal::byte_progress(files.iter().map(|file| file.bytes).sum(), "import");
    let loaded = load::all(files, writer, &bar);
    bar.finish_and_clear();
    Ok(store.recording(&loaded?)?)
}

/// Space of the file that no recording uses, in parts of what they use, above which giving it back is worth the writing.
const SPARE_PARTS: u64 = 2;
/// Spare bytes that are never worth it.
const SPARE_BYTES: u64 = 16 << 20;

/// Gives spare space back. The import is durable and reported: a failure here is only a warning.
fn compact(store: &mut Store, global: &Global) {
    let spare = || -> Result<bool, StoreError> {
        let used: u64 = store.recordings()?.iter().map(RecordingV1::bytes).sum();
        let file = std::fs::metadata(store_path(&global.state())).map_or(0, |meta| meta.len());
        Ok(file.saturating_sub(used) > SPARE_BYTES.max(used / SPARE_PARTS))
    };
    let compacted = spare().and_then(|worthwhile| if worthwhile { store.compact() } else { Ok(()) });
    if let Err(error) = compacted {
        eprintln!("warning: the recording is kept, but the store could not be made smaller: {error}");
    }
}
