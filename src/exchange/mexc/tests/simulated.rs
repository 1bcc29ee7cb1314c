//! The whole client on a simulated clock against an in-process exchange: hours of faults in seconds.

use crate::clock::TaskClock;
use crate::domain::event::GapCause;
use crate::domain::record::{Record, StreamKind};
use crate::domain::symbol::SymbolId;
use crate::domain::time::{Span, Timestamp};
use crate::exchange::ExchangeError;
use crate::exchange::mexc::network::{Call, CallError, Network, Pending, Pipe};
use crate::exchange::mexc::rest::request::market;
use crate::exchange::mexc::{Link, Settings, Subscription, socket};
use crate::session::ports::{MarketSink, Notice};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

/// How REST rejects calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rejection {
    /// Code 510.
    TooFrequent,
    /// An HTML page of the network in front of the exchange.
    Denied,
}

/// An exchange where every book changes once a second; the version is the second.
struct Exchange {
    clock: TaskClock,
    refusal: Rejection,
    /// Time range in which REST rejects calls, in milliseconds.
    refused: Range<i64>,
    /// The second whose change no socket sends.
    untold: i64,
    /// When each call for a book arrived, and whether it was served.
    depth_calls: Mutex<Vec<(i64, bool)>>,
}

impl Exchange {
    fn now_ms(&self) -> i64 {
        self.clock.steady().nanos() / 1_000_000
    }

