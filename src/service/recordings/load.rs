//! Imports rows from files on two threads: one reads and parses, the other encodes and writes.
//!
//! Memory is bounded by the channel between them and the number of streams, not by the number of rows.

use super::order::Planned;
use super::reading::Reading;
use super::seen::Seen;
use crate::domain::record::{Record, StreamKind};
use crate::domain::time::Timestamp;
use crate::domain::visible::Visible;
use crate::files::{
    Before, FileError, Opener, Overlaps, RecordBatch, RepeatedBySymbol, RepeatedRows, Selection, SourceFile,
    survey_file,
};
use crate::limits::IMPORT_PARTS;
use crate::service::SourceError;
use crate::store::{RecordingWriter, StoreError};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

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
    let (parts, incoming) = sync_channel(IMPORT_PARTS);
    let (spent, recycled) = sync_channel(IMPORT_PARTS);
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
    let opener = Opener::default();
    let mut read = Vec::new();
    for (file, planned) in files.iter().enumerate() {
        let mut source = SourceFile::open_with(&planned.path, &reading.declared, &opener)?;
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

/// Compares the files that overlap those before them: each once, when the first of its streams does.
struct Overlapping<'a> {
    files: &'a [Planned],
    selection: Selection,
    overlaps: Overlaps<'a>,
    /// The file that was compared last, and its rows that earlier ones have too.
    compared: Option<(usize, RepeatedBySymbol)>,
}

impl<'a> Overlapping<'a> {
    fn new(files: &'a [Planned], reading: &'a Reading) -> Self {
        let selection =
            Selection { declared: reading.declared.clone(), bar: reading.bar, ..Selection::default() };
        let overlaps = Overlaps::new(&reading.declared, &selection.opener);
        Overlapping { files, selection, overlaps, compared: None }
    }

    /// The rows of the part's stream in its file that an earlier file has too, when its first part has come.
    fn repeated(
        &mut self,
        part: &Part,
        streams: &BTreeMap<(StreamKind, Arc<str>), Reached>,
    ) -> Result<RepeatedRows, FileError> {
        if self.compared.as_ref().is_none_or(|(file, _)| *file != part.file) {
            let later = survey_file(&self.files[part.file].path, &self.selection, &mut |_| {})?;
            let mut before = BTreeMap::new();
            for symbol in &later.symbols {
                let stream = streams.get(&(later.kind, Arc::from(symbol.name.as_str())));
                let is_overlap =
                    |stream: &&Reached| stream.file != part.file && symbol.open_span().0 <= stream.last;
                let Some(stream) = stream.filter(is_overlap) else { continue };
                let path = &self.files[stream.last_file].path;
                before.insert(symbol.name.clone(), Before { path, sorted: None, last: stream.last });
            }
            self.compared = Some((part.file, self.overlaps.repeated(&later, &before)?));
        }
        let compared = self.compared.as_mut().and_then(|(_, symbols)| symbols.remove(&*part.symbol));
        Ok(compared.unwrap_or_default())
    }
}

/// Appends the received parts in order, without the rows that an earlier file has too.
fn write(
    files: &[Planned],
    reading: &Reading,
    writer: &mut RecordingWriter<'_>,
    seen: &mut Seen<'_>,
    incoming: &Receiver<Part>,
    spent: &SyncSender<Vec<Record>>,
) -> Result<(), SourceError> {
    let mut streams: BTreeMap<(StreamKind, Arc<str>), Reached> = BTreeMap::new();
    let mut overlaps = Overlapping::new(files, reading);
    for mut part in incoming {
        let Some(first) = part.rows.first().map(|row| row.exchange_at) else { continue };
        let key = (part.kind, Arc::clone(&part.symbol));
        let is_overlap =
            streams.get(&key).is_some_and(|stream| stream.file != part.file && first <= stream.last);
        let repeated = match is_overlap {
            true => overlaps.repeated(&part, &streams)?,
            false => RepeatedRows::default(),
        };
        let stream = streams.entry(key).or_insert_with(|| Reached {
            last: Timestamp::MIN,
            last_file: part.file,
            file: part.file,
            repeated: RepeatedRows::default(),
        });
        if stream.file != part.file {
            seen.repeated(&part.symbol, repeated.count());
            (stream.file, stream.repeated) = (part.file, repeated);
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
        let _ = spent.try_send(part.rows);
    }
    Ok(())
}

/// Adds the file's path to a refusal by the store.
fn refused(path: &Path, error: StoreError) -> SourceError {
    match error {
        StoreError::Refused(why) => SourceError::Input(format!("{}: {why}", path.visible())),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Span;
    use std::sync::atomic::Ordering;

    #[test]
    fn overlapping_files_are_compared_once_for_all_their_symbols() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, seconds: std::ops::Range<i64>| {
            let rows = seconds.flat_map(|second| (0..20).map(move |symbol| (second, symbol)));
            let row =
                |(second, symbol)| format!("{},S{symbol},1,1,buy\n", (1_700_000_000 + second) * 1_000_000);
            let rows: String = rows.map(row).collect();
            let path = folder.path().join(name);
            std::fs::write(&path, format!("timestamp_us,symbol,price,quantity,side\n{rows}")).unwrap();
            Planned { path, bytes: 0 }
        };
        let files = [file("T-1.csv", 0..9), file("T-2.csv", 5..15)];
        let reading = Reading::default();
        let mut overlapping = Overlapping::new(&files, &reading);
        let last = Timestamp::from_seconds(1_700_000_008);
        let key = |symbol: u32| (StreamKind::Trades, Arc::<str>::from(format!("S{symbol}")));
        let reached = || Reached { last, last_file: 0, file: 0, repeated: RepeatedRows::default() };
        let mut streams: BTreeMap<_, _> = (0..20).map(|symbol| (key(symbol), reached())).collect();
        for symbol in 0..20 {
            let (kind, name) = key(symbol);
            let part = Part { file: 1, symbol: name, kind, rows: Vec::new() };
            assert_eq!(overlapping.repeated(&part, &streams).unwrap().count(), 4);
            // Its rows are written before the first ones of the next symbol come.
            let written = Reached { last: last + Span::from_seconds(6), last_file: 1, file: 1, ..reached() };
            streams.insert(key(symbol), written);
        }
        let opened = overlapping.selection.opener.opened.load(Ordering::Relaxed);
        assert_eq!(opened, 3, "the later one twice, the earlier one once");
    }
}
