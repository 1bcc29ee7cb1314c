//! What a session that can run is made of, and what every kind of session needs to get there: strategies
//! found, names respelled, the normal form of the request and its fingerprint.

use super::fields::Problems;
use super::request::{SessionKind, StartRequest, refused};
use crate::config::Config;
use crate::domain::record::StreamKind;
use crate::domain::symbol::{SymbolSpec, SymbolTable};
use crate::domain::symbol_name;
use crate::domain::time::{Span, Timestamp};
use crate::json::{at, nearest};
use crate::limits::SESSION_PAIRS;
use crate::service::Refusal;
use crate::service::backtest::{self, RunSettings, Source};
use crate::service::market::AccountNeeds;
use crate::service::references::Resource;
use crate::service::strategies::{Loaded, built_in, compile, stored};
use crate::session::allowance::Allowance;
use crate::session::digest::hex;
use crate::store::Store;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Where a session's rows come from.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::service::sessions) enum Rows {
    /// A recording.
    Recording(String),
    /// The market as it comes.
    Market {
        /// What of it.
        streams: Vec<StreamKind>,
        /// How long; `None`: until it is stopped.
        duration: Option<Span>,
    },
}

/// A session that can run.
#[derive(Debug)]
pub(in crate::service::sessions) struct Plan {
    pub kind: SessionKind,
    pub settings: RunSettings,
    pub strategies: Vec<Loaded>,
    pub rows: Rows,
    /// In the order of the request.
    pub symbols: Vec<String>,
    /// Every symbol enabled, in the order of the run.
    pub table: SymbolTable,
    /// First and last event it can see.
    pub span: Option<(Timestamp, Timestamp)>,
    /// The request as it was understood.
    pub request: Value,
    /// Equal for equal requests.
    pub fingerprint: String,
    /// What the configuration that it was read with allows it.
    pub allowed: Allowance,
    pub replace_existing: bool,
    pub idempotent: bool,
    pub warnings: Vec<String>,
    /// What a live session needs of the account, until that was probed.
    pub account_needs: Option<AccountNeeds>,
}

impl Plan {
    /// What of a market it sees; nothing for a backtest.
    pub(in crate::service::sessions) fn streams(&self) -> &[StreamKind] {
        match &self.rows {
            Rows::Recording(_) => &[],
            Rows::Market { streams, .. } => streams,
        }
    }

    /// The terms of its symbols, in the order of the run.
    pub(in crate::service::sessions) fn specs(&self) -> Vec<SymbolSpec> {
        self.table.iter().map(|(_, spec)| spec.clone()).collect()
    }

    /// The market as it comes, as a run sees it, named by the recording that it makes.
    pub(in crate::service::sessions) fn market(&self, recording: &str) -> Source<'static> {
        backtest::market(recording, &self.specs(), self.streams())
    }
}

/// Refuses a session of more pairs of a strategy and a symbol than one may have: each costs memory for as
/// long as it runs.
pub(super) fn check_pairs(request: &StartRequest, symbols: usize) -> Result<(), Refusal> {
    let pairs: usize =
        request.strategies.iter().map(|wish| wish.symbols.as_ref().map_or(symbols, Vec::len)).sum();
    if pairs <= SESSION_PAIRS {
        return Ok(());
    }
    let problems = Problems::default();
    let problem = format!(
        "makes {pairs} pairs of a strategy and a symbol, a session has at most {SESSION_PAIRS}: start several sessions instead"
    );
    problems.add("/strategy_config", problem);
    Err(refused("invalid_request", problems))
}

/// What the user should know.
pub(super) fn warnings(
    request: &StartRequest,
    strategies: &[Loaded],
    symbols: &[String],
    config: &Config,
) -> Vec<String> {
    let mut warnings: Vec<String> = request.ignored.iter().map(|ignored| (*ignored).to_owned()).collect();
    for loaded in strategies {
        warnings.extend(
            loaded
                .warnings
                .iter()
                .map(|warning| format!("strategy {}: {} {}", loaded.label.id, warning.path, warning.problem)),
        );
    }
    let off: Vec<&str> = symbols
        .iter()
        .filter(|name| config.trading.disabled_symbols.contains(name))
        .map(String::as_str)
        .collect();
    if !off.is_empty() {
        warnings.push(format!(
            "{} switched off in the configuration: no position is opened there",
            off.join(", ")
        ));
    }
    warnings
}

