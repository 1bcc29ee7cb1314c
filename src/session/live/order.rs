//! One order and what is known of it. Facts may come twice, late and in any order.
//!
//! Invariants: versions of knowledge only grow; an end stays the end; how much has filled is the sum of the
//! executions seen, never what a message says.

use super::{ExecutionFact, Intent};
use crate::domain::intent::SETTLED_AFTER;
use crate::domain::num::Qty;
use crate::domain::order::{Fill, OrderEvent, OrderId, RejectReason};
use crate::domain::time::{Span, Timestamp};
use std::collections::BTreeSet;

/// When an order of unknown fate is asked for, after it became so; then every ten seconds.
const LOOK_AFTER: [Span; 4] =
    [Span::from_seconds(1), Span::from_seconds(2), Span::from_seconds(5), Span::from_seconds(10)];

/// After so many looks an order is looked up after 30 s; one that was sent again does not begin later.
const LATEST_LOOK: usize = 5;

/// When executions that an end counts and that have not come are asked for, after the end; then every ten
/// seconds.
const EXECUTIONS_AFTER: [Span; 4] =
    [Span::from_millis(300), Span::from_seconds(1), Span::from_seconds(3), Span::from_seconds(10)];

/// A cancel without effect is asked for again after this long.
const CANCEL_AGAIN: Span = Span::from_seconds(2);

/// An order that works in silence is asked for this often while the private socket serves.
const LOOK_AT_WORKING: Span = Span::from_seconds(10);

/// And this often while it does not.
const LOOK_AT_WORKING_UNSERVED: Span = Span::from_seconds(2);

/// State of an order as the venue tells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrderFactState {
    /// New or working.
    Open,
    /// Nothing of it works any more; what filled is filled.
    Ended,
    /// It was not taken: nothing of it filled.
    Invalid,
}

/// What the venue says of an order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrderFact {
    /// The venue's number.
    pub venue: u64,
    /// Client id; `None` where the venue does not tell it.
    pub client: Option<String>,
    /// State.
    pub state: OrderFactState,
    /// Filled so far.
    pub filled: Qty,
}

/// How far an order has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// On its way, or waiting for its turn.
    Sent,
    /// Sent, and nobody knows what became of it.
    Unknown { since: Timestamp, looks: usize },
    /// The venue has it.
    Working { seen: Timestamp, told: Qty },
    /// It ended with so much filled, of which not all executions have come.
    Ended { since: Timestamp, filled: Qty, asks: usize },
    /// All is known.
    Over,
}

/// What to ask or do about an order now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Due {
    /// Ask for it by its client id.
    LookUp,
    /// Ask for its executions.
    Executions(u64),
}

/// What follows from a look-up that found nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NotFound {
    /// It may still come.
    Wait,
    /// It is an exit: it may be sent again, under its client id.
    SendAgain,
    /// It was never taken.
    Never,
}

/// An order.
#[derive(Clone, Debug)]
pub(super) struct Tracked {
    pub intent: Intent,
    pub venue: Option<u64>,
    pub filled: Qty,
    /// When its cancellation was asked for last.
    cancelled_at: Option<Timestamp>,
    stage: Stage,
    is_acked: bool,
    /// When the last attempt left of which nobody knows what became.
    doubt: Option<Timestamp>,
    /// Whether a second attempt was refused, so that only the first can still be there.
    is_refused: bool,
    executions: BTreeSet<u64>,
    /// An answer to a question is awaited.
    is_asked: bool,
    /// When it was last sent.
    sent_at: Timestamp,
    /// How often it was sent again.
    pub resends: usize,
}

impl Tracked {
    /// Durable and about to be sent.
    pub fn new(intent: Intent, now: Timestamp) -> Self {
        Tracked {
            intent,
            venue: None,
            filled: Qty::ZERO,
            cancelled_at: None,
            stage: Stage::Sent,
            is_acked: false,
            doubt: None,
            is_refused: false,
            executions: BTreeSet::new(),
            is_asked: false,
            sent_at: now,
            resends: 0,
        }
    }

    /// From a process before this one: what it sent is not known, what it was answered is.
    pub fn resumed(intent: Intent, answers: &[OrderEvent], now: Timestamp) -> Self {
        let mut order = Tracked::new(intent, intent.at);
        order.doubt = Some(intent.at);
        // The first look-up is due at once.
        order.stage =
            Stage::Unknown { since: Timestamp::from_nanos(now.nanos() - LOOK_AFTER[0].nanos()), looks: 0 };
        for answer in answers {
            match answer {
                OrderEvent::Acked(_) => order.is_acked = true,
                OrderEvent::Filled(fill) if order.executions.insert(fill.trade_id) => {
                    order.filled += fill.qty;
                }
                OrderEvent::Done { .. } | OrderEvent::Rejected { .. } => order.stage = Stage::Over,
                _ => {}
            }
        }
        order
    }

