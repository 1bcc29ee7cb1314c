//! One session that runs: its thread, from the first event to the transaction that ends it.
//!
//! Whatever happens inside, a bug included, the session ends in the store and the daemon goes on.

use super::State;
use super::live::{Live, RateMark};
use super::plan::Plan;
use super::recorder::SessionRecorder;
use super::stream::{Class, EventStream};
use crate::clock::{self, Stopwatch};
use crate::document::result;
use crate::domain::symbol::SymbolTable;
use crate::domain::time::{Span, Timestamp};
use crate::report::html;
use crate::report::run::RunResult;
use crate::service::backtest::{self, Control, GENERATOR, Input};
use crate::service::in_use::Hold;
use crate::session::backtest::{Flow, Progress, Recorder};
use crate::store::records::{SessionReachedV2, SessionRow};
use crate::store::{NewResult, Store};
use arc_swap::ArcSwap;
use serde_json::json;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Between two prices of one symbol that are shown.
const PRICES_EVERY: Span = Span::from_millis(100);
/// Between two `session_progress`.
const PROGRESS_EVERY: Span = Span::from_millis(500);

/// A session that runs.
pub(super) struct Running {
    pub id: String,
    pub fingerprint: String,
    pub control: Control,
    pub live: Live,
    pub stream: EventStream,
    pub table: Arc<ArcSwap<SymbolTable>>,
    /// Version of the table that the request and the configuration of its time gave.
    first_version: u64,
    status: Mutex<Status>,
    changed: Condvar,
    hold: Mutex<Option<Hold>>,
}

struct Status {
    row: SessionRow,
    state: State,
    ended: bool,
}

impl Running {
    pub(super) fn new(row: SessionRow, plan: &Plan, table: SymbolTable, stream: EventStream, hold: Hold) -> Self {
        Running {
            id: row.id.clone(),
            fingerprint: plan.fingerprint.clone(),
            control: Control::default(),
            live: Live::new(plan.span, table.len()),
            stream,
            first_version: table.version,
            table: Arc::new(ArcSwap::from_pointee(table)),
            status: Mutex::new(Status { row, state: State::Starting, ended: false }),
            changed: Condvar::new(),
            hold: Mutex::new(Some(hold)),
        }
    }

    fn status(&self) -> MutexGuard<'_, Status> {
        // Every change is complete before anything can panic.
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The row with the figures of now, and the state.
    pub(super) fn row(&self) -> (SessionRow, State) {
        let status = self.status();
        let mut row = status.row.clone();
        if !status.ended {
            row.reached = self.reached();
        }
        (row, status.state)
    }

    pub(super) fn is_ended(&self) -> bool {
        self.status().ended
    }

    /// Asks it to end.
    pub(super) fn stop(&self) {
        self.control.stop();
        let mut status = self.status();
        if matches!(status.state, State::Starting | State::Running) {
            status.state = State::Stopping;
            drop(status);
            self.stream.add(Class::Life, "session_status", None, json!({"status": State::Stopping, "timestamp": now()}));
        }
    }

    /// Waits until it has ended; whether it has.
    pub(super) fn wait(&self, span: Span) -> bool {
        let span = Duration::from_nanos(span.nanos().max(0).unsigned_abs());
        let waited = self.changed.wait_timeout_while(self.status(), span, |status| !status.ended);
        waited.unwrap_or_else(PoisonError::into_inner).0.ended
    }

    /// The whole life of the thread.
    pub(super) fn run(&self, plan: &Plan, store: &Store) {
        let started = clock::now();
        {
            let mut status = self.status();
            status.row.started_us = Some(started.micros());
            if status.state == State::Starting {
                status.state = State::Running;
            }
        }
        self.stream.add(Class::Life, "session_status", None, json!({"status": State::Running, "timestamp": now()}));
        let outcome = catch_unwind(AssertUnwindSafe(|| self.replay(plan, store)));
        let outcome = outcome.unwrap_or_else(|panic| Err(format!("a defect ended the run; please report this: {}", said(&*panic))));
        // Storing the end could be what panics.
        let stored = catch_unwind(AssertUnwindSafe(|| self.end(plan, store, outcome)));
        if let Err(panic) = stored {
            self.fail_unsaved(&format!("the end could not be stored: {}", said(&*panic)));
        }
    }

