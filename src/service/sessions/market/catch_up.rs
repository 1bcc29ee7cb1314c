//! How far a session has come that replays its journal after a restart.

use crate::domain::time::Span;
use serde::Serialize;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

/// How far a session has come that replays its journal; it decides nothing before it has caught up.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct CatchingUp {
    /// Rows of its journal; `None` while it is being opened.
    pub rows: Option<u64>,
    /// How many of them were replayed.
    pub rows_done: u64,
    /// Seconds until it decides again, at the pace so far; `None` before the first rows.
    pub eta_seconds: Option<f64>,
}

/// The figures of one session, written by its thread and read by anybody. Two read together may be a chunk
/// apart.
#[derive(Default)]
pub(in crate::service::sessions) struct CatchUp {
    is_under_way: AtomicBool,
    rows: AtomicU64,
    done: AtomicU64,
    /// Nanoseconds from the first row to the last one counted.
    elapsed_ns: AtomicI64,
}

impl CatchUp {
    /// The journal is to be replayed from its first row.
    pub(in crate::service::sessions) fn begin(&self) {
        self.reach(0, 0, Span::ZERO);
        self.is_under_way.store(true, Ordering::Release);
    }

    /// So many rows of so many were replayed in this time.
    pub(super) fn reach(&self, done: u64, rows: u64, elapsed: Span) {
        self.rows.store(rows, Ordering::Relaxed);
        self.done.store(done, Ordering::Relaxed);
        self.elapsed_ns.store(elapsed.nanos(), Ordering::Relaxed);
    }

    /// The session is where it was.
    pub(super) fn end(&self) {
        self.is_under_way.store(false, Ordering::Release);
    }

    pub(in crate::service::sessions) fn is_under_way(&self) -> bool {
        self.is_under_way.load(Ordering::Acquire)
    }

    /// `None`: it has caught up, or never had to.
    pub(in crate::service::sessions) fn progress(&self) -> Option<CatchingUp> {
        if !self.is_under_way() {
            return None;
        }
        let (rows, done) = (self.rows.load(Ordering::Relaxed), self.done.load(Ordering::Relaxed));
        let elapsed = Span::from_nanos(self.elapsed_ns.load(Ordering::Relaxed)).seconds_f64();
        let eta_seconds = (done > 0).then(|| elapsed * rows.saturating_sub(done) as f64 / done as f64);
        Some(CatchingUp { rows: (rows > 0).then_some(rows), rows_done: done.min(rows), eta_seconds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_at_the_pace_so_far() {
        let figures = CatchUp::default();
        assert_eq!(figures.progress(), None, "it never had to");
        figures.begin();
        let told = |rows, rows_done, eta_seconds| Some(CatchingUp { rows, rows_done, eta_seconds });
        assert_eq!(figures.progress(), told(None, 0, None));
        figures.reach(0, 4_000, Span::ZERO);
        assert_eq!(figures.progress(), told(Some(4_000), 0, None));
        figures.reach(1_000, 4_000, Span::from_seconds(2));
        assert_eq!(figures.progress(), told(Some(4_000), 1_000, Some(6.0)));
        figures.end();
        assert_eq!(figures.progress(), None);
        figures.begin();
        assert_eq!(figures.progress(), told(None, 0, None), "from the first row again");
    }
}
