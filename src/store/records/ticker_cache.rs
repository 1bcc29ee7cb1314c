//! The tickers last fetched from an exchange, so that they need not be fetched for every request.

use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};

/// The cached list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TickerCacheV1 {
    /// Time of fetching, microseconds since 1970.
    pub as_of_us: i64,
    /// The list, JSON.
    pub body: String,
}

impl Stored for TickerCacheV1 {
    const KIND: u16 = 25;
    const VERSION: u16 = 1;
    const NAME: &'static str = "ticker_cache";
}
