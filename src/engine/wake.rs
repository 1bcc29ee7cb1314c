//! Why somebody is evaluated, and how long they can sleep: until a price or a time.

use crate::checkpoint::plain;
use crate::domain::num::Price;
use crate::domain::time::Timestamp;

/// Why instances are evaluated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// A trade on the symbol's market.
    Trade,
    /// Another event on the symbol's market.
    Event,
    /// A whole second has passed.
    Second,
    /// A timer of an instance or group; only those are evaluated.
    Timer,
}

impl Cause {
    /// Whether nothing happened but the passing of time.
    pub fn is_clock(self) -> bool {
        matches!(self, Cause::Second | Cause::Timer)
    }
}

/// When an instance or a gate must be evaluated again.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Wake {
    /// At this price or below.
    pub below: Price,
    /// At this price or above.
    pub above: Price,
    /// At this time.
    pub at: Timestamp,
    /// On every event.
    pub always: bool,
}

plain!(struct Wake { below, above, at, always });

impl Wake {
    /// Not before something else happens.
    pub const NEVER: Wake =
        Wake { below: Price(i64::MIN), above: Price(i64::MAX), at: Timestamp::MAX, always: false };

    /// On every event.
    pub const ALWAYS: Wake = Wake { always: true, ..Wake::NEVER };

    /// The earlier of two wake-ups in each respect.
    pub fn or(self, other: Wake) -> Wake {
        Wake {
            below: self.below.max(other.below),
            above: self.above.min(other.above),
            at: self.at.min(other.at),
            always: self.always || other.always,
        }
    }

    /// Whether the wake-up is due.
    #[inline]
    pub fn is_due(&self, at: Timestamp, prices: Option<(Price, Price)>) -> bool {
        self.always
            || at >= self.at
            || prices.is_some_and(|(low, high)| low <= self.below || high >= self.above)
    }
}
