//! The only file that reads the clock. Times from here name files and results and pace what is shown; no decision
//! depends on them.

use crate::domain::time::{Span, Timestamp};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The wall clock, UTC.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// 24 bits that differ between two calls: the chance in ids.
pub fn entropy() -> u32 {
    let mixed =
        (now().nanos() as u64 ^ (u64::from(std::process::id()) << 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    u32::try_from(mixed >> 40).unwrap_or_default()
}

/// How far the wall clock may be from the steady one before that is a step.
const STEP: Span = Span::from_seconds(1);

/// The wall clock as it was once, carried on by time that cannot be set: it never goes back.
#[derive(Clone, Copy, Debug)]
pub struct SteadyClock {
    begun: Timestamp,
    watch: Stopwatch,
}

impl SteadyClock {
    /// From now.
    pub fn start() -> Self {
        SteadyClock { begun: now(), watch: Stopwatch::start() }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.begun + self.watch.elapsed()
    }

    /// Follows a wall clock that was set forward; the time it left behind. One that was set back is not followed: time
    /// that has been told stays told.
    pub fn follow_step(&mut self) -> Option<Timestamp> {
        let (old, wall) = (self.now(), now());
        (wall - old > STEP).then(|| {
            *self = SteadyClock::start();
            old
        })
    }
}

/// Time since a moment, unaffected by clock steps.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// From now.
    pub fn start() -> Self {
        Stopwatch(Instant::now())
    }

    /// Since the start.
    pub fn elapsed(self) -> Span {
        Span::from_nanos(i64::try_from(self.0.elapsed().as_nanos()).unwrap_or(i64::MAX))
    }

    /// Sleeps until this long after the start; returns at once when that is past.
    pub fn sleep_until(self, after: Span) {
        let wait = after.nanos() - self.elapsed().nanos();
        if wait > 0 {
            std::thread::sleep(Duration::from_nanos(wait.unsigned_abs()));
        }
    }
}

/// Wall and steady time of one task's work. Steady time is the runtime's, so a test that halts the runtime's clock moves
/// this one too.
#[derive(Clone, Copy, Debug)]
pub struct TaskClock {
    begun: tokio::time::Instant,
    /// In tests: the wall time at which the steady time began.
    simulated_from: Option<Timestamp>,
}

impl TaskClock {
    /// From now.
    pub fn start() -> Self {
        TaskClock { begun: tokio::time::Instant::now(), simulated_from: None }
    }

    /// From now, with a wall clock that shows `wall` and moves with the runtime's clock only.
    #[cfg(test)]
    pub fn simulated(wall: Timestamp) -> Self {
        TaskClock { begun: tokio::time::Instant::now(), simulated_from: Some(wall) }
    }

    /// The wall clock, UTC.
    pub fn wall(&self) -> Timestamp {
        self.simulated_from.map_or_else(now, |from| from + self.steady())
    }

    /// Since the start, unaffected by clock steps.
    pub fn steady(&self) -> Span {
        Span::from_nanos(i64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(i64::MAX))
    }
}
