//! Faults that act at once on the market of a contract: its book, its deals, its prices, its terms.

use super::exchange::Exchange;
use super::faults::{Fault, FaultKind, NewTerms};
use super::market::ladder::LadderChange;
use super::market::{Deal, Market};
use super::topics::{PushChannel, Topic};
use super::trading::order::{Hold, category};
use super::wire::list;
use crate::domain::decimal::Decimal;
use crate::domain::num::Qty;
use crate::domain::order::Side;
use crate::domain::rng::mixed;

/// Rows of a ticker frame of about 400 KB.
const HUGE_ROWS: usize = 1_400;

/// How long bids are hidden without `for_ms`.
const HIDDEN_MS: i64 = 5_000;

/// How late a settlement is without `ms`.
const SETTLE_LATE_MS: i64 = 15_000;

impl Exchange {
    pub(super) fn act_on_market(&mut self, fault: &Fault) -> bool {
        match fault.fault {
            FaultKind::SkipVersions => {
                let count = fault.count.map_or_else(|| self.rng.between(1, 50), |count| count.max(1));
                for index in self.named(fault) {
                    self.streams[index].skip(count.unsigned_abs());
                }
            }
            FaultKind::Burst => {
                let count = fault.count.unwrap_or(2_000).clamp(1, 10_000);
                for index in self.named(fault) {
                    self.burst(index, count);
                }
            }
            FaultKind::DealsTwin => {
                for index in self.named(fault) {
                    if let Some(last) = self.markets[index].deals.back().copied() {
                        let id = self.next_deal();
                        self.markets[index].invent(Deal { id, ..last });
                    }
                }
            }
            FaultKind::HugeTicker => {
                let row = |number: usize| {
                    format!(
                        "{{\"symbol\":\"HUGE{number}_USDT\",\"contractId\":{number},\"lastPrice\":0.04114,\"fairPrice\":0.04116,\"indexPrice\":0.04119,\"riseFallRate\":-0.0292,\"volume24\":376505,\"amount24\":157589.74,\"high24Price\":0.04297,\"lower24Price\":0.04068,\"maxBidPrice\":0.04942,\"minAskPrice\":0.03295,\"timestamp\":{}}}",
                        1_790_870_034_312_i64
                    )
                };
                let text = self.framed("push.tickers", None, &list((0..HUGE_ROWS).map(row)));
                self.sockets.publish(Topic::new(PushChannel::Tickers, 0), text.into());
            }
            _ => return false,
        }
        true
    }

    /// Sends many size changes at once, each in a frame of its own.
    fn burst(&mut self, index: usize, count: i64) {
        for _ in 0..count {
            let side = if self.rng.once_in(2) { Side::Buy } else { Side::Sell };
            let levels: Vec<_> = self.markets[index].ladder.side(side).take(10).collect();
            let Some((price, qty)) =
                levels.get(usize::try_from(self.rng.below(levels.len() as u64)).unwrap_or(0)).copied()
            else {
                continue;
            };
            let qty = Qty(qty.0 % 5_000 + 1 + self.rng.between(0, 1));
            let at_ms = self.now_ms();
            self.markets[index].disturb(LadderChange { side, price, qty }, at_ms);
            self.follow_and_send(index);
            self.send_merged(index);
        }
    }

    pub(super) fn act_on_prices(&mut self, fault: &Fault) -> bool {
        let (true_ms, at_ms) = (self.true_ms(), self.now_ms());
        let until_ms = fault.for_ms.map(|for_ms| true_ms + for_ms);
        for index in self.named(fault) {
            let market = &mut self.markets[index];
            let price = fault.price.map(|price| market.spec.price_floor(price));
            match fault.fault {
                FaultKind::FairPrice => market.moved_fair = price.map(|price| (price, until_ms)),
                FaultKind::IndexPrice => market.moved_index = price.map(|price| (price, until_ms)),
                FaultKind::Jump => market.jump(fault.rate.unwrap_or(-0.05), at_ms),
                FaultKind::BidsEmpty => {
                    market.hide_bids(at_ms);
                    market.bids_back_ms = Some(true_ms + fault.for_ms.unwrap_or(HIDDEN_MS));
                }
                FaultKind::Terms => {
                    change_terms(market, fault.terms.as_ref());
                    if fault.count == Some(1) {
                        self.send_contract(index);
                    }
                }
                _ => return false,
            }
            self.streams[index].show_marks_again();
        }
        true
    }

