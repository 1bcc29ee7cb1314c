//! Strategies as users see them: listed with what they were worth, edited as versions of a document.
//!
//! Never: a document that does not validate in the store, or a number that no stored result gave.

mod load;

pub use load::{Loaded, built_in, compile, stored};

use super::Refusal;
use super::in_use::InUse;
use crate::domain::time::Timestamp;
use crate::store::Store;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// A line of the list, with the field names of the API.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct StrategySummary {
    /// Slug, stable over edits.
    pub id: String,
    /// Name people read.
    pub strategy_name: String,
    /// What it is after; empty when the document says nothing.
    pub description: String,
    /// `long`, `short` or `both`.
    pub direction: &'static str,
    /// Whether it may run.
    pub enabled: bool,
    /// Kind of strategy, when the document names one.
    pub category: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Newest version.
    pub version: u32,
    /// RFC 3339, milliseconds.
    pub created_at: String,
    /// RFC 3339, milliseconds.
    pub updated_at: String,
    /// Closed trades that won, percent of all; `None` without a trade of a completed backtest.
    #[serde(rename = "winRate")]
    pub win_rate_pct: Option<f64>,
    /// Mean net result of a trade, percent of its entry notional; `None` likewise.
    #[serde(rename = "avgProfit")]
    pub avg_profit_pct: Option<f64>,
    /// Closed trades of completed backtests; `None` without a completed backtest.
    #[serde(rename = "totalTrades")]
    pub total_trades: Option<u64>,
    /// The newest completed backtest.
    #[serde(rename = "lastResultId")]
    pub last_result_id: Option<String>,
}

/// A strategy with its document.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct StrategyDetail {
    /// What lists show.
    #[serde(flatten)]
    pub summary: StrategySummary,
    /// The canonical document.
    pub document: Value,
    /// What a reader of the document should know though it may run.
    pub warnings: Vec<DocumentProblem>,
}

/// Something about a document.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct DocumentProblem {
    /// JSON pointer into the document.
    pub path: String,
    /// What and what to do.
    pub problem: String,
}

/// What came of checking a document.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Validation {
    /// Whether it may run.
    #[serde(rename = "isValid")]
    pub is_valid: bool,
    /// Why not.
    pub errors: Vec<DocumentProblem>,
    /// What is odd.
    pub warnings: Vec<DocumentProblem>,
}

/// One version in the list of versions.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct StrategyVersion {
    /// Number, 1 and up.
    pub version: u32,
    /// Name it had.
    pub strategy_name: String,
    /// When it was made, RFC 3339, milliseconds.
    pub updated_at: String,
}

/// The whole list, as it was when a revision was made.
#[derive(Clone, PartialEq, Debug)]
pub struct StrategyList {
    /// Differs whenever the list does: for an `ETag`. Not the same over restarts.
    pub revision: u64,
    /// By id.
    pub strategies: Vec<StrategySummary>,
}

/// Which strategies are wanted; `None` is all.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct StrategyFilter {
    /// Only those that may (or may not) run.
    pub enabled: Option<bool>,
    /// Only of this category, whatever its case.
    pub category: Option<String>,
    /// Only those with this text in id, name, description or tags, whatever its case.
    pub text: Option<String>,
}

/// The strategies of a store.
pub struct Strategies {
    store: Arc<Store>,
    in_use: Arc<InUse>,
}

impl Strategies {
    /// Over a store; deletions respect what sessions use.
    pub fn new(store: Arc<Store>, in_use: Arc<InUse>) -> Self {
        Strategies { store, in_use }
    }

    /// All strategies, read from the store only when something changed since the last call.
    ///
    /// # Errors
    /// What the store reports.
    pub fn list(&self) -> Result<Arc<StrategyList>, Refusal> {
        todo_list(self)
    }

    /// One by its id, else by its exact name.
    ///
    /// # Errors
    /// `strategy_not_found`.
    pub fn get(&self, _id_or_name: &str) -> Result<StrategyDetail, Refusal> {
        todo_list(self)
    }

    /// Keeps a document as a new strategy; its id is the slug of its name.
    ///
    /// # Errors
    /// `invalid_strategy` with every problem, `strategy_exists` when another has the name.
    pub fn create(&self, _body: &[u8], _now: Timestamp) -> Result<StrategyDetail, Refusal> {
        todo_list(self)
    }

    /// Keeps a document as the next version. `if_version`: only when that is still the newest.
    ///
    /// # Errors
    /// `strategy_not_found`, `invalid_strategy`, `strategy_exists` (name), `version_conflict` (stale).
    pub fn update(&self, _id: &str, _body: &[u8], _if_version: Option<u32>, _now: Timestamp) -> Result<StrategyDetail, Refusal> {
        todo_list(self)
    }

    /// Hides a strategy; its versions stay.
    ///
    /// # Errors
    /// `strategy_not_found`, `strategy_in_use` with the sessions, `version_conflict` (stale).
    pub fn delete(&self, _id: &str, _if_version: Option<u32>, _now: Timestamp) -> Result<(), Refusal> {
        todo_list(self)
    }

    /// All versions, newest first.
    ///
    /// # Errors
    /// `strategy_not_found`.
    pub fn versions(&self, _id: &str) -> Result<Vec<StrategyVersion>, Refusal> {
        todo_list(self)
    }

    /// One version with its document.
    ///
    /// # Errors
    /// `strategy_not_found`.
    pub fn version(&self, _id: &str, _version: u32) -> Result<StrategyDetail, Refusal> {
        todo_list(self)
    }
}

/// Checks a document; nothing is kept.
pub fn validate(_body: &[u8]) -> Validation {
    Validation { is_valid: false, errors: Vec::new(), warnings: Vec::new() }
}

fn todo_list<T>(strategies: &Strategies) -> Result<T, Refusal> {
    let _ = (&strategies.store, &strategies.in_use);
    Err(Refusal::new(super::Kind::Unavailable, "not_yet", "not yet"))
}
impl StrategyFilter {
    /// interim
    pub fn takes(&self, _s: &StrategySummary) -> bool {
        true
    }
}
