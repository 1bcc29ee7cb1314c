//! Limits in money that every entry must pass before it is sent, besides those of the session's own risk.
//!
//! Invariant: what is filled, works or has an unknown fate, plus the new order, is within the cap; an unknown
//! counts as filled.

use crate::domain::num::Money;
use crate::domain::time::Timestamp;

/// How much may be at risk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Caps {
    /// Notional of everything open or being opened on the account.
    pub account: Money,
    /// Notional of all entries of this session in a UTC day.
    pub day: Money,
}

impl Caps {
    /// Nothing may be at risk.
    pub const NOTHING: Caps = Caps { account: Money::ZERO, day: Money::ZERO };
}

/// Why an entry was not sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EntryRefusal {
    /// The symbol takes no entries now.
    Blocked,
    /// No price was known at the decision.
    NoPrice,
    /// It was decided too long ago.
    Stale,
    /// What other sessions have at risk is not known yet.
    OtherSessionsUnknown,
    /// The cap of the account.
    AccountCap,
    /// The cap of the day.
    DayCap,
}

impl EntryRefusal {
    /// For people.
    pub const fn as_str(&self) -> &'static str {
        match self {
            EntryRefusal::Blocked => "the symbol takes no entries now",
            EntryRefusal::NoPrice => "no price was known when it was decided",
            EntryRefusal::Stale => "it was decided too long ago",
            EntryRefusal::OtherSessionsUnknown => "what other sessions have at the exchange is not known",
            EntryRefusal::AccountCap => "it would exceed trading.live.account_cap",
            EntryRefusal::DayCap => "it would exceed trading.live.day_cap",
        }
    }
}

/// Entries of a UTC day.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct DayTotal {
    number: i64,
    entered: Money,
}

impl DayTotal {
    /// Whether an entry fits; it counts from then on.
    pub fn reserve(&mut self, caps: &Caps, notional: Money, at: Timestamp) -> bool {
        self.roll(at);
        let fits = self.entered + notional <= caps.day;
        if fits {
            self.entered += notional;
        }
        fits
    }

    /// An entry from before a restart.
    pub fn count(&mut self, notional: Money, at: Timestamp) {
        self.roll(at);
        self.entered += notional;
    }

    fn roll(&mut self, at: Timestamp) {
        const DAY_NS: i64 = 86_400_000_000_000;
        let number = at.nanos().div_euclid(DAY_NS);
        if number > self.number {
            *self = DayTotal { number, entered: Money::ZERO };
        }
    }
}
