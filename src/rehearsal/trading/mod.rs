//! Trading against the recorded book: acceptance, arrival after a latency, fills, positions, balances,
//! private pushes.
//!
//! The recorded market is not affected by these orders, but liquidity they took from a level stays taken
//! until that level changes.

pub mod account;
pub mod matching;
pub mod order;
pub mod show;
pub mod trigger;
pub mod triggers;

mod pulling;

use super::market::Market;
use super::scenario::{AttachedStop, Settings, TriggerOversized};
use super::test_key::TestKey;
use crate::domain::num::{Money, Price, Qty, Rate};
use crate::domain::order::Side;
use crate::domain::rng::Rng;
use account::{Fill, FundingPaid, PositionFill, TraderAccount};
use order::{Hold, NewOrder, Order, category, state};
use std::collections::BTreeMap;

/// Maximum of delayed private frames; when full all are sent at once.
const OUTBOX: usize = 10_000;

/// A delayed private frame.
#[derive(Clone, Debug)]
pub struct Private {
    /// True time at which it is sent, milliseconds.
    pub due_ms: i64,
    /// Account.
    pub account: usize,
    /// Filter key: `order`, `order.deal`, `position`, `asset`, …
    pub key: &'static str,
    /// Index of the contract; `None` for balances.
    pub symbol: Option<usize>,
    /// Payload.
    pub payload: String,
}

/// Price, quantity and liquidity role of a fill.
#[derive(Clone, Copy, Debug)]
struct Taken {
    price: Price,
    qty: Qty,
    is_taker: bool,
    is_self: bool,
}

impl Taken {
    fn new(price: Price, qty: Qty, is_taker: bool) -> Self {
        Taken { price, qty, is_taker, is_self: false }
    }
}

/// Active faults of private pushes and of fills, and how wrong the clock is.
#[derive(Clone, Default, Debug)]
pub struct Spoiled {
    /// Every frame is sent twice.
    pub twice: bool,
    /// Later frames are sent before earlier ones.
    pub reordered: bool,
    /// No frame is sent.
    pub lost: bool,
    /// Additional delay of all frames, milliseconds.
    pub late_ms: i64,
    /// Additional delay of fills, in frames and in lists, milliseconds.
    pub fills_late_ms: i64,
    /// Fees are paid in this coin, which costs so many billionths of the settlement coin.
    pub fee_coin: Option<(String, i64)>,
    /// The exchange's clock minus the true one, milliseconds.
    pub skew_ms: i64,
}

/// How triggers behave where the exchange's documents are silent; see the settings.
#[derive(Clone, Copy, Debug)]
pub struct TriggerRules {
    /// What happens when more would be closed than can be.
    pub oversized: TriggerOversized,
    /// Whether they are cancelled when their position ends.
    pub end_with_position: bool,
    /// When attached stop prices come into force.
    pub attached: AttachedStop,
}

/// Accounts and matching state.
#[derive(Debug)]
pub struct Trading {
    /// Accounts.
    pub accounts: Vec<TraderAccount>,
    /// Delayed private frames in order of creation.
    pub outbox: Vec<Private>,
    /// Active faults.
    pub spoiled: Spoiled,
    /// How triggers behave.
    pub triggers: TriggerRules,
    /// Quantity taken from displayed levels since they last changed.
    taken: BTreeMap<(usize, Side, Price), Qty>,
    rng: Rng,
    last_id: u64,
    last_fill: u64,
    last_position: u64,
    last_plan: u64,
    last_stop: u64,
    maker: Rate,
    taker: Rate,
    push_ms: (i64, i64),
    arrive_ms: (i64, i64),
}

impl Trading {
    /// Accounts with the settings' deposit.
    pub fn new(keys: &[TestKey], settings: &Settings, mut rng: Rng) -> Self {
        let account = |key: &TestKey| {
            let mut account = TraderAccount::new(&key.key, &key.secret, Money::from_f64(settings.deposit));
            account.do_triggers_freeze = settings.trigger_freezes;
            account
        };
        let accounts = keys.iter().map(account).collect();
        let rate = |fraction: f64| Rate((fraction * 1e9).round() as i64);
        Trading {
            accounts,
            outbox: Vec::new(),
            spoiled: Spoiled::default(),
            triggers: TriggerRules {
                oversized: settings.trigger_oversized,
                end_with_position: settings.trigger_ends,
                attached: settings.attached_stop,
            },
            taken: BTreeMap::new(),
            last_id: 739_000_000_000_000_000 + rng.below(1 << 40),
            last_fill: 13_000_000_000 + rng.below(1 << 32),
            last_position: 1_000_000_000 + rng.below(1 << 28),
            last_plan: 860_000_000_000_000_000 + rng.below(1 << 40),
            last_stop: 357_000_000 + rng.below(1 << 24),
            rng,
            maker: rate(settings.maker_fee),
            taker: rate(settings.taker_fee),
            push_ms: (settings.push_ms[0], settings.push_ms[1]),
            arrive_ms: (settings.arrive_ms[0], settings.arrive_ms[1]),
        }
    }

