//! The closed set of things that can happen to the engine.
//!
//! Market events borrow their levels from the block they were decoded from: an event never allocates.

use crate::domain::num::{Price, Qty, Rate};
use crate::domain::order::{OrderEvent, Side};
use crate::domain::symbol::SymbolId;
use crate::domain::time::Timestamp;

/// One numbered event. `at` is the only time the engine knows.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// Position in the session's total order, without holes.
    pub seq: u64,
    /// When it reached us.
    pub at: Timestamp,
    /// What happened.
    pub body: Body<'a>,
}

/// What happened.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// Something on a market.
    Market(SymbolId, Market<'a>),
    /// No data from a symbol's feed in a span of time.
    Gap(SymbolId, Gap),
    /// The event clock reached `at`; nothing else happened.
    Clock,
    /// The symbol table was replaced; `apply` gets the new one.
    SymbolTable {
        /// Version of the table from here on.
        version: u64,
    },
    /// An answer of the venue about one of our orders.
    Order(OrderEvent),
    /// A wish from outside.
    Command(Command),
}

/// Something on a market, as recorded.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Market<'a> {
    /// A trade.
    Trade(Trade),
    /// The book from here on: best level first, at most [`crate::limits::BOOK_SNAPSHOT_LEVELS`] a side when it is a
    /// top-of-book recording, deeper when it opens an incremental one.
    BookSnapshot {
        /// Buyers, best first.
        bids: &'a [Level],
        /// Sellers, best first.
        asks: &'a [Level],
    },
    /// Changed levels; quantity zero deletes.
    BookChange(&'a [LevelChange]),
    /// Fair price and, when known, index price.
    Mark {
        /// Fair price that margin and liquidation use.
        mark: Price,
        /// Index price.
        index: Option<Price>,
    },
    /// A funding settlement.
    Funding {
        /// Paid by longs to shorts when positive.
        rate: Rate,
    },
    /// Contracts open on the venue.
    OpenInterest(Qty),
    /// A closed bar where no trades were recorded.
    Bar(Bar),
}

/// A trade with the side that took.
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
    /// Buyers' or sellers' side of the book.
    pub side: Side,
    /// The level's new state.
    pub level: Level,
}

/// A bar of trades. `at` of its event is the bar's end: it is not known earlier.
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
    /// Nothing came although it should have, far longer than is usual.
    Silence,
    /// The book's versions had a hole.
    VersionHole,
    /// We could not keep up and dropped data.
    Overflow,
    /// The recorder was restarted.
    Restart,
    /// The clock jumped.
    ClockStep,
    /// The files of an import do not touch each other.
    Import,
    /// The symbol was held still: the exchange paused it, or what it sent did not fit the contract's terms.
    Halt,
    /// Trade ids have a hole, so trades are missing.
    MissingTrades,
}

impl GapCause {
    /// All causes with the word that documents and tables use.
    pub const ALL: [(GapCause, &'static str); 9] = [
        (GapCause::Disconnect, "disconnect"),
        (GapCause::Silence, "silence"),
        (GapCause::VersionHole, "version_hole"),
        (GapCause::Overflow, "overflow"),
        (GapCause::Restart, "restart"),
        (GapCause::ClockStep, "clock_step"),
        (GapCause::Import, "import"),
        (GapCause::Halt, "halt"),
        (GapCause::MissingTrades, "missing_trades"),
    ];

    /// The word for it.
    pub fn as_str(&self) -> &'static str {
        Self::ALL.iter().find(|(cause, _)| *cause == *self).map_or("", |(_, word)| word)
    }
}

/// A span without data, closed by the event that carries it (`at` = `to`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gap {
    /// Last moment data was known to be complete.
    pub from: Timestamp,
    /// First moment data is complete again.
    pub to: Timestamp,
    /// Why.
    pub cause: GapCause,
}

/// A wish from outside the engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    /// No new entries; positions are managed on.
    Pause,
    /// Entries allowed again.
    Resume,
    /// Cancel what works, close every position at market.
    Flatten,
    /// Drop signals and entries of one symbol; its positions stay.
    Withdraw(SymbolId),
    /// As [`Command::Flatten`], for one symbol.
    Close(SymbolId),
}
