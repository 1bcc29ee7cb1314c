//! Results of backtests and sessions: the summary shown in lists, and separately the whole document and the
//! HTML report.

use super::FIRST_ENGINE_VERSION;
use crate::store::codec::{CodecError, Stored, decode_payload};
use serde::{Deserialize, Serialize};

/// Summary of a result, as shown in lists.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ResultV3 {
    /// `exec_…`.
    pub id: String,
    /// Session it came from; `None` for a run of the command line.
    pub session_id: Option<String>,
    /// The strategies, in the order of the run.
    pub strategies: Vec<ResultStrategyV2>,
    /// Symbols it ran on.
    pub symbols: Vec<String>,
    /// Recording id or file it ran on.
    pub source: String,
    /// First event time, microseconds since 1970.
    pub from_us: i64,
    /// Last event time, microseconds since 1970.
    pub to_us: i64,
    /// Time of storing, microseconds since 1970.
    pub created_us: i64,
    /// SHA-256 of the decisions, hexadecimal.
    pub digest: String,
    /// Number of closed trades.
    pub trades: u64,
    /// Number of winning trades.
    pub wins: u64,
    /// Number of trades that neither won nor lost; 0 in results of version 1, which did not count them.
    pub draws: u64,
    /// Initial balance in 10^-18 of the quote currency; 0 in results of version 1, which did not store it.
    pub initial_money: i128,
    /// Net profit in 10^-18 of the quote currency.
    pub net_money: i128,
    /// Largest drawdown of the equity in 10^-18 of the quote currency.
    pub max_drawdown_money: i128,
    /// Whether it was stopped before the end of its data.
    pub stopped_early: bool,
    /// Version of the engine that ran it.
    pub engine_version: u32,
}

/// A strategy of a result.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ResultStrategyV2 {
    /// Id.
    pub id: String,
    /// Version; 0 if it was not from the store.
    pub version: u32,
    /// Name.
    pub name: String,
}

/// Version 2: without the engine version.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ResultV2 {
    /// `exec_…`.
    pub id: String,
    /// Session it came from; `None` for a run of the command line.
    pub session_id: Option<String>,
    /// The strategies, in the order of the run.
    pub strategies: Vec<ResultStrategyV2>,
    /// Symbols it ran on.
    pub symbols: Vec<String>,
    /// Recording id or file it ran on.
    pub source: String,
    /// First event time, microseconds since 1970.
    pub from_us: i64,
    /// Last event time, microseconds since 1970.
    pub to_us: i64,
    /// Time of storing, microseconds since 1970.
    pub created_us: i64,
    /// SHA-256 of the decisions, hexadecimal.
    pub digest: String,
    /// Number of closed trades.
    pub trades: u64,
    /// Number of winning trades.
    pub wins: u64,
    /// Number of trades that neither won nor lost; 0 in results of version 1, which did not count them.
    pub draws: u64,
    /// Initial balance in 10^-18 of the quote currency; 0 in results of version 1, which did not store it.
    pub initial_money: i128,
    /// Net profit in 10^-18 of the quote currency.
    pub net_money: i128,
    /// Largest drawdown of the equity in 10^-18 of the quote currency.
    pub max_drawdown_money: i128,
    /// Whether it was stopped before the end of its data.
    pub stopped_early: bool,
}

/// Version 1: one strategy, no session.
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
    /// Recording id or file it ran on.
    pub source: String,
    /// First event time, microseconds since 1970.
    pub from_us: i64,
    /// Last event time, microseconds since 1970.
    pub to_us: i64,
    /// Time of storing, microseconds since 1970.
    pub created_us: i64,
    /// SHA-256 of the decisions, hexadecimal.
    pub digest: String,
    /// Number of closed trades.
    pub trades: u64,
    /// Number of winning trades.
    pub wins: u64,
    /// Net profit in 10^-18 of the quote currency.
    pub net_money: i128,
    /// Largest drawdown of the equity in 10^-18 of the quote currency.
    pub max_drawdown_money: i128,
}

/// The whole result as a JSON document.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ResultDocumentV1 {
    /// Id of the result.
    pub id: String,
    /// JSON.
    pub document: String,
}

/// The HTML report of a result.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ResultReportV1 {
    /// Id of the result.
    pub id: String,
    /// HTML as one zstd frame.
    pub html: Vec<u8>,
}

impl ResultV3 {
    /// Whether it ran this strategy.
    pub fn has_strategy(&self, id: &str) -> bool {
        self.strategies.iter().any(|strategy| strategy.id == id)
    }

    /// Whether there was any event; without one both times are 0.
    pub fn had_events(&self) -> bool {
        (self.from_us, self.to_us) != (0, 0)
    }

    /// Ids of its strategies, joined by commas.
    pub fn strategies_line(&self) -> String {
        self.strategies.iter().map(|strategy| strategy.id.as_str()).collect::<Vec<_>>().join(",")
    }
}

impl From<ResultV1> for ResultV3 {
    fn from(old: ResultV1) -> Self {
        let strategy = ResultStrategyV2 {
            name: old.strategy_id.clone(),
            id: old.strategy_id,
            version: old.strategy_version,
        };
        ResultV3 {
            id: old.id,
            session_id: None,
            strategies: vec![strategy],
            symbols: old.symbols,
            source: old.source,
            from_us: old.from_us,
            to_us: old.to_us,
            created_us: old.created_us,
            digest: old.digest,
            trades: old.trades,
            wins: old.wins,
            draws: 0,
            initial_money: 0,
            net_money: old.net_money,
            max_drawdown_money: old.max_drawdown_money,
            stopped_early: false,
            engine_version: FIRST_ENGINE_VERSION,
        }
    }
}

impl From<ResultV2> for ResultV3 {
    fn from(old: ResultV2) -> Self {
        ResultV3 {
            id: old.id,
            session_id: old.session_id,
            strategies: old.strategies,
            symbols: old.symbols,
            source: old.source,
            from_us: old.from_us,
            to_us: old.to_us,
            created_us: old.created_us,
            digest: old.digest,
            trades: old.trades,
            wins: old.wins,
            draws: old.draws,
            initial_money: old.initial_money,
            net_money: old.net_money,
            max_drawdown_money: old.max_drawdown_money,
            stopped_early: old.stopped_early,
            engine_version: FIRST_ENGINE_VERSION,
        }
    }
}

impl Stored for ResultV3 {
    const KIND: u16 = 5;
    const VERSION: u16 = 3;
    const NAME: &'static str = "result";

    fn from_older(version: u16, payload: &[u8]) -> Result<Self, CodecError> {
        match version {
            1 => decode_payload::<ResultV1>(payload).map(ResultV3::from),
            2 => decode_payload::<ResultV2>(payload).map(ResultV3::from),
            other => Err(CodecError::UnknownVersion(other)),
        }
    }
}

impl Stored for ResultDocumentV1 {
    const KIND: u16 = 7;
    const VERSION: u16 = 1;
    const NAME: &'static str = "result_document";
}

impl Stored for ResultReportV1 {
    const KIND: u16 = 20;
    const VERSION: u16 = 1;
    const NAME: &'static str = "result_report";
}
