//! What one event made the engine do. Buffers are reused: an event without consequences allocates nothing.

use crate::domain::decision::{Decision, Evidence};
use crate::domain::ledger::{ClosedTrade, EquityPoint};
use crate::domain::order::{OrderId, OrderRequest};
use crate::engine::risk::Approved;

/// Wishes to the venue, in order.
#[derive(Clone, Debug)]
pub enum Action {
    /// Send this order.
    Submit(Approved<OrderRequest>),
    /// Cancel this order.
    Cancel(OrderId),
}

/// Everything that came out of an event.
#[derive(Default, Debug)]
pub struct Outputs {
    /// Wishes to the venue.
    pub actions: Vec<Action>,
    /// Decisions, in the order they were made.
    pub decisions: Vec<Decision>,
    /// What they were made on; each decision owns the next `evidence` entries.
    pub evidence: Vec<Evidence>,
    /// Round trips that ended.
    pub closed: Vec<ClosedTrade>,
    /// The account, when it changed.
    pub equity: Option<EquityPoint>,
    /// A risk limit wants the session to end once it is flat.
    pub stop_session: bool,
}

impl Outputs {
    /// Whether nothing but equity came out.
    #[inline]
    pub fn is_quiet(&self) -> bool {
        self.decisions.is_empty() && self.actions.is_empty()
    }

    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.actions.clear();
        self.decisions.clear();
        self.evidence.clear();
        self.closed.clear();
        self.equity = None;
        self.stop_session = false;
    }
}
