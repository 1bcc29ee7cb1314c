//! Faults that act at once on markets, sockets, accounts and the clock. Other faults are only switched on
//! here and applied where they take effect.

use super::exchange::Exchange;
use super::faults::{Fault, FaultKind};
use super::fraction::{fraction, parts};
use super::market::next_settlement;
use super::sockets::Out;
use super::terms;
use super::topics::{PushChannel, Topic};
use super::trading::account::Transfer;
use super::trading::order::{Hold, NewOrder, category, kind};
use super::wire::{self, Object};
use crate::domain::num::{Money, Qty};

/// How long REST is down in a restart without `ms`.
const DOWN_MS: i64 = 60_000;

/// After a restart, sockets are dropped one after the other within this time.
const DROP_WITHIN_MS: i64 = 5_000;

impl Exchange {
    /// Starts a fault: now, or `at_ms` later.
    ///
    /// # Errors
    /// An unknown contract, or too many waiting faults.
    pub fn inject(&mut self, fault: Fault) -> Result<(), String> {
        if let Some(name) = &fault.symbol {
            self.known(name).ok_or_else(|| format!("symbol: there is no contract {name}"))?;
        }
        if fault.nth.is_some() {
            return self.faults.await_request(fault);
        }
        if fault.at_ms > 0 {
            let now_ms = self.true_ms();
            return self.faults.plan(fault, now_ms);
        }
        self.begin(fault);
        Ok(())
    }

    /// Starts the planned faults that are due, and advances a restart.
    pub fn begin_due(&mut self) {
        let now_ms = self.true_ms();
        for fault in self.faults.due(now_ms) {
            self.begin(fault);
        }
        if self.restarting.is_some_and(|(_, up_ms)| now_ms >= up_ms) {
            self.restarting = None;
        }
        let Some((since_ms, _)) = self.restarting else { return };
        let ids = self.sockets.ids();
        let due =
            if now_ms - since_ms >= DROP_WITHIN_MS { ids.len() } else { ids.len().min(1 + ids.len() / 8) };
        for id in ids.into_iter().take(due) {
            self.drop_socket(id, Out::Drop);
        }
    }

    /// Starts the faults that wait for this request.
    pub fn begin_at(&mut self, path: &str) {
        for fault in self.faults.at_request(path) {
            // An error means that too many wait: then it begins now.
            if fault.at_ms == 0 || self.faults.plan(fault.clone(), self.true_ms()).is_err() {
                self.begin(fault);
            }
        }
        self.spoil_trading();
    }

    fn begin(&mut self, fault: Fault) {
        let kind = fault.fault;
        let done = self.act_on_exchange(&fault)
            || self.act_on_market(&fault)
            || self.act_on_prices(&fault)
            || self.act_on_accounts(&fault)
            || self.act_on_sockets(&fault);
        if done {
            self.faults.count(kind);
            return;
        }
        let now_ms = self.true_ms();
        let symbol = fault.symbol.as_ref().and_then(|name| self.known(name));
        if matches!(kind, FaultKind::SnapshotStale | FaultKind::SnapshotBack) {
            for index in self.named(&fault) {
                let market = &self.markets[index];
                self.frozen.insert(index, (market.ladder.clone(), market.version));
            }
        }
        if kind == FaultKind::StaleBalance {
            self.stale_accounts = self.trading.accounts.clone();
        }
        self.faults.switch_on(fault, symbol, now_ms);
        self.spoil_trading();
    }

    /// Contracts a fault applies to: the named one, or all.
    pub(super) fn named(&self, fault: &Fault) -> Vec<usize> {
        match &fault.symbol {
            Some(name) => self.known(name).into_iter().collect(),
            None => (0..self.markets.len()).collect(),
        }
    }

