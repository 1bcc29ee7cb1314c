//! Pages of tables whose ids sort by time, newest first.

use super::checked::TableOf;
use super::codec::Stored;
use super::{Store, StoreError};
use std::ops::ControlFlow;

/// A page of a list, newest first.
#[derive(Clone, PartialEq, Debug)]
pub struct StoredPage<T> {
    /// Entries.
    pub items: Vec<T>,
    /// Number of entries in the whole list.
    pub total_count: u64,
    /// Id before which the next page begins; `None` on the last.
    pub next: Option<String>,
}

/// Filter of entries; without one (`None`) nothing beyond the page is read.
pub type Wanted<'w, T> = Option<&'w dyn Fn(&T) -> bool>;

impl Store {
    pub(super) fn page<T: Stored>(
        &self,
        table: TableOf<&'static str, T>,
        before: Option<&str>,
        limit: usize,
        wanted: Wanted<'_, T>,
    ) -> Result<StoredPage<T>, StoreError> {
        let table = self.table(table)?;
        let mut part = Part { items: Vec::new(), last: None, more: false };
        let Some(wanted) = wanted else {
            let total_count = table.checked().len()?;
            table.checked().visit_back(before, |id, entry| Ok(part.add(id, limit, entry)))?;
            return Ok(part.finish(total_count));
        };
        let mut total_count = 0;
        table.checked().visit_back(None, |id, entry| {
            if wanted(&entry) {
                total_count += 1;
                if before.is_none_or(|before| *id < before) {
                    let _ = part.add(id, limit, entry);
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(part.finish(total_count))
    }
}

struct Part<T> {
    items: Vec<T>,
    last: Option<String>,
    more: bool,
}

impl<T> Part<T> {
    /// Adds an entry; breaks when the page is full.
    fn add(&mut self, id: &str, limit: usize, entry: T) -> ControlFlow<()> {
        if self.items.len() < limit {
            self.items.push(entry);
            self.last = Some(id.to_owned());
            ControlFlow::Continue(())
        } else {
            self.more = true;
            ControlFlow::Break(())
        }
    }

    fn finish(self, total_count: u64) -> StoredPage<T> {
        StoredPage { items: self.items, total_count, next: self.last.filter(|_| self.more) }
    }
}
