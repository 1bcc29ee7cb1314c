//! Turns messages into rows: which symbol a message concerns, and which of its rows are new.

use super::channel::Channel;
use super::received::Received;
use super::symbol::{Symbol, ToSink};
use crate::domain::decimal::Decimal;
use crate::domain::event::GapCause;
use crate::domain::order::Side;
use crate::domain::record::{Record, RecordBody, StreamKind};
use crate::domain::time::{Span, Timestamp};
use crate::exchange::mexc::book::{BookChange, BookMessage, BookSnapshot, BookSync, Taken};
use crate::exchange::mexc::health::Counters;
use crate::exchange::mexc::market::{DepthLevel, DepthSnapshot, FundingRate, FundingSettlement};
use crate::exchange::mexc::wire::frame::{self, Frame, RawBook, RawRate};
use crate::exchange::mexc::wire::rows::{self, RawDeal, RawTicker};
use crate::exchange::mexc::wire::{envelope, number};
use crate::limits;
use crate::session::ports::{MarketSink, Notice};
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::sync::Arc;

/// What a message means for the connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Said {
    /// Data of a channel of a symbol (its slot on the socket), perhaps without new rows.
    Served(usize, Channel),
    /// An answer to a ping.
    Pong,
    /// A subscription to a channel was accepted.
    Acknowledged(Channel),
    /// Something was refused: the symbol's slot, when the text names the symbol, and the text.
    Refused(Option<usize>, String),
    /// Any other error message of the exchange.
    Complaint(String),
    /// Nothing to do.
    Nothing,
}

/// The symbols of a socket and reused parsing buffers.
pub struct Dispatch {
    /// By slot on the socket.
    pub symbols: Vec<Symbol>,
    /// The subscribed streams; tickers may also arrive for liveness only.
    streams: Vec<StreamKind>,
    by_name: HashMap<String, usize>,
    counters: Arc<Counters>,
    inbox: Arc<dyn MarketSink>,
    rows: Vec<Record>,
    changes: Vec<BookChange>,
    /// The exchange's time of the last message that had one.
    sent_at: Option<Timestamp>,
}

impl Dispatch {
    /// A dispatch for these symbols and streams.
    pub fn new(
        symbols: Vec<Symbol>,
        streams: Vec<StreamKind>,
        counters: Arc<Counters>,
        inbox: Arc<dyn MarketSink>,
    ) -> Self {
        let by_name = symbols.iter().enumerate().map(|(slot, symbol)| (symbol.name.clone(), slot)).collect();
        Dispatch {
            symbols,
            streams,
            by_name,
            counters,
            inbox,
            rows: Vec::new(),
            changes: Vec::new(),
            sent_at: None,
        }
    }

    /// Whether the subscription includes a stream.
    pub fn wants(&self, stream: StreamKind) -> bool {
        self.streams.contains(&stream)
    }

    /// Decodes a message; its rows are in the inbox when this returns.
    pub fn text(&mut self, text: &str, received: Received) -> Said {
        if text.trim_ascii().is_empty() {
            return Said::Nothing;
        }
        let Ok(frame) = serde_json::from_str::<Frame<'_>>(text) else { return self.malformed() };
        self.counters.unknown_fields.add(frame.unknown);
        let Some(channel) = frame.channel.and_then(number::text) else { return self.malformed() };
        match &*channel {
            "pong" => Said::Pong,
            "rs.error" => self.error(frame.data),
            "push.contract" => self.contract(frame.data),
            "push.tickers"
            | "push.kline"
            | "push.index.price"
            | "push.fair.price"
            | "push.event.contract" => Said::Nothing,
            name => {
                match (name.strip_prefix("push.").and_then(Channel::from_name), name.strip_prefix("rs.sub."))
                {
                    (Some(channel), _) => self.push(channel, &frame, received),
                    (None, Some(word)) => self.answer(word, frame.data),
                    _ => {
                        self.counters.unknown_channels.add(u64::from(!name.starts_with("rs.")));
                        Said::Nothing
                    }
                }
            }
        }
    }

    fn malformed(&self) -> Said {
        self.counters.malformed.add(1);
        Said::Nothing
    }

    fn answer(&self, word: &str, data: Option<&RawValue>) -> Said {
        let is_success = data.and_then(number::text).as_deref() == Some("success");
        match Channel::from_name(word) {
            Some(channel) if is_success => Said::Acknowledged(channel),
            Some(_) => Said::Complaint(format!(
                "subscription to {word} answered with {}",
                data.map_or("nothing", RawValue::get)
            )),
            None => Said::Nothing,
        }
    }

