//! What a client does next when something is not found: the call that lists what there is.
//!
//! Invariant: the command line, which has commands of its own for it, takes off what is added here.

use std::borrow::Cow;

/// The call that lists things of the kind that a code says is missing; `None` where the message lists them
/// itself.
fn lists(code: &str) -> Option<&'static str> {
    Some(match code {
        "strategy_not_found" => "GET /api/strategies",
        "version_not_found" => "GET /api/strategies/{id}/versions",
        "recording_not_found" => "GET /api/data-collection/sessions",
        "label_not_found" => "GET /api/data-collection/{id}/labels",
        "session_not_found" => "GET /sessions",
        "result_not_found" => "GET /results",
        "trade_not_found" => "GET /results/session/{id}/trades",
        "preset_not_found" => "GET /api/presets",
        "user_not_found" => "GET /api/users",
        "login_not_found" => "GET /api/v1/auth/logins",
        _ => return None,
    })
}

/// The message of a refusal with its next step.
pub fn added<'m>(code: &str, message: &'m str) -> Cow<'m, str> {
    match lists(code) {
        Some(call) if !message.contains(call) => {
            // A question, `did you mean pump_v2?`, ends its sentence.
            let joint = if message.ends_with('?') { "" } else { ";" };
            Cow::Owned(format!("{message}{joint} {call} lists all"))
        }
        _ => Cow::Borrowed(message),
    }
}

/// The message without what [`added`] added.
pub fn removed<'m>(code: &str, message: &'m str) -> &'m str {
    let end = lists(code).map(|call| format!(" {call} lists all"));
    let bare = end.and_then(|end| message.strip_suffix(&end));
    bare.map_or(message, |bare| bare.strip_suffix(';').unwrap_or(bare))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::route::Method;
    use crate::http::routes::routes;

    #[test]
    fn whatever_a_route_may_not_find_is_listed_by_another_route() {
        let is_call = |call: &str| {
            routes().any(|route| route.method == Method::Get && format!("GET {}", route.path) == call)
        };
        let codes = routes().flat_map(|route| route.refusals).map(|(_, code)| *code);
        let mut seen = 0;
        for code in codes.filter(|code| code.ends_with("_not_found")) {
            // Messages about symbols and streams list those there are.
            let lists_itself = ["symbol_not_found", "stream_not_found"].contains(&code);
            assert!(lists_itself || lists(code).is_some_and(is_call), "{code}: {:?}", lists(code));
            seen += 1;
        }
        assert!(seen > 20, "{seen}");
    }

    #[test]
    fn what_is_added_is_a_sentence_and_can_be_taken_off() {
        for (message, whole) in [
            ("there is no strategy x", "there is no strategy x; GET /api/strategies lists all"),
            (
                "there is no strategy x; did you mean y?",
                "there is no strategy x; did you mean y? GET /api/strategies lists all",
            ),
        ] {
            let said = added("strategy_not_found", message);
            assert_eq!(said, whole);
            assert_eq!(removed("strategy_not_found", &said), message);
            assert_eq!(added("strategy_not_found", &said), said, "once");
        }
        assert_eq!(added("invalid_request", "no"), "no");
        assert_eq!(
            removed("invalid_request", "no; GET /api/users lists all"),
            "no; GET /api/users lists all"
        );
    }
}
