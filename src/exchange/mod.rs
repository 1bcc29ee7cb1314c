//! Exchange adapters: contracts, tickers, and market feeds into a session's inbox.
//!
//! Invariant: an adapter publishes only numbers the exchange sent; it stores nothing and takes no trading
//! decision.

mod error;
pub mod mexc;

pub use error::ExchangeError;
