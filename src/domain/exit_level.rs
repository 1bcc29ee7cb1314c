//! The price level that ended a position: what was waited for, and what met it.

use crate::domain::num::Price;

/// A price at which a position was to be left, and the price that met it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExitLevel {
    /// The stop, target, ladder step or liquidation price.
    pub price: Price,
    /// What met it; `None` where only the exchange knows.
    pub met_by: Option<MetBy>,
}

/// The price that met a level: at it or beyond it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MetBy {
    /// The fair price.
    Mark(Price),
    /// A traded price, which may lie inside a bar.
    Last(Price),
}

impl MetBy {
    /// The fair price where one counts, else a traded price.
    pub fn of(mark: Option<Price>, last: Price) -> Self {
        mark.map_or(MetBy::Last(last), MetBy::Mark)
    }

    /// The price.
    pub const fn price(self) -> Price {
        match self {
            MetBy::Mark(price) | MetBy::Last(price) => price,
        }
    }

    /// Name of its kind in records.
    pub const fn as_str(self) -> &'static str {
        match self {
            MetBy::Mark(_) => "mark",
            MetBy::Last(_) => "last",
        }
    }
}
