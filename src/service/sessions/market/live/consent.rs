//! Checks before a live session starts: configuration, confirmation, stop losses, account.
//!
//! Invariant: nothing is sent to the exchange before configuration and confirmation have passed.

use crate::config::Config;
use crate::domain::contract::Contract;
use crate::exchange::mexc::ONLY_REHEARSAL;
use crate::json::at;
use crate::service::market::{self, AccountNeeds, CheckVerdict, Market};
use crate::service::sessions::start::fields::Problems;
use crate::service::sessions::start::request::{StartRequest, refused};
use crate::service::strategies::Loaded;
use crate::service::{Refusal, RefusalKind};
use serde_json::json;

/// Checks that the configuration and the request allow a live session.
///
/// # Errors
/// 400 `live_not_confirmed` with everything that is missing.
pub(in crate::service::sessions) fn check_consent(
    request: &StartRequest,
    config: &Config,
) -> Result<(), Refusal> {
    let live = &config.trading.live;
    let problems = Problems::default();
    let configured = |field: &str| format!("(configuration) /trading/live/{field}");
    if !market::settings(&config.exchange).is_on_this_host() {
        problems.add("(configuration) /exchange/rest_url", ONLY_REHEARSAL);
    }
    if !live.enabled {
        problems.add(
            &configured("enabled"),
            "is false: live trading is switched off; set it to true to allow it",
        );
    }
    let missing: Vec<&str> =
        request.symbols.iter().filter(|name| !live.symbols.contains(name)).map(String::as_str).collect();
    if !missing.is_empty() {
        problems.add(
            &configured("symbols"),
            format!(
                "does not have {}: only symbols named there are traded with real money",
                missing.join(", ")
            ),
        );
    }
    for (field, cap, what) in [
        (
            "account_cap",
            live.account_cap,
            "notional of everything that live sessions have open or are opening",
        ),
        ("day_cap", live.day_cap, "notional of all entries of one session in a UTC day"),
    ] {
        if cap.is_none_or(|cap| cap <= 0.0) {
            problems
                .add(&configured(field), format!("is not set: say how much money may be at risk ({what})"));
        }
    }
    match (&request.session_name, &request.confirm_live) {
        (None, _) => problems.add("/config/session_name", "is missing: give the session a name"),
        (Some(name), None) => problems.add(
            "/config/confirm_live",
            format!("is missing: orders cost real money; repeat the session's name, {name:?}, to confirm"),
        ),
        (Some(name), Some(confirmed)) if name != confirmed => problems.add(
            "/config/confirm_live",
            format!("is {confirmed:?} and must be equal to /config/session_name, {name:?}"),
        ),
        _ => {}
    }
    if problems.are_none() { Ok(()) } else { Err(refused("live_not_confirmed", problems)) }
}

/// Checks that every position has a stop, which then stands at the exchange.
///
/// # Errors
/// 400 `invalid_request` naming the strategies without one.
pub(in crate::service::sessions) fn check_strategies(
    request: &StartRequest,
    strategies: &[Loaded],
) -> Result<(), Refusal> {
    let problems = Problems::default();
    for (wish, loaded) in request.strategies.iter().zip(strategies) {
        if loaded.def.z1.stop.is_none() && request.settings.stop_loss_pct.is_none() {
            problems.add(
                &wish.path,
                format!(
                    "{} has no stop loss, and a position with real money needs one that stands at the exchange: give it one, or set \
                     config.stop_loss_percent",
                    loaded.label.id
                ),
            );
        }
    }
    if problems.are_none() { Ok(()) } else { Err(refused("invalid_request", problems)) }
}

/// What a session needs of the account.
///
/// # Errors
/// 400 `invalid_request` for a contract that takes no orders, and for strategies that want different
/// leverage.
pub(in crate::service::sessions) fn account_needs(
    request: &StartRequest,
    strategies: &[Loaded],
    contracts: &[Contract],
    config: &Config,
) -> Result<AccountNeeds, Refusal> {
    let problems = Problems::default();
    let mut symbols = Vec::new();
    for (index, contract) in contracts.iter().enumerate() {
        let path = at("/symbols", index);
        if !contract.is_tradable() {
            problems
                .add(&path, format!("the exchange takes no orders over the API for {} now", contract.symbol));
        }
        match leverage(request, strategies, &contract.symbol) {
            Ok(leverage) => symbols.push((contract.symbol.clone(), Some(leverage))),
            Err(why) => problems.add(&path, why),
        }
    }
    if !problems.are_none() {
        return Err(refused("invalid_request", problems));
    }
    let budget = request.settings.budget_cap.map_or(request.settings.initial_balance, |cap| cap.to_f64());
    let fees = (config.exchange.fees.maker_pct, config.exchange.fees.taker_pct);
    Ok(AccountNeeds { symbols, budget: Some(budget), fees })
}

/// Probes the account before real money moves; gives what the user should know.
///
/// # Errors
/// 409 `live_locked`; 409 `live_check_failed` with every line; 503 `exchange_unavailable`.
pub(in crate::service::sessions) fn check_account(
    market: &Market,
    needs: &AccountNeeds,
) -> Result<Vec<String>, Refusal> {
    if market.lock().is_set() {
        let message = "live trading is locked, so no position may be opened: check the account, then unlock (tradingd live unlock)";
        return Err(Refusal::conflict("live_locked", message));
    }
    let lines = market.check_account(needs)?;
    let text = |verdict: CheckVerdict| -> Vec<String> {
        let of = lines.iter().filter(|line| line.verdict == verdict);
        of.map(|line| {
            let symbol = line.symbol.as_ref().map(|symbol| format!(" of {symbol}")).unwrap_or_default();
            format!("{}{symbol}: {}; {}", line.name, line.found, line.advice.as_deref().unwrap_or_default())
        })
        .collect()
    };
    let failed = text(CheckVerdict::Fail);
    if failed.is_empty() {
        return Ok(text(CheckVerdict::Warn));
    }
    let message = format!(
        "the account is not ready, so nothing was started; a paper session trades the same market without orders. {}",
        failed.join(" - ")
    );
    Err(Refusal::new(RefusalKind::Conflict, "live_check_failed", message).with(json!({ "lines": lines })))
}

/// Leverage of a symbol, which the exchange keeps by symbol and side: all strategies there must want the
/// same.
fn leverage(request: &StartRequest, strategies: &[Loaded], symbol: &str) -> Result<u32, String> {
    let trades = |names: &Option<Vec<String>>| {
        names.as_ref().is_none_or(|names| names.iter().any(|name| name == symbol))
    };
    let of_strategy = |loaded: &Loaded| {
        let own = loaded.def.z1.leverage;
        loaded.def.limits.max_leverage.map_or(own, |cap| cap.min(own))
    };
    let pairs = request.strategies.iter().zip(strategies);
    let mut wanted: Vec<u32> =
        pairs.filter(|(wish, _)| trades(&wish.symbols)).map(|(_, loaded)| of_strategy(loaded)).collect();
    wanted.sort_unstable();
    wanted.dedup();
    match wanted[..] {
        [one] => Ok(one),
        [] => Ok(1),
        _ => {
            Err(format!("strategies on {symbol} want leverage {wanted:?}, and the exchange has one a symbol"))
        }
    }
}
