//! What is pushed when: deals and single changes at once, everything else in its rhythm.

use super::exchange::Exchange;
use super::market::bars::INTERVALS;
use super::market::Fresh;
use super::topics::{Channel, Topic};
use super::wire::{self, Object, list};
use crate::domain::num::Price;
use crate::domain::order::Side;

/// Between two candles of one symbol and interval.
const KLINE_EVERY_MS: i64 = 250;

/// Between two fair or index prices of one symbol.
const MARK_EVERY_MS: i64 = 1_000;

/// Changed levels that wait for a merged frame; when full the frame goes out early.
const MERGED_LEVELS: usize = 4_096;

/// What of a symbol was sent.
#[derive(Debug)]
pub struct Stream {
    changed: Vec<(Side, Price)>,
    /// First version that no merged frame holds.
    begin: u64,
    merged_ms: i64,
    full_ms: i64,
    full_version: u64,
    ticker_ms: i64,
    kline_ms: i64,
    has_new_deals: bool,
    mark_ms: i64,
    fair: Option<Price>,
    /// Whether something changed since all tickers were sent.
    pub ticker_changed: bool,
}

impl Stream {
    /// Nothing sent yet.
    pub fn new(now_ms: i64) -> Self {
        Stream {
            changed: Vec::new(),
            begin: 0,
            merged_ms: now_ms,
            full_ms: now_ms,
            full_version: 0,
            ticker_ms: now_ms,
            kline_ms: now_ms,
            has_new_deals: false,
            mark_ms: now_ms,
            fair: None,
            ticker_changed: false,
        }
    }
}

impl Exchange {
    /// `ts` of a frame.
    pub fn stamp(&self) -> String {
        self.now_ms().to_string()
    }

    /// Pushes a payload of a symbol's channel.
    pub fn push(&mut self, channel: Channel, symbol: usize, word: &str, payload: &str) {
        let text = wire::frame(word, Some(&self.markets[symbol].contract.symbol), payload, &self.stamp());
        self.sockets.publish(Topic::new(channel, symbol), text.into());
    }

    fn has(&self, channel: Channel, symbol: usize) -> bool {
        self.sockets.has_readers(Topic::new(channel, symbol))
    }

    /// Deals and changes since the last step.
    pub fn send_fresh(&mut self, symbol: usize) {
        let fresh = std::mem::take(&mut self.markets[symbol].fresh);
        self.send_deals(symbol, &fresh);
        if self.has(Channel::DepthEach, symbol) {
            for commit in &fresh.commits {
                let text = self.markets[symbol].commit_text(&mut self.spelling, commit);
                self.push(Channel::DepthEach, symbol, "push.depth", &text);
            }
        }
        let stream = &mut self.streams[symbol];
        if let Some(first) = fresh.commits.first().filter(|_| stream.changed.is_empty()) {
            stream.begin = first.version;
        }
        stream.changed.extend(fresh.commits.iter().map(|commit| (commit.change.side, commit.change.price)));
        stream.ticker_changed |= fresh.marked || !fresh.deals.is_empty();
        stream.has_new_deals |= !fresh.deals.is_empty();
        let mut empty = fresh;
        empty.commits.clear();
        empty.deals.clear();
        if let Some(rate) = empty.settled.take() {
            let now_ms = self.now_ms();
            self.markets[symbol].settled(now_ms, rate);
            self.send_funding(symbol);
        }
        empty.marked = false;
        self.markets[symbol].fresh = empty;
    }

    fn send_deals(&mut self, symbol: usize, fresh: &Fresh) {
        if fresh.deals.is_empty() {
            return;
        }
        let (merged, each) = (self.has(Channel::Deal, symbol), self.has(Channel::DealEach, symbol));
        if !merged && !each {
            return;
        }
        let rows: Vec<String> = fresh.deals.iter().map(|deal| self.markets[symbol].deal(&mut self.spelling, deal, true)).collect();
        if each {
            for row in &rows {
                self.push(Channel::DealEach, symbol, "push.deal", &format!("[{row}]"));
            }
        }
        if merged {
            self.push(Channel::Deal, symbol, "push.deal", &list(rows));
        }
    }

    /// The rate as it stands.
    pub fn send_funding(&mut self, symbol: usize) {
        let market = &self.markets[symbol];
        let payload = Object::new()
            .text("symbol", &market.contract.symbol)
            .put("rate", market.funding.rate)
            .put("nextSettleTime", market.funding.next_ms)
            .end();
        self.push(Channel::Funding, symbol, "push.funding.rate", &payload);
    }

