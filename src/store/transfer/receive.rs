//! Takes a copy into a store: any records into one that a command works on, and what a command made into that
//! of the daemon.
//!
//! Invariant: what the daemon takes is checked like its own file: names, order and content of every block,
//! and the counts of the recording. It becomes visible with its last transaction.

use super::super::blocks::{BlockDecoder, Rows};
use super::super::error::during;
use super::super::recordings::{check_name, put};
use super::super::records::{RecordedStreamV1, RecordingState, RecordingV1, ResultV3};
use super::super::results::{EncodedResult, NewResult};
use super::super::tables::{
    BLOCKS, CONTROLS, GAPS, PUMP_LABELS, RESULT_DOCUMENTS, RESULT_NOTES, RESULT_REPORTS, RESULTS, SESSIONS,
    STRATEGIES, SYMBOL_FACTS, SYMBOL_SPECS,
};
use super::super::verify::{StreamTotals, VerifyReport, check_segment};
use super::super::{Store, StoreError, encode, unpack};
use super::entry::{Blocks, Entry, next};
use crate::domain::record::StreamKind;
use crate::limits::{IMPORT_COMMIT_BYTES, RECORDING_STREAMS, RESULT_REPORT_BYTES};
use redb::WriteTransaction;
use std::collections::BTreeMap;
use std::io::Read;

const RECEIVING: &str = "receiving records";
/// Entries other than blocks per transaction.
const ENTRIES_AT_ONCE: usize = 4_096;

impl Store {
    /// Adds a copy to a store that only this process sees. Nothing but the form of the entries is checked,
    /// because whoever reads them does that.
    ///
    /// # Errors
    /// A copy that is cut short, and what the disk reports.
    pub fn add_records(&self, from: &mut dyn Read) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        while let Some(entry) = next(from)? {
            batch.add(self, entry)?;
        }
        batch.write(self)
    }

    /// Takes a recording or a result that a command made; returns its id.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when it is cut short, unsound or exists already; nothing of it is kept then.
    pub fn receive(&self, from: &mut dyn Read) -> Result<String, StoreError> {
        match next(from)? {
            Some(Entry::Recording(recording)) => self.receive_recording(recording, from),
            Some(Entry::Result(line)) => self.receive_result(*line, from),
            _ => Err(StoreError::Refused("send one recording or one result".to_owned())),
        }
    }

    fn receive_recording(&self, recording: RecordingV1, from: &mut dyn Read) -> Result<String, StoreError> {
        check_id(&recording.id, "session_")?;
        for symbol in &recording.symbols {
            check_name(&symbol.name)?;
        }
        let streams: usize = recording.symbols.iter().map(|symbol| symbol.streams.len()).sum();
        if recording.rows() == 0 || streams > RECORDING_STREAMS || recording.state != RecordingState::Complete
        {
            return Err(unsound("it is not complete, has no rows or too many streams"));
        }
        // Of two with one id only one is there, and neither removes what the other wrote.
        self.leases.unless_made(&recording.id, || {
            self.refuse_known(&recording.id)?;
            let hidden =
                RecordingV1 { state: RecordingState::Importing, symbols: Vec::new(), ..recording.clone() };
            self.write_alone(|txn| put(txn, &hidden))?;
            let taken =
                self.take_rows(&recording, from).and_then(|()| self.write_alone(|txn| put(txn, &recording)));
            if taken.is_err() {
                self.remove_or_remember(&recording.id);
            }
            taken
        })?;
        Ok(recording.id)
    }

    /// Writes everything that belongs to a recording whose record is still hidden.
    fn take_rows(&self, recording: &RecordingV1, from: &mut dyn Read) -> Result<(), StoreError> {
        let mut batch = Batch { recording: recording.id.clone(), ..Batch::default() };
        let mut counted = Counted::of(recording);
        while let Some(entry) = next(from)? {
            match &entry {
                Entry::Blocks(blocks) => counted.check(blocks)?,
                Entry::Gap(gap) => known(recording, &gap.symbol)?,
                Entry::Facts(symbol, _) => known(recording, symbol)?,
                Entry::Spec(spec) => known(recording, &spec.name)?,
                Entry::Label(label) => known(recording, &label.symbol)?,
                _ => return Err(unsound("other records are among its rows")),
            }
            batch.add(self, entry)?;
        }
        batch.write(self)?;
        counted.finish()
    }

    fn receive_result(&self, result: ResultV3, from: &mut dyn Read) -> Result<String, StoreError> {
        let id = result.id.clone();
        check_id(&id, "exec_")?;
        let (document, report) = (String::new(), String::new());
        let mut new = NewResult { result, document, report, outcomes: Vec::new() };
        while let Some(entry) = next(from)? {
            match entry {
                Entry::Document(document) => new.document = document.document,
                Entry::Report(kept) => {
                    new.report = unpack(&kept.html, RESULT_REPORT_BYTES, || format!("the report of `{id}`"))?
                }
                Entry::Outcome(outcome) if new.outcomes.len() < new.result.strategies.len() => {
                    new.outcomes.push(outcome)
                }
                _ => return Err(unsound("other records are in its place")),
            }
        }
        if new.document.is_empty() || new.result.session_id.is_some() {
            return Err(unsound("it has no document, or belongs to a session"));
        }
        let encoded = EncodedResult::new(new)?;
        let wanted = id.clone();
        self.write(move |txn| {
            let key = wanted.as_str();
            let (results, sessions) = (RESULTS.write(txn, RECEIVING)?, SESSIONS.write(txn, RECEIVING)?);
            let is_known = RESULTS.within(&results).get(key)?.is_some()
                || SESSIONS.within(&sessions).get(key)?.is_some();
            drop((results, sessions));
            if is_known {
                return Err(StoreError::Refused(format!("`{key}` exists: try again")));
            }
            encoded.write(txn)
        })?;
        Ok(id)
    }
}