    /// The next id of a trigger order.
    pub fn next_plan(&mut self) -> u64 {
        self.last_plan += 1 + self.rng.below(1_000);
        self.last_plan
    }

    /// The next id of a stop order.
    pub fn next_stop(&mut self) -> u64 {
        self.last_stop += 1 + self.rng.below(100);
        self.last_stop
    }

    /// Fee rates: maker, taker.
    pub fn fees(&self) -> (Rate, Rate) {
        (self.maker, self.taker)
    }

    /// Index of an account by its key.
    pub fn find(&self, key: &str) -> Option<usize> {
        self.accounts.iter().position(|account| account.key == key)
    }

    /// Accepts a validated order, which reaches the book at `arrives_ms` (true time). Returns its id.
    pub fn accept(
        &mut self,
        owner: usize,
        new: NewOrder,
        reserved: Money,
        arrives_ms: i64,
        now_ms: i64,
    ) -> u64 {
        self.last_id += 1 + self.rng.below(1_000);
        let mut new = new;
        if new.external.is_empty() {
            new.external = format!("_m_{:016x}{:016x}", self.rng.next(), self.rng.next());
        }
        let order = Order {
            id: self.last_id,
            new,
            state: state::PENDING,
            category: category::NORMAL,
            error_code: 0,
            filled: Qty::ZERO,
            value: Money::ZERO,
            taker_fee: Money::ZERO,
            maker_fee: Money::ZERO,
            profit: Money::ZERO,
            reserved,
            queue_ahead: Qty::ZERO,
            arrives_ms,
            created_ms: now_ms,
            updated_ms: now_ms,
            version: 1,
            position: 0,
            fill_limit: None,
        };
        self.accounts[owner].open.insert(order.id, order);
        self.last_id
    }

    /// Books one fill: fee, position, balance, ledger, pushes.
    fn fill(&mut self, owner: usize, order: &mut Order, market: &Market, taken: Taken, now_ms: i64) {
        let value = market.notional(taken.price, taken.qty);
        let rate = if taken.is_taker { self.taker } else { self.maker };
        let fee = value.at_rate(rate);
        let released = share(order.reserved, taken.qty, order.rest());
        order.reserved -= released;
        // A fee in another coin leaves the balance as it is.
        let coin = self.spoiled.fee_coin.clone();
        let fee = if coin.is_some() { Money::ZERO } else { fee };
        let (profit, position) = self.hold(owner, order, market, taken, fee, now_ms);
        let account = &mut self.accounts[owner];
        account.pay_fee(fee);
        let fee_in = coin.map(|(coin, price)| {
            let amount = Money(value.at_rate(rate).0 * 1_000_000_000 / i128::from(price.max(1)));
            *account.ledger_of_coins.entry(coin.clone()).or_default() += amount;
            (coin, amount)
        });
        order.position = position;
        order.filled += taken.qty;
        order.value += value;
        order.profit += profit;
        if taken.is_taker {
            order.taker_fee += fee;
        } else {
            order.maker_fee += fee;
        }
        order.version += 1;
        order.updated_ms = now_ms;
        if order.rest().is_zero() {
            order.state = state::FILLED;
            order.reserved = Money::ZERO;
        }
        self.last_fill += 1;
        let fill = Fill {
            id: self.last_fill,
            order: order.id,
            external: order.new.external.clone(),
            symbol: order.new.symbol,
            side: order.new.side,
            price: taken.price,
            qty: taken.qty,
            fee,
            profit,
            fee_in,
            is_taker: taken.is_taker,
            is_self: taken.is_self,
            category: order.category,
            at_ms: now_ms,
            shown_ms: now_ms + self.spoiled.fills_late_ms,
        };
        let text = show::fill(market, &fill, account.mode);
        account.keep(fill);
        self.push(owner, "order.deal", Some(order.new.symbol), text, now_ms);
    }

    /// Applies a fill to positions; in one-way mode it closes the opposite position before it opens.
    fn hold(
        &mut self,
        owner: usize,
        order: &Order,
        market: &Market,
        taken: Taken,
        fee: Money,
        now_ms: i64,
    ) -> (Money, u64) {
        let symbol = order.new.symbol;
        let held = |hold: Hold, qty: Qty| PositionFill {
            symbol,
            hold,
            qty,
            value: market.notional(taken.price, qty),
            leverage: order.new.leverage,
            open_type: order.new.open_type,
            now_ms,
        };
        let account = &mut self.accounts[owner];
        if !order.is_opening() {
            return account.reduce(&held(order.hold(), taken.qty), fee).unwrap_or((Money::ZERO, 0));
        }
        let other = order.hold().opposite();
        let opposed = account.positions.get(&(symbol, other)).map_or(Qty::ZERO, |position| position.qty);
        let closing = if account.mode == 2 { taken.qty.min(opposed) } else { Qty::ZERO };
        let mut fee_left = fee;
        let mut done = (Money::ZERO, 0);
        if !closing.is_zero() {
            let part = share(fee, closing, taken.qty);
            fee_left -= part;
            done = account.reduce(&held(other, closing), part).unwrap_or(done);
        }
        let opening = taken.qty - closing;
        if !opening.is_zero() {
            self.last_position += 1;
            let id = self.last_position;
            done.1 = self.accounts[owner].add(&held(order.hold(), opening), id, fee_left);
        }
        done
    }