    /// The run itself: the result and whether it was stopped.
    fn replay(&self, plan: &Plan, store: &Store) -> Result<(RunResult, bool), String> {
        let text = |error: crate::service::SourceError| error.to_string();
        let sources = backtest::find(Input::Recording(store, &plan.recording), &plan.settings).map_err(text)?;
        let runs = backtest::plan(&plan.settings, &sources, &plan.strategies).map_err(text)?;
        let run = runs.first().ok_or("the recording is empty")?;
        let mut backtest = run.sharing(Arc::clone(&self.table));
        let collector = run.collector(&mut backtest);
        let mut feed = run.feed(&backtest, &self.control).map_err(text)?;
        let mut recorder = SessionRecorder {
            collector,
            stream: &self.stream,
            live: &self.live,
            table: Arc::new(backtest.table().clone()),
            defs: run.defs(),
            strategies: backtest.engine().instances().iter().map(|instance| instance.strategy).collect(),
            shows_prices: plan.settings.speed > 0.0,
            noted: plan.warnings.clone(),
            changes: 0,
        };
        if backtest.table().version != self.first_version {
            // Changed between the start and the first event.
            recorder.symbol_table(backtest.table(), backtest.progress());
        }
        let mut watcher = Watcher::new(self, plan.settings.speed > 0.0);
        let ended = backtest.run(&mut feed, &mut recorder, &mut |progress| watcher.see(progress));
        watcher.last(backtest.progress());
        if let Some(error) = self.stream.failure() {
            return Err(format!("its events could not be written: {error}"));
        }
        ended.map_err(|error| error.to_string())?;
        let mut noted = recorder.noted;
        if feed.was_cut() {
            noted.push("the session was stopped before the end of its data; open positions were closed there".to_owned());
        }
        Ok((run.result(backtest, recorder.collector, noted), feed.was_cut()))
    }

    /// The last events, state, result and statistics in one transaction.
    fn end(&self, plan: &Plan, store: &Store, outcome: Result<(RunResult, bool), String>) {
        let ended = clock::now();
        let (state, event, error) = match &outcome {
            Ok((_, true)) => (State::Stopped, "session_stopped", None),
            Ok((_, false)) => (State::Completed, "session_completed", None),
            Err(why) => (State::Failed, "session_failed", Some(why.clone())),
        };
        self.stream.hold();
        for strategy in &plan.strategies {
            let fields = json!({"strategy_id": strategy.label.id, "timestamp": ended.rfc3339_millis()});
            self.stream.add(Class::Life, "strategy_deactivated", None, fields);
        }
        let result = outcome.ok().map(|(run, stopped)| self.result(&run, stopped, ended));
        let mut row = self.status().row.clone();
        row.state = state.word().to_owned();
        row.ended_us = Some(ended.micros());
        row.error = error;
        row.result_id = result.as_ref().map(|new| new.result.id.clone());
        row.reached = self.reached();
        if state == State::Completed {
            row.reached.progress_ppm = row.reached.progress_ppm.map(|_| 1_000_000);
        }
        let fields = json!({
            "status": state, "timestamp": ended.rfc3339_millis(), "result_id": row.result_id, "error_message": row.error,
            "ticks": row.reached.ticks, "signals": row.reached.signals, "orders": row.reached.orders, "fills": row.reached.fills,
            "trades": row.reached.trades,
        });
        self.stream.add(Class::Life, event, None, fields);
        let rest = self.stream.rest();
        (row.reached.events, row.reached.events_not_kept) = self.counts();
        match store.finish_session(&row, &rest, result) {
            Ok(()) => {
                self.stream.written();
                let mut status = self.status();
                (status.row, status.state) = (row, state);
                drop(status);
                self.stream.release();
            }
            Err(error) => self.fail_unsaved(&format!("its end could not be stored: {error}")),
        }
    }

