//! Matching: price priority, then time, against displayed levels and recorded trades.

use super::order::{Hold, NewOrder, Order, category, kind, state};
use super::{Taken, Trading, show};
use crate::domain::num::{Money, Price, Qty, Rate};
use crate::domain::order::Side;
use crate::rehearsal::market::{Commit, Deal, Market};
use crate::rehearsal::terms;

/// `errorCode` of an order that the exchange cancels.
const SYSTEM_CANCEL: i64 = 8;

/// Maximum of levels that an order without a limit price takes.
const MARKET_LEVELS: usize = 20;

impl Trading {
    /// Matches resting orders against the market's changes, and orders that arrive now against the book.
    pub fn follow(
        &mut self,
        symbol: usize,
        market: &Market,
        deals: &[Deal],
        commits: &[Commit],
        true_ms: i64,
        now_ms: i64,
    ) {
        if !self.taken.is_empty() {
            for commit in commits {
                self.taken.remove(&(symbol, commit.change.side, commit.change.price));
            }
        }
        for owner in 0..self.accounts.len() {
            if self.accounts[owner].open.is_empty() {
                continue;
            }
            let ids: Vec<u64> = self.accounts[owner]
                .open
                .values()
                .filter(|order| order.new.symbol == symbol)
                .map(|order| order.id)
                .collect();
            for id in self.by_price(owner, ids) {
                let Some(mut order) = self.accounts[owner].open.remove(&id) else { continue };
                let before = order.version;
                if order.state == state::PENDING {
                    if order.arrives_ms <= true_ms {
                        self.arrive(owner, &mut order, market, now_ms);
                    }
                } else if market.is_trading() {
                    self.rest(owner, &mut order, market, deals, now_ms);
                }
                // First the order is stored: the balance push counts what open orders reserve.
                let changed = (order.version != before).then(|| order.clone());
                if order.is_over() {
                    self.accounts[owner].retire(order);
                } else {
                    self.accounts[owner].open.insert(id, order);
                }
                if let Some(order) = changed {
                    self.tell(owner, &order, market, now_ms);
                }
            }
        }
        self.pull_triggers(symbol, market, deals, true_ms, now_ms);
        self.liquidate_due(symbol, market, now_ms);
    }

    /// Sorts by price priority, then by id.
    fn by_price(&self, owner: usize, mut ids: Vec<u64>) -> Vec<u64> {
        let rank = |id: &u64| {
            let order = self.accounts[owner].open.get(id)?;
            let price = order.new.price?.0;
            Some(if order.book_side() == Side::Buy { -price } else { price })
        };
        ids.sort_by_key(|id| (rank(id), *id));
        ids
    }

    fn arrive(&mut self, owner: usize, order: &mut Order, market: &Market, now_ms: i64) {
        order.version += 1;
        order.updated_ms = now_ms;
        if order.error_code != 0 {
            return order.end(state::INVALID, order.error_code, now_ms);
        }
        if market.contract.state != 0 {
            return order.end(state::CANCELLED, 11, now_ms);
        }
        order.state = state::OPEN;
        if order.new.kind == kind::MARKET_TO_LIMIT {
            order.new.price = market.ladder.best(order.book_side().opposite()).map(|(price, _)| price);
        }
        let limit = if order.new.kind == kind::MARKET { None } else { order.new.price };
        let levels = self.takeable(order.new.symbol, market, order.book_side(), limit);
        let reachable: i64 = levels.iter().map(|(_, qty)| qty.0).sum();
        match order.new.kind {
            kind::POST_ONLY if reachable > 0 || self.own_reached(owner, order, None).is_some() => {
                return order.end(state::CANCELLED, 20, now_ms);
            }
            kind::FOK if reachable < order.new.qty.0 || order.fill_limit.is_some() => {
                return order.end(state::CANCELLED, 19, now_ms);
            }
            _ => {}
        }
        self.walk(owner, order, market, &levels, now_ms);
        self.meet_own(owner, order, market, None, now_ms);
        if order.is_over() {
            return;
        }
        match order.new.kind {
            kind::IOC => order.end(state::CANCELLED, 18, now_ms),
            kind::MARKET => order.end(state::CANCELLED, 21, now_ms),
            _ => match order.new.price {
                Some(price) => order.queue_ahead = market.ladder.at(order.book_side(), price),
                None => order.end(state::CANCELLED, 21, now_ms),
            },
        }
    }

    /// Displayed levels that an order of this side can take, best first.
    fn takeable(
        &self,
        symbol: usize,
        market: &Market,
        side: Side,
        limit: Option<Price>,
    ) -> Vec<(Price, Qty)> {
        let opposite = side.opposite();
        let is_good = |price: Price| match limit {
            None => true,
            Some(limit) if side == Side::Buy => price <= limit,
            Some(limit) => price >= limit,
        };
        let left = |(price, qty): (Price, Qty)| {
            let taken = self.taken.get(&(symbol, opposite, price)).copied().unwrap_or_default();
            (price, Qty((qty.0 - taken.0).max(0)))
        };
        let depth = if limit.is_some() { usize::MAX } else { MARKET_LEVELS };
        market
            .ladder
            .side(opposite)
            .take_while(|(price, _)| is_good(*price))
            .take(depth)
            .map(left)
            .filter(|(_, qty)| !qty.is_zero())
            .collect()
    }

