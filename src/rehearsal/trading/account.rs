//! An account: balance, orders, positions, and the ledger that proves them.
//!
//! Every change of the balance is in the ledger. Amounts are exact except shares of a position's entry value
//! and margin (truncated) and amounts at a rate (rounded), both to 10^-18.

use super::order::{Hold, Order};
use super::trigger::{Plan, Stop};
use crate::domain::num::{Money, Price, Qty, Rate};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Finished orders that can still be found; when full the oldest are dropped.
pub const ENDED_ORDERS: usize = 10_000;

/// Fills kept; when full the oldest are dropped, their sums stay in [`Ledger`].
pub const FILLS: usize = 100_000;

/// Closed positions that are still listed; when full the oldest are dropped.
pub const ENDED_POSITIONS: usize = 1_000;

/// Funding payments kept; when full the oldest are dropped.
pub const FUNDINGS: usize = 1_000;

/// Maximum of open orders per account; more are refused with 2036.
pub const OPEN_ORDERS: usize = 200;

/// Maximum of waiting trigger orders per account, and of stop orders; more are refused with 2036.
pub const TRIGGERS: usize = 50;

/// Finished trigger orders, and stop orders, that are still listed; when full the oldest are dropped.
pub const ENDED_TRIGGERS: usize = 1_000;

/// A fill.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fill {
    /// Id.
    pub id: u64,
    /// Id of the order.
    pub order: u64,
    /// The order's `externalOid`.
    pub external: String,
    /// Index of the contract.
    pub symbol: usize,
    /// `side` of the order.
    pub side: i64,
    /// Price.
    pub price: Price,
    /// Lots.
    pub qty: Qty,
    /// Fee in the settlement coin; positive: paid.
    pub fee: Money,
    /// Coin and amount of a fee that was paid in another coin.
    pub fee_in: Option<(String, Money)>,
    /// Realised profit.
    pub profit: Money,
    /// Whether it was a taker fill.
    pub is_taker: bool,
    /// Whether both sides were this account's.
    pub is_self: bool,
    /// `category` of the order.
    pub category: i64,
    /// Time, milliseconds.
    pub at_ms: i64,
    /// From when on lists have it, milliseconds; a fault makes that later.
    pub shown_ms: i64,
}

/// A position.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Position {
    /// Id.
    pub id: u64,
    /// Index of the contract.
    pub symbol: usize,
    /// Long or short.
    pub hold: Hold,
    /// 1 isolated, 2 cross.
    pub open_type: i64,
    /// Leverage.
    pub leverage: i64,
    /// Lots held.
    pub qty: Qty,
    /// Value at entry of the lots held.
    pub entry_value: Money,
    /// Margin.
    pub margin: Money,
    /// Lots closed so far.
    pub closed: Qty,
    /// Value at which they were closed.
    pub closed_value: Money,
    /// Profit realised by closing.
    pub profit: Money,
    /// Fees; positive: paid.
    pub fee: Money,
    /// Funding; positive: received.
    pub funding: Money,
    /// Time of opening, milliseconds.
    pub created_ms: i64,
    /// Time of the last change, milliseconds.
    pub updated_ms: i64,
    /// Increases with every change.
    pub version: u64,
}

impl Position {
    /// Profit if it were closed at this value.
    pub fn profit_at(&self, value: Money) -> Money {
        if self.hold == Hold::Long { value - self.entry_value } else { self.entry_value - value }
    }
}

/// A funding payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FundingPaid {
    /// Id.
    pub id: u64,
    /// Index of the contract.
    pub symbol: usize,
    /// Long or short.
    pub hold: Hold,
    /// Position value at the fair price.
    pub value: Money,
    /// Amount; positive: received.
    pub amount: Money,
    /// Funding rate.
    pub rate: Rate,
    /// Time, milliseconds.
    pub at_ms: i64,
}

/// Money that came from another account, or went there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transfer {
    /// Id.
    pub id: u64,
    /// Amount; negative: it went away.
    pub amount: Money,
    /// Time, milliseconds.
    pub at_ms: i64,
}

