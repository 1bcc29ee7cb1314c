//! Tickers of all symbols as the exchange gave them last, so that a list need not be fetched for every reader.

use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};

/// The last list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TickerCacheV1 {
    /// When it was fetched, microseconds since 1970.
    pub as_of_us: i64,
    /// JSON.
    pub body: String,
}

impl Stored for TickerCacheV1 {
    const KIND: u16 = 25;
    const VERSION: u16 = 1;
    const NAME: &'static str = "ticker_cache";
}
