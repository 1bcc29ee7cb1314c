//! Commands and other outside influences on a session. Together with the recorded rows they are all that a
//! replay needs.

use super::{AllowanceV1, AnswerV1};
use crate::domain::intent::Intent;
use crate::domain::num::{Price, Qty};
use crate::domain::order::{OrderId, OrderKind, OrderRequest, Purpose, Side};
use crate::domain::record::StreamKind;
use crate::domain::symbol::SymbolId;
use crate::domain::time::Timestamp;
use crate::store::blocks::{kind_code, kind_from_code};
use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};

/// An outside influence on a session. It takes effect after all rows seen up to its time.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SessionControlV1 {
    /// Engine time of the session, nanoseconds since 1970.
    pub at_ns: i64,
    /// What happened.
    pub kind: ControlKindV1,
}

/// What happened. The order of the variants is part of the stored form: new ones come last.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum ControlKindV1 {
    /// Another symbol table took effect.
    SymbolTable {
        /// Version of the table.
        version: u64,
        /// Disabled symbols: no entries.
        disabled: Vec<String>,
    },
    /// Entries are paused.
    Pause,
    /// Entries are allowed again.
    Resume,
    /// The session was told to end: every position is closed, then `End` follows. A user's flatten is one
    /// `Close` per symbol.
    CloseAndEnd,
    /// The process restarted; events in between are missing.
    Restart {
        /// Engine time reached before the restart, nanoseconds since 1970.
        from_ns: i64,
    },
    /// The session ends.
    End,
    /// From a time on, rows of a stream may be missing.
    Interrupted {
        /// Index of the symbol.
        symbol: u32,
        /// Code of the stream kind.
        stream: u8,
        /// That time, nanoseconds since 1970.
        since_ns: i64,
    },
    /// The interruption has ended and its gap is recorded.
    Complete {
        /// Index of the symbol.
        symbol: u32,
        /// Code of the stream kind.
        stream: u8,
    },
    /// Signals and entries of a symbol are dropped; its positions stay.
    Withdraw {
        /// Index of the symbol.
        symbol: u32,
    },
    /// Close all positions of a symbol.
    Close {
        /// Index of the symbol.
        symbol: u32,
    },
    /// A user asked the session to end. Written before the request is answered; the session closes what is
    /// open and then writes `End`, after a restart too.
    Stop,
    /// The venue said something about an order or position.
    Answer(AnswerV1),
    /// An order is sent once this is on disk. A replay decides it again.
    Intent(IntentV1),
    /// The configuration allows this from here on, and no more.
    Allowance(Box<AllowanceV1>),
    /// The session's oldest events were removed while it ran; a replay does not compare with them.
    EventsRemoved {
        /// Number of the last of them.
        seq: u64,
        /// How many of them follow from rows and controls, without answers about orders.
        events: u64,
        /// Whether the session tells events of money.
        tells_money: bool,
    },
}

/// An order for real money. Its client id follows from the session's id and its number.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IntentV1 {
    /// Its number in the session.
    pub order: u64,
    /// Instance that placed it.
    pub instance: u32,
    /// Index of the symbol.
    pub symbol: u32,
    /// Whether it sells.
    pub is_sell: bool,
    /// Limit price in ticks, and whether the rest works on; `None`: at any price.
    pub limit: Option<(i64, bool)>,
    /// Lots.
    pub qty: i64,
    /// 0 opens, 1 closes, 2 closes at once.
    pub purpose: u8,
    /// Leverage of the position.
    pub leverage: u32,
    /// The price it was decided at in ticks, where one was known.
    pub reference: Option<i64>,
}

impl ControlKindV1 {
    /// A symbol's stream is interrupted.
    pub fn interrupted(symbol: SymbolId, stream: StreamKind, since: Timestamp) -> Self {
        ControlKindV1::Interrupted { symbol: symbol.0, stream: kind_code(stream), since_ns: since.nanos() }
    }

    /// A symbol's stream is complete again.
    pub fn complete(symbol: SymbolId, stream: StreamKind) -> Self {
        ControlKindV1::Complete { symbol: symbol.0, stream: kind_code(stream) }
    }

    /// The stream of an interruption or its end; `None` for other kinds and unknown codes.
    pub fn stream(&self) -> Option<(SymbolId, StreamKind)> {
        match self {
            ControlKindV1::Interrupted { symbol, stream, .. }
            | ControlKindV1::Complete { symbol, stream } => {
                Some((SymbolId(*symbol), kind_from_code(*stream)?))
            }
            _ => None,
        }
    }
}

impl Stored for SessionControlV1 {
    const KIND: u16 = 23;
    const VERSION: u16 = 1;
    const NAME: &'static str = "session_control";
}

impl From<&Intent> for IntentV1 {
    fn from(intent: &Intent) -> Self {
        let order = &intent.order;
        IntentV1 {
            order: order.id.0,
            instance: order.instance,
            symbol: order.symbol.0,
            is_sell: order.side == Side::Sell,
            limit: match order.kind {
                OrderKind::Market => None,
                OrderKind::LimitIoc(price) => Some((price.0, false)),
                OrderKind::Limit(price) => Some((price.0, true)),
            },
            qty: order.qty.0,
            purpose: match order.purpose {
                Purpose::Entry => 0,
                Purpose::Exit => 1,
                Purpose::Emergency => 2,
            },
            leverage: order.leverage,
            reference: intent.reference.map(|price| price.0),
        }
    }
}

impl IntentV1 {
    /// The intent, decided at a time.
    pub fn intent(&self, at: Timestamp) -> Intent {
        let order = OrderRequest {
            id: OrderId(self.order),
            instance: self.instance,
            symbol: SymbolId(self.symbol),
            side: if self.is_sell { Side::Sell } else { Side::Buy },
            kind: match self.limit {
                None => OrderKind::Market,
                Some((price, false)) => OrderKind::LimitIoc(Price(price)),
                Some((price, true)) => OrderKind::Limit(Price(price)),
            },
            qty: Qty(self.qty),
            purpose: match self.purpose {
                0 => Purpose::Entry,
                1 => Purpose::Exit,
                _ => Purpose::Emergency,
            },
            leverage: self.leverage,
            inside_bar: None,
        };
        Intent { order, at, reference: self.reference.map(Price) }
    }
}
