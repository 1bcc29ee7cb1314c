//! Results of backtests and sessions. A result, its document, its page and what it adds to its strategies' statistics
//! are kept or missing together.

use super::error::during;
use super::page::{StoredPage, Wanted};
use super::records::{ResultDocumentV1, ResultReportV1, ResultV2, StrategyStatisticsV1};
use super::tables::{RESULT_DOCUMENTS, RESULT_REPORTS, RESULTS, STRATEGY_STATISTICS};
use super::{Store, StoreError, decode, encode, pack, unpack};
use crate::limits::{RESULT_REPORT_BYTES, STORE_RECORD_BYTES};
use redb::{ReadableTable, WriteTransaction};

const READING: &str = "reading a result";
const WRITING: &str = "writing a result";

/// A result to keep.
#[derive(Clone, PartialEq, Debug)]
pub struct NewResult {
    /// What lists show.
    pub result: ResultV2,
    /// The whole result as JSON.
    pub document: String,
    /// The page as HTML; not kept when it is longer than [`RESULT_REPORT_BYTES`].
    pub report: String,
    /// What it adds to the statistics of its strategies, once; empty when it does not count.
    pub outcomes: Vec<StrategyOutcome>,
}

/// What a strategy was worth in one result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StrategyOutcome {
    /// The strategy's id.
    pub strategy_id: String,
    /// Closed trades.
    pub trades: u64,
    /// Those that won.
    pub wins: u64,
    /// Those that lost.
    pub losses: u64,
    /// Those that did neither.
    pub draws: u64,
    /// Σ of the trades' net results in 10^-9 percent of their entry notional.
    pub net_pct_e9: i128,
}

/// A result as bytes, ready to be written as part of a transaction.
pub(super) struct EncodedResult {
    id: String,
    created_us: i64,
    summary: Vec<u8>,
    document: Vec<u8>,
    report: Option<Vec<u8>>,
    outcomes: Vec<StrategyOutcome>,
}

impl EncodedResult {
    pub(super) fn new(new: NewResult) -> Result<Self, StoreError> {
        let id = new.result.id.clone();
        let report = match new.report.len() {
            0..=RESULT_REPORT_BYTES => Some(encode(&ResultReportV1 { id: id.clone(), html: pack(&new.report, WRITING)? })?),
            _ => None,
        };
        Ok(EncodedResult {
            created_us: new.result.created_us,
            summary: encode(&new.result)?,
            document: encode(&ResultDocumentV1 { id: id.clone(), document: new.document })?,
            report,
            outcomes: new.outcomes,
            id,
        })
    }

    /// Writes all of it; the statistics only when there was no result of this id.
    pub(super) fn write(&self, txn: &WriteTransaction) -> Result<(), StoreError> {
        let id = self.id.as_str();
        let known = {
            let mut results = txn.open_table(RESULTS).map_err(during(WRITING))?;
            results.insert(id, self.summary.as_slice()).map_err(during(WRITING))?.is_some()
        };
        txn.open_table(RESULT_DOCUMENTS).map_err(during(WRITING))?.insert(id, self.document.as_slice()).map_err(during(WRITING))?;
        if let Some(report) = &self.report {
            txn.open_table(RESULT_REPORTS).map_err(during(WRITING))?.insert(id, report.as_slice()).map_err(during(WRITING))?;
        }
        if known {
            return Ok(());
        }
        let mut statistics = txn.open_table(STRATEGY_STATISTICS).map_err(during(WRITING))?;
        for outcome in &self.outcomes {
            let strategy = outcome.strategy_id.as_str();
            let before = match statistics.get(strategy).map_err(during(WRITING))? {
                Some(bytes) => decode(bytes.value(), strategy)?,
                None => StrategyStatisticsV1 { strategy_id: strategy.to_owned(), ..StrategyStatisticsV1::default() },
            };
            let bytes = encode(&self.added(before, outcome))?;
            statistics.insert(strategy, bytes.as_slice()).map_err(during(WRITING))?;
        }
        Ok(())
    }

    fn added(&self, before: StrategyStatisticsV1, outcome: &StrategyOutcome) -> StrategyStatisticsV1 {
        let newest = before.results == 0 || self.created_us >= before.last_us;
        let (last_result_id, last_us) = if newest { (self.id.clone(), self.created_us) } else { (before.last_result_id, before.last_us) };
        StrategyStatisticsV1 {
            strategy_id: before.strategy_id,
            results: before.results + 1,
            trades: before.trades + outcome.trades,
            wins: before.wins + outcome.wins,
            losses: before.losses + outcome.losses,
            draws: before.draws + outcome.draws,
            net_pct_e9: before.net_pct_e9.saturating_add(outcome.net_pct_e9),
            last_result_id,
            last_us,
        }
    }
}

impl Store {
    /// Keeps a result; one of the same id is replaced and counts no second time.
    pub fn put_result(&self, new: NewResult) -> Result<(), StoreError> {
        let encoded = EncodedResult::new(new)?;
        self.write(move |txn| encoded.write(txn))
    }

    /// The summary of a result.
    pub fn result(&self, id: &str) -> Result<ResultV2, StoreError> {
        let table = self.read()?.open_table(RESULTS).map_err(during(READING))?;
        let found = table.get(id).map_err(during(READING))?;
        found.map_or_else(|| Err(not_found(id)), |bytes| decode(bytes.value(), id))
    }

    /// The whole result as JSON.
    pub fn result_document(&self, id: &str) -> Result<String, StoreError> {
        let table = self.read()?.open_table(RESULT_DOCUMENTS).map_err(during(READING))?;
        let found = table.get(id).map_err(during(READING))?.ok_or_else(|| not_found(id))?;
        decode::<ResultDocumentV1>(found.value(), id).map(|kept| kept.document)
    }

    /// The page of a result; `None` for one kept before pages were.
    pub fn result_report(&self, id: &str) -> Result<Option<String>, StoreError> {
        let table = self.read()?.open_table(RESULT_REPORTS).map_err(during(READING))?;
        let Some(found) = table.get(id).map_err(during(READING))? else { return Ok(None) };
        let kept: ResultReportV1 = decode(found.value(), id)?;
        unpack(&kept.html, RESULT_REPORT_BYTES, || format!("result_report `{id}`")).map(Some)
    }

    /// All results, newest first.
    pub fn results(&self) -> Result<Vec<ResultV2>, StoreError> {
        let mut all = self.results_page(None, usize::MAX, None)?.items;
        all.sort_by(|a, b| (b.created_us, &b.id).cmp(&(a.created_us, &a.id)));
        Ok(all)
    }

    /// At most `limit` results before an id, newest first.
    pub fn results_page(
        &self,
        before: Option<&str>,
        limit: usize,
        wanted: Wanted<'_, ResultV2>,
    ) -> Result<StoredPage<ResultV2>, StoreError> {
        self.page(RESULTS, before, limit, wanted)
    }

    /// What strategies were worth so far, by their ids; those without a completed backtest are missing.
    pub fn strategy_statistics(&self) -> Result<Vec<StrategyStatisticsV1>, StoreError> {
        let table = self.read()?.open_table(STRATEGY_STATISTICS).map_err(during(READING))?;
        let mut all = Vec::new();
        for row in table.iter().map_err(during(READING))? {
            let (id, bytes) = row.map_err(during(READING))?;
            all.push(decode(bytes.value(), id.value())?);
        }
        Ok(all)
    }
}

fn not_found(id: &str) -> StoreError {
    StoreError::NotFound { what: "result", id: id.to_owned() }
}

const _: () = assert!(RESULT_REPORT_BYTES <= STORE_RECORD_BYTES);
