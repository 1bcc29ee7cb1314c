//! Public pushes: deals and single changes at once, everything else at its interval.

use super::exchange::Exchange;
use super::faults::FaultKind;
use super::market::Fresh;
use super::market::bars::INTERVALS;
use super::topics::{PushChannel, Topic};
use super::wire::{Object, list};

/// Minimum time between two candle pushes of a symbol.
const KLINE_EVERY_MS: i64 = 250;

/// Interval of fair and index prices of a symbol.
const MARK_EVERY_MS: i64 = 1_000;

/// Maximum of changed levels that wait for a merged frame; when full the frame is sent early.
const MERGED_LEVELS: usize = 4_096;

impl Exchange {
    fn has(&self, channel: PushChannel, symbol: usize) -> bool {
        self.sockets.has_readers(Topic::new(channel, symbol))
    }

    /// Pushes new deals and single changes, and queues the changes for the next merged frame.
    pub fn send_fresh(&mut self, symbol: usize, fresh: &Fresh) {
        self.send_deals(symbol, fresh);
        if self.has(PushChannel::DepthEach, symbol) {
            for commit in &fresh.commits {
                if self.streams[symbol].skipped[1] > 0 {
                    self.streams[symbol].skipped[1] -= 1;
                    continue;
                }
                let text = self.markets[symbol].commit_text(&mut self.spelling, commit);
                self.push(PushChannel::DepthEach, symbol, "push.depth", &text);
            }
        }
        let stream = &mut self.streams[symbol];
        if let Some(first) = fresh.commits.first().filter(|_| stream.changed.is_empty()) {
            stream.begin = first.version;
        }
        stream.changed.extend(fresh.commits.iter().map(|commit| (commit.change.side, commit.change.price)));
        stream.ticker_changed |= fresh.marked || !fresh.deals.is_empty();
        stream.has_new_deals |= !fresh.deals.is_empty();
    }

    fn send_deals(&mut self, symbol: usize, fresh: &Fresh) {
        if fresh.deals.is_empty() {
            return;
        }
        let (merged, each) = (self.has(PushChannel::Deal, symbol), self.has(PushChannel::DealEach, symbol));
        if !merged && !each {
            return;
        }
        let now_ms = self.true_ms();
        let has_id = self.faults.strikes(FaultKind::DealsWithoutId, Some(symbol), now_ms).is_none();
        let is_object = self.faults.strikes(FaultKind::DealObject, Some(symbol), now_ms).is_some();
        let rows: Vec<String> = fresh
            .deals
            .iter()
            .map(|deal| self.markets[symbol].deal(&mut self.spelling, deal, has_id))
            .collect();
        if is_object {
            for row in &rows {
                self.push(PushChannel::Deal, symbol, "push.deal", row);
                self.push(PushChannel::DealEach, symbol, "push.deal", row);
            }
            return;
        }
        if each {
            for row in &rows {
                self.push(PushChannel::DealEach, symbol, "push.deal", &format!("[{row}]"));
            }
        }
        if merged {
            self.push(PushChannel::Deal, symbol, "push.deal", &list(rows));
        }
    }

    /// Pushes the current funding rate.
    pub fn send_funding(&mut self, symbol: usize) {
        let market = &self.markets[symbol];
        let payload = Object::new()
            .text("symbol", &market.contract.symbol)
            .put("rate", market.funding.rate)
            .put("nextSettleTime", market.funding.next_ms)
            .end();
        self.push(PushChannel::Funding, symbol, "push.funding.rate", &payload);
    }

