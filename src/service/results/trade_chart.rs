//! What a chart of one trade shows: the ticks around it, and what every condition compared with its
//! threshold.
//!
//! Nothing of it is stored; the recording is run again ([decision 7]), with the version of the strategy that
//! traded. Values of the position are left out, because they depend on the account of the whole session.
//!
//! [decision 7]: ../../../docs/adr/007-explain-by-running-again.md

use super::{Part, Results, StoredResult};
use crate::clock::Stopwatch;
use crate::domain::decision::{Evidence, SectionName};
use crate::domain::order::Side;
use crate::domain::strategy::{Operand, StrategyDef};
use crate::domain::symbol::SymbolTable;
use crate::domain::time::{Span, Timestamp};
use crate::engine::output::Outputs;
use crate::limits::{CHART_MS, CHART_SAMPLES, CHART_TICKS};
use crate::report::reason::Checked;
use crate::service::backtest::{self, Input, ReplayClock, Run, RunSettings};
use crate::service::strategies::{self, Loaded};
use crate::service::{Refusal, SourceError};
use crate::session::driver::{Driver, Recorder};
use crate::session::ports::{Chunk, Tick, TickKind};
use crate::store::records::ResultV3;
use serde_json::{Value, json};

/// A trade of a result and what it came from.
struct Traded {
    trade: Value,
    recording: String,
    strategy: Loaded,
    side: Side,
    /// Where the run began.
    start: Timestamp,
    clock: ReplayClock,
}

/// What was seen in the window of the chart.
struct ChartWindow {
    from: Timestamp,
    to: Timestamp,
    step: Span,
    times: Vec<Timestamp>,
    /// One list per time.
    conditions: Vec<Vec<Checked>>,
    ticks: Vec<Value>,
    more_ticks: u64,
    is_complete: bool,
}

/// The run's own decisions are not looked at.
struct Quiet;

impl Recorder for Quiet {
    fn outputs(&mut self, _: &Outputs) {}
}

impl Results {
    /// ```text
    /// {"trade", "from", "to", "step_seconds", "times": […], "conditions": [{"id", "section", "indicator",
    ///   "operator", "threshold", "threshold_high", "values": […], "met": […]}],
    ///   "ticks": [{"time", "price", "quantity", "side"}], "ticks_complete", "complete"}
    /// ```
    /// From `margin` before the entry to `margin` after the exit. A value is null where the indicator had
    /// none. It is not `complete` when running to the end of the window takes longer than [`CHART_MS`].
    ///
    /// # Errors
    /// `trade_not_found`, `chart_unavailable` when recording or strategy are not kept; else as
    /// [`Results::of_session`].
    pub fn trade_chart(&self, session: &str, trade: &str, margin: Span) -> Result<Value, Refusal> {
        let traded = self.traded(session, trade)?;
        let time = |field: &str| traded.trade[field].as_str().and_then(Timestamp::parse);
        let (entry, exit) = time("entry_time")
            .zip(time("exit_time"))
            .ok_or_else(|| unavailable(format!("trade {trade} has no times")))?;
        let symbol = traded.trade["symbol"].as_str().unwrap_or_default().to_owned();
        let settings = RunSettings {
            symbols: vec![symbol],
            from: Some(traded.start),
            clock: traded.clock,
            ..RunSettings::default()
        };
        let sources = backtest::find(Input::Recording(&self.store, &traded.recording), &settings)?;
        let runs = backtest::plan(&settings, &sources, std::slice::from_ref(&traded.strategy))?;
        let run =
            runs.first().ok_or_else(|| unavailable("the recording has no rows of its symbol".to_owned()))?;
        let seen = look(run, traded.side, (entry - margin).max(traded.start), exit + margin)?;
        Ok(seen.shown(traded.trade))
    }

    fn traded(&self, session: &str, trade: &str) -> Result<Traded, Refusal> {
        let line = self.line(session)?;
        let text = self.store.result_document(session)?;
        let result = StoredResult::read(session, &text)?;
        let missing = || Refusal::not_found("trade_not_found", format!("{session} has no trade {trade}"));
        let number: usize = trade.parse().map_err(|_| missing())?;
        let trades = result.rows(Part::Trades)?;
        let trade = result.parsed(trades.get(number.wrapping_sub(1)).ok_or_else(missing)?)?;
        let id = trade["strategy"].as_str().unwrap_or_default();
        let version = line.strategies.iter().find(|one| one.id == id).map_or(0, |one| one.version);
        let kept = self.store.strategy_version(id, version).map_err(|_| {
            unavailable(format!(
                "version {version} of {id} is not in the store: the run used a document from a file"
            ))
        })?;
        let strategy = strategies::compile(id, Some(version), kept.document.as_bytes())
            .map_err(|_| unavailable(format!("version {version} of {id} does not validate any more")))?;
        let is_short = trade["side"] == "short";
        let settings = result.value("settings")?;
        let clock = &settings["clock"];
        Ok(Traded {
            recording: self.replayed(&line)?,
            strategy,
            side: if is_short { Side::Sell } else { Side::Buy },
            start: result.value("start")?.as_str().and_then(Timestamp::parse).unwrap_or(Timestamp::MIN),
            clock: if clock == "receive" { ReplayClock::Receive } else { ReplayClock::Exchange },
            trade,
        })
    }