/// Entries for the next transaction, and where they belong.
#[derive(Default)]
struct Batch {
    entries: Vec<Entry>,
    block_bytes: usize,
    /// Recording of the next entries.
    recording: String,
    /// Number of the recording's next gap.
    gap: u64,
}

impl Batch {
    fn add(&mut self, store: &Store, entry: Entry) -> Result<(), StoreError> {
        if let Entry::Blocks(blocks) = &entry {
            self.block_bytes += blocks.bytes.len();
        }
        self.entries.push(entry);
        if self.block_bytes < IMPORT_COMMIT_BYTES && self.entries.len() < ENTRIES_AT_ONCE {
            return Ok(());
        }
        self.write(store)
    }

    fn write(&mut self, store: &Store) -> Result<(), StoreError> {
        self.block_bytes = 0;
        let entries = std::mem::take(&mut self.entries);
        store.write_alone(|txn| entries.iter().try_for_each(|entry| self.insert(txn, entry)))
    }

    fn insert(&mut self, txn: &WriteTransaction, entry: &Entry) -> Result<(), StoreError> {
        let id = self.recording.as_str();
        match entry {
            Entry::Recording(recording) => {
                put(txn, recording)?;
                (self.recording, self.gap) = (recording.id.clone(), 0);
                return Ok(());
            }
            Entry::Gap(gap) => {
                let key = (id, self.gap);
                GAPS.write(txn, RECEIVING)?
                    .insert(key, encode(gap)?.as_slice())
                    .map_err(during(RECEIVING))?;
                self.gap += 1;
                return Ok(());
            }
            Entry::Blocks(Blocks { symbol, stream, first_seq, bytes }) => {
                let key = (id, symbol.as_str(), *stream, *first_seq);
                BLOCKS.write(txn, RECEIVING)?.insert(key, bytes.as_slice()).map(drop)
            }
            Entry::Label(label) => {
                let key = (id, label.number);
                PUMP_LABELS.write(txn, RECEIVING)?.insert(key, encode(label)?.as_slice()).map(drop)
            }
            Entry::Note(note) => {
                let bytes = encode(note)?;
                RESULT_NOTES
                    .write(txn, RECEIVING)?
                    .insert(note.result_id.as_str(), bytes.as_slice())
                    .map(drop)
            }
            Entry::Facts(symbol, facts) => {
                let key = (id, symbol.as_str());
                SYMBOL_FACTS.write(txn, RECEIVING)?.insert(key, encode(facts)?.as_slice()).map(drop)
            }
            Entry::Spec(spec) => {
                let key = (id, spec.name.as_str());
                SYMBOL_SPECS.write(txn, RECEIVING)?.insert(key, encode(spec)?.as_slice()).map(drop)
            }
            Entry::Strategy(kept) => {
                let key = (kept.id.as_str(), kept.version);
                STRATEGIES.write(txn, RECEIVING)?.insert(key, encode(kept)?.as_slice()).map(drop)
            }
            Entry::Session(row) => {
                SESSIONS.write(txn, RECEIVING)?.insert(row.id.as_str(), encode(&**row)?.as_slice()).map(drop)
            }
            Entry::Paused(session, control) => CONTROLS
                .write(txn, RECEIVING)?
                .insert((session.as_str(), 0), encode(control)?.as_slice())
                .map(drop),
            Entry::Result(line) => {
                RESULTS.write(txn, RECEIVING)?.insert(line.id.as_str(), encode(&**line)?.as_slice()).map(drop)
            }
            Entry::Document(kept) => {
                let bytes = encode(kept)?;
                RESULT_DOCUMENTS.write(txn, RECEIVING)?.insert(kept.id.as_str(), bytes.as_slice()).map(drop)
            }
            Entry::Report(kept) => {
                let bytes = encode(kept)?;
                RESULT_REPORTS.write(txn, RECEIVING)?.insert(kept.id.as_str(), bytes.as_slice()).map(drop)
            }
            Entry::Damaged { place, what } => return Err(StoreError::damaged(place.as_str(), what)),
            // Statistics are for the store that receives the result, not for a copy.
            Entry::Outcome(_) => Ok(()),
        }
        .map_err(during(RECEIVING))
    }
}