    fn answer(&self, url: &str) -> (u16, Vec<u8>) {
        let now_ms = self.now_ms();
        let is_refused = self.refused.contains(&now_ms);
        if url.contains("/depth/") {
            self.depth_calls.lock().unwrap().push((now_ms, !is_refused));
        }
        let (status, body) = match (is_refused, self.refusal) {
            (true, Rejection::TooFrequent) => {
                (200, r#"{"success":false,"code":510,"message":"too frequent"}"#.to_owned())
            }
            (true, Rejection::Denied) => (403, "<HTML>Access Denied</HTML>".to_owned()),
            (false, _) if url.contains("/depth/") => {
                let book = format!(
                    r#"{{"asks":[[2,1,1]],"bids":[[1,1,1]],"version":{},"timestamp":{}}}"#,
                    now_ms / 1_000,
                    1 + now_ms
                );
                (200, format!(r#"{{"success":true,"code":0,"data":{book}}}"#))
            }
            (false, _) => (200, format!(r#"{{"success":true,"code":0,"data":{}}}"#, 1 + now_ms)),
        };
        (status, body.into_bytes())
    }

    /// One socket: acknowledges, answers pings, and sends every second's change of the subscribed books.
    async fn serve(self: Arc<Self>, pipe: tokio::io::DuplexStream) {
        let Ok(mut socket) = tokio_tungstenite::accept_async(pipe).await else { return };
        let mut subscribed: Vec<(String, String)> = Vec::new();
        // The first tick fires at once, the others on the second.
        tokio::time::sleep(Duration::from_millis((1_000 - self.now_ms().rem_euclid(1_000)).unsigned_abs()))
            .await;
        let mut second = tokio::time::interval(Duration::from_secs(1));
        loop {
            let texts: Vec<String> = tokio::select! {
                message = socket.next() => {
                    let Some(Ok(message)) = message else { return };
                    let Ok(frame) = serde_json::from_str::<Value>(message.to_text().unwrap_or_default()) else { continue };
                    match frame["method"].as_str().unwrap_or_default() {
                        "ping" => vec![r#"{"channel":"pong","data":1,"ts":1}"#.to_owned()],
                        method => {
                            let channel = method.trim_start_matches("sub.").to_owned();
                            let acknowledged = format!(r#"{{"channel":"rs.sub.{channel}","data":"success","ts":1}}"#);
                            subscribed.extend(frame["param"]["symbol"].as_str().map(|symbol| (channel, symbol.to_owned())));
                            vec![acknowledged]
                        }
                    }
                }
                _ = second.tick() => self.changes(&subscribed),
            };
            for text in texts {
                if socket.send(Message::text(text)).await.is_err() {
                    return;
                }
            }
        }
    }

    fn changes(&self, subscribed: &[(String, String)]) -> Vec<String> {
        let now_ms = self.now_ms();
        let version = now_ms / 1_000;
        let told = subscribed.iter().filter(|(channel, _)| channel == "ticker" || version != self.untold);
        let text = |(channel, symbol): &(String, String)| {
            let data = match channel.as_str() {
                "depth" => format!(
                    r#"{{"cts":{now_ms},"asks":[],"bids":[[1,{version},1]],"begin":{version},"end":{version},"version":{version}}}"#
                ),
                _ => format!(r#"{{"symbol":"{symbol}","fairPrice":1}}"#),
            };
            format!(r#"{{"symbol":"{symbol}","data":{data},"channel":"push.{channel}","ts":{now_ms}}}"#)
        };
        told.map(text).collect()
    }
}

/// The network to it.
struct Way(Arc<Exchange>);

impl Network for Way {
    fn call(&self, call: Call) -> Pending<'_, Result<(u16, Vec<u8>), CallError>> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(40)).await;
            let answer = self.0.answer(&call.url);
            tokio::time::sleep(Duration::from_millis(40)).await;
            Ok(answer)
        })
    }

    fn connect<'a>(&'a self, _host: &'a str, _port: u16) -> Pending<'a, io::Result<Box<dyn Pipe>>> {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        tokio::spawn(self.0.clone().serve(theirs));
        Box::pin(async move { Ok(Box::new(ours) as Box<dyn Pipe>) })
    }
}

/// Which books are synchronized.
#[derive(Default)]
struct LiveBooks(Mutex<BTreeSet<u32>>);

impl LiveBooks {
    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

impl MarketSink for LiveBooks {
    fn rows(&self, _: SymbolId, _: &[Record]) {}

    fn lost(&self, symbol: SymbolId, _: &[StreamKind], _: Timestamp, _: GapCause) {
        self.0.lock().unwrap().remove(&symbol.0);
    }

    fn regained(&self, symbol: SymbolId, streams: &[StreamKind]) {
        if streams.contains(&StreamKind::BookChanges) {
            self.0.lock().unwrap().insert(symbol.0);
        }
    }

    fn notice(&self, _: Notice) {}
}

/// A client that follows the books of a simulated exchange.
struct Client {
    exchange: Arc<Exchange>,
    link: Arc<Link>,
    books: Arc<LiveBooks>,
    /// Its tasks, aborted on drop.
    _sockets: JoinSet<()>,
}

impl Client {
    fn start(books: usize, refusal: Rejection, refused: Range<i64>, untold: i64) -> Client {
        let clock = TaskClock::simulated(Timestamp::from_seconds(1_700_000_000));
        let exchange = Arc::new(Exchange { clock, refusal, refused, untold, depth_calls: Mutex::default() });
        let settings = Settings { ws_url: "ws://exchange/edge".to_owned(), ..Settings::default() };
        let link = Arc::new(Link::new(Arc::new(settings), Arc::new(Way(exchange.clone())), clock));
        let live = Arc::new(LiveBooks::default());
        let symbols = (0..books).map(|number| format!("S{number}_USDT")).collect();
        let wanted = Subscription { symbols, streams: vec![StreamKind::BookChanges], heard_until: None };
        let sink: Arc<dyn MarketSink> = live.clone();
        let mut sockets = JoinSet::new();
        for socket in socket::of(&link, &wanted, &sink) {
            sockets.spawn(socket.serve());
        }
        Client { exchange, link, books: live, _sockets: sockets }
    }

    async fn until(&self, ms: i64) {
        let wait = (ms - self.exchange.now_ms()).max(0).unsigned_abs();
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }

    fn refused_for(&self) -> Option<Span> {
        self.link.counters.health(self.exchange.clock.wall()).refused_for
    }
}

async fn ten_minutes(books: usize, refusal: Rejection) {
    let refused = 60_000..660_000;
    let client = Client::start(books, refusal, refused.clone(), 61);
    client.until(refused.start).await;
    let calls_before = client.exchange.depth_calls.lock().unwrap().len();
    assert_eq!(
        (client.books.count(), calls_before, client.refused_for()),
        (books, books, None),
        "every book is in sync after one call"
    );
    client.until(refused.start + 2_500).await;
    assert_eq!(client.books.count(), 0, "a second was not told");
    client.until(refused.end).await;
    assert_eq!(client.books.count(), 0);
    assert!(client.refused_for().unwrap() > Span::from_seconds(590), "{:?}", client.refused_for());

    client.until(refused.end + 30_000).await;
    let calls = client.exchange.depth_calls.lock().unwrap().clone();
    let first =
        calls.iter().find(|(at, is_served)| *at >= refused.end && *is_served).map(|(at, _)| *at).unwrap();
    assert!(
        first - refused.end <= 10_000,
        "{books} books, {refusal:?}: the first call was served {} ms after the end",
        first - refused.end
    );
    assert_eq!(client.books.count(), books, "{refusal:?}: in sync half a minute after the end");
    assert_eq!(client.refused_for(), None);
    let most = calls
        .iter()
        .map(|(at, _)| calls.iter().filter(|(other, _)| (*at..*at + 2_000).contains(other)).count())
        .max()
        .unwrap();
    assert!(most <= 10, "{most} calls for books in two seconds");
    let tried = calls.iter().filter(|(at, _)| refused.contains(at)).count();
    assert!((60..=130).contains(&tried), "one call every few seconds, not {tried} in ten minutes");
}

#[tokio::test(start_paused = true)]
async fn ten_minutes_of_code_510_are_over_half_a_minute_after_their_end() {
    for books in [1, 10, 60] {
        ten_minutes(books, Rejection::TooFrequent).await;
    }
}

#[tokio::test(start_paused = true)]
async fn ten_minutes_of_a_ban_are_over_half_a_minute_after_their_end() {
    for books in [1, 10, 60] {
        ten_minutes(books, Rejection::Denied).await;
    }
}

/// A caller that waits for an answer (a starting session, a page) soon learns that there is none.
#[tokio::test(start_paused = true)]
async fn a_call_waits_no_longer_than_its_patience_and_its_place_costs_nothing() {
    let client = Client::start(10, Rejection::TooFrequent, 30_000..200_000, 31);
    client.until(40_000).await;
    let begun = client.exchange.clock.steady();
    let calls = (0..300).map(|_| {
        let link = client.link.clone();
        tokio::spawn(
            async move { link.rest.read(&market::ping(), None, |data| Ok(data.get().to_owned())).await },
        )
    });
    for call in calls.collect::<Vec<_>>() {
        assert!(matches!(call.await.unwrap(), Err(ExchangeError::Throttled { .. })));
    }
    let waited = client.exchange.clock.steady() - begun;
    assert!(waited <= Span::from_seconds(31), "{waited:?}");
    client.until(215_000).await;
    client.link.ping().await.unwrap();
    assert_eq!(client.books.count(), 10, "300 calls that were given up take nobody's place");
}
