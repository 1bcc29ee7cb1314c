//! Stored results in the shapes of the API: metrics and assumptions, trades, equity, signals, orders, HTML
//! report.
//!
//! Invariant: numbers are shown as stored when the run ended; none is recomputed.

mod comparison;
mod notes;
mod stored;
mod trade_chart;

pub use notes::NoteChange;
pub use stored::{Rows, StoredResult};

use super::Refusal;
use super::page::{Page, PageRequest};
pub use crate::document::csv::Part;
use crate::document::{csv, result};
use crate::domain::num::{Money, without_noise};
use crate::domain::quote::common_quote_currency;
use crate::domain::time::Timestamp;
use crate::limits::BACKTEST_EVENTS;
use crate::store::records::{ResultNoteV1, ResultV3};
use crate::store::{Store, StoreError, Wanted};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Parts of a result that have endpoints of their own.
const APART: [&str; 3] = ["trades", "equity", "signals"];

/// An entry of the list of results.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ResultLine {
    /// Id.
    pub result_id: String,
    /// Session it came from; `None` for a run of the command line.
    pub session_id: Option<String>,
    /// Name that a user gave it.
    pub name: Option<String>,
    /// Tags that users gave it, sorted.
    pub tags: Vec<String>,
    /// Whether it is protected from deletion.
    pub pinned: bool,
    /// Whether there are notes on it.
    pub has_notes: bool,
    /// Ids, versions and names of its strategies.
    pub strategies: Vec<Value>,
    /// Symbols it ran on.
    pub symbols: Vec<String>,
    /// Recording id or file.
    pub source: String,
    /// First event, RFC 3339 with milliseconds; `None` when there was none.
    pub from: Option<String>,
    /// Last event, likewise.
    pub to: Option<String>,
    /// When it was stored, likewise.
    pub created_at: String,
    /// SHA-256 of the run's decisions.
    pub digest: String,
    /// Closed trades.
    pub trades: u64,
    /// Winning trades, percent; `None` without a trade.
    pub win_rate_pct: Option<f64>,
    /// Currency of its amounts; `None` when the symbols name none or several.
    pub currency: Option<String>,
    /// Net profit in that currency.
    pub net_profit: f64,
    /// Largest drawdown of the equity, in that currency.
    pub max_drawdown: f64,
    /// Whether the run was stopped before its data ended.
    pub stopped_early: bool,
    /// Version of the engine that ran it.
    pub engine_version: u32,
}

/// Which results are listed; `None` matches all.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ResultFilter {
    /// Uses this strategy.
    pub strategy: Option<String>,
    /// Uses this symbol.
    pub symbol: Option<String>,
    /// Has this tag.
    pub tag: Option<String>,
    /// Is pinned, or is not.
    pub pinned: Option<bool>,
    /// Ran on this recording or file.
    pub source: Option<String>,
}

/// Notes by the result they are about.
type Notes = BTreeMap<String, ResultNoteV1>;

impl ResultFilter {
    fn wants(&self, result: &ResultV3, note: Option<&ResultNoteV1>) -> bool {
        let is_tagged = |tag: &String| note.is_some_and(|note| note.tags.contains(tag));
        self.strategy.as_ref().is_none_or(|id| result.has_strategy(id))
            && self.symbol.as_ref().is_none_or(|symbol| result.symbols.contains(symbol))
            && self.source.as_ref().is_none_or(|source| result.source == *source)
            && self.tag.as_ref().is_none_or(is_tagged)
            && self.pinned.is_none_or(|pinned| note.is_some_and(|note| note.pinned) == pinned)
    }
}

/// The results of a store, addressed by session id; those of the command line by their own id.
pub struct Results {
    store: Arc<Store>,
}

impl Results {
    /// Reads from this store.
    pub fn new(store: Arc<Store>) -> Self {
        Results { store }
    }

    /// Metrics, assumptions, digest, outcome per strategy and per symbol, refusals, days, settings.
    ///
    /// # Errors
    /// `result_not_found`; when the session has no result yet, the message says why.
    pub fn of_session(&self, session: &str) -> Result<Value, Refusal> {
        let (line, text) = (self.line(session)?, self.store.result_document(session)?);
        let stored = StoredResult::read(session, &text)?;
        let mut shown = Map::new();
        shown.insert("result_id".to_owned(), line.id.clone().into());
        shown.insert("session_id".to_owned(), line.session_id.clone().into());
        shown.insert("created_at".to_owned(), time(line.created_us).into());
        shown.insert("stopped_early".to_owned(), line.stopped_early.into());
        shown.insert("engine_version".to_owned(), line.engine_version.into());
        shown.extend(stored.fields(|name| !APART.contains(&name))?);
        shown.insert("definitions".to_owned(), stored.definitions()?);
        Ok(Value::Object(shown))
    }

