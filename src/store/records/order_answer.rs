//! What a venue said about an order or position of a session, as part of a control.

use crate::domain::num::{Money, Price, Qty};
use crate::domain::order::{ClosedBy, Fill, Liquidity, OrderEvent, OrderId, RejectReason, Side};
use crate::domain::symbol::SymbolId;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// An answer. The order of the variants is part of the stored form: new ones come last.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum AnswerV1 {
    /// The order is working.
    Acked {
        /// Its number.
        order: u64,
    },
    /// An execution of an order.
    Filled(ExecutionV1),
    /// The order ended with so much filled.
    Done {
        /// Its number.
        order: u64,
        /// Lots.
        filled: i64,
    },
    /// The order was rejected.
    Rejected {
        /// Its number.
        order: u64,
        /// Code of the reason.
        reason: u8,
    },
    /// The venue liquidated a position.
    Liquidated {
        /// The closing execution.
        execution: ExecutionV1,
        /// Instance that held it.
        instance: u32,
    },
    /// Funding was settled.
    Funding {
        /// Index of the symbol.
        symbol: u32,
        /// Instance that holds the position.
        instance: u32,
        /// Received or, negative, paid; 10^-18 of the currency.
        amount: i128,
    },
    /// Something other than an order of ours closed a position, or a part of it.
    Closed {
        /// The closing execution.
        execution: ExecutionV1,
        /// Instance that held it.
        instance: u32,
        /// Code of who did.
        by: u8,
    },
}

/// An execution.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ExecutionV1 {
    /// Number of the order.
    pub order: u64,
    /// Index of the symbol.
    pub symbol: u32,
    /// Whether it sold.
    pub is_sell: bool,
    /// Ticks.
    pub price: i64,
    /// Lots.
    pub qty: i64,
    /// Lots of the order so far, these included.
    pub cumulative: i64,
    /// The venue's number.
    pub trade_id: u64,
    /// Fee paid or, negative, received; 10^-18 of the currency.
    pub fee: i128,
    /// Whether it rested in the book.
    pub is_maker: bool,
    /// The venue's time, nanoseconds since 1970.
    pub at_ns: i64,
}

/// Reasons by code.
const REASONS: [RejectReason; 6] = [
    RejectReason::BelowMinimum,
    RejectReason::NoMarket,
    RejectReason::NothingToReduce,
    RejectReason::InsufficientMargin,
    RejectReason::Injected,
    RejectReason::Venue,
];

/// Who closed a position, by code.
const CLOSED_BY: [ClosedBy; 3] = [ClosedBy::ResidentStop, ClosedBy::Manual, ClosedBy::Deleveraging];

impl From<&Fill> for ExecutionV1 {
    fn from(fill: &Fill) -> Self {
        ExecutionV1 {
            order: fill.order.0,
            symbol: fill.symbol.0,
            is_sell: fill.side == Side::Sell,
            price: fill.price.0,
            qty: fill.qty.0,
            cumulative: fill.cumulative.0,
            trade_id: fill.trade_id,
            fee: fill.fee.0,
            is_maker: fill.liquidity == Liquidity::Maker,
            at_ns: fill.at.nanos(),
        }
    }
}

impl From<&ExecutionV1> for Fill {
    fn from(execution: &ExecutionV1) -> Self {
        Fill {
            order: OrderId(execution.order),
            symbol: SymbolId(execution.symbol),
            side: if execution.is_sell { Side::Sell } else { Side::Buy },
            price: Price(execution.price),
            qty: Qty(execution.qty),
            cumulative: Qty(execution.cumulative),
            trade_id: execution.trade_id,
            fee: Money(execution.fee),
            liquidity: if execution.is_maker { Liquidity::Maker } else { Liquidity::Taker },
            at: Timestamp::from_nanos(execution.at_ns),
        }
    }
}

