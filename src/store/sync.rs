//! How far the copy in QuestDB is. Nothing else in the store depends on these records.

use super::error::during;
use super::records::{DeadLetterV1, SyncCursorV1, SyncRevisionV1, SyncStateV1, UnsentV1};
use super::tables::{DEAD_LETTERS, SYNC_CURSORS, SYNC_REVISIONS, SYNC_STATE, UNSENT};
use super::{Store, StoreError, encode};
use crate::limits::DEAD_LETTERS as DEAD_LETTERS_MAX;
use redb::{ReadableTable, ReadableTableMetadata, WriteTransaction};
use std::ops::ControlFlow;

const WRITING: &str = "writing how far the copy is";
const KEY: &str = "questdb";

/// A change of how far the copy is; written as a whole.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SyncChange {
    /// Another state.
    pub state: Option<SyncStateV1>,
    /// Table, part and cursor; `None` removes it.
    pub cursors: Vec<(String, String, Option<SyncCursorV1>)>,
    /// Table, id and revision.
    pub revisions: Vec<(String, String, SyncRevisionV1)>,
    /// Rows refused by the server.
    pub dead_letters: Vec<DeadLetterV1>,
    /// Rows removed before they were copied.
    pub unsent: Vec<UnsentV1>,
}

impl SyncChange {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        *self == SyncChange::default()
    }
}

impl Store {
    /// Who copies to where; `None` before the first copy.
    pub fn sync_state(&self) -> Result<Option<SyncStateV1>, StoreError> {
        self.table(SYNC_STATE)?.checked().get(KEY)
    }

