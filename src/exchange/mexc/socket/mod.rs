//! Sockets to MEXC: opened, kept alive, subscribed, taken apart into rows, opened again.
//!
//! Never: a wait inside an intake, a row without its exchange's time, a book that is not known to be whole.

mod backoff;
mod channel;
mod connection;
mod dispatch;
mod roster;
mod symbol;
mod watch;

use super::Link;
use super::book::Pace;
use super::live::Subscription;
use super::settings::Settings;
use crate::domain::record::StreamKind;
use crate::domain::symbol::SymbolId;
use crate::domain::time::Span;
use crate::session::ports::Intake;
use channel::Channel;
pub(super) use connection::Socket;
pub(super) use dispatch::{Dispatch, Received};
use roster::Roster;
use std::sync::Arc;
pub(super) use symbol::Symbol;

/// How long a first message of a book is waited for before its snapshot is fetched.
const QUIET: Span = Span::from_seconds(1);

/// The sockets that carry a subscription, each with its share of the symbols.
pub(super) fn of(link: &Arc<Link>, wanted: &Subscription, intake: &Arc<dyn Intake>) -> Vec<Socket> {
    let settings = &link.settings;
    let pace = pace(settings);
    let shares = wanted.symbols.chunks(settings.symbols_per_socket).zip(0_u32..);
    let socket = |(names, number): (&[String], u32)| {
        let first = number as usize * settings.symbols_per_socket;
        let symbols: Vec<Symbol> = (first as u32..).zip(names).map(|(id, name)| Symbol::new(SymbolId(id), name.clone(), pace)).collect();
        let between = Span::from_nanos(1_000_000_000 / i64::from(settings.subscribes_per_second));
        let roster = Roster::new(wanted_of(names.len(), &wanted.streams), between, span(settings.confirm_ms));
        let dispatch = Dispatch::new(symbols, wanted.streams.clone(), link.counters.clone(), intake.clone());
        Socket::new(link.clone(), intake.clone(), number, dispatch, roster)
    };
    shares.map(socket).collect()
}

/// How patient the books are.
pub(super) fn pace(settings: &Settings) -> Pace {
    let wait_min = span(settings.snapshot_wait_min_ms);
    Pace {
        quiet: QUIET.min(wait_min + wait_min + wait_min + wait_min + wait_min),
        wait_min,
        wait_max: span(settings.snapshot_wait_max_ms),
        resync: span(settings.resync_ms),
        crossed: span(settings.crossed_ms),
    }
}

fn span(ms: u64) -> Span {
    Span::from_millis(i64::try_from(ms).unwrap_or(i64::MAX))
}

/// Every channel of every symbol. Tickers come every few seconds from each contract, so where none is wanted that of the
/// first symbol is subscribed as a sign of life: without it nobody could tell a quiet market from a dead socket.
fn wanted_of(symbols: usize, streams: &[StreamKind]) -> Vec<(usize, Channel)> {
    let channels: Vec<Channel> = streams.iter().filter_map(|stream| Channel::of(*stream)).collect();
    let sign_of_life = (!channels.contains(&Channel::Ticker)).then_some((0, Channel::Ticker));
    let all = (0..symbols).flat_map(|symbol| channels.iter().map(move |channel| (symbol, *channel)));
    sign_of_life.into_iter().chain(all).collect()
}
