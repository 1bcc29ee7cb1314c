//! Results of backtests and sessions. Invariant: a result, its document, its report and its contribution to
//! the strategies' statistics are written in one transaction.

use super::error::during;
use super::page::{StoredPage, Wanted};
use super::records::{ResultDocumentV1, ResultReportV1, ResultV3, StrategyStatisticsV1};
use super::tables::{
    RESULT_DIGESTS, RESULT_DOCUMENTS, RESULT_NOTES, RESULT_REPORTS, RESULTS, SESSIONS, STRATEGY_STATISTICS,
};
use super::{Store, StoreError, encode, pack, unpack};
use crate::limits::{RESULT_REPORT_BYTES, STORE_RECORD_BYTES};
use redb::WriteTransaction;
use serde::{Deserialize, Serialize};

const WRITING: &str = "writing a result";
const REMOVING: &str = "removing a result";

/// A result to store.
#[derive(Clone, PartialEq, Debug)]
pub struct NewResult {
    /// The summary shown in lists.
    pub result: ResultV3,
    /// The whole result as JSON.
    pub document: String,
    /// The report as HTML; not stored when it is longer than [`RESULT_REPORT_BYTES`].
    pub report: String,
    /// Contributions to the statistics of its strategies; empty if the result does not count.
    pub outcomes: Vec<StrategyOutcome>,
}

/// A strategy's totals in one result.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StrategyOutcome {
    /// The strategy's id.
    pub strategy_id: String,
    /// Number of closed trades.
    pub trades: u64,
    /// Number of winning trades.
    pub wins: u64,
    /// Number of losing trades.
    pub losses: u64,
    /// Number of other trades.
    pub draws: u64,
    /// Sum of the trades' net results in 10^-9 percent of their entry notional.
    pub net_pct_e9: i128,
    /// Equal exactly for the same trades of the same strategy: such outcomes count once.
    pub digest: String,
}

/// An encoded result, to be written as part of a transaction.
pub(super) struct EncodedResult {
    id: String,
    created_us: i64,
    digest: String,
    summary: Vec<u8>,
    document: Vec<u8>,
    report: Option<Vec<u8>>,
    outcomes: Vec<StrategyOutcome>,
}

impl EncodedResult {
    pub(super) fn new(new: NewResult) -> Result<Self, StoreError> {
        let id = new.result.id.clone();
        let report = match new.report.len() {
            0..=RESULT_REPORT_BYTES => {
                Some(encode(&ResultReportV1 { id: id.clone(), html: pack(&new.report, WRITING)? })?)
            }
            _ => None,
        };
        Ok(EncodedResult {
            created_us: new.result.created_us,
            digest: new.result.digest.clone(),
            summary: encode(&new.result)?,
            document: encode(&ResultDocumentV1 { id: id.clone(), document: new.document })?,
            report,
            outcomes: new.outcomes,
            id,
        })
    }

    /// Writes all parts. The statistics of a strategy grow only if no other result has this id or the same
    /// trades of it.
    pub(super) fn write(&self, txn: &WriteTransaction) -> Result<(), StoreError> {
        let id = self.id.as_str();
        let known = {
            let mut results = RESULTS.write(txn, WRITING)?;
            results.insert(id, self.summary.as_slice()).map_err(during(WRITING))?.is_some()
        };
        RESULT_DOCUMENTS
            .write(txn, WRITING)?
            .insert(id, self.document.as_slice())
            .map_err(during(WRITING))?;
        if let Some(report) = &self.report {
            RESULT_REPORTS.write(txn, WRITING)?.insert(id, report.as_slice()).map_err(during(WRITING))?;
        }
        if known || self.outcomes.is_empty() {
            return Ok(());
        }
        let was_counted_as_a_whole = has_digest(txn, &self.digest)?;
        let mut counting = Vec::new();
        for outcome in &self.outcomes {
            counting.push(!was_counted_as_a_whole && self.is_first_with(txn, &outcome.digest)?);
        }
        let mut statistics = STRATEGY_STATISTICS.write(txn, WRITING)?;
        for (outcome, counts) in self.outcomes.iter().zip(counting) {
            let strategy = outcome.strategy_id.as_str();
            let none = || StrategyStatisticsV1 {
                strategy_id: strategy.to_owned(),
                ..StrategyStatisticsV1::default()
            };
            let before = STRATEGY_STATISTICS.within(&statistics).get(strategy)?.unwrap_or_else(none);
            let bytes = encode(&self.added(before, counts.then_some(outcome)))?;
            statistics.insert(strategy, bytes.as_slice()).map_err(during(WRITING))?;
        }
        Ok(())
    }

    /// Adds the digest of an outcome to those that count; returns whether no other result has it.
    fn is_first_with(&self, txn: &WriteTransaction, digest: &str) -> Result<bool, StoreError> {
        let is_known = has_digest(txn, digest)?;
        let mut digests = RESULT_DIGESTS.write(txn, WRITING)?;
        digests.insert((digest, self.id.as_str()), [].as_slice()).map_err(during(WRITING))?;
        Ok(!is_known)
    }

    /// Adds an outcome, if given, to the totals. The newest result is updated in any case.
    fn added(&self, before: StrategyStatisticsV1, outcome: Option<&StrategyOutcome>) -> StrategyStatisticsV1 {
        let newest = before.results == 0 || self.created_us >= before.last_us;
        let (last_result_id, last_us) =
            if newest { (self.id.clone(), self.created_us) } else { (before.last_result_id, before.last_us) };
        let before = StrategyStatisticsV1 { last_result_id, last_us, ..before };
        let Some(outcome) = outcome else { return before };
        StrategyStatisticsV1 {
            results: before.results + 1,
            trades: before.trades + outcome.trades,
            wins: before.wins + outcome.wins,
            losses: before.losses + outcome.losses,
            draws: before.draws + outcome.draws,
            net_pct_e9: before.net_pct_e9.saturating_add(outcome.net_pct_e9),
            ..before
        }
    }
}

