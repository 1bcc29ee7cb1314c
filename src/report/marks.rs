//! For how long a run had no mark price that counts, although marks were recorded.

use crate::checkpoint::plain;
use crate::domain::mark::MARK_COUNTS_FOR;
use crate::domain::time::{Span, Timestamp};

/// Time without a mark of one symbol.
#[derive(Clone, Copy, Default, Debug)]
pub struct MissingMarks {
    /// Until when the last mark counts; `None` before the first.
    counts_until: Option<Timestamp>,
    missing: Span,
}

plain!(struct MissingMarks { counts_until, missing });

impl MissingMarks {
    /// A mark; the run began at `first`.
    pub fn mark(&mut self, first: Timestamp, at: Timestamp) {
        self.missing = self.missing + behind(self.counts_until.unwrap_or(first), at);
        self.counts_until = Some(at + MARK_COUNTS_FOR);
    }

    /// In all, in a run that ended at `last`; `None` where there never was a mark.
    pub fn total(self, last: Timestamp) -> Option<Span> {
        self.counts_until.map(|until| self.missing + behind(until, last))
    }
}

fn behind(from: Timestamp, to: Timestamp) -> Span {
    (to - from).max(Span::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_counts_as_missing_before_the_first_between_two_and_after_the_last() {
        let at = Timestamp::from_seconds;
        let mut marks = MissingMarks::default();
        assert_eq!(marks.total(at(9_000)), None);
        for mark in [100, 130, 190, 400] {
            marks.mark(at(70), at(mark));
        }
        // 30 before the first, 150 behind the minute after 190, 40 behind the minute after 400.
        assert_eq!(marks.total(at(500)), Some(Span::from_seconds(220)));
        assert_eq!(marks.total(at(410)), Some(Span::from_seconds(180)));
    }
}
