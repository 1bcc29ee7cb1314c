//! What is due: questions that are asked again, positions without a stop, the next report; and how the session stands.

use super::desk::{Desk, UNREAD_REPORTS};
use super::order::{Due, Tracked};
use super::{Act, Guarded};
use crate::domain::order::OrderId;
use crate::domain::symbol::SymbolId;
use crate::domain::time::{Span, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// How often the engine is told to close while a lock holds and something is open.
const CLOSE_AGAIN: Span = Span::from_seconds(5);

impl Desk {
    /// Time passes.
    pub fn tick(&mut self, now: Timestamp) {
        self.withdraw_what_may_not_begin(now);
        self.send_waiting(now);
        self.ask_for_orders(now);
        self.decide_who_closed(now);
        self.protection.follow(&self.book, now);
        let given_up = self.protection.due(&self.book, now, &mut self.acts);
        for hold in given_up {
            self.acts.push(Act::Close(hold.symbol));
            self.unprotected.insert(hold.symbol);
            let why = "no stop can be had at the venue: the position is closed, and nothing is begun on the symbol until the session ends";
            self.alert(Some(hold.symbol), "unprotected", why.to_owned());
        }
        self.close_surplus(now);
        if self.is_locked == Some(true) && now >= self.close_due {
            self.close_due = now + CLOSE_AGAIN;
            let symbols: BTreeSet<SymbolId> = self.book.iter().map(|(hold, _)| hold.symbol).collect();
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

    /// Symbols that take no entries now, and why.
    pub fn blocked(&self, now: Timestamp) -> BTreeMap<SymbolId, &'static str> {
        let mut blocked = BTreeMap::new();
        if let Some(why) = self.blocked_everywhere(now) {
            blocked.extend(self.table.iter().map(|(symbol, _)| (symbol, why)));
        }
        let unknown = self.orders.values().filter(|order| order.is_unknown());
        blocked.extend(unknown.map(|order| (order.intent.order.symbol, "the fate of an order is unknown")));
        let stuck = self.protection.stuck(now);
        blocked.extend(stuck.map(|symbol| (symbol, "a stop of a closed position still stands")));
        let missing = self.reconciliation.missing();
        blocked.extend(missing.map(|symbol| (symbol, "the account shows less than the session has")));
        let not_allowed = "the configuration does not allow it for live trading";
        blocked.extend(self.not_allowed.iter().map(|symbol| (*symbol, not_allowed)));
        blocked.extend(self.unprotected.iter().map(|symbol| (*symbol, "unprotected")));
        blocked.extend(self.foreign.iter().map(|(symbol, why)| (*symbol, *why)));
        blocked
    }

    fn blocked_everywhere(&self, now: Timestamp) -> Option<&'static str> {
        if self.is_locked == Some(true) {
            Some("live trading is locked")
        } else if self.is_locked.is_none() {
            Some("whether live trading is locked has not been looked at")
        } else if !self.is_hedged {
            Some("the account is not in hedge mode")
        } else if !self.is_served {
            Some("the private socket does not serve")
        } else if self.reconciliation.equal_at.is_none() {
            Some("the account has not been compared yet")
        } else if self.unread_reports >= UNREAD_REPORTS {
            Some("the account cannot be read")
        } else if now < self.broken_until {
            Some("orders in a row came to nothing")
        } else {
            None
        }
    }

    /// How every position is protected.
    pub fn guarded(&self) -> Vec<Guarded> {
        self.protection.guarded().collect()
    }

    /// Whether what the session leaves behind needs nobody: every position has a proven stop, and no entry can fill any more.
    pub fn is_protected(&self) -> bool {
        self.protection.guarded().all(|guarded| guarded.unprotected_since.is_none())
            && self.orders.values().all(|order| order.is_over() || !order.intent.is_entry())
            && self.unidentified.is_empty()
    }

    /// Whether the venue has nothing of the session any more: a report that left behind the last change found no position and
    /// no order, and a list of stops that did so found none. Asks for them where none did.
    pub fn is_flat(&mut self, now: Timestamp) -> bool {
        let is_quiet = self.book.is_flat()
            && !self.protection.has_leftovers()
            && self.orders.values().all(Tracked::is_over)
            && self.unidentified.is_empty()
            && self.undecided.is_empty()
            && self.waiting.is_empty();
        let is_proven = self.reconciliation.nothing_of_ours_at.is_some_and(|at| at > self.last_change)
            && self.no_stops_asked > self.last_change;
        if is_quiet && !is_proven {
            self.report_soon(now);
        }
        is_quiet && is_proven
    }
}