    fn result(&self, run: &RunResult, stopped: bool, ended: Timestamp) -> NewResult {
        let one = std::slice::from_ref(run);
        NewResult {
            result: backtest::summary(self.id.clone(), Some(self.id.clone()), stopped, run, ended),
            document: result::document(one, GENERATOR).to_string(),
            report: html::page(one, &format!("{} {}", GENERATOR.name, GENERATOR.version)),
            // A part of the data says nothing about the whole.
            outcomes: if stopped { Vec::new() } else { backtest::outcomes(run) },
        }
    }

    /// In memory only: the store does not take it. After a restart it is found as orphaned.
    fn fail_unsaved(&self, why: &str) {
        let mut status = self.status();
        status.state = State::Failed;
        status.row.error = Some(why.to_owned());
        status.row.ended_us = Some(clock::now().micros());
        status.row.reached = self.reached();
        drop(status);
        self.stream.forget();
        let fields = json!({"status": State::Failed, "timestamp": clock::now().rfc3339_millis(), "error_message": why});
        self.stream.publish(Class::Life, "session_failed", None, fields);
    }

    /// Lets everybody who waits go on. What the session stood on is free.
    pub(super) fn close(&self) {
        drop(self.hold.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.status().ended = true;
        self.changed.notify_all();
        self.stream.end();
    }

    fn counts(&self) -> (u64, u64) {
        let counts = self.stream.counts();
        (counts.kept, counts.not_kept)
    }

    fn reached(&self) -> SessionReachedV2 {
        let live = &self.live;
        let (events, events_not_kept) = self.counts();
        SessionReachedV2 {
            progress_ppm: live.progress_ppm(),
            simulated_us: live.at().map(Timestamp::micros),
            ticks: live.ticks(),
            signals: live.signals.load(Ordering::Relaxed),
            orders: live.orders.load(Ordering::Relaxed),
            fills: live.fills.load(Ordering::Relaxed),
            trades: live.trades.load(Ordering::Relaxed),
            events,
            events_not_kept,
        }
    }
}

/// What is done once per batch of events.
struct Watcher<'a> {
    session: &'a Running,
    mark: RateMark,
    shows_prices: bool,
    prices: Stopwatch,
    shown: Vec<Timestamp>,
    progress: Stopwatch,
}

impl<'a> Watcher<'a> {
    fn new(session: &'a Running, shows_prices: bool) -> Self {
        let shown = vec![Timestamp::MIN; session.table.load().len()];
        Watcher { session, mark: RateMark::new(), shows_prices, prices: Stopwatch::start(), shown, progress: Stopwatch::start() }
    }

    fn see(&mut self, progress: Progress) -> Flow {
        let session = self.session;
        session.live.reach(progress, &mut self.mark);
        session.stream.write_if_due();
        if session.stream.has_failed() {
            return Flow::Stop;
        }
        if self.shows_prices && self.prices.elapsed() >= PRICES_EVERY {
            self.prices = Stopwatch::start();
            self.show_prices();
        }
        if self.progress.elapsed() >= PROGRESS_EVERY {
            self.progress = Stopwatch::start();
            let live = &session.live;
            let fields = json!({
                "progress": live.progress_ppm().map(|ppm| f64::from(ppm) / 10_000.0),
                "simulated_time": live.at().map(|at| at.to_string()),
                "ticks": live.ticks(),
                "events_per_second": live.events_per_second(),
                "eta_seconds": live.eta_seconds(),
            });
            session.stream.publish(Class::Life, "session_progress", None, fields);
        }
        Flow::Continue
    }

    fn last(&mut self, progress: Progress) {
        if progress.ticks > 0 {
            self.session.live.reach(progress, &mut self.mark);
        }
    }

    fn show_prices(&mut self) {
        let table = self.session.table.load();
        for (symbol, spec) in table.iter() {
            let Some((price, at)) = self.session.live.last_price(symbol) else { continue };
            if at > self.shown[symbol.index()] {
                self.shown[symbol.index()] = at;
                let fields = json!({"price": spec.price_f64(price), "timestamp": at.to_string()});
                self.session.stream.publish_price(&spec.name, fields);
            }
        }
    }
}

/// The time of now as the API shows it.
fn now() -> String {
    clock::now().rfc3339_millis()
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