/// Transfers kept; when full the oldest are dropped.
pub const TRANSFERS: usize = 1_000;

/// Sums of all changes of the balance.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Ledger {
    /// Deposits.
    pub deposits: Money,
    /// Fees paid.
    pub fees: Money,
    /// Realised profit.
    pub profit: Money,
    /// Funding received.
    pub funding: Money,
}

impl Ledger {
    /// The balance that must result.
    pub fn balance(&self) -> Money {
        self.deposits + self.profit + self.funding - self.fees
    }
}

/// An account.
#[derive(Clone, Debug)]
pub struct TraderAccount {
    /// API key.
    pub key: String,
    /// Secret key.
    pub secret: String,
    /// Position mode: 1 hedge, 2 one-way.
    pub mode: i64,
    /// Balance, updated step by step.
    pub balance: Money,
    /// The same changes as sums.
    pub ledger: Ledger,
    /// Fees paid in other coins.
    pub ledger_of_coins: BTreeMap<String, Money>,
    /// Deposits (positive) and withdrawals, oldest first.
    pub transfers: VecDeque<Transfer>,
    /// Open orders.
    pub open: BTreeMap<u64, Order>,
    /// Finished orders, oldest first.
    pub ended: VecDeque<Order>,
    /// Open positions.
    pub positions: BTreeMap<(usize, Hold), Position>,
    /// Closed positions, oldest first.
    pub closed: VecDeque<Position>,
    /// Fills, oldest first.
    pub fills: VecDeque<Fill>,
    /// Funding payments, oldest first.
    pub fundings: VecDeque<FundingPaid>,
    /// Leverage and margin mode by symbol and side.
    pub leverage: BTreeMap<(usize, Hold), (i64, i64)>,
    /// Waiting trigger orders.
    pub plans: BTreeMap<u64, Plan>,
    /// Finished trigger orders, oldest first.
    pub plans_ended: VecDeque<Plan>,
    /// Waiting stop orders.
    pub stops: BTreeMap<u64, Stop>,
    /// Finished stop orders, oldest first.
    pub stops_ended: VecDeque<Stop>,
    /// Whether waiting triggers that close freeze the volume they would close.
    pub do_triggers_freeze: bool,
    /// Positions that were told to be near liquidation, and are still.
    pub at_risk: BTreeSet<u64>,
    /// Positions that no resident stop covers completely, and since when (milliseconds).
    pub bare: BTreeMap<(usize, Hold), i64>,
    /// The periods of that kind that are over, oldest first.
    pub bare_ended: VecDeque<Bare>,
}

/// A period during which no resident stop covered a position completely.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bare {
    /// Index of the contract.
    pub symbol: usize,
    /// Long or short.
    pub hold: Hold,
    /// Begin, milliseconds.
    pub from_ms: i64,
    /// End, milliseconds.
    pub to_ms: i64,
}

/// Periods kept; when full the oldest are dropped.
pub const BARE_ENDED: usize = 10_000;

/// Default leverage and margin mode: 20, isolated.
pub const LEVERAGE: (i64, i64) = (20, 1);

impl TraderAccount {
    /// An account with this deposit.
    pub fn new(key: &str, secret: &str, deposit: Money) -> Self {
        TraderAccount {
            key: key.to_owned(),
            secret: secret.to_owned(),
            mode: 1,
            balance: deposit,
            ledger: Ledger { deposits: deposit, ..Ledger::default() },
            ledger_of_coins: BTreeMap::new(),
            transfers: VecDeque::new(),
            open: BTreeMap::new(),
            ended: VecDeque::new(),
            positions: BTreeMap::new(),
            closed: VecDeque::new(),
            fills: VecDeque::new(),
            fundings: VecDeque::new(),
            leverage: BTreeMap::new(),
            plans: BTreeMap::new(),
            plans_ended: VecDeque::new(),
            stops: BTreeMap::new(),
            stops_ended: VecDeque::new(),
            do_triggers_freeze: false,
            bare: BTreeMap::new(),
            at_risk: BTreeSet::new(),
            bare_ended: VecDeque::new(),
        }
    }

