//! Exits that wait until the account was compared.
//!
//! Invariant: after a start and a new connection no exit is sent before a comparison has shown what it
//! closes.

use super::Intent;
use super::desk::Desk;
use crate::domain::num::Qty;
use crate::domain::order::{OrderEvent, OrderId, RejectReason};
use crate::domain::time::{Span, Timestamp};

/// How long an exit waits for a comparison of the account.
const COMPARED_WITHIN: Span = Span::from_seconds(5);

impl Desk {
    /// What is held may have been closed meanwhile: no exit of it leaves before a comparison.
    pub(super) fn doubt_positions(&mut self) {
        self.unproven = self.positions.iter().map(|(key, _)| key).collect();
    }

    /// Whether an exit closes nothing but what is there: after a start and a new connection a comparison has
    /// to show that.
    pub(super) fn may_leave(&mut self, exit: &Intent) -> bool {
        let key = exit.position();
        let theirs = self.reconciliation.theirs(key, &self.positions).unwrap_or(Qty::ZERO);
        if theirs >= exit.order.qty {
            self.unproven.remove(&key);
        }
        !self.unproven.contains(&key)
    }

    /// Sends the exits that a comparison lets leave. One that none does for a while is given back; the stop
    /// stands.
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
