//! Check of a store: every record's envelope, every block's checksum, content, order and count.
//!
//! Reports all it finds with place and advice. Opening the store recovers it as every start does (a killed import is
//! removed); beyond that nothing is repaired or deleted, and a damaged file is only read.

use super::blocks::{Block, BlockDecoder, BlockError, Rows, kind_from_code};
use super::codec::{self, Stored};
use super::error::during;
use super::journal::ChunkReader;
use super::recordings::chunk_place;
use super::records::{
    ContractV1, GapV1, IdempotencyV1, LoginV1, RecordingState, RecordingV1, ResultDocumentV1, ResultReportV1, ResultV2, RevokedTokenV1,
    SessionControlV1, SessionEventsV1, SessionRow, StrategyStatisticsV1, StrategyV1, SymbolFactsV1, SymbolSpecV1, TickerCacheV1, UserV1,
};
use super::tables::{
    BLOCKS, CONTRACTS, CONTROLS, GAPS, IDEMPOTENCY, JOURNAL, LOGINS, RECORDINGS, RESULT_DOCUMENTS, RESULT_REPORTS, RESULTS, REVOKED_TOKENS,
    SESSION_EVENTS, SESSIONS, STRATEGIES, STRATEGY_STATISTICS, SYMBOL_FACTS, SYMBOL_SPECS, TICKERS, USERS,
};
use super::{Check, OpenMode, STORE_FILE, Store, StoreError, builder};
use crate::domain::record::StreamKind;
use redb::{Key, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Problems reported one by one; of more only the number is known.
const MAX_PROBLEMS: usize = 1_000;

/// Something that is not as it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Where.
    pub place: String,
    /// What is wrong there.
    pub what: String,
    /// What to do.
    pub advice: &'static str,
}

/// What a check saw.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct VerifyReport {
    /// Records looked at.
    pub records: u64,
    /// Blocks looked at.
    pub blocks: u64,
    /// Chunks of journals looked at.
    pub chunks: u64,
    /// Rows in blocks that could be read.
    pub rows: u64,
    /// What is wrong, at most 1,000.
    pub problems: Vec<Problem>,
    /// Problems beyond those listed.
    pub more_problems: u64,
}

impl VerifyReport {
    /// Whether nothing is wrong.
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

const RECORD_ADVICE: &str = "put the store back from a backup, or write this record anew";
const ROWS_ADVICE: &str = "delete this recording and import its files again";
const FILE_ADVICE: &str = "keep the file, put back a backup, or import into an empty state directory";

/// Checks every page, record and block of the store of a state directory, also one that no longer opens.
///
/// # Errors
/// Only when there is nothing to check: no store, another process holds it, a newer version made it.
pub fn verify(dir: &Path) -> Result<VerifyReport, StoreError> {
    let damage = match Store::open_checked(dir, OpenMode::MustExist, Check::Every) {
        Ok(store) => return store.verify(),
        Err(StoreError::Damaged { place, what }) => Problem { place, what, advice: FILE_ADVICE },
        Err(error) => return Err(error),
    };
    let mut report = VerifyReport { problems: vec![damage], ..VerifyReport::default() };
    // Read-only and unchecked, to tell what the damage touches. The database may panic on pages it trusts.
    let read = catch_unwind(AssertUnwindSafe(|| -> Result<VerifyReport, StoreError> {
        let db = builder().open_read_only(dir.join(STORE_FILE)).map_err(during("reading the damaged store"))?;
        Checker::run(&db.begin_read().map_err(during("reading the damaged store"))?)
    }));
    match read {
        Ok(Ok(found)) => {
            report.problems.extend(found.problems);
            report = VerifyReport { problems: report.problems, ..found };
        }
        Ok(Err(error)) => report.problem("the rest of the store", error, FILE_ADVICE),
        Err(_) => report.problem("the rest of the store", "it cannot be read behind the damage", FILE_ADVICE),
    }
    Ok(report)
}

impl Store {
    /// Checks every record and block of an open store.
    pub fn verify(&self) -> Result<VerifyReport, StoreError> {
        Checker::run(&self.read()?)
    }

