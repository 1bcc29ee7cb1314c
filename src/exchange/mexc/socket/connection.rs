//! One socket: connects, serves, and reconnects until its task ends.

use super::backoff::Backoff;
use super::channel::{Channel, PING, SUBSCRIBE_CONTRACTS};
use super::dispatch::{Dispatch, Said};
use super::open::{self, WebSocket, unzipped};
use super::received::Received;
use super::subscriptions::Subscriptions;
use super::watch::{ClockWatch, Patience, SocketVerdict, SocketWatch};
use super::{Symbol, span};
use crate::domain::event::GapCause;
use crate::domain::record::StreamKind;
use crate::domain::time::{Span, Timestamp};
use crate::exchange::ExchangeError;
use crate::exchange::mexc::Link;
use crate::exchange::mexc::health::Counters;
use crate::exchange::mexc::market::{DepthSnapshot, FundingRate, FundingSettlement};
use crate::exchange::mexc::rest::request::market as calls;
use crate::exchange::mexc::wire::rows;
use crate::limits;
use crate::session::ports::{MarketSink, Notice};
use futures_util::{SinkExt, StreamExt};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::{Error, Message};

/// Longest wait before the list of funding rates is fetched again.
const LONGEST_FUNDING_WAIT: Span = Span::from_seconds(60);

/// A socket and the symbols it carries.
pub struct Socket {
    link: Arc<Link>,
    inbox: Arc<dyn MarketSink>,
    number: u32,
    dispatch: Dispatch,
    subscriptions: Subscriptions,
    backoff: Backoff,
    /// Waits between fetches of the funding rates, while the list fails or lacks one of our symbols.
    funding_backoff: Backoff,
    clock: ClockWatch,
    /// Wall time of the last message of any kind, and of the last with market data.
    heard_at: Timestamp,
    served_at: Timestamp,
}

/// Why a connection ended.
struct End {
    cause: GapCause,
    reason: String,
}

/// Result of a REST call made while the connection is open.
enum Fetched {
    Depth(usize, Result<DepthSnapshot, ExchangeError>),
    Paid(usize, Result<rows::Rows<FundingSettlement>, ExchangeError>),
    Funding(Result<rows::Rows<FundingRate>, ExchangeError>),
}

fn gone(reason: impl Into<String>) -> End {
    End { cause: GapCause::Disconnect, reason: reason.into() }
}

impl Socket {
    /// Not connected; nothing happens before [`Socket::serve`].
    pub fn new(
        link: Arc<Link>,
        inbox: Arc<dyn MarketSink>,
        number: u32,
        seed: u64,
        dispatch: Dispatch,
        subscriptions: Subscriptions,
    ) -> Self {
        let settings = &link.settings;
        let backoff = Backoff::new(span(settings.reconnect_min_ms), span(settings.reconnect_max_ms), seed);
        let funding_backoff = Backoff::new(span(settings.snapshot_wait_min_ms), LONGEST_FUNDING_WAIT, seed);
        let clock = ClockWatch::new(span(settings.clock_step_ms));
        let now = link.clock.wall();
        Socket {
            link,
            inbox,
            number,
            dispatch,
            subscriptions,
            backoff,
            funding_backoff,
            clock,
            heard_at: now,
            served_at: now,
        }
    }

    /// Serves until the task is aborted, or until the exchange has refused every symbol.
    pub async fn serve(mut self) {
        let _needed = Counted::new(&self.link, |counters| &counters.sockets_needed);
        let mut starting = Some(Counted::new(&self.link, |counters| &counters.sockets_starting));
        // Staggers sockets that start together.
        tokio::time::sleep(Duration::from_millis(
            self.link.settings.reconnect_min_ms / 10 * u64::from(self.number),
        ))
        .await;
        let mut is_outage_reported = false;
        while !self.subscriptions.is_empty() {
            match open::connect(&self.link).await {
                Ok(stream) => {
                    is_outage_reported = false;
                    let opened_at = self.link.clock.steady();
                    let end = self.run(stream, starting.take()).await;
                    self.disconnected(&end);
                    self.link.counters.reconnects.add(1);
                    if self.link.clock.steady().nanos() - opened_at.nanos()
                        >= span(self.link.settings.good_service_ms).nanos()
                    {
                        self.backoff.reset();
                    }
                    is_outage_reported = self.report_outage(is_outage_reported, end.reason);
                }
                Err(reason) => {
                    drop(starting.take());
                    is_outage_reported = self.report_outage(is_outage_reported, reason);
                }
            }
            let wait = self.backoff.wait();
            tokio::time::sleep(Duration::from_nanos(wait.nanos().unsigned_abs())).await;
        }
    }

