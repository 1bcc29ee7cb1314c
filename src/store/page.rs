//! Pages, newest first, of tables whose ids sort by time, or do so within each prefix.

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

/// The prefixes of ids. Ids sort by time within a prefix; without it, all of them do.
const RECORDED: &str = "session_";
const OTHER: &str = "exec_";

impl Store {
    /// As [`Store::page`], of a table whose ids have both prefixes.
    pub(super) fn page_of_both<T: Stored>(
        &self,
        table: TableOf<&'static str, T>,
        before: Option<&str>,
        limit: usize,
        wanted: Wanted<'_, T>,
    ) -> Result<StoredPage<T>, StoreError> {
        let table = self.table(table)?;
        let table = table.checked();
        let bounds = before.map(bounds);
        let (mut both, mut total_count) = (Vec::new(), 0);
        // In the table the others come before the ids of recordings.
        for (place, (lowest, end)) in [(RECORDED, None), ("", Some(RECORDED))].into_iter().enumerate() {
            let before = bounds.as_ref().map(|bounds| bounds[place].as_str());
            let before = before.map_or(end, |before| Some(end.map_or(before, |end| before.min(end))));
            let mut count = 0;
            // All are counted where only some are wanted.
            table.visit_back(if wanted.is_some() { end } else { before }, |id, entry| {
                if *id < lowest {
                    return Ok(ControlFlow::Break(()));
                }
                if wanted.is_none_or(|wanted| wanted(&entry)) {
                    total_count += 1;
                    if count <= limit && before.is_none_or(|before| *id < before) {
                        count += 1;
                        both.push(((*id).to_owned(), entry));
                    }
                }
                let is_full = wanted.is_none() && count > limit;
                Ok(if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            })?;
        }
        if wanted.is_none() {
            total_count = table.len()?;
        }
        both.sort_by(|(a, _): &(String, T), (b, _)| (time_of(b), b).cmp(&(time_of(a), a)));
        let more = both.len() > limit;
        both.truncate(limit);
        let next = both.last().map(|(id, _)| id.clone()).filter(|_| more);
        Ok(StoredPage { items: both.into_iter().map(|(_, entry)| entry).collect(), total_count, next })
    }
}

/// What an id sorts by.
fn time_of(id: &str) -> &str {
    id.strip_prefix(RECORDED).or_else(|| id.strip_prefix(OTHER)).unwrap_or(id)
}

/// Before which ids of recordings and of all others the page behind an id begins.
fn bounds(id: &str) -> [String; 2] {
    let time = time_of(id);
    match id.starts_with(RECORDED) {
        // At the same time recordings come first: its own time is still to come among the others.
        true => [id.to_owned(), format!("{OTHER}{time}\0")],
        false => [format!("{RECORDED}{time}"), id.to_owned()],
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
