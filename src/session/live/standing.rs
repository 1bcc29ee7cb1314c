//! How a session stands at its venue: what it may not begin, how it is protected, whether anything of it is
//! left.

use super::VenuePosition;
use super::desk::{Desk, UNREAD_REPORTS};
use super::order::Tracked;
use crate::domain::symbol::SymbolId;
use crate::domain::time::Timestamp;
use std::collections::BTreeMap;

impl Desk {
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

    /// Every position as the venue says that it stands, by symbol and side; `None`: the account was not
    /// compared since the private socket serves.
    pub fn venue_positions(&self) -> Option<Vec<VenuePosition>> {
        let entry = |key| self.positions.average(key).unwrap_or_default();
        let positions = self.positions.iter().map(|(key, _)| self.protection.at_venue(key, entry(key)));
        self.reconciliation.is_compared().then(|| positions.collect())
    }

    /// Whether what the session leaves needs nobody: every position has a proven stop, and no entry can fill
    /// any more.
    pub fn is_protected(&self) -> bool {
        self.protection.is_complete()
            && self.orders.values().all(|order| order.is_over() || !order.intent.is_entry())
            && self.unidentified.is_empty()
    }

    /// Whether the venue has nothing of the session any more: a report that was asked for after the last
    /// change found no position and no order, and a list of stops that did so found none. Asks for them where
    /// none did.
    pub fn is_flat(&mut self, now: Timestamp) -> bool {
        let is_quiet = self.positions.is_flat()
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
