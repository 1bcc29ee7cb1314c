//! A mark (fair) price and how long it counts.
//!
//! Invariant: nobody follows a mark older than [`MARK_COUNTS_FOR`]. A stream of marks that ends would
//! otherwise switch off stops, targets and liquidation, because a price that stays reaches nothing.

use super::num::Price;
use super::time::{Span, Timestamp};

/// How long a mark counts. Exchanges publish one every few seconds at the latest; without one for this long,
/// the stream has ended, and positions follow the last trade.
pub const MARK_COUNTS_FOR: Span = Span::from_seconds(60);

/// A mark price with its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    /// The price.
    pub price: Price,
    /// When it was received.
    pub at: Timestamp,
}

impl Mark {
    /// The price, while it counts.
    #[inline]
    pub fn price_at(self, now: Timestamp) -> Option<Price> {
        (now - self.at <= MARK_COUNTS_FOR).then_some(self.price)
    }

    /// The first moment at which it no longer counts.
    pub fn ends(self) -> Timestamp {
        self.at + MARK_COUNTS_FOR + Span::from_nanos(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_counts_for_a_minute() {
        let mark = Mark { price: Price(7), at: Timestamp::from_seconds(100) };
        let last = Timestamp::from_seconds(160);
        assert_eq!((mark.price_at(mark.at), mark.price_at(last)), (Some(Price(7)), Some(Price(7))));
        assert_eq!((mark.ends(), mark.price_at(mark.ends())), (last + Span::from_nanos(1), None));
    }
}
