//! Order rules between the rows of a file: sorted by time per symbol, snapshots complete and best first, each
//! trade once. Market content is not judged: a crossed book is kept as recorded.

use super::error::Problem;
use super::layout::TIME;
use super::row::Flaw;
use crate::domain::decimal::Decimal;
use crate::domain::order::Side;
use crate::domain::record::{Record, RecordBody};
use crate::domain::time::Timestamp;
use crate::limits::TRADES_OF_ONE_TIME;

/// Slot of `trade_id` in a trade row.
const TRADE_ID: usize = 6;
/// Slots of `side`, `level` and `price` in a snapshot row.
const SIDE: usize = 2;
const LEVEL: usize = 3;
const PRICE: usize = 4;

/// State of the previous rows.
#[derive(Default)]
pub(super) struct Order {
    /// Last time and its line, by symbol; line 0: none yet.
    last: Vec<(Timestamp, u64)>,
    snapshot: Option<Snapshot>,
    /// Trades of the last timestamp, by symbol.
    trades: Vec<TradesOfOneTime>,
}

/// Whether a row is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// A new row; keep it.
    Next,
    /// A trade that equals an earlier one in its id and all other values; drop it.
    Repeated,
}

/// Trades of one timestamp with an id, sorted by id. A repeated trade has the same time, and files are sorted
/// by time.
#[derive(Default)]
struct TradesOfOneTime(Vec<(u64, RecordBody)>);

/// The snapshot being read.
struct Snapshot {
    symbol: u32,
    at: Timestamp,
    side: Side,
    level: u16,
    price: Decimal,
}

impl Order {
    /// Checks the next row against the previous ones.
    #[inline]
    pub fn check(&mut self, symbol: u32, line: u64, record: &Record) -> Result<Place, Flaw> {
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
            RecordBody::Trade { id: Some(id), .. } => {
                return self.check_trade(index, at > before, id, record.body);
            }
            _ => {}
        }
        Ok(Place::Next)
    }

    #[inline]
    fn check_trade(
        &mut self,
        index: usize,
        is_new_time: bool,
        id: u64,
        body: RecordBody,
    ) -> Result<Place, Flaw> {
        if index >= self.trades.len() {
            self.trades.resize_with(index + 1, TradesOfOneTime::default);
        }
        let trades = &mut self.trades[index];
        if is_new_time {
            trades.0.clear();
        }
        trades.take(id, body)
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
            self.snapshot = Some(Snapshot { symbol, at, side, level, price });
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

impl TradesOfOneTime {
    fn take(&mut self, id: u64, body: RecordBody) -> Result<Place, Flaw> {
        // Ids usually grow, so most are appended.
        let position = match self.0.last() {
            Some((last, _)) if id <= *last => self.0.binary_search_by_key(&id, |(known, _)| *known),
            _ => Err(self.0.len()),
        };
        match position {
            Ok(known) if self.0[known].1 == body => Ok(Place::Repeated),
            Ok(_) => Err(Box::new((TRADE_ID, Problem::TradeIdReused(id)))),
            Err(position) => {
                if self.0.len() < TRADES_OF_ONE_TIME {
                    self.0.insert(position, (id, body));
                }
                Ok(Place::Next)
            }
        }
    }
}