fn has_digest(txn: &WriteTransaction, digest: &str) -> Result<bool, StoreError> {
    let digests = RESULT_DIGESTS.write(txn, WRITING)?;
    let behind = format!("{digest}\0");
    Ok(RESULT_DIGESTS.within(&digests).last((digest, ""), (behind.as_str(), ""), |_| ())?.is_some())
}

impl Store {
    /// Stores a result. One with the same id is replaced and not counted again.
    pub fn put_result(&self, new: NewResult) -> Result<(), StoreError> {
        let encoded = EncodedResult::new(new)?;
        self.write(move |txn| encoded.write(txn))
    }

    /// The summary of a result.
    pub fn result(&self, id: &str) -> Result<ResultV3, StoreError> {
        self.table(RESULTS)?.checked().get(id)?.ok_or_else(|| not_found(id))
    }

    /// The whole result as JSON.
    pub fn result_document(&self, id: &str) -> Result<String, StoreError> {
        let found = self.table(RESULT_DOCUMENTS)?.checked().get(id)?;
        found.map(|kept| kept.document).ok_or_else(|| not_found(id))
    }

    /// The HTML report of a result; `None` when none was stored.
    pub fn result_report(&self, id: &str) -> Result<Option<String>, StoreError> {
        let Some(kept) = self.table(RESULT_REPORTS)?.checked().get(id)? else { return Ok(None) };
        unpack(&kept.html, RESULT_REPORT_BYTES, || format!("result_report `{id}`")).map(Some)
    }

    /// All results, newest first.
    pub fn results(&self) -> Result<Vec<ResultV3>, StoreError> {
        let mut all = self.results_page(None, usize::MAX, None)?.items;
        all.sort_by(|a, b| (b.created_us, &b.id).cmp(&(a.created_us, &a.id)));
        Ok(all)
    }

    /// A page of at most `limit` results before an id, newest first.
    pub fn results_page(
        &self,
        before: Option<&str>,
        limit: usize,
        wanted: Wanted<'_, ResultV3>,
    ) -> Result<StoredPage<ResultV3>, StoreError> {
        self.page(RESULTS, before, limit, wanted)
    }

    /// Statistics by strategy id; strategies without a completed backtest are missing.
    pub fn strategy_statistics(&self) -> Result<Vec<StrategyStatisticsV1>, StoreError> {
        self.table(STRATEGY_STATISTICS)?.checked().values()
    }

    /// Removes a result with its document, report and note, unless it is pinned; returns whether it was
    /// removed. The totals of its strategies keep what it added, and the digests of its outcomes stay, so the
    /// same run adds nothing again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] without the result.
    pub fn delete_result(&self, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.write(move |txn| {
            let key = id.as_str();
            let mut notes = RESULT_NOTES.write(txn, REMOVING)?;
            if RESULT_NOTES.within(&notes).get(key)?.is_some_and(|note| note.pinned) {
                return Ok(false);
            }
            let mut results = RESULTS.write(txn, REMOVING)?;
            results.remove(key).map_err(during(REMOVING))?.ok_or_else(|| not_found(key))?;
            notes.remove(key).map_err(during(REMOVING))?;
            RESULT_DOCUMENTS.write(txn, REMOVING)?.remove(key).map_err(during(REMOVING))?;
            RESULT_REPORTS.write(txn, REMOVING)?.remove(key).map_err(during(REMOVING))?;
            let left = RESULTS.within(&results).values()?;
            point_to_newest(txn, key, &left)?;
            Ok(true)
        })
    }
}

/// Statistics whose newest result was removed name the newest that is left.
fn point_to_newest(txn: &WriteTransaction, removed: &str, left: &[ResultV3]) -> Result<(), StoreError> {
    let mut statistics = STRATEGY_STATISTICS.write(txn, REMOVING)?;
    let all = STRATEGY_STATISTICS.within(&statistics).values()?;
    for one in all.into_iter().filter(|one| one.last_result_id == removed) {
        let own = left.iter().filter(|result| result.has_strategy(&one.strategy_id));
        let newest = own.max_by_key(|result| (result.created_us, &result.id));
        let last_result_id = newest.map_or(String::new(), |result| result.id.clone());
        let last_us = newest.map_or(i64::MIN, |result| result.created_us);
        let bytes = encode(&StrategyStatisticsV1 { last_result_id, last_us, ..one.clone() })?;
        statistics.insert(one.strategy_id.as_str(), bytes.as_slice()).map_err(during(REMOVING))?;
    }
    Ok(())
}

/// Adds the digests of whole runs that were stored before outcomes had one: only completed backtests count.
pub(super) fn index_digests(txn: &WriteTransaction) -> Result<(), StoreError> {
    let results = RESULTS.write(txn, WRITING)?;
    let sessions = SESSIONS.write(txn, WRITING)?;
    let mut digests = RESULT_DIGESTS.write(txn, WRITING)?;
    for result in RESULTS.within(&results).values()? {
        let session = match &result.session_id {
            Some(id) => SESSIONS.within(&sessions).get(id)?,
            None => None,
        };
        if !result.stopped_early && session.is_none_or(|session| session.kind == "backtest") {
            digests
                .insert((result.digest.as_str(), result.id.as_str()), [].as_slice())
                .map_err(during(WRITING))?;
        }
    }
    Ok(())
}

fn not_found(id: &str) -> StoreError {
    StoreError::NotFound { what: "result", id: id.to_owned() }
}

const _: () = assert!(RESULT_REPORT_BYTES <= STORE_RECORD_BYTES);