    fn walk(
        &mut self,
        owner: usize,
        order: &mut Order,
        market: &Market,
        levels: &[(Price, Qty)],
        now_ms: i64,
    ) {
        for (price, qty) in levels {
            self.meet_own(owner, order, market, Some(*price), now_ms);
            if order.is_over() {
                return;
            }
            let qty = order.fillable().min(*qty).min(self.closable_now(owner, order));
            if qty.is_zero() {
                break;
            }
            *self.taken.entry((order.new.symbol, order.book_side().opposite(), *price)).or_default() += qty;
            self.fill(owner, order, market, Taken::new(*price, qty, true), now_ms);
        }
    }

    /// The best resting order of the same account that this order reaches, before displayed levels at
    /// `before`.
    fn own_reached(&self, owner: usize, order: &Order, before: Option<Price>) -> Option<u64> {
        let side = order.book_side();
        let is_better = |one: Price, other: Price| if side == Side::Buy { one < other } else { one > other };
        let limit = if order.new.kind == kind::MARKET { None } else { order.new.price };
        let is_reached = |price: &Price| {
            limit.is_none_or(|limit| !is_better(limit, *price))
                && before.is_none_or(|before| is_better(*price, before))
        };
        let own = self.accounts[owner].open.values().filter(|other| {
            other.state == state::OPEN
                && other.new.symbol == order.new.symbol
                && other.book_side() != side
                && other.new.price.as_ref().is_some_and(is_reached)
        });
        let rank = |other: &&Order| {
            let price = other.new.price.map_or(0, |price| price.0);
            (if side == Side::Buy { price } else { -price }, other.id)
        };
        own.min_by_key(rank).map(|other| other.id)
    }

    /// Lets an arriving order meet resting orders of the same account, as its `stpMode` says.
    fn meet_own(
        &mut self,
        owner: usize,
        order: &mut Order,
        market: &Market,
        before: Option<Price>,
        now_ms: i64,
    ) {
        while !order.is_over() {
            let Some(id) = self.own_reached(owner, order, before) else { return };
            if order.new.stp == 2 {
                return order.end(state::CANCELLED, SYSTEM_CANCEL, now_ms);
            }
            let Some(mut resting) = self.accounts[owner].open.remove(&id) else { return };
            let price = resting.new.price.unwrap_or_default();
            let qty = order
                .fillable()
                .min(resting.fillable())
                .min(self.closable_now(owner, order))
                .min(self.closable_now(owner, &resting));
            if order.new.stp == 0 && qty.is_zero() {
                self.accounts[owner].open.insert(id, resting);
                return;
            }
            if order.new.stp == 0 {
                let taken = Taken { is_self: true, ..Taken::new(price, qty, true) };
                self.fill(owner, order, market, taken, now_ms);
                self.fill(owner, &mut resting, market, Taken { is_taker: false, ..taken }, now_ms);
            } else {
                resting.end(state::CANCELLED, SYSTEM_CANCEL, now_ms);
            }
            self.store(owner, resting, market, now_ms);
            if order.new.stp == 3 {
                return order.end(state::CANCELLED, SYSTEM_CANCEL, now_ms);
            }
        }
    }

    /// Stores an order that has changed and pushes it.
    fn store(&mut self, owner: usize, order: Order, market: &Market, now_ms: i64) {
        let told = order.clone();
        if order.is_over() {
            self.accounts[owner].retire(order);
        } else {
            self.accounts[owner].open.insert(order.id, order);
        }
        self.tell(owner, &told, market, now_ms);
    }

    /// Lots that the order may fill now: a closing order at most the position.
    fn closable_now(&self, owner: usize, order: &Order) -> Qty {
        if order.is_opening() {
            return order.rest();
        }
        self.accounts[owner]
            .positions
            .get(&(order.new.symbol, order.hold()))
            .map_or(Qty::ZERO, |position| position.qty)
    }

    /// Fills a resting order: by trades at its price after the queue ahead, by trades through its price at
    /// once, and by crossing levels.
    fn rest(&mut self, owner: usize, order: &mut Order, market: &Market, deals: &[Deal], now_ms: i64) {
        let Some(price) = order.new.price else { return };
        let side = order.book_side();
        order.queue_ahead = order.queue_ahead.min(market.ladder.at(side, price));
        for deal in deals {
            let is_through = if side == Side::Buy { deal.price < price } else { deal.price > price };
            let reached = if is_through {
                deal.qty
            } else if deal.price == price && deal.taker != side {
                let before = order.queue_ahead.min(deal.qty);
                order.queue_ahead -= before;
                deal.qty - before
            } else {
                Qty::ZERO
            };
            self.fill_resting(owner, order, market, reached, now_ms);
        }
        for (level, qty) in self.takeable(order.new.symbol, market, side, Some(price)) {
            if order.is_over() {
                break;
            }
            let filled = self.fill_resting(owner, order, market, qty, now_ms);
            *self.taken.entry((order.new.symbol, side.opposite(), level)).or_default() += filled;
        }
        if !order.is_opening() && !order.is_over() && self.closable_now(owner, order).is_zero() {
            order.end(state::CANCELLED, 3, now_ms);
        }
    }

