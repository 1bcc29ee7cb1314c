//! Orders at a venue whose answers come through the inbox: which answers are news, and which fit no order of
//! ours.
//!
//! A venue may repeat an answer, send it late, or send one for an order that we did not make. Invariants: an
//! execution counts once; what cannot be assigned changes nothing here and is said.

use crate::checkpoint::plain;
use crate::domain::num::Qty;
use crate::domain::order::{Fill, OrderEvent, OrderId, OrderRequest};
use crate::limits::{ENDED_ORDERS_KNOWN, ORDER_EXECUTIONS_KNOWN};
use crate::plant::{Plant, is_planted};
use std::collections::{BTreeMap, VecDeque};

/// What an answer is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// News of an order that is open.
    News,
    /// Known already.
    Known,
    /// An execution that fits no open order: of an order that is not ours, that has ended, or that is full.
    Unassigned(Fill),
}

/// Orders that were sent and have not ended, and those that ended last.
#[derive(Default)]
pub struct OpenOrders {
    open: BTreeMap<OrderId, OpenOrder>,
    ended: VecDeque<(OrderId, OpenOrder)>,
}

plain!(struct OpenOrders { open, ended });

struct OpenOrder {
    qty: Qty,
    filled: Qty,
    /// Numbers of its executions; when there are too many, how much has filled decides alone.
    executions: Vec<u64>,
}

plain!(struct OpenOrder { qty, filled, executions });

impl OpenOrders {
    /// An order is sent.
    pub fn sent(&mut self, order: &OrderRequest) {
        self.open.insert(order.id, OpenOrder { qty: order.qty, filled: Qty::ZERO, executions: Vec::new() });
    }

    /// Takes an answer in and says what it is.
    pub fn answered(&mut self, answer: &OrderEvent) -> Verdict {
        match answer {
            OrderEvent::Acked(order) => self.news_of(*order),
            OrderEvent::Filled(fill) => self.filled(fill),
            OrderEvent::Done { order, .. } | OrderEvent::Rejected { order, .. } => {
                let Some(ended) = self.open.remove(order) else { return Verdict::Known };
                if self.ended.len() == ENDED_ORDERS_KNOWN {
                    self.ended.pop_front();
                }
                self.ended.push_back((*order, ended));
                Verdict::News
            }
            OrderEvent::Liquidated { .. } | OrderEvent::Closed { .. } | OrderEvent::Funding { .. } => {
                Verdict::News
            }
        }
    }

    fn news_of(&self, order: OrderId) -> Verdict {
        if self.open.contains_key(&order) { Verdict::News } else { Verdict::Known }
    }

    fn filled(&mut self, fill: &Fill) -> Verdict {
        let Some(order) = self.open.get_mut(&fill.order) else {
            let known = self.ended.iter().any(|(id, order)| *id == fill.order && order.knows(fill));
            return if known { Verdict::Known } else { Verdict::Unassigned(*fill) };
        };
        if order.knows(fill) {
            return Verdict::Known;
        }
        if order.filled + fill.qty > order.qty {
            return Verdict::Unassigned(*fill);
        }
        order.filled += fill.qty;
        if order.executions.len() < ORDER_EXECUTIONS_KNOWN {
            order.executions.push(fill.trade_id);
        }
        Verdict::News
    }
}

impl OpenOrder {
    fn knows(&self, fill: &Fill) -> bool {
        if is_planted(Plant::ExecutionCountedTwice) {
            return false;
        }
        let is_full = self.executions.len() == ORDER_EXECUTIONS_KNOWN;
        self.executions.contains(&fill.trade_id) || is_full && fill.cumulative <= self.filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::num::{Money, Price};
    use crate::domain::order::{Liquidity, OrderKind, Purpose, RejectReason, Side};
    use crate::domain::symbol::SymbolId;
    use crate::domain::time::Timestamp;

    fn order(id: u64, qty: i64) -> OrderRequest {
        OrderRequest {
            id: OrderId(id),
            instance: 0,
            symbol: SymbolId(0),
            side: Side::Buy,
            kind: OrderKind::Market,
            qty: Qty(qty),
            purpose: Purpose::Entry,
            leverage: 1,
            inside_bar: None,
        }
    }

    fn fill(order: u64, trade_id: u64, qty: i64, cumulative: i64) -> OrderEvent {
        OrderEvent::Filled(Fill {
            order: OrderId(order),
            symbol: SymbolId(0),
            side: Side::Buy,
            price: Price(100),
            qty: Qty(qty),
            cumulative: Qty(cumulative),
            trade_id,
            fee: Money::ZERO,
            liquidity: Liquidity::Taker,
            at: Timestamp::MIN,
        })
    }

    fn is_unassigned(verdict: Verdict) -> bool {
        matches!(verdict, Verdict::Unassigned(_))
    }

    #[test]
    fn an_execution_counts_once_in_whatever_order_it_comes() {
        let mut orders = OpenOrders::default();
        orders.sent(&order(1, 10));
        assert_eq!(orders.answered(&OrderEvent::Acked(OrderId(1))), Verdict::News);
        // The second execution overtakes the first.
        assert_eq!(orders.answered(&fill(1, 8, 6, 10)), Verdict::News);
        assert_eq!(orders.answered(&fill(1, 7, 4, 4)), Verdict::News);
        for _ in 0..2 {
            assert_eq!(orders.answered(&fill(1, 7, 4, 4)), Verdict::Known);
            assert_eq!(orders.answered(&fill(1, 8, 6, 10)), Verdict::Known);
        }
        let done = OrderEvent::Done { order: OrderId(1), filled: Qty(10) };
        assert_eq!([orders.answered(&done), orders.answered(&done)], [Verdict::News, Verdict::Known]);
        assert_eq!(orders.answered(&fill(1, 8, 6, 10)), Verdict::Known, "also behind its end");
    }

    #[test]
    fn what_fits_no_open_order_is_said() {
        let mut orders = OpenOrders::default();
        orders.sent(&order(1, 10));
        orders.sent(&order(2, 10));
        assert!(is_unassigned(orders.answered(&fill(9, 1, 1, 1))), "not ours");
        assert!(is_unassigned(orders.answered(&fill(1, 2, 11, 11))), "more than was ordered");
        let rejected = OrderEvent::Rejected { order: OrderId(2), reason: RejectReason::Venue };
        assert_eq!(orders.answered(&rejected), Verdict::News);
        assert!(is_unassigned(orders.answered(&fill(2, 3, 1, 1))), "it had ended without it");
        assert_eq!(orders.answered(&fill(1, 2, 10, 10)), Verdict::News, "nothing of that was counted");
    }

    #[test]
    fn what_is_known_is_bounded() {
        let mut orders = OpenOrders::default();
        let many = ENDED_ORDERS_KNOWN as u64 + 10;
        for id in 1..=many {
            orders.sent(&order(id, 1));
            orders.answered(&OrderEvent::Done { order: OrderId(id), filled: Qty(0) });
        }
        assert_eq!((orders.open.len(), orders.ended.len()), (0, ENDED_ORDERS_KNOWN));
        orders.sent(&order(many + 1, i64::MAX / 2));
        let executions = ORDER_EXECUTIONS_KNOWN as u64 + 10;
        for number in 1..=executions {
            let next = fill(many + 1, number, 1, number as i64);
            assert_eq!([orders.answered(&next), orders.answered(&next)], [Verdict::News, Verdict::Known]);
        }
    }
}