    pub fn id(&self) -> OrderId {
        self.intent.order.id
    }

    /// Whether all is known of it.
    pub fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// Whether nobody knows what became of it.
    pub fn is_unknown(&self) -> bool {
        matches!(self.stage, Stage::Unknown { .. })
    }

    /// Lots that may still fill.
    pub fn open_qty(&self) -> Qty {
        match self.stage {
            Stage::Over => Qty::ZERO,
            Stage::Ended { filled, .. } => (filled - self.filled).max(Qty::ZERO),
            _ => (self.intent.order.qty - self.filled).max(Qty::ZERO),
        }
    }

    /// The venue took it.
    pub fn accepted(&mut self, venue: u64, now: Timestamp, answers: &mut Vec<OrderEvent>) {
        self.venue.get_or_insert(venue);
        if matches!(self.stage, Stage::Sent | Stage::Unknown { .. }) {
            self.stage = Stage::Working { seen: now, told: Qty::ZERO };
        }
        if !self.is_acked && !self.is_over() {
            self.is_acked = true;
            answers.push(OrderEvent::Acked(self.id()));
        }
    }

    /// The last attempt came to nothing, for certain. One before it, whose fate is unknown, may still be
    /// taken.
    pub fn refused(&mut self, now: Timestamp, answers: &mut Vec<OrderEvent>) {
        if !matches!(self.stage, Stage::Sent | Stage::Unknown { .. }) {
            // The venue has told of it already.
        } else if self.doubt.is_some() {
            (self.stage, self.is_refused) = (self.doubtful(now), true);
        } else {
            self.never_taken(answers);
        }
    }

    /// The venue has nothing of it and never will.
    pub fn never_taken(&mut self, answers: &mut Vec<OrderEvent>) {
        if !matches!(self.stage, Stage::Sent | Stage::Unknown { .. }) {
            return;
        }
        self.stage = Stage::Over;
        let order = self.id();
        answers.push(if self.is_acked || !self.filled.is_zero() {
            // It was there once: what has filled stays filled.
            OrderEvent::Done { order, filled: self.filled }
        } else {
            OrderEvent::Rejected { order, reason: RejectReason::Venue }
        });
    }

    /// The more often it was sent again, the later it is looked up.
    fn doubtful(&self, now: Timestamp) -> Stage {
        Stage::Unknown { since: now, looks: self.resends.min(LATEST_LOOK) }
    }

    /// Nobody knows what became of it.
    pub fn unknown(&mut self, now: Timestamp) {
        if self.stage == Stage::Sent {
            (self.stage, self.doubt) = (self.doubtful(now), Some(self.sent_at));
        }
    }

    /// Not a byte of the last attempt left.
    pub fn not_sent(&mut self, now: Timestamp, answers: &mut Vec<OrderEvent>) {
        match self.doubt {
            Some(_) if self.stage == Stage::Sent => self.stage = self.doubtful(now),
            _ => self.refused(now, answers),
        }
    }

    /// Somebody wants it withdrawn; whether that is to be asked for now.
    pub fn cancel(&mut self, now: Timestamp) -> bool {
        let is_first = self.cancelled_at.is_none() && !self.is_over();
        if is_first {
            self.cancelled_at = Some(now);
        }
        is_first
    }

    /// Whether its cancellation has had no effect for so long that it is to be asked for again.
    pub fn cancel_due(&mut self, now: Timestamp) -> bool {
        let is_open = matches!(self.stage, Stage::Sent | Stage::Unknown { .. } | Stage::Working { .. });
        match &mut self.cancelled_at {
            Some(at) if is_open && now - *at >= CANCEL_AGAIN => {
                *at = now;
                true
            }
            _ => false,
        }
    }

    /// Whether more of it may have filled than executions were seen.
    pub fn may_have_filled(&self) -> bool {
        match self.stage {
            Stage::Over => false,
            Stage::Working { told, .. } => told > self.filled,
            Stage::Sent | Stage::Unknown { .. } | Stage::Ended { .. } => true,
        }
    }

    /// It was sent again.
    pub fn sent_again(&mut self, now: Timestamp) {
        (self.stage, self.sent_at) = (Stage::Sent, now);
        self.resends += 1;
    }

