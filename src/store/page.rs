//! Parts of tables whose keys hold their time, newest first.

use super::codec::Stored;
use super::error::during;
use super::{Store, StoreError, decode};
use redb::{ReadableTable, ReadableTableMetadata, TableDefinition};

const READING: &str = "reading a list";

/// A part of a list, newest first.
#[derive(Clone, PartialEq, Debug)]
pub struct StoredPage<T> {
    /// Entries.
    pub items: Vec<T>,
    /// Entries in the whole list.
    pub total_count: u64,
    /// Id before which the next part begins; `None` at the end.
    pub next: Option<String>,
}

/// Which entries are wanted; `None` is all of them, and then none is read beyond the part.
pub type Wanted<'w, T> = Option<&'w dyn Fn(&T) -> bool>;

impl Store {
    pub(super) fn page<T: Stored>(
        &self,
        table: TableDefinition<&'static str, &'static [u8]>,
        before: Option<&str>,
        limit: usize,
        wanted: Wanted<'_, T>,
    ) -> Result<StoredPage<T>, StoreError> {
        let table = self.read()?.open_table(table).map_err(during(READING))?;
        let mut part = Part { items: Vec::new(), last: None, more: false };
        let Some(wanted) = wanted else {
            let total_count = table.len().map_err(during(READING))?;
            let rows = match before {
                Some(before) => table.range(..before),
                None => table.range::<&str>(..),
            };
            for row in rows.map_err(during(READING))?.rev().take(limit.saturating_add(1)) {
                let (id, bytes) = row.map_err(during(READING))?;
                part.add(id.value(), limit, || decode(bytes.value(), id.value()))?;
            }
            return Ok(part.finish(total_count));
        };
        let mut total_count = 0;
        for row in table.iter().map_err(during(READING))?.rev() {
            let (id, bytes) = row.map_err(during(READING))?;
            let entry: T = decode(bytes.value(), id.value())?;
            if wanted(&entry) {
                total_count += 1;
                if before.is_none_or(|before| id.value() < before) {
                    part.add(id.value(), limit, || Ok(entry))?;
                }
            }
        }
        Ok(part.finish(total_count))
    }
}

struct Part<T> {
    items: Vec<T>,
    last: Option<String>,
    more: bool,
}

impl<T> Part<T> {
    fn add(&mut self, id: &str, limit: usize, entry: impl FnOnce() -> Result<T, StoreError>) -> Result<(), StoreError> {
        if self.items.len() < limit {
            self.items.push(entry()?);
            self.last = Some(id.to_owned());
        } else {
            self.more = true;
        }
        Ok(())
    }

    fn finish(self, total_count: u64) -> StoredPage<T> {
        StoredPage { items: self.items, total_count, next: self.last.filter(|_| self.more) }
    }
}
