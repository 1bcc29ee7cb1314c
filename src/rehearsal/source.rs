//! Sources of the replayed rows: any rows in time order, or a seeded generator for load tests and faults.

use crate::domain::contract::Contract;
use crate::domain::decimal::Decimal;
use crate::domain::order::Side;
use crate::domain::record::{Record, RecordBody};
use crate::domain::rng::Rng;
use crate::domain::time::Timestamp;
use std::collections::VecDeque;

/// Rows in time order. Quantities are in contracts; symbols are indexes in the list of contracts.
pub trait RowSource {
    /// The next row; `None` at the end. An error describes what is wrong and where; reading stops then.
    fn next(&mut self) -> Option<Result<(usize, Record), String>>;

    /// Restarts from the beginning.
    ///
    /// # Errors
    /// Why it cannot be read again.
    fn rewind(&mut self) -> Result<(), String>;
}

/// Rows in memory.
#[derive(Default)]
pub struct Rows {
    rows: Vec<(usize, Record)>,
    at: usize,
}

impl Rows {
    /// These rows, in time order.
    pub fn new(rows: Vec<(usize, Record)>) -> Self {
        Rows { rows, at: 0 }
    }
}

impl RowSource for Rows {
    fn next(&mut self) -> Option<Result<(usize, Record), String>> {
        let row = self.rows.get(self.at).copied();
        self.at += 1;
        row.map(Ok)
    }

    fn rewind(&mut self) -> Result<(), String> {
        self.at = 0;
        Ok(())
    }
}

/// An endless synthetic market: every symbol does a random walk by single ticks, with trades and level
/// changes in the ratio 1 : 3. Each message changes one thing, so with `compress: false` there are as many
/// frames as messages.
pub struct Generator {
    seed: u64,
    symbols: usize,
    /// Nanoseconds between two messages.
    every_ns: i64,
    rng: Rng,
    walks: Vec<Walk>,
    count: i64,
    queued: VecDeque<(usize, Record)>,
}

#[derive(Clone, Copy)]
struct Walk {
    /// Best bid in ticks; the best ask is one tick above.
    bid: i64,
}

/// Levels per side.
const LEVELS: i64 = 20;

impl Generator {
    /// `messages` per second over all symbols.
    pub fn new(symbols: usize, messages: u32, seed: u64) -> Self {
        let every_ns = 1_000_000_000 / i64::from(messages.max(1));
        let mut made = Generator {
            seed,
            symbols,
            every_ns,
            rng: Rng::new(seed),
            walks: Vec::new(),
            count: 0,
            queued: VecDeque::new(),
        };
        made.open();
        made
    }

    /// The contracts of a generator's symbols: `C0_USDT`, `C1_USDT`, … with a price step of 0.01.
    pub fn contracts(symbols: usize) -> Vec<Contract> {
        (0..symbols).map(|index| contract(&format!("C{index}"))).collect()
    }

    fn open(&mut self) {
        self.rng = Rng::new(self.seed);
        self.count = 0;
        self.walks = (0..self.symbols).map(|_| Walk { bid: self.rng.between(5_000, 500_000) }).collect();
        self.queued.clear();
        for index in 0..self.symbols {
            let bid = self.walks[index].bid;
            for side in [Side::Buy, Side::Sell] {
                for level in 0..LEVELS {
                    let ticks = if side == Side::Buy { bid - level } else { bid + 1 + level };
                    self.queued.push_back((index, change(0, side, ticks, self.rng.between(1, 5_000), true)));
                }
            }
        }
    }

    fn walk(&mut self) -> (usize, Record) {
        self.count += 1;
        let at = self.count * self.every_ns;
        let index = usize::try_from(self.rng.below(self.symbols as u64)).unwrap_or(0);
        if self.rng.once_in(100) {
            self.shift(index, at);
            if let Some(first) = self.queued.pop_front() {
                return first;
            }
        }
        let walk = &mut self.walks[index];
        let side = if self.rng.once_in(2) { Side::Buy } else { Side::Sell };
        if self.rng.once_in(4) {
            let price = ticks(if side == Side::Buy { walk.bid + 1 } else { walk.bid });
            let quantity = Decimal::new(self.rng.between(1, 300), 0).unwrap_or(Decimal::ONE);
            let body = RecordBody::Trade { price, quantity, taker: side, id: None };
            return (index, Record { exchange_at: Timestamp::from_nanos(at), received_at: None, body });
        }
        let level = self.rng.between(0, LEVELS - 1);
        let level_ticks = if side == Side::Buy { walk.bid - level } else { walk.bid + 1 + level };
        (index, change(at, side, level_ticks, self.rng.between(1, 5_000), false))
    }
}

