//! The median of a sliding window in logarithmic time per value.
//!
//! Two heaps meet at the middle. A value that left the window stays in its heap until it reaches the top or
//! until more than half of the heap has left, so a step takes O(log n) on average and memory is at most about
//! twice the window.

use crate::checkpoint::plain;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A value and its number. Numbers increase, and values leave in the order of their numbers.
type Entry = (i64, u64);

/// The values of a window, ordered by size.
#[derive(Default)]
pub(super) struct SlidingMedian {
    /// The smaller half, largest on top.
    low: BinaryHeap<Entry>,
    /// The larger half, smallest on top.
    high: BinaryHeap<Reverse<Entry>>,
    /// Entries of each half that are still in the window; `low` holds as many as `high` or one more.
    low_count: usize,
    high_count: usize,
    /// Entries with a smaller number have left the window.
    first: u64,
}

plain!(struct SlidingMedian { low, high, low_count, high_count, first });

/// A heap is cleaned up when it holds this many entries more than twice those in the window.
const SLACK: usize = 64;

impl SlidingMedian {
    /// Adds a value; its number must be larger than all before.
    pub(super) fn enter(&mut self, value: i64, number: u64) {
        let entry = (value, number);
        if self.low.peek().is_none_or(|top| entry <= *top) {
            self.low.push(entry);
            self.low_count += 1;
        } else {
            self.high.push(Reverse(entry));
            self.high_count += 1;
        }
        self.settle();
    }

    /// Removes the oldest value.
    pub(super) fn leave(&mut self, value: i64, number: u64) {
        // The tops are in the window, so the top of `low` separates the halves.
        if self.low.peek().is_some_and(|top| (value, number) <= *top) {
            self.low_count -= 1;
        } else {
            self.high_count -= 1;
        }
        self.first = number + 1;
        self.settle();
    }

    /// The middle value, or the mean of the two middle ones.
    pub(super) fn median(&self) -> Option<f64> {
        let low = self.low.peek()?.0 as f64;
        if self.low_count > self.high_count {
            return Some(low);
        }
        self.high.peek().map(|Reverse(high)| (low + high.0 as f64) / 2.0)
    }

    fn settle(&mut self) {
        self.drop_left_tops();
        while self.low_count > self.high_count + 1 {
            self.high.extend(self.low.pop().map(Reverse));
            (self.low_count, self.high_count) = (self.low_count - 1, self.high_count + 1);
            self.drop_left_tops();
        }
        while self.high_count > self.low_count {
            self.low.extend(self.high.pop().map(|Reverse(entry)| entry));
            (self.low_count, self.high_count) = (self.low_count + 1, self.high_count - 1);
            self.drop_left_tops();
        }
        let first = self.first;
        if self.low.len() > 2 * self.low_count + SLACK {
            self.low.retain(|entry| entry.1 >= first);
        }
        if self.high.len() > 2 * self.high_count + SLACK {
            self.high.retain(|Reverse(entry)| entry.1 >= first);
        }
    }

    fn drop_left_tops(&mut self) {
        while self.low.peek().is_some_and(|top| top.1 < self.first) {
            self.low.pop();
        }
        while self.high.peek().is_some_and(|Reverse(top)| top.1 < self.first) {
            self.high.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    proptest! {
        #[test]
        fn equals_the_middle_of_the_sorted_window(steps in prop::collection::vec((0_i64..40, any::<bool>(), 0_usize..4), 1..600)) {
            let mut sliding = SlidingMedian::default();
            let mut window = VecDeque::new();
            for (number, (value, enters, leaving)) in steps.into_iter().enumerate() {
                if enters {
                    sliding.enter(value, number as u64);
                    window.push_back((value, number as u64));
                }
                for (value, number) in (0..leaving.saturating_sub(1)).filter_map(|_| window.pop_front()).collect::<Vec<_>>() {
                    sliding.leave(value, number);
                }
                let mut sorted: Vec<i64> = window.iter().map(|entry| entry.0).collect();
                sorted.sort_unstable();
                let n = sorted.len();
                let expected = (n > 0).then(|| (sorted[(n - 1) / 2] + sorted[n / 2]) as f64 / 2.0);
                prop_assert_eq!(sliding.median(), expected);
                prop_assert!(sliding.low.len() <= 2 * sliding.low_count + SLACK && sliding.high.len() <= 2 * sliding.high_count + SLACK);
            }
        }
    }
}
