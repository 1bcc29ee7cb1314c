//! Orders for real money before they are sent.

use crate::domain::num::Price;
use crate::domain::order::{OrderRequest, Purpose, Side};
use crate::domain::position_key::PositionKey;
use crate::domain::time::{Span, Timestamp};

/// From the moment in which an order may have left until what came of it is settled: the venue takes a
/// request within its window of ten seconds (we send none of our own, so its default holds), and shows what
/// it took within ten seconds more.
pub const SETTLED_AFTER: Span = Span::from_seconds(20);

/// An order with all it takes to send it, durable before its first byte leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Intent {
    /// The order.
    pub order: OrderRequest,
    /// When it was decided.
    pub at: Timestamp,
    /// The price it was decided at, for limits in money; `None`: none was known.
    pub reference: Option<Price>,
}

impl Intent {
    /// The position that it opens or closes.
    pub fn position(&self) -> PositionKey {
        let opens = self.order.purpose == Purpose::Entry;
        PositionKey { symbol: self.order.symbol, is_long: (self.order.side == Side::Buy) == opens }
    }

    /// Whether it opens or enlarges a position.
    pub fn is_entry(&self) -> bool {
        self.order.purpose == Purpose::Entry
    }
}
