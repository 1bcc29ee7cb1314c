//! Verifies a store: all pages; envelope and key of every record; checksum, content, order and count of every
//! block.
//!
//! Reports all problems with location and advice. Opening the store recovers it as at every start (unfinished
//! imports are removed); nothing else is repaired or deleted, and a damaged file is only read.

use super::blocks::{Block, BlockDecoder, BlockError, Rows, kind_from_code};
use super::checked::TableOf;
use super::error::during;
use super::guard::guarded;
use super::journal::ChunkReader;
use super::records::{RecordingState, RecordingV1};
use super::tables::{
    BLOCKS, CHECKPOINTS, CONTRACTS, CONTROLS, DEAD_LETTERS, EVENT_LOG, GAPS, IDEMPOTENCY, JOURNAL, LOGINS,
    PRESETS, PUMP_LABELS, RECORDINGS, RESULT_DIGESTS, RESULT_DOCUMENTS, RESULT_NOTES, RESULT_REPORTS,
    RESULTS, REVOKED_TOKENS, SESSION_EVENTS, SESSIONS, STRATEGIES, STRATEGY_STATISTICS, SYMBOL_FACTS,
    SYMBOL_SPECS, SYNC_CURSORS, SYNC_REVISIONS, SYNC_STATE, TICKERS, UNSENT, USERS,
};
use super::{Check, OpenMode, STORE_FILE, Store, StoreError, builder};
use crate::domain::record::StreamKind;
use redb::{Key, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableHandle};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// Maximum number of problems listed; further ones are only counted.
const MAX_PROBLEMS: usize = 1_000;

/// A problem found in the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Location.
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub advice: &'static str,
}

/// Result of a verification.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct VerifyReport {
    /// Number of records checked.
    pub records: u64,
    /// Number of blocks checked.
    pub blocks: u64,
    /// Number of journal chunks checked.
    pub chunks: u64,
    /// Number of rows in readable blocks.
    pub rows: u64,
    /// Problems found, at most 1,000.
    pub problems: Vec<Problem>,
    /// Number of problems not listed.
    pub more_problems: u64,
}

impl VerifyReport {
    /// Whether no problem was found.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    fn problem(&mut self, place: impl Into<String>, what: impl ToString, advice: &'static str) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem { place: place.into(), what: what.to_string(), advice });
        } else {
            self.more_problems += 1;
        }
    }
}

const RECORD_ADVICE: &str = "put the store back from a backup, or write this record again";
const ROWS_ADVICE: &str = "delete this recording and import its files again";
const FILE_ADVICE: &str = "keep the file, put back a backup, or import into an empty state directory";

/// Verifies all pages, records and blocks of the store of a state directory, even if the store cannot be
/// opened.
///
/// # Errors
/// Only when verification is impossible: there is no store, another process has it open, or a newer version
/// wrote it.
pub fn verify(dir: &Path) -> Result<VerifyReport, StoreError> {
    let damage = match Store::open_checked(dir, OpenMode::MustExist, Check::Every) {
        Ok(store) => return store.verify(),
        Err(StoreError::Damaged { place, what }) => Problem { place, what, advice: FILE_ADVICE },
        Err(error) => return Err(error),
    };
    let mut report = VerifyReport { problems: vec![damage], ..VerifyReport::default() };
    // Read-only and without a page check, to find what the damage affects. redb may panic on damaged pages.
    let read = guarded(|| {
        let db =
            builder().open_read_only(dir.join(STORE_FILE)).map_err(during("reading the damaged store"))?;
        Checker::run(&db.begin_read().map_err(during("reading the damaged store"))?)
    });
    match read {
        Ok(found) => {
            report.problems.extend(found.problems);
            report = VerifyReport { problems: report.problems, ..found };
        }
        Err(StoreError::Damaged { place, what }) => report.problem(place, what, FILE_ADVICE),
        Err(error) => report.problem("the rest of the store", error, FILE_ADVICE),
    }
    Ok(report)
}

