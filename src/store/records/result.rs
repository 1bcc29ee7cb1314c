//! A finished backtest or session: what lists show, and apart from it the whole document.

use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};

/// What lists show of a result.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ResultV1 {
    /// `exec_…`.
    pub id: String,
    /// The strategy's id.
    pub strategy_id: String,
    /// The strategy's version.
    pub strategy_version: u32,
    /// Symbols it ran on.
    pub symbols: Vec<String>,
    /// Recording or file it ran on.
    pub source: String,
    /// First event time, microseconds since 1970.
    pub from_us: i64,
    /// Last event time, microseconds since 1970.
    pub to_us: i64,
    /// When it was made, microseconds since 1970.
    pub created_us: i64,
    /// Digest of the decisions, hexadecimal.
    pub digest: String,
    /// Closed trades.
    pub trades: u64,
    /// Closed trades that won.
    pub wins: u64,
    /// Net profit in 10^-18 of the quote currency.
    pub net_money: i128,
    /// Highest fall of the equity in 10^-18 of the quote currency.
    pub max_drawdown_money: i128,
}

/// The whole result as the JSON document it was shown as.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ResultDocumentV1 {
    /// Id of the result.
    pub id: String,
    /// JSON.
    pub document: String,
}

impl Stored for ResultV1 {
    const KIND: u16 = 5;
    const VERSION: u16 = 1;
    const NAME: &'static str = "result";
}

impl Stored for ResultDocumentV1 {
    const KIND: u16 = 7;
    const VERSION: u16 = 1;
    const NAME: &'static str = "result_document";
}