impl From<&OrderEvent> for AnswerV1 {
    fn from(answer: &OrderEvent) -> Self {
        match answer {
            OrderEvent::Acked(order) => AnswerV1::Acked { order: order.0 },
            OrderEvent::Filled(fill) => AnswerV1::Filled(fill.into()),
            OrderEvent::Done { order, filled } => AnswerV1::Done { order: order.0, filled: filled.0 },
            OrderEvent::Rejected { order, reason } => {
                let code = REASONS.iter().position(|known| known == reason);
                let code = code.expect("every reason has a code, which a test proves");
                AnswerV1::Rejected { order: order.0, reason: code as u8 }
            }
            // Exchanges, whose answers these are, do not say at which price the margin was used up.
            OrderEvent::Liquidated { fill, instance, level: _ } => {
                AnswerV1::Liquidated { execution: fill.into(), instance: *instance }
            }
            OrderEvent::Closed { fill, instance, by } => {
                let code = CLOSED_BY.iter().position(|known| known == by);
                let code = code.expect("everybody who closes has a code, which a test proves");
                AnswerV1::Closed { execution: fill.into(), instance: *instance, by: code as u8 }
            }
            OrderEvent::Funding { symbol, instance, amount } => {
                AnswerV1::Funding { symbol: symbol.0, instance: *instance, amount: amount.0 }
            }
        }
    }
}

impl From<&AnswerV1> for OrderEvent {
    fn from(answer: &AnswerV1) -> Self {
        match answer {
            AnswerV1::Acked { order } => OrderEvent::Acked(OrderId(*order)),
            AnswerV1::Filled(execution) => OrderEvent::Filled(execution.into()),
            AnswerV1::Done { order, filled } => {
                OrderEvent::Done { order: OrderId(*order), filled: Qty(*filled) }
            }
            AnswerV1::Rejected { order, reason } => {
                // A code of a newer version: the venue's own reason says no more than that it was rejected.
                let reason = REASONS.get(usize::from(*reason)).copied().unwrap_or(RejectReason::Venue);
                OrderEvent::Rejected { order: OrderId(*order), reason }
            }
            AnswerV1::Liquidated { execution, instance } => {
                OrderEvent::Liquidated { fill: execution.into(), instance: *instance, level: None }
            }
            AnswerV1::Closed { execution, instance, by } => {
                // A code of a newer version: that it was none of our orders is what matters.
                let by = CLOSED_BY.get(usize::from(*by)).copied().unwrap_or(ClosedBy::Manual);
                OrderEvent::Closed { fill: execution.into(), instance: *instance, by }
            }
            AnswerV1::Funding { symbol, instance, amount } => {
                OrderEvent::Funding { symbol: SymbolId(*symbol), instance: *instance, amount: Money(*amount) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::codec::{decode, encode};
    use crate::store::records::{ControlKindV1, SessionControlV1};

    #[test]
    fn every_answer_comes_back_from_its_stored_form() {
        let fill = Fill {
            order: OrderId(7),
            symbol: SymbolId(3),
            side: Side::Sell,
            price: Price(612_345),
            qty: Qty(12),
            cumulative: Qty(30),
            trade_id: u64::MAX,
            fee: Money(-123_456_789_012_345_678_901),
            liquidity: Liquidity::Maker,
            at: Timestamp::from_nanos(1_780_000_000_123_456_789),
        };
        let mut all = vec![
            OrderEvent::Acked(OrderId(1)),
            OrderEvent::Filled(fill),
            OrderEvent::Done { order: OrderId(2), filled: Qty(5) },
            OrderEvent::Liquidated { fill, instance: 4, level: None },
            OrderEvent::Funding { symbol: SymbolId(1), instance: 2, amount: Money(-9) },
        ];
        all.extend(CLOSED_BY.map(|by| OrderEvent::Closed { fill, instance: 4, by }));
        all.extend(REASONS.map(|reason| OrderEvent::Rejected { order: OrderId(3), reason }));
        for answer in all {
            let kind = ControlKindV1::Answer(AnswerV1::from(&answer));
            let bytes = encode(&SessionControlV1 { at_ns: 5, kind }).unwrap();
            let ControlKindV1::Answer(kept) = decode::<SessionControlV1>(&bytes).unwrap().kind else {
                panic!("{answer:?} came back as something else");
            };
            assert_eq!(OrderEvent::from(&kept), answer);
        }
    }
}
