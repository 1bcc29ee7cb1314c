//! Market of one contract: book with versions, deals, candles, prices. Recorded rows go in; the changes come
//! out in [`Fresh`].
//!
//! It reads no clock: times are milliseconds of the exchange's clock, passed in.

pub mod bars;
pub mod ladder;
pub mod show;

mod moved;

use crate::domain::contract::Contract;
use crate::domain::decimal::Decimal;
use crate::domain::num::{Money, Price, Qty};
use crate::domain::order::Side;
use crate::domain::record::{Record, RecordBody};
use crate::domain::rng::{Rng, mixed};
use crate::domain::symbol::SymbolSpec;
use crate::domain::time::Timestamp;
use bars::Bars;
use ladder::{Ladder, LadderChange};
use std::collections::VecDeque;

/// Book changes kept for `depth_commits`; when full the oldest are dropped.
pub const COMMITS: usize = 1_000;

/// Deals kept for the list of recent deals; when full the oldest are dropped.
pub const LAST_DEALS: usize = 100;

/// Levels per side of a synthetic book, used when only trades were recorded.
const MADE_UP_LEVELS: i64 = 20;

/// A book change and its version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Commit {
    /// The book's version after the change.
    pub version: u64,
    /// Time, milliseconds.
    pub at_ms: i64,
    /// The change.
    pub change: LadderChange,
}

/// A trade.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deal {
    /// Id, increasing over all symbols.
    pub id: u64,
    /// Time, milliseconds.
    pub at_ms: i64,
    /// Price.
    pub price: Price,
    /// Lots.
    pub qty: Qty,
    /// Side of the taker.
    pub taker: Side,
}

/// Current funding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Funding {
    /// Current estimate, a fraction.
    pub rate: Decimal,
    /// Hours between settlements.
    pub cycle_hours: i64,
    /// Next settlement, milliseconds.
    pub next_ms: i64,
}

/// Source of the book; a more detailed one replaces the others.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum BookSource {
    Nothing,
    Trades,
    Quotes,
    Snapshots,
    Changes,
}

/// Changes not yet handled by the exchange.
#[derive(Default, Debug)]
pub struct Fresh {
    /// Book changes in order.
    pub commits: Vec<Commit>,
    /// Deals in order.
    pub deals: Vec<Deal>,
    /// Rate of a recorded settlement.
    pub settled: Option<Decimal>,
    /// Whether the fair or index price was recorded anew.
    pub marked: bool,
}

impl Fresh {
    /// Clears it and keeps the memory.
    pub fn clear(&mut self) {
        self.commits.clear();
        self.deals.clear();
        (self.settled, self.marked) = (None, false);
    }
}

/// A contract's market.
#[derive(Debug)]
pub struct Market {
    /// Terms.
    pub contract: Contract,
    /// Steps.
    pub spec: SymbolSpec,
    /// Order book.
    pub ladder: Ladder,
    /// Version of the book.
    pub version: u64,
    /// Recent changes, oldest first.
    pub commits: VecDeque<Commit>,
    /// Recent deals, oldest first.
    pub deals: VecDeque<Deal>,
    /// Candles.
    pub bars: Bars,
    /// First traded price.
    pub first: Option<Price>,
    /// Last traded price.
    pub last: Option<Price>,
    /// Recorded index price.
    pub index: Option<Decimal>,
    /// Recorded fair price.
    pub mark: Option<Decimal>,
    /// Funding.
    pub funding: Funding,
    /// The last hundred settlements, oldest first: milliseconds and rate.
    pub settlements: VecDeque<(i64, Decimal)>,
    /// Whether it was removed from the list of contracts.
    pub is_delisted: bool,
    /// Whether prices are shown with one digit more than the recorded step.
    pub has_finer_prices: bool,
    /// Changes since they were last taken.
    pub fresh: Fresh,
    /// Fault: the fair price instead of the recorded one, and until when (true time).
    pub moved_fair: Option<(Price, Option<i64>)>,
    /// Fault: likewise the index price.
    pub moved_index: Option<(Price, Option<i64>)>,
    /// Fault: when hidden bids are shown again, true time in milliseconds.
    pub bids_back_ms: Option<i64>,
    /// Fault: when positions in this delisted contract are closed, likewise.
    pub closes_ms: Option<i64>,
    /// Fault: how far recorded prices are moved, in ticks.
    shift: i64,
    /// Fault: the bids that are not shown.
    hidden: Option<Ladder>,
    source: BookSource,
    gathered: Vec<LadderChange>,
    gathered_at: Option<Timestamp>,
    changed: Vec<LadderChange>,
}

