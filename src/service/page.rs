//! Pages of lists, newest first.

use serde::Serialize;

/// Which page of a list is wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PageRequest {
    /// Maximum number of entries.
    pub limit: usize,
    /// [`Page::next`] of the previous page; `None` for the first.
    pub cursor: Option<String>,
}

/// A page of a list.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Page<T> {
    /// The entries, newest first.
    pub items: Vec<T>,
    /// Number of entries in the whole list.
    pub total_count: u64,
    /// Cursor of the next page; `None` on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Converts every entry.
    pub fn map<U>(self, turn: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(turn).collect(),
            total_count: self.total_count,
            next: self.next,
        }
    }
}