impl Store {
    /// Verifies all records and blocks of the open store.
    pub fn verify(&self) -> Result<VerifyReport, StoreError> {
        guarded(|| Checker::run(&self.read()?))
    }

    /// Verifies all pages, records and blocks of a store in use that was opened without a page check. It
    /// checks the state at the call, at about a second per GiB. Commits are blocked only while damage found
    /// in pages is checked again.
    ///
    /// # Errors
    /// A disk failure meanwhile; the result is then unknown.
    pub fn scan(&self) -> Result<VerifyReport, StoreError> {
        let mut report = VerifyReport::default();
        let current = Arc::clone(&self.current);
        let frozen = self.write(move |_| current.freeze())?;
        let mut pages = guarded(|| self.current.check_pages(frozen));
        if matches!(pages, Err(StoreError::Damaged { .. })) {
            // Pages of redb's own bookkeeping do not stay as they were, so check again while nobody commits.
            let current = Arc::clone(&self.current);
            pages = self.write(move |_| Ok(guarded(|| current.check_pages(current.freeze()?))))?;
        }
        for checked in [pages, self.verify().map(|found| report = found)] {
            match checked {
                Ok(()) => {}
                Err(StoreError::Damaged { place, what }) => report.problem(place, what, FILE_ADVICE),
                Err(error) => return Err(error),
            }
        }
        Ok(report)
    }
}

/// Totals of one stream's blocks.
#[derive(Default)]
pub(super) struct StreamTotals {
    pub rows: u64,
    pub bytes: u64,
    pub last_ns: Option<i64>,
}

#[derive(Default)]
struct Checker {
    report: VerifyReport,
    seen: BTreeMap<(String, String, u8), StreamTotals>,
}

impl Checker {
    fn run(txn: &ReadTransaction) -> Result<VerifyReport, StoreError> {
        let mut checker = Checker::default();
        checker.records(txn, STRATEGIES, |_| ())?;
        checker.records(txn, SYMBOL_SPECS, |_| ())?;
        checker.records(txn, SYMBOL_FACTS, |_| ())?;
        checker.records(txn, GAPS, |_| ())?;
        checker.records(txn, SESSIONS, |_| ())?;
        checker.records(txn, CONTROLS, |_| ())?;
        checker.records(txn, CONTRACTS, |_| ())?;
        checker.records(txn, TICKERS, |_| ())?;
        checker.records(txn, CHECKPOINTS, |_| ())?;
        checker.records(txn, SYNC_STATE, |_| ())?;
        checker.records(txn, SYNC_CURSORS, |_| ())?;
        checker.records(txn, SYNC_REVISIONS, |_| ())?;
        checker.records(txn, DEAD_LETTERS, |_| ())?;
        checker.records(txn, UNSENT, |_| ())?;
        checker.records(txn, SESSION_EVENTS, |_| ())?;
        checker.log(txn)?;
        checker.records(txn, STRATEGY_STATISTICS, |_| ())?;
        checker.records(txn, RESULT_REPORTS, |_| ())?;
        checker.records(txn, RESULT_NOTES, |_| ())?;
        checker.records(txn, PUMP_LABELS, |_| ())?;
        checker.records(txn, PRESETS, |_| ())?;
        checker.records(txn, USERS, |_| ())?;
        checker.records(txn, LOGINS, |_| ())?;
        checker.records(txn, REVOKED_TOKENS, |_| ())?;
        checker.records(txn, IDEMPOTENCY, |_| ())?;
        checker.each(txn, RESULT_DIGESTS, RECORD_ADVICE, |_, _, _| Ok(()))?;
        let results = checker.records(txn, RESULTS, |result| result.id)?;
        let documents = checker.records(txn, RESULT_DOCUMENTS, |document| document.id)?;
        let ids = |all: Vec<Option<String>>| all.into_iter().flatten().collect::<BTreeSet<_>>();
        for id in ids(results).symmetric_difference(&ids(documents)) {
            checker.report.problem(
                format!("result `{id}`"),
                "its summary or its document is missing or unreadable",
                RECORD_ADVICE,
            );
        }
        checker.blocks(txn)?;
        let recordings = checker.records(txn, RECORDINGS, |recording| recording)?;
        checker.journals(txn, &recordings)?;
        checker.compare(recordings);
        Ok(checker.report)
    }

