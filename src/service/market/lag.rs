//! Histogram of the time from a market message's arrival until it is durable.
//!
//! Lock-free, with a fixed number of buckets.

use crate::domain::time::Span;
use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds of the buckets in milliseconds; the last bucket is unbounded.
const BUCKETS_MS: [i64; 14] = [1, 2, 3, 5, 8, 10, 12, 15, 20, 30, 50, 100, 250, 1_000];

/// A latency histogram.
#[derive(Default, Debug)]
pub struct Lag {
    counts: [AtomicU64; BUCKETS_MS.len() + 1],
    sum_us: AtomicU64,
}

/// A snapshot of the histogram.
#[derive(Clone, PartialEq, Debug)]
pub struct LagCounts {
    /// Upper bound in milliseconds, and how many messages took at most that long.
    pub at_most_ms: Vec<(i64, u64)>,
    /// Number of messages.
    pub count: u64,
    /// Sum of all latencies, seconds.
    pub sum_s: f64,
}

impl Lag {
    /// Counts one message.
    pub fn add(&self, took: Span) {
        let bucket =
            BUCKETS_MS.iter().position(|ms| took <= Span::from_millis(*ms)).unwrap_or(BUCKETS_MS.len());
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add((took.nanos() / 1_000).max(0).unsigned_abs(), Ordering::Relaxed);
    }

    /// Takes a snapshot.
    pub fn counts(&self) -> LagCounts {
        let mut count = 0;
        let mut up_to = |bucket: usize| {
            count += self.counts[bucket].load(Ordering::Relaxed);
            count
        };
        let at_most_ms = BUCKETS_MS.into_iter().enumerate().map(|(bucket, ms)| (ms, up_to(bucket))).collect();
        let count = up_to(BUCKETS_MS.len());
        LagCounts { at_most_ms, count, sum_s: self.sum_us.load(Ordering::Relaxed) as f64 / 1e6 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_counts_in_its_class_and_all_wider_ones() {
        let lag = Lag::default();
        for us in [0, 1_000, 1_001, 20_000, 20_001, 5_000_000] {
            lag.add(Span::from_nanos(us * 1_000));
        }
        let counts = lag.counts();
        let at_most = |ms: i64| counts.at_most_ms.iter().find(|(end, _)| *end == ms).unwrap().1;
        assert_eq!(
            (at_most(1), at_most(2), at_most(15), at_most(20), at_most(30), at_most(1_000)),
            (2, 3, 3, 4, 5, 5)
        );
        assert_eq!((counts.count, counts.sum_s), (6, 5.042_002));
    }
}
