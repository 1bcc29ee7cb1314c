//! The latest trades of a file by their ids, so that none counts twice.
//!
//! Memory is bounded: of more than [`KNOWN_TRADES`] trades, of whichever symbols, the oldest are forgotten.
//! What then cannot be known is counted: a trade whose id is above all before is new, and one whose id is not
//! above that of a forgotten trade of its symbol may be that trade.

use crate::domain::decimal::Decimal;
use crate::domain::order::Side;
use crate::domain::time::Timestamp;
use crate::files::error::Problem;
use crate::files::row::Flaw;
use crate::limits::{CONTRADICTING_TRADES, KNOWN_TRADES};
use std::collections::{HashMap, VecDeque};
use std::fmt;

/// Trades for which a symbol keeps memory after they were forgotten.
const SPARE: usize = 64;

/// Slot of `trade_id` in a trade row.
const TRADE_ID: usize = 6;

/// Whether a row is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::files) enum TradeCheck {
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

/// Trades of a file.
pub(super) struct KnownTrades {
    /// By index of the symbol.
    symbols: Vec<OfSymbol>,
    /// The remembered trades from the oldest on: the symbol of each, and whether it is among the late ones.
    order: VecDeque<(u32, bool)>,
    bound: usize,
}

/// Trades of a symbol.
#[derive(Default)]
struct OfSymbol {
    /// Those whose id was above all before, which is most of them, so they are sorted by id.
    rising: VecDeque<(u64, TradeOfId)>,
    /// The others, and the order in which they came.
    late: HashMap<u64, TradeOfId>,
    late_order: VecDeque<u64>,
    /// Highest id, and the highest of those that are forgotten.
    highest: Option<u64>,
    forgotten: Option<u64>,
    taken: u64,
    contradictions: u64,
    unchecked: u64,
}

impl Default for KnownTrades {
    fn default() -> Self {
        KnownTrades { symbols: Vec::new(), order: VecDeque::new(), bound: KNOWN_TRADES }
    }
}

impl KnownTrades {
    /// Takes the next trade of a symbol.
    ///
    /// # Errors
    /// The column holds no ids of trades: too many of its values stand at different trades.
    #[inline]
    pub(super) fn take(&mut self, symbol: u32, id: u64, trade: TradeOfId) -> Result<TradeCheck, Flaw> {
        let index = symbol as usize;
        if index >= self.symbols.len() {
            self.symbols.resize_with(index + 1, OfSymbol::default);
        }
        let own = &mut self.symbols[index];
        own.taken += 1;
        let is_late = own.highest.is_some_and(|highest| id <= highest);
        if is_late {
            let check = own.take_late(id, trade)?;
            if check != TradeCheck::Next {
                return Ok(check);
            }
        } else {
            own.highest = Some(id);
            own.rising.push_back((id, trade));
        }
        self.order.push_back((symbol, is_late));
        if self.order.len() > self.bound
            && let Some((oldest, is_late)) = self.order.pop_front()
        {
            self.symbols[oldest as usize].forget(is_late);
        }
        Ok(TradeCheck::Next)
    }

    /// Trades of a symbol of which nobody knows whether they repeat a forgotten one.
    pub(super) fn unchecked(&self, symbol: u32) -> u64 {
        self.symbols.get(symbol as usize).map_or(0, |own| own.unchecked)
    }
}

impl OfSymbol {
    fn take_late(&mut self, id: u64, trade: TradeOfId) -> Result<TradeCheck, Flaw> {
        let known = self.rising.binary_search_by_key(&id, |(known, _)| *known).ok();
        let known = known.map(|index| self.rising[index].1).or_else(|| self.late.get(&id).copied());
        match known {
            Some(known) if known.is_same(&trade) => Ok(TradeCheck::Repeated),
            Some(kept) => {
                self.contradictions += 1;
                if self.contradictions > CONTRADICTING_TRADES.max(self.taken / 100) {
                    return Err(Box::new((TRADE_ID, Problem::TradeIdReused(id))));
                }
                Ok(TradeCheck::Contradicts(Contradiction { id, kept, dropped: trade }))
            }
            None => {
                self.unchecked += u64::from(self.forgotten.is_some_and(|highest| id <= highest));
                self.late.insert(id, trade);
                self.late_order.push_back(id);
                Ok(TradeCheck::Next)
            }
        }
    }