    fn act_on_exchange(&mut self, fault: &Fault) -> bool {
        let (true_ms, at_ms) = (self.true_ms(), self.now_ms());
        match fault.fault {
            FaultKind::ClockSkew => self.skew_ms = fault.ms.unwrap_or(15_000),
            FaultKind::Restart | FaultKind::RestartSilent => self.restart(fault),
            FaultKind::Paused | FaultKind::Resumed | FaultKind::Delisted | FaultKind::Relisted => {
                for index in self.named(fault) {
                    let market = &mut self.markets[index];
                    market.is_delisted = fault.fault == FaultKind::Delisted;
                    market.contract.state = match fault.fault {
                        FaultKind::Paused => 4,
                        FaultKind::Delisted => 3,
                        _ => 0,
                    };
                    let closes_ms = fault.ms.filter(|_| fault.fault == FaultKind::Delisted);
                    market.closes_ms = closes_ms.map(|ms| true_ms + ms);
                    if let Some(rate) = fault.rate.filter(|_| market.contract.state == 0) {
                        market.jump(rate, at_ms);
                    }
                    self.send_contract(index);
                }
            }
            FaultKind::FinerPrices | FaultKind::OddPrices | FaultKind::PlainPrices => {
                for index in self.named(fault) {
                    self.markets[index].change_prices(
                        fault.fault != FaultKind::PlainPrices,
                        fault.fault == FaultKind::FinerPrices,
                    );
                    if fault.count == Some(1) {
                        self.send_contract(index);
                    }
                }
            }
            FaultKind::Funding => {
                for index in self.named(fault) {
                    let now_ms = self.now_ms();
                    let funding = &mut self.markets[index].funding;
                    funding.rate = fault.rate.map_or(funding.rate, fraction);
                    funding.cycle_hours = fault.count.unwrap_or(funding.cycle_hours).clamp(1, 24);
                    funding.next_ms = next_settlement(now_ms, funding.cycle_hours);
                    self.send_funding(index);
                }
            }
            FaultKind::Settle => {
                for index in self.named(fault) {
                    self.settle(index);
                }
            }
            _ => return false,
        }
        true
    }

    /// Restart: REST goes down, sockets are dropped, book versions drop, and half of the open orders are
    /// cancelled; ids continue to count.
    fn restart(&mut self, fault: &Fault) {
        let now_ms = self.true_ms();
        let is_silent = fault.fault == FaultKind::RestartSilent;
        let down_ms = fault.ms.unwrap_or(if is_silent { 1_000 } else { DOWN_MS });
        self.restarting = Some((now_ms, now_ms + down_ms));
        for index in 0..self.markets.len() {
            let market = &mut self.markets[index];
            market.version = market.version / 2 + self.rng.below(1_000);
            market.commits.clear();
            market.fresh.commits.clear();
            self.streams[index].forget();
        }
        let at_ms = self.now_ms();
        for account in 0..self.trading.accounts.len() {
            let ids: Vec<u64> = self.trading.accounts[account].open.keys().copied().collect();
            for id in ids {
                if self.rng.once_in(2) {
                    self.trading.cancel(account, id, 8, &self.markets, at_ms);
                }
            }
        }
        if is_silent {
            let silent_ms = down_ms + fault.for_ms.unwrap_or(20_000);
            self.faults.switch_on(
                Fault { for_ms: Some(silent_ms), ..Fault::new(FaultKind::Silent) },
                None,
                now_ms,
            );
        }
    }

    /// Pushes the terms of a contract to its subscribers.
    pub fn send_contract(&mut self, index: usize) {
        let payload = terms::detail(&self.markets[index].contract, index, terms::Form::Push);
        let text = self.framed("push.contract", None, &payload);
        self.sockets.publish(Topic::new(PushChannel::Contract, 0), text.into());
    }

    /// Settles funding now.
    pub fn settle(&mut self, index: usize) {
        let now_ms = self.now_ms();
        let rate = self.markets[index].funding.rate;
        self.trading.settle(index, &self.markets[index], parts(rate), now_ms);
        self.markets[index].settled(now_ms, rate);
        self.send_funding(index);
    }

