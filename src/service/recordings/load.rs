//! Imports rows from files on two threads: one reads and parses, the other encodes and writes.
//!
//! Memory is bounded by the channel between them and the number of streams, not by the number of rows.

use super::order::Planned;
use super::reading::Reading;
use super::seen::Seen;
use crate::domain::record::{Record, StreamKind};
use crate::domain::time::Timestamp;
use crate::files::{FileError, RecordBatch, RepeatedRows, SourceFile, repeated_rows};
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
        let written = write(files, reading, &mut writer, &mut seen, &incoming, &spent);
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
    let kind = source.kind();
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

/// What is written of a stream.
struct Reached {
    /// Its last row, and the file that had it.
    last: Timestamp,
    last_file: usize,
    /// The file being read, and its rows that an earlier one has too.
    file: usize,
    repeated: RepeatedRows,
}

/// Appends the received parts in order, without the rows that an earlier file has too.
fn write(
    files: &[Planned],
    reading: &Reading,
    writer: &mut RecordingWriter<'_>,
    seen: &mut Seen<'_>,
    incoming: &Receiver<Part>,
    spent: &Sender<Vec<Record>>,
) -> Result<(), SourceError> {
    let mut streams: BTreeMap<(StreamKind, Arc<str>), Reached> = BTreeMap::new();
    for mut part in incoming {
        let Some(first) = part.rows.first().map(|row| row.exchange_at) else { continue };
        let stream = streams.entry((part.kind, Arc::clone(&part.symbol))).or_insert_with(|| Reached {
            last: Timestamp::MIN,
            last_file: part.file,
            file: part.file,
            repeated: RepeatedRows::default(),
        });
        if stream.file != part.file {
            stream.file = part.file;
            stream.repeated = RepeatedRows::default();
            if first <= stream.last {
                let [earlier, later] = [stream.last_file, part.file].map(|file| &files[file].path);
                stream.repeated = repeated_rows(earlier, later, &part.symbol, &reading.declared)?;
                seen.repeated(&part.symbol, stream.repeated.count());
            }
        }
        if !stream.repeated.is_empty() {
            part.rows.retain(|_| !stream.repeated.is_next());
        }
        if let Some(last) = part.rows.last() {
            (stream.last, stream.last_file) = (last.exchange_at, part.file);
            seen.rows(part.file, &part.symbol, part.kind, &part.rows);
            writer
                .append(&part.symbol, part.kind, &part.rows)
                .map_err(|error| refused(&files[part.file].path, error))?;
        }
        part.rows.clear();
        // If the parser has ended, the buffer is dropped.
        let _ = spent.send(part.rows);
    }
    Ok(())
}

/// Adds the file's path to a refusal by the store.
fn refused(path: &Path, error: StoreError) -> SourceError {
    match error {
        StoreError::Refused(why) => SourceError::Input(format!("{}: {why}", path.display())),
        other => other.into(),
    }
}