    /// Forgets the oldest trade, and gives memory back when most of it is unused: each symbol may have held
    /// all trades once.
    fn forget(&mut self, is_late: bool) {
        let id = match is_late {
            true => self.late_order.pop_front().inspect(|id| {
                self.late.remove(id);
            }),
            false => self.rising.pop_front().map(|(id, _)| id),
        };
        self.forgotten = self.forgotten.max(id);
        let is_spare = |held: usize, capacity: usize| capacity > SPARE && held < capacity / 4;
        if is_spare(self.rising.len(), self.rising.capacity()) {
            self.rising.shrink_to(2 * self.rising.len());
        }
        if is_spare(self.late.len(), self.late.capacity()) {
            self.late.shrink_to(2 * self.late.len());
            self.late_order.shrink_to(2 * self.late_order.len());
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

    fn bounded(bound: usize) -> KnownTrades {
        KnownTrades { bound, ..KnownTrades::default() }
    }

    #[test]
    fn an_id_counts_once_at_whatever_time_it_comes_again() {
        let mut known = KnownTrades::default();
        let mut take = |id, second, price| known.take(0, id, trade(second, price)).ok().unwrap();
        assert!([5, 7, 3, 9].iter().all(|id| take(*id, 1, 1) == TradeCheck::Next));
        assert!([3, 9, 5, 7].iter().all(|id| take(*id, 600, 1) == TradeCheck::Repeated));
        let other = take(3, 700, 2);
        assert!(matches!(other, TradeCheck::Contradicts(Contradiction { id: 3, .. })), "{other:?}");
        assert_eq!(known.unchecked(0), 0, "nothing was forgotten");
    }

    #[test]
    fn a_column_that_is_no_id_of_trades_is_refused() {
        let mut known = KnownTrades::default();
        let refused = (0..1_000).position(|n| known.take(0, 1, trade(n, n)).is_err());
        assert_eq!(refused, Some(CONTRADICTING_TRADES as usize + 1));
    }

    #[test]
    fn one_bound_is_for_all_symbols_in_either_order_of_ids() {
        const BOUND: usize = 1_000;
        for descending in [false, true] {
            let mut known = bounded(BOUND);
            // One symbol after the other, and then all of them in turns.
            let rows = (0..20 * 2_000_u32).map(|n| n / 2_000).chain((0..20_000).map(|n| n % 20));
            for (n, symbol) in rows.enumerate() {
                let id = if descending { 1_000_000 - n as u64 } else { n as u64 };
                assert!(matches!(known.take(symbol, id, trade(0, 1)), Ok(TradeCheck::Next)));
            }
            let held: usize = known.symbols.iter().map(|own| own.rising.len() + own.late.len()).sum();
            let memory = known.symbols.iter().map(|own| own.rising.capacity() + own.late.capacity());
            assert_eq!((held, known.order.len()), (BOUND, BOUND));
            assert!(memory.sum::<usize>() <= 4 * BOUND + 20 * 4 * SPARE, "what is forgotten takes no memory");
        }
    }

    #[test]
    fn what_may_repeat_a_forgotten_trade_is_counted() {
        let mut known = bounded(10);
        let mut take = |symbol, id| known.take(symbol, id, trade(0, 1)).ok().unwrap();
        assert!((0..30).all(|n| take(0, 2 * n) == TradeCheck::Next));
        // 38 and less are forgotten.
        assert_eq!(
            (take(0, 58), take(0, 41)),
            (TradeCheck::Repeated, TradeCheck::Next),
            "both could be looked up"
        );
        assert_eq!(take(0, 10), TradeCheck::Next, "it is a repetition that nobody can notice");
        assert!((0..10).all(|n| take(1, n) == TradeCheck::Next), "another symbol takes the memory");
        assert_eq!(
            (take(0, 58), take(0, 60)),
            (TradeCheck::Next, TradeCheck::Next),
            "60 is above all before"
        );
        assert_eq!((known.unchecked(0), known.unchecked(1)), (2, 0));
    }
}
