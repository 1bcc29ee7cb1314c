//! Executions that fit no order of a session: an alert, a line of the log, and a note in the result.

use crate::service::sessions::run::event_sink::Class;
use crate::service::sessions::run::running::Running;
use serde_json::json;

/// That an execution fits no order of a session; gives what the reader of its result must know.
pub(super) fn tell_unassigned(session: &Running, name: &str, at: &str, why: &str) -> String {
    let fields = json!({"timestamp": at, "kind": "unassigned_fill", "reason": why});
    tracing::warn!(session = session.id, symbol = name, why, "an execution fits no order");
    session.stream.add(Class::Signal, "alert", Some(name), fields);
    format!("from {at} on no position was opened on {name}: {why}")
}