    /// The venue tells its state.
    pub fn fact(&mut self, fact: &OrderFact, now: Timestamp, answers: &mut Vec<OrderEvent>) {
        if self.is_over() {
            return;
        }
        match fact.state {
            OrderFactState::Invalid if fact.filled.is_zero() && self.filled.is_zero() => {
                self.venue.get_or_insert(fact.venue);
                self.stage = Stage::Over;
                answers.push(OrderEvent::Rejected { order: self.id(), reason: RejectReason::Venue });
            }
            OrderFactState::Open => {
                self.accepted(fact.venue, now, answers);
                if let Stage::Working { seen, told } = &mut self.stage {
                    (*seen, *told) = (now, (*told).max(fact.filled));
                }
            }
            OrderFactState::Ended | OrderFactState::Invalid => {
                self.accepted(fact.venue, now, answers);
                if !matches!(self.stage, Stage::Ended { .. }) {
                    self.stage = Stage::Ended { since: now, filled: fact.filled, asks: 0 };
                }
                self.end_if_whole(answers);
            }
        }
    }

    /// An execution of it.
    pub fn execution(
        &mut self,
        execution: &ExecutionFact,
        now: Timestamp,
        answers: &mut Vec<OrderEvent>,
    ) -> bool {
        if !self.executions.insert(execution.trade_id) {
            return false;
        }
        self.accepted(execution.venue, now, answers);
        self.filled += execution.qty;
        if let Stage::Working { seen, .. } = &mut self.stage {
            *seen = now;
        }
        answers.push(OrderEvent::Filled(Fill {
            order: self.id(),
            symbol: self.intent.order.symbol,
            side: self.intent.order.side,
            price: execution.price,
            qty: execution.qty,
            cumulative: self.filled,
            trade_id: execution.trade_id,
            fee: execution.fee,
            liquidity: execution.liquidity,
            at: execution.at,
        }));
        self.end_if_whole(answers);
        true
    }

    /// The end is told after the last execution that it counts.
    fn end_if_whole(&mut self, answers: &mut Vec<OrderEvent>) {
        if let Stage::Ended { filled, .. } = self.stage
            && self.filled >= filled
        {
            self.stage = Stage::Over;
            answers.push(OrderEvent::Done { order: self.id(), filled: self.filled });
        }
    }

    /// What is due now. Until it is answered nothing else is.
    pub fn due(&mut self, now: Timestamp, is_served: bool) -> Option<Due> {
        if self.is_asked {
            return None;
        }
        let after = |waits: [Span; 4], done: usize| match waits.get(done) {
            Some(wait) => *wait,
            None => Span::from_nanos(waits[3].nanos().saturating_mul(done as i64 - 2)),
        };
        let look_at_working = if is_served { LOOK_AT_WORKING } else { LOOK_AT_WORKING_UNSERVED };
        let due = match &mut self.stage {
            Stage::Unknown { since, looks } if now - *since >= after(LOOK_AFTER, *looks) => {
                *looks += 1;
                Some(Due::LookUp)
            }
            // More has filled than has been told.
            Stage::Working { seen, told } if *told > self.filled && now - *seen >= EXECUTIONS_AFTER[0] => {
                *seen = now;
                self.venue.map(Due::Executions)
            }
            Stage::Working { seen, .. } if now - *seen >= look_at_working => {
                *seen = now;
                Some(Due::LookUp)
            }
            Stage::Ended { since, asks, .. } if now - *since >= after(EXECUTIONS_AFTER, *asks) => {
                *asks += 1;
                self.venue.map(Due::Executions)
            }
            _ => None,
        };
        self.is_asked = due.is_some();
        due
    }

    /// A question was answered, or could not be.
    pub fn answered(&mut self) {
        self.is_asked = false;
    }

    /// A look-up found nothing. `is_ours`: an exit of the whole order would close nothing but what is ours.
    pub fn not_found(&mut self, is_ours: bool, now: Timestamp) -> NotFound {
        let Stage::Unknown { since, .. } = self.stage else { return NotFound::Wait };
        let was_there = self.is_acked || !self.filled.is_zero();
        let is_wanted = !self.intent.is_entry() && self.cancelled_at.is_none();
        if is_wanted && is_ours && !self.is_refused && !was_there {
            return NotFound::SendAgain;
        }
        let is_late = now - self.doubt.unwrap_or(self.sent_at) >= SETTLED_AFTER
            && (!was_there || now - since >= SETTLED_AFTER);
        if is_late { NotFound::Never } else { NotFound::Wait }
    }
}
