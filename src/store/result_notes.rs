//! What people wrote about results, and the deletion of results.

use super::error::during;
use super::records::{ResultNoteV1, ResultV3, StrategyStatisticsV1};
use super::tables::{RESULT_DOCUMENTS, RESULT_NOTES, RESULT_REPORTS, RESULTS, STRATEGY_STATISTICS};
use super::{Store, StoreError, encode};
use redb::WriteTransaction;

const WRITING: &str = "writing a result note";
const REMOVING: &str = "removing a result";

impl Store {
    /// The note of a result; `None` when nobody wrote one.
    pub fn result_note(&self, id: &str) -> Result<Option<ResultNoteV1>, StoreError> {
        self.table(RESULT_NOTES)?.checked().get(id)
    }

    /// All notes, sorted by result.
    pub fn result_notes(&self) -> Result<Vec<ResultNoteV1>, StoreError> {
        self.table(RESULT_NOTES)?.checked().values()
    }

    /// Changes the note of a result in one step; an empty one is made first where there is none. Returns the new note.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] without the result.
    pub fn change_result_note(
        &self,
        id: &str,
        change: impl Fn(&mut ResultNoteV1) + Send + 'static,
    ) -> Result<ResultNoteV1, StoreError> {
        let id = id.to_owned();
        self.write(move |txn| {
            let results = RESULTS.write(txn, WRITING)?;
            RESULTS.within(&results).get(id.as_str())?.ok_or_else(|| not_found(&id))?;
            let mut table = RESULT_NOTES.write(txn, WRITING)?;
            let known = RESULT_NOTES.within(&table).get(id.as_str())?;
            let mut note =
                known.unwrap_or_else(|| ResultNoteV1 { result_id: id.clone(), ..ResultNoteV1::default() });
            change(&mut note);
            table.insert(id.as_str(), encode(&note)?.as_slice()).map_err(during(WRITING))?;
            Ok(note)
        })
    }

    /// Removes a result with its document, report and note, unless it is pinned; returns whether it was removed. The
    /// totals of its strategies keep what it added, and its digest still counts, so the same run adds nothing again.
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
            point_to_newest(txn, key, &left)
        })
    }
}

/// Statistics whose newest result was removed name the newest that is left.
fn point_to_newest(txn: &WriteTransaction, removed: &str, left: &[ResultV3]) -> Result<bool, StoreError> {
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
    Ok(true)
}

fn not_found(id: &str) -> StoreError {
    StoreError::NotFound { what: "result", id: id.to_owned() }
}