    /// `{"trades": […], "total_count": n}`.
    ///
    /// # Errors
    /// As [`Results::of_session`].
    pub fn trades(&self, session: &str) -> Result<Rows, Refusal> {
        let text = self.text(session)?;
        let stored = StoredResult::read(session, &text)?;
        let rows = stored.rows(Part::Trades)?;
        Ok(Rows::new(Part::Trades, &rows, stored.value("currency")?, rows.len() as u64))
    }

    /// `{"equity": [{"time","equity","low","high","drawdown_pct"}], "total_count": n}` with at most
    /// `max_points` points; lows and highs are preserved.
    ///
    /// # Errors
    /// As [`Results::of_session`].
    pub fn equity(&self, session: &str, max_points: usize) -> Result<Rows, Refusal> {
        let text = self.text(session)?;
        let stored = StoredResult::read(session, &text)?;
        let all = points(&stored)?;
        let count = all.len() as u64;
        Ok(Rows::new(Part::Equity, &fewer(all, max_points.max(1)), stored.value("currency")?, count))
    }

    /// `{"signals": […], "total_count": n, "complete": bool}`: the first of them, and whether those are all.
    ///
    /// # Errors
    /// As [`Results::of_session`].
    pub fn signals(&self, session: &str) -> Result<Rows, Refusal> {
        let text = self.text(session)?;
        let stored = StoredResult::read(session, &text)?;
        let rows = stored.rows(Part::Signals)?;
        let counted = stored.value("sections_fired")?["S1"].as_u64().unwrap_or(0);
        let shown = Rows::new(Part::Signals, &rows, stored.value("currency")?, rows.len() as u64);
        Ok(shown.of_counted(counted))
    }

    /// A part as JSON; equity with at most `max_points` points.
    ///
    /// # Errors
    /// As [`Results::of_session`].
    pub fn rows(&self, session: &str, part: Part, max_points: usize) -> Result<Rows, Refusal> {
        match part {
            Part::Trades => self.trades(session),
            Part::Equity => self.equity(session, max_points),
            Part::Signals => self.signals(session),
        }
    }

    /// A part as CSV, one line per row; equity with at most `max_points` rows.
    ///
    /// # Errors
    /// As [`Results::of_session`].
    pub fn csv(&self, session: &str, part: Part, max_points: usize) -> Result<String, Refusal> {
        let mut out = csv::head(part);
        self.lines(session, part, max_points, |line| out.push_str(line))?;
        Ok(out)
    }

    /// A part of several results as one CSV; the first column is the id of the result.
    ///
    /// # Errors
    /// As [`Results::of_session`].
    pub fn csv_of_several(&self, sessions: &[String], part: Part) -> Result<String, Refusal> {
        let mut out = format!("result_id,{}", csv::head(part));
        for session in sessions {
            self.lines(session, part, usize::MAX, |line| out.push_str(&format!("{session},{line}")))?;
        }
        Ok(out)
    }

    /// Hands on a line of CSV for each row, one row in memory at a time.
    fn lines(
        &self,
        session: &str,
        part: Part,
        max_points: usize,
        mut take: impl FnMut(&str),
    ) -> Result<(), Refusal> {
        let text = self.text(session)?;
        let stored = StoredResult::read(session, &text)?;
        let currency = stored.value("currency")?;
        let mut row = |index, row: &Value| take(&csv::line(part, index, row, currency.as_str()));
        if part == Part::Equity {
            let few = fewer(points(&stored)?, max_points.max(1));
            few.iter().enumerate().for_each(|(index, point)| row(index, point));
            return Ok(());
        }
        for (index, raw) in stored.rows(part)?.into_iter().enumerate() {
            row(index, &stored.parsed(raw)?);
        }
        Ok(())
    }

    /// The whole stored document, as JSON.
    ///
    /// # Errors
    /// As [`Results::of_session`].
    pub fn stored(&self, session: &str) -> Result<Value, Refusal> {
        let text = self.text(session)?;
        let mut document =
            serde_json::from_str(&text).map_err(|error| stored::unreadable(session, &error))?;
        result::upgrade(&mut document);
        Ok(document)
    }

