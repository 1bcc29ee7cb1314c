//! Parts of lists, newest first.

use serde::Serialize;

/// Which part of a list is wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PageRequest {
    /// Entries at most.
    pub limit: usize,
    /// [`Page::next`] of the part before; `None` for the newest.
    pub cursor: Option<String>,
}

/// A part of a list.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Page<T> {
    /// The entries, newest first.
    pub items: Vec<T>,
    /// Entries in the whole list.
    pub total_count: u64,
    /// Where the next part begins; `None` at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The same part with every entry turned into something else.
    pub fn map<U>(self, turn: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(turn).collect(),
            total_count: self.total_count,
            next: self.next,
        }
    }
}
