//! Closes what the venue holds for the session and the engine lacks, for instance the fill of an order that
//! was treated as refused: nobody else would close it.
//!
//! Invariants: only what our own executions opened is closed, and only when a report after the last change
//! shows exactly that; the engine is never told of an order that is not its own.

use super::backoff::backoff;
use super::desk::Desk;
use super::numbers::{is_surplus_order, surplus_order};
use super::order::Tracked;
use super::{Act, ExecutionFact, Intent, PositionKey};
use crate::domain::num::Qty;
use crate::domain::order::{OrderId, OrderKind, OrderRequest, Purpose};
use crate::domain::time::{Span, Timestamp};

/// How long something is held that the engine lacks until it is closed.
const FIRST_CLOSE_AFTER: Span = Span::from_seconds(1);

/// From the first try to the second; later ones wait longer.
const NEXT_CLOSE_AFTER: Span = Span::from_seconds(5);

impl Desk {
    /// Closes what the venue holds for the session and the engine lacks.
    pub(super) fn close_surplus(&mut self, now: Timestamp) {
        let open: Vec<(PositionKey, Qty)> =
            self.positions.iter().map(|(key, holding)| (key, holding.qty)).collect();
        self.surplus.due.retain(|key, _| open.iter().any(|(held, _)| held == key));
        for (key, held) in open {
            let lacks = self.surplus.engine(key).map_or(Qty::ZERO, |engine| held - engine);
            let is_closing = self.orders.iter().any(|(order, tracked)| {
                is_surplus_order(*order) && !tracked.is_over() && tracked.intent.position() == key
            });
            if is_closing {
                // A try that comes to nothing is repeated later than the first.
                let (due, tries) = self.surplus.due.entry(key).or_insert((now, 1));
                *due = now + backoff(NEXT_CLOSE_AFTER, *tries - 1);
                continue;
            }
            if lacks <= Qty::ZERO {
                self.surplus.due.remove(&key);
                continue;
            }
            let (due, tries) = self.surplus.due.entry(key).or_insert((now + FIRST_CLOSE_AFTER, 0));
            if now < *due {
                continue;
            }
            if !self.reconciliation.is_equal(key, self.last_change) {
                self.report_soon(now);
                continue;
            }
            *tries += 1;
            let is_first = *tries == 1;
            self.close_lots(key, lacks, is_first, now);
        }
    }

    fn close_lots(&mut self, key: PositionKey, qty: Qty, is_first: bool, now: Timestamp) {
        let mut id = surplus_order(now);
        while self.orders.contains_key(&id) {
            id.0 += 1;
        }
        let order = OrderRequest {
            id,
            instance: self.positions.get(key).map_or(0, |holding| holding.instance),
            symbol: key.symbol,
            side: key.closing_side(),
            kind: OrderKind::Market,
            qty,
            purpose: Purpose::Exit,
            leverage: 1,
            inside_bar: None,
        };
        let intent = Intent { order, at: now, reference: None };
        self.orders.insert(order.id, Tracked::new(intent, now));
        let client = self.tag.client_id(order.id);
        if is_first {
            let why = format!(
                "{} lots are held that no order of the engine accounts for: they are closed with {client}",
                qty.0
            );
            self.alert(Some(key.symbol), "surplus_closed", why);
        }
        self.acts.push(Act::Send { intent, client });
        self.last_change = now;
    }

    /// An execution of an order that nobody remembers. One that closed a surplus before a restart still
    /// closed it.
    pub(super) fn of_an_order_before(&mut self, order: OrderId, execution: &ExecutionFact, now: Timestamp) {
        if is_surplus_order(order) && execution.is_closing && self.count(execution.trade_id) {
            self.positions.close(execution.key, execution.qty);
            self.last_change = now;
        }
    }
}
