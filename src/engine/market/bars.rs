//! Bars of trades on a fixed grid of seconds since 1970.
//!
//! A bar is known only when its end is reached; a bar without trades repeats the last close with volume zero.
//! Never: a bar across a gap.

use crate::domain::num::{Price, Qty};
use crate::domain::time::{Span, Timestamp};

/// A closed bar of the grid, in ticks and lots.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClosedBar {
    /// End of the bar: when it became known.
    pub end: Timestamp,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Lots traded.
    pub volume: Qty,
}

/// The forming bar of one length.
#[derive(Clone, Debug)]
pub struct BarSeries {
    seconds: u32,
    forming: Option<ClosedBar>,
    /// The forming bar only repeats the last close: the first price it sees is its open.
    untouched: bool,
    /// Grows with every gap: readers that see another number start afresh.
    epoch: u32,
}

impl BarSeries {
    /// Bars of this many seconds.
    pub fn new(seconds: u32) -> Self {
        BarSeries { seconds, forming: None, untouched: false, epoch: 0 }
    }

    /// Length in seconds.
    pub fn seconds(&self) -> u32 {
        self.seconds
    }

    /// How many gaps there were.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The bar that is forming, if any price is known.
    pub fn forming(&self) -> Option<&ClosedBar> {
        self.forming.as_ref()
    }

    /// Hands out every bar that has ended at or before `now`, oldest first. Call before a trade of that time.
    #[inline]
    pub fn close_until(&mut self, now: Timestamp, mut closed: impl FnMut(&ClosedBar)) {
        let Some(bar) = &mut self.forming else { return };
        while bar.end <= now {
            closed(bar);
            let end = bar.end + Span::from_seconds(i64::from(self.seconds));
            *bar = ClosedBar {
                end,
                open: bar.close,
                high: bar.close,
                low: bar.close,
                close: bar.close,
                volume: Qty::ZERO,
            };
            self.untouched = true;
        }
    }

    /// A trade inside the forming bar.
    #[inline]
    pub fn trade(&mut self, at: Timestamp, price: Price, qty: Qty) {
        let length = i64::from(self.seconds);
        match &mut self.forming {
            Some(bar) => {
                if self.untouched {
                    (bar.open, bar.high, bar.low) = (price, price, price);
                    self.untouched = false;
                }
                bar.high = bar.high.max(price);
                bar.low = bar.low.min(price);
                bar.close = price;
                bar.volume += qty;
            }
            None => {
                let end = Timestamp::from_seconds((at.seconds().div_euclid(length) + 1) * length);
                self.forming =
                    Some(ClosedBar { end, open: price, high: price, low: price, close: price, volume: qty });
            }
        }
    }

    /// No data: the forming bar is forgotten.
    pub fn interrupt(&mut self) {
        self.forming = None;
        self.untouched = false;
        self.epoch += 1;
    }
}
