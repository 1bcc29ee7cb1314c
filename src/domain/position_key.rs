//! Which position: in hedge mode a symbol has two.

use crate::domain::order::Side;
use crate::domain::symbol::SymbolId;

/// One side of one symbol: in hedge mode each has a position of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct PositionKey {
    /// The symbol.
    pub symbol: SymbolId,
    /// Whether it gains when the price rises.
    pub is_long: bool,
}

impl PositionKey {
    /// The side of an order that closes it.
    pub fn closing_side(self) -> Side {
        if self.is_long { Side::Sell } else { Side::Buy }
    }
}
