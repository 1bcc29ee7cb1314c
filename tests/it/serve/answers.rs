//! Holds every answer that a test gets from a daemon, over HTTP and over the WebSocket, against its
//! documentation.

use super::client::Answer;
use crate::schema::{asyncapi, openapi};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use tradingd::http::{Route, routes};

/// Routes, as `GET /path`, that have succeeded with JSON as documented, in this process.
static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Whether a route, as `GET /path`, has succeeded as documented so far.
pub fn has_succeeded(route: &str) -> bool {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner).contains(route)
}

/// An answer has a status, a media type and a body that the route's documentation promises. Requests that
/// belong to no route only promise the form of their refusal.
#[track_caller]
pub fn are_as_documented(method: &str, path: &str, answer: &Answer) {
    let what = format!("{method} {path} ({})", answer.status);
    let refusal = openapi().named("Error");
    let found = find(method, path);
    let documented = found.map_or(&Value::Null, |route| {
        let method = method.to_ascii_lowercase();
        &openapi().document["paths"][route.path][method]["responses"][answer.status.to_string()]
    });
    let media = answer.header("content-type").unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default();
    // What a packed answer says is compared with the plain one by whoever asks for it.
    if answer.body.is_empty() || answer.header("content-encoding").is_some() {
        return;
    }
    if answer.status >= 400 && documented["content"].is_null() {
        return openapi().fits(refusal, &answer.json(), &what);
    }
    if documented.is_null() {
        assert!(found.is_none(), "{what}: the status is not documented");
        return;
    }
    let content = &documented["content"][media];
    assert!(content.is_object(), "{what}: {media} is not documented");
    if media == "application/json" {
        openapi().fits(&content["schema"], &answer.json(), &what);
        if let Some(route) = found.filter(|_| answer.status < 400) {
            let name = format!("{method} {}", route.path);
            SEEN.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
        }
    }
}

/// The route of a request: the one with the fewest parameters that fits.
fn find(method: &str, path: &str) -> Option<&'static Route> {
    let path = path.split('?').next().unwrap_or_default();
    let parameters = |route: &&Route| route.path.matches('{').count();
    routes().filter(|route| route.method.as_str() == method && fits(route.path, path)).min_by_key(parameters)
}

fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.split('/'), path.split('/'));
    pattern.clone().count() == path.clone().count()
        && pattern
            .zip(path)
            .all(|(pattern, part)| pattern == part || pattern.starts_with('{') && !part.is_empty())
}

/// A message of the daemon is as its description in `schema/asyncapi.json`.
#[track_caller]
pub fn message_is_as_documented(message: &Value) {
    let messages = &asyncapi().document["components"]["messages"];
    let word = |name: &str| message[name].as_str().unwrap_or_default();
    match word("type") {
        "response" => {
            let answers = messages.as_object().unwrap().iter().filter(|(name, _)| name.ends_with("_answer"));
            let tried: Vec<Vec<String>> =
                answers.map(|(_, answer)| asyncapi().problems(&answer["payload"], message)).collect();
            assert!(tried.iter().any(Vec::is_empty), "no documented answer is like {message}: {tried:?}");
        }
        "error" => asyncapi().fits(&messages["refused"]["payload"], message, "a refusal over the WebSocket"),
        kind => {
            let name = format!("{}_{kind}", word("stream"));
            assert!(messages[&name].is_object(), "{name} is not documented: {message}");
            asyncapi().fits(&messages[&name]["payload"], message, &name);
        }
    }
}
