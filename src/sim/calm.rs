//! Trades that are of no consequence at the venue, so that they can be applied together.

use super::{ALWAYS_SAFE, Venue};
use crate::domain::num::Price;
use crate::domain::symbol::SymbolId;
use crate::domain::time::Timestamp;

/// Prices and times, these bounds excluded, of trades that are of no consequence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Calm {
    /// Prices are above this.
    pub below: Price,
    /// Prices are below this.
    pub above: Price,
    /// Times are before this.
    pub until: Timestamp,
}

impl Calm {
    /// Any trade.
    pub const ALWAYS: Calm = Calm { below: ALWAYS_SAFE.0, above: ALWAYS_SAFE.1, until: Timestamp::MAX };
}

impl Venue {
    /// Where a trade neither fills an order nor uses up a margin, from `at` on; `None`: nowhere.
    #[inline]
    pub fn calm(&self, symbol: SymbolId, at: Timestamp) -> Option<Calm> {
        let book = &self.books[symbol.index()];
        let is_calm = |price: Price| price > book.safe.0 && price < book.safe.1;
        match book.last_mark.filter(|mark| book.positions > 0 && at < mark.ends()) {
            _ if !book.resting.is_empty() => None,
            Some(mark) => is_calm(mark.price).then_some(Calm { until: mark.ends(), ..Calm::ALWAYS }),
            None => Some(Calm { below: book.safe.0, above: book.safe.1, ..Calm::ALWAYS }),
        }
    }

    /// Trades at calm prices, of which this was the last.
    #[inline]
    pub fn passed(&mut self, symbol: SymbolId, last: Price) {
        let book = &mut self.books[symbol.index()];
        book.last = Some(last);
        book.depth.trade(last);
    }
}