    fn fill_resting(
        &mut self,
        owner: usize,
        order: &mut Order,
        market: &Market,
        reached: Qty,
        now_ms: i64,
    ) -> Qty {
        let Some(price) = order.new.price else { return Qty::ZERO };
        let qty = order.fillable().min(reached).min(self.closable_now(owner, order));
        if !qty.is_zero() && !order.is_over() {
            self.fill(owner, order, market, Taken::new(price, qty, false), now_ms);
            return qty;
        }
        Qty::ZERO
    }

    /// Fault: fills an open order at its price before a cancel arrives.
    pub fn fill_before_cancel(&mut self, owner: usize, id: u64, markets: &[Market], now_ms: i64) {
        let Some(mut order) = self.accounts[owner].open.remove(&id) else { return };
        let market = &markets[order.new.symbol];
        order.fill_limit = None;
        order.state = state::OPEN;
        let price = order.new.price.or(market.last).unwrap_or(Price(1));
        let qty = order.rest().min(self.closable_now(owner, &order));
        if !qty.is_zero() {
            self.fill(owner, &mut order, market, Taken::new(price, qty, false), now_ms);
        }
        if !order.is_over() {
            order.end(state::CANCELLED, 0, now_ms);
        }
        self.tell(owner, &order, market, now_ms);
        self.accounts[owner].retire(order);
    }

    /// Closes positions whose margin no longer covers them at the fair price.
    fn liquidate_due(&mut self, symbol: usize, market: &Market, now_ms: i64) {
        let Some(fair) = market.fair() else { return };
        for owner in 0..self.accounts.len() {
            for hold in [Hold::Long, Hold::Short] {
                let account = &self.accounts[owner];
                let Some(position) = account.positions.get(&(symbol, hold)) else { continue };
                let value = market.notional(fair, position.qty);
                let backing = if position.open_type == 2 {
                    position.margin + account.available()
                } else {
                    position.margin
                };
                let tier = terms::tier(&market.contract, market.contracts(position.qty));
                let needed = value.at_rate(Rate::of(tier.maintenance));
                let left = backing + position.profit_at(value);
                let is_near = left.0 * 2 <= needed.0 * 3;
                let risk = is_near.then(|| show::risk(market, position, needed, left));
                let id = position.id;
                if left <= needed {
                    let liquidation = category::LIQUIDATION;
                    self.close_by_force(owner, (symbol, hold), market, liquidation, None, now_ms);
                } else {
                    self.warn(owner, (id, symbol), risk, now_ms);
                }
            }
        }
    }

    /// Tells once that a position is near liquidation; without a text it is not.
    fn warn(&mut self, owner: usize, position: (u64, usize), risk: Option<String>, now_ms: i64) {
        let (id, symbol) = position;
        let at_risk = &mut self.accounts[owner].at_risk;
        match risk {
            None => _ = at_risk.remove(&id),
            Some(text) if at_risk.insert(id) => {
                self.push(owner, "liquidate.risk", Some(symbol), text, now_ms);
            }
            Some(_) => {}
        }
    }

    /// Closes a position, or `most` lots of it, by force: against the book, and any remainder at the fair
    /// price.
    pub fn close_by_force(
        &mut self,
        owner: usize,
        (symbol, hold): (usize, Hold),
        market: &Market,
        category: i64,
        most: Option<Qty>,
        now_ms: i64,
    ) {
        let Some(position) = self.accounts[owner].positions.get(&(symbol, hold)) else { return };
        let qty = most.unwrap_or(position.qty).min(position.qty);
        let new = NewOrder {
            symbol,
            side: hold.closing_side(),
            kind: kind::MARKET,
            open_type: position.open_type,
            leverage: position.leverage,
            qty,
            ..NewOrder::default()
        };
        let closing: Vec<u64> = {
            let open = self.accounts[owner].open.values();
            open.filter(|order| order.new.symbol == symbol && !order.is_opening() && order.hold() == hold)
                .map(|order| order.id)
                .collect()
        };
        for id in closing {
            if let Some(mut order) = self.accounts[owner].open.remove(&id) {
                order.end(state::CANCELLED, 13, now_ms);
                self.tell(owner, &order, market, now_ms);
                self.accounts[owner].retire(order);
            }
        }
        let id = self.accept(owner, new, Money::ZERO, 0, now_ms);
        let Some(mut order) = self.accounts[owner].open.remove(&id) else { return };
        (order.category, order.state) = (category, state::OPEN);
        let levels = self.takeable(symbol, market, order.book_side(), None);
        self.walk(owner, &mut order, market, &levels, now_ms);
        let fair = market.fair().unwrap_or(Price(1));
        if !order.rest().is_zero() {
            let rest = order.rest();
            self.fill(owner, &mut order, market, Taken::new(fair, rest, true), now_ms);
        }
        self.tell(owner, &order, market, now_ms);
        self.accounts[owner].retire(order);
    }
}
