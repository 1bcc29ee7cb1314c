//! Order rules between the rows of a file: sorted by time per symbol, snapshots complete and best first, each
//! trade once. Market content is not judged: a crossed book is kept as recorded.

mod known_trades;

use super::error::Problem;
use super::layout::TIME;
use super::row::Flaw;
use crate::domain::decimal::Decimal;
use crate::domain::order::Side;
use crate::domain::record::{Record, RecordBody};
use crate::domain::time::Timestamp;
use known_trades::{KnownTrades, TradeOfId};

pub(super) use known_trades::{Contradiction, TradeCheck};

/// Slots of `side`, `level` and `price` in a snapshot row.
const SIDE: usize = 2;
const LEVEL: usize = 3;
const PRICE: usize = 4;

/// Slot of `rate` in a funding row.
const RATE: usize = 2;

/// State of the previous rows.
#[derive(Default)]
pub(super) struct Order {
    /// Last time and its line, by symbol; line 0: none yet.
    last: Vec<(Timestamp, u64)>,
    snapshot: Option<SnapshotRows>,
    /// Trades with ids.
    trades: KnownTrades,
    /// Last funding rate, by symbol.
    rates: Vec<Option<Decimal>>,
}

/// The snapshot being read.
struct SnapshotRows {
    symbol: u32,
    at: Timestamp,
    side: Side,
    level: u16,
    price: Decimal,
}

impl Order {
    /// Checks the next row against the previous ones.
    #[inline]
    pub fn check(&mut self, symbol: u32, line: u64, record: &Record) -> Result<TradeCheck, Flaw> {
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
        match record.body {
            RecordBody::SnapshotLevel { side, level, price, .. } => {
                self.check_level(symbol, at, side, level, price)?
            }
            RecordBody::Trade { id: Some(id), price, quantity, taker } => {
                return self.trades.take(symbol, id, TradeOfId { at, price, quantity, taker });
            }
            RecordBody::Funding { rate } => {
                if index >= self.rates.len() {
                    self.rates.resize(index + 1, None);
                }
                // A settlement has one rate.
                return match self.rates[index].replace(rate) {
                    Some(known) if at == before && known == rate => Ok(TradeCheck::Repeated),
                    Some(known) if at == before => {
                        Err(Box::new((RATE, Problem::OtherRate { at, known, before_line })))
                    }
                    _ => Ok(TradeCheck::Next),
                };
            }
            _ => {}
        }
        Ok(TradeCheck::Next)
    }

    /// Trades of a symbol whose ids were not compared with those of all trades before.
    pub fn unchecked(&self, symbol: u32) -> u64 {
        self.trades.unchecked(symbol)
    }

    /// A snapshot consists of one side and then the other, each starting at level 1 without holes and with
    /// ever worse prices. After both sides, level 1 of the first side starts another snapshot of the same
    /// time.
    fn check_level(
        &mut self,
        symbol: u32,
        at: Timestamp,
        side: Side,
        level: u16,
        price: Decimal,
    ) -> Result<(), Flaw> {
        let book = |slot, why: String| Err(Box::new((slot, Problem::Book(why))));
        let same = self.snapshot.as_mut().filter(|s| s.symbol == symbol && s.at == at);
        let Some(open) = same else {
            if level != 1 {
                return book(LEVEL, format!("a snapshot begins with level {level}"));
            }
            self.snapshot = Some(SnapshotRows { symbol, at, side, level, price });
            return Ok(());
        };
        if side != open.side {
            if level != 1 {
                return book(SIDE, format!("the other side begins with level {level}"));
            }
            // Also when bids follow bids and asks: that is another snapshot of the same time.
            (open.side, open.level, open.price) = (side, level, price);
            return Ok(());
        }
        if level <= open.level {
            return book(
                LEVEL,
                format!("level {level} comes after level {} of the same side and time", open.level),
            );
        }
        if level != open.level + 1 {
            return book(LEVEL, format!("level {level} follows level {}", open.level));
        }
        let order = price.cmp_value(open.price);
        let worse = if side == Side::Buy { order.is_lt() } else { order.is_gt() };
        if !worse {
            return book(
                PRICE,
                format!("the price {price} is not worse than {} of the level before", open.price),
            );
        }
        (open.level, open.price) = (level, price);
        Ok(())
    }
}
