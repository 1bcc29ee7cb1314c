//! Strategies and their documents in the shapes of the API.

use crate::document::strategy::wire::Direction;
use crate::document::strategy::{self, Document, Problem};
use crate::domain::time::Timestamp;
use crate::store::records::{StrategyStatisticsV1, StrategyV1};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// An entry of the list of strategies.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct StrategySummary {
    /// Slug; does not change with edits.
    pub id: String,
    /// Display name.
    pub strategy_name: String,
    /// Description; empty when the document has none.
    pub description: String,
    /// `long`, `short` or `both`; `None` if the stored document no longer validates.
    pub direction: Option<&'static str>,
    /// Whether it may run.
    pub enabled: bool,
    /// Category, when the document names one.
    pub category: Option<String>,
    /// Tags to search by.
    pub tags: Vec<String>,
    /// Number of the newest version.
    pub version: u32,
    /// Time of the first version, RFC 3339 with milliseconds.
    pub created_at: String,
    /// Time of the newest version, RFC 3339 with milliseconds.
    pub updated_at: String,
    /// Winning trades of completed backtests, percent; `None` without a trade.
    #[serde(rename = "winRate")]
    pub win_rate_pct: Option<f64>,
    /// Mean net result of a trade, percent of its entry notional; `None` without a trade.
    #[serde(rename = "avgProfit")]
    pub avg_profit_pct: Option<f64>,
    /// Number of trades in completed backtests; `None` without a completed backtest.
    #[serde(rename = "totalTrades")]
    pub total_trades: Option<u64>,
    /// Result id of the newest completed backtest.
    #[serde(rename = "lastResultId")]
    pub last_result_id: Option<String>,
}

/// A strategy with its document.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct StrategyDetail {
    /// The entry as in lists.
    #[serde(flatten)]
    pub summary: StrategySummary,
    /// The document in canonical form.
    pub document: Value,
    /// Warnings about the document; they do not keep it from running.
    pub warnings: Vec<DocumentProblem>,
}

/// An error or warning about a document.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct DocumentProblem {
    /// JSON pointer into the document.
    pub path: String,
    /// What is wrong and what to do.
    pub problem: String,
}

/// Result of validating a document.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Validation {
    /// Whether it may run.
    #[serde(rename = "isValid")]
    pub is_valid: bool,
    /// Errors, because of which it may not run.
    pub errors: Vec<DocumentProblem>,
    /// Warnings.
    pub warnings: Vec<DocumentProblem>,
}

/// An entry of the list of versions.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct StrategyVersion {
    /// Number, from 1.
    pub version: u32,
    /// Name in that version.
    pub strategy_name: String,
    /// When it was stored, RFC 3339 with milliseconds.
    pub updated_at: String,
}

/// The whole list as of a revision.
#[derive(Clone, PartialEq, Debug)]
pub struct StrategyList {
    /// Changes with every change of the list; used as `ETag`. Not comparable across restarts.
    pub revision: u64,
    /// Strategies, sorted by id.
    pub strategies: Vec<Arc<StrategySummary>>,
}

/// Which strategies are listed; `None` matches all.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct StrategyFilter {
    /// Only enabled (or only disabled) ones.
    pub enabled: Option<bool>,
    /// Only this category, ignoring case.
    pub category: Option<String>,
    /// Only those with this text in id, name, description or tags, ignoring case.
    pub text: Option<String>,
}

impl StrategyFilter {
    /// Whether the strategy matches.
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
        last_result_id: statistics.map(|all| all.last_result_id.clone()).filter(|id| !id.is_empty()),
    }
}

pub(super) fn detail(kept: &StrategyV1, statistics: Option<&StrategyStatisticsV1>) -> StrategyDetail {
    match strategy::parse(kept.document.as_bytes()) {
        Ok((document, warnings)) => detail_of(kept, Some(&document), &warnings, statistics),
        Err(problems) => detail_of(kept, None, &problems, statistics),
    }
}

/// As [`detail`], for a document that is already parsed.
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

/// Rounds a percentage to six decimals.
fn rounded(percent: f64) -> f64 {
    (percent * 1e6).round() / 1e6
}
