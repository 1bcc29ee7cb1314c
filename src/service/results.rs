//! Stored results as users see them: metrics with assumptions, trades, equity, signals, orders, the page to print.
//!
//! Never: a number worked out anew. What is shown is what was stored when the run ended.

use super::page::{Page, PageRequest};
use super::{Kind, Refusal};
use crate::store::Store;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// A line of the list of results.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ResultLine {
    /// Id.
    pub result_id: String,
    /// Session it came from; `None`: a run of the command line.
    pub session_id: Option<String>,
    /// Strategies it ran: id and version.
    pub strategies: Vec<Value>,
    /// Symbols it ran on.
    pub symbols: Vec<String>,
    /// Recording or file.
    pub source: String,
    /// First event, RFC 3339, milliseconds.
    pub from: String,
    /// Last event.
    pub to: String,
    /// When it was made.
    pub created_at: String,
    /// Digest of the decisions.
    pub digest: String,
    /// Closed trades.
    pub trades: u64,
    /// Those that won, percent; `None` without a trade.
    pub win_rate: Option<f64>,
    /// Net profit in the quote currency.
    pub net_profit: f64,
    /// Highest fall of the equity.
    pub max_drawdown: f64,
    /// Stopped before the end of its data.
    pub stopped_early: bool,
}

/// Which results are wanted; `None` is all.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ResultFilter {
    /// Of this strategy.
    pub strategy: Option<String>,
    /// On this symbol.
    pub symbol: Option<String>,
}

/// The results of a store.
pub struct Results {
    store: Arc<Store>,
}

impl Results {
    /// Over a store.
    pub fn new(store: Arc<Store>) -> Self {
        Results { store }
    }

    /// Metrics, assumptions, digest, per strategy, per symbol, refusals, days, settings.
    ///
    /// # Errors
    /// `result_not_found`; for a session that has none yet the message says why.
    pub fn of_session(&self, _session: &str) -> Result<Value, Refusal> {
        self.not_yet()
    }

    /// `{"trades": […], "total_count": n}`.
    ///
    /// # Errors
    /// As [`Results::of_session`].
    pub fn trades(&self, _session: &str) -> Result<Value, Refusal> {
        self.not_yet()
    }

    /// `{"equity": [{"time","equity","low","high","drawdown_pct"}], "total_count": n}` with at most `max_points` points;
    /// lows and highs stay.
    ///
    /// # Errors
    /// As [`Results::of_session`].
    pub fn equity(&self, _session: &str, _max_points: usize) -> Result<Value, Refusal> {
        self.not_yet()
    }

    /// `{"signals": […], "total_count": n}`.
    ///
    /// # Errors
    /// As [`Results::of_session`].
    pub fn signals(&self, _session: &str) -> Result<Value, Refusal> {
        self.not_yet()
    }

    /// `{"orders": […], "total_count": n, "complete": bool}`, put together from the session's events.
    ///
    /// # Errors
    /// As [`Results::of_session`].
    pub fn orders(&self, _session: &str) -> Result<Value, Refusal> {
        self.not_yet()
    }

    /// One self-contained HTML page.
    ///
    /// # Errors
    /// As [`Results::of_session`].
    pub fn report(&self, _session: &str) -> Result<String, Refusal> {
        self.not_yet()
    }

    /// A part of the list.
    ///
    /// # Errors
    /// What the store reports.
    pub fn list(&self, _filter: &ResultFilter, _page: &PageRequest) -> Result<Page<ResultLine>, Refusal> {
        self.not_yet()
    }

    /// `{"results": [line…], "metrics": {id: {"unit", "values": […]}}}` in the order of the ids.
    ///
    /// # Errors
    /// `invalid_request` for fewer than two or too many ids, `result_not_found`.
    pub fn compare(&self, _ids: &[String]) -> Result<Value, Refusal> {
        self.not_yet()
    }

    fn not_yet<T>(&self) -> Result<T, Refusal> {
        let _ = &self.store;
        Err(Refusal::new(Kind::Unavailable, "not_yet", "not yet"))
    }
}
