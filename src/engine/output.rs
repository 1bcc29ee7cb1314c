//! Consequences of one event. Buffers are reused: an event without consequences allocates nothing.

use crate::domain::decision::{Decision, Evidence};
use crate::domain::ledger::{ClosedTrade, EquityPoint};
use crate::domain::num::{Price, Qty};
use crate::domain::order::{OrderId, OrderRequest};
use crate::domain::symbol::SymbolId;
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

/// What a venue answered about an order, other than a fill or a refusal. It is not a decision.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct OrderAnswer {
    /// Event time.
    pub at: Timestamp,
    /// Instance that placed it.
    pub instance: u32,
    /// Symbol.
    pub symbol: SymbolId,
    /// The order.
    pub order: OrderId,
    /// Lots that are filled.
    pub filled: Qty,
    /// Lots that are not.
    pub unfilled: Qty,
    /// What it says.
    pub status: AnswerStatus,
    /// Best bid at that time.
    pub bid: Option<Price>,
    /// Best ask at that time.
    pub ask: Option<Price>,
    /// Last trade price at that time.
    pub last: Option<Price>,
    /// How many of the event's decisions were made before.
    pub after: usize,
}

/// What became of an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AnswerStatus {
    /// The venue has it.
    Accepted,
    /// It ended before it was filled in full, because we cancelled it.
    Cancelled,
    /// The venue ended it while it rested in the book.
    CancelledByVenue,
    /// It could not rest, and there was no more to fill it at once.
    Expired,
}

impl AnswerStatus {
    /// Name in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            AnswerStatus::Accepted => "accepted",
            AnswerStatus::Cancelled | AnswerStatus::CancelledByVenue => "cancelled",
            AnswerStatus::Expired => "expired",
        }
    }

    /// Why an order ended, as events say it; `None`: it has not.
    pub const fn reason(self) -> Option<&'static str> {
        match self {
            AnswerStatus::Accepted => None,
            AnswerStatus::Cancelled => Some("requested"),
            AnswerStatus::CancelledByVenue => Some("venue"),
            AnswerStatus::Expired => Some("unfilled"),
        }
    }
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
    /// Answers about orders.
    pub order_answers: Vec<OrderAnswer>,
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
        self.order_answers.clear();
        self.closed.clear();
        self.equity = None;
        self.stop_session = false;
        self.warm_at = None;
    }
}