    /// `{"orders": […], "total_count": n, "complete": bool}`, built from the session's events: at most
    /// `limit` orders behind the number `behind`. A session may have hundreds of thousands, so no more are
    /// kept at once.
    ///
    /// # Errors
    /// As [`Results::of_session`]; `result_not_found` for a run of the command line, which stores no events.
    pub fn orders(&self, session: &str, behind: Option<u64>, limit: usize) -> Result<Value, Refusal> {
        let line = self.line(session)?;
        let Some(id) = line.session_id else {
            return Err(not_found(&format!(
                "{session} is a run of the command line; its orders were not kept"
            )));
        };
        let mut page = OrderPage { behind, limit, ..OrderPage::default() };
        let (mut after, mut first) = (0, None);
        loop {
            // Read in batches; only the orders of the page are kept, which bounds the memory.
            let part = self.store.session_events(&id, after, PART)?;
            let Some((last, _)) = part.last() else { break };
            after = *last;
            first = first.or_else(|| part.first().map(|(seq, _)| *seq));
            let of_orders = part.iter().filter(|(_, line)| is_of_order(line));
            of_orders
                .filter_map(|(_, line)| serde_json::from_str::<Value>(line).ok())
                .for_each(|event| page.add(&event));
        }
        let row = self.store.session(&id).ok();
        let has_all = row.as_ref().is_some_and(|row| row.reached.events_not_kept == 0);
        let complete = has_all && first.is_none_or(|first| first == 1);
        let kept_at_most = row.filter(|row| row.kind == "backtest").map(|_| BACKTEST_EVENTS);
        let mut shown = json!({"limit": limit, "complete": complete, "kept_at_most": kept_at_most});
        page.show(&mut shown);
        Ok(shown)
    }

    /// The report as one self-contained HTML page.
    ///
    /// # Errors
    /// As [`Results::of_session`]; `report_not_kept` when the page was too large or the result predates
    /// stored reports.
    pub fn report(&self, session: &str) -> Result<String, Refusal> {
        let line = self.line(session)?;
        let kept = self.store.result_report(&line.id)?;
        kept.ok_or_else(|| {
            Refusal::not_found(
                "report_not_kept",
                format!("no report was kept for {session}; run the backtest again"),
            )
        })
    }

    /// A page of the list.
    ///
    /// # Errors
    /// What the store reports.
    pub fn list(&self, filter: &ResultFilter, page: &PageRequest) -> Result<Page<ResultLine>, Refusal> {
        let notes: Notes =
            self.store.result_notes()?.into_iter().map(|note| (note.result_id.clone(), note)).collect();
        let wanted = |result: &ResultV3| filter.wants(result, notes.get(&result.id));
        let wanted: Wanted<'_, ResultV3> =
            if *filter == ResultFilter::default() { None } else { Some(&wanted) };
        let part = self.store.results_page(page.cursor.as_deref(), page.limit, wanted)?;
        Ok(Page {
            items: part.items.iter().map(|result| shown(result, notes.get(&result.id))).collect(),
            total_count: part.total_count,
            next: part.next,
        })
    }

    fn line(&self, session: &str) -> Result<ResultV3, Refusal> {
        match self.store.result(session) {
            Err(StoreError::NotFound { .. }) => Err(self.why_none(session)?),
            found => Ok(found?),
        }
    }

    fn why_none(&self, session: &str) -> Result<Refusal, Refusal> {
        Ok(match self.store.session(session) {
            Ok(row) if row.ended_us.is_none() => {
                not_found(&format!("session {session} has not ended yet; its result is stored when it has"))
            }
            Ok(row) if row.result_id.is_some() => {
                not_found(&format!("the result of session {session} was deleted"))
            }
            Ok(row) => not_found(&format!(
                "session {session} ended without a result: {}",
                row.error.unwrap_or(row.state)
            )),
            Err(StoreError::NotFound { .. }) => not_found(&format!("there is no result of `{session}`")),
            Err(error) => return Err(error.into()),
        })
    }

    /// The document of a result that exists.
    fn text(&self, session: &str) -> Result<String, Refusal> {
        self.line(session)?;
        Ok(self.store.result_document(session)?)
    }
}

/// Events read at once.
const PART: usize = 4_096;

/// The equity curve, which has at most [`crate::limits::EQUITY_POINTS`].
fn points(stored: &StoredResult<'_>) -> Result<Vec<Value>, Refusal> {
    stored.rows(Part::Equity)?.into_iter().map(|row| stored.parsed(row)).collect()
}

/// Whether an event is one of an order; most are not.
fn is_of_order(line: &str) -> bool {
    #[derive(Deserialize)]
    struct Event {
        order_id: Option<u64>,
    }
    serde_json::from_str::<Event>(line).is_ok_and(|event| event.order_id.is_some())
}