pub(super) fn strategies(request: &StartRequest, store: &Store) -> Result<Vec<Loaded>, Refusal> {
    let problems = Problems::default();
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for wish in &request.strategies {
        let loaded = match stored(store, &wish.name)? {
            Some(kept) => compile(&kept.id, Some(kept.version), kept.document.as_bytes()),
            None => match built_in(&wish.name) {
                Some(text) => compile(&wish.name, None, text.as_bytes()),
                None => {
                    missing.push(wish);
                    continue;
                }
            },
        };
        match loaded {
            Err(wrong) => {
                let first = wrong.first().map_or_else(String::new, ToString::to_string);
                problems.add(&wish.path, format!("{} cannot run: {first}", wish.name));
            }
            Ok(loaded) if !loaded.enabled => {
                problems.add(&wish.path, format!("{} is disabled; enable it first", wish.name))
            }
            Ok(loaded) if found.iter().any(|other: &Loaded| other.label.id == loaded.label.id) => {
                problems.add(&wish.path, format!("{} is named twice", loaded.label.id));
            }
            Ok(loaded) => found.push(loaded),
        }
    }
    if !missing.is_empty() {
        let known: Vec<String> = store.strategies()?.into_iter().map(|kept| kept.id).collect();
        let all: Vec<&str> = missing.iter().map(|wish| wish.name.as_str()).collect();
        let near = missing.first().and_then(|wish| {
            // In the other form of `strategy_config`, a misspelt `strategies` is taken for the name of one.
            let is_key = wish.path == at("/strategy_config", &wish.name);
            nearest(&wish.name, known.iter().map(String::as_str).chain(is_key.then_some("strategies")))
        });
        let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        let listed: Vec<Value> = missing
            .iter()
            .map(
                |wish| json!({"path": wish.path, "problem": format!("there is no strategy `{}`", wish.name)}),
            )
            .collect();
        let message = format!("there is no strategy {}{near}", all.join(", "));
        return Err(Refusal::not_found("strategy_not_found", message)
            .with(json!({"strategies": all, "problems": listed})));
    }
    if problems.are_none() { Ok(found) } else { Err(refused("invalid_request", problems)) }
}

/// Puts the symbols of a request into the spelling of `names` (`BTCUSDT` is `BTC_USDT`), each once; what is
/// none of them stays as it is.
pub(super) fn respell<'a>(request: &mut StartRequest, names: impl Iterator<Item = &'a str> + Clone) {
    let spelled = |name: &mut String| {
        if let Some(found) = symbol_name::find(name, names.clone()) {
            *name = found.to_owned();
        }
    };
    request.symbols.iter_mut().for_each(spelled);
    let mut seen = BTreeSet::new();
    request.symbols.retain(|name| seen.insert(name.clone()));
    for wish in &mut request.strategies {
        wish.symbols.iter_mut().flatten().for_each(spelled);
    }
}

/// The request with everything found and every default filled in.
pub(super) fn normal_form(
    request: &StartRequest,
    settings: &RunSettings,
    strategies: &[Loaded],
    symbols: &[String],
) -> Value {
    let strategy = |(index, loaded): (usize, &Loaded)| {
        json!({
            "id": loaded.label.id,
            "version": loaded.label.version,
            "symbols": settings.assigned.get(index).cloned().flatten(),
            "allocation": settings.allocations.get(index).copied().flatten().map(|money| money.shown()),
        })
    };
    let named: serde_json::Map<String, Value> =
        settings.named().into_iter().map(|(name, value)| (name, value.into())).collect();
    json!({
        "session_type": request.kind.as_str(),
        "symbols": symbols,
        "strategies": strategies.iter().enumerate().map(strategy).collect::<Vec<_>>(),
        "session_id": null,
        "acceleration_factor": settings.speed,
        "settings": named,
    })
}

/// Equal for requests that mean the same. What the normal form does not say and a result depends on counts
/// too: fees and limits of the configuration, and the texts of strategies that have no version because they
/// come from no store.
pub(super) fn fingerprint(normal: &Value, settings: &RunSettings, strategies: &[Loaded]) -> String {
    let (maker, taker) = settings.default_fees;
    let without_version = strategies.iter().filter(|loaded| loaded.label.version.is_none());
    let whole = json!({
        "request": normal,
        "default_fees": [maker.0, taker.0],
        "limits": settings.limits.named(),
        "loss_pause_ns": settings.limits.loss_pause.nanos(),
        "exclusive_symbols": settings.limits.exclusive_symbols,
        "documents": without_version.map(|loaded| &loaded.label.document).collect::<Vec<_>>(),
    });
    let mut hasher = Sha256::new();
    hasher.update(whole.to_string());
    hex(hasher.finalize())
}

/// What a session stands on: what it reads, what it makes, and its strategies.
pub(in crate::service::sessions) fn things(plan: &Plan, made: Option<&str>) -> Vec<Resource> {
    let read = match &plan.rows {
        Rows::Recording(id) => Some(id.as_str()),
        Rows::Market { .. } => None,
    };
    let recordings = read.into_iter().chain(made).map(|id| Resource::Recording(id.to_owned()));
    recordings
        .chain(plan.strategies.iter().map(|loaded| Resource::Strategy(loaded.label.id.clone())))
        .collect()
}
