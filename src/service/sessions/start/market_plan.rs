//! From a request for a session on the market to something that can run, and the same again from what was
//! kept of it.
//!
//! Never: a specification that was guessed; after a restart, other terms than the session started with.

use super::allowance;
use super::fields::Problems;
use super::plan::{Plan, Rows, check_pairs, fingerprint, normal_form, respell, strategies, warnings};
use super::request::{self, SessionKind, StartRequest, refused};
use crate::config::{Config, Exchange};
use crate::domain::contract::Contract;
use crate::domain::decimal::Decimal;
use crate::domain::num::{Qty, Rate};
use crate::domain::record::StreamKind;
use crate::domain::symbol::{RiskTier, SymbolSpec, SymbolTable, UNBOUNDED};
use crate::domain::time::{Span, Timestamp};
use crate::json::at;
use crate::report::no_trade;
use crate::service::Refusal;
use crate::service::backtest::{self, ReplayClock};
use crate::service::market::Market;
use crate::service::sessions::market::live;
use crate::service::sessions::run::outcome::Failure;
use crate::service::strategies::{Loaded, built_in, compile};
use crate::store::records::SessionRow;
use crate::store::{Store, StoreError};
use serde_json::{Value, json};

/// What a paper session looks at: the top of the book comes whole with each message, so that no lost message
/// can leave it wrong.
const TRADED_STREAMS: [StreamKind; 4] =
    [StreamKind::BookSnapshots, StreamKind::Trades, StreamKind::Marks, StreamKind::Funding];

/// Finds everything that a request for a session on the market names.
///
/// # Errors
/// 404 `strategy_not_found`, `symbol_not_found`; 400 for a contract that cannot be traded on paper or lacks
/// what a strategy needs; 503 `exchange_unavailable`.
pub(super) fn make(
    mut request: StartRequest,
    store: &Store,
    market: &Market,
    config: &Config,
    now: Timestamp,
) -> Result<Plan, Refusal> {
    if request.kind == SessionKind::Live {
        live::check_consent(&request, config)?;
    }
    check_pairs(&request, request.symbols.len())?;
    let strategies =
        if request.kind == SessionKind::Collect { Vec::new() } else { strategies(&request, store)? };
    if request.kind == SessionKind::Live {
        live::check_strategies(&request, &strategies)?;
    }
    let contracts = market.contracts_to_start(now)?;
    respell(&mut request, contracts.iter().map(|contract| contract.symbol.as_str()));
    let known = known(&request, &contracts)?;
    let specs = specs(&known, &config.exchange, request.kind)?;
    let mut warnings = warnings(&request, &strategies, &request.symbols, config);
    let account_needs = match request.kind {
        SessionKind::Live => Some(live::account_needs(&request, &strategies, &known, config)?),
        _ => None,
    };
    warnings.extend(
        known
            .iter()
            .filter(|contract| !contract.is_tradable())
            .map(|contract| format!("the exchange takes no orders over the API for {} now", contract.symbol)),
    );
    warnings.extend(strategies.iter().filter_map(first_wait));
    let normal =
        |request: &StartRequest, settings: &_| normal_form(request, settings, &strategies, &request.symbols);
    let plan = plan(&request, strategies.clone(), specs, config, warnings, normal)?;
    Ok(Plan { account_needs, ..plan })
}

/// How long a strategy only listens, when that is longer than one would wait for it.
fn first_wait(strategy: &Loaded) -> Option<String> {
    let look_back =
        strategy.label.look_back.as_ref().filter(|look_back| look_back.span > Span::from_seconds(60))?;
    Some(no_trade::first_wait(&strategy.label.id, look_back))
}

/// The plan of a session that is to go on, or to be replayed, as it was when it started.
///
/// # Errors
/// A sentence that says what is missing.
pub(in crate::service::sessions) fn again(row: &SessionRow, store: &Store) -> Result<Plan, Failure> {
    let kept: Value = serde_json::from_str(&row.request).unwrap_or_default();
    let config: Config = serde_json::from_value(kept["read_with"].clone())
        .map_err(|_| "its configuration was not kept".to_owned())?;
    let mut request = request::read(&kept["as_sent"], &config)
        .map_err(|refusal| format!("its request is not understood: {refusal}"))?;
    respell(&mut request, row.symbols.iter().map(String::as_str));
    let recording = row.input_recording_id.as_deref().ok_or_else(|| "it has no recording".to_owned())?;
    if let Err(StoreError::NotFound { .. }) = store.recording(recording) {
        return Err(Failure::Other(format!(
            "its recording {recording} was deleted, and with it what it decided on"
        )));
    }
    let mut specs = Vec::new();
    for symbol in &request.symbols {
        let kept = store.recorded_spec(recording, symbol)?;
        specs.push(kept.ok_or_else(|| format!("the terms of {symbol} were not kept"))?);
    }
    let mut loaded = Vec::new();
    for strategy in &row.strategies {
        loaded.push(version(store, &strategy.id, strategy.version)?);
    }
    let request_as_kept = kept.clone();
    plan(&request, loaded, specs, &config, Vec::new(), |_, _| request_as_kept)
        .map_err(|refusal| Failure::Other(refusal.to_string()))
}

fn version(store: &Store, id: &str, version: u32) -> Result<Loaded, Failure> {
    let wrong = |_| Failure::Other(format!("strategy {id} does not read any more"));
    match (version, built_in(id)) {
        (0, Some(text)) => compile(id, None, text.as_bytes()).map_err(wrong),
        _ => {
            let kept = store.strategy_version(id, version)?;
            compile(&kept.id, Some(kept.version), kept.document.as_bytes()).map_err(wrong)
        }
    }
}