    /// Ends what lasts for a time on markets: moved prices, hidden bids, a delisted contract before its
    /// close.
    pub(super) fn end_passing(&mut self) {
        let (true_ms, at_ms) = (self.true_ms(), self.now_ms());
        for index in 0..self.markets.len() {
            let market = &mut self.markets[index];
            if !market.is_passing() {
                continue;
            }
            let is_over = |until: Option<i64>| until.is_some_and(|until| true_ms >= until);
            market.moved_fair = market.moved_fair.filter(|(_, until)| !is_over(*until));
            market.moved_index = market.moved_index.filter(|(_, until)| !is_over(*until));
            if is_over(market.bids_back_ms) {
                market.show_bids(at_ms);
            }
            if is_over(market.closes_ms) {
                market.closes_ms = None;
                market.contract.state = 2;
                self.close_delisted(index);
            }
        }
    }

    /// Ends all faults, also those that last on markets.
    pub fn calm(&mut self) {
        self.faults.clear();
        let at_ms = self.now_ms();
        for market in &mut self.markets {
            (market.moved_fair, market.moved_index) = (None, None);
            market.show_bids(at_ms);
        }
        self.spoil_trading();
    }

    /// Closes every position in a delisted contract, some time after the delisting.
    fn close_delisted(&mut self, index: usize) {
        let now_ms = self.now_ms();
        for account in 0..self.trading.accounts.len() {
            for hold in [Hold::Long, Hold::Short] {
                let market = &self.markets[index];
                self.trading.close_by_force(account, (index, hold), market, category::DELIVERY, None, now_ms);
            }
        }
    }

    /// How much later than announced a contract settles, milliseconds.
    pub(super) fn settlement_delay(&self, index: usize) -> i64 {
        if let Some(fault) = self.faults.active_on(FaultKind::SettleLate, Some(index), self.true_ms()) {
            return fault.ms.unwrap_or(SETTLE_LATE_MS);
        }
        let [fewest, most] = self.settings.settle_late_ms;
        let number = i64::try_from(index).unwrap_or(0);
        let drawn = mixed(self.markets[index].funding.next_ms, number) % (most - fewest + 1).unsigned_abs();
        fewest + i64::try_from(drawn).unwrap_or(0)
    }

    /// Settles at the announced time; a fault moves the rate at that instant.
    pub(super) fn settle_on_time(&mut self, index: usize) {
        let true_ms = self.true_ms();
        if let Some(fault) = self.faults.strikes(FaultKind::SettleLate, Some(index), true_ms) {
            let funding = &mut self.markets[index].funding;
            funding.rate = fault.rate.map_or(funding.rate, super::fraction::fraction);
        }
        self.settle(index);
    }
}

/// Changes the terms that are given; text that is no number changes nothing.
fn change_terms(market: &mut Market, terms: Option<&NewTerms>) {
    let Some(terms) = terms else { return };
    let set = |target: &mut Decimal, text: &Option<String>| {
        if let Some(value) = text.as_ref().and_then(|text| Decimal::parse(text.as_bytes()).ok()) {
            *target = value;
        }
    };
    let contract = &mut market.contract;
    set(&mut contract.price_step, &terms.price_unit);
    set(&mut contract.quantity_step, &terms.vol_unit);
    set(&mut contract.min_quantity, &terms.min_vol);
    set(&mut contract.max_quantity, &terms.max_vol);
}
