//! What is due: questions that are asked again, positions without a stop, the next report.

use super::Act;
use super::desk::Desk;
use super::order::{Due, Tracked};
use crate::domain::order::OrderId;
use crate::domain::symbol::SymbolId;
use crate::domain::time::{Span, Timestamp};
use std::collections::BTreeSet;

/// How often the engine is told to close while a lock holds and something is open.
const CLOSE_AGAIN: Span = Span::from_seconds(5);

impl Desk {
    /// Time passes.
    pub fn tick(&mut self, now: Timestamp) {
        self.withdraw_what_may_not_begin(now);
        self.send_waiting(now);
        self.ask_for_orders(now);
        self.decide_who_closed(now);
        self.protection.follow(&self.positions, now);
        let given_up = self.protection.due(&self.positions, now, &mut self.acts);
        for key in given_up {
            self.acts.push(Act::Close(key.symbol));
            self.unprotected.insert(key.symbol);
            let why = "no stop can be had at the venue: the position is closed, and no position is opened on the symbol until the session ends";
            self.alert(Some(key.symbol), "unprotected", why.to_owned());
        }
        self.close_surplus(now);
        if self.is_locked == Some(true) && now >= self.close_due {
            self.close_due = now + CLOSE_AGAIN;
            let symbols: BTreeSet<SymbolId> = self.positions.iter().map(|(key, _)| key.symbol).collect();
            self.acts.extend(symbols.into_iter().map(Act::Close));
        }
        if now >= self.report_due && !self.is_report_asked {
            self.is_report_asked = true;
            self.acts.push(Act::AskReport);
            self.acts.push(Act::AskStops);
        }
    }

    /// Entries that work where nothing may be begun any more are withdrawn.
    fn withdraw_what_may_not_begin(&mut self, now: Timestamp) {
        let may_not = |symbol: &SymbolId| {
            self.not_allowed.contains(symbol)
                || self.foreign.contains_key(symbol)
                || self.unprotected.contains(symbol)
        };
        let is_it = |order: &Tracked| {
            order.intent.is_entry() && !order.is_over() && may_not(&order.intent.order.symbol)
        };
        let entries: Vec<OrderId> =
            self.orders.iter().filter(|(_, order)| is_it(order)).map(|(id, _)| *id).collect();
        entries.into_iter().for_each(|order| self.cancel(order, now));
    }

    fn ask_for_orders(&mut self, now: Timestamp) {
        for (order, tracked) in &mut self.orders {
            let symbol = tracked.intent.order.symbol;
            if tracked.cancel_due(now) {
                self.acts.push(Act::Cancel { symbol, client: self.tag.client_id(*order) });
            }
            match tracked.due(now, self.is_served) {
                Some(Due::LookUp) => {
                    self.acts.push(Act::LookUp { order: *order, symbol, client: self.tag.client_id(*order) });
                }
                Some(Due::Executions(venue)) => self.acts.push(Act::Executions { order: *order, venue }),
                None => {}
            }
        }
        for (venue, due) in &mut self.identify {
            if due.again.take_if(|again| now >= *again).is_some() {
                self.acts.push(Act::Identify { venue: *venue });
            }
        }
    }
}
