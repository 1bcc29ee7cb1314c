//! Closes what the exchange holds for the session and the engine lacks, for instance the fill of an order that was taken for refused:
//! nobody else would close it.
//!
//! Invariants: only what our own executions opened is closed, and only when a report behind the last change shows exactly that; the engine is never told
//! of an order that is not its own.

use super::backoff::backoff;
use super::desk::Desk;
use super::order::Tracked;
use super::surplus::{FIRST, is_surplus};
use super::{Act, Deal, Hold, Intent};
use crate::domain::num::Qty;
use crate::domain::order::{OrderId, OrderKind, OrderRequest, Purpose};
use crate::domain::time::{Span, Timestamp};

/// How long something is held that the engine lacks until it is closed, and from the first try to the second.
const CLOSE_AFTER: [Span; 2] = [Span::from_seconds(1), Span::from_seconds(5)];

impl Desk {
    /// Closes what the venue holds for the session and the engine lacks.
    pub(super) fn close_surplus(&mut self, now: Timestamp) {
        let holds: Vec<(Hold, Qty)> = self.book.iter().map(|(hold, holding)| (hold, holding.qty)).collect();
        self.surplus.due.retain(|hold, _| holds.iter().any(|(held, _)| held == hold));
        for (hold, held) in holds {
            let lacks = self.surplus.engine(hold).map_or(Qty::ZERO, |engine| held - engine);
            let is_closing = self.orders.iter().any(|(order, tracked)| {
                is_surplus(*order) && !tracked.is_over() && tracked.intent.hold() == hold
            });
            if is_closing {
                // A try that comes to nothing is repeated later than the first.
                let (due, tries) = self.surplus.due.entry(hold).or_insert((now, 1));
                *due = now + backoff(CLOSE_AFTER[1], *tries - 1);
                continue;
            }
            if lacks <= Qty::ZERO {
                self.surplus.due.remove(&hold);
                continue;
            }
            let (due, tries) = self.surplus.due.entry(hold).or_insert((now + CLOSE_AFTER[0], 0));
            if now < *due {
                continue;
            }
            if !self.reconciliation.is_equal(hold, self.last_change) {
                self.report_soon(now);
                continue;
            }
            *tries += 1;
            let is_first = *tries == 1;
            self.close_lots(hold, lacks, is_first, now);
        }
    }

    fn close_lots(&mut self, hold: Hold, qty: Qty, is_first: bool, now: Timestamp) {
        let mut number = FIRST | (now.millis().unsigned_abs() << 8);
        while self.orders.contains_key(&OrderId(number)) {
            number += 1;
        }
        let order = OrderRequest {
            id: OrderId(number),
            instance: self.book.get(hold).map_or(0, |holding| holding.instance),
            symbol: hold.symbol,
            side: hold.closing_side(),
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
            self.alert(Some(hold.symbol), "surplus_closed", why);
        }
        self.acts.push(Act::Send { intent, client });
        self.last_change = now;
    }

    /// An execution of an order that nobody remembers. One that closed a surplus before a restart still closed it.
    pub(super) fn of_an_order_before(&mut self, order: OrderId, deal: &Deal, now: Timestamp) {
        if is_surplus(order) && deal.is_closing && self.count(deal.trade_id) {
            self.book.close(deal.hold, deal.qty);
            self.last_change = now;
        }
    }
}