impl Market {
    /// A market without data.
    ///
    /// # Errors
    /// Terms whose steps cannot be represented exactly, or an inverse contract.
    pub fn new(contract: Contract, rng: &mut Rng, now_ms: i64) -> Result<Self, String> {
        if !contract.is_linear() {
            return Err(format!(
                "{} is settled in {}: only linear contracts are rehearsed",
                contract.symbol, contract.settle
            ));
        }
        let spec = SymbolSpec::new(
            &contract.symbol,
            contract.price_step,
            contract.quantity_step,
            contract.contract_size,
        );
        let spec = spec
            .ok_or_else(|| format!("{}: the steps are too fine to count money exactly", contract.symbol))?;
        let rate = Decimal::new(1, 4).unwrap_or(Decimal::ZERO);
        let cycle_hours = 8;
        let funding = Funding { rate, cycle_hours, next_ms: next_settlement(now_ms, cycle_hours) };
        Ok(Market {
            contract,
            spec,
            ladder: Ladder::default(),
            version: 1_000_000_000 + rng.below(9_000_000_000),
            commits: VecDeque::new(),
            deals: VecDeque::new(),
            bars: Bars::default(),
            first: None,
            last: None,
            index: None,
            mark: None,
            funding,
            settlements: VecDeque::new(),
            is_delisted: false,
            has_finer_prices: false,
            fresh: Fresh::default(),
            moved_fair: None,
            moved_index: None,
            bids_back_ms: None,
            closes_ms: None,
            shift: 0,
            hidden: None,
            source: BookSource::Nothing,
            gathered: Vec::new(),
            gathered_at: None,
            changed: Vec::new(),
        })
    }

    /// The fair price in ticks: as recorded, else the mid price, else the last price.
    pub fn fair(&self) -> Option<Price> {
        if let Some((price, _)) = self.moved_fair {
            return Some(price);
        }
        let recorded = self.mark.map(|mark| self.nearest(mark));
        let middle = || {
            let (bid, ask) = (self.ladder.best(Side::Buy)?.0, self.ladder.best(Side::Sell)?.0);
            Some(Price((bid.0 + ask.0) / 2))
        };
        recorded.or_else(middle).or(self.last)
    }

    /// The index price in ticks: as recorded, else the fair price.
    pub fn index_price(&self) -> Option<Price> {
        if let Some((price, _)) = self.moved_index {
            return Some(price);
        }
        self.index.map(|index| self.nearest(index)).or_else(|| self.fair())
    }

    /// The index price as shown.
    pub fn index_decimal(&self) -> Option<Decimal> {
        let moved = self.moved_index.map(|(price, _)| self.price_decimal(price));
        moved.or(self.index).or_else(|| self.fair().map(|price| self.price_decimal(price)))
    }

    /// Whether orders match: not while paused, and not after delisting.
    pub fn is_trading(&self) -> bool {
        self.contract.state == 0 && !self.is_delisted
    }

    fn nearest(&self, value: Decimal) -> Price {
        value.in_steps_of(self.spec.price_step).map_or_else(|| self.spec.price_floor(value.to_f64()), Price)
    }

    /// Applies a recorded row at this time.
    ///
    /// # Errors
    /// A price or quantity that is not a multiple of the contract's step.
    pub fn row(&mut self, record: &Record, at_ms: i64, ids: &mut u64) -> Result<(), String> {
        if self.gathered_at.is_some_and(|at| at != record.exchange_at || !gathers(&record.body)) {
            self.finish_book(at_ms);
        }
        match record.body {
            RecordBody::Trade { price, quantity, taker, .. } => {
                let (price, qty) = (self.price(price)?, self.qty(quantity)?);
                *ids += 1;
                self.trade(Deal { id: *ids, at_ms, price, qty, taker });
            }
            RecordBody::SnapshotLevel { side, level, price, quantity } => {
                if self.take(BookSource::Snapshots) {
                    if level == 1 && self.gathered.iter().any(|known| known.side == side) {
                        self.finish_book(at_ms);
                    }
                    self.gather(record.exchange_at, side, price, quantity)?;
                }
            }
            RecordBody::LevelChange { side, price, quantity, snapshot, .. } => {
                self.take(BookSource::Changes);
                if snapshot {
                    self.gather(record.exchange_at, side, price, quantity)?;
                } else {
                    let change = LadderChange { side, price: self.price(price)?, qty: self.qty(quantity)? };
                    self.set_level(change);
                    self.commit(at_ms);
                }
            }
            RecordBody::Quote { bid_price, bid_quantity, ask_price, ask_quantity, .. } => {
                if self.take(BookSource::Quotes) {
                    self.gather(record.exchange_at, Side::Buy, bid_price, bid_quantity)?;
                    self.gather(record.exchange_at, Side::Sell, ask_price, ask_quantity)?;
                    self.finish_book(at_ms);
                }
            }
            RecordBody::Bar { close, volume, .. } => {
                let (price, qty) = (self.price(close)?, self.qty(volume)?);
                if !qty.is_zero() {
                    *ids += 1;
                    self.trade(Deal { id: *ids, at_ms, price, qty, taker: Side::Buy });
                }
            }
            RecordBody::Mark { mark, index } => {
                self.mark = Some(self.moved(mark));
                self.index = index.map(|index| self.moved(index)).or(self.index);
                self.fresh.marked = true;
            }
            RecordBody::Funding { rate } => {
                self.funding.rate = rate;
                self.fresh.settled = Some(rate);
            }
        }
        Ok(())
    }