    /// Reads all records of a table and keeps a part of each; an unreadable one is a problem and gives
    /// `None`.
    fn records<K: Key + 'static, T, U>(
        &mut self,
        txn: &ReadTransaction,
        table: TableOf<K, T>,
        keep: impl Fn(T) -> U,
    ) -> Result<Vec<Option<U>>, StoreError> {
        let mut all = Vec::new();
        self.each(txn, table, RECORD_ADVICE, |checker, _, record| {
            checker.report.records += 1;
            all.push(record.map(&keep));
            Ok(())
        })?;
        Ok(all)
    }

    /// Visits all values of a table, with `None` for one that is unreadable or does not belong to its key.
    /// Also checks that keys ascend and that the table's own count is right.
    fn each<K: Key + 'static, T>(
        &mut self,
        txn: &ReadTransaction,
        of: TableOf<K, T>,
        advice: &'static str,
        mut visitor: impl FnMut(&mut Self, &K::SelfType<'_>, Option<T>) -> Result<(), String>,
    ) -> Result<(), StoreError> {
        const CHECKING: &str = "checking the store";
        let table = txn.open_table(of.definition).map_err(during(CHECKING))?;
        let (mut count, mut last) = (0, None);
        for row in table.iter().map_err(during(CHECKING))? {
            let (key, bytes) = row.map_err(during(CHECKING))?;
            let (key, place) = (key.value(), of.location(&key.value()));
            let found = K::as_bytes(&key).as_ref().to_vec();
            if last.is_some_and(|last: Vec<u8>| K::compare(&last, &found).is_ge()) {
                self.report.problem(place.as_str(), "it is not at the place of its key", advice);
            }
            (count, last) = (count + 1, Some(found));
            let value = of.read(&key, bytes.value());
            if let Err(what) = &value {
                self.report.problem(place.as_str(), what, advice);
            }
            if let Err(what) = visitor(self, &key, value.ok()) {
                self.report.problem(place, what, advice);
            }
        }
        let len = table.len().map_err(during(CHECKING))?;
        if count != len {
            let place = format!("table {}", of.definition.name());
            self.report.problem(place, format!("it holds {count} entries and says {len}"), FILE_ADVICE);
        }
        Ok(())
    }

    /// Checks that no position of the event log is given twice.
    fn log(&mut self, txn: &ReadTransaction) -> Result<(), StoreError> {
        let mut next = 0;
        self.each(txn, EVENT_LOG, RECORD_ADVICE, |checker, position, entry| {
            checker.report.records += 1;
            let Some(entry) = entry else { return Ok(()) };
            let overlaps = *position < next;
            next = *position + u64::from(entry.count);
            if overlaps { Err("its positions are given twice".to_owned()) } else { Ok(()) }
        })
    }

    fn blocks(&mut self, txn: &ReadTransaction) -> Result<(), StoreError> {
        let mut decoder = BlockDecoder::new();
        let mut rows = Rows::new(StreamKind::Trades);
        self.each(txn, BLOCKS, ROWS_ADVICE, |checker, key, bytes| {
            let (recording, symbol, stream, first_seq) = *key;
            let seen = checker.seen.entry((recording.to_owned(), symbol.to_owned(), stream)).or_default();
            let before = std::mem::replace(&mut seen.rows, first_seq);
            let checked = match bytes {
                Some(bytes) => {
                    check_segment(&bytes, stream, &mut decoder, &mut rows, seen, &mut checker.report)
                }
                None => Ok(()),
            };
            if before == first_seq {
                checked
            } else {
                checked.and(Err(format!("rows {before} to {first_seq} are missing")))
            }
        })
    }

    /// Checks that every journal chunk is readable and belongs to an open recording.
    fn journals(
        &mut self,
        txn: &ReadTransaction,
        recordings: &[Option<RecordingV1>],
    ) -> Result<(), StoreError> {
        let open =
            recordings.iter().flatten().filter(|recording| recording.state == RecordingState::Recording);
        let open: BTreeSet<&str> = open.map(|recording| recording.id.as_str()).collect();
        let mut rows = Rows::new(StreamKind::Trades);
        self.each(txn, JOURNAL, ROWS_ADVICE, |checker, key, bytes| {
            checker.report.chunks += 1;
            bytes
                .map_or(Ok(()), |bytes| check_chunk(&bytes, &mut rows))
                .map_err(|error| error.to_string())?;
            if open.contains(key.0) { Ok(()) } else { Err("its recording is not being made".to_owned()) }
        })
    }

    /// Compares the recordings' counts with those of their blocks.
    fn compare(&mut self, recordings: Vec<Option<RecordingV1>>) {
        for recording in recordings.into_iter().flatten() {
            if recording.state == RecordingState::Importing {
                // The counts of an unfinished import are ahead of its blocks.
                self.seen.retain(|(id, _, _), _| *id != recording.id);
                continue;
            }
            for symbol in &recording.symbols {
                for stream in &symbol.streams {
                    let key = (recording.id.clone(), symbol.name.clone(), stream.stream);
                    let seen = self.seen.remove(&key).unwrap_or_default();
                    if (seen.rows, seen.bytes, seen.last_ns)
                        != (stream.rows, stream.bytes, Some(stream.last_ns))
                    {
                        let word = stream.kind().map_or("unknown stream", |it| it.as_str());
                        let place = format!("recording `{}`, {} {word}", recording.id, symbol.name);
                        let what = format!(
                            "its blocks hold {} rows in {} bytes, it was recorded with {} rows in {}",
                            seen.rows, seen.bytes, stream.rows, stream.bytes
                        );
                        self.report.problem(place, what, ROWS_ADVICE);
                    }
                }
            }
        }
        for ((recording, symbol, _), seen) in std::mem::take(&mut self.seen) {
            let place = format!("recording `{recording}`, {symbol}");
            self.report.problem(
                place,
                format!("{} rows belong to a recording that is missing or unreadable", seen.rows),
                RECORD_ADVICE,
            );
        }
    }
}

