//! Rows from files into a recording, on two threads: one reads and parses, one encodes and writes.
//!
//! Memory is bounded by the channel between them and the recording's streams, not by rows.

use super::order::Planned;
use crate::domain::event::{Gap, GapCause};
use crate::domain::record::{Record, RecordedGap, StreamKind};
use crate::domain::time::{Span, Timestamp};
use crate::files::{FileError, RecordBatch, SourceFile};
use crate::service::SourceError;
use crate::store::{RecordingWriter, StoreError};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

/// Parsed parts on their way to the writer; when full the parser waits.
const PARTS_UNDER_WAY: usize = 8;

/// Two files of one stream that are further apart leave a gap in the ledger. Daily or hourly files touch each other to
/// within minutes even for quiet symbols; an hour without a trade between two files means that one is missing.
const FILE_GAP: Span = Span::from_seconds(3_600);

/// The same for funding, which settles every eight hours at most.
const FUNDING_GAP: Span = Span::from_seconds(9 * 3_600);

/// Told how many bytes more have been read.
pub type Done<'a> = dyn Fn(u64) + Sync + 'a;

/// Consecutive rows of one stream of one file.
struct Part {
    file: usize,
    symbol: Arc<str>,
    kind: StreamKind,
    rows: Vec<Record>,
}

/// Reads all files one after the other into the recording and completes it; returns its id.
///
/// # Errors
/// The first refused row, two files that overlap, or what the store reports. The writer then removes what it wrote.
pub fn all(files: &[Planned], mut writer: RecordingWriter<'_>, done: &Done<'_>) -> Result<String, SourceError> {
    let (parts, incoming) = sync_channel(PARTS_UNDER_WAY);
    let (spent, recycled) = channel();
    let gaps = std::thread::scope(|scope| {
        let parser = scope.spawn(move || parse(files, done, &parts, &recycled));
        let written = write(files, &mut writer, &incoming, &spent);
        // When writing failed the parser is waiting with the next part: without a receiver it ends.
        drop(incoming);
        let parsed = parser
            .join()
            .unwrap_or_else(|_| Err(SourceError::Input("reading the files ended unexpectedly; please report this".to_owned())));
        match (parsed, written) {
            (Ok(()), written) => written,
            // What was written before a refused row is no import.
            (Err(refused), Ok(_)) => Err(refused),
            (Err(_), Err(failed)) => Err(failed),
        }
    })?;
    Ok(writer.finish(&gaps)?)
}

/// Every file in order; ends early without an error when nobody takes the parts any more.
fn parse(files: &[Planned], done: &Done<'_>, parts: &SyncSender<Part>, recycled: &Receiver<Vec<Record>>) -> Result<(), SourceError> {
    for (file, planned) in files.iter().enumerate() {
        if !parse_file(file, &planned.path, done, parts, recycled)? {
            break;
        }
    }
    Ok(())
}

fn parse_file(
    file: usize,
    path: &Path,
    done: &Done<'_>,
    parts: &SyncSender<Part>,
    recycled: &Receiver<Vec<Record>>,
) -> Result<bool, FileError> {
    let mut source = SourceFile::open(path)?;
    let kind = source.layout();
    let mut batch = RecordBatch::default();
    let mut symbols: Vec<(Arc<str>, Vec<Record>)> = Vec::new();
    let mut touched: Vec<u32> = Vec::new();
    let mut counted = 0;
    while source.read(&mut batch)? {
        let known = symbols.len();
        symbols.extend(source.symbols()[known..].iter().map(|name| (Arc::from(name.as_str()), Vec::new())));
        for (symbol, record) in batch.rows() {
            let rows = &mut symbols[*symbol as usize].1;
            if rows.is_empty() {
                touched.push(*symbol);
            }
            rows.push(*record);
        }
        for symbol in touched.drain(..) {
            let (name, rows) = &mut symbols[symbol as usize];
            let next = recycled.try_recv().unwrap_or_default();
            let part = Part { file, symbol: Arc::clone(name), kind, rows: std::mem::replace(rows, next) };
            if parts.send(part).is_err() {
                return Ok(false);
            }
        }
        done(source.bytes_read() - counted);
        counted = source.bytes_read();
    }
    Ok(true)
}

/// Where a stream stands.
struct Reached {
    file: usize,
    last: Timestamp,
}

/// Appends parts until there are no more; returns the gaps between files.
fn write(
    files: &[Planned],
    writer: &mut RecordingWriter<'_>,
    incoming: &Receiver<Part>,
    spent: &Sender<Vec<Record>>,
) -> Result<Vec<(String, RecordedGap)>, SourceError> {
    let mut reached: BTreeMap<(StreamKind, Arc<str>), Reached> = BTreeMap::new();
    let mut gaps = Vec::new();
    for mut part in incoming {
        let (Some(first), Some(last)) = (part.rows.first(), part.rows.last()) else { continue };
        let now = Reached { file: part.file, last: last.exchange_at };
        let before = reached.insert((part.kind, Arc::clone(&part.symbol)), now);
        if let Some(before) = before.filter(|before| before.file != part.file)
            && let Some(gap) = joined(files, &part, &before, first.exchange_at)?
        {
            gaps.push((part.symbol.to_string(), gap));
        }
        writer.append(&part.symbol, part.kind, &part.rows).map_err(|error| refused(&files[part.file].path, error))?;
        part.rows.clear();
        // The parser may be done; then the rows are simply dropped.
        let _ = spent.send(part.rows);
    }
    Ok(gaps)
}

/// Whether a file goes on where the one before ended: with a gap, or not at all.
fn joined(files: &[Planned], part: &Part, before: &Reached, first: Timestamp) -> Result<Option<RecordedGap>, SourceError> {
    let overlaps = first < before.last || part.kind == StreamKind::Bars && first == before.last;
    if overlaps {
        return Err(SourceError::Input(format!(
            "{} and {} overlap: the one has {} {} up to {}, the other from {first}; leave one of them out, or import them as two recordings",
            files[before.file].path.display(),
            files[part.file].path.display(),
            part.symbol,
            part.kind.word(),
            before.last
        )));
    }
    let longest = if part.kind == StreamKind::Funding { FUNDING_GAP } else { FILE_GAP };
    let gap = Gap { from: before.last, to: first, cause: GapCause::Import };
    Ok((first - before.last > longest).then_some(RecordedGap { stream: part.kind, gap }))
}

/// What the store refuses about rows says nothing of files.
fn refused(path: &Path, error: StoreError) -> SourceError {
    match error {
        StoreError::Refused(why) => SourceError::Input(format!("{}: {why}", path.display())),
        other => other.into(),
    }
}
