//! How a session ends: its last events, state and result in one transaction, or why that could not be stored.

use super::event_sink::Class;
use super::outcome::{Exit, Failure, RunOutcome};
use super::running::Running;
use super::state::SessionState;
use crate::clock;
use crate::document::result;
use crate::domain::time::{Span, Timestamp};
use crate::report::html;
use crate::report::run::RunResult;
use crate::service::backtest::{self, GENERATOR};
use crate::service::sessions::market::journal::Journal;
use crate::service::sessions::market::recovery::fail_session;
use crate::service::sessions::start::plan::Plan;
use crate::service::sessions::start::request::SessionKind;
use crate::store::records::SessionRow;
use crate::store::{EventSegment, NewResult, Store, StoreError};
use serde_json::json;

impl Running {
    /// The last events, state, result and statistics in one transaction.
    pub(super) fn end(
        &self,
        plan: &Plan,
        store: &Store,
        outcome: Result<RunOutcome, Failure>,
        journal: Option<Journal>,
    ) -> Exit {
        let ended = clock::now();
        // Waits for the commit under way, so its events are published before the last ones are collected.
        let outcome = match journal.as_ref().map(Journal::settle) {
            Some(Err(error)) => Err(Failure::Store(error)),
            _ => outcome,
        };
        let (run, stopped, error) = match outcome {
            Ok(RunOutcome::Ended { run, stopped }) => (run, stopped, None),
            Ok(RunOutcome::Suspended) => {
                // What came behind the last commit becomes no event.
                self.stream.raise_held(Span::ZERO);
                return Exit::Suspended;
            }
            Err(Failure::Store(error)) if error.may_pass() => return self.exit_stalled(error),
            Err(Failure::Unread(_)) if self.survives_a_restart() => {
                return self.exit_stalled(StoreError::ReadOnly("reading the journal of a session"));
            }
            // What cannot be read now may be there when the disk works again.
            Err(_) if self.survives_a_restart() && store.failure().is_some() => {
                return self.exit_stalled(StoreError::ReadOnly("running a session"));
            }
            Err(Failure::Store(error)) => {
                (None, false, Some(format!("its journal could not be written: {error}")))
            }
            Err(Failure::Unread(why) | Failure::Other(why)) => (None, false, Some(why)),
        };
        let (state, event) = match (&error, stopped) {
            (Some(_), _) => (SessionState::Failed, "session_failed"),
            (None, true) => (SessionState::Stopped, "session_stopped"),
            (None, false) => (SessionState::Completed, "session_completed"),
        };
        self.stream.hold();
        self.stream.tell_left_out(&ended.rfc3339_millis());
        for strategy in &plan.strategies {
            let fields = json!({"strategy_id": strategy.label.id, "timestamp": ended.rfc3339_millis()});
            self.stream.add(Class::Life, "strategy_deactivated", None, fields);
        }
        let result = run.map(|run| self.result(plan, &run, stopped, ended));
        let mut row = self.row().0;
        row.state = state.as_str().to_owned();
        row.ended_us = Some(ended.micros());
        row.error = error;
        row.result_id = result.as_ref().map(|new| new.result.id.clone());
        row.reached = self.reached();
        if state == SessionState::Completed {
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
        match self.finish(store, &row, &rest, result, journal) {
            Ok(()) => {
                self.stream.written();
                self.adopt(row, state);
                self.stream.release();
                Exit::Ended
            }
            Err(error) if error.may_pass() && self.survives_a_restart() => self.exit_stalled(error),
            Err(error) => {
                let why = format!("its end could not be stored: {error}");
                let _publishing = self.stream.publishing();
                // Without its rows and events, which are what could not be stored.
                match fail_session(store, self.row().0, &why, ended).and_then(|()| store.session(&self.id)) {
                    Ok(row) => {
                        self.stream.forget();
                        self.adopt_end(row);
                    }
                    Err(_) => self.fail_unsaved(&why),
                }
                Exit::Ended
            }
        }
    }

    /// Nothing that is not on disk was published, and nothing of it will be.
    fn exit_stalled(&self, error: StoreError) -> Exit {
        self.stream.forget();
        self.stall(&error);
        Exit::Stalled(error)
    }

    /// Stores the end of the session, with that of its recording when it made one. One without a journal has
    /// nothing to go on from, so it waits while the disk refuses, until the daemon ends.
    fn finish(
        &self,
        store: &Store,
        row: &SessionRow,
        rest: &EventSegment,
        result: Option<NewResult>,
        journal: Option<Journal>,
    ) -> Result<(), StoreError> {
        if let Some(journal) = journal {
            return journal.finish(row, rest, result);
        }
        while let Err(error) = store.finish_session(row, rest, result.clone()) {
            if self.survives_a_restart() || !error.may_pass() || self.is_suspending() {
                return Err(error);
            }
            self.pause_while_refused(&error);
        }
        // What was recorded before it failed is whole as far as it goes.
        row.input_recording_id.as_ref().map_or(Ok(()), |recording| store.complete_recording(recording))
    }

    fn result(&self, plan: &Plan, run: &RunResult, stopped: bool, ended: Timestamp) -> NewResult {
        let one = std::slice::from_ref(run);
        NewResult {
            result: backtest::summary(self.id.clone(), Some(self.id.clone()), stopped, run, ended),
            document: result::document(one, GENERATOR).to_string(),
            report: html::page(one, &format!("{} {}", GENERATOR.name, GENERATOR.version)),
            // A part of the data says nothing about the whole, and what strategies are worth is what
            // backtests say.
            outcomes: if stopped || plan.kind != SessionKind::Backtest {
                Vec::new()
            } else {
                backtest::outcomes(run)
            },
        }
    }

    /// In memory only: the store does not take it. After a restart it is found as orphaned.
    pub(super) fn fail_unsaved(&self, why: &str) {
        let (mut row, _) = self.row();
        row.error = Some(why.to_owned());
        row.ended_us = Some(clock::now().micros());
        row.reached = self.reached();
        self.adopt(row, SessionState::Failed);
        self.stream.forget();
        let fields = json!({"status": SessionState::Failed, "timestamp": clock::now().rfc3339_millis(), "error_message": why});
        self.stream.publish(Class::Life, "session_failed", None, fields);
    }
}
