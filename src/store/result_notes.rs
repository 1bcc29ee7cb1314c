//! What people wrote about results.

use super::error::during;
use super::records::ResultNoteV1;
use super::tables::{RESULT_NOTES, RESULTS};
use super::{Store, StoreError, encode};

const WRITING: &str = "writing a result note";

impl Store {
    /// The note of a result; `None` when nobody wrote one.
    pub fn result_note(&self, id: &str) -> Result<Option<ResultNoteV1>, StoreError> {
        self.table(RESULT_NOTES)?.checked().get(id)
    }

    /// All notes, sorted by result.
    pub fn result_notes(&self) -> Result<Vec<ResultNoteV1>, StoreError> {
        self.table(RESULT_NOTES)?.checked().values()
    }

    /// Changes the note of a result in one step; an empty one is made first where there is none. Returns the
    /// new note.
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
}

fn not_found(id: &str) -> StoreError {
    StoreError::NotFound { what: "result", id: id.to_owned() }
}