    /// Sends the pushes whose interval has passed.
    pub fn send_due(&mut self, symbol: usize) {
        let now_ms = self.true_ms();
        let settings = &self.settings;
        let (depth_ms, full_ms, ticker_ms) =
            (settings.depth_every_ms, settings.depth_full_every_ms, settings.ticker_every_ms);
        let stream = &self.streams[symbol];
        let is_full = stream.changed.len() >= MERGED_LEVELS;
        if !stream.changed.is_empty() && (is_full || now_ms - stream.merged_ms >= depth_ms) {
            self.streams[symbol].merged_ms = now_ms;
            self.send_merged(symbol);
        }
        if now_ms - self.streams[symbol].full_ms >= full_ms
            && self.streams[symbol].full_version != self.markets[symbol].version
        {
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

    /// Pushes the changes since the last merged frame.
    pub fn send_merged(&mut self, symbol: usize) {
        let stream = &mut self.streams[symbol];
        let (changed, begin) = (std::mem::take(&mut stream.changed), stream.begin);
        let span = (self.markets[symbol].version + 1).saturating_sub(begin);
        let is_skipped = stream.skipped[0] > 0;
        stream.skipped[0] = stream.skipped[0].saturating_sub(span);
        if self.has(PushChannel::Depth, symbol) && !is_skipped && !changed.is_empty() {
            let now_ms = self.now_ms();
            let market = &self.markets[symbol];
            let at_ms = market.commits.back().map_or(now_ms, |commit| commit.at_ms.min(now_ms));
            let payload = market.merged(&mut self.spelling, &changed, begin, at_ms);
            self.push(PushChannel::Depth, symbol, "push.depth", &payload);
        }
        let stream = &mut self.streams[symbol];
        stream.changed = changed;
        stream.changed.clear();
    }

    fn send_full(&mut self, symbol: usize) {
        let now_ms = self.now_ms();
        for limit in self.sockets.full_of(symbol) {
            let payload = self.markets[symbol].depth_full(&mut self.spelling, usize::from(limit), now_ms);
            self.push(PushChannel::DepthFull(limit), symbol, "push.depth.full", &payload);
        }
    }

    fn send_ticker(&mut self, symbol: usize) {
        if self.has(PushChannel::Ticker, symbol) {
            let now_ms = self.now_ms();
            if let Some(payload) = self.markets[symbol].ticker(&mut self.spelling, symbol, now_ms, false) {
                self.push(PushChannel::Ticker, symbol, "push.ticker", &payload);
            }
        }
    }

    fn send_klines(&mut self, symbol: usize) {
        for index in self.sockets.klines_of(symbol) {
            let (name, seconds) = INTERVALS[usize::from(index).min(INTERVALS.len() - 1)];
            if let Some(bar) = self.markets[symbol].bars.current(seconds) {
                let payload = self.markets[symbol].kline(&bar, name);
                self.push(PushChannel::Kline(index), symbol, "push.kline", &payload);
                self.send_old_klines(symbol, index, bar.time_s);
            }
        }
    }

    /// Fault: pushes older candles after a newer one.
    fn send_old_klines(&mut self, symbol: usize, index: u8, time_s: i64) {
        let now_ms = self.true_ms();
        let (name, seconds) = INTERVALS[usize::from(index).min(INTERVALS.len() - 1)];
        let back = if self.faults.strikes(FaultKind::KlinesReordered, Some(symbol), now_ms).is_some() {
            1
        } else if self.faults.strikes(FaultKind::KlinesTwo, Some(symbol), now_ms).is_some() {
            2
        } else {
            return;
        };
        for bar in self.markets[symbol].bars.of(seconds, time_s - back * seconds, time_s - seconds) {
            let payload = self.markets[symbol].kline(&bar, name);
            self.push(PushChannel::Kline(index), symbol, "push.kline", &payload);
        }
    }

    fn send_marks(&mut self, symbol: usize) {
        let market = &self.markets[symbol];
        let Some(fair) = market.fair().filter(|fair| self.streams[symbol].fair != Some(*fair)) else {
            return;
        };
        let price =
            |price: &str| Object::new().text("symbol", &market.contract.symbol).raw("price", price).end();
        let fair_text = self.spelling.price_text(market.price_decimal(fair));
        let index_text = market.index_decimal().map_or_else(|| fair_text.clone(), |index| index.to_string());
        let (fair_price, index_price) = (price(&fair_text), price(&index_text));
        self.streams[symbol].fair = Some(fair);
        self.push(PushChannel::Fair, symbol, "push.fair.price", &fair_price);
        self.push(PushChannel::Index, symbol, "push.index.price", &index_price);
    }

    /// Pushes the list of tickers that changed.
    pub fn send_tickers(&mut self) {
        let now_ms = self.true_ms();
        if now_ms - self.tickers_ms < self.settings.tickers_every_ms {
            return;
        }
        self.tickers_ms = now_ms;
        let topic = Topic::new(PushChannel::Tickers, 0);
        if self.sockets.has_readers(topic) {
            let rows = self.ticker_rows(true);
            if !rows.is_empty() {
                let text = self.framed("push.tickers", None, &list(rows));
                self.deliver(topic, text);
            }
        }
        for stream in &mut self.streams {
            stream.ticker_changed = false;
        }
    }

    /// Rows of `push.tickers`.
    pub fn ticker_rows(&mut self, only_changed: bool) -> Vec<String> {
        let now_ms = self.now_ms();
        let wanted =
            (0..self.markets.len()).filter(|symbol| !only_changed || self.streams[*symbol].ticker_changed);
        wanted
            .filter_map(|symbol| self.markets[symbol].ticker_row(&mut self.spelling, symbol, now_ms))
            .collect()
    }
}
