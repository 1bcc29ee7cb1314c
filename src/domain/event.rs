//! The closed set of events the engine handles.
//!
//! Market events borrow their levels from the block they were decoded from, so an event never allocates.

use crate::domain::num::{Price, Qty, Rate};
use crate::domain::order::{OrderEvent, Side};
use crate::domain::symbol::SymbolId;
use crate::domain::time::Timestamp;

/// One numbered event. `at` is the only time the engine sees.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// Position in the session's total order; consecutive.
    pub seq: u64,
    /// When it reached the session.
    pub at: Timestamp,
    /// Payload.
    pub body: Body<'a>,
}

/// Payload of an event.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// A market event of a symbol.
    Market(SymbolId, Market<'a>),
    /// No data arrived from the symbol's feed during a span of time.
    Gap(SymbolId, Gap),
    /// The event clock reached `at`; nothing else happened.
    Clock,
    /// The symbol table was replaced; `apply` gets the new one.
    SymbolTable {
        /// Version of the new table.
        version: u64,
    },
    /// The venue's answer about one of our orders.
    Order(OrderEvent),
    /// A user command.
    Command(Command),
}

/// A market event, as recorded.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Market<'a> {
    /// A trade.
    Trade(Trade),
    /// Replaces the book. Best level first; at most [`crate::limits::BOOK_SNAPSHOT_LEVELS`] a side in a
    /// top-of-book recording, deeper when it starts an incremental one.
    BookSnapshot {
        /// Bids, best first.
        bids: &'a [Level],
        /// Asks, best first.
        asks: &'a [Level],
    },
    /// Changed levels; quantity zero deletes a level.
    BookChange(&'a [LevelChange]),
    /// Fair price and, when known, index price.
    Mark {
        /// Fair price used for margin and liquidation.
        mark: Price,
        /// Index price.
        index: Option<Price>,
    },
    /// A funding settlement.
    Funding {
        /// Funding rate; longs pay shorts when positive.
        rate: Rate,
    },
    /// Open interest in lots.
    OpenInterest(Qty),
    /// A closed bar, from recordings without trades.
    Bar(Bar),
}

/// A trade and the side of its taker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trade {
    /// Price in ticks.
    pub price: Price,
    /// Quantity in lots.
    pub qty: Qty,
    /// Side of the taker.
    pub taker: Side,
}

/// A price level of a book.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Level {
    /// Price in ticks.
    pub price: Price,
    /// Quantity in lots.
    pub qty: Qty,
}

/// A change of one level.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LevelChange {
    /// Side of the book.
    pub side: Side,
    /// The level's new state.
    pub level: Level,
}

/// A bar of trades. Its event is stamped with the bar's end, because the bar is not known earlier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bar {
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Quantity traded.
    pub volume: Qty,
    /// Length of the bar in seconds.
    pub seconds: u32,
}

/// Why data is missing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum GapCause {
    /// The connection was lost.
    Disconnect,
    /// The feed was silent for far longer than usual.
    Silence,
    /// The book's version numbers skip.
    VersionHole,
    /// The recorder could not keep up and dropped data.
    Overflow,
    /// The recorder was restarted.
    Restart,
    /// The system clock jumped.
    ClockStep,
    /// The imported files are not contiguous.
    Import,
    /// The symbol was suspended: the exchange paused it, or its data did not fit the contract's terms.
    Halt,
    /// Trade ids skip, so trades are missing.
    MissingTrades,
    /// The exchange showed a book without levels, so the last one is no longer valid.
    EmptyBook,
    /// No trade for far longer than usual, while the book went on.
    TradeSilence,
}

impl GapCause {
    /// All causes with their names in documents and tables.
    pub const ALL: [(GapCause, &'static str); 11] = [
        (GapCause::Disconnect, "disconnect"),
        (GapCause::Silence, "silence"),
        (GapCause::VersionHole, "version_hole"),
        (GapCause::Overflow, "overflow"),
        (GapCause::Restart, "restart"),
        (GapCause::ClockStep, "clock_step"),
        (GapCause::Import, "import"),
        (GapCause::Halt, "halt"),
        (GapCause::MissingTrades, "missing_trades"),
        (GapCause::EmptyBook, "empty_book"),
        (GapCause::TradeSilence, "trade_silence"),
    ];

    /// Name in documents and tables.
    pub fn as_str(&self) -> &'static str {
        Self::ALL.iter().find(|(cause, _)| *cause == *self).map_or("", |(_, word)| word)
    }

    /// Whether the book of before is unknown behind it.
    pub fn loses_book(self) -> bool {
        self != GapCause::TradeSilence
    }

    /// Whether trades are missing or may be, so that what the price did over it is told.
    pub fn is_of_trades(self) -> bool {
        matches!(self, GapCause::Silence | GapCause::TradeSilence | GapCause::MissingTrades)
    }
}

/// A span without data, reported by the event that ends it (`at` = `to`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gap {
    /// Last time at which the data was known to be complete.
    pub from: Timestamp,
    /// First time at which the data is complete again.
    pub to: Timestamp,
    /// Cause.
    pub cause: GapCause,
}

/// What the engine is told to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    /// Stop new entries; open positions are still managed.
    Pause,
    /// Allow entries again.
    Resume,
    /// Cancel working orders and close every position at market: the session is to end.
    CloseAndEnd,
    /// Drop the signals and pending entries of one symbol; its positions stay.
    Withdraw(SymbolId),
    /// Cancel working orders of one symbol and close its positions at market.
    Close(SymbolId),
}

/// What a person, or a lock, may want of a session that goes on. Its end is asked for otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UserCommand {
    /// As [`Command::Pause`].
    Pause,
    /// As [`Command::Resume`].
    Resume,
    /// As [`Command::Withdraw`].
    Withdraw(SymbolId),
    /// As [`Command::Close`].
    Close(SymbolId),
}

impl From<UserCommand> for Command {
    fn from(command: UserCommand) -> Command {
        match command {
            UserCommand::Pause => Command::Pause,
            UserCommand::Resume => Command::Resume,
            UserCommand::Withdraw(symbol) => Command::Withdraw(symbol),
            UserCommand::Close(symbol) => Command::Close(symbol),
        }
    }
}
