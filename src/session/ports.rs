//! What a session needs from the outside: a feed of recorded market data, or the sink that a market pours
//! into.
//!
//! Feeds hand over chunks, not single events: one virtual call per few thousand ticks, no allocation per
//! tick.

use crate::domain::contract::Contract;
use crate::domain::event::{Bar, Gap, GapCause, Level, LevelChange, Market, Trade};
use crate::domain::num::{Price, Qty, Rate};
use crate::domain::record::{Record, StreamKind};
use crate::domain::symbol::SymbolId;
use crate::domain::time::Timestamp;
use std::fmt;

/// Market data in time order, one chunk after the other. Times never decrease over the life of a feed; ticks
/// of equal time come in the order `StreamKind::ALL` gives, then in file order.
pub trait Feed {
    /// Replaces the chunk's ticks by the next ones. `Ok(false)`: the feed is over and the chunk is empty.
    fn next(&mut self, chunk: &mut Chunk) -> Result<bool, FeedError>;

    /// Whether the error that ended it means that what was stored is damaged.
    fn found_damage(&self) -> bool {
        false
    }
}

/// Why a feed ended early. The message names the place (file and line, or recording and block) and what to
/// do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeedError(pub String);

impl fmt::Display for FeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FeedError {}

/// Where a market's rows go, in the order in which they arrived. Called from the connection's tasks: never
/// waits. Symbols are indexes in the list that was subscribed to.
pub trait MarketSink: Send + Sync {
    /// Rows of one message, all of one stream, with the exchange's times as sent (they may go back) and no
    /// receive time: the inbox stamps them.
    fn rows(&self, symbol: SymbolId, rows: &[Record]);

    /// From `since` (our clock) on rows of these streams may be missing. Said once; again only after
    /// `regained`.
    fn lost(&self, symbol: SymbolId, streams: &[StreamKind], since: Timestamp, cause: GapCause);

    /// From here on rows of these streams are complete again.
    fn regained(&self, symbol: SymbolId, streams: &[StreamKind]);

    /// Something about the connection that the session's reader should see.
    fn notice(&self, notice: Notice);
}

/// Asks an exchange for the terms of contracts, without waiting.
pub trait ContractTerms {
    /// Asks for the terms of a symbol. `false`: nobody can be asked.
    fn ask(&mut self, symbol: SymbolId, name: &str) -> bool;

    /// What came of it: `None` nothing yet, `Some(None)` no answer that is of use.
    fn answer(&mut self, symbol: SymbolId, name: &str) -> Option<Option<Contract>>;
}

/// What a connection has to say besides rows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// A socket is open and everything it carries is subscribed.
    Connected {
        /// Number of the socket, from 0.
        socket: u32,
    },
    /// A socket was lost; it is being opened again.
    Disconnected {
        /// Number of the socket.
        socket: u32,
        /// What happened, for people.
        reason: String,
    },
    /// The exchange does not know a symbol or refuses it; its streams are given up.
    Refused {
        /// Which one.
        symbol: SymbolId,
        /// The exchange's words.
        reason: String,
    },
    /// The exchange's clock minus ours, nanoseconds.
    ClockOffset {
        /// Positive: ours is behind.
        offset_ns: i64,
    },
    /// A contract's terms changed, e.g. it was paused.
    Contract {
        /// Which one.
        symbol: SymbolId,
        /// Whether orders are taken now.
        is_tradable: bool,
    },
}

/// A reusable buffer of ticks with the levels they refer to.
#[derive(Clone, Default, Debug)]
pub struct Chunk {
    ticks: Vec<Tick>,
    levels: Vec<Level>,
    changes: Vec<LevelChange>,
}

/// One tick of a chunk.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Tick {
    /// When it reached us.
    pub at: Timestamp,
    /// Whose it is.
    pub symbol: SymbolId,
    /// What it is.
    pub kind: TickKind,
}

/// What a tick is; book ticks point into their chunk.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum TickKind {
    /// A trade.
    Trade(Trade),
    /// `bids` levels from `first`, then `asks` levels.
    BookSnapshot {
        /// Index of the first level.
        first: u32,
        /// How many bids.
        bids: u32,
        /// How many asks.
        asks: u32,
    },
    /// `count` changes from `first`.
    BookChange {
        /// Index of the first change.
        first: u32,
        /// How many.
        count: u32,
    },
    /// Fair and index price.
    Mark(Price, Option<Price>),
    /// Funding settlement.
    Funding(Rate),
    /// Open interest.
    OpenInterest(Qty),
    /// A closed bar; the tick's time is its end.
    Bar(Bar),
    /// A gap that ends here.
    Gap(Gap),
}