/// Some of the orders of a session, collected from its events.
#[derive(Default)]
struct OrderPage {
    /// Number behind which its orders are.
    behind: Option<u64>,
    limit: usize,
    /// One more than wanted says that there are more.
    orders: BTreeMap<u64, Value>,
    /// Numbers of all orders of the session.
    submitted: BTreeSet<u64>,
}

impl OrderPage {
    /// Takes in the next event.
    fn add(&mut self, event: &Value) {
        let Some(id) = event["order_id"].as_u64() else { return };
        let begins = event["event"] == "order_update" && event["status"] == "submitted";
        if begins && self.submitted.insert(id) && self.behind.is_none_or(|behind| id > behind) {
            self.orders.insert(id, submitted_order(id, event));
            if self.orders.len() > self.limit.saturating_add(1) {
                self.orders.pop_last();
            }
        } else if let Some(order) = self.orders.get_mut(&id) {
            add_to_order(order, event);
        }
    }

    /// Writes the orders, how many there are in all, and where the next part begins.
    fn show(mut self, shown: &mut Value) {
        if self.orders.len() > self.limit {
            self.orders.pop_last();
            shown["next_cursor"] = self.orders.keys().last().map(u64::to_string).into();
        }
        shown["total_count"] = self.submitted.len().into();
        shown["orders"] = self.orders.into_values().collect();
    }
}

/// An order before anything happened to it.
fn submitted_order(id: u64, event: &Value) -> Value {
    let pick = |field: &str| event[field].clone();
    json!({
        "order_id": id, "strategy_id": pick("strategy_id"), "symbol": pick("symbol"), "side": pick("side"),
        "purpose": pick("purpose"), "quantity": pick("quantity"), "limit": pick("limit"), "submitted_at": pick("timestamp"),
        "price": pick("price"), "status": "submitted", "filled_quantity": 0.0, "average_price": null, "fills": [],
    })
}

/// Applies one event to its order: filled in parts, cancelled, rejected.
fn add_to_order(order: &mut Value, event: &Value) {
    match (event["event"].as_str(), event["status"].as_str()) {
        (Some("fill"), _) => fill(order, event),
        // What has filled is more than that the venue has it.
        (Some("order_update"), Some("accepted")) if order["status"] != "submitted" => {}
        (Some("order_update"), Some(status)) => {
            order["status"] = status.into();
            if !event["reason"].is_null() {
                order["reason"] = event["reason"].clone();
            }
        }
        _ => {}
    }
}

fn fill(order: &mut Value, event: &Value) {
    let (quantity, price) =
        (event["quantity"].as_f64().unwrap_or(0.0), event["fill_price"].as_f64().unwrap_or(0.0));
    let before = order["filled_quantity"].as_f64().unwrap_or(0.0);
    let paid = before * order["average_price"].as_f64().unwrap_or(0.0) + quantity * price;
    // Exact decimals: 0.1 and 0.2 are 0.3.
    let filled = (Money::from_f64(before) + Money::from_f64(quantity)).shown();
    order["filled_quantity"] = filled.into();
    if filled > 0.0 {
        order["average_price"] = without_noise(paid / filled).into();
    }
    // Quantities are sums of lots in binary floating point: a remainder below half a millionth is rounding.
    let whole = order["quantity"].as_f64().unwrap_or(f64::MAX);
    order["status"] = if filled >= whole * (1.0 - 5e-7) { "filled" } else { "partially_filled" }.into();
    if let Some(fills) = order["fills"].as_array_mut() {
        fills.push(json!({"timestamp": event["timestamp"], "price": price, "quantity": quantity}));
    }
}

/// Merges neighbouring points: time of the first, equity of the last, lowest low, highest high, deepest
/// drawdown.
pub(super) fn fewer(points: Vec<Value>, most: usize) -> Vec<Value> {
    if points.len() <= most {
        return points;
    }
    let width = points.len().div_ceil(most);
    let merged = |part: &[Value]| {
        let extreme = |name: &str, pick: fn(f64, f64) -> f64| {
            part.iter().filter_map(|point| point[name].as_f64()).reduce(pick)
        };
        let mut point = part.first().cloned().unwrap_or_default();
        point["equity"] = part.last().map_or(Value::Null, |last| last["equity"].clone());
        point["low"] = extreme("low", f64::min).into();
        point["high"] = extreme("high", f64::max).into();
        point["drawdown_pct"] = extreme("drawdown_pct", f64::max).into();
        point
    };
    points.chunks(width).map(merged).collect()
}