    /// Money reserved for orders.
    pub fn reserved(&self) -> Money {
        self.open.values().map(|order| order.reserved).sum()
    }

    /// Margin of positions.
    pub fn margin(&self) -> Money {
        self.positions.values().map(|position| position.margin).sum()
    }

    /// Money available for new orders.
    pub fn available(&self) -> Money {
        self.balance - self.reserved() - self.margin()
    }

    /// Leverage and margin mode of a side.
    pub fn leverage_of(&self, symbol: usize, hold: Hold) -> (i64, i64) {
        self.leverage.get(&(symbol, hold)).copied().unwrap_or(LEVERAGE)
    }

    /// An order, open or over.
    pub fn order(&self, id: u64) -> Option<&Order> {
        self.open.get(&id).or_else(|| self.ended.iter().rev().find(|order| order.id == id))
    }

    /// An order by its `externalOid`.
    pub fn external(&self, symbol: usize, external: &str) -> Option<&Order> {
        let is_it = |order: &&Order| order.new.symbol == symbol && order.new.external == external;
        self.open.values().find(is_it).or_else(|| self.ended.iter().rev().find(is_it))
    }

    /// Stores a finished order.
    pub fn retire(&mut self, order: Order) {
        keep(&mut self.ended, ENDED_ORDERS, order);
    }

    /// Lots held.
    pub fn held(&self, symbol: usize, hold: Hold) -> Qty {
        self.positions.get(&(symbol, hold)).map_or(Qty::ZERO, |position| position.qty)
    }

    /// Lots of a position that may be closed: what no open order closes and no trigger has frozen.
    pub fn closable(&self, symbol: usize, hold: Hold) -> Qty {
        Qty((self.held(symbol, hold).0 - self.frozen(symbol, hold).0).max(0))
    }

    /// Lots of a position that open orders close or waiting triggers have frozen; at most what is held.
    pub fn frozen(&self, symbol: usize, hold: Hold) -> Qty {
        let held = self.held(symbol, hold);
        let closing = self
            .open
            .values()
            .filter(|order| order.new.symbol == symbol && !order.is_opening() && order.hold() == hold)
            .map(|order| order.rest().0)
            .sum::<i64>();
        let waiting = if self.do_triggers_freeze {
            let plans = self.plans.values().filter(|plan| plan.closes(symbol, hold));
            let stops = self.stops.values().filter(|stop| stop.is_on(symbol, hold));
            plans.map(|plan| plan.new.qty.0).sum::<i64>() + stops.map(|stop| stop.qty_of(held).0).sum::<i64>()
        } else {
            0
        };
        Qty(closing + waiting).min(held)
    }

    /// Lots of a position that resident stops would close at a loss; at most what is held.
    pub fn guarded(&self, symbol: usize, hold: Hold) -> Qty {
        let held = self.held(symbol, hold);
        let stops = self.stops.values().filter(|stop| stop.is_on(symbol, hold) && stop.loss.is_some());
        let plans = self.plans.values().filter(|plan| plan.closes(symbol, hold) && plan.is_stop());
        let sum = stops.map(|stop| stop.guards(held).0).sum::<i64>()
            + plans.map(|plan| plan.new.qty.0).sum::<i64>();
        Qty(sum).min(held)
    }

    /// Notes which positions are without a complete resident stop at this time.
    pub fn watch(&mut self, now_ms: i64) {
        if self.positions.is_empty() && self.bare.is_empty() {
            return;
        }
        let is_bare = |account: &TraderAccount, (symbol, hold): (usize, Hold)| {
            account.guarded(symbol, hold) < account.held(symbol, hold)
        };
        let covered: Vec<_> = self.bare.keys().copied().filter(|side| !is_bare(self, *side)).collect();
        for (symbol, hold) in covered {
            if let Some(from_ms) = self.bare.remove(&(symbol, hold)) {
                keep(&mut self.bare_ended, BARE_ENDED, Bare { symbol, hold, from_ms, to_ms: now_ms });
            }
        }
        let bare: Vec<_> = self.positions.keys().copied().filter(|side| is_bare(self, *side)).collect();
        for side in bare {
            self.bare.entry(side).or_insert(now_ms);
        }
    }

