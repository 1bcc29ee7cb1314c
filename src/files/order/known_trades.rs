//! The latest trades of a symbol by their ids, so that none counts twice.
//!
//! Memory is bounded: of more than [`KNOWN_TRADES`] trades the oldest are forgotten, and a repetition of one of them is not
//! noticed.

use crate::domain::decimal::Decimal;
use crate::domain::order::Side;
use crate::domain::time::Timestamp;
use crate::files::error::Problem;
use crate::files::row::Flaw;
use crate::limits::{CONTRADICTING_TRADES, KNOWN_TRADES};
use std::collections::{HashMap, VecDeque};
use std::fmt;

/// Trades of a symbol that are remembered at least, however many symbols a file has.
const LEAST: usize = 64;

/// Slot of `trade_id` in a trade row.
const TRADE_ID: usize = 6;

/// Whether a row is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::files) enum Place {
    /// A new row; keep it.
    Next,
    /// A trade whose id, price, quantity and side were there before; drop it.
    Repeated,
    /// A trade whose id was there with another price, quantity or side; drop it and tell.
    Contradicts(Contradiction),
}

/// Two trades of one id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::files) struct Contradiction {
    id: u64,
    kept: TradeOfId,
    dropped: TradeOfId,
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "id {} is {} and then {}", self.id, self.kept, self.dropped)
    }
}

/// What a trade is beside its id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::files) struct TradeOfId {
    pub at: Timestamp,
    pub price: Decimal,
    pub quantity: Decimal,
    pub taker: Side,
}

impl TradeOfId {
    /// Whether both can be one trade. Its time may differ: recorders stamp what they get again anew.
    fn is_same(&self, other: &TradeOfId) -> bool {
        let values = |trade: &TradeOfId| (trade.price, trade.quantity, trade.taker);
        values(self) == values(other)
    }
}

impl fmt::Display for TradeOfId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} at {} ({})", self.taker.as_str(), self.quantity, self.price, self.at)
    }
}

/// Trades of a symbol.
#[derive(Default)]
pub(super) struct KnownTrades {
    /// Those whose id was above all before, which is most of them, so they are sorted by id.
    rising: VecDeque<(u64, TradeOfId)>,
    /// The others, and the order in which they came.
    late: HashMap<u64, TradeOfId>,
    late_order: VecDeque<u64>,
    taken: u64,
    contradictions: u64,
}

impl KnownTrades {
    /// Takes the next trade of the symbol; the file has so many symbols with trades.
    ///
    /// # Errors
    /// The column holds no ids of trades: too many of its values stand at different trades.
    #[inline]
    pub(super) fn take(&mut self, id: u64, trade: TradeOfId, symbols: usize) -> Result<Place, Flaw> {
        self.taken += 1;
        let bound = (KNOWN_TRADES / symbols).max(LEAST);
        if self.rising.back().is_none_or(|(highest, _)| id > *highest) {
            self.rising.push_back((id, trade));
            if self.rising.len() > bound {
                self.rising.pop_front();
            }
            return Ok(Place::Next);
        }
        self.take_late(id, trade, bound)
    }

    fn take_late(&mut self, id: u64, trade: TradeOfId, bound: usize) -> Result<Place, Flaw> {
        let known = self.rising.binary_search_by_key(&id, |(known, _)| *known).ok();
        let known = known.map(|place| self.rising[place].1).or_else(|| self.late.get(&id).copied());
        match known {
            Some(known) if known.is_same(&trade) => Ok(Place::Repeated),
            Some(kept) => {
                self.contradictions += 1;
                if self.contradictions > CONTRADICTING_TRADES.max(self.taken / 100) {
                    return Err(Box::new((TRADE_ID, Problem::TradeIdReused(id))));
                }
                Ok(Place::Contradicts(Contradiction { id, kept, dropped: trade }))
            }
            None => {
                self.late.insert(id, trade);
                self.late_order.push_back(id);
                if self.late_order.len() > bound
                    && let Some(oldest) = self.late_order.pop_front()
                {
                    self.late.remove(&oldest);
                }
                Ok(Place::Next)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trade(second: i64, price: i64) -> TradeOfId {
        let one = Decimal::ONE;
        let price = one.times(price).unwrap();
        TradeOfId { at: Timestamp::from_seconds(second), price, quantity: one, taker: Side::Buy }
    }

    #[test]
    fn an_id_counts_once_at_whatever_time_it_comes_again() {
        let mut known = KnownTrades::default();
        let mut take = |id, second, price| known.take(id, trade(second, price), 1).ok().unwrap();
        assert!([5, 7, 3, 9].iter().all(|id| take(*id, 1, 1) == Place::Next));
        assert!([3, 9, 5, 7].iter().all(|id| take(*id, 600, 1) == Place::Repeated));
        let other = take(3, 700, 2);
        assert!(matches!(other, Place::Contradicts(Contradiction { id: 3, .. })), "{other:?}");
    }

    #[test]
    fn a_column_that_is_no_id_of_trades_is_refused() {
        let mut known = KnownTrades::default();
        let refused = (0..1_000).position(|n| known.take(1, trade(n, n), 1).is_err());
        assert_eq!(refused, Some(CONTRADICTING_TRADES as usize + 1));
    }

    #[test]
    fn what_is_remembered_is_bounded_in_either_order_of_ids() {
        for descending in [false, true] {
            let mut known = KnownTrades::default();
            let symbols = KNOWN_TRADES / LEAST;
            for n in 0..4 * LEAST as u64 {
                let id = if descending { 10_000 - n } else { n };
                assert!(matches!(known.take(id, trade(0, 1), symbols), Ok(Place::Next)));
            }
            assert!(known.rising.len() <= LEAST && known.late.len() <= LEAST);
            assert_eq!(known.late.len(), known.late_order.len());
        }
    }
}
