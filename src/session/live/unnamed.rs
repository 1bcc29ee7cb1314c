//! Executions whose order nobody has told yet, and exits that wait until the account was compared.
//!
//! Invariant: an execution is somebody else's only when its order is known to be, or when the venue has not known the order for as
//! long as one may stay unseen and none of ours could have made it.

use super::desk::Desk;
use super::order::Tracked;
use super::reconcile::Asked;
use super::{Act, Deal, Intent};
use crate::domain::intent::SETTLED_AFTER;
use crate::domain::num::Qty;
use crate::domain::order::{OrderEvent, OrderId, RejectReason};
use crate::domain::time::{Span, Timestamp};
use std::collections::btree_map::Entry;

/// From an answer that told nothing of an order to the next question.
const AGAIN: Span = Span::from_seconds(1);

/// How long an exit waits for a comparison of the account.
const COMPARED_WITHIN: Span = Span::from_seconds(5);

impl Desk {
    pub(super) fn ask_whose(&mut self, deal: Deal, now: Timestamp) {
        if let Entry::Vacant(new) = self.identify.entry(deal.venue) {
            new.insert(Asked { since: now, again: None });
            self.acts.push(Act::Identify { venue: deal.venue });
        }
        self.unidentified.push(deal);
    }

    /// Whose order it is: `client` is `None` for one without a client id.
    pub fn identified(&mut self, venue: u64, client: Option<&str>, now: Timestamp) {
        if let Some(order) = client.and_then(|client| self.tag.order(client)) {
            self.by_venue.insert(venue, order);
        }
        self.identify_known(now);
        if self.identify.remove(&venue).is_some() {
            self.are_of_others(venue, now);
        }
    }

    /// The venue does not know the order, or not yet: it is asked for again for a while, and while one of ours may be it.
    pub fn not_found(&mut self, venue: u64, now: Timestamp) {
        self.identify_known(now);
        let Some(asked) = self.identify.get(&venue).copied() else { return };
        let may_be = |deal: &Deal| {
            let is_it = |order: &Tracked| order.intent.hold() == deal.hold && order.may_have_filled();
            deal.venue == venue && self.orders.values().any(is_it)
        };
        if now - asked.since < SETTLED_AFTER || self.unidentified.iter().any(may_be) {
            return self.not_identified(venue, now);
        }
        self.identify.remove(&venue);
        self.are_of_others(venue, now);
    }

    /// Whose order it is could not be learned: it is asked for again.
    pub fn not_identified(&mut self, venue: u64, now: Timestamp) {
        self.identify.entry(venue).and_modify(|asked| asked.again = Some(now + AGAIN));
        self.report_soon(now);
    }

    fn are_of_others(&mut self, venue: u64, now: Timestamp) {
        let (these, rest) =
            std::mem::take(&mut self.unidentified).into_iter().partition(|deal| deal.venue == venue);
        self.unidentified = rest;
        let these: Vec<Deal> = these;
        these.into_iter().for_each(|deal| self.of_others(deal, now));
    }

    /// Counts the executions of orders that turned out to be ours.
    pub(super) fn identify_known(&mut self, now: Timestamp) {
        self.identify.retain(|venue, _| !self.by_venue.contains_key(venue));
        let by_venue = &self.by_venue;
        let (known, rest) = std::mem::take(&mut self.unidentified)
            .into_iter()
            .partition(|deal| by_venue.contains_key(&deal.venue));
        self.unidentified = rest;
        let known: Vec<Deal> = known;
        known.into_iter().for_each(|deal| self.deal(deal, now));
    }

    /// What is held may have been closed meanwhile: no exit of it leaves before a comparison.
    pub(super) fn doubt_positions(&mut self) {
        self.unproven = self.book.iter().map(|(hold, _)| hold).collect();
    }

    /// Whether an exit closes nothing but what is there: behind a start and a new connection a comparison has to show that.
    pub(super) fn may_leave(&mut self, exit: &Intent) -> bool {
        let hold = exit.hold();
        let theirs = self.reconciliation.theirs(hold, &self.book).unwrap_or(Qty::ZERO);
        if theirs >= exit.order.qty {
            self.unproven.remove(&hold);
        }
        !self.unproven.contains(&hold)
    }

    /// Sends the exits that a comparison lets leave. One that none does for a while is given back; the stop stands.
    pub(super) fn send_waiting(&mut self, now: Timestamp) {
        for (intent, since) in std::mem::take(&mut self.waiting) {
            if self.may_leave(&intent) {
                self.send(intent, now);
            } else if now - since < COMPARED_WITHIN {
                self.waiting.push((intent, since));
            } else {
                let order = intent.order.id;
                self.answer(OrderEvent::Rejected { order, reason: RejectReason::Venue });
                let why = format!(
                    "exit {} was not sent: no comparison since the start or since the private socket was back shows its position; the stop at the exchange stays",
                    order.0
                );
                self.alert(Some(intent.order.symbol), "exit_not_sent", why);
            }
        }
    }

    /// An exit that waits is withdrawn.
    pub(super) fn withdraw_waiting(&mut self, order: OrderId) {
        let before = self.waiting.len();
        self.waiting.retain(|(intent, _)| intent.order.id != order);
        if self.waiting.len() < before {
            self.answer(OrderEvent::Rejected { order, reason: RejectReason::Venue });
        }
    }
}
