//! What the rows of a file must be to each other: sorted by time per symbol, snapshots whole and best first.
//! Never judges the market itself: a crossed book is recorded as it was.

use super::error::Problem;
use super::layout::TIME;
use super::row::Flaw;
use crate::domain::decimal::Decimal;
use crate::domain::order::Side;
use crate::domain::record::{Record, RecordBody};
use crate::domain::time::Timestamp;

/// Slots of `side`, `level` and `price` in a snapshot row.
const SIDE: usize = 2;
const LEVEL: usize = 3;
const PRICE: usize = 4;

/// What is remembered of the rows before.
#[derive(Default)]
pub(super) struct Order {
    /// Last time and its line by symbol; line 0: none yet.
    last: Vec<(Timestamp, u64)>,
    snapshot: Option<Snapshot>,
}

/// The snapshot whose rows are being read.
struct Snapshot {
    symbol: u32,
    at: Timestamp,
    side: Side,
    level: u16,
    price: Decimal,
}

impl Order {
    /// Accepts the next row or says what is wrong with its place.
    #[inline]
    pub fn check(&mut self, symbol: u32, line: u64, record: &Record) -> Result<(), Flaw> {
        let index = symbol as usize;
        if index >= self.last.len() {
            self.last.resize(index + 1, (Timestamp::MIN, 0));
        }
        let (before, before_line) = self.last[index];
        let at = record.exchange_at;
        let is_bar = matches!(record.body, RecordBody::Bar { .. });
        if at < before || is_bar && at == before {
            return Err(Box::new((TIME, Problem::Backwards { at, before, before_line })));
        }
        self.last[index] = (at, line);
        if let RecordBody::SnapshotLevel { side, level, price, .. } = record.body {
            self.check_level(symbol, at, side, level, price)?;
        }
        Ok(())
    }

    /// A snapshot is bids then asks or asks then bids, each from level 1 without holes, each price worse than the one
    /// before. Level 1 of a side that is already there opens the next snapshot of the same time.
    fn check_level(&mut self, symbol: u32, at: Timestamp, side: Side, level: u16, price: Decimal) -> Result<(), Flaw> {
        let book = |slot, why: String| Err(Box::new((slot, Problem::Book(why))));
        let same = self.snapshot.as_mut().filter(|s| s.symbol == symbol && s.at == at);
        let Some(open) = same else {
            if level != 1 {
                return book(LEVEL, format!("a snapshot begins with level {level}"));
            }
            self.snapshot = Some(Snapshot { symbol, at, side, level, price });
            return Ok(());
        };
        if side != open.side {
            if level != 1 {
                return book(SIDE, format!("the other side begins with level {level}"));
            }
            // After bids and asks, bids again: another snapshot of the same time.
            (open.side, open.level, open.price) = (side, level, price);
            return Ok(());
        }
        if level <= open.level {
            return book(LEVEL, format!("level {level} comes after level {} of the same side and time", open.level));
        }
        if level != open.level + 1 {
            return book(LEVEL, format!("level {level} follows level {}", open.level));
        }
        let order = price.cmp_value(open.price);
        let worse = if side == Side::Buy { order.is_lt() } else { order.is_gt() };
        if !worse {
            return book(PRICE, format!("the price {price} is not worse than {} of the level before", open.price));
        }
        (open.level, open.price) = (level, price);
        Ok(())
    }
}