    /// The recording that a result ran on; of a session on a market, the one that it made.
    fn replayed(&self, line: &ResultV3) -> Result<String, Refusal> {
        let row = line.session_id.as_ref().and_then(|id| self.store.session(id).ok());
        let made = row.and_then(|row| row.input_recording_id.or(row.recording_id));
        let id = made.unwrap_or_else(|| line.source.clone());
        match self.store.recording(&id) {
            Ok(_) => Ok(id),
            Err(_) => Err(unavailable(format!("its recording {id} is not in the store any more"))),
        }
    }
}

/// Runs to the end of the window and looks at all conditions at every step of it.
fn look(run: &Run<'_>, side: Side, from: Timestamp, to: Timestamp) -> Result<ChartWindow, SourceError> {
    let watch = Stopwatch::start();
    let mut driver = run.build();
    let found =
        driver.engine().instances().iter().find(|instance| instance.side == side).map(|one| one.index);
    let Some(instance) = found else {
        return Err(SourceError::Input("the strategy does not trade that side".to_owned()));
    };
    let mut feed = run.feed_until(to + Span::from_nanos(1), &driver)?;
    let step = Span::from_seconds(((to - from).nanos() / 1_000_000_000 / CHART_SAMPLES + 1).max(1));
    let def = run.defs().swap_remove(0);
    let mut seen = ChartWindow::new(from, to, step);
    let (table, mut chunk) = (driver.table().clone(), Chunk::default());
    let (mut next, mut has_begun) = (from, false);
    while feed.next(&mut chunk).map_err(|error| SourceError::Input(error.to_string()))? {
        for tick in chunk.ticks() {
            while next < tick.at && next <= to {
                if has_begun {
                    seen.sample(&mut driver, &def, instance, next);
                }
                next = next + step;
            }
            driver.tick(&chunk, tick, &mut Quiet);
            has_begun = true;
            seen.tick(&table, tick);
        }
        if watch.elapsed() > Span::from_millis(CHART_MS) {
            seen.is_complete = false;
            return Ok(seen);
        }
    }
    while has_begun && next <= to {
        seen.sample(&mut driver, &def, instance, next);
        next = next + step;
    }
    Ok(seen)
}

impl ChartWindow {
    fn new(from: Timestamp, to: Timestamp, step: Span) -> Self {
        let (times, conditions, ticks) = (Vec::new(), Vec::new(), Vec::new());
        ChartWindow { from, to, step, times, conditions, ticks, more_ticks: 0, is_complete: true }
    }

    fn sample(&mut self, driver: &mut Driver, def: &StrategyDef, instance: u32, at: Timestamp) {
        driver.wait_until(at, &mut Quiet);
        let table = driver.table().clone();
        let mut evidence = driver.engine().conditions(&table, instance, at);
        evidence.retain(|one| is_of_the_market(one, def));
        self.times.push(at);
        self.conditions.push(Checked::all(&evidence, def));
    }

    fn tick(&mut self, table: &SymbolTable, tick: &Tick) {
        let TickKind::Trade(trade) = tick.kind else { return };
        if tick.at < self.from {
            return;
        }
        if self.ticks.len() >= CHART_TICKS {
            self.more_ticks += 1;
            return;
        }
        let spec = table.spec(tick.symbol);
        self.ticks.push(json!({
            "time": tick.at.to_string(), "price": spec.price_f64(trade.price), "quantity": spec.shown_quantity(trade.qty),
            "side": trade.taker.as_str(),
        }));
    }

    fn shown(self, trade: Value) -> Value {
        let first = self.conditions.first().map_or(&[][..], Vec::as_slice);
        let series = first.iter().enumerate().map(|(index, condition)| {
            let all = || self.conditions.iter().filter_map(move |at| at.get(index));
            let thresholds: Vec<Option<f64>> = all().map(|one| one.threshold).collect();
            let is_constant = thresholds.windows(2).all(|pair| pair[0] == pair[1]);
            json!({
                "id": condition.id, "section": condition.section.as_str(), "indicator": condition.indicator,
                "operator": condition.operator, "threshold_high": condition.threshold_high,
                "threshold": if is_constant { json!(condition.threshold) } else { Value::Null },
                "thresholds": if is_constant { Value::Null } else { json!(thresholds) },
                "values": all().map(|one| one.value.ok()).collect::<Vec<_>>(),
                "met": all().map(|one| one.met).collect::<Vec<_>>(),
            })
        });
        let conditions: Vec<Value> = series.collect();
        json!({
            "trade": trade,
            "from": self.from.rfc3339_millis(),
            "to": self.to.rfc3339_millis(),
            "step_seconds": self.step.seconds_f64(),
            "times": self.times.iter().map(|at| at.rfc3339_millis()).collect::<Vec<_>>(),
            "conditions": conditions,
            "ticks": self.ticks,
            "ticks_complete": self.more_ticks == 0,
            "complete": self.is_complete,
        })
    }
}

/// Whether a condition compares a value of the market.
fn is_of_the_market(evidence: &Evidence, def: &StrategyDef) -> bool {
    let section: SectionName = evidence.section;
    let condition = def.section(section).conditions().into_iter().nth(usize::from(evidence.condition));
    condition.is_some_and(|condition| matches!(condition.operand, Operand::Market(_)))
}

fn unavailable(why: String) -> Refusal {
    let message = format!("the trade cannot be shown tick by tick: {why}");
    Refusal::conflict("chart_unavailable", message)
}
