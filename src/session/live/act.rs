//! What a desk wants done, and what became of an order.

use super::{Intent, PositionKey};
use crate::domain::num::{Price, Qty};
use crate::domain::order::{OrderEvent, OrderId};
use crate::domain::symbol::SymbolId;
use crate::domain::time::Timestamp;

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Act {
    /// Send an order.
    Send {
        /// The order.
        intent: Intent,
        /// Its client id.
        client: String,
    },
    /// Ask for the cancellation of an order.
    Cancel {
        /// Its symbol.
        symbol: SymbolId,
        /// Its client id.
        client: String,
    },
    /// Ask what became of an order.
    LookUp {
        /// Which one.
        order: OrderId,
        /// Its symbol.
        symbol: SymbolId,
        /// Its client id.
        client: String,
    },
    /// Ask for the executions of an order.
    Executions {
        /// Which one.
        order: OrderId,
        /// Its number at the venue.
        venue: u64,
    },
    /// Ask whose order it is that has executions.
    Identify {
        /// Its number at the venue.
        venue: u64,
    },
    /// Ask for executions on a symbol.
    ExecutionsSince {
        /// The symbol.
        symbol: SymbolId,
        /// Since when.
        since: Timestamp,
    },
    /// Ask for positions and open orders.
    AskReport,
    /// Ask for positions.
    AskPositions,
    /// Ask for the stops that stand.
    AskStops,
    /// Place a stop for a whole position.
    PlaceStop {
        /// Which one.
        key: PositionKey,
        /// Its number at the venue.
        position: u64,
        /// Its lots.
        qty: Qty,
        /// The stop.
        price: Price,
    },
    /// Move a stop.
    MoveStop {
        /// Of which position.
        key: PositionKey,
        /// Its number.
        id: u64,
        /// The new price.
        price: Price,
    },
    /// Cancel a stop whose position is gone.
    CancelStop {
        /// Its number.
        id: u64,
    },
    /// Tell the engine.
    Answer(OrderEvent),
    /// Close all positions of a symbol.
    Close(SymbolId),
    /// Begin nothing more until a person says so, and withdraw what works.
    Pause,
    /// Tell people.
    Alert(Alert),
}

/// Something a person should know at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alert {
    /// Where; `None`: the whole account.
    pub symbol: Option<SymbolId>,
    /// One word for programs.
    pub kind: &'static str,
    /// For people.
    pub why: String,
}

/// What became of an order that was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Placed {
    /// The venue took it.
    Accepted(u64),
    /// The venue has an order of this client id already.
    Duplicate,
    /// The venue proved that it did not.
    Refused(i64, String),
    /// Not a byte was sent.
    NotSent(String),
    /// Nobody knows.
    Unknown(String),
}