impl Generator {
    /// Moves the price by a tick: four level changes, each a message of its own.
    fn shift(&mut self, index: usize, at: i64) {
        let bid = self.walks[index].bid;
        let up = bid < 1_000 || self.rng.once_in(2);
        let sizes = [self.rng.between(1, 5_000), self.rng.between(1, 5_000)];
        let changes = if up {
            [
                (Side::Sell, bid + 1, 0),
                (Side::Buy, bid + 1, sizes[0]),
                (Side::Buy, bid - LEVELS + 1, 0),
                (Side::Sell, bid + 1 + LEVELS, sizes[1]),
            ]
        } else {
            [
                (Side::Buy, bid, 0),
                (Side::Sell, bid, sizes[0]),
                (Side::Sell, bid + LEVELS, 0),
                (Side::Buy, bid - LEVELS, sizes[1]),
            ]
        };
        self.walks[index].bid += if up { 1 } else { -1 };
        for (step, (side, ticks, contracts)) in (0..).zip(changes) {
            self.queued.push_back((index, change(at + step * self.every_ns, side, ticks, contracts, false)));
        }
        self.count += 3;
    }
}

impl RowSource for Generator {
    fn next(&mut self) -> Option<Result<(usize, Record), String>> {
        let queued = self.queued.pop_front();
        Some(Ok(queued.unwrap_or_else(|| self.walk())))
    }

    fn rewind(&mut self) -> Result<(), String> {
        self.open();
        Ok(())
    }
}

fn ticks(count: i64) -> Decimal {
    Decimal::new(count, 2).unwrap_or(Decimal::ONE)
}

fn change(at_ns: i64, side: Side, price_ticks: i64, contracts: i64, snapshot: bool) -> Record {
    let quantity = Decimal::new(contracts, 0).unwrap_or(Decimal::ZERO);
    let body =
        RecordBody::LevelChange { side, price: ticks(price_ticks), quantity, snapshot, update_id: None };
    Record { exchange_at: Timestamp::from_nanos(at_ns), received_at: None, body }
}

/// A linear USDT contract of one base unit with steps of 0.01 and 1, for tests and for recordings without
/// terms.
pub fn contract(base: &str) -> Contract {
    let decimal = |mantissa: i64, scale: u8| Decimal::new(mantissa, scale).unwrap_or(Decimal::ONE);
    Contract {
        symbol: format!("{base}_USDT"),
        display_name: format!("{base}_USDT PERPETUAL"),
        base: base.to_owned(),
        quote: "USDT".to_owned(),
        settle: "USDT".to_owned(),
        contract_size: Decimal::ONE,
        price_step: decimal(1, 2),
        quantity_step: Decimal::ONE,
        min_quantity: Decimal::ONE,
        max_quantity: decimal(1_000_000, 0),
        max_leverage: 200,
        maker_fee: decimal(1, 4),
        taker_fee: decimal(4, 4),
        maintenance: Some(decimal(4, 3)),
        tiers: Vec::new(),
        state: 0,
        is_api_allowed: true,
        listed_ms: Some(1_591_242_684_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generator_repeats_itself_in_time_order_at_its_pace() {
        let mut made = Generator::new(3, 1_000, 5);
        let mut take =
            |count: usize| -> Vec<(usize, Record)> { (0..count).filter_map(|_| made.next()?.ok()).collect() };
        let first = take(20_000);
        assert!(first.windows(2).all(|pair| pair[0].1.exchange_at <= pair[1].1.exchange_at));
        // After the opening books there is one row per millisecond.
        let seconds = first.last().map_or(0, |(_, record)| record.exchange_at.millis()) / 1_000;
        assert_eq!(seconds, 19);
        made.rewind().unwrap();
        let again: Vec<(usize, Record)> = (0..20_000).filter_map(|_| made.next()?.ok()).collect();
        assert_eq!(first, again);
    }
}
