//! WebSockets to MEXC: connect, keep alive, subscribe, decode into rows, reconnect.
//!
//! Invariants: every row carries the exchange's time; a socket publishes book changes only after a snapshot
//! has joined them.

mod backoff;
mod channel;
mod connection;
mod dispatch;
mod funding;
mod open;
mod received;
mod subscriptions;
mod symbol;
mod watch;

use super::Link;
use super::book::Pace;
use super::settings::Settings;
use super::subscription::Subscription;
use crate::domain::record::StreamKind;
use crate::domain::symbol::SymbolId;
use crate::domain::time::Span;
use crate::session::ports::MarketSink;
pub(super) use backoff::Backoff;
use channel::Channel;
pub(super) use channel::PING;
pub(super) use connection::Socket;
pub(super) use dispatch::Dispatch;
pub(super) use open::{WebSocket, connect, unzipped};
pub(super) use received::Received;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use subscriptions::Subscriptions;
pub(super) use symbol::Symbol;
pub(super) use watch::{Patience, SocketVerdict, SocketWatch};

/// How long to wait for a book's first message before fetching its snapshot.
const QUIET: Span = Span::from_seconds(1);

/// The sockets of a subscription, each with its share of the symbols.
pub(super) fn of(link: &Arc<Link>, wanted: &Subscription, inbox: &Arc<dyn MarketSink>) -> Vec<Socket> {
    let settings = &link.settings;
    let pace = pace(settings);
    let subscription = link.subscriptions.fetch_add(1, Relaxed);
    let symbol = |id, name: &String| {
        let mut symbol = Symbol::new(SymbolId(id), name.clone(), pace);
        symbol.funding.heard_until(wanted.heard_until);
        symbol
    };
    let shares = wanted.symbols.chunks(settings.symbols_per_socket).zip(0_u32..);
    let socket = |(names, number): (&[String], u32)| {
        let first = number as usize * settings.symbols_per_socket;
        let symbols: Vec<Symbol> = (first as u32..).zip(names).map(|(id, name)| symbol(id, name)).collect();
        let between = Span::from_nanos(1_000_000_000 / i64::from(settings.subscribes_per_second));
        let subscriptions =
            Subscriptions::new(wanted_of(names.len(), &wanted.streams), between, span(settings.confirm_ms));
        let dispatch = Dispatch::new(symbols, wanted.streams.clone(), link.counters.clone(), inbox.clone());
        Socket::new(
            link.clone(),
            inbox.clone(),
            number,
            seed(settings.seed, subscription, number),
            dispatch,
            subscriptions,
        )
    };
    shares.map(socket).collect()
}

/// Seed of a socket's jitter: differs between all sockets of a process, within and across subscriptions.
fn seed(process: u64, subscription: u64, socket: u32) -> u64 {
    (process ^ (subscription << 32 | u64::from(socket))).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Timeouts of the order books.
pub(super) fn pace(settings: &Settings) -> Pace {
    let wait_min = span(settings.snapshot_wait_min_ms);
    Pace {
        quiet: QUIET.min(wait_min + wait_min + wait_min + wait_min + wait_min),
        wait_min,
        wait_max: span(settings.snapshot_wait_max_ms),
        resync: span(settings.resync_ms),
        crossed: span(settings.crossed_ms),
        levels: settings.book_levels as usize,
    }
}

fn span(ms: u64) -> Span {
    Span::from_millis(i64::try_from(ms).unwrap_or(i64::MAX))
}

/// Every channel of every symbol. Tickers arrive every few seconds for each contract, so when none is wanted,
/// the first symbol's is subscribed for liveness: without it a quiet market looks like a dead socket.
fn wanted_of(symbols: usize, streams: &[StreamKind]) -> Vec<(usize, Channel)> {
    let channels: Vec<Channel> = streams.iter().filter_map(|stream| Channel::of(*stream)).collect();
    let sign_of_life = (!channels.contains(&Channel::Ticker)).then_some((0, Channel::Ticker));
    let all = (0..symbols).flat_map(|symbol| channels.iter().map(move |channel| (symbol, *channel)));
    sign_of_life.into_iter().chain(all).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use backoff::Backoff;

    #[test]
    fn sockets_of_all_sessions_wait_differently() {
        let first_wait = |process, subscription, socket| {
            Backoff::new(Span::from_seconds(1), Span::from_seconds(60), seed(process, subscription, socket))
                .wait()
        };
        let sockets = (0..10).flat_map(|process| {
            (0..10)
                .flat_map(move |subscription| (0..4).map(move |socket| (process << 40, subscription, socket)))
        });
        let mut waits: Vec<Span> = sockets
            .map(|(process, subscription, socket)| first_wait(process, subscription, socket))
            .collect();
        waits.sort();
        waits.dedup();
        assert_eq!(waits.len(), 400);
        assert_eq!(
            first_wait(7, 1, 0),
            first_wait(7, 1, 0),
            "the same socket waits alike in every run of a test"
        );
    }
}
