//! Exponential backoff with jitter between reconnects and retries.

use crate::domain::rng::Rng;
use crate::domain::time::Span;

/// Doubling waits with jitter.
#[derive(Clone, Debug)]
pub struct Backoff {
    min: Span,
    max: Span,
    next: Span,
    rng: Rng,
}

impl Backoff {
    /// The same seed gives the same waits.
    pub fn new(min: Span, max: Span, seed: u64) -> Self {
        Backoff { min, max, next: min, rng: Rng::new(seed) }
    }

    /// The next wait, with a jitter of ±25 %; the base doubles each time.
    pub fn wait(&mut self) -> Span {
        let wait = self.next;
        self.next = (wait + wait).min(self.max);
        Span::from_nanos((wait.nanos() as f64 * (0.75 + 0.5 * self.rng.unit())) as i64)
    }

    /// Starts again from the first wait.
    pub fn reset(&mut self) {
        self.next = self.min;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_start_again() {
        let mut backoff = Backoff::new(Span::from_seconds(1), Span::from_seconds(60), 7);
        for expected in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            let wait = backoff.wait().seconds_f64() / f64::from(expected);
            assert!((0.75..1.25).contains(&wait), "{wait} of {expected}");
        }
        backoff.reset();
        assert!(backoff.wait() < Span::from_millis(1_250));
    }

    #[test]
    fn two_sockets_never_wait_the_same() {
        let waits = |seed| Backoff::new(Span::from_seconds(1), Span::from_seconds(60), seed).wait();
        let mut all: Vec<Span> = (0..100).map(waits).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 100);
        assert_eq!(waits(3), waits(3));
    }
}
