//! Bars of trades on a fixed grid of seconds since 1970.
//!
//! A bar is reported only once its end is reached; a bar without trades repeats the last close with volume
//! zero. Invariant: no bar spans a gap.

use crate::checkpoint::{plain, saved};
use crate::domain::num::{Price, Qty};
use crate::domain::time::{Span, Timestamp};

/// A closed bar of the grid, in ticks and lots.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClosedBar {
    /// End of the bar, at which it becomes known.
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

plain!(struct ClosedBar { end, open, high, low, close, volume });

/// The bar being formed, of one length.
#[derive(Clone, Debug)]
pub struct BarSeries {
    seconds: u32,
    forming: Option<ClosedBar>,
    /// Whether the forming bar only repeats the last close; its first trade then sets its open.
    untouched: bool,
    /// Number of gaps so far; readers start afresh when it changes.
    epoch: u32,
}

saved!(BarSeries { forming, untouched, epoch } fixed { seconds });

impl BarSeries {
    /// Bars of this many seconds.
    pub fn new(seconds: u32) -> Self {
        BarSeries { seconds, forming: None, untouched: false, epoch: 0 }
    }

    /// Length in seconds.
    pub fn seconds(&self) -> u32 {
        self.seconds
    }

    /// Number of gaps so far.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The bar being formed, if a price is known.
    pub fn forming(&self) -> Option<&ClosedBar> {
        self.forming.as_ref()
    }

    /// Passes on every bar that ended at or before `now`, oldest first. Call it before adding a trade of that
    /// time.
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

    /// Adds a trade to the forming bar.
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

    /// Discards the forming bar at a gap.
    pub fn interrupt(&mut self) {
        self.forming = None;
        self.untouched = false;
        self.epoch += 1;
    }
}
