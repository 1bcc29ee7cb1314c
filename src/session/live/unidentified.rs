//! Executions whose order nobody has told yet.
//!
//! Invariant: an execution is somebody else's only when its order is known to be, or when the venue has not
//! known the order for as long as one may stay unseen and none of ours could have made it.

use super::desk::Desk;
use super::order::Tracked;
use super::reconcile::Asked;
use super::{Act, ExecutionFact};
use crate::domain::intent::SETTLED_AFTER;
use crate::domain::time::{Span, Timestamp};
use std::collections::btree_map::Entry;

/// From an answer that told nothing of an order to the next question.
const AGAIN: Span = Span::from_seconds(1);

impl Desk {
    pub(super) fn ask_whose(&mut self, execution: ExecutionFact, now: Timestamp) {
        if let Entry::Vacant(new) = self.identify.entry(execution.venue) {
            new.insert(Asked { since: now, again: None });
            self.acts.push(Act::Identify { venue: execution.venue });
        }
        self.unidentified.push(execution);
    }

    /// Whose order it is: `client` is `None` for one without a client id.
    pub fn on_identified(&mut self, venue: u64, client: Option<&str>, now: Timestamp) {
        if let Some(order) = client.and_then(|client| self.tag.order(client)) {
            self.by_venue.insert(venue, order);
        }
        self.identify_known(now);
        if self.identify.remove(&venue).is_some() {
            self.are_foreign(venue, now);
        }
    }

    /// The venue does not know the order, or not yet: it is asked for again for a while, and while one of
    /// ours may be it.
    pub fn on_no_such_order(&mut self, venue: u64, now: Timestamp) {
        self.identify_known(now);
        let Some(asked) = self.identify.get(&venue).copied() else { return };
        let may_be = |execution: &ExecutionFact| {
            let is_it = |order: &Tracked| order.intent.position() == execution.key && order.may_have_filled();
            execution.venue == venue && self.orders.values().any(is_it)
        };
        if now - asked.since < SETTLED_AFTER || self.unidentified.iter().any(may_be) {
            return self.on_not_identified(venue, now);
        }
        self.identify.remove(&venue);
        self.are_foreign(venue, now);
    }

    /// Whose order it is could not be learned: it is asked for again.
    pub fn on_not_identified(&mut self, venue: u64, now: Timestamp) {
        self.identify.entry(venue).and_modify(|asked| asked.again = Some(now + AGAIN));
        self.report_soon(now);
    }

    fn are_foreign(&mut self, venue: u64, now: Timestamp) {
        let (these, rest) = std::mem::take(&mut self.unidentified)
            .into_iter()
            .partition(|execution| execution.venue == venue);
        self.unidentified = rest;
        let these: Vec<ExecutionFact> = these;
        these.into_iter().for_each(|execution| self.on_foreign_execution(execution, now));
    }

    /// Counts the executions of orders that turned out to be ours.
    pub(super) fn identify_known(&mut self, now: Timestamp) {
        self.identify.retain(|venue, _| !self.by_venue.contains_key(venue));
        let by_venue = &self.by_venue;
        let (known, rest) = std::mem::take(&mut self.unidentified)
            .into_iter()
            .partition(|execution| by_venue.contains_key(&execution.venue));
        self.unidentified = rest;
        let known: Vec<ExecutionFact> = known;
        known.into_iter().for_each(|execution| self.on_execution(execution, now));
    }
}
