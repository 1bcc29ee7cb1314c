//! Decodes MEXC socket messages without a socket, for benchmarks, fuzzing and captures.

use super::feed;
use super::health::Counters;
use super::market::DepthSnapshot;
use super::settings::Settings;
use super::socket::{Dispatch, Received, Symbol, pace};
use super::subscription::Subscription;
use super::{ExchangeError, Health};
use crate::domain::symbol::SymbolId;
use crate::domain::time::{Span, Timestamp};
use crate::session::ports::MarketSink;
use std::sync::Arc;

/// The message handling of one socket: rows go to the inbox, and books wait for their snapshots.
pub struct Frames {
    dispatch: Dispatch,
    counters: Arc<Counters>,
    since: Option<Timestamp>,
}

impl Frames {
    /// For the symbols and streams of a subscription, all on one socket.
    ///
    /// # Errors
    /// [`ExchangeError::Settings`], as for a subscription.
    pub fn new(subscription: &Subscription, inbox: Arc<dyn MarketSink>) -> Result<Frames, ExchangeError> {
        feed::check(subscription)?;
        let pace = pace(&Settings::default());
        let symbols = (0..)
            .zip(&subscription.symbols)
            .map(|(id, name)| Symbol::new(SymbolId(id), name.clone(), pace))
            .collect();
        let counters = Arc::new(Counters::default());
        Ok(Frames {
            dispatch: Dispatch::new(symbols, subscription.streams.clone(), counters.clone(), inbox),
            counters,
            since: None,
        })
    }

    /// Decodes a message that was received at `at`; its rows are in the inbox when this returns.
    pub fn read(&mut self, text: &str, at: Timestamp) {
        let received = self.received(at);
        self.counters.frame(at);
        self.dispatch.text(text, received);
    }

    /// Passes a snapshot to a symbol's book; `symbol` is its index in the subscription.
    pub fn snapshot(&mut self, symbol: usize, depth: &DepthSnapshot, at: Timestamp) {
        let received = self.received(at);
        self.dispatch.join(symbol, depth, received);
    }

    /// Counters, with ages as of `now`.
    pub fn health(&self, now: Timestamp) -> Health {
        self.counters.health(now)
    }

    fn received(&mut self, at: Timestamp) -> Received {
        let since = *self.since.get_or_insert(at);
        Received { at, steady: Span::from_nanos((at - since).nanos()) }
    }
}
