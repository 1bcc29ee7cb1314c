//! Equity per UTC day, and growth that is unaffected by deposits.

use crate::checkpoint::plain;
use crate::domain::num::Money;
use crate::domain::time::{NANOS_PER_SECOND, Timestamp};

const DAY_NS: i64 = 86_400 * NANOS_PER_SECOND;

/// A UTC day of a run. The first and the last may be incomplete. An event at midnight belongs to the day that
/// ends then, e.g. a bar that closes or funding that is settled at that time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Day {
    /// Days since 1970.
    pub day: i64,
    /// Equity at the start.
    pub opening: Money,
    /// Equity at the end.
    pub closing: Money,
    /// External money received during the day.
    pub deposits: Money,
    /// Growth of equity without the effect of deposits, a fraction; `None` when equity was not positive.
    pub growth: Option<f64>,
    /// Whether the run covered the whole day. Only whole days enter risk ratios.
    pub whole: bool,
    /// Number of trades closed.
    pub trades: u32,
    /// Net result of the trades closed.
    pub trades_net: Money,
}

plain!(struct Day { day, opening, closing, deposits, growth, whole, trades, trades_net });

impl Day {
    /// Change of equity without deposits.
    pub fn change(&self) -> Money {
        self.closing - self.opening - self.deposits
    }

    /// Start of the day.
    pub fn midnight(&self) -> Timestamp {
        Timestamp::from_nanos(self.day.saturating_mul(DAY_NS))
    }
}

/// Growth of one unit of money, chained over deposits (time-weighted return).
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth {
    base: Money,
    factor: Option<f64>,
}

plain!(struct Growth { base, factor });

impl Growth {
    pub(super) fn new(base: Money) -> Self {
        Growth { base, factor: Some(1.0) }
    }

    pub(super) fn deposit(&mut self, before: Money, after: Money) {
        self.factor = self.factor(before);
        self.base = after;
    }

    /// The value of one unit now; `None` when equity was not positive at some deposit.
    pub(super) fn factor(&self, now: Money) -> Option<f64> {
        let factor = self.factor?;
        (self.base.0 > 0).then(|| factor * (now.0 as f64 / self.base.0 as f64))
    }
}

/// Splits a run into days, one row per day, including days without a change.
#[derive(Clone, Debug)]
pub(super) struct Days {
    rows: Vec<Day>,
    next_midnight: i64,
    opening: Money,
    deposits: Money,
    growth: Growth,
    whole: bool,
}

plain!(struct Days { rows, next_midnight, opening, deposits, growth, whole });

impl Days {
    pub(super) fn new(start: Timestamp, initial: Money) -> Self {
        Days {
            rows: Vec::new(),
            next_midnight: midnight_after(start.day()),
            opening: initial,
            deposits: Money::ZERO,
            growth: Growth::new(initial),
            whole: start.nanos() == start.day().saturating_mul(DAY_NS),
        }
    }

    /// Closes every day that has ended by `at`; `equity` is the last value before that.
    #[inline]
    pub(super) fn roll(&mut self, at: Timestamp, equity: Money) {
        while at.nanos() > self.next_midnight {
            let midnight = self.next_midnight;
            self.close(midnight.div_euclid(DAY_NS) - 1, equity, self.whole);
            self.whole = true;
            self.next_midnight = midnight.saturating_add(DAY_NS);
            if self.next_midnight == i64::MAX {
                break;
            }
        }
    }

    pub(super) fn deposit(&mut self, before: Money, amount: Money) {
        self.growth.deposit(before, before + amount);
        self.deposits += amount;
    }

    /// Returns all days; the last one ends at `end`.
    pub(super) fn finish(mut self, end: Timestamp, equity: Money) -> Vec<Day> {
        self.roll(end, equity);
        let whole = self.whole && end.nanos() == self.next_midnight;
        self.close(self.next_midnight.div_euclid(DAY_NS) - 1, equity, whole);
        self.rows
    }

    fn close(&mut self, day: i64, closing: Money, whole: bool) {
        let growth = self.growth.factor(closing).map(|factor| factor - 1.0);
        let (opening, deposits) = (self.opening, self.deposits);
        self.rows.push(Day {
            day,
            opening,
            closing,
            deposits,
            growth,
            whole,
            trades: 0,
            trades_net: Money::ZERO,
        });
        self.opening = closing;
        self.deposits = Money::ZERO;
        self.growth = Growth::new(closing);
    }
}

fn midnight_after(day: i64) -> i64 {
    day.saturating_add(1).saturating_mul(DAY_NS)
}
