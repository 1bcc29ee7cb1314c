//! The only file that reads the system clock. A backtest never depends on it; paper sessions stamp their
//! inputs with [`SteadyClock`], and everything else uses it for names, pacing, timeouts and display.

use crate::domain::time::{Span, Timestamp};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Wall-clock time, UTC.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// 24 hash bits of time and process id, to make ids differ. Not secret.
pub fn entropy() -> u32 {
    let mixed =
        (now().nanos() as u64 ^ (u64::from(std::process::id()) << 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    u32::try_from(mixed >> 40).unwrap_or_default()
}

/// Difference between wall clock and steady clock that counts as a step.
const STEP: Span = Span::from_seconds(1);

/// Wall-clock time at the start, continued by the monotonic clock: it never goes back.
#[derive(Clone, Copy, Debug)]
pub struct SteadyClock {
    begun: Timestamp,
    watch: Stopwatch,
}

impl SteadyClock {
    /// Starts at the current time.
    pub fn start() -> Self {
        SteadyClock { begun: now(), watch: Stopwatch::start() }
    }

    /// Current time.
    pub fn now(&self) -> Timestamp {
        self.begun + self.watch.elapsed()
    }

    /// Follows a wall clock that was set forward and returns the time before the step. A clock that was set
    /// back is not followed, because timestamps must not decrease.
    pub fn follow_step(&mut self) -> Option<Timestamp> {
        let (old, wall) = (self.now(), now());
        (wall - old > STEP).then(|| {
            *self = SteadyClock::start();
            old
        })
    }
}

/// Elapsed time, unaffected by clock steps.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    pub fn start() -> Self {
        Stopwatch(Instant::now())
    }

    /// Time since the start.
    pub fn elapsed(self) -> Span {
        Span::from_nanos(i64::try_from(self.0.elapsed().as_nanos()).unwrap_or(i64::MAX))
    }

    /// Sleeps until `after` has passed since the start; returns at once if it already has.
    pub fn sleep_until(self, after: Span) {
        let wait = after.nanos() - self.elapsed().nanos();
        if wait > 0 {
            std::thread::sleep(Duration::from_nanos(wait.unsigned_abs()));
        }
    }
}

/// Wall and steady time for an async task. Steady time is the runtime's, so a test that pauses the runtime's
/// clock controls it.
#[derive(Clone, Copy, Debug)]
pub struct TaskClock {
    begun: tokio::time::Instant,
    /// In tests: the wall-clock time at the start.
    simulated_from: Option<Timestamp>,
}

impl TaskClock {
    /// Starts now.
    pub fn start() -> Self {
        TaskClock { begun: tokio::time::Instant::now(), simulated_from: None }
    }

    /// Starts now, with a wall clock that starts at `wall` and advances only with the runtime's clock.
    #[cfg(test)]
    pub fn simulated(wall: Timestamp) -> Self {
        TaskClock { begun: tokio::time::Instant::now(), simulated_from: Some(wall) }
    }

    /// Wall-clock time, UTC.
    pub fn wall(&self) -> Timestamp {
        self.simulated_from.map_or_else(now, |from| from + self.steady())
    }

    /// Time since the start, unaffected by clock steps.
    pub fn steady(&self) -> Span {
        Span::from_nanos(i64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(i64::MAX))
    }
}
