//! The whole exchange as one value: markets, sockets, accounts, request log.
//!
//! Invariant: it reads no clock and never blocks; the caller passes the time in, frames and replies come out.

use super::faults::{FaultKind, Faults};
use super::fraction::{fraction, parts};
use super::market::ladder::Ladder;
use super::market::{Deal, Market};
use super::pushes::{Later, PushState};
use super::requests::Requests;
use super::rest::Budgets;
use super::scenario::{Scenario, Settings};
use super::sockets::{Out, Sockets};
use super::test_key::TestKey;
use super::topics::Topic;
use super::trading::account::TraderAccount;
use super::trading::{Spoiled, Trading};
use super::wire::Spelling;
use crate::domain::contract::Contract;
use crate::domain::record::Record;
use crate::domain::rng::Rng;
use hyper_tungstenite::tungstenite::Utf8Bytes;
use std::collections::{BTreeMap, VecDeque};

/// Deals kept for comparison by tests; when full the oldest are dropped (the totals remain).
pub const DEALS_KEPT: usize = 1 << 18;

/// How long a subscribed socket is still served after the warning that it sends no pings.
const GRACE_MS: i64 = 5_000;

/// All deals in the order of occurrence.
#[derive(Default, Debug)]
pub struct DealLog {
    /// The most recent deals, each with its symbol.
    pub last: VecDeque<(usize, Deal)>,
    /// Total number of deals per symbol.
    pub counts: Vec<u64>,
}

/// A simulated exchange.
#[derive(Debug)]
pub struct Exchange {
    /// Markets by contract index.
    pub markets: Vec<Market>,
    /// Push state by symbol.
    pub streams: Vec<PushState>,
    /// Open sockets.
    pub sockets: Sockets,
    /// Settings.
    pub settings: Settings,
    /// Number formatting.
    pub spelling: Spelling,
    /// Random numbers for everything except number formatting and trading.
    pub rng: Rng,
    /// Log of requests.
    pub requests: Requests,
    /// Rate limits.
    pub budgets: Budgets,
    /// Accounts and orders.
    pub trading: Trading,
    /// Faults.
    pub faults: Faults,
    /// Log of deals.
    pub deals: DealLog,
    /// The exchange's clock minus the true one, milliseconds.
    pub skew_ms: i64,
    /// When the list of all tickers was last sent.
    pub tickers_ms: i64,
    /// Start of a restart, and the time when REST is back; true time.
    pub restarting: Option<(i64, i64)>,
    /// Accounts as of the moment when reads of them became stale.
    pub stale_accounts: Vec<TraderAccount>,
    /// Books as of the moment when snapshots became stale.
    pub frozen: BTreeMap<usize, (Ladder, u64)>,
    /// Whether the next snapshot is the old one.
    pub goes_back: bool,
    /// Delayed frames.
    pub later: Vec<Later>,
    /// The last repeated frame of each topic.
    pub repeated: BTreeMap<Topic, Utf8Bytes>,
    /// Number of the next malformed frame.
    pub next_form: i64,
    names: BTreeMap<String, usize>,
    deal_id: u64,
    now_ms: i64,
}

impl Exchange {
    /// An exchange with these contracts.
    ///
    /// # Errors
    /// A contract that cannot be rehearsed, or a duplicate.
    pub fn new(
        contracts: Vec<Contract>,
        keys: &[TestKey],
        scenario: &Scenario,
        seed: u64,
        now_ms: i64,
    ) -> Result<Self, String> {
        let mut rng = Rng::new(seed);
        let mut names = BTreeMap::new();
        let mut markets = Vec::new();
        for contract in contracts {
            if names.insert(contract.symbol.clone(), markets.len()).is_some() {
                return Err(format!("{} is given twice in the list of contracts", contract.symbol));
            }
            markets.push(Market::new(contract, &mut rng, now_ms)?);
        }
        let streams = markets.iter().map(|_| PushState::new(now_ms)).collect();
        let mut faults = Faults::default();
        for fault in &scenario.faults {
            if let Some(name) = fault.symbol.as_ref().filter(|name| !names.contains_key(*name)) {
                return Err(format!(
                    "the scenario's fault {:?} names {name}, which is not a contract here",
                    fault.fault
                ));
            }
            faults.plan(fault.clone(), now_ms)?;
        }
        let deals = DealLog { last: VecDeque::new(), counts: vec![0; markets.len()] };
        Ok(Exchange {
            markets,
            streams,
            sockets: Sockets::default(),
            settings: scenario.settings.clone(),
            spelling: Spelling::new(rng.next(), scenario.settings.quirks),
            deal_id: 10_000_000_000 + rng.below(1 << 32),
            trading: Trading::new(keys, &scenario.settings, Rng::new(rng.next())),
            faults,
            rng,
            requests: Requests::default(),
            budgets: Budgets::default(),
            deals,
            skew_ms: 0,
            tickers_ms: now_ms,
            restarting: None,
            stale_accounts: Vec::new(),
            frozen: BTreeMap::new(),
            goes_back: false,
            later: Vec::new(),
            repeated: BTreeMap::new(),
            next_form: 0,
            names,
            now_ms,
        })
    }

    /// The exchange's clock, milliseconds.
    pub fn now_ms(&self) -> i64 {
        self.now_ms + self.skew_ms
    }

