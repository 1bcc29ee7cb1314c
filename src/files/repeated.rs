//! Which rows of a file another file has too.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

/// Which rows of a symbol in a file repeat those of another file.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct RepeatedRows {
    /// Numbers of the rows of the symbol, sorted.
    ranges: VecDeque<Range<u64>>,
    row: u64,
}

/// The repeated rows of a file, by symbol.
pub type RepeatedBySymbol = BTreeMap<String, RepeatedRows>;

impl RepeatedRows {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Number of rows that are left.
    pub fn count(&self) -> u64 {
        self.ranges.iter().map(|range| range.end - range.start).sum()
    }

    /// Whether the next row of the symbol is one of them.
    pub fn is_next(&mut self) -> bool {
        let row = self.row;
        self.row += 1;
        let Some(next) = self.ranges.front() else { return false };
        let found = next.contains(&row);
        if self.row >= next.end {
            self.ranges.pop_front();
        }
        found
    }

    /// Adds a row behind those before.
    pub(super) fn push(&mut self, row: u64) {
        match self.ranges.back_mut() {
            Some(last) if last.end == row => last.end += 1,
            _ => self.ranges.push_back(row..row + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_rows_are_told_one_after_the_other() {
        let mut rows = RepeatedRows::default();
        [1, 2, 5].into_iter().for_each(|row| rows.push(row));
        let told: Vec<u64> = (0..8).filter(|_| rows.is_next()).collect();
        assert_eq!(told, [1, 2, 5]);
    }
}
