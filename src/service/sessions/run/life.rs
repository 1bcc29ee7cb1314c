//! The life of a session's thread, from the first event to the transaction that ends it.
//!
//! Whatever happens inside, a bug included, the session ends in the store and the daemon goes on.

use super::outcome::{Exit, Failure, RunOutcome};
use super::recorder::SessionRecorder;
use super::running::Running;
use super::watcher::Watcher;
use crate::service::backtest::{self, Input};
use crate::service::sessions::market::live::{LiveTrading, Outbox};
use crate::service::sessions::market::market_run::MarketContext;
use crate::service::sessions::market::trading_ports::PaperTrading;
use crate::service::sessions::start::plan::{Plan, Rows};
use crate::service::sessions::start::request::SessionKind;
use crate::session::driver::Recorder;
use crate::store::Store;
use std::any::Any;
use std::cell::OnceCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

impl Running {
    /// The whole life of the thread.
    pub(in crate::service::sessions) fn run(
        self: &Arc<Self>,
        plan: &Plan,
        store: &Store,
        context: Option<MarketContext<'_>>,
    ) -> Exit {
        self.begin_run();
        // Outlives the run, so that a failure keeps the rows on which it happened.
        let (mut journal, inbox) = (None, OnceCell::new());
        let outcome = catch_unwind(AssertUnwindSafe(|| match (&plan.rows, context) {
            (Rows::Recording(recording), _) => self.run_backtest(plan, recording, store),
            (Rows::Market { .. }, Some(context)) if plan.kind == SessionKind::Collect => {
                self.collect(plan, context, &mut journal)
            }
            (Rows::Market { .. }, Some(context)) if plan.kind == SessionKind::Live => {
                let trading = LiveTrading {
                    outbox: Outbox::default(),
                    allowed: Arc::clone(&self.allowed),
                    exposures: context.exposures,
                    store: context.store,
                };
                self.trade(trading, plan, context, (&mut journal, &inbox))
            }
            (Rows::Market { .. }, Some(context)) => {
                self.trade(PaperTrading, plan, context, (&mut journal, &inbox))
            }
            (Rows::Market { .. }, None) => Err(Failure::Other("there is no market".to_owned())),
        }));
        let outcome = outcome.unwrap_or_else(|panic| {
            Err(Failure::Other(format!(
                "a defect ended the run; please report this: {}",
                panic_text(&*panic)
            )))
        });
        // Storing the end could be what panics.
        let stored = catch_unwind(AssertUnwindSafe(|| self.end(plan, store, outcome, journal)));
        stored.unwrap_or_else(|panic| {
            self.fail_unsaved(&format!("the end could not be stored: {}", panic_text(&*panic)));
            Exit::Ended
        })
    }

    /// The run itself: the result and whether it was stopped.
    fn run_backtest(&self, plan: &Plan, recording: &str, store: &Store) -> Result<RunOutcome, Failure> {
        let text = |error: crate::service::SourceError| error.to_string();
        let sources = backtest::find(Input::Recording(store, recording), &plan.settings).map_err(text)?;
        let runs = backtest::plan(&plan.settings, &sources, &plan.strategies).map_err(text)?;
        let run = runs.first().ok_or_else(|| "the recording is empty".to_owned())?;
        let mut driver = run.sharing(Arc::clone(&self.table));
        let mut feed = run.feed(&driver, &self.control).map_err(text)?;
        let mut recorder = SessionRecorder::new(run, &mut driver, &self.stream, &self.progress, plan);
        if driver.table().version != self.first_table.version {
            // Changed between the start and the first event.
            recorder.symbol_table(driver.table(), driver.progress());
        }
        let mut watcher = Watcher::new(self, plan.settings.speed > 0.0);
        let ended = driver.run(&mut feed, &mut recorder, &mut |progress| watcher.see(progress));
        watcher.last(driver.progress());
        if let Some(error) = self.stream.failure() {
            return Err(Failure::Other(format!("its events could not be written: {error}")));
        }
        ended.map_err(|error| error.to_string())?;
        let mut noted = recorder.noted;
        if feed.was_cut() {
            noted.push(
                "the session was stopped before the end of its data; open positions were closed there"
                    .to_owned(),
            );
        }
        let result = run.result(driver, recorder.collector, noted);
        Ok(RunOutcome::Ended { run: Some(Box::new(result)), stopped: feed.was_cut() })
    }
}

/// Message of a panic.
fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
