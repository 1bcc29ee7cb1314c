//! An account: money, orders, positions, and the ledger that proves them.
//!
//! Every change of the balance is an entry; nothing is rounded but a share of an entry value and a rate, once, to 10^-18.

use super::order::{Hold, Order};
use crate::domain::num::{Money, Price, Qty, Rate};
use std::collections::{BTreeMap, VecDeque};

/// Orders that ended and are still found; when full the oldest are forgotten.
pub const ENDED_ORDERS: usize = 10_000;

/// Fills kept; when full the oldest leave, their sums stay in [`Ledger`].
pub const FILLS: usize = 100_000;

/// Positions that ended and are still listed; when full the oldest leave.
pub const ENDED_POSITIONS: usize = 1_000;

/// Fundings kept; when full the oldest leave.
pub const FUNDINGS: usize = 1_000;

/// Open orders of one account; more are refused with 2036.
pub const OPEN_ORDERS: usize = 200;

/// A fill.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fill {
    /// Its number.
    pub id: u64,
    /// Whose.
    pub order: u64,
    /// The client's name of the order.
    pub external: String,
    /// Place of the contract.
    pub symbol: usize,
    /// As of the order.
    pub side: i64,
    /// Price.
    pub price: Price,
    /// Lots.
    pub qty: Qty,
    /// Positive: paid.
    pub fee: Money,
    /// Realised by it.
    pub profit: Money,
    /// Whether it took.
    pub is_taker: bool,
    /// As of the order.
    pub category: i64,
    /// Milliseconds.
    pub at_ms: i64,
}

/// A position.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Position {
    /// Its number.
    pub id: u64,
    /// Place of the contract.
    pub symbol: usize,
    /// Side.
    pub hold: Hold,
    /// 1 isolated, 2 cross.
    pub open_type: i64,
    /// Leverage.
    pub leverage: i64,
    /// Lots held.
    pub qty: Qty,
    /// What they were bought or sold for.
    pub entry_value: Money,
    /// Set aside for it.
    pub margin: Money,
    /// Lots closed so far.
    pub closed: Qty,
    /// Value they were closed at.
    pub closed_value: Money,
    /// Realised by closing.
    pub profit: Money,
    /// Fees, positive: paid.
    pub fee: Money,
    /// Funding, positive: received.
    pub funding: Money,
    /// Milliseconds.
    pub created_ms: i64,
    /// Likewise.
    pub updated_ms: i64,
    /// Counts up.
    pub version: u64,
}

impl Position {
    /// What closing at this value would realise.
    pub fn profit_at(&self, value: Money) -> Money {
        if self.hold == Hold::Long { value - self.entry_value } else { self.entry_value - value }
    }
}

/// A funding payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FundingPaid {
    /// Its number.
    pub id: u64,
    /// Place of the contract.
    pub symbol: usize,
    /// Side.
    pub hold: Hold,
    /// Value at the fair price.
    pub value: Money,
    /// Positive: received.
    pub amount: Money,
    /// Rate.
    pub rate: Rate,
    /// Milliseconds.
    pub at_ms: i64,
}

/// Sums of everything that ever changed the balance.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Ledger {
    /// Paid in.
    pub deposits: Money,
    /// Fees paid.
    pub fees: Money,
    /// Realised.
    pub profit: Money,
    /// Funding received.
    pub funding: Money,
}

impl Ledger {
    /// What must be there.
    pub fn balance(&self) -> Money {
        self.deposits + self.profit + self.funding - self.fees
    }
}

/// An account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Who signs.
    pub key: String,
    /// With what.
    pub secret: String,
    /// 1 hedge, 2 one-way.
    pub mode: i64,
    /// Money, changed step by step.
    pub balance: Money,
    /// The same as sums.
    pub ledger: Ledger,
    /// Orders that are not over.
    pub open: BTreeMap<u64, Order>,
    /// Orders that are over, oldest first.
    pub ended: VecDeque<Order>,
    /// Positions that are held.
    pub positions: BTreeMap<(usize, Hold), Position>,
    /// Positions that were closed, oldest first.
    pub closed: VecDeque<Position>,
    /// Fills, oldest first.
    pub fills: VecDeque<Fill>,
    /// Fundings, oldest first.
    pub fundings: VecDeque<FundingPaid>,
    /// Leverage and margin mode by symbol and side.
    pub leverage: BTreeMap<(usize, Hold), (i64, i64)>,
}