    /// What has a rhythm.
    pub fn send_due(&mut self, symbol: usize) {
        let now_ms = self.true_ms();
        let settings = &self.settings;
        let (depth_ms, full_ms, ticker_ms) = (settings.depth_every_ms, settings.depth_full_every_ms, settings.ticker_every_ms);
        let stream = &self.streams[symbol];
        let is_full = stream.changed.len() >= MERGED_LEVELS;
        if !stream.changed.is_empty() && (is_full || now_ms - stream.merged_ms >= depth_ms) {
            self.streams[symbol].merged_ms = now_ms;
            self.send_merged(symbol);
        }
        if now_ms - self.streams[symbol].full_ms >= full_ms && self.streams[symbol].full_version != self.markets[symbol].version {
            self.streams[symbol].full_ms = now_ms;
            self.streams[symbol].full_version = self.markets[symbol].version;
            self.send_full(symbol);
        }
        if now_ms - self.streams[symbol].ticker_ms >= ticker_ms {
            self.streams[symbol].ticker_ms = now_ms;
            self.send_ticker(symbol);
        }
        if self.streams[symbol].has_new_deals && now_ms - self.streams[symbol].kline_ms >= KLINE_EVERY_MS {
            self.streams[symbol].kline_ms = now_ms;
            self.streams[symbol].has_new_deals = false;
            self.send_klines(symbol);
        }
        if now_ms - self.streams[symbol].mark_ms >= MARK_EVERY_MS {
            self.streams[symbol].mark_ms = now_ms;
            self.send_marks(symbol);
        }
    }

    fn send_merged(&mut self, symbol: usize) {
        let stream = &mut self.streams[symbol];
        let (changed, begin) = (std::mem::take(&mut stream.changed), stream.begin);
        if self.has(Channel::Depth, symbol) {
            let now_ms = self.now_ms();
            let market = &self.markets[symbol];
            let at_ms = market.commits.back().map_or(now_ms, |commit| commit.at_ms.min(now_ms));
            let payload = market.merged(&mut self.spelling, &changed, begin, at_ms);
            self.push(Channel::Depth, symbol, "push.depth", &payload);
        }
        let stream = &mut self.streams[symbol];
        stream.changed = changed;
        stream.changed.clear();
    }

    fn send_full(&mut self, symbol: usize) {
        let now_ms = self.now_ms();
        for limit in self.sockets.full_of(symbol) {
            let payload = self.markets[symbol].depth_full(&mut self.spelling, usize::from(limit), now_ms);
            self.push(Channel::DepthFull(limit), symbol, "push.depth.full", &payload);
        }
    }

    fn send_ticker(&mut self, symbol: usize) {
        if self.has(Channel::Ticker, symbol) {
            let now_ms = self.now_ms();
            if let Some(payload) = self.markets[symbol].ticker(&mut self.spelling, now_ms) {
                self.push(Channel::Ticker, symbol, "push.ticker", &payload);
            }
        }
    }

    fn send_klines(&mut self, symbol: usize) {
        for place in self.sockets.klines_of(symbol) {
            let (name, seconds) = INTERVALS[usize::from(place).min(INTERVALS.len() - 1)];
            if let Some(bar) = self.markets[symbol].bars.current(seconds) {
                let payload = self.markets[symbol].kline(&bar, name);
                self.push(Channel::Kline(place), symbol, "push.kline", &payload);
            }
        }
    }

    fn send_marks(&mut self, symbol: usize) {
        let market = &self.markets[symbol];
        let Some(fair) = market.fair().filter(|fair| self.streams[symbol].fair != Some(*fair)) else { return };
        let price = |price: &str| Object::new().text("symbol", &market.contract.symbol).raw("price", price).end();
        let fair_text = self.spelling.price_text(market.price_decimal(fair));
        let index_text = market.index.map_or_else(|| fair_text.clone(), |index| index.to_string());
        let (fair_price, index_price) = (price(&fair_text), price(&index_text));
        self.streams[symbol].fair = Some(fair);
        self.push(Channel::Fair, symbol, "push.fair.price", &fair_price);
        self.push(Channel::Index, symbol, "push.index.price", &index_price);
    }

    /// All tickers: those that changed.
    pub fn send_tickers(&mut self) {
        let now_ms = self.true_ms();
        if now_ms - self.tickers_ms < self.settings.tickers_every_ms {
            return;
        }
        self.tickers_ms = now_ms;
        let topic = Topic::new(Channel::Tickers, 0);
        if self.sockets.has_readers(topic) {
            let rows = self.ticker_rows(true);
            if !rows.is_empty() {
                let text = wire::frame("push.tickers", None, &list(rows), &self.stamp());
                self.sockets.publish(topic, text.into());
            }
        }
        for stream in &mut self.streams {
            stream.ticker_changed = false;
        }
    }

    /// Rows of `push.tickers`.
    pub fn ticker_rows(&mut self, only_changed: bool) -> Vec<String> {
        let now_ms = self.now_ms();
        let wanted = (0..self.markets.len()).filter(|symbol| !only_changed || self.streams[*symbol].ticker_changed);
        wanted.filter_map(|symbol| self.markets[symbol].ticker_row(&mut self.spelling, symbol, now_ms)).collect()
    }
}
