//! Validates untrusted input without a socket, a login or the store, with the functions that real requests
//! pass through. For fuzzing: it returns only errors that the daemon would also return.

use super::body;
use super::error::Failure;
use super::handlers::{auth, users};
use super::reply::Content;
use super::request::{self, Body, Query};
use super::route::Method;
use super::routes::router;
use super::stream;
use crate::config::Config;
use crate::domain::time::Timestamp;
use crate::service::{sessions, strategies};
use hyper::StatusCode;
use hyper::body::Bytes;

/// An error response.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// Status code.
    pub status: u16,
    /// JSON.
    pub body: Bytes,
}

/// Validates a request: `method`, `target` (path and query as in the request line) and JSON body.
///
/// # Errors
/// The error response.
pub fn request(method: &str, target: &str, body: &[u8]) -> Result<(), Refused> {
    check(method, target, body).map_err(|failure| {
        let reply = failure.into_reply("id", Timestamp::from_nanos(0));
        let body = if let Content::Flat(body) = reply.content { body } else { Bytes::new() };
        Refused { status: reply.status.as_u16(), body }
    })
}

/// Validates a message of a WebSocket client.
///
/// # Errors
/// The error message sent to the client.
pub fn message(text: &str) -> Result<(), String> {
    stream::validate(text)
}

fn check(method: &str, target: &str, bytes: &[u8]) -> Result<(), Failure> {
    let nothing = |code| Failure::http(StatusCode::NOT_FOUND, code, "there is nothing at this path");
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let found = router().at(path).map_err(|_| nothing("not_found"))?;
    let route = found
        .value
        .iter()
        .copied()
        .find(|route| route.method.as_str() == method)
        .ok_or_else(|| nothing("method_not_allowed"))?;
    request::ids(found.params.iter())?;
    Query::read(query, route.query)?;
    if bytes.len() > route.body_bytes {
        return Err(body::too_large(route.body_bytes));
    }
    if route.method == Method::Get {
        return Ok(());
    }
    let Body::Json(text, value) = body::json_body(route, Bytes::copy_from_slice(bytes))? else {
        return Ok(());
    };
    match (route.method, route.path) {
        (Method::Post, "/sessions/start") => Ok(sessions::validate(&value, &Config::default())?),
        (Method::Post, "/api/users") => users::new_user(&value).map(drop),
        (Method::Put, "/api/users/{name}") => users::alteration(&value).map(drop),
        (Method::Post, "/api/v1/auth/login") => auth::credentials(&value).map(drop),
        (Method::Post, "/api/v1/auth/setup") => auth::first_admin(&value).map(drop),
        (Method::Post, "/api/v1/auth/refresh") => auth::refresh_token(&value).map(drop),
        (Method::Post | Method::Put, "/api/strategies" | "/api/strategies/{id}") => {
            Ok(strategies::check(&text)?)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::routes::routes;
    use super::*;

    /// The documented examples must be refused here exactly as the daemon refuses them.
    #[test]
    fn documented_requests_are_judged_as_documented() {
        let mut refused = 0;
        for route in routes() {
            for example in route.examples {
                let body = example.body.unwrap_or_default().as_bytes();
                let validated = request(route.method.as_str(), example.path.unwrap_or(route.path), body);
                match validated {
                    Ok(()) => {}
                    Err(_) if route.path.contains('{') && example.path.is_none() => {}
                    Err(answer) => {
                        assert_eq!(
                            answer.status, example.status,
                            "{} {}: {:?}",
                            route.path, example.name, answer.body
                        );
                        refused += 1;
                    }
                }
            }
        }
        assert!(refused >= 5, "{refused} refused");
    }

    #[test]
    fn messages_are_answered_with_every_problem() {
        assert_eq!(message(r#"{"type":"ping"}"#), Ok(()));
        let said = message(r#"{"type":"subscribe","stream":"order","id":"7"}"#).unwrap_err();
        assert!(said.contains("/stream") && said.contains(r#""id":"7""#), "{said}");
    }
}
