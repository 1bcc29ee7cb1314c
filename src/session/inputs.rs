//! What a session on a market is handed: market messages, gaps and notices in the order of their stamps, and
//! what is done to the session from outside. Rows, gaps and controls are in its journal; of a notice only
//! what followed from it (the gap of a halt, a control), so a replay decides the same.

use crate::domain::event::{Command, GapCause};
use crate::domain::order::OrderEvent;
use crate::domain::record::{Record, StreamKind};
use crate::domain::symbol::SymbolId;
use crate::domain::time::Timestamp;
use crate::session::allowance::Allowance;
use crate::session::ports::Notice;

/// Something that came. Its rows lie in the batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Arrived {
    /// `rows[first..first + count]` of the batch: one message of one stream.
    Rows {
        /// Their symbol.
        symbol: SymbolId,
        /// Index of the first.
        first: usize,
        /// How many.
        count: usize,
    },
    /// Streams that were interrupted are complete again.
    Gap {
        /// Their symbol.
        symbol: SymbolId,
        /// The streams, whose gap ends with the stamp of this arrival.
        streams: Vec<StreamKind>,
        /// Start of the gap.
        from: Timestamp,
        /// Why rows are missing.
        cause: GapCause,
    },
    /// A stream is interrupted.
    Lost {
        /// Its symbol.
        symbol: SymbolId,
        /// The stream.
        stream: StreamKind,
        /// From when on rows may be missing.
        since: Timestamp,
    },
    /// The venue says something about an order or position of ours.
    Answer(OrderEvent),
    /// The connection has something to say.
    Notice(Notice),
}

/// What came since the last look, in order, each with its stamp.
#[derive(Default)]
pub struct Batch {
    /// The arrivals.
    pub arrived: Vec<(Timestamp, Arrived)>,
    /// The rows they refer to, stamped.
    pub rows: Vec<Record>,
    /// Whatever comes later is stamped later than this.
    pub until: Timestamp,
    /// When it was handed over, on the clock of the stamps.
    pub taken: Timestamp,
}

impl Batch {
    /// What the venue said, in order.
    pub fn answers(&self) -> impl Iterator<Item = (Timestamp, OrderEvent)> + '_ {
        self.arrived.iter().filter_map(|(at, arrived)| match arrived {
            Arrived::Answer(answer) => Some((*at, *answer)),
            _ => None,
        })
    }

    /// Forgets what came, keeps the memory.
    pub fn clear(&mut self) {
        self.arrived.clear();
        self.rows.clear();
    }
}

/// What was done to a session from outside its market, at an engine time.
#[derive(Clone, PartialEq, Debug)]
pub enum Control {
    /// Another symbol table took effect.
    SymbolTable {
        /// Its version.
        version: u64,
        /// Symbols on which nothing may be begun.
        disabled: Vec<String>,
    },
    /// The configuration allows this from here on, which is less than before.
    Allowance(Box<Allowance>),
    /// Nothing is begun from here on.
    Pause,
    /// Entries are allowed again.
    Resume,
    /// The venue said something about an order or position of ours, at the time of its arrival.
    Answer(OrderEvent),
    /// The session was told to end: every position is closed, then `End` follows.
    CloseAndEnd,
    /// Signals and entries of a symbol are dropped; its positions stay.
    Withdraw(SymbolId),
    /// Every position of a symbol is closed.
    Close(SymbolId),
    /// The process ended and came back; what happened between is missing.
    Restart {
        /// Engine time it had reached.
        from: Timestamp,
    },
    /// The session ends here.
    End,
}

impl Control {
    /// A command, as it is written down.
    pub fn of(command: Command) -> Control {
        match command {
            Command::Pause => Control::Pause,
            Command::Resume => Control::Resume,
            Command::CloseAndEnd => Control::CloseAndEnd,
            Command::Withdraw(symbol) => Control::Withdraw(symbol),
            Command::Close(symbol) => Control::Close(symbol),
        }
    }
}