    /// The cursors of a table, by part.
    pub fn sync_cursors(&self, table: &str) -> Result<Vec<(String, SyncCursorV1)>, StoreError> {
        let mut all = Vec::new();
        self.table(SYNC_CURSORS)?.checked().visit((table, ""), (table, "\u{10ffff}"), |key, cursor| {
            all.push((key.1.to_owned(), cursor));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(all)
    }

    /// The cursor of one part; at the start without one.
    pub fn sync_cursor(&self, table: &str, part: &str) -> Result<SyncCursorV1, StoreError> {
        Ok(self.table(SYNC_CURSORS)?.checked().get((table, part))?.unwrap_or_default())
    }

    /// The revision of a record that was sent last; number 0 without one.
    pub fn sync_revision(&self, table: &str, id: &str) -> Result<SyncRevisionV1, StoreError> {
        Ok(self.table(SYNC_REVISIONS)?.checked().get((table, id))?.unwrap_or_default())
    }

    /// All revisions of a table, by id.
    pub fn sync_revisions(&self, table: &str) -> Result<Vec<(String, SyncRevisionV1)>, StoreError> {
        let mut all = Vec::new();
        self.table(SYNC_REVISIONS)?.checked().visit(
            (table, ""),
            (table, "\u{10ffff}"),
            |key, revision| {
                all.push((key.1.to_owned(), revision));
                Ok(ControlFlow::Continue(()))
            },
        )?;
        Ok(all)
    }

    /// Rows that the server refused, oldest first, each with its number.
    pub fn dead_letters(&self) -> Result<Vec<(u64, DeadLetterV1)>, StoreError> {
        self.table(DEAD_LETTERS)?.checked().all(|number| *number)
    }

    /// Number of rows that the server refused.
    pub fn dead_letter_count(&self) -> Result<u64, StoreError> {
        self.table(DEAD_LETTERS)?.checked().len()
    }

    /// Rows removed before they were copied, behind a number, each with its number.
    pub fn unsent(&self, from: u64) -> Result<Vec<(u64, UnsentV1)>, StoreError> {
        let mut all = Vec::new();
        self.table(UNSENT)?.checked().visit(from, u64::MAX, |number, row| {
            all.push((*number, row));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(all)
    }

    /// Writes a change. Nothing is written when it is empty.
    pub fn put_sync(&self, change: SyncChange) -> Result<(), StoreError> {
        if change.is_empty() {
            return Ok(());
        }
        self.write(move |txn| put(txn, &change))
    }

    /// Everything of a table (all tables without one) is to be sent again; revisions keep their numbers.
    pub fn reset_sync(&self, table: Option<&str>) -> Result<(), StoreError> {
        let table = table.map(str::to_owned);
        self.write(move |txn| {
            let is_meant = |name: &str| table.as_deref().is_none_or(|wanted| wanted == name);
            let mut cursors = SYNC_CURSORS.write(txn, WRITING)?;
            cursors.retain(|key, _| !is_meant(key.0)).map_err(during(WRITING))?;
            let mut revisions = SYNC_REVISIONS.write(txn, WRITING)?;
            let all = SYNC_REVISIONS.within(&revisions).all(|key| (key.0.to_owned(), key.1.to_owned()))?;
            for ((name, id), revision) in all.into_iter().filter(|((name, _), _)| is_meant(name)) {
                let again = SyncRevisionV1 { acknowledged: false, ..revision };
                revisions
                    .insert((name.as_str(), id.as_str()), encode(&again)?.as_slice())
                    .map_err(during(WRITING))?;
            }
            Ok(())
        })
    }

    /// Forgets the rows that the server refused; returns how many.
    pub fn remove_dead_letters(&self) -> Result<u64, StoreError> {
        self.write(|txn| {
            let mut table = DEAD_LETTERS.write(txn, WRITING)?;
            let count = table.len().map_err(during(WRITING))?;
            table.retain(|_, _| false).map_err(during(WRITING))?;
            Ok(count)
        })
    }
}

fn put(txn: &WriteTransaction, change: &SyncChange) -> Result<(), StoreError> {
    if let Some(state) = &change.state {
        let bytes = encode(state)?;
        SYNC_STATE.write(txn, WRITING)?.insert(KEY, bytes.as_slice()).map_err(during(WRITING))?;
    }
    let mut cursors = SYNC_CURSORS.write(txn, WRITING)?;
    for (table, part, cursor) in &change.cursors {
        let key = (table.as_str(), part.as_str());
        match cursor {
            Some(cursor) => cursors.insert(key, encode(cursor)?.as_slice()).map_err(during(WRITING))?,
            None => cursors.remove(key).map_err(during(WRITING))?,
        };
    }
    let mut revisions = SYNC_REVISIONS.write(txn, WRITING)?;
    for (table, id, revision) in &change.revisions {
        let bytes = encode(revision)?;
        revisions.insert((table.as_str(), id.as_str()), bytes.as_slice()).map_err(during(WRITING))?;
    }
    let mut dead = DEAD_LETTERS.write(txn, WRITING)?;
    for letter in &change.dead_letters {
        let last = dead.last().map_err(during(WRITING))?.map_or(0, |(number, _)| number.value());
        dead.insert(last + 1, encode(letter)?.as_slice()).map_err(during(WRITING))?;
        if dead.len().map_err(during(WRITING))? > DEAD_LETTERS_MAX {
            dead.pop_first().map_err(during(WRITING))?;
        }
    }
    let mut unsent = UNSENT.write(txn, WRITING)?;
    for row in &change.unsent {
        let last = unsent.last().map_err(during(WRITING))?.map_or(0, |(number, _)| number.value());
        unsent.insert(last + 1, encode(row)?.as_slice()).map_err(during(WRITING))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_a_reset_sends_everything_again_under_the_same_numbers() {
        let store = Store::in_memory().unwrap();
        assert_eq!(store.sync_state().unwrap(), None);
        let cursor = SyncCursorV1 { next: 7, seen: 9, sent_us: 1, seen_us: 2 };
        let revision = SyncRevisionV1 { rev: 3, digest: [1; 8], acknowledged: true };
        store
            .put_sync(SyncChange {
                state: Some(SyncStateV1 { instance: "a".into(), ..SyncStateV1::default() }),
                cursors: ["ticks", "book"]
                    .map(|table| (table.to_owned(), "r/BTC_USDT/trades".to_owned(), Some(cursor)))
                    .to_vec(),
                revisions: vec![("sessions".into(), "exec_1".into(), revision)],
                ..SyncChange::default()
            })
            .unwrap();
        assert_eq!(store.sync_cursor("ticks", "r/BTC_USDT/trades").unwrap(), cursor);
        assert_eq!(store.sync_cursors("book").unwrap().len(), 1);
        assert!(store.verify().unwrap().is_sound());
        store.reset_sync(Some("ticks")).unwrap();
        assert_eq!(store.sync_cursors("ticks").unwrap(), []);
        assert_eq!(store.sync_cursors("book").unwrap().len(), 1);
        assert!(store.sync_revision("sessions", "exec_1").unwrap().acknowledged);
        store.reset_sync(None).unwrap();
        assert_eq!(store.sync_cursors("book").unwrap(), []);
        let again = SyncRevisionV1 { acknowledged: false, ..revision };
        assert_eq!(store.sync_revisions("sessions").unwrap(), [("exec_1".to_owned(), again)]);
        assert_eq!(store.sync_state().unwrap().unwrap().instance, "a");
    }

    #[test]
    fn the_oldest_dead_letters_make_room_for_new_ones() {
        let store = Store::in_memory().unwrap();
        let letter = |number: u64| DeadLetterV1 {
            table: "ticks".into(),
            line: number.to_string(),
            reason: "why".into(),
            at_us: 1,
        };
        for part in 0..3 {
            let dead_letters = (0..DEAD_LETTERS_MAX / 2).map(|it| letter(part * DEAD_LETTERS_MAX + it));
            let dead_letters = dead_letters.collect();
            store.put_sync(SyncChange { dead_letters, ..SyncChange::default() }).unwrap();
        }
        assert_eq!(store.dead_letter_count().unwrap(), DEAD_LETTERS_MAX);
        assert_eq!(store.dead_letters().unwrap()[0].1.line, DEAD_LETTERS_MAX.to_string());
        assert_eq!(store.remove_dead_letters().unwrap(), DEAD_LETTERS_MAX);
        assert_eq!(store.dead_letters().unwrap(), []);
    }
}