    /// True time of the last `set_time`, milliseconds.
    pub fn true_ms(&self) -> i64 {
        self.now_ms
    }

    /// Sets the true time; it never goes back.
    pub fn set_time(&mut self, true_ms: i64) {
        self.now_ms = self.now_ms.max(true_ms);
    }

    /// Index of a listed contract.
    pub fn find(&self, symbol: &str) -> Option<usize> {
        self.names.get(symbol).copied().filter(|index| !self.markets[*index].is_delisted)
    }

    /// Index of a contract, listed or delisted.
    pub fn known(&self, symbol: &str) -> Option<usize> {
        self.names.get(symbol).copied()
    }

    /// The next deal id.
    pub fn next_deal(&mut self) -> u64 {
        self.deal_id += 1;
        self.deal_id
    }

    /// Applies a recorded row at this true time.
    ///
    /// # Errors
    /// As [`Market::row`].
    pub fn row(&mut self, symbol: usize, record: &Record, true_ms: i64) -> Result<(), String> {
        self.set_time(true_ms);
        let at_ms = self.now_ms();
        let market =
            self.markets.get_mut(symbol).ok_or_else(|| format!("there is no contract number {symbol}"))?;
        market.row(record, at_ms, &mut self.deal_id)?;
        Ok(())
    }

    /// Sends what is due, and closes sockets without pings.
    pub fn step(&mut self, true_ms: i64) {
        self.set_time(true_ms);
        self.begin_due();
        let now_ms = self.now_ms();
        self.spoil_trading();
        for symbol in 0..self.markets.len() {
            self.markets[symbol].finish_book(now_ms);
            self.follow_and_send(symbol);
            self.send_due(symbol);
            let late_ms = self.settlement_delay(symbol);
            if self.markets[symbol].funding.next_ms + late_ms <= now_ms {
                self.settle_on_time(symbol);
            }
        }
        self.end_passing();
        self.trading.accounts.iter_mut().for_each(|account| account.watch(now_ms));
        self.send_tickers();
        self.send_private();
        self.send_later();
        self.close_silent();
    }

    /// Tells trading which faults are active.
    pub fn spoil_trading(&mut self) {
        let true_ms = self.true_ms();
        let ms = |kind: FaultKind| {
            self.faults.active(kind, true_ms).map_or(0, |fault| fault.ms.unwrap_or(2_000).clamp(0, 600_000))
        };
        self.trading.spoiled = Spoiled {
            twice: self.faults.is_on(FaultKind::PushesTwice, true_ms),
            reordered: self.faults.is_on(FaultKind::PushesReordered, true_ms),
            lost: self.faults.is_on(FaultKind::PushesLost, true_ms),
            late_ms: ms(FaultKind::PushesLate),
            fills_late_ms: ms(FaultKind::FillsLate),
            fee_coin: self.faults.active(FaultKind::FeeCoin, true_ms).map(|fault| {
                let price = parts(fraction(fault.rate.unwrap_or(1.0)));
                (fault.coin.clone().unwrap_or_else(|| "MX".to_owned()), price.0)
            }),
            skew_ms: self.skew_ms,
        };
    }

    /// Passes new market events to the orders and to the subscribers.
    pub fn follow_and_send(&mut self, symbol: usize) {
        self.log_deals(symbol);
        let (true_ms, now_ms) = (self.true_ms(), self.now_ms());
        let mut fresh = std::mem::take(&mut self.markets[symbol].fresh);
        if let Some(rate) = fresh.settled.take() {
            self.trading.settle(symbol, &self.markets[symbol], parts(rate), now_ms);
            self.markets[symbol].settled(now_ms, rate);
            self.send_funding(symbol);
        }
        self.trading.follow(symbol, &self.markets[symbol], &fresh.deals, &fresh.commits, true_ms, now_ms);
        self.send_fresh(symbol, &fresh);
        fresh.clear();
        self.markets[symbol].fresh = fresh;
    }

    fn log_deals(&mut self, symbol: usize) {
        for deal in &self.markets[symbol].fresh.deals {
            if self.deals.last.len() == DEALS_KEPT {
                self.deals.last.pop_front();
            }
            self.deals.last.push_back((symbol, *deal));
            self.deals.counts[symbol] += 1;
        }
    }

    /// Warns and closes clients that sent no ping for `ping_timeout_ms`, even while data flows.
    fn close_silent(&mut self) {
        let (now_ms, limit_ms) = (self.now_ms, self.settings.ping_timeout_ms);
        for id in self.sockets.ids() {
            let Some(socket) = self.sockets.get_mut(id) else { continue };
            let silent_ms = now_ms - socket.pinged_ms;
            let (is_warned, is_streaming) = (socket.is_warned, socket.is_streaming());
            if silent_ms >= limit_ms && !is_warned {
                socket.is_warned = true;
                let text = "\"more than 60 seconds no response, close the channel\"";
                self.answer(id, "rs.error", text);
                if !is_streaming {
                    self.sockets.tell(id, Out::Drop);
                    self.sockets.remove(id);
                }
            } else if is_warned && silent_ms >= limit_ms + GRACE_MS {
                self.sockets.tell(id, Out::Close(None));
                self.sockets.remove(id);
            }
        }
    }
}
