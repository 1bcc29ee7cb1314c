//! Previews of strategy documents: what one would have done on up to a day of one recorded symbol.
//!
//! A preview is computed for at most [`PREVIEW_MS`] and keeps nothing.

use super::backtest::{self, Input, Paced, RunSettings, StopSignal};
use super::preview_turns::PreviewTurn;
use super::settings::risk_limits;
use super::{Refusal, RefusalKind, Service, SourceError, problems_text, strategies};
use crate::clock::Stopwatch;
use crate::document::result;
use crate::document::strategy::Severity;
use crate::domain::time::{Span, Timestamp};
use crate::limits::{PREVIEW_MARKS, PREVIEW_MS};
use crate::report::fired::Fired;
use crate::report::run::RunResult;
use crate::session::driver::{Flow, Progress};
use serde_json::{Value, json};

/// A day: the most that a preview covers.
const DAY: Span = Span::from_seconds(86_400);

/// What to preview.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PreviewRequest {
    /// The strategy document, JSON.
    pub document: Vec<u8>,
    /// Recording.
    pub recording: String,
    /// Symbol, in either spelling.
    pub symbol: String,
    /// First moment; the last day of the symbol's data when it is left out.
    pub from: Option<Timestamp>,
}

/// How a preview ended.
struct Ran {
    result: RunResult,
    from: Timestamp,
    to: Timestamp,
    reached: Timestamp,
    ticks: u64,
    is_complete: bool,
    took: Span,
}

impl Service {
    /// The signals and trades of a document on up to a day of one recorded symbol, with the marks of a chart.
    ///
    /// # Errors
    /// `invalid_strategy` with every problem, `recording_not_found`, `symbol_not_found`, `invalid_request`
    /// for data that the strategy cannot run on, `preview_superseded` when the user's next preview has begun.
    pub fn preview(&self, turn: &PreviewTurn, request: &PreviewRequest) -> Result<Value, Refusal> {
        if turn.is_over() {
            return Err(superseded());
        }
        let strategies = [compiled(&request.document)?];
        let symbol = self.recordings.spelled(&request.recording, &request.symbol)?;
        let _lease = self.recordings.hold(&request.recording, &format!("a preview of {}", turn.user()));
        let mut settings = RunSettings {
            symbols: vec![symbol],
            limits: risk_limits(&self.settings.current().trading.risk),
            ..RunSettings::default()
        };
        let sources = backtest::find(Input::Recording(&self.store, &request.recording), &settings)?;
        let (first, last) = sources[0].span.ok_or_else(|| no_rows(&request.symbol))?;
        let from = request.from.unwrap_or(last - DAY).max(first);
        let to = (from + DAY).min(last + Span::from_nanos(1));
        (settings.from, settings.to) = (Some(from), Some(to));
        let runs = backtest::plan(&settings, &sources, &strategies)?;
        let run = runs.first().ok_or_else(|| no_rows(&request.symbol))?;
        let ran = compute(run, turn.stop(), from, to)?;
        if turn.is_over() {
            return Err(superseded());
        }
        Ok(shown(&ran, request, &run.short_data()))
    }
}

fn compute(
    run: &backtest::Run<'_>,
    stop: &StopSignal,
    from: Timestamp,
    to: Timestamp,
) -> Result<Ran, SourceError> {
    let watch = Stopwatch::start();
    let mut driver = run.build();
    let mut feed: Paced<'_> = run.feed(&driver, stop)?;
    let mut collector = run.collector(&mut driver);
    let mut reached = Progress { ticks: 0, at: from };
    let mut is_complete = true;
    let ended = driver.run(&mut feed, &mut collector, &mut |progress| {
        reached = progress;
        is_complete = watch.elapsed() < Span::from_millis(PREVIEW_MS);
        if is_complete { Flow::Continue } else { Flow::Stop }
    });
    ended.map_err(|error| SourceError::Input(error.to_string()))?;
    let result = run.result(driver, collector, Vec::new());
    let Progress { ticks, at } = reached;
    Ok(Ran { result, from, to, reached: at, ticks, is_complete, took: watch.elapsed() })
}

fn compiled(document: &[u8]) -> Result<strategies::Loaded, Refusal> {
    let mut loaded = strategies::compile("preview", None, document).map_err(|problems| {
        let errors = problems.into_iter().filter(|problem| problem.severity == Severity::Error);
        let errors: Vec<(String, String)> = errors.map(|problem| (problem.path, problem.problem)).collect();
        let message = format!("the strategy cannot be used: {}", problems_text(&errors));
        Refusal::invalid("invalid_strategy", message, errors)
    })?;
    // Sentences about a strategy begin with its id, and one that is being written has only a name.
    loaded.label.id.clone_from(&loaded.label.name);
    Ok(loaded)
}

fn shown(ran: &Ran, request: &PreviewRequest, warnings: &[String]) -> Value {
    let run = &ran.result;
    let mut all = result::result(run);
    let mut part = |name: &str| all.get_mut(name).map(Value::take).unwrap_or_default();
    let (mut trades, fired) = (part("trades"), part("sections_fired"));
    let trade_count = run.summary.trades.len();
    if let Some(trades) = trades.as_array_mut() {
        trades.truncate(PREVIEW_MARKS);
    }
    let wins = run.summary.trades.iter().filter(|trade| trade.net().0 > 0).count();
    json!({
        "recording_id": request.recording,
        "symbol": run.symbols.first().map(|spec| &spec.name),
        "from": ran.from.rfc3339_millis(),
        "to": ran.to.rfc3339_millis(),
        "reached": ran.reached.rfc3339_millis(),
        "complete": ran.is_complete,
        "events": ran.ticks,
        "elapsed_ms": ran.took.nanos() as f64 / 1e6,
        "counts": {
            "signals": run.signals_count(), "trades": trade_count, "wins": wins, "sections": fired,
        },
        "currency": part("currency"),
        "net_profit": (run.summary.final_equity - run.summary.initial).shown(),
        "no_trade_reason": part("no_trade_reason"),
        "marks": run.fired.listed().iter().take(PREVIEW_MARKS).map(|fired| mark(run, fired)).collect::<Vec<_>>(),
        "marks_complete": run.fired.total() <= PREVIEW_MARKS as u64 && trade_count <= PREVIEW_MARKS,
        "trades": trades,
        "refusals": part("refusals"),
        "warnings": warnings,
    })
}

/// A section that became true and moved the strategy.
fn mark(run: &RunResult, fired: &Fired) -> Value {
    let price = run.symbols.get(fired.symbol.index()).zip(fired.price);
    json!({
        "time": fired.at.rfc3339_millis(),
        "section": fired.section.as_str(),
        "price": price.map(|(spec, price)| spec.price_f64(price)),
    })
}

fn no_rows(symbol: &str) -> Refusal {
    let problem = format!("{symbol} has no rows in this recording: choose another symbol or recording");
    Refusal::invalid("invalid_request", problem.clone(), vec![("/symbol".to_owned(), problem)])
}

fn superseded() -> Refusal {
    let message = "your next preview has begun, so this one was ended";
    Refusal::new(RefusalKind::Conflict, "preview_superseded", message)
}
