//! Numbers that stand in a session's journal beside those of the engine and of the venue.
//!
//! Invariant: the ranges do not overlap: the engine counts its orders from 0, the venue its executions, and
//! neither reaches 2^63.

use crate::domain::order::{FIRST_MADE_UP_TRADE, OrderId};
use crate::domain::time::Timestamp;

/// Orders that close what the engine lacks are numbered from here, by the time.
const FIRST_SURPLUS_ORDER: u64 = 1 << 63;

/// The order of a fill that no order of the session made.
pub(super) const NO_ORDER: OrderId = OrderId(u64::MAX);

/// Whether an order is one that closes what the engine lacks.
pub(super) fn is_surplus_order(order: OrderId) -> bool {
    order.0 >= FIRST_SURPLUS_ORDER && order != NO_ORDER
}

/// The first number for an order of a moment that closes what the engine lacks.
pub(super) fn surplus_order(now: Timestamp) -> OrderId {
    OrderId(FIRST_SURPLUS_ORDER | (now.millis().unsigned_abs() << 8))
}

/// The number of a close of a moment that no execution explains.
pub(super) fn made_up_trade(now: Timestamp) -> u64 {
    FIRST_MADE_UP_TRADE | now.nanos().unsigned_abs()
}

/// Whether a number is one that no execution of the venue has.
pub(super) fn is_made_up_trade(trade_id: u64) -> bool {
    trade_id >= FIRST_MADE_UP_TRADE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_of_one_kind() {
        let now = Timestamp::from_nanos(1_790_000_000_000_000_000);
        assert!(is_surplus_order(surplus_order(now)) && is_made_up_trade(made_up_trade(now)));
        assert!(!is_surplus_order(NO_ORDER) && !is_surplus_order(OrderId(0)) && !is_made_up_trade(0));
    }
}
