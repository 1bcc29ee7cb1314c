//! How long market messages take: until a session has acted on them, and until they are durable.
//!
//! Lock-free, with a fixed number of buckets.

use crate::domain::time::Span;
use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds of the buckets in microseconds; the last bucket is unbounded.
const BUCKETS_US: [i64; 20] = [
    50, 100, 150, 200, 300, 500, 1_000, 2_000, 3_000, 5_000, 8_000, 10_000, 12_000, 15_000, 20_000, 30_000,
    50_000, 100_000, 250_000, 1_000_000,
];

/// Times of messages since their arrival, over all sessions.
#[derive(Default, Debug)]
pub struct Lags {
    /// Until the engine has seen it and has decided.
    pub decided: Lag,
    /// Until it is on disk.
    pub durable: Lag,
    /// From the decision until it is on disk.
    pub committed: Lag,
}

/// A latency histogram.
#[derive(Default, Debug)]
pub struct Lag {
    counts: [AtomicU64; BUCKETS_US.len() + 1],
    sum_us: AtomicU64,
}

/// A snapshot of the histogram.
#[derive(Clone, PartialEq, Debug)]
pub struct LagCounts {
    /// Upper bound in microseconds, and how many messages took at most that long.
    pub at_most_us: Vec<(i64, u64)>,
    /// Number of messages.
    pub count: u64,
    /// Sum of all latencies, seconds.
    pub sum_s: f64,
}

impl Lag {
    /// Counts one message.
    pub fn add(&self, took: Span) {
        let bucket = BUCKETS_US.iter().position(|us| took.nanos() <= us * 1_000).unwrap_or(BUCKETS_US.len());
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
        let at_most_us = BUCKETS_US.into_iter().enumerate().map(|(bucket, us)| (us, up_to(bucket))).collect();
        let count = up_to(BUCKETS_US.len());
        LagCounts { at_most_us, count, sum_s: self.sum_us.load(Ordering::Relaxed) as f64 / 1e6 }
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
        let at_most = |ms: i64| counts.at_most_us.iter().find(|(end, _)| *end == ms * 1_000).unwrap().1;
        assert_eq!(
            (at_most(1), at_most(2), at_most(15), at_most(20), at_most(30), at_most(1_000)),
            (2, 3, 3, 4, 5, 5)
        );
        assert_eq!((counts.count, counts.sum_s), (6, 5.042_002));
    }
}