/// Leverage where none was set, isolated.
pub const LEVERAGE: (i64, i64) = (20, 1);

impl Account {
    /// With this much money.
    pub fn new(key: &str, secret: &str, deposit: Money) -> Self {
        Account {
            key: key.to_owned(),
            secret: secret.to_owned(),
            mode: 1,
            balance: deposit,
            ledger: Ledger { deposits: deposit, ..Ledger::default() },
            open: BTreeMap::new(),
            ended: VecDeque::new(),
            positions: BTreeMap::new(),
            closed: VecDeque::new(),
            fills: VecDeque::new(),
            fundings: VecDeque::new(),
            leverage: BTreeMap::new(),
        }
    }

    /// Set aside for orders.
    pub fn reserved(&self) -> Money {
        self.open.values().map(|order| order.reserved).sum()
    }

    /// Set aside for positions.
    pub fn margin(&self) -> Money {
        self.positions.values().map(|position| position.margin).sum()
    }

    /// What new orders can use.
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

    /// An order by the client's name for it.
    pub fn external(&self, symbol: usize, external: &str) -> Option<&Order> {
        let is_it = |order: &&Order| order.new.symbol == symbol && order.new.external == external;
        self.open.values().find(is_it).or_else(|| self.ended.iter().rev().find(is_it))
    }

    /// Moves an order that is over to where those are.
    pub fn retire(&mut self, order: Order) {
        if self.ended.len() == ENDED_ORDERS {
            self.ended.pop_front();
        }
        self.ended.push_back(order);
    }

    /// Lots of a position that no order is closing yet.
    pub fn closable(&self, symbol: usize, hold: Hold) -> Qty {
        let held = self.positions.get(&(symbol, hold)).map_or(0, |position| position.qty.0);
        let closing = self
            .open
            .values()
            .filter(|order| order.new.symbol == symbol && !order.is_opening() && order.hold() == hold);
        Qty((held - closing.map(|order| order.rest().0).sum::<i64>()).max(0))
    }

    /// A fee was paid (or given back when negative).
    pub fn pay_fee(&mut self, fee: Money) {
        self.balance -= fee;
        self.ledger.fees += fee;
    }

    /// Something was realised.
    pub fn realise(&mut self, profit: Money) {
        self.balance += profit;
        self.ledger.profit += profit;
    }

    /// Funding was received (or paid when negative).
    pub fn receive_funding(&mut self, amount: Money) {
        self.balance += amount;
        self.ledger.funding += amount;
    }

    /// Opens or adds to a position; returns its number.
    pub fn add(&mut self, at: &Held, id: u64, fee: Money) -> u64 {
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

    /// Closes a part of a position; returns what it realised and the position's number. Takes no more than is held.
    pub fn reduce(&mut self, at: &Held, fee: Money) -> Option<(Money, u64)> {
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
            if self.closed.len() == ENDED_POSITIONS {
                self.closed.pop_front();
            }
            self.closed.push_back(position);
        }
    }

    /// Keeps a fill.
    pub fn keep(&mut self, fill: Fill) {
        if self.fills.len() == FILLS {
            self.fills.pop_front();
        }
        self.fills.push_back(fill);
    }
}

/// What a fill does to a position.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// Place of the contract.
    pub symbol: usize,
    /// Which side.
    pub hold: Hold,
    /// Lots.
    pub qty: Qty,
    /// Their value at the fill's price.
    pub value: Money,
    /// Leverage of what is opened.
    pub leverage: i64,
    /// 1 isolated, 2 cross.
    pub open_type: i64,
    /// Milliseconds.
    pub now_ms: i64,
}
