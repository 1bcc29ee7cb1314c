//! Versions of a book that count up: which message is new, which was there before, and when counting began anew.
//!
//! Messages are repeated now and then. But an exchange that restarts behind its front may count from a lower number on the
//! same connection; then every message looks repeated, and without a bound the book would stand still for ever.

/// Messages in a row with versions that grow, but lie below the highest, after which counting has begun anew.
const RESTARTED_AFTER: u32 = 8;

/// Messages behind the newest version.
#[derive(Clone, Copy, Default, Debug)]
pub struct Behind {
    /// In a row, each newer than the one before it.
    count: u32,
    last: u64,
}

impl Behind {
    /// A message that is not behind came.
    pub fn reset(&mut self) {
        *self = Behind::default();
    }

    /// A message came that is behind; whether counting has begun anew.
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