    /// The exchange's error text names the symbol in brackets, or not at all.
    fn error(&self, data: Option<&RawValue>) -> Said {
        let text = data.and_then(number::text).map_or_else(String::new, |text| envelope::shortened(&text));
        let lower = text.to_ascii_lowercase();
        if !lower.contains("contract") || !(lower.contains("not exist") || lower.contains("doesn't exist")) {
            return Said::Complaint(text);
        }
        let named = text.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map(|(name, _)| name);
        match named.map(|name| self.by_name.get(name).copied()) {
            Some(None) => Said::Complaint(text),
            Some(slot) => Said::Refused(slot, text),
            None => Said::Refused(None, text),
        }
    }

    fn contract(&mut self, data: Option<&RawValue>) -> Said {
        let Some((name, news, unknown)) = data.and_then(rows::contract_news) else { return self.malformed() };
        self.counters.unknown_fields.add(unknown);
        if let Some(slot) = self.by_name.get(&name) {
            let symbol = &mut self.symbols[*slot];
            if symbol.terms.replace(news) != Some(news) {
                self.inbox
                    .notice(Notice::Contract { symbol: symbol.coverage.id, is_tradable: news.is_tradable });
            }
        }
        Said::Nothing
    }

    fn push(&mut self, channel: Channel, frame: &Frame<'_>, received: Received) -> Said {
        let slot = frame.symbol.and_then(number::text).and_then(|name| self.by_name.get(&*name).copied());
        let Some(slot) = slot else { return self.malformed() };
        let sent_at = frame.ts.and_then(number::millis);
        self.sent_at = sent_at.or(self.sent_at);
        let read = frame.data.and_then(|data| match channel {
            Channel::Deal => self.deals(slot, data),
            Channel::DepthFull => self.top(slot, data, received),
            Channel::Depth => self.depth(slot, data, received),
            Channel::Ticker => self.ticker(slot, data),
            Channel::FundingRate => self.funding(slot, data),
        });
        if read.is_none() {
            self.counters.malformed.add(1);
            if channel == Channel::Depth {
                self.with_book(slot, received, |book, out| book.refused(received.steady, out));
            }
        }
        Said::Served(slot, channel)
    }

    /// Passes the collected rows to the inbox.
    fn send(&self, slot: usize) {
        if !self.rows.is_empty() {
            self.counters.rows.add(self.rows.len() as u64);
            self.inbox.rows(self.symbols[slot].coverage.id, &self.rows);
        }
    }

