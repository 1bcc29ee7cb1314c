//! Markets of exchanges: contracts, tickers and live data into an intake.
//!
//! Never: a decision, a store, a number the exchange did not send, a wait that blocks a session.

mod error;
pub mod mexc;

pub use error::ExchangeError;