    /// Books a deposit (negative: a withdrawal).
    pub fn transfer(&mut self, transfer: Transfer) {
        self.balance += transfer.amount;
        self.ledger.deposits += transfer.amount;
        keep(&mut self.transfers, TRANSFERS, transfer);
    }

    /// Books a fee (negative: a rebate).
    pub fn pay_fee(&mut self, fee: Money) {
        self.balance -= fee;
        self.ledger.fees += fee;
    }

    /// Books a realised profit.
    pub fn realise(&mut self, profit: Money) {
        self.balance += profit;
        self.ledger.profit += profit;
    }

    /// Books funding (negative: paid).
    pub fn receive_funding(&mut self, amount: Money) {
        self.balance += amount;
        self.ledger.funding += amount;
    }

    /// Opens or increases a position; returns its id.
    pub fn add(&mut self, at: &PositionFill, id: u64, fee: Money) -> u64 {
        let fresh = Position {
            id,
            symbol: at.symbol,
            hold: at.hold,
            open_type: at.open_type,
            leverage: at.leverage,
            qty: Qty::ZERO,
            entry_value: Money::ZERO,
            margin: Money::ZERO,
            closed: Qty::ZERO,
            closed_value: Money::ZERO,
            profit: Money::ZERO,
            fee: Money::ZERO,
            funding: Money::ZERO,
            created_ms: at.now_ms,
            updated_ms: at.now_ms,
            version: 0,
        };
        let position = self.positions.entry((at.symbol, at.hold)).or_insert(fresh);
        position.qty += at.qty;
        position.entry_value += at.value;
        position.margin += Money(at.value.0 / i128::from(at.leverage.max(1)));
        position.fee += fee;
        position.updated_ms = at.now_ms;
        position.version += 1;
        position.id
    }

    /// Closes a part of a position, at most what is held; returns the realised profit and the position's id.
    pub fn reduce(&mut self, at: &PositionFill, fee: Money) -> Option<(Money, u64)> {
        let position = self.positions.get_mut(&(at.symbol, at.hold))?;
        let qty = at.qty.min(position.qty);
        let share = |whole: Money| Money(whole.0 * i128::from(qty.0) / i128::from(position.qty.0.max(1)));
        let (entry, margin) = (share(position.entry_value), share(position.margin));
        let profit = if at.hold == Hold::Long { at.value - entry } else { entry - at.value };
        position.entry_value -= entry;
        position.margin -= margin;
        position.qty -= qty;
        position.closed += qty;
        position.closed_value += at.value;
        position.profit += profit;
        position.fee += fee;
        position.updated_ms = at.now_ms;
        position.version += 1;
        let id = position.id;
        if position.qty.is_zero() {
            self.close(at.symbol, at.hold);
        }
        self.realise(profit);
        Some((profit, id))
    }

    fn close(&mut self, symbol: usize, hold: Hold) {
        if let Some(position) = self.positions.remove(&(symbol, hold)) {
            self.at_risk.remove(&position.id);
            keep(&mut self.closed, ENDED_POSITIONS, position);
        }
    }

    /// Stores a fill.
    pub fn keep(&mut self, fill: Fill) {
        keep(&mut self.fills, FILLS, fill);
    }
}

/// Appends to a bounded list; the oldest is dropped when it is full.
pub fn keep<T>(list: &mut VecDeque<T>, most: usize, one: T) {
    if list.len() == most {
        list.pop_front();
    }
    list.push_back(one);
}

/// The part of a fill that changes one position.
#[derive(Clone, Copy, Debug)]
pub struct PositionFill {
    /// Index of the contract.
    pub symbol: usize,
    /// Long or short.
    pub hold: Hold,
    /// Lots.
    pub qty: Qty,
    /// Value at the fill's price.
    pub value: Money,
    /// Leverage.
    pub leverage: i64,
    /// 1 isolated, 2 cross.
    pub open_type: i64,
    /// Time, milliseconds.
    pub now_ms: i64,
}
