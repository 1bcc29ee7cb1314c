//! The proof that a paper or live session can be repeated: its recorded input through the engine of a driver,
//! compared event by event with what it did.
//!
//! Never: a comparison that passes because one side was not there.

use super::rerun::{self, Comparison, Difference};
use crate::domain::symbol::SymbolTable;
use crate::engine::ENGINE_VERSION;
use crate::service::Refusal;
use crate::service::backtest::{self, Run};
use crate::service::sessions::not_found;
use crate::service::sessions::run::progress::SessionProgress;
use crate::service::sessions::run::recorder::SessionRecorder;
use crate::service::sessions::run::state::SessionState;
use crate::service::sessions::start::market_plan;
use crate::session;
use crate::session::driver::Driver;
use crate::session::gateway::{Gateway, Journaled};
use crate::store::Store;
use crate::store::records::SessionRow;
use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a replay showed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Replayed {
    /// The session.
    pub session_id: String,
    /// Whether every event and the digest over all decisions are the same.
    pub equal: bool,
    /// Events that were the same, from the first on.
    pub events_equal: u64,
    /// Rows the engine saw, gaps included.
    pub ticks: u64,
    /// SHA-256 over all decisions as the session's result has it; `None` for a session without a result.
    pub digest_recorded: Option<String>,
    /// The same of the replay.
    pub digest_replayed: String,
    /// Version of the engine that ran the session.
    pub engine_version: u32,
    /// Version of the one that replayed it. Where the two differ, different decisions are no defect.
    pub engine_version_replayed: u32,
    /// Where they part.
    pub first_difference: Option<Difference>,
}

/// Replays a paper or live session that has ended, as long as the answer `is_wanted`, which is asked before
/// every chunk.
///
/// # Errors
/// `session_not_found`; 409 `session_active` while it runs; 409 `no_replay` for one that left nothing to
/// replay, and where the answer is not wanted any more.
pub fn replay(store: &Store, id: &str, is_wanted: &dyn Fn() -> bool) -> Result<Replayed, Refusal> {
    let row = store.session(id).map_err(not_found)?;
    if SessionState::from_name(&row.state).is_none_or(|state| !state.is_final()) {
        return Err(Refusal::conflict(
            "session_active",
            format!(
                "session {id} has not ended: stop it in the running daemon (tradingd sessions stop {id}), then replay it"
            ),
        ));
    }
    let impossible =
        |why: &str| Refusal::conflict("no_replay", format!("session {id} cannot be replayed: {why}"));
    if row.kind != "paper" && row.kind != "live" {
        return Err(impossible(&format!(
            "it is a {} session; only paper and live sessions record what they decide on",
            row.kind
        )));
    }
    let Some(recording) = row.input_recording_id.as_deref() else {
        return Err(impossible("it ended before it recorded anything"));
    };
    let compared = if row.kind == "live" {
        // The journal has the answers; nothing is sent.
        compare(store, &row, recording, is_wanted, |run, table| run.over(table, Journaled))
    } else {
        compare(store, &row, recording, is_wanted, |run, table| run.sharing(table))
    };
    compared.map_err(|why| impossible(&why))
}

fn compare<G: Gateway>(
    store: &Store,
    row: &SessionRow,
    recording: &str,
    is_wanted: &dyn Fn() -> bool,
    driver: impl FnOnce(&Run<'_>, Arc<ArcSwap<SymbolTable>>) -> Driver<G>,
) -> Result<Replayed, String> {
    let plan = market_plan::again(row, store).map_err(|failure| failure.to_string())?;
    let sources = [plan.market(recording)];
    let runs =
        backtest::plan(&plan.settings, &sources, &plan.strategies).map_err(|error| error.to_string())?;
    let run = runs.first().ok_or("there is nothing to run")?;
    let table = Arc::new(ArcSwap::from_pointee(plan.table.clone()));
    let mut driver = driver(run, Arc::clone(&table));
    let first = store.session_events(&row.id, 0, 1).map_err(|error| error.to_string())?;
    if row.reached.events > 0 && first.first().is_none_or(|(seq, _)| *seq != 1) {
        return Err("its events have been removed (recording.keep_events_mib)".to_owned());
    }
    // Earlier programs wrote no more than so many events: what the replay does behind them is no difference.
    let comparison = Comparison::new(row.reached.events_not_kept > 0);
    comparison.compare_with(store, &row.id, None);
    let live = SessionProgress::new(None, plan.table.len());
    let mut recorder = SessionRecorder::new(run, &mut driver, &comparison, &live, &plan);
    let symbols = driver.table().clone();
    let controls = rerun::Controls::read(store, &row.id).map_err(|error| error.to_string())?;
    let all = (&controls, rerun::Part::WHOLE);
    let replayed = rerun::again(store, recording, &symbols, all, &mut |_, _| is_wanted(), |journal| {
        session::replay::replay(&mut driver, &table, journal, &mut recorder, &mut |_, _, _| {})
    });
    let over = replayed.map_err(|failure| failure.to_string())?;
    let (first_difference, events_equal) = comparison.outcome(over).map_err(|error| error.to_string())?;
    let ticks = driver.progress().ticks;
    let digest_replayed = run.result(driver, recorder.collector, Vec::new()).digest;
    let result =
        row.result_id.as_ref().map(|id| store.result(id)).transpose().map_err(|error| error.to_string())?;
    let digest_recorded = result.map(|result| result.digest);
    // Without a result the session did not come to its end, and neither does the replay.
    let same = digest_recorded.as_ref().is_none_or(|digest| *digest == digest_replayed);
    Ok(Replayed {
        session_id: row.id.clone(),
        equal: first_difference.is_none() && same,
        events_equal,
        ticks,
        digest_recorded,
        digest_replayed,
        engine_version: row.engine_version,
        engine_version_replayed: ENGINE_VERSION,
        first_difference,
    })
}
