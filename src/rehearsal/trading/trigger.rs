//! Trigger orders and stop orders: each waits for a price, then makes an ordinary order.
//!
//! Invariant: a final state stays final, and each makes at most one order.

use super::order::{Hold, NewOrder};
use crate::domain::num::{Price, Qty};
use crate::rehearsal::market::{Deal, Market};

/// States on the wire.
pub mod state {
    /// Waiting for its price.
    pub const WAITING: i64 = 1;
    /// Cancelled by the client, or because its position has ended.
    pub const CANCELLED: i64 = 2;
    /// It has made its order.
    pub const EXECUTED: i64 = 3;
    /// Its life has ended.
    pub const INVALID: i64 = 4;
    /// Its price was reached, but no order could be made.
    pub const FAILED: i64 = 5;
}

/// `triggerSide` of a stop order: which of its prices was reached.
pub mod side {
    /// None yet.
    pub const NONE: i64 = 0;
    /// `takeProfitPrice`.
    pub const PROFIT: i64 = 1;
    /// `stopLossPrice`.
    pub const LOSS: i64 = 2;
}

/// The prices of one moment that conditions look at; of trades the lowest and the highest.
#[derive(Clone, Copy, Debug)]
pub struct Prices {
    last: Option<(Price, Price)>,
    fair: Option<Price>,
    index: Option<Price>,
}

impl Prices {
    /// Prices of a market after these deals.
    pub fn of(market: &Market, deals: &[Deal]) -> Self {
        let all = || deals.iter().map(|deal| deal.price).chain(market.last);
        let last = all().min().zip(all().max());
        Prices { last, fair: market.fair(), index: market.index_price() }
    }

    /// The lowest and highest of the price that `trend` names.
    fn range(&self, trend: i64) -> Option<(Price, Price)> {
        let one = |price: Option<Price>| price.map(|price| (price, price));
        match trend {
            2 => one(self.fair),
            3 => one(self.index),
            _ => self.last.or_else(|| one(self.fair)),
        }
    }

    /// Whether the price that `trend` names is, or was, this high or this low.
    pub fn reach(&self, price: Price, is_above: bool, trend: i64) -> bool {
        self.range(trend)
            .is_some_and(|(lowest, highest)| if is_above { highest >= price } else { lowest <= price })
    }
}

/// A trigger order (`planorder`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Id, in a space of its own.
    pub id: u64,
    /// The order that it makes; `external` is set then.
    pub new: NewOrder,
    /// `triggerPrice`.
    pub price: Price,
    /// `triggerType` 1: at or above the price; 2: at or below.
    pub is_above: bool,
    /// The watched price: 1 last, 2 fair, 3 index.
    pub trend: i64,
    /// Life in hours.
    pub cycle_hours: i64,
    /// `reduceOnly` as sent.
    pub reduce_only: bool,
    /// See [`state`].
    pub state: i64,
    /// Why no order could be made; 0: none.
    pub error_code: i64,
    /// The order that it made; 0: none.
    pub made: u64,
    /// Whether the position that it closes has existed.
    pub had_position: bool,
    /// Time of acceptance, milliseconds.
    pub created_ms: i64,
    /// Time of the last change, milliseconds.
    pub updated_ms: i64,
}

impl Plan {
    /// When its life ends, milliseconds.
    pub fn expires_ms(&self) -> i64 {
        self.created_ms + self.cycle_hours * 3_600_000
    }

    /// Whether it would close this position.
    pub fn closes(&self, symbol: usize, hold: Hold) -> bool {
        self.new.symbol == symbol && !self.new.is_opening() && self.new.hold() == hold
    }

    /// Whether it closes at a loss of the price: a long when it falls, a short when it rises.
    pub fn is_stop(&self) -> bool {
        !self.new.is_opening() && self.is_above == (self.new.hold() == Hold::Short)
    }

    /// Puts it into a state.
    pub fn end(&mut self, state: i64, error_code: i64, now_ms: i64) {
        (self.state, self.error_code, self.updated_ms) = (state, error_code, now_ms);
    }

    /// Ends with the order that it made (id and lots), or with the code of its refusal.
    pub fn end_with(&mut self, made: Result<(u64, Qty), i64>, now_ms: i64) {
        self.made = made.map_or(0, |(order, _)| order);
        let (state, code) = outcome(made);
        self.end(state, code, now_ms);
    }
}