fn shown(result: &ResultV3, note: Option<&ResultNoteV1>) -> ResultLine {
    let had_events = result.had_events();
    ResultLine {
        result_id: result.id.clone(),
        session_id: result.session_id.clone(),
        name: note.and_then(|note| note.name.clone()),
        tags: note.map(|note| note.tags.clone()).unwrap_or_default(),
        pinned: note.is_some_and(|note| note.pinned),
        has_notes: note.is_some_and(|note| !note.notes.is_empty()),
        strategies: result
            .strategies
            .iter()
            .map(|one| json!({"id": one.id, "version": one.version, "name": one.name}))
            .collect(),
        symbols: result.symbols.clone(),
        source: result.source.clone(),
        from: had_events.then(|| time(result.from_us)),
        to: had_events.then(|| time(result.to_us)),
        created_at: time(result.created_us),
        digest: result.digest.clone(),
        trades: result.trades,
        win_rate_pct: (result.trades > 0).then(|| 100.0 * result.wins as f64 / result.trades as f64),
        currency: currency(result),
        net_profit: Money(result.net_money).shown(),
        max_drawdown: Money(result.max_drawdown_money).shown(),
        stopped_early: result.stopped_early,
        engine_version: result.engine_version,
    }
}

/// Currency of a result's amounts; `None` when its symbols name none or several.
pub fn currency(result: &ResultV3) -> Option<String> {
    common_quote_currency(result.symbols.iter().map(String::as_str)).map(str::to_owned)
}

fn time(us: i64) -> String {
    Timestamp::from_micros(us).unwrap_or(Timestamp::MAX).rfc3339_millis()
}

fn not_found(message: &str) -> Refusal {
    Refusal::not_found("result_not_found", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_points_keep_every_extreme() {
        let point = |at: usize, low: f64, high: f64| json!({"time": at, "equity": low, "low": low, "high": high, "drawdown_pct": at});
        let all: Vec<Value> =
            (0..1_000).map(|at| point(at, 100.0 - (at % 77) as f64, 100.0 + (at % 91) as f64)).collect();
        for most in [1, 2, 7, 999, 1_000, 5_000] {
            let few = fewer(all.clone(), most);
            assert!(few.len() <= most.min(1_000) && !few.is_empty());
            let lowest = few.iter().filter_map(|point| point["low"].as_f64()).reduce(f64::min);
            let highest = few.iter().filter_map(|point| point["high"].as_f64()).reduce(f64::max);
            assert_eq!((lowest, highest), (Some(24.0), Some(190.0)));
            assert_eq!((&few[0]["time"], &few[few.len() - 1]["equity"]), (&json!(0), &all[999]["equity"]));
        }
    }

    #[test]
    fn an_order_is_what_its_events_say() {
        let mut page = OrderPage { limit: 5, ..OrderPage::default() };
        let events = [
            json!({"event": "order_update", "status": "submitted", "order_id": 1, "quantity": 3.0, "side": "buy"}),
            json!({"event": "fill", "order_id": 1, "quantity": 1.0, "fill_price": 10.0}),
            json!({"event": "signal"}),
            json!({"event": "order_update", "status": "cancel_sent", "order_id": 1}),
            json!({"event": "fill", "order_id": 1, "quantity": 2.0, "fill_price": 13.0}),
            json!({"event": "fill", "order_id": 9, "quantity": 2.0, "fill_price": 13.0}),
        ];
        events.iter().for_each(|event| page.add(event));
        let accepted = json!({"event": "order_update", "status": "accepted", "order_id": 1});
        let mut filled = page.orders[&1].clone();
        add_to_order(&mut filled, &accepted);
        assert_eq!(filled["status"], "filled");
        filled["status"] = json!("submitted");
        add_to_order(&mut filled, &accepted);
        assert_eq!(filled["status"], "accepted");
        let mut cancelled = page.orders[&1].clone();
        add_to_order(
            &mut cancelled,
            &json!({"event": "order_update", "status": "cancelled", "order_id": 1, "reason": "requested"}),
        );
        assert_eq!((&cancelled["status"], &cancelled["reason"]), (&json!("cancelled"), &json!("requested")));
        let order = &page.orders[&1];
        assert_eq!((order["status"].as_str(), order["average_price"].as_f64()), (Some("filled"), Some(12.0)));
        let fill =
            |quantity: f64| json!({"event": "fill", "order_id": 1, "quantity": quantity, "fill_price": 0.3});
        let mut dimes = json!({"quantity": 0.3, "filled_quantity": 0.0, "fills": []});
        [0.1, 0.2].into_iter().for_each(|part| super::fill(&mut dimes, &fill(part)));
        assert_eq!((&dimes["filled_quantity"], &dimes["average_price"]), (&json!(0.3), &json!(0.3)));
        assert_eq!((page.orders.len(), order["fills"].as_array().unwrap().len()), (1, 2));
    }
}
