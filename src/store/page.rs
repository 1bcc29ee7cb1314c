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

/// The prefixes of ids. Ids sort by time within a prefix; without it, all of them do.
const RECORDED: &str = "session_";
const OTHER: &str = "exec_";

impl Store {
    pub(super) fn page<T: Stored>(
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
        for (index, (lowest, end)) in [(RECORDED, None), ("", Some(RECORDED))].into_iter().enumerate() {
            let before = bounds.as_ref().map(|bounds| bounds[index].as_str());
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
