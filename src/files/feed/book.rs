//! Assembles the rows of a book message, and tracks the book before a replay that starts inside a recording.
//! Memory is bounded by a small multiple of `BOOK_LEVELS`.

use crate::domain::event::{Level, LevelChange};
use crate::domain::num::{Price, Qty};
use crate::domain::order::Side;
use crate::domain::symbol::SymbolId;
use crate::domain::time::Timestamp;
use crate::limits::BOOK_LEVELS;
use crate::session::ports::Chunk;
use std::collections::BTreeMap;

/// Changes after which a message is handed over in parts; bounds its memory.
const MESSAGE_CHANGES: usize = 2 * BOOK_LEVELS;

/// The message being assembled.
#[derive(Default)]
pub(super) struct Message {
    /// What distinguishes it from the next message; `None` when empty.
    key: Option<MessageKey>,
    at: Timestamp,
    bids: Vec<Level>,
    asks: Vec<Level>,
    changes: Vec<LevelChange>,
}

/// What all rows of a message share.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct MessageKey {
    pub symbol: SymbolId,
    pub exchange_at: Timestamp,
    pub update_id: Option<u64>,
    pub is_snapshot: bool,
}

/// Books by symbol, tracked until the replay starts.
#[derive(Default)]
pub(super) struct Books(BTreeMap<SymbolId, BookLevels>);

#[derive(Default)]
struct BookLevels {
    bids: BTreeMap<Price, Qty>,
    asks: BTreeMap<Price, Qty>,
}

impl Message {
    /// Whether a row with this key starts another message. `best_of`: the row is the best level of this side,
    /// which starts a new snapshot if the side has levels already.
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

    /// Time of the message being assembled.
    pub fn at(&self) -> Option<Timestamp> {
        self.key.map(|_| self.at)
    }

    /// Appends the message to the chunk as one tick and clears it.
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

    /// Applies the message to the books instead and clears it.
    pub fn apply(&mut self, books: &mut Books) {
        let Some(key) = self.key else { return };
        if key.is_snapshot {
            let book = books.0.entry(key.symbol).or_default();
            book.bids = self.bids.iter().map(|level| (level.price, level.qty)).collect();
            book.asks = self.asks.iter().map(|level| (level.price, level.qty)).collect();
            book.cut();
        } else if let Some(book) = books.0.get_mut(&key.symbol) {
            // Without an initial snapshot the other levels are unknown, so there is no book to start from.
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
    /// Appends every book as a snapshot at time `at` and clears them.
    pub fn flush(&mut self, at: Timestamp, chunk: &mut Chunk) {
        for (symbol, book) in std::mem::take(&mut self.0) {
            let levels = |(price, qty): (&Price, &Qty)| Level { price: *price, qty: *qty };
            let bids: Vec<Level> = book.bids.iter().rev().map(levels).collect();
            let asks: Vec<Level> = book.asks.iter().map(levels).collect();
            chunk.push_snapshot(at, symbol, &bids, &asks);
        }
    }
}

impl BookLevels {
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

/// Sorts best first; keeps the last row of each price, and at most `BOOK_LEVELS`.
fn keep_best(levels: &mut Vec<Level>, side: Side) {
    let is_sorted = levels.windows(2).all(|pair| match side {
        Side::Buy => pair[0].price > pair[1].price,
        Side::Sell => pair[0].price < pair[1].price,
    });
    if !is_sorted {
        // Reversed first, so that the stable sort puts the last of equal prices in front.
        levels.reverse();
        match side {
            Side::Buy => levels.sort_by_key(|level| std::cmp::Reverse(level.price)),
            Side::Sell => levels.sort_by_key(|level| level.price),
        }
        levels.dedup_by_key(|level| level.price);
    }
    levels.truncate(BOOK_LEVELS);
}
