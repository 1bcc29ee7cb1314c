//! Strategies and their documents in the shapes of the API.

use crate::document::strategy::wire::Direction;
use crate::document::strategy::{self, Document, Problem};
use crate::domain::time::Timestamp;
use crate::store::records::{StrategyStatisticsV1, StrategyV1};
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
    /// `long`, `short` or `both`; `None` for a stored document that does not validate any more.
    pub direction: Option<&'static str>,
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
    pub strategies: Vec<Arc<StrategySummary>>,
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

impl StrategyFilter {
    /// Whether a strategy is one of those.
    pub fn takes(&self, strategy: &StrategySummary) -> bool {
        let same = |word: &String| {
            strategy.category.as_ref().is_some_and(|category| lower(category).eq(lower(word)))
        };
        let holds = |text: &String| {
            let text = text.to_lowercase();
            let fields = [&strategy.id, &strategy.strategy_name, &strategy.description];
            fields.into_iter().chain(&strategy.tags).any(|field| field.to_lowercase().contains(&text))
        };
        self.enabled.is_none_or(|enabled| enabled == strategy.enabled)
            && self.category.as_ref().is_none_or(same)
            && self.text.as_ref().is_none_or(holds)
    }
}

fn lower(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().flat_map(char::to_lowercase)
}

pub(super) fn summary(kept: &StrategyV1, statistics: Option<&StrategyStatisticsV1>) -> StrategySummary {
    let document = strategy::parse(kept.document.as_bytes()).ok().map(|(document, _)| document);
    summary_of(kept, document.as_ref(), statistics)
}

fn summary_of(
    kept: &StrategyV1,
    document: Option<&Document>,
    statistics: Option<&StrategyStatisticsV1>,
) -> StrategySummary {
    let fields = document.map(Document::fields);
    let traded = statistics.filter(|all| all.trades > 0);
    StrategySummary {
        id: kept.id.clone(),
        strategy_name: kept.name.clone(),
        description: fields.and_then(|fields| fields.description.clone()).unwrap_or_default(),
        direction: fields.map(|fields| match fields.direction {
            None | Some(Direction::Long) => "long",
            Some(Direction::Short) => "short",
            Some(Direction::Both) => "both",
        }),
        enabled: document.is_some_and(Document::enabled),
        category: fields.and_then(|fields| fields.category.clone()),
        tags: fields.and_then(|fields| fields.tags.clone()).unwrap_or_default(),
        version: kept.version,
        created_at: time(kept.created_us),
        updated_at: time(kept.updated_us),
        win_rate_pct: traded.map(|all| rounded(100.0 * all.wins as f64 / all.trades as f64)),
        avg_profit_pct: traded.map(|all| rounded(all.net_pct_e9 as f64 / 1e9 / all.trades as f64)),
        total_trades: statistics.map(|all| all.trades),
        last_result_id: statistics.map(|all| all.last_result_id.clone()),
    }
}

pub(super) fn detail(kept: &StrategyV1, statistics: Option<&StrategyStatisticsV1>) -> StrategyDetail {
    match strategy::parse(kept.document.as_bytes()) {
        Ok((document, warnings)) => detail_of(kept, Some(&document), &warnings, statistics),
        Err(problems) => detail_of(kept, None, &problems, statistics),
    }
}

/// With the document that was read already.
pub(super) fn detail_of(
    kept: &StrategyV1,
    document: Option<&Document>,
    warnings: &[Problem],
    statistics: Option<&StrategyStatisticsV1>,
) -> StrategyDetail {
    StrategyDetail {
        summary: summary_of(kept, document, statistics),
        document: serde_json::from_str(&kept.document).unwrap_or(Value::Null),
        warnings: warnings.iter().map(problem).collect(),
    }
}

pub(super) fn version(kept: &StrategyV1) -> StrategyVersion {
    StrategyVersion {
        version: kept.version,
        strategy_name: kept.name.clone(),
        updated_at: time(kept.updated_us),
    }
}

pub(super) fn problem(problem: &Problem) -> DocumentProblem {
    DocumentProblem { path: problem.path.clone(), problem: problem.problem.clone() }
}

fn time(us: i64) -> String {
    Timestamp::from_micros(us).unwrap_or(Timestamp::MAX).rfc3339_millis()
}

/// Percent to six digits behind the point.
fn rounded(percent: f64) -> f64 {
    (percent * 1e6).round() / 1e6
}
