//! What was done to a session from outside: with the recorded rows it is all that a replay needs.

use crate::domain::record::StreamKind;
use crate::domain::symbol::SymbolId;
use crate::domain::time::Timestamp;
use crate::store::blocks::{kind_code, kind_from_code};
use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};

/// Something done to a session. It acts behind rows that are seen up to its time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SessionControlV1 {
    /// The session's engine time, nanoseconds since 1970.
    pub at_ns: i64,
    /// What.
    pub kind: ControlKindV1,
}

/// What was done. The order of the variants is part of the stored form: new ones come last.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ControlKindV1 {
    /// Another symbol table took effect.
    SymbolTable {
        /// Its version.
        version: u64,
        /// Symbols on which nothing may be begun.
        disabled: Vec<String>,
    },
    /// Nothing is begun from here on.
    Pause,
    /// Things are begun again.
    Resume,
    /// Every position is closed.
    Flatten,
    /// The process ended and came back; what happened between is missing.
    Restart {
        /// Engine time it had reached, nanoseconds since 1970.
        from_ns: i64,
    },
    /// It was told to end.
    End,
    /// From a moment on rows of a stream may be missing.
    Interrupted {
        /// Place of the symbol.
        symbol: u32,
        /// Code of the stream.
        stream: u8,
        /// The moment, nanoseconds since 1970.
        since_ns: i64,
    },
    /// The gap that began there is in the ledger.
    Complete {
        /// Place of the symbol.
        symbol: u32,
        /// Code of the stream.
        stream: u8,
    },
    /// Signals and entries of a symbol are dropped; its positions stay.
    Withdraw {
        /// Place of the symbol.
        symbol: u32,
    },
    /// Every position of a symbol is closed.
    Close {
        /// Place of the symbol.
        symbol: u32,
    },
}

impl ControlKindV1 {
    /// A stream of a symbol is interrupted.
    pub fn interrupted(symbol: SymbolId, stream: StreamKind, since: Timestamp) -> Self {
        ControlKindV1::Interrupted { symbol: symbol.0, stream: kind_code(stream), since_ns: since.nanos() }
    }

    /// A stream of a symbol is complete again.
    pub fn complete(symbol: SymbolId, stream: StreamKind) -> Self {
        ControlKindV1::Complete { symbol: symbol.0, stream: kind_code(stream) }
    }

    /// The stream that an interruption or its end is about; `None` for other kinds and for unknown codes.
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
