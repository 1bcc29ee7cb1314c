//! Consequences of one event. Buffers are reused: an event without consequences allocates nothing.

use crate::domain::decision::{Decision, Evidence};
use crate::domain::ledger::{ClosedTrade, EquityPoint};
use crate::domain::order::{OrderId, OrderRequest};
use crate::domain::time::Timestamp;
use crate::engine::risk::Approved;

/// A command to the venue.
#[derive(Clone, Debug)]
pub enum Action {
    /// Send this order.
    Submit(Approved<OrderRequest>),
    /// Cancel this order.
    Cancel(OrderId),
}

/// Consequences of one event, each kind in order.
#[derive(Default, Debug)]
pub struct Outputs {
    /// Commands to the venue.
    pub actions: Vec<Action>,
    /// Decisions, in the order they were made.
    pub decisions: Vec<Decision>,
    /// Condition values behind the decisions; each decision owns the next `evidence` entries.
    pub evidence: Vec<Evidence>,
    /// Round trips that ended.
    pub closed: Vec<ClosedTrade>,
    /// The account, if it changed.
    pub equity: Option<EquityPoint>,
    /// Whether a risk limit ends the session once it is flat.
    pub stop_session: bool,
    /// The time, once every indicator of every strategy has had a value; said once.
    pub warm_at: Option<Timestamp>,
}

impl Outputs {
    /// Whether there are no decisions and no actions.
    #[inline]
    pub fn is_quiet(&self) -> bool {
        self.decisions.is_empty() && self.actions.is_empty()
    }

    /// Decisions in order, each with the condition values behind it.
    pub fn decided(&self) -> impl Iterator<Item = (&Decision, &[Evidence])> {
        let mut rest = self.evidence.as_slice();
        self.decisions.iter().map(move |decision| {
            let (own, others) = rest.split_at(usize::from(decision.evidence));
            rest = others;
            (decision, own)
        })
    }

    /// Clears everything but keeps the allocated memory.
    pub fn clear(&mut self) {
        self.actions.clear();
        self.decisions.clear();
        self.evidence.clear();
        self.closed.clear();
        self.equity = None;
        self.stop_session = false;
        self.warm_at = None;
    }
}
