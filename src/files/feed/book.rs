//! Rows of one book message put together, and the book as it stands when a replay starts in the middle of a recording.
//! Never holds more levels than an order book does.

use crate::domain::event::{Level, LevelChange};
use crate::domain::num::{Price, Qty};
use crate::domain::order::Side;
use crate::domain::symbol::SymbolId;
use crate::domain::time::Timestamp;
use crate::limits::BOOK_LEVELS;
use crate::session::ports::Chunk;
use std::collections::BTreeMap;

/// Changes after which a message is handed over in parts, so that no file can make it grow without bound.
const MESSAGE_CHANGES: usize = 2 * BOOK_LEVELS;

/// The rows of the message being read.
#[derive(Default)]
pub(super) struct Message {
    /// Time, symbol and what else sets one message off from the next.
    key: Option<MessageKey>,
    at: Timestamp,
    bids: Vec<Level>,
    asks: Vec<Level>,
    changes: Vec<LevelChange>,
}

/// What the rows of one message share.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct MessageKey {
    pub symbol: SymbolId,
    pub exchange_at: Timestamp,
    pub update_id: Option<u64>,
    pub is_snapshot: bool,
}

/// Books of the symbols of a file, kept up while the replay has not begun.
#[derive(Default)]
pub(super) struct Books(BTreeMap<SymbolId, Book>);

#[derive(Default)]
struct Book {
    bids: BTreeMap<Price, Qty>,
    asks: BTreeMap<Price, Qty>,
}

impl Message {
    /// Whether a row with this key belongs to the message being read, or to the next one. A snapshot that has a best
    /// level on that side already is whole.
    pub fn ends_before(&self, key: MessageKey, best_of: Option<Side>) -> bool {
        let repeats = match best_of {
            Some(Side::Buy) => !self.bids.is_empty(),
            Some(Side::Sell) => !self.asks.is_empty(),
            None => self.changes.len() >= MESSAGE_CHANGES,
        };
        self.key.is_some_and(|open| open != key || repeats)
    }

    /// Adds a row; `at` is its tick's time.
    pub fn add(&mut self, key: MessageKey, at: Timestamp, side: Side, level: Level) {
        self.key = Some(key);
        self.at = at;
        if !key.is_snapshot {
            self.changes.push(LevelChange { side, level });
            return;
        }
        let levels = if side == Side::Buy { &mut self.bids } else { &mut self.asks };
        levels.push(level);
        if levels.len() >= 2 * BOOK_LEVELS {
            keep_best(levels, side);
        }
    }

    /// The time of the message being read.
    pub fn at(&self) -> Option<Timestamp> {
        self.key.map(|_| self.at)
    }

    /// Hands the message over as one tick and forgets it.
    pub fn flush(&mut self, chunk: &mut Chunk) {
        let Some(key) = self.key else { return };
        if key.is_snapshot {
            keep_best(&mut self.bids, Side::Buy);
            keep_best(&mut self.asks, Side::Sell);
            chunk.push_snapshot(self.at, key.symbol, &self.bids, &self.asks);
        } else {
            chunk.push_changes(self.at, key.symbol, &self.changes);
        }
        self.clear();
    }

    /// Puts the message into the books instead and forgets it.
    pub fn apply(&mut self, books: &mut Books) {
        let Some(key) = self.key else { return };
        if key.is_snapshot {
            let book = books.0.entry(key.symbol).or_default();
            book.bids = self.bids.iter().map(|level| (level.price, level.qty)).collect();
            book.asks = self.asks.iter().map(|level| (level.price, level.qty)).collect();
            book.cut();
        } else if let Some(book) = books.0.get_mut(&key.symbol) {
            // Without an opening snapshot nothing is known about the other levels, so there is no book to start from.
            for change in &self.changes {
                let side = if change.side == Side::Buy { &mut book.bids } else { &mut book.asks };
                if change.level.qty.is_zero() {
                    side.remove(&change.level.price)
                } else {
                    side.insert(change.level.price, change.level.qty)
                };
            }
            book.cut();
        }
        self.clear();
    }

    fn clear(&mut self) {
        self.key = None;
        self.bids.clear();
        self.asks.clear();
        self.changes.clear();
    }
}

impl Books {
    /// Hands every book over as a snapshot of time `at` and forgets them.
    pub fn flush(&mut self, at: Timestamp, chunk: &mut Chunk) {
        for (symbol, book) in std::mem::take(&mut self.0) {
            let levels = |(price, qty): (&Price, &Qty)| Level { price: *price, qty: *qty };
            let bids: Vec<Level> = book.bids.iter().rev().map(levels).collect();
            let asks: Vec<Level> = book.asks.iter().map(levels).collect();
            chunk.push_snapshot(at, symbol, &bids, &asks);
        }
    }
}

impl Book {
    /// Drops the worst levels beyond the limit.
    fn cut(&mut self) {
        while self.bids.len() > BOOK_LEVELS {
            self.bids.pop_first();
        }
        while self.asks.len() > BOOK_LEVELS {
            self.asks.pop_last();
        }
    }
}

/// Sorts best first, keeps the last row of a price and at most an order book's levels.
fn keep_best(levels: &mut Vec<Level>, side: Side) {
    let is_sorted = levels.windows(2).all(|pair| match side {
        Side::Buy => pair[0].price > pair[1].price,
        Side::Sell => pair[0].price < pair[1].price,
    });
    if !is_sorted {
        // Reversed first: of equal prices the stable sort then puts the last row in front.
        levels.reverse();
        match side {
            Side::Buy => levels.sort_by_key(|level| std::cmp::Reverse(level.price)),
            Side::Sell => levels.sort_by_key(|level| level.price),
        }
        levels.dedup_by_key(|level| level.price);
    }
    levels.truncate(BOOK_LEVELS);
}
