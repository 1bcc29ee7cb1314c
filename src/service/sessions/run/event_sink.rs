//! What the events of a session are, and where a run's events go.

use super::snapshot::Wanted;
use crate::session::snapshot::Snapshot;
use serde_json::Value;

/// Which kinds of events a session tells, as its first event says: from 2 on funding and samples of the
/// account.
pub(in crate::service::sessions) const EVENTS_VERSION: u64 = 2;

/// `kind` of an `order_update` that follows from an answer of the venue: it took the order, or ended it
/// before it was filled in full.
pub(in crate::service::sessions) const ORDER_ACCEPTED: &str = "ack";
pub(in crate::service::sessions) const ORDER_END: &str = "end";

/// Whether fields are those of such an event. Older programs told none.
pub(in crate::service::sessions) fn is_order_answer(fields: &Value) -> bool {
    fields["kind"] == ORDER_ACCEPTED || fields["kind"] == ORDER_END
}

/// What an event is, by which bound and topic it falls under.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::service::sessions) enum Class {
    /// How the session stands: always kept.
    Life,
    /// What the configuration allows. A replay compares it.
    Limits,
    /// Signals and changes of state.
    Signal,
    /// Orders and fills.
    Order,
    /// Positions.
    Position,
    /// Samples of the account.
    Account,
    /// The data.
    Feed,
}

impl Class {
    /// The topic of all sessions that shows it.
    pub(super) fn topic(self) -> Option<&'static str> {
        match self {
            Class::Life | Class::Limits => Some("sessions"),
            Class::Signal => Some("signals"),
            Class::Order => Some("orders"),
            Class::Position => Some("positions"),
            Class::Account | Class::Feed => None,
        }
    }
}

/// Where a run's events go, in order.
pub(in crate::service::sessions) trait Sink {
    /// One event; `fields` is an object.
    fn add(&self, class: Class, event: &'static str, symbol: Option<&str>, fields: Value);

    /// A good moment to write what has gathered.
    fn settle(&self) {}

    /// Whether somebody wants to see the session as it is now.
    fn wanted(&self) -> Option<Wanted> {
        None
    }

    /// The session as it is now; in its place among the events.
    fn show(&self, _wanted: Wanted, _snapshot: Snapshot) {}
}
