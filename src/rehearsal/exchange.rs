//! The whole exchange as one value: markets, sockets, requests. Time comes in; frames and replies go out.
//!
//! Never: a clock, a wait.

use super::chance::Chance;
use super::market::{Deal, Market};
use super::requests::Requests;
use super::rest::Budgets;
use super::scenario::{Scenario, Settings};
use super::sockets::{Out, Sockets};
use super::streams::Stream;
use super::wire::{self, Spelling};
use crate::domain::contract::Contract;
use crate::domain::record::Record;
use std::collections::{BTreeMap, VecDeque};

/// Deals kept for those who compare; when full the oldest leave (totals stay).
pub const DEALS_KEPT: usize = 1 << 18;

/// How long a streaming socket is still served after it was told that it is silent.
const GRACE_MS: i64 = 5_000;

/// All deals in the order in which they were sent.
#[derive(Default, Debug)]
pub struct DealLog {
    /// The last ones, each with its symbol.
    pub last: VecDeque<(usize, Deal)>,
    /// How many there were by symbol.
    pub counts: Vec<u64>,
}

/// The exchange.
#[derive(Debug)]
pub struct Exchange {
    /// Markets by place of their contract.
    pub markets: Vec<Market>,
    /// What goes out when, by symbol.
    pub streams: Vec<Stream>,
    /// Open sockets.
    pub sockets: Sockets,
    /// What holds all the time.
    pub settings: Settings,
    /// How numbers are spelled.
    pub spelling: Spelling,
    /// Chance for everything but spelling.
    pub chance: Chance,
    /// What was asked.
    pub requests: Requests,
    /// Limits of requests.
    pub budgets: Budgets,
    /// All deals.
    pub deals: DealLog,
    /// The exchange's clock minus the true one, milliseconds.
    pub skew_ms: i64,
    /// When all tickers were sent last.
    pub tickers_ms: i64,
    names: BTreeMap<String, usize>,
    deal_id: u64,
    now_ms: i64,
}

impl Exchange {
    /// An exchange with these contracts.
    ///
    /// # Errors
    /// A contract that cannot be rehearsed, or one that stands twice.
    pub fn new(contracts: Vec<Contract>, scenario: &Scenario, seed: u64, now_ms: i64) -> Result<Self, String> {
        let mut chance = Chance::new(seed);
        let mut names = BTreeMap::new();
        let mut markets = Vec::new();
        for contract in contracts {
            if names.insert(contract.symbol.clone(), markets.len()).is_some() {
                return Err(format!("{} stands twice in the list of contracts", contract.symbol));
            }
            markets.push(Market::new(contract, &mut chance, now_ms)?);
        }
        let streams = markets.iter().map(|_| Stream::new(now_ms)).collect();
        let deals = DealLog { last: VecDeque::new(), counts: vec![0; markets.len()] };
        Ok(Exchange {
            markets,
            streams,
            sockets: Sockets::default(),
            settings: scenario.settings.clone(),
            spelling: Spelling::new(chance.next(), scenario.settings.quirks),
            deal_id: 10_000_000_000 + chance.below(1 << 32),
            chance,
            requests: Requests::default(),
            budgets: Budgets::default(),
            deals,
            skew_ms: 0,
            tickers_ms: now_ms,
            names,
            now_ms,
        })
    }

    /// The exchange's own time, milliseconds.
    pub fn now_ms(&self) -> i64 {
        self.now_ms + self.skew_ms
    }

    /// The true time it was told last, milliseconds.
    pub fn true_ms(&self) -> i64 {
        self.now_ms
    }

    /// Sets the time; it never goes back.
    pub fn set_time(&mut self, true_ms: i64) {
        self.now_ms = self.now_ms.max(true_ms);
    }

    /// The place of a contract.
    pub fn find(&self, symbol: &str) -> Option<usize> {
        self.names.get(symbol).copied().filter(|place| !self.markets[*place].is_delisted)
    }

    /// Takes a row of the recording that happens now (true time).
    ///
    /// # Errors
    /// As [`Market::row`].
    pub fn row(&mut self, symbol: usize, record: &Record, true_ms: i64) -> Result<(), String> {
        self.set_time(true_ms);
        let at_ms = self.now_ms();
        let market = self.markets.get_mut(symbol).ok_or_else(|| format!("there is no contract number {symbol}"))?;
        market.row(record, at_ms, &mut self.deal_id)?;
        Ok(())
    }

    /// Sends what is due and closes who is silent.
    pub fn step(&mut self, true_ms: i64) {
        self.set_time(true_ms);
        let now_ms = self.now_ms();
        for symbol in 0..self.markets.len() {
            self.markets[symbol].finish_book(now_ms);
            self.log_deals(symbol);
            self.send_fresh(symbol);
            self.send_due(symbol);
        }
        self.send_tickers();
        self.close_silent();
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

    /// A client that sends no ping for a minute is told and closed, whether data flows or not.
    fn close_silent(&mut self) {
        let (now_ms, limit_ms) = (self.now_ms, self.settings.ping_timeout_ms);
        for id in self.sockets.ids() {
            let Some(socket) = self.sockets.get_mut(id) else { continue };
            let silent_ms = now_ms - socket.pinged_ms;
            let (is_warned, is_streaming) = (socket.is_warned, socket.is_streaming());
            if silent_ms >= limit_ms && !is_warned {
                socket.is_warned = true;
                let text = "\"more than 60 seconds no response, close the channel\"";
                let notice = wire::frame("rs.error", None, text, &self.now_ms().to_string());
                self.sockets.send(id, notice);
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
