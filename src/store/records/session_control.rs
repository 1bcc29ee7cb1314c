//! Commands and other outside influences on a session. Together with the recorded rows they are all that a
//! replay needs.

use super::AnswerV1;
use crate::domain::record::StreamKind;
use crate::domain::symbol::SymbolId;
use crate::domain::time::Timestamp;
use crate::store::blocks::{kind_code, kind_from_code};
use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};

/// An outside influence on a session. It takes effect after all rows seen up to its time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SessionControlV1 {
    /// Engine time of the session, nanoseconds since 1970.
    pub at_ns: i64,
    /// What happened.
    pub kind: ControlKindV1,
}

/// What happened. The order of the variants is part of the stored form: new ones come last.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
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
    /// Close all positions.
    Flatten,
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
