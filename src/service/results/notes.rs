//! Names, notes, tags and pins of results, and deleting results. The result itself never changes.

use super::{Results, not_found, time};
use crate::domain::time::Timestamp;
use crate::limits::{NAME_CHARS, NOTES_CHARS, RESULT_TAGS};
use crate::service::{Refusal, problems_text};
use crate::store::records::ResultNoteV1;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A change of what is written about a result. `None` leaves a field as it is.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct NoteChange {
    /// New name; empty removes it.
    pub name: Option<String>,
    /// New notes.
    pub notes: Option<String>,
    /// New tags.
    pub tags: Option<Vec<String>>,
    /// Whether it is pinned.
    pub pinned: Option<bool>,
}

impl NoteChange {
    fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let mut check = |path: String, text: &str, most: usize| {
            let count = text.chars().count();
            if count > most {
                problems.push((path, format!("has {count} characters; at most {most} are kept")));
            } else if text
                .chars()
                .any(|c| c.is_control() && !(most == NOTES_CHARS && matches!(c, '\n' | '\t')))
            {
                problems.push((path, "must not have control characters".to_owned()));
            }
        };
        check("/name".to_owned(), self.name.as_deref().unwrap_or_default(), NAME_CHARS);
        check("/notes".to_owned(), self.notes.as_deref().unwrap_or_default(), NOTES_CHARS);
        let tags = self.tags.as_deref().unwrap_or_default();
        for (index, tag) in tags.iter().enumerate().take(RESULT_TAGS) {
            check(format!("/tags/{index}"), tag, NAME_CHARS);
        }
        if tags.len() > RESULT_TAGS {
            problems.push((
                "/tags".to_owned(),
                format!("has {} tags; at most {RESULT_TAGS} are kept", tags.len()),
            ));
        }
        problems
    }

    fn apply(&self, note: &mut ResultNoteV1) {
        if let Some(name) = &self.name {
            let name = name.trim();
            note.name = (!name.is_empty()).then(|| name.to_owned());
        }
        if let Some(notes) = &self.notes {
            note.notes.clone_from(notes);
        }
        if let Some(tags) = &self.tags {
            let own: BTreeSet<&str> =
                tags.iter().map(|tag| tag.trim()).filter(|tag| !tag.is_empty()).collect();
            note.tags = own.into_iter().map(str::to_owned).collect();
        }
        note.pinned = self.pinned.unwrap_or(note.pinned);
    }
}

impl Results {
    /// `{"result_id","name","notes","tags","pinned","updated_by","updated_at"}`; without a note `name` and
    /// the last two are null.
    ///
    /// # Errors
    /// As [`Results::of_session`].
    pub fn note(&self, session: &str) -> Result<Value, Refusal> {
        let id = self.line(session)?.id;
        let note = self.store.result_note(&id)?;
        Ok(shown(&note.unwrap_or_else(|| ResultNoteV1 { result_id: id, ..ResultNoteV1::default() })))
    }

    /// Changes the note of a result and returns it.
    ///
    /// # Errors
    /// `invalid_request` with every problem; else as [`Results::of_session`].
    pub fn annotate(
        &self,
        session: &str,
        change: NoteChange,
        user: &str,
        now: Timestamp,
    ) -> Result<Value, Refusal> {
        let problems = change.problems();
        if !problems.is_empty() {
            let message = format!("the note cannot be saved: {}", problems_text(&problems));
            return Err(Refusal::invalid("invalid_request", message, problems));
        }
        let id = self.line(session)?.id;
        let user = user.to_owned();
        let note = self.store.change_result_note(&id, move |note| {
            change.apply(note);
            note.user.clone_from(&user);
            note.updated_us = now.micros();
        })?;
        Ok(shown(&note))
    }

    /// Deletes a result with its document, report and note. What it added to the totals of its strategies
    /// stays.
    ///
    /// # Errors
    /// `result_pinned`; else as [`Results::of_session`].
    pub fn delete(&self, session: &str) -> Result<(), Refusal> {
        let id = self.line(session)?.id;
        match self.store.delete_result(&id) {
            Ok(true) => Ok(()),
            Ok(false) => {
                let message = format!("the result of {id} is pinned; remove the pin before deleting it");
                Err(Refusal::conflict("result_pinned", message))
            }
            Err(crate::store::StoreError::NotFound { .. }) => {
                Err(not_found(&format!("there is no result of `{session}`")))
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn shown(note: &ResultNoteV1) -> Value {
    let was_written = note.updated_us != 0;
    json!({
        "result_id": note.result_id,
        "name": note.name,
        "notes": note.notes,
        "tags": note.tags,
        "pinned": note.pinned,
        "updated_by": was_written.then_some(&note.user),
        "updated_at": was_written.then(|| time(note.updated_us)),
    })
}