    fn deals(&mut self, slot: usize, data: &RawValue) -> Option<()> {
        self.rows.clear();
        let (symbol, rows) = (&mut self.symbols[slot], &mut self.rows);
        let (mut unknown, mut malformed, mut repeated) = (0, 0, 0);
        let read = frame::each_row(data.get(), |raw: RawDeal<'_>| {
            unknown += raw.unknown;
            let Some(deal) = rows::deal(&raw) else {
                malformed += 1;
                return;
            };
            if deal.id.is_some_and(|id| !symbol.deals.is_new(id)) {
                repeated += 1;
                return;
            }
            let body = RecordBody::Trade {
                price: deal.price,
                quantity: deal.quantity,
                taker: deal.taker,
                id: deal.id,
            };
            rows.push(Record { exchange_at: deal.at, received_at: None, body });
        });
        self.counters.unknown_fields.add(unknown);
        self.counters.malformed.add(malformed);
        self.counters.repeated.add(repeated);
        // Rows before an unreadable one are valid, and their ids are already remembered, so they must be
        // sent.
        self.send(slot);
        read.ok()
    }

    /// Whether the payload names the same symbol as the message around it, or none.
    fn is_about(&self, slot: usize, inner: Option<&RawValue>) -> bool {
        inner.is_none_or(|inner| number::text(inner).is_some_and(|name| name == self.symbols[slot].name))
    }

    fn top(&mut self, slot: usize, data: &RawValue, received: Received) -> Option<()> {
        let raw: RawBook<'_> = serde_json::from_str(data.get())
            .ok()
            .filter(|raw: &RawBook<'_>| self.is_about(slot, raw.symbol))?;
        self.counters.unknown_fields.add(raw.unknown);
        let version = raw.version.and_then(number::unsigned);
        let symbol = &mut self.symbols[slot];
        if let Some(version) =
            version.filter(|version| symbol.top_version.is_some_and(|last| *version <= last))
        {
            if !symbol.top_behind.add(version) {
                self.counters.repeated.add(1);
                return Some(());
            }
            symbol.forget_top(received.at, GapCause::VersionHole, &*self.inbox);
        }
        symbol.top_behind.reset();
        let at = raw.at.and_then(number::millis).or(self.sent_at)?;
        self.rows.clear();
        for (side, levels) in [(Side::Buy, raw.bids), (Side::Sell, raw.asks)] {
            self.changes.clear();
            let changes = &mut self.changes;
            levels.map_or(Some(()), |levels| {
                rows::levels(levels, |price, quantity| changes.push(BookChange { side, price, quantity }))
            })?;
            if changes.iter().any(|level| level.quantity.mantissa() == 0) || !in_order(changes, side) {
                return None;
            }
            self.rows.extend(changes.iter().take(limits::BOOK_SNAPSHOT_LEVELS).zip(1..).map(
                |(level, number)| Record {
                    exchange_at: at,
                    received_at: None,
                    body: RecordBody::SnapshotLevel {
                        side,
                        level: number,
                        price: level.price,
                        quantity: level.quantity,
                    },
                },
            ));
        }
        symbol.top_version = version.or(symbol.top_version);
        // A book without levels gives no row, but the last top is no longer valid.
        if self.rows.is_empty() && !symbol.is_top_empty {
            symbol.forget_top(received.at, GapCause::EmptyBook, &*self.inbox);
        }
        symbol.is_top_empty = self.rows.is_empty();
        self.send(slot);
        Some(())
    }

    fn depth(&mut self, slot: usize, data: &RawValue, received: Received) -> Option<()> {
        let raw: RawBook<'_> = serde_json::from_str(data.get())
            .ok()
            .filter(|raw: &RawBook<'_>| self.is_about(slot, raw.symbol))?;
        self.counters.unknown_fields.add(raw.unknown);
        let mut changes = std::mem::take(&mut self.changes);
        changes.clear();
        let message = self.message(&raw, &mut changes);
        let taken = message.map(|message| {
            self.with_book(slot, received, |book, out| book.message(message, received.steady, out))
        });
        self.changes = changes;
        self.counters.repeated.add(u64::from(taken == Some(Taken::Repeated)));
        self.symbols[slot].book_heard_at = Some(received.at);
        taken.map(|_| ())
    }

    fn message<'c>(&self, raw: &RawBook<'_>, changes: &'c mut Vec<BookChange>) -> Option<BookMessage<'c>> {
        for (side, levels) in [(Side::Buy, raw.bids), (Side::Sell, raw.asks)] {
            levels.map_or(Some(()), |levels| {
                rows::levels(levels, |price, quantity| changes.push(BookChange { side, price, quantity }))
            })?;
        }
        let version = raw.version.and_then(number::unsigned);
        let end = raw.end.map_or(version, number::unsigned)?;
        let begin = raw.begin.map_or(Some(end), number::unsigned)?;
        let at = raw.at.and_then(number::millis).or(self.sent_at)?;
        (begin <= end).then_some(BookMessage { begin, end, at, changes })
    }

    fn ticker(&mut self, slot: usize, data: &RawValue) -> Option<()> {
        let raw: RawTicker<'_> = serde_json::from_str(data.get())
            .ok()
            .filter(|raw: &RawTicker<'_>| self.is_about(slot, raw.symbol))?;
        self.counters.unknown_fields.add(raw.unknown);
        if !self.streams.contains(&StreamKind::Marks) {
            return Some(());
        }
        let price =
            |raw: Option<&RawValue>| raw.and_then(number::decimal).filter(|price| price.mantissa() > 0);
        // A contract that is not traded has neither price: no mark row, and not malformed.
        let Some(mark) = price(raw.fair) else {
            return raw.fair.is_none_or(|raw| number::decimal(raw).is_some()).then_some(());
        };
        let index: Option<Decimal> = price(raw.index);
        let at = raw.at.and_then(number::millis).or(self.sent_at)?;
        let symbol = &mut self.symbols[slot];
        if symbol.mark.replace((mark, index)) != Some((mark, index)) {
            self.rows.clear();
            self.rows.push(Record {
                exchange_at: at,
                received_at: None,
                body: RecordBody::Mark { mark, index },
            });
            self.send(slot);
        }
        Some(())
    }

    fn funding(&mut self, slot: usize, data: &RawValue) -> Option<()> {
        let raw: RawRate<'_> = serde_json::from_str(data.get())
            .ok()
            .filter(|raw: &RawRate<'_>| self.is_about(slot, raw.symbol))?;
        self.counters.unknown_fields.add(raw.unknown);
        let rate = raw.rate.or(raw.funding_rate).and_then(number::decimal)?;
        let settles_at = raw.settles_at.and_then(number::millis);
        let paid = self.symbols[slot].funding.announce(rate, settles_at, self.sent_at?);
        self.settled(slot, paid);
        Some(())
    }

    /// Publishes funding whose time has come by the exchange's clock.
    pub fn settle(&mut self, now: Timestamp) {
        for slot in 0..self.symbols.len() {
            let paid = self.symbols[slot].funding.settle(now);
            self.settled(slot, paid);
        }
    }

    fn settled(&mut self, slot: usize, paid: Option<(Decimal, Timestamp)>) {
        if let Some((rate, at)) = paid {
            self.rows.clear();
            self.rows.push(Record { exchange_at: at, received_at: None, body: RecordBody::Funding { rate } });
            self.send(slot);
        }
    }

    /// Publishes payments that were made while not connected, found in the fetched list.
    pub fn catch_up(&mut self, slot: usize, list: &[FundingSettlement], now: Span) {
        for paid in self.symbols[slot].funding.caught_up(list, now) {
            self.settled(slot, Some(paid));
        }
    }

    /// Applies a rate of the fetched list, unless a newer one was pushed meanwhile.
    pub fn announce(&mut self, rate: &FundingRate, now: Timestamp) {
        if let Some(slot) = self.by_name.get(&rate.symbol).copied()
            && !self.symbols[slot].funding.is_announced()
        {
            let paid = self.symbols[slot].funding.announce(rate.rate, rate.settles_at, now);
            self.settled(slot, paid);
        }
    }

    /// Passes a snapshot to a symbol's book. A snapshot without a time takes that of the message before it.
    pub fn join(&mut self, slot: usize, depth: &DepthSnapshot, received: Received) {
        let Some(at) = depth.at.or(self.sent_at) else {
            self.counters.malformed.add(1);
            return self.symbols[slot].book.no_snapshot(received.steady);
        };
        let side = |side| {
            move |level: &DepthLevel| BookChange { side, price: level.price, quantity: level.quantity }
        };
        let levels: Vec<BookChange> =
            depth.bids.iter().map(side(Side::Buy)).chain(depth.asks.iter().map(side(Side::Sell))).collect();
        let snapshot = BookSnapshot { version: depth.version, at, levels: &levels };
        self.with_book(slot, received, |book, out| book.snapshot(snapshot, received.steady, out));
        let symbol = &mut self.symbols[slot];
        if symbol.book.is_synced() {
            symbol.book_heard_at = Some(received.at);
        }
    }

    /// A step of the local clock is a gap in every stream, because time spans across it are wrong. `since`:
    /// time of the last message before it.
    pub fn clock_stepped(&mut self, received: Received, since: Timestamp) {
        self.counters.clock_steps.add(1);
        for slot in 0..self.symbols.len() {
            let symbol = &mut self.symbols[slot];
            let mut complete = symbol.coverage.complete();
            symbol.lost(&complete, since, GapCause::ClockStep, &*self.inbox);
            // After a gap a book needs a snapshot; everything else resumes at once.
            complete.retain(|stream| *stream != StreamKind::BookChanges);
            symbol.coverage.regained(&complete, &*self.inbox);
            self.with_book(slot, received, |book, out| book.reopen(received.steady, out));
        }
    }

    /// Runs `run` on a symbol's book; its output goes to the inbox.
    pub fn with_book<T>(
        &mut self,
        slot: usize,
        received: Received,
        run: impl FnOnce(&mut BookSync, &mut ToSink<'_>) -> T,
    ) -> T {
        let symbol = &mut self.symbols[slot];
        let since = symbol.book_heard_at.unwrap_or(received.at);
        symbol.with_book(&mut self.rows, &*self.inbox, &self.counters, since, run)
    }
}

/// Whether levels are sorted best first without duplicate prices.
fn in_order(levels: &[BookChange], side: Side) -> bool {
    levels.windows(2).all(|pair| {
        let (better, worse) = match side {
            Side::Buy => (pair[0].price, pair[1].price),
            Side::Sell => (pair[1].price, pair[0].price),
        };
        better.cmp_value(worse).is_gt()
    })
}