impl Chunk {
    /// Forgets the ticks, keeps the memory.
    pub fn clear(&mut self) {
        self.ticks.clear();
        self.levels.clear();
        self.changes.clear();
    }

    /// The ticks.
    pub fn ticks(&self) -> &[Tick] {
        &self.ticks
    }

    /// Rows from which its ticks were made, but for levels that a book left out.
    pub fn rows(&self) -> usize {
        let alone = |tick: &&Tick| {
            let kind = tick.kind;
            !matches!(kind, TickKind::BookSnapshot { .. } | TickKind::BookChange { .. } | TickKind::Gap(_))
        };
        self.ticks.iter().filter(alone).count() + self.levels.len() + self.changes.len()
    }

    /// Appends a tick that needs no levels.
    pub fn push(&mut self, at: Timestamp, symbol: SymbolId, kind: TickKind) {
        debug_assert!(!matches!(kind, TickKind::BookSnapshot { .. } | TickKind::BookChange { .. }));
        self.ticks.push(Tick { at, symbol, kind });
    }

    /// Appends trades of one symbol in one go: no branch and no growth per trade.
    pub fn extend_trades(&mut self, symbol: SymbolId, trades: impl Iterator<Item = (Timestamp, Trade)>) {
        self.ticks.extend(trades.map(|(at, trade)| Tick { at, symbol, kind: TickKind::Trade(trade) }));
    }

    /// Appends a book snapshot, best level first.
    pub fn push_snapshot(&mut self, at: Timestamp, symbol: SymbolId, bids: &[Level], asks: &[Level]) {
        let first = self.levels.len() as u32;
        self.levels.extend_from_slice(bids);
        self.levels.extend_from_slice(asks);
        self.ticks.push(Tick {
            at,
            symbol,
            kind: TickKind::BookSnapshot { first, bids: bids.len() as u32, asks: asks.len() as u32 },
        });
    }

    /// Appends the level changes of one message.
    pub fn push_changes(&mut self, at: Timestamp, symbol: SymbolId, changes: &[LevelChange]) {
        let first = self.changes.len() as u32;
        self.changes.extend_from_slice(changes);
        self.ticks.push(Tick {
            at,
            symbol,
            kind: TickKind::BookChange { first, count: changes.len() as u32 },
        });
    }

    /// Appends a tick of another chunk with its levels.
    pub fn push_from(&mut self, other: &Chunk, tick: &Tick) {
        match tick.kind {
            TickKind::BookSnapshot { first, bids, asks } => {
                let (first, bids, asks) = (first as usize, bids as usize, asks as usize);
                self.push_snapshot(
                    tick.at,
                    tick.symbol,
                    &other.levels[first..first + bids],
                    &other.levels[first + bids..first + bids + asks],
                );
            }
            TickKind::BookChange { first, count } => {
                self.push_changes(
                    tick.at,
                    tick.symbol,
                    &other.changes[first as usize..(first + count) as usize],
                );
            }
            kind => self.push(tick.at, tick.symbol, kind),
        }
    }

    /// The market event of a tick; `None` for a gap.
    #[inline]
    pub fn market(&self, tick: &Tick) -> Option<Market<'_>> {
        Some(match tick.kind {
            TickKind::Trade(trade) => Market::Trade(trade),
            TickKind::BookSnapshot { first, bids, asks } => {
                let (first, bids, asks) = (first as usize, bids as usize, asks as usize);
                Market::BookSnapshot {
                    bids: &self.levels[first..first + bids],
                    asks: &self.levels[first + bids..first + bids + asks],
                }
            }
            TickKind::BookChange { first, count } => {
                Market::BookChange(&self.changes[first as usize..(first + count) as usize])
            }
            TickKind::Mark(mark, index) => Market::Mark { mark, index },
            TickKind::Funding(rate) => Market::Funding { rate },
            TickKind::OpenInterest(qty) => Market::OpenInterest(qty),
            TickKind::Bar(bar) => Market::Bar(bar),
            TickKind::Gap(_) => return None,
        })
    }
}