fn check_chunk(bytes: &[u8], rows: &mut Rows) -> Result<(), BlockError> {
    let mut chunk = ChunkReader::new(bytes)?;
    while chunk.next(rows)?.is_some() {}
    Ok(())
}

/// Checks every block of a segment. Stops at the first unreadable one, because the start of the next is then
/// unknown.
pub(super) fn check_segment(
    mut bytes: &[u8],
    stream: u8,
    decoder: &mut BlockDecoder,
    rows: &mut Rows,
    seen: &mut StreamTotals,
    report: &mut VerifyReport,
) -> Result<(), String> {
    while !bytes.is_empty() {
        report.blocks += 1;
        let (block, rest) = Block::split(bytes).map_err(|error| error.to_string())?;
        let header = block.header;
        if Some(header.kind) != kind_from_code(stream) {
            return Err(format!("a block of {} is among other rows", header.kind.as_str()));
        }
        if header.first_seq != seen.rows {
            return Err(format!(
                "a block begins with row {} where {} was expected",
                header.first_seq, seen.rows
            ));
        }
        decoder.rows(&block, rows).map_err(|error| error.to_string())?;
        if (0..rows.len()).any(|row| rows.record(row).is_none()) {
            return Err("a row has impossible values".to_owned());
        }
        let times = seen.last_ns.into_iter().chain(rows.exchange.iter().copied());
        if times.is_sorted() == header.goes_back {
            return Err(if header.goes_back {
                "its rows do not go back in time as it says"
            } else {
                "its rows go back in time"
            }
            .to_owned());
        }
        seen.rows += header.rows as u64;
        seen.bytes += header.block_bytes() as u64;
        seen.last_ns = Some(header.last_at.nanos());
        report.rows += header.rows as u64;
        bytes = rest;
    }
    Ok(())
}