    /// Logs and publishes an outage once, however many attempts it takes.
    fn report_outage(&self, is_reported: bool, reason: String) -> bool {
        if !is_reported {
            tracing::warn!(socket = self.number, reason, "socket to the exchange lost");
            self.inbox.notice(Notice::Disconnected { socket: self.number, reason });
        }
        true
    }

    async fn run(&mut self, mut stream: WebSocket, starting: Option<Counted>) -> End {
        let _open = Counted::new(&self.link, |counters| &counters.sockets);
        // Only now, so that it is at no moment neither.
        drop(starting);
        let settings = self.link.settings.clone();
        let now = self.received();
        (self.heard_at, self.served_at) = (now.at, now.at);
        let patience = Patience {
            ping: span(settings.ping_ms),
            pong: span(settings.pong_timeout_ms),
            silence: span(settings.silence_ms),
        };
        let mut watch = SocketWatch::new(patience, now.steady);
        self.subscriptions.connected(now.steady);
        let mut fetches = JoinSet::new();
        self.funding_backoff.reset();
        self.fetch_funding(&mut fetches, Span::ZERO);
        // Sent on every socket, because a socket handles only the symbols it carries.
        let mut outbox = vec![SUBSCRIBE_CONTRACTS.to_owned()];
        let mut timer = tokio::time::interval(tick(&settings));
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let step = tokio::select! {
                message = stream.next() => self.receive(message, &mut watch),
                _ = timer.tick() => self.tick(&mut watch, &mut fetches, &mut outbox),
                Some(fetched) = fetches.join_next(), if !fetches.is_empty() => {
                    if let Ok(fetched) = fetched {
                        self.fetched(fetched, &mut fetches);
                    }
                    Ok(())
                }
            };
            if let Err(end) = step {
                return end;
            }
            for text in outbox.drain(..) {
                // A peer that stops reading must not block the watchdog.
                let sending = stream.send(Message::text(text));
                match tokio::time::timeout(Duration::from_millis(settings.pong_timeout_ms), sending).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => return gone(format!("sending failed: {error}")),
                    Err(_) => return gone("sending took too long"),
                }
            }
        }
    }

    fn received(&self) -> Received {
        Received { at: self.link.clock.wall(), steady: self.link.clock.steady() }
    }

    fn receive(
        &mut self,
        message: Option<Result<Message, Error>>,
        watch: &mut SocketWatch,
    ) -> Result<(), End> {
        let received = self.received();
        self.watch_clock(received);
        if matches!(message, Some(Ok(ref message)) if !message.is_close()) {
            self.heard_at = received.at;
        }
        match message {
            Some(Ok(Message::Text(text))) => {
                self.link.counters.frame(received.at);
                self.text(text.as_str(), received, watch);
            }
            Some(Ok(Message::Binary(bytes))) => {
                self.link.counters.frame(received.at);
                match unzipped(&bytes) {
                    Some(text) => self.text(&text, received, watch),
                    None => self.link.counters.malformed.add(1),
                }
            }
            // The library answers protocol pings.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Ok(Message::Close(frame))) => {
                return Err(gone(frame.map_or_else(
                    || "closed by the exchange".to_owned(),
                    |frame| format!("closed by the exchange: {frame}"),
                )));
            }
            Some(Err(error)) => return Err(gone(error.to_string())),
            None => return Err(gone("closed by the exchange without a word")),
        }
        Ok(())
    }

    fn text(&mut self, text: &str, received: Received, watch: &mut SocketWatch) {
        match self.dispatch.text(text, received) {
            Said::Served(slot, channel) => {
                watch.served(received.steady);
                self.served_at = received.at;
                self.served(slot, channel, received);
            }
            Said::Pong => watch.pong(),
            Said::Acknowledged(channel) => {
                if let Some(slot) = self.subscriptions.acknowledged(channel) {
                    self.confirmed(slot, channel, received);
                }
            }
            Said::Refused(slot, reason) => {
                if let Some(slot) = slot.or_else(|| self.subscriptions.refused_unnamed()) {
                    self.refuse(slot, reason);
                }
            }
            Said::Complaint(reason) => tracing::warn!(socket = self.number, reason, "the exchange complains"),
            Said::Nothing => {}
        }
    }

    /// Data arrived: it shows that its symbol is served, and so are the symbols that have no ticker of their
    /// own.
    fn served(&mut self, slot: usize, channel: Channel, received: Received) {
        if self.subscriptions.served(slot, channel) {
            self.confirmed(slot, channel, received);
        }
        self.dispatch.symbols[slot].served_at = Some(received);
        for (other, symbol) in self.dispatch.symbols.iter_mut().enumerate() {
            if other == slot || !symbol.promised.is_empty() && !self.subscriptions.has_ticker(other) {
                symbol.lives(&*self.inbox);
            }
        }
    }

    /// A subscription is confirmed. Its stream is complete from the symbol's next row on; a book once its
    /// snapshot has joined.
    fn confirmed(&mut self, slot: usize, channel: Channel, received: Received) {
        let stream = channel.stream();
        let is_wanted = self.dispatch.wants(stream);
        let symbol = &mut self.dispatch.symbols[slot];
        symbol.served_at = symbol.served_at.or(Some(received));
        if stream == StreamKind::BookChanges {
            symbol.book.start(received.steady);
        } else if is_wanted {
            symbol.promised.push(stream);
        }
        self.report_complete();
    }

    fn report_complete(&mut self) {
        if self.subscriptions.became_complete() {
            self.inbox.notice(Notice::Connected { socket: self.number });
        }
    }

    fn refuse(&mut self, slot: usize, reason: String) {
        if self.subscriptions.is_refused(slot) {
            return;
        }
        self.subscriptions.refuse(slot);
        let symbol = &mut self.dispatch.symbols[slot];
        let complete = symbol.coverage.complete();
        symbol.lost(&complete, self.heard_at, GapCause::Disconnect, &*self.inbox);
        symbol.disconnected();
        self.inbox.notice(Notice::Refused { symbol: symbol.coverage.id, reason });
        self.report_complete();
    }

    fn watch_clock(&mut self, received: Received) {
        if self.clock.stepped(received.at, received.steady) {
            self.dispatch.clock_stepped(received, self.heard_at);
        }
    }

    /// Does what is due: liveness checks, subscriptions, snapshots, funding.
    fn tick(
        &mut self,
        watch: &mut SocketWatch,
        fetches: &mut JoinSet<Fetched>,
        outbox: &mut Vec<String>,
    ) -> Result<(), End> {
        let now = self.received();
        self.watch_clock(now);
        match watch.verdict(now.steady) {
            SocketVerdict::Fine => {}
            SocketVerdict::Ping => outbox.push(PING.to_owned()),
            SocketVerdict::NoPong => {
                return Err(End { cause: GapCause::Silence, reason: "no pong in time".to_owned() });
            }
            SocketVerdict::Silent => {
                self.heard_at = self.served_at;
                return Err(End { cause: GapCause::Silence, reason: "no market data in time".to_owned() });
            }
        }
        self.watch_symbols(now);
        if let Some((slot, channel)) = self.subscriptions.due(now.steady) {
            outbox.push(channel.subscription(&self.dispatch.symbols[slot].name));
        }
        if self.subscriptions.is_empty() {
            return Err(gone("the exchange refused every symbol"));
        }
        if self.dispatch.wants(StreamKind::BookChanges) {
            for slot in 0..self.dispatch.symbols.len() {
                self.dispatch.with_book(slot, now, |book, out| book.check(now.steady, out));
                let symbol = &mut self.dispatch.symbols[slot];
                if !symbol.is_fetching && symbol.book.take_due(now.steady) {
                    symbol.is_fetching = true;
                    self.fetch_depth(slot, fetches);
                }
            }
        }
        if self.dispatch.wants(StreamKind::Funding) {
            let offset = self.link.clock_offset().map_or(0, |clock| clock.offset_ns);
            self.dispatch.settle(now.at + Span::from_nanos(offset));
            for slot in 0..self.dispatch.symbols.len() {
                if self.dispatch.symbols[slot].funding.take_due_list(now.steady) {
                    self.fetch_paid(slot, fetches);
                }
            }
        }
        Ok(())
    }

    /// Resubscribes a symbol whose ticker stays silent although its socket may be fine.
    fn watch_symbols(&mut self, now: Received) {
        let patience = span(self.link.settings.silence_ms);
        for slot in 0..self.dispatch.symbols.len() {
            let symbol = &mut self.dispatch.symbols[slot];
            let Some(since) =
                symbol.silent_since(now.steady, patience).filter(|_| self.subscriptions.has_ticker(slot))
            else {
                continue;
            };
            tracing::warn!(
                socket = self.number,
                symbol = symbol.name,
                "no messages of a symbol arrive; subscribing to it again"
            );
            let complete = symbol.coverage.complete();
            symbol.lost(&complete, since, GapCause::Silence, &*self.inbox);
            symbol.forgotten();
            self.subscriptions.again(slot);
        }
    }

    fn fetch_depth(&self, slot: usize, fetches: &mut JoinSet<Fetched>) {
        let link = self.link.clone();
        let request = calls::depth(&self.dispatch.symbols[slot].name, Some(link.settings.book_levels));
        fetches.spawn(async move {
            // The semaphore is never closed, so `acquire` always returns a permit.
            let _permit = link.snapshots.acquire().await;
            Fetched::Depth(slot, link.rest.read(&request, None, rows::depth).await)
        });
    }

    fn fetch_funding(&self, fetches: &mut JoinSet<Fetched>, wait: Span) {
        if self.dispatch.wants(StreamKind::Funding) {
            let link = self.link.clone();
            fetches.spawn(async move {
                tokio::time::sleep(Duration::from_nanos(wait.nanos().unsigned_abs())).await;
                Fetched::Funding(link.rest.read(&calls::funding_rate(None), None, rows::funding_rates).await)
            });
        }
    }

    /// Fetches the funding payments made while not connected.
    fn fetch_paid(&self, slot: usize, fetches: &mut JoinSet<Fetched>) {
        let link = self.link.clone();
        let request =
            calls::funding_history(&self.dispatch.symbols[slot].name, 1, limits::EXCHANGE_FUNDING_PAYMENTS);
        fetches.spawn(async move {
            Fetched::Paid(slot, link.rest.read(&request, None, rows::funding_history).await)
        });
    }

    /// A payment is only noticed when its time was announced, so the list is fetched until it covers every
    /// symbol.
    fn fetch_funding_again(&mut self, fetches: &mut JoinSet<Fetched>) {
        let lacks = |(slot, symbol): (usize, &Symbol)| {
            !symbol.funding.is_announced() && !self.subscriptions.is_refused(slot)
        };
        if self.dispatch.symbols.iter().enumerate().any(lacks) {
            let wait = self.funding_backoff.wait();
            self.fetch_funding(fetches, wait);
        }
    }

    fn fetched(&mut self, fetched: Fetched, fetches: &mut JoinSet<Fetched>) {
        let now = self.received();
        match fetched {
            Fetched::Depth(slot, depth) => {
                self.dispatch.symbols[slot].is_fetching = false;
                match depth {
                    Ok(depth) => self.dispatch.join(slot, &depth, now),
                    Err(error) if error.code() == Some(1001) => self.refuse(slot, error.to_string()),
                    Err(error) => {
                        tracing::debug!(socket = self.number, %error, "no snapshot of a book");
                        self.dispatch.symbols[slot].book.no_snapshot(now.steady);
                    }
                }
            }
            Fetched::Paid(slot, Ok(paid)) => {
                self.link.counters.unknown_fields.add(paid.unknown);
                self.link.counters.malformed.add(paid.malformed);
                self.dispatch.catch_up(slot, &paid.rows, now.steady);
            }
            Fetched::Paid(slot, Err(error)) => {
                tracing::debug!(socket = self.number, %error, "no list of paid funding");
                self.dispatch.catch_up(slot, &[], now.steady);
            }
            Fetched::Funding(Ok(rates)) => {
                self.link.counters.unknown_fields.add(rates.unknown);
                self.link.counters.malformed.add(rates.malformed);
                for rate in rates.rows {
                    self.dispatch.announce(&rate, now.at);
                }
                self.fetch_funding_again(fetches);
            }
            Fetched::Funding(Err(error)) => {
                tracing::debug!(socket = self.number, %error, "no list of funding rates");
                self.fetch_funding_again(fetches);
            }
        }
    }

    fn disconnected(&mut self, end: &End) {
        for symbol in &mut self.dispatch.symbols {
            let complete = symbol.coverage.complete();
            symbol.lost(&complete, self.heard_at, end.cause, &*self.inbox);
            symbol.disconnected();
        }
    }
}

/// Counts a socket until dropped.
struct Counted {
    link: Arc<Link>,
    counter: fn(&Counters) -> &AtomicU64,
}

impl Counted {
    fn new(link: &Arc<Link>, counter: fn(&Counters) -> &AtomicU64) -> Self {
        counter(&link.counters).fetch_add(1, Relaxed);
        Counted { link: link.clone(), counter }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        (self.counter)(&self.link.counters).fetch_sub(1, Relaxed);
    }
}

/// Timer interval of a socket: a quarter of the shortest timeout, within 1 to 25 ms.
fn tick(settings: &crate::exchange::mexc::Settings) -> Duration {
    let between = 1_000 / u64::from(settings.subscribes_per_second);
    let shortest = [
        between,
        settings.ping_ms,
        settings.silence_ms,
        settings.pong_timeout_ms,
        settings.snapshot_wait_min_ms,
    ];
    Duration::from_millis((shortest.into_iter().min().unwrap_or_default() / 4).clamp(1, 25))
}