fn plan(
    request: &StartRequest,
    strategies: Vec<Loaded>,
    specs: Vec<SymbolSpec>,
    config: &Config,
    warnings: Vec<String>,
    normal: impl FnOnce(&StartRequest, &backtest::RunSettings) -> Value,
) -> Result<Plan, Refusal> {
    let mut settings = request.settings.clone();
    settings.symbols.clone_from(&request.symbols);
    settings.allocations = request.strategies.iter().map(|wish| wish.allocation).collect();
    settings.assigned = request.strategies.iter().map(|wish| wish.symbols.clone()).collect();
    settings.clock = ReplayClock::Receive;
    (settings.from, settings.to, settings.speed) = (None, None, 0.0);
    let streams = if request.kind == SessionKind::Collect {
        request.data_types.clone()
    } else {
        TRADED_STREAMS.to_vec()
    };
    if request.kind != SessionKind::Collect {
        // What cannot run is refused now.
        backtest::plan(&settings, &[backtest::market("", &specs, &streams)], &strategies)?;
    }
    let allowed = allowance::at_start(&config.trading, request.kind, &settings, &request.symbols);
    let mut normal = normal(request, &settings);
    if request.kind == SessionKind::Collect {
        normal["data_types"] = streams.iter().map(|stream| stream.as_str()).collect();
        normal["duration_s"] = request.duration.map(|span| span.seconds_f64()).into();
    }
    Ok(Plan {
        kind: request.kind,
        fingerprint: fingerprint(&normal, &settings, &strategies),
        settings,
        strategies,
        rows: Rows::Market { streams, duration: request.duration },
        symbols: request.symbols.clone(),
        table: SymbolTable::new(1, specs),
        span: None,
        request: normal,
        allowed,
        replace_existing: request.replace_existing,
        idempotent: request.idempotent,
        warnings,
        account_needs: None,
    })
}

/// What is kept beside a request so that the session can go on as it started: the request as it was sent, and
/// what of the configuration it was read with.
pub(super) fn kept(body: &Value, config: &Config) -> [(&'static str, Value); 2] {
    let read_with = json!({"trading": config.trading, "exchange": {"fees": config.exchange.fees}, "recording": config.recording, "limits": config.limits});
    [("as_sent", body.clone()), ("read_with", read_with)]
}

fn known(request: &StartRequest, contracts: &[Contract]) -> Result<Vec<Contract>, Refusal> {
    let find = |name: &String| contracts.iter().find(|contract| contract.symbol == *name).cloned();
    let (found, missing): (Vec<_>, Vec<_>) =
        request.symbols.iter().map(|name| (name, find(name))).partition(|(_, found)| found.is_some());
    if missing.is_empty() {
        return Ok(found.into_iter().filter_map(|(_, contract)| contract).collect());
    }
    let names: Vec<&str> = missing.iter().map(|(name, _)| name.as_str()).collect();
    let message = format!(
        "the exchange has no {}; GET /api/exchange/symbols?scope=all lists what it has (without `symbols` a request means \
         trading.default_symbols)",
        names.join(", ")
    );
    Err(Refusal::not_found("symbol_not_found", message).with(json!({ "symbols": names })))
}

fn specs(contracts: &[Contract], exchange: &Exchange, kind: SessionKind) -> Result<Vec<SymbolSpec>, Refusal> {
    let problems = Problems::default();
    let mut specs = Vec::new();
    for (index, contract) in contracts.iter().enumerate() {
        if kind != SessionKind::Collect && contract.maintenance.is_none() {
            let why = "the exchange does not say its maintenance margin, so a liquidation cannot be simulated; it can only be collected";
            problems.add(&at("/symbols", index), format!("{}: {why}", contract.symbol));
        }
        match spec(contract, exchange) {
            Some(spec) => specs.push(spec),
            None => problems.add(
                &at("/symbols", index),
                format!(
                    "{} is settled in {} or has steps too fine for exact money: only contracts settled in their quote currency can be used",
                    contract.symbol, contract.settle
                ),
            ),
        }
    }
    if problems.are_none() { Ok(specs) } else { Err(refused("invalid_request", problems)) }
}

/// A contract as the engine must know it, with the fees that orders over the API pay.
fn spec(contract: &Contract, exchange: &Exchange) -> Option<SymbolSpec> {
    if !contract.is_linear() {
        return None;
    }
    let mut spec = SymbolSpec::new(
        &contract.symbol,
        contract.price_step,
        contract.quantity_step,
        contract.contract_size,
    )?;
    let lots = contract.min_quantity.in_steps_of(contract.quantity_step).filter(|lots| *lots > 0);
    spec.min_quantity = Qty(lots.unwrap_or(1));
    spec.maker_fee = Rate::from_percent(exchange.fees.maker_pct);
    spec.taker_fee = Rate::from_percent(exchange.fees.taker_pct);
    let first = spec.tiers.first().copied()?;
    let maintenance = contract.maintenance.map_or(first.maintenance, Rate::of);
    let most = |contracts: Decimal| contracts.whole_steps_of(contract.quantity_step).map_or(UNBOUNDED, Qty);
    spec.max_quantity = most(contract.max_quantity);
    let max_leverage = contract.max_leverage.max(1);
    spec.tiers = contract
        .tiers
        .iter()
        .map(|tier| RiskTier {
            max_quantity: most(tier.max_quantity),
            max_leverage: tier.max_leverage.clamp(1, max_leverage),
            maintenance: Rate::of(tier.maintenance),
            ..first
        })
        .collect();
    if spec.tiers.is_empty() {
        spec.tiers = vec![RiskTier { max_leverage, maintenance, ..first }];
    }
    Some(spec)
}
