//! What the exchange says of an account by itself.

use crate::exchange::mexc::market::{Execution, HeldPosition, PlacedOrder, PositionMode, ResidentStop};

/// One thing that the private socket brought.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AccountNews {
    /// Logged in: from here on everything is told.
    Connected,
    /// What happens from here on may not be told.
    Disconnected {
        /// Why, for people.
        reason: String,
    },
    /// Something could not be read: what it said must be asked for.
    Unreadable,
    /// State of an order.
    Order(PlacedOrder),
    /// An execution.
    Execution(Execution),
    /// A position.
    Position(HeldPosition),
    /// A stop on a position.
    Stop(ResidentStop),
    /// Position mode.
    Mode(PositionMode),
}

/// Where it goes. Called from the connection's task: never waits.
pub trait AccountSink: Send + Sync {
    /// Something came.
    fn news(&self, news: AccountNews);
}