/// One price of a stop order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Leg {
    /// The price to reach.
    pub price: Price,
    /// The watched price: 1 last, 2 fair, 3 index.
    pub trend: i64,
    /// Lots, when they differ from the stop order's (`SEPARATE`).
    pub qty: Option<Qty>,
    /// Limit price of the order that it makes; `None`: a market order.
    pub limit: Option<Price>,
}

/// A stop order (`stoporder`) on a position: a price for the loss, one for the profit, or both.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stop {
    /// Id, in a space of its own.
    pub id: u64,
    /// The order that brought it; 0: placed on the position.
    pub order: u64,
    /// Index of the contract.
    pub symbol: usize,
    /// Id of the position.
    pub position: u64,
    /// Long or short.
    pub hold: Hold,
    /// Lots; ignored for the whole position.
    pub qty: Qty,
    /// `volType` 2: the whole position, whatever its size.
    pub is_whole: bool,
    /// `stopLossPrice`.
    pub loss: Option<Leg>,
    /// `takeProfitPrice`.
    pub profit: Option<Leg>,
    /// See [`state`].
    pub state: i64,
    /// See [`side`].
    pub triggered: i64,
    /// The order that it made; 0: none.
    pub made: u64,
    /// Lots of that order.
    pub made_qty: Qty,
    /// Why no order could be made; 0: none.
    pub error_code: i64,
    /// Increases with every change.
    pub version: u64,
    /// Time of acceptance, milliseconds.
    pub created_ms: i64,
    /// Time of the last change, milliseconds.
    pub updated_ms: i64,
}

impl Stop {
    /// One that waits on a position (its contract, side and id), for the loss or the profit. `order` brought
    /// it; 0: none.
    pub fn new(
        (id, order): (u64, u64),
        (symbol, hold, position): (usize, Hold, u64),
        (qty, is_whole): (Qty, bool),
        [loss, profit]: [Option<Leg>; 2],
        now_ms: i64,
    ) -> Self {
        Stop {
            id,
            order,
            symbol,
            position,
            hold,
            qty,
            is_whole,
            loss,
            profit,
            state: state::WAITING,
            triggered: side::NONE,
            made: 0,
            made_qty: Qty::ZERO,
            error_code: 0,
            version: 0,
            created_ms: now_ms,
            updated_ms: now_ms,
        }
    }

    /// Whether it waits on this position.
    pub fn is_on(&self, symbol: usize, hold: Hold) -> bool {
        (self.symbol, self.hold) == (symbol, hold)
    }

    /// The lots that it would close of a position with `held` lots.
    pub fn qty_of(&self, held: Qty) -> Qty {
        if self.is_whole { held } else { self.qty.min(held) }
    }

    /// The lots that it would close at a loss, of a position with `held` lots.
    pub fn guards(&self, held: Qty) -> Qty {
        match self.loss {
            None => Qty::ZERO,
            Some(leg) if !self.is_whole => leg.qty.unwrap_or(self.qty).min(held),
            Some(_) => held,
        }
    }

    /// The price that is reached, with its `triggerSide`; the loss first.
    pub fn reached(&self, prices: &Prices) -> Option<(Leg, i64)> {
        let is_long = self.hold == Hold::Long;
        let loss = self.loss.filter(|leg| prices.reach(leg.price, !is_long, leg.trend));
        let profit = self.profit.filter(|leg| prices.reach(leg.price, is_long, leg.trend));
        loss.map(|leg| (leg, side::LOSS)).or(profit.map(|leg| (leg, side::PROFIT)))
    }

    /// Puts it into a state.
    pub fn end(&mut self, state: i64, error_code: i64, now_ms: i64) {
        (self.state, self.error_code, self.updated_ms) = (state, error_code, now_ms);
        self.version += 1;
    }

    /// Ends with the order that it made (id and lots), or with the code of its refusal.
    pub fn end_with(&mut self, made: Result<(u64, Qty), i64>, now_ms: i64) {
        (self.made, self.made_qty) = made.unwrap_or((0, Qty::ZERO));
        let (state, code) = outcome(made);
        self.end(state, code, now_ms);
    }
}

/// State and error code after an order was made or refused.
fn outcome(made: Result<(u64, Qty), i64>) -> (i64, i64) {
    made.map_or_else(|code| (state::FAILED, code), |_| (state::EXECUTED, 0))
}
