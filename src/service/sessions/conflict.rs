//! Which running session keeps another from starting. Invariant: a running session is stopped for another only when the request
//! asks for it.

use super::plan::{Plan, Rows};
use super::request::SessionKind;
use super::running::Running;
use crate::config::Config;
use crate::domain::record::StreamKind;
use crate::service::Refusal;
use serde_json::json;

/// What a collecting session records: nobody else has to record it too.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Recorded {
    symbols: Vec<String>,
    streams: Vec<StreamKind>,
}

impl Recorded {
    pub(super) fn of(plan: &Plan) -> Self {
        match &plan.rows {
            Rows::Market { streams, .. } if plan.kind == SessionKind::Collect => {
                Recorded { symbols: plan.symbols.clone(), streams: streams.clone() }
            }
            _ => Recorded::default(),
        }
    }

    /// Symbols of which both record the same; `None` without one.
    pub(super) fn shared(&self, other: &Recorded) -> Option<Vec<String>> {
        let streams = self.streams.iter().any(|stream| other.streams.contains(stream));
        let symbols: Vec<String> =
            self.symbols.iter().filter(|symbol| other.symbols.contains(symbol)).cloned().collect();
        (streams && !symbols.is_empty()).then_some(symbols)
    }
}

/// The symbols of the account that a live session trades: nobody else may meanwhile.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Traded(pub Vec<String>);

impl Traded {
    /// Symbols that both trade; `None` without one.
    pub(super) fn shared(&self, other: &Traded) -> Option<Vec<String>> {
        let both: Vec<String> = self.0.iter().filter(|symbol| other.0.contains(symbol)).cloned().collect();
        (!both.is_empty()).then_some(both)
    }
}

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