    /// As [`Store::verify`], for a store that was opened without a check and is in use: the database may panic on a page
    /// that is not as it was written, and that is a finding here. Reads the store as it is now, for about a second per
    /// GiB; what is written meanwhile is not seen and not hindered.
    pub fn scan(&self) -> Result<VerifyReport, StoreError> {
        catch_unwind(AssertUnwindSafe(|| self.verify()))
            .unwrap_or_else(|_| Err(StoreError::damaged("the store file", "it cannot be read behind the damage")))
    }
}

/// What the blocks of one stream add up to.
#[derive(Default)]
struct Seen {
    rows: u64,
    bytes: u64,
    last_ns: Option<i64>,
}

#[derive(Default)]
struct Checker {
    report: VerifyReport,
    seen: BTreeMap<(String, String, u8), Seen>,
}

impl Checker {
    fn run(txn: &ReadTransaction) -> Result<VerifyReport, StoreError> {
        let mut checker = Checker::default();
        checker.records(txn, STRATEGIES, |key| format!("strategy `{}` version {}", key.0, key.1), |_: StrategyV1| ())?;
        checker.records(txn, SYMBOL_SPECS, |key| format!("symbol_spec `{}` of recording `{}`", key.1, key.0), |_: SymbolSpecV1| ())?;
        checker.records(txn, SYMBOL_FACTS, |key| format!("symbol_facts `{}` of recording `{}`", key.1, key.0), |_: SymbolFactsV1| ())?;
        checker.records(txn, GAPS, |key| format!("gap {} of recording `{}`", key.1, key.0), |_: GapV1| ())?;
        checker.records(txn, SESSIONS, |key| format!("session `{key}`"), |_: SessionRow| ())?;
        checker.records(txn, CONTROLS, |key| format!("control {} of session `{}`", key.1, key.0), |_: SessionControlV1| ())?;
        checker.records(txn, CONTRACTS, |key| format!("contract `{}` since {}", key.0, key.1), |_: ContractV1| ())?;
        checker.records(txn, TICKERS, |key| format!("tickers of `{key}`"), |_: TickerCacheV1| ())?;
        checker.records(txn, SESSION_EVENTS, |key| format!("events of session `{}` from {}", key.0, key.1), |_: SessionEventsV1| ())?;
        checker.records(txn, STRATEGY_STATISTICS, |key| format!("statistics of strategy `{key}`"), |_: StrategyStatisticsV1| ())?;
        checker.records(txn, RESULT_REPORTS, |key| format!("page of result `{key}`"), |_: ResultReportV1| ())?;
        checker.records(txn, USERS, |key| format!("user `{key}`"), |_: UserV1| ())?;
        checker.records(txn, LOGINS, |key| format!("login `{key}`"), |_: LoginV1| ())?;
        checker.records(txn, REVOKED_TOKENS, |key| format!("revoked_token `{key}`"), |_: RevokedTokenV1| ())?;
        checker.records(txn, IDEMPOTENCY, |key| format!("idempotency key `{}` of `{}`", key.1, key.0), |_: IdempotencyV1| ())?;
        let results = checker.records(txn, RESULTS, |key| format!("result `{key}`"), |result: ResultV2| result.id)?;
        let document_id = |document: ResultDocumentV1| document.id;
        let documents = checker.records(txn, RESULT_DOCUMENTS, |key| format!("result_document `{key}`"), document_id)?;
        let ids = |all: Vec<Option<String>>| all.into_iter().flatten().collect::<BTreeSet<_>>();
        for id in ids(results).symmetric_difference(&ids(documents)) {
            checker.report.problem(format!("result `{id}`"), "its summary or its document is missing or unreadable", RECORD_ADVICE);
        }
        checker.blocks(txn)?;
        let recordings = checker.records(txn, RECORDINGS, |key| format!("recording `{key}`"), |recording: RecordingV1| recording)?;
        checker.journals(txn, &recordings)?;
        checker.compare(recordings);
        Ok(checker.report)
    }

    /// Reads every record of a table and keeps a part of each; unreadable ones are problems and `None`.
    fn records<K: Key + 'static, T: Stored, U>(
        &mut self,
        txn: &ReadTransaction,
        table: TableDefinition<K, &[u8]>,
        place: impl Fn(K::SelfType<'_>) -> String,
        keep: impl Fn(T) -> U,
    ) -> Result<Vec<Option<U>>, StoreError> {
        let table = txn.open_table(table).map_err(during("checking records"))?;
        let mut all = Vec::new();
        for row in table.iter().map_err(during("checking records"))? {
            let (key, bytes) = row.map_err(during("checking records"))?;
            let record = codec::decode::<T>(bytes.value());
            self.report.records += 1;
            if let Err(error) = &record {
                self.report.problem(place(key.value()), error, RECORD_ADVICE);
            }
            all.push(record.ok().map(&keep));
        }
        Ok(all)
    }

