//! From a request for a backtest to something that can run: its recording found, its run planned once.

use super::allowance;
use super::fields::Problems;
use super::plan::{Plan, Rows, check_pairs, fingerprint, normal_form, respell, strategies, warnings};
use super::request::{StartRequest, refused, symbol_problem};
use crate::config::Config;
use crate::domain::symbol::SymbolTable;
use crate::domain::time::Timestamp;
use crate::json::at;
use crate::service::Refusal;
use crate::service::backtest::{self, Input, RunSettings};
use crate::service::strategies::Loaded;
use crate::store::records::RecordingV1;
use crate::store::{Store, StoreError};
use serde_json::json;

/// Finds everything a request for a backtest names.
///
/// # Errors
/// 404 `strategy_not_found`, `recording_not_found`, `symbol_not_found`; 400 where strategies and data do not
/// go together.
pub(super) fn make(mut request: StartRequest, store: &Store, config: &Config) -> Result<Plan, Refusal> {
    let strategies = strategies(&request, store)?;
    let id = request.recording.clone().unwrap_or_default();
    // What is being recorded can be replayed up to now.
    store
        .flush_recording(&id, None)
        .or_else(|error| if matches!(error, StoreError::NotFound { .. }) { Ok(()) } else { Err(error) })?;
    let recording = store.recording(&id).map_err(|error| match error {
        StoreError::NotFound { .. } => {
            Refusal::not_found("recording_not_found", format!("there is no recording `{id}`"))
                .with(json!({ "session_id": id }))
        }
        other => other.into(),
    })?;
    if recording.rows() == 0 {
        let problems = Problems::default();
        problems
            .add("/config/session_id", format!("names {id}, which is empty: choose a recording with rows"));
        return Err(refused("invalid_request", problems));
    }
    respell(&mut request, recording.symbols.iter().map(|symbol| symbol.name.as_str()));
    let symbols = symbols(&request, &recording)?;
    check_pairs(&request, symbols.len())?;
    let mut settings = request.settings.clone();
    settings.symbols = symbols.clone();
    settings.allocations = request.strategies.iter().map(|wish| wish.allocation).collect();
    settings.assigned = request.strategies.iter().map(|wish| wish.symbols.clone()).collect();
    let Tried { table, span, short_data } = try_out(store, &id, &settings, &strategies)?;
    let allowed = allowance::at_start(&config.trading, request.kind, &settings, &symbols);
    let mut normal = normal_form(&request, &settings, &strategies, &symbols);
    normal["session_id"] = id.as_str().into();
    let mut warnings = warnings(&request, &strategies, &symbols, config);
    warnings.extend(short_data);
    Ok(Plan {
        kind: request.kind,
        fingerprint: fingerprint(&normal, &settings, &strategies),
        settings,
        strategies,
        rows: Rows::Recording(id),
        symbols,
        table,
        span,
        request: normal,
        allowed,
        replace_existing: request.replace_existing,
        idempotent: request.idempotent,
        warnings,
        account_needs: None,
    })
}

/// The symbols named, else those of the recording.
fn symbols(request: &StartRequest, recording: &RecordingV1) -> Result<Vec<String>, Refusal> {
    if request.symbols.is_empty() {
        return Ok(recording.symbols.iter().map(|symbol| symbol.name.clone()).collect());
    }
    let known: Vec<&str> = recording.symbols.iter().map(|symbol| symbol.name.as_str()).collect();
    let missing: Vec<(usize, &String)> =
        request.symbols.iter().enumerate().filter(|(_, name)| !known.contains(&name.as_str())).collect();
    if missing.is_empty() {
        return Ok(request.symbols.clone());
    }
    let problems = Problems::default();
    for (index, name) in &missing {
        if let Some(problem) = symbol_problem(name) {
            problems.add(&at("/symbols", index), problem);
        }
    }
    if !problems.are_none() {
        return Err(refused("invalid_request", problems));
    }
    let names: Vec<&str> = missing.iter().map(|(_, name)| name.as_str()).collect();
    let shown: Vec<&str> = known.iter().copied().take(20).collect();
    let message =
        format!("recording {} has no {}; it has {}", recording.id, names.join(", "), shown.join(", "));
    Err(Refusal::not_found("symbol_not_found", message).with(json!({"symbols": names, "available": known})))
}

/// What planning a run tells about it.
struct Tried {
    table: SymbolTable,
    span: Option<(Timestamp, Timestamp)>,
    /// Strategies that cannot trade on so little data.
    short_data: Vec<String>,
}

/// Plans the run once, so that what cannot run is refused instead of failing later.
fn try_out(
    store: &Store,
    recording: &str,
    settings: &RunSettings,
    strategies: &[Loaded],
) -> Result<Tried, Refusal> {
    let sources = backtest::find(Input::Recording(store, recording), settings)?;
    let runs = backtest::plan(settings, &sources, strategies)?;
    let run = runs.first().ok_or_else(|| {
        Refusal::new(crate::service::RefusalKind::Invalid, "invalid_request", "the recording is empty")
    })?;
    let session = run.settings().session(&run.table());
    if run.source_span().is_some() && run.span().is_none() {
        let problems = Problems::default();
        problems.add("/config/from", "the recording has no data between from and to");
        return Err(refused("invalid_request", problems));
    }
    debug_assert!(session.initial_balance.0 > 0, "bounds were checked");
    Ok(Tried { table: run.table(), span: run.span(), short_data: run.short_data() })
}
