//! Whether somebody means it: every switch that stands between a request and real money, each told by itself.

use crate::config::Live;
use crate::service::Refusal;
use crate::service::sessions::fields::Problems;
use crate::service::sessions::request::{StartRequest, refused};
use crate::service::strategies::Loaded;

/// Checks that the configuration and the request allow a live session.
///
/// # Errors
/// 400 `live_not_confirmed` with everything that is missing.
pub(in crate::service::sessions) fn check_consent(
    request: &StartRequest,
    live: &Live,
) -> Result<(), Refusal> {
    let problems = Problems::default();
    let configured = |field: &str| format!("(configuration) /trading/live/{field}");
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
        ("account_cap", live.account_cap, "notional of everything open or being opened on the account"),
        ("day_cap", live.day_cap, "notional of all entries of a UTC day"),
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