    fn act_on_accounts(&mut self, fault: &Fault) -> bool {
        let force = match fault.fault {
            FaultKind::Liquidate => category::LIQUIDATION,
            FaultKind::Adl => category::ADL,
            FaultKind::WebClose => category::NORMAL,
            FaultKind::WebOrder => {
                self.web_order(fault);
                return true;
            }
            FaultKind::Transfer => {
                self.transfer(fault);
                return true;
            }
            FaultKind::Leverage => {
                for account in 0..self.trading.accounts.len() {
                    for index in self.named(fault) {
                        for hold in [Hold::Long, Hold::Short] {
                            let leverage = fault.count.unwrap_or(5).max(1);
                            self.trading.accounts[account].leverage.insert((index, hold), (leverage, 1));
                        }
                    }
                }
                return true;
            }
            FaultKind::PositionMode => {
                for account in &mut self.trading.accounts {
                    account.mode = fault.count.unwrap_or(2).clamp(1, 2);
                }
                let payload = Object::new().put("positionMode", fault.count.unwrap_or(2)).end();
                let now_ms = self.now_ms();
                for account in 0..self.trading.accounts.len() {
                    self.trading.push(account, "position.mode", None, payload.clone(), now_ms);
                }
                return true;
            }
            _ => return false,
        };
        let now_ms = self.now_ms();
        let most = fault.count.map(|lots| Qty(lots.max(1)));
        for account in 0..self.trading.accounts.len() {
            for index in self.named(fault) {
                for hold in [Hold::Long, Hold::Short] {
                    let market = &self.markets[index];
                    self.trading.close_by_force(account, (index, hold), market, force, most, now_ms);
                }
            }
        }
        true
    }

    /// Places an order as if on the website, with an external id that no client gave: at the market, or with
    /// a price that rests.
    fn web_order(&mut self, fault: &Fault) {
        let (true_ms, now_ms) = (self.true_ms(), self.now_ms());
        for account in 0..self.trading.accounts.len() {
            for symbol in self.named(fault) {
                let price = fault.price.map(|price| self.markets[symbol].spec.price_floor(price));
                let mut new = NewOrder {
                    symbol,
                    side: fault.side.unwrap_or(1).clamp(1, 4),
                    kind: if price.is_some() { kind::LIMIT } else { kind::MARKET },
                    qty: Qty(fault.count.unwrap_or(1).max(1)),
                    price,
                    ..NewOrder::default()
                };
                (new.leverage, new.open_type) =
                    self.trading.accounts[account].leverage_of(symbol, new.hold());
                let id = self.trading.accept(account, new, Money::ZERO, true_ms, now_ms);
                self.trading.push_order(account, id, &self.markets[symbol], now_ms);
            }
        }
    }

    /// Moves money in or out.
    fn transfer(&mut self, fault: &Fault) {
        let at_ms = self.now_ms();
        for account in 0..self.trading.accounts.len() {
            let id = self.next_deal();
            let amount = Money::from_f64(fault.rate.unwrap_or(-100.0));
            self.trading.accounts[account].transfer(Transfer { id, amount, at_ms });
            if let Some(market) = self.markets.first() {
                self.trading.push_money(account, market, at_ms);
            }
        }
    }

    fn act_on_sockets(&mut self, fault: &Fault) -> bool {
        let one =
            fault.count.and_then(|id| u64::try_from(id).ok()).filter(|_| fault.fault != FaultKind::Malformed);
        let ids: Vec<u64> =
            self.sockets.ids().into_iter().filter(|id| one.is_none_or(|one| one == *id)).collect();
        match fault.fault {
            FaultKind::Disconnect => ids.into_iter().for_each(|id| self.drop_socket(id, Out::Drop)),
            FaultKind::GoingAway => {
                ids.into_iter().for_each(|id| self.drop_socket(id, Out::Close(Some(1001))))
            }
            FaultKind::HalfOpen => ids.into_iter().for_each(|id| self.drop_socket(id, Out::Freeze)),
            FaultKind::SessionLost => {
                for id in ids {
                    if let Some(socket) = self.sockets.get_mut(id) {
                        socket.account = None;
                    }
                }
            }
            FaultKind::Malformed => {
                for id in ids {
                    self.send_malformed(id, fault.count);
                }
            }
            FaultKind::UnknownFrames => {
                let stamp = self.stamp();
                let frames = [
                    wire::frame(
                        "push.event.contract",
                        Some("EVENT_1"),
                        "{\"strike\":[1,{\"deep\":null}]}",
                        &stamp,
                    ),
                    wire::frame("push.nobody.knows", None, "[]", &stamp),
                    format!("{{\"method\":\"notice\",\"params\":{{\"ts\":{stamp}}}}}"),
                ];
                for id in ids {
                    frames.iter().for_each(|frame| self.sockets.send(id, frame.clone()));
                }
            }
            _ => return false,
        }
        true
    }

    fn drop_socket(&mut self, id: u64, how: Out) {
        self.sockets.tell(id, how);
        self.sockets.remove(id);
    }
}