/// Compares the blocks of a recording with what its record says.
struct Counted {
    /// By symbol and stream: what the record says, and what has arrived.
    streams: BTreeMap<(String, u8), (RecordedStreamV1, StreamTotals)>,
    decoder: BlockDecoder,
    rows: Rows,
}

impl Counted {
    fn of(recording: &RecordingV1) -> Self {
        let mut streams = BTreeMap::new();
        for symbol in &recording.symbols {
            for stream in &symbol.streams {
                streams
                    .insert((symbol.name.clone(), stream.stream), (stream.clone(), StreamTotals::default()));
            }
        }
        Counted { streams, decoder: BlockDecoder::new(), rows: Rows::new(StreamKind::Trades) }
    }

    /// Decodes the blocks and counts their rows.
    fn check(&mut self, blocks: &Blocks) -> Result<(), StoreError> {
        let found = self.streams.get_mut(&(blocks.symbol.clone(), blocks.stream));
        let (_, seen) = found.ok_or_else(|| unsound("it has blocks of a stream that it does not name"))?;
        if seen.rows != blocks.first_seq {
            return Err(unsound(format!("rows {} to {} are missing", seen.rows, blocks.first_seq)));
        }
        let mut report = VerifyReport::default();
        check_segment(&blocks.bytes, blocks.stream, &mut self.decoder, &mut self.rows, seen, &mut report)
            .map_err(unsound)
    }

    fn finish(self) -> Result<(), StoreError> {
        for ((symbol, _), (said, seen)) in self.streams {
            if (seen.rows, seen.bytes, seen.last_ns) != (said.rows, said.bytes, Some(said.last_ns)) {
                return Err(unsound(format!("{} rows of {symbol} arrived of {}", seen.rows, said.rows)));
            }
        }
        Ok(())
    }
}

fn known(recording: &RecordingV1, symbol: &str) -> Result<(), StoreError> {
    match recording.symbol(symbol) {
        Some(_) => Ok(()),
        None => Err(unsound(format!("it has facts, gaps or labels of {symbol}, which it does not name"))),
    }
}

fn check_id(id: &str, prefix: &str) -> Result<(), StoreError> {
    const ID_BYTES: usize = 64;
    let is_plain = id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if id.starts_with(prefix) && is_plain && id.len() <= ID_BYTES {
        Ok(())
    } else {
        Err(StoreError::Refused(format!("{id:?} is not an id like {prefix}YYYYMMDD_HHMMSS_xxxxxx")))
    }
}

fn unsound(what: impl std::fmt::Display) -> StoreError {
    StoreError::Refused(format!("what was sent cannot be kept: {what}; nothing of it was kept"))
}
