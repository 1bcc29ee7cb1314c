//! Imports rows from files on two threads: one reads and parses, the other encodes and writes.
//!
//! Memory is bounded by the channel between them and the number of streams, not by the number of rows.

use super::order::Planned;
use super::reading::Reading;
use super::seen::Seen;
use crate::domain::record::{Record, StreamKind};
use crate::domain::time::Timestamp;
use crate::files::{FileError, RecordBatch, SourceFile};
use crate::service::SourceError;
use crate::store::{RecordingWriter, StoreError};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

/// Capacity of the channel to the writer; when it is full the parser waits.
const PARTS_UNDER_WAY: usize = 8;

/// Progress callback: called with the number of bytes read since the last call.
pub type Done<'a> = dyn Fn(u64) + Sync + 'a;

/// Consecutive rows of one stream from one file.
struct Part {
    file: usize,
    symbol: Arc<str>,
    kind: StreamKind,
    rows: Vec<Record>,
}

/// Reads all files in order into the recording and completes it; returns its id.
///
/// # Errors
/// The first refused row, two overlapping files, or what the store reports. The writer then removes what it
/// wrote.
pub fn all(
    files: &[Planned],
    reading: &Reading,
    mut writer: RecordingWriter<'_>,
    done: &Done<'_>,
) -> Result<String, SourceError> {
    let (parts, incoming) = sync_channel(PARTS_UNDER_WAY);
    let (spent, recycled) = channel();
    let mut seen = Seen::new(reading);
    std::thread::scope(|scope| {
        let parser = scope.spawn(move || parse(files, reading, done, &parts, &recycled));
        let written = write(files, &mut writer, &mut seen, &incoming, &spent);
        // If writing failed, the parser may wait in `send`: dropping the receiver ends it.
        drop(incoming);
        let parsed = parser.join().unwrap_or_else(|_| {
            Err(SourceError::Input("reading the files ended unexpectedly; please report this".to_owned()))
        });
        match (parsed, written) {
            (Ok(read), Ok(())) => seen.read(read),
            (Ok(_), Err(failed)) => Err(failed),
            // The rows written before the refused one are not an import.
            (Err(refused), Ok(())) => Err(refused),
            (Err(_), Err(failed)) => Err(failed),
        }
    })?;
    let known = seen.finish();
    for (symbol, bar) in &known.bars {
        writer.set_bar_length(symbol, *bar);
    }
    writer.set_facts(known.facts);
    Ok(writer.finish(&known.gaps)?)
}

/// Parses every file in order; ends early without an error when the receiver is gone. Returns the files that
/// were read completely, with what they state besides their rows.
fn parse(
    files: &[Planned],
    reading: &Reading,
    done: &Done<'_>,
    parts: &SyncSender<Part>,
    recycled: &Receiver<Vec<Record>>,
) -> Result<Vec<SourceFile>, SourceError> {
    let mut read = Vec::new();
    for (file, planned) in files.iter().enumerate() {
        let mut source = SourceFile::open_with(&planned.path, &reading.declared)?;
        if !parse_file(file, &mut source, done, parts, recycled)? {
            break;
        }
        read.push(source);
    }
    Ok(read)
}

fn parse_file(
    file: usize,
    source: &mut SourceFile,
    done: &Done<'_>,
    parts: &SyncSender<Part>,
    recycled: &Receiver<Vec<Record>>,
) -> Result<bool, FileError> {
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

/// The last row written of a stream.
struct Reached {
    file: usize,
    last: Timestamp,
}

/// Appends the received parts in order.
fn write(
    files: &[Planned],
    writer: &mut RecordingWriter<'_>,
    seen: &mut Seen<'_>,
    incoming: &Receiver<Part>,
    spent: &Sender<Vec<Record>>,
) -> Result<(), SourceError> {
    let mut reached: BTreeMap<(StreamKind, Arc<str>), Reached> = BTreeMap::new();
    for mut part in incoming {
        let (Some(first), Some(last)) = (part.rows.first(), part.rows.last()) else { continue };
        let now = Reached { file: part.file, last: last.exchange_at };
        let before = reached.insert((part.kind, Arc::clone(&part.symbol)), now);
        if let Some(before) = before.filter(|before| before.file != part.file) {
            refuse_overlap(files, &part, &before, first.exchange_at)?;
        }
        seen.rows(part.file, &part.symbol, part.kind, &part.rows);
        writer
            .append(&part.symbol, part.kind, &part.rows)
            .map_err(|error| refused(&files[part.file].path, error))?;
        part.rows.clear();
        // If the parser has ended, the buffer is dropped.
        let _ = spent.send(part.rows);
    }
    Ok(())
}

/// Refuses a file that starts before the stream's previous file ended.
fn refuse_overlap(
    files: &[Planned],
    part: &Part,
    before: &Reached,
    first: Timestamp,
) -> Result<(), SourceError> {
    let overlaps = first < before.last || part.kind == StreamKind::Bars && first == before.last;
    if !overlaps {
        return Ok(());
    }
    Err(SourceError::Input(format!(
        "{} and {} overlap: the one has {} {} up to {}, the other from {first}; leave one of them out, or import them as two recordings",
        files[before.file].path.display(),
        files[part.file].path.display(),
        part.symbol,
        part.kind.as_str(),
        before.last
    )))
}

/// Adds the file's path to a refusal by the store.
fn refused(path: &Path, error: StoreError) -> SourceError {
    match error {
        StoreError::Refused(why) => SourceError::Input(format!("{}: {why}", path.display())),
        other => other.into(),
    }
}
