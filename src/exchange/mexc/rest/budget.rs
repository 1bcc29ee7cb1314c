//! Pace: how many calls of a kind may be sent when. Time comes in; nothing here waits.

use crate::domain::time::Span;
use crate::limits;

/// Kinds of calls, each with a budget of its own, so that market data can never take the place of an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Group {
    /// Public market data.
    Market,
    /// Signed reads.
    Account,
    /// New orders.
    Order,
    /// Cancels and other signed writes.
    Cancel,
}

/// Longest silence after "too frequent".
const LONGEST_STOP: Span = Span::from_seconds(30);

/// How long the rate stays halved after the last "too frequent".
const CLEAN: Span = Span::from_seconds(60);

/// Tokens that fill up with time. A call may take one in advance and then waits for it; calls are served in order.
#[derive(Clone, Debug)]
pub struct Bucket {
    per_second: f64,
    burst: f64,
    tokens: f64,
    filled_at: Span,
    stopped_until: Span,
    halved_until: Span,
    first_stop: Span,
    next_stop: Span,
    stops: u64,
}

/// A place in a budget.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Turn {
    /// When the call may be sent.
    pub at: Span,
    /// How many stops there had been; a turn from before a stop is void.
    stops: u64,
}

impl Bucket {
    /// Full at time zero.
    pub fn new(per_second: u32, burst: u32, first_stop: Span) -> Self {
        let burst = f64::from(burst);
        Bucket {
            per_second: f64::from(per_second),
            burst,
            tokens: burst,
            filled_at: Span::ZERO,
            stopped_until: Span::ZERO,
            halved_until: Span::ZERO,
            first_stop,
            next_stop: first_stop,
            stops: 0,
        }
    }

    /// Takes a place; `None` when too many wait.
    pub fn reserve(&mut self, now: Span) -> Option<Turn> {
        self.fill(now);
        if self.tokens <= -(limits::EXCHANGE_WAITING_CALLS as f64) {
            return None;
        }
        self.tokens -= 1.0;
        let wait = Span::from_seconds_f64((-self.tokens).max(0.0) / self.rate(now));
        Some(Turn { at: now.max(self.stopped_until) + wait, stops: self.stops })
    }

    /// Whether a turn still stands; otherwise a new place must be taken.
    pub fn holds(&self, turn: Turn) -> bool {
        turn.stops == self.stops
    }

    /// The exchange said "too frequent": nothing is sent for a while (longer each time, `jitter` 0 to 1 adds up to half),
    /// then at half the rate until a minute is clean.
    pub fn stop(&mut self, now: Span, jitter: f64) {
        self.fill(now);
        if now > self.halved_until {
            self.next_stop = self.first_stop;
        }
        let length = Span::from_nanos((self.next_stop.nanos() as f64 * (1.0 + jitter.clamp(0.0, 1.0) / 2.0)) as i64);
        self.stopped_until = self.stopped_until.max(now + length);
        self.halved_until = self.stopped_until + CLEAN;
        self.next_stop = (self.next_stop + self.next_stop).min(LONGEST_STOP);
        self.tokens = 0.0;
        self.stops += 1;
    }

    fn rate(&self, now: Span) -> f64 {
        if now < self.halved_until { self.per_second / 2.0 } else { self.per_second }
    }

    fn fill(&mut self, now: Span) {
        let from = self.filled_at.max(self.stopped_until);
        if now > from {
            let seconds = Span::from_nanos(now.nanos() - from.nanos()).seconds_f64();
            self.tokens = (self.tokens + seconds * self.rate(now)).min(self.burst);
        }
        self.filled_at = self.filled_at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: i64) -> Span {
        Span::from_millis(ms)
    }

    fn turn_ms(bucket: &mut Bucket, now: i64) -> i64 {
        bucket.reserve(ms(now)).unwrap().at.nanos() / 1_000_000
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_in_order() {
        let mut bucket = Bucket::new(4, 2, ms(1_000));
        let turns: Vec<i64> = (0..5).map(|_| turn_ms(&mut bucket, 0)).collect();
        assert_eq!(turns, [0, 0, 250, 500, 750]);
        assert_eq!(turn_ms(&mut bucket, 1_000), 1_000, "one token was free again");
        assert_eq!(turn_ms(&mut bucket, 60_000), 60_000);
        assert_eq!(turn_ms(&mut bucket, 60_000), 60_000);
        assert_eq!(turn_ms(&mut bucket, 60_000), 60_250, "no more than the burst is saved up");
    }

    #[test]
    fn in_no_second_more_than_burst_and_rate() {
        let mut bucket = Bucket::new(4, 8, ms(1_000));
        let turns: Vec<i64> = (0..200).map(|i| turn_ms(&mut bucket, i * 10)).collect();
        for window in 0..40_000_i64 {
            assert!(turns.iter().filter(|at| (window..window + 1_000).contains(*at)).count() <= 12);
        }
    }

    #[test]
    fn too_frequent_stops_longer_each_time_and_halves_the_rate() {
        let mut bucket = Bucket::new(4, 8, ms(1_000));
        let before = bucket.reserve(ms(0)).unwrap();
        bucket.stop(ms(100), 0.0);
        assert!(!bucket.holds(before));
        assert_eq!(turn_ms(&mut bucket, 100), 1_600, "a second of silence, then half of four a second");
        assert_eq!(turn_ms(&mut bucket, 100), 2_100);
        bucket.stop(ms(2_000), 0.0);
        assert_eq!(turn_ms(&mut bucket, 2_000), 4_500);
        for _ in 0..20 {
            bucket.stop(ms(5_000), 1.0);
        }
        assert!(turn_ms(&mut bucket, 5_000) <= 5_000 + 45_000 + 500);
        assert_eq!(turn_ms(&mut bucket, 200_000), 200_000, "a clean minute later all is as before");
        bucket.stop(ms(200_000), 0.0);
        assert_eq!(turn_ms(&mut bucket, 200_000), 201_500, "the first stop is short again");
    }

    #[test]
    fn a_queue_has_an_end() {
        let mut bucket = Bucket::new(1, 1, ms(1_000));
        let places = (0..2 * limits::EXCHANGE_WAITING_CALLS).filter(|_| bucket.reserve(Span::ZERO).is_some()).count();
        assert_eq!(places, limits::EXCHANGE_WAITING_CALLS + 1);
    }
}