    /// Whether the book follows this source; a more detailed one replaces the others for good.
    fn take(&mut self, source: BookSource) -> bool {
        self.source = self.source.max(source);
        self.source == source
    }

    fn gather(&mut self, at: Timestamp, side: Side, price: Decimal, quantity: Decimal) -> Result<(), String> {
        let change = LadderChange { side, price: self.price(price)?, qty: self.qty(quantity)? };
        self.gathered.push(change);
        self.gathered_at = Some(at);
        Ok(())
    }

    /// Applies the collected rows of a complete snapshot to the book.
    pub fn finish_book(&mut self, at_ms: i64) {
        if self.gathered_at.take().is_some() {
            let levels = std::mem::take(&mut self.gathered);
            self.replace_book(&levels);
            self.gathered = levels;
            self.gathered.clear();
            self.commit(at_ms);
        }
    }

    fn commit(&mut self, at_ms: i64) {
        for change in self.changed.drain(..) {
            self.version += 1;
            let commit = Commit { version: self.version, at_ms, change };
            if self.commits.len() == COMMITS {
                self.commits.pop_front();
            }
            self.commits.push_back(commit);
            self.fresh.commits.push(commit);
        }
    }

    fn trade(&mut self, deal: Deal) {
        self.first = self.first.or(Some(deal.price));
        self.last = Some(deal.price);
        if self.deals.len() == LAST_DEALS {
            self.deals.pop_front();
        }
        self.deals.push_back(deal);
        self.bars.add(&deal, self.spec.notional(deal.price, deal.qty));
        self.fresh.deals.push(deal);
        if self.take(BookSource::Trades) {
            self.make_up_book(&deal);
        }
    }

    /// A synthetic book around a trade: the taker's price is the best price of the opposite side.
    fn make_up_book(&mut self, deal: &Deal) {
        let best_bid = if deal.taker == Side::Buy { deal.price.0 - 1 } else { deal.price.0 };
        let sides = [(Side::Buy, best_bid, -1), (Side::Sell, best_bid + 1, 1)];
        let mut levels = Vec::new();
        for (side, best, direction) in sides {
            for step in 0..MADE_UP_LEVELS {
                let price = Price(best + direction * step);
                let lots = 1 + i64::try_from(mixed(price.0, deal.qty.0) % 500).unwrap_or(0) + deal.qty.0;
                levels.push(LadderChange { side, price, qty: Qty(lots) });
            }
        }
        levels.retain(|level| level.price.0 > 0);
        self.replace_book(&levels);
        self.commit(deal.at_ms);
    }

    /// Clears the book when the recording restarts.
    pub fn begin_again(&mut self, at_ms: i64) {
        self.gathered_at = None;
        self.gathered.clear();
        self.replace_book(&[]);
        self.commit(at_ms);
    }

    /// A book change that was not recorded: noise, or a fault.
    pub fn disturb(&mut self, change: LadderChange, at_ms: i64) {
        self.set_level(change);
        self.ladder.uncross(change.side, &mut self.changed);
        self.commit(at_ms);
    }

    /// A deal that was not recorded.
    pub fn invent(&mut self, deal: Deal) {
        self.trade(deal);
    }

    /// Records a settlement and schedules the next.
    pub fn settled(&mut self, at_ms: i64, rate: Decimal) {
        if self.settlements.len() == 100 {
            self.settlements.pop_front();
        }
        self.settlements.push_back((at_ms, rate));
        self.funding.next_ms = next_settlement(at_ms, self.funding.cycle_hours);
    }

    /// Notional value of lots at a price.
    pub fn notional(&self, price: Price, qty: Qty) -> Money {
        self.spec.notional(price, qty)
    }

    fn price(&self, value: Decimal) -> Result<Price, String> {
        let steps = value.in_steps_of(self.spec.price_step).filter(|ticks| *ticks > 0);
        steps.map(|ticks| Price((ticks + self.shift).max(1))).ok_or_else(|| {
            format!(
                "{}: the price {value} is not a multiple of {}",
                self.contract.symbol, self.spec.price_step
            )
        })
    }

    fn qty(&self, value: Decimal) -> Result<Qty, String> {
        let steps = value.in_steps_of(self.spec.quantity_step).filter(|lots| *lots >= 0);
        steps.map(Qty).ok_or_else(|| {
            format!(
                "{}: {value} contracts are not a multiple of {}",
                self.contract.symbol, self.spec.quantity_step
            )
        })
    }
}

fn gathers(body: &RecordBody) -> bool {
    matches!(body, RecordBody::SnapshotLevel { .. } | RecordBody::LevelChange { snapshot: true, .. })
}

/// The next multiple of the funding cycle after a time.
pub fn next_settlement(now_ms: i64, cycle_hours: i64) -> i64 {
    let cycle_ms = cycle_hours.max(1) * 3_600_000;
    (now_ms.div_euclid(cycle_ms) + 1) * cycle_ms
}
