//! Up to which position of the event log everything has been published.
//!
//! Sessions commit beside each other and publish after their commits, so what has a higher position may be
//! published first. Invariant: an event at or below [`Watermark::published`] has been published.

use super::locked;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// What was published of the event log.
#[derive(Debug, Default)]
pub struct Watermark {
    marks: Mutex<Marks>,
}

#[derive(Debug, Default)]
struct Marks {
    /// The newest position that is known.
    newest: u64,
    /// That of when each commit that is not published yet was begun: its events have higher ones.
    begun: BTreeMap<u64, u64>,
    next: u64,
}

/// A commit of events that are published after it. Its end says that they are, or that there are none.
#[derive(Debug)]
pub struct Publishing {
    watermark: Arc<Watermark>,
    number: u64,
}

impl Watermark {
    /// Before a commit of events that are published after it.
    pub fn begin(self: &Arc<Self>) -> Publishing {
        let mut marks = locked(&self.marks);
        let number = marks.next;
        marks.next += 1;
        let newest = marks.newest;
        marks.begun.insert(number, newest);
        Publishing { watermark: Arc::clone(self), number }
    }

    /// The log has come to this position.
    pub fn reached(&self, position: u64) {
        let mut marks = locked(&self.marks);
        marks.newest = marks.newest.max(position);
    }

    /// Everything up to this position has been published.
    pub fn published(&self) -> u64 {
        let marks = locked(&self.marks);
        // The oldest was begun at the lowest position.
        marks.begun.first_key_value().map_or(marks.newest, |(_, begun)| *begun)
    }
}

impl Drop for Publishing {
    fn drop(&mut self) {
        locked(&self.watermark.marks).begun.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_begun_and_not_published_holds_the_mark_back() {
        let mark = Arc::new(Watermark::default());
        mark.reached(5);
        let first = mark.begin();
        mark.reached(7);
        let second = mark.begin();
        mark.reached(9);
        assert_eq!(mark.published(), 5);
        drop(first);
        assert_eq!(mark.published(), 7);
        mark.reached(8);
        drop(second);
        assert_eq!(mark.published(), 9);
    }
}
