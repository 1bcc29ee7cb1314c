//! Increasing versions of a book: which message is new, which is a repetition, and when the count restarted.
//!
//! Messages are occasionally repeated. An exchange that restarts behind its front end may also count from a
//! lower number on the same connection; then every message looks like a repetition, and without a bound the
//! book would freeze.

/// After this many messages in a row with increasing versions below the highest, the count has restarted.
const RESTARTED_AFTER: u32 = 8;

/// Messages at or below the newest version.
#[derive(Clone, Copy, Default, Debug)]
pub struct Behind {
    /// Messages in a row, each newer than the one before it.
    count: u32,
    last: u64,
}

impl Behind {
    /// A newer message arrived.
    pub fn reset(&mut self) {
        *self = Behind::default();
    }

    /// A message at or below the newest version arrived; returns whether the count has restarted.
    pub fn add(&mut self, version: u64) -> bool {
        self.count = if self.count > 0 && version > self.last { self.count + 1 } else { 1 };
        self.last = version;
        self.count >= RESTARTED_AFTER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_are_repeated_are_no_new_beginning() {
        let mut behind = Behind::default();
        assert!((0..100).all(|_| !behind.add(7)), "one message again and again");
        behind.reset();
        for _ in 0..20 {
            assert!((1..5).all(|version| !behind.add(version)), "the same few again and again");
        }
        behind.reset();
        assert_eq!((1..=8).map(|version| behind.add(version)).filter(|anew| *anew).count(), 1);
    }
}