    fn blocks(&mut self, txn: &ReadTransaction) -> Result<(), StoreError> {
        let table = txn.open_table(BLOCKS).map_err(during("checking blocks"))?;
        let mut decoder = BlockDecoder::new();
        let mut rows = Rows::new(StreamKind::Trades);
        for row in table.iter().map_err(during("checking blocks"))? {
            let (key, bytes) = row.map_err(during("checking blocks"))?;
            let (recording, symbol, stream, first_seq) = key.value();
            let word = kind_from_code(stream).map_or("unknown stream", StreamKind::word);
            let place = format!("recording `{recording}`, {symbol} {word}, rows from {first_seq}");
            let seen = self.seen.entry((recording.to_owned(), symbol.to_owned(), stream)).or_default();
            if seen.rows != first_seq {
                self.report.problem(place.as_str(), format!("rows {} to {first_seq} are missing", seen.rows), ROWS_ADVICE);
                seen.rows = first_seq;
            }
            if let Err(error) = check_segment(bytes.value(), stream, &mut decoder, &mut rows, seen, &mut self.report) {
                self.report.problem(place, error, ROWS_ADVICE);
            }
        }
        Ok(())
    }

    /// Every chunk of every journal: each can be read, and belongs to a live recording that is not complete.
    fn journals(&mut self, txn: &ReadTransaction, recordings: &[Option<RecordingV1>]) -> Result<(), StoreError> {
        let table = txn.open_table(JOURNAL).map_err(during("checking journals"))?;
        let live = recordings.iter().flatten().filter(|recording| recording.state == RecordingState::Recording);
        let live: BTreeSet<&str> = live.map(|recording| recording.id.as_str()).collect();
        let mut rows = Rows::new(StreamKind::Trades);
        for chunk in table.iter().map_err(during("checking journals"))? {
            let (key, bytes) = chunk.map_err(during("checking journals"))?;
            let (id, number) = key.value();
            self.report.chunks += 1;
            if let Err(error) = check_chunk(bytes.value(), &mut rows) {
                self.report.problem(chunk_place(id, number), error, ROWS_ADVICE);
            } else if !live.contains(id) {
                self.report.problem(chunk_place(id, number), "it belongs to no recording that is being made", RECORD_ADVICE);
            }
        }
        Ok(())
    }

    /// What recordings say against what their blocks hold.
    fn compare(&mut self, recordings: Vec<Option<RecordingV1>>) {
        for recording in recordings.into_iter().flatten() {
            if recording.state == RecordingState::Importing {
                // Its counts run ahead of its blocks until it is complete.
                self.seen.retain(|(id, _, _), _| *id != recording.id);
                continue;
            }
            for symbol in &recording.symbols {
                for stream in &symbol.streams {
                    let key = (recording.id.clone(), symbol.name.clone(), stream.stream);
                    let seen = self.seen.remove(&key).unwrap_or_default();
                    if (seen.rows, seen.bytes, seen.last_ns) != (stream.rows, stream.bytes, Some(stream.last_ns)) {
                        let word = stream.kind().map_or("unknown stream", StreamKind::word);
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
            self.report.problem(place, format!("{} rows belong to no recording that can be read", seen.rows), RECORD_ADVICE);
        }
    }
}

fn check_chunk(bytes: &[u8], rows: &mut Rows) -> Result<(), BlockError> {
    let mut chunk = ChunkReader::new(bytes)?;
    while chunk.next(rows)?.is_some() {}
    Ok(())
}

/// Every block of a segment; stops at the first that cannot be read, because nothing says where the next begins.
fn check_segment(
    mut bytes: &[u8],
    stream: u8,
    decoder: &mut BlockDecoder,
    rows: &mut Rows,
    seen: &mut Seen,
    report: &mut VerifyReport,
) -> Result<(), String> {
    while !bytes.is_empty() {
        report.blocks += 1;
        let (block, rest) = Block::split(bytes).map_err(|error| error.to_string())?;
        let header = block.header;
        if Some(header.kind) != kind_from_code(stream) {
            return Err(format!("a block of {} lies among other rows", header.kind.word()));
        }
        if header.first_seq != seen.rows {
            return Err(format!("a block begins with row {} where {} was due", header.first_seq, seen.rows));
        }
        decoder.rows(&block, rows).map_err(|error| error.to_string())?;
        if (0..rows.len()).any(|row| rows.record(row).is_none()) {
            return Err("a row holds what no row can".to_owned());
        }
        let times = seen.last_ns.into_iter().chain(rows.exchange.iter().copied());
        if times.is_sorted() == header.goes_back {
            return Err(if header.goes_back { "its rows do not go back in time as it says" } else { "its rows go back in time" }.to_owned());
        }
        seen.rows += header.rows as u64;
        seen.bytes += header.block_bytes() as u64;
        seen.last_ns = Some(header.last_at.nanos());
        report.rows += header.rows as u64;
        bytes = rest;
    }
    Ok(())
}
