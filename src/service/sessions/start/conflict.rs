//! Which running session keeps another from starting. Invariant: a running session is stopped for another
//! only when the request asks for it.

use crate::config::Config;
use crate::service::Refusal;
use crate::service::sessions::run::running::Running;
use serde_json::json;

/// Somebody trades one of the symbols with real money already.
pub(super) fn traded_twice(session: &Running, shared: &[String]) -> Refusal {
    let message = format!(
        "session {} trades {} on this account already, and a symbol belongs to one session: stop it, or leave the symbol out",
        session.id,
        shared.join(", ")
    );
    let details = json!({"conflict": {"kind": "live_symbol", "session_id": session.id, "symbols": shared}});
    Refusal::conflict("session_conflict", message).with(details)
}

/// Somebody records the same already.
pub(super) fn recorded_twice(session: &Running, shared: &[String]) -> Refusal {
    let message = format!(
        "session {} records {} already; stop it, or record something else",
        session.id,
        shared.join(", ")
    );
    let details = json!({"conflict": {"kind": "collect", "session_id": session.id, "symbols": shared}});
    Refusal::conflict("session_conflict", message).with(details)
}

/// There is no room for another session.
pub(super) fn conflict(oldest: &Running, config: &Config) -> Refusal {
    let most = config.limits.max_sessions;
    let message = format!(
        "{most} sessions run already, the most allowed; stop one of them, e.g. {}, or wait",
        oldest.id
    );
    let details =
        json!({"conflict": {"kind": "max_sessions", "max_sessions": most, "session_id": oldest.id}});
    Refusal::conflict("session_conflict", message).with(details)
}