    /// Queues a private frame with a random delay within `push_ms`.
    pub fn push(
        &mut self,
        account: usize,
        key: &'static str,
        symbol: Option<usize>,
        payload: String,
        now_ms: i64,
    ) {
        let delay_ms = self.rng.between(self.push_ms.0, self.push_ms.1);
        if self.spoiled.lost {
            return;
        }
        let held_back_ms =
            if key == "order.deal" { self.spoiled.fills_late_ms } else { 0 } + self.spoiled.late_ms;
        let due_ms = now_ms - self.spoiled.skew_ms + delay_ms + held_back_ms;
        let frame = Private { due_ms, account, key, symbol, payload };
        if self.spoiled.twice {
            self.outbox.push(frame.clone());
        }
        self.outbox.push(frame);
    }

    /// Removes and returns the frames that are due, in order.
    pub fn take_due(&mut self, true_ms: i64) -> Vec<Private> {
        let is_full = self.outbox.len() > OUTBOX;
        let (mut due, wait): (Vec<Private>, Vec<Private>) = std::mem::take(&mut self.outbox)
            .into_iter()
            .partition(|frame| is_full || frame.due_ms <= true_ms);
        self.outbox = wait;
        if self.spoiled.reordered {
            due.reverse();
        }
        due
    }

    /// Pushes an order's state, its positions, its stop prices and the balance.
    pub fn tell(&mut self, owner: usize, order: &Order, market: &Market, now_ms: i64) {
        self.tell_order(owner, order, market, now_ms);
        self.attach(owner, order, market, now_ms);
    }

    /// Pushes the state of an open order.
    pub fn push_order(&mut self, owner: usize, id: u64, market: &Market, now_ms: i64) {
        if let Some(order) = self.accounts[owner].open.get(&id) {
            let text = show::order_push(market, order, self.accounts[owner].mode, self.fees());
            self.push(owner, "order", Some(order.new.symbol), text, now_ms);
        }
    }

    fn tell_order(&mut self, owner: usize, order: &Order, market: &Market, now_ms: i64) {
        let symbol = order.new.symbol;
        let text = show::order_push(market, order, self.accounts[owner].mode, self.fees());
        self.push(owner, "order", Some(symbol), text, now_ms);
        if order.filled.is_zero() {
            return self.push_money(owner, market, now_ms);
        }
        let account = &self.accounts[owner];
        let held =
            [Hold::Long, Hold::Short].into_iter().filter_map(|hold| account.positions.get(&(symbol, hold)));
        let closed = account
            .closed
            .back()
            .filter(|position| position.symbol == symbol && position.id == order.position);
        let texts: Vec<String> =
            held.chain(closed).map(|position| show::position(market, account, position, true)).collect();
        for text in texts {
            self.push(owner, "position", Some(symbol), text, now_ms);
        }
        self.push_money(owner, market, now_ms);
    }

    /// Pushes the balance.
    pub fn push_money(&mut self, owner: usize, market: &Market, now_ms: i64) {
        let text = show::money_push(&self.accounts[owner], &market.contract.settle);
        self.push(owner, "asset", None, text, now_ms);
    }

    /// Cancels an open order; false when it is finished or unknown.
    pub fn cancel(
        &mut self,
        owner: usize,
        id: u64,
        error_code: i64,
        markets: &[Market],
        now_ms: i64,
    ) -> bool {
        let Some(mut order) = self.accounts[owner].open.remove(&id) else { return false };
        order.end(state::CANCELLED, error_code, now_ms);
        self.tell(owner, &order, &markets[order.new.symbol], now_ms);
        self.accounts[owner].retire(order);
        true
    }

    /// Settles funding at the fair price; longs pay a positive rate.
    pub fn settle(&mut self, symbol: usize, market: &Market, rate: Rate, now_ms: i64) {
        let Some(fair) = market.fair() else { return };
        for owner in 0..self.accounts.len() {
            for hold in [Hold::Long, Hold::Short] {
                let account = &mut self.accounts[owner];
                let Some(position) = account.positions.get_mut(&(symbol, hold)) else { continue };
                let value = market.notional(fair, position.qty);
                let amount = if hold == Hold::Long { -value.at_rate(rate) } else { value.at_rate(rate) };
                position.funding += amount;
                position.version += 1;
                let position = position.clone();
                account.receive_funding(amount);
                self.last_fill += 1;
                let paid =
                    FundingPaid { id: self.last_fill, symbol, hold, value, amount, rate, at_ms: now_ms };
                account::keep(&mut account.fundings, account::FUNDINGS, paid);
                let text = show::position(market, account, &position, true);
                self.push(owner, "position", Some(symbol), text, now_ms);
                self.push_money(owner, market, now_ms);
            }
        }
    }
}

/// Pro-rata share of an amount, rounded towards zero.
fn share(whole: Money, part: Qty, of: Qty) -> Money {
    if of.is_zero() { Money::ZERO } else { Money(whole.0 * i128::from(part.0) / i128::from(of.0)) }
}
