//! Reads the body of a request within its bounds of size, time and memory.

use super::context::AppContext;
use super::error::Failure;
use super::key_locks::NoTurn;
use super::request::{Body, invalid};
use super::route::{Route, Takes};
use crate::json::{self, Bounds};
use crate::limits::{HTTP_BODY_BYTES, HTTP_JSON_DEPTH, HTTP_SMALL_BODY_BYTES, REFUSAL_PROBLEMS};
use crate::service::{Caller, Refusal, RefusalKind};
use http_body_util::{BodyExt, Limited};
use hyper::StatusCode;
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use std::sync::Arc;
use std::time::Duration;

/// Checks the media type before the body is read; returns whether the body is an upload. Changing routes
/// accept only JSON: an HTML form of a foreign page cannot send it.
///
/// # Errors
/// 415.
pub fn media(route: &Route, headers: &HeaderMap, has_body: bool) -> Result<bool, Failure> {
    let refuse = |message: &str| {
        Err(Failure::http(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message))
    };
    if headers.get(CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return refuse("send the body as it is, without Content-Encoding");
    }
    let media = match headers.get(CONTENT_TYPE) {
        None if has_body && route.takes != Takes::Nothing => {
            return refuse("set Content-Type: application/json");
        }
        None => return Ok(false),
        Some(value) => value.to_str().unwrap_or_default(),
    };
    let (kind, parameter) = media.split_once(';').unwrap_or((media, ""));
    let parameter = parameter.trim();
    let utf8 = parameter.is_empty()
        || parameter.eq_ignore_ascii_case("charset=utf-8")
        || parameter.eq_ignore_ascii_case("charset=\"utf-8\"");
    match kind.trim() {
        kind if kind.eq_ignore_ascii_case("application/json") && utf8 && route.takes != Takes::Bytes => {
            Ok(false)
        }
        kind if kind.eq_ignore_ascii_case("application/octet-stream") && route.takes_bytes() => Ok(true),
        _ if route.takes == Takes::Bytes => refuse("set Content-Type: application/octet-stream"),
        _ if route.mutates() => refuse("set Content-Type: application/json and send JSON"),
        _ => Ok(false),
    }
}

/// Reads a JSON body. A large one is not read until there is memory for it.
///
/// # Errors
/// 408 on timeout, 413 when it is too large, 429 when too many large bodies wait, 400 with every problem of
/// the JSON.
pub async fn read_json(
    context: &AppContext,
    route: &Route,
    caller: Option<&Caller>,
    mut body: Incoming,
    timeout: Duration,
) -> Result<Body, Failure> {
    let is_large = body.size_hint().upper().unwrap_or(route.body_bytes as u64) > HTTP_SMALL_BODY_BYTES as u64;
    // Only routes that need a login accept large bodies.
    let turn = match caller.filter(|_| is_large) {
        Some(caller) => match context.large_bodies.take(Arc::clone(&caller.name), timeout).await {
            Ok(turn) => Some(turn),
            Err(why) => {
                discard(body).await;
                return Err(no_turn(why));
            }
        },
        None => None,
    };
    let read = tokio::time::timeout(timeout, Limited::new(&mut body, route.body_bytes).collect()).await;
    let bytes = match read {
        Err(_) => {
            let message = "the body did not arrive in time: send it at once, or raise http.body_timeout_ms";
            return Err(Failure::http(StatusCode::REQUEST_TIMEOUT, "body_timeout", message).closing());
        }
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            // No length was announced, so only now it is known to be too large.
            drop(turn);
            discard(body).await;
            return Err(too_large(route.body_bytes));
        }
        Ok(Err(_)) => {
            return Err(Failure::http(
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "the body ended before it was whole",
            ));
        }
        Ok(Ok(collected)) => collected.to_bytes(),
    };
    Ok(match (json_body(route, bytes)?, turn) {
        (Body::Json(text, value), Some(turn)) => Body::LargeJson(text, value, turn),
        (body, _) => body,
    })
}

fn no_turn(why: NoTurn) -> Failure {
    let message = match why {
        NoTurn::TooMany => {
            "too many requests with large bodies of this user are under way: send fewer at once"
        }
        NoTurn::TooLong => "many large bodies are under way: try again in a moment",
    };
    Refusal { retry_after_s: Some(1), ..Refusal::new(RefusalKind::TooMany, "rate_limited", message) }.into()
}

/// Parses a complete body.
///
/// # Errors
/// 400 with every problem of the JSON, or for a body that the route does not take.
pub fn json_body(route: &Route, bytes: Bytes) -> Result<Body, Failure> {
    match route.takes {
        Takes::Nothing if bytes.is_empty() => return Ok(Body::Nothing),
        Takes::Optional(_) if bytes.is_empty() => return Ok(Body::Nothing),
        Takes::Nothing => {
            return Err(invalid("this path takes no body", vec![(String::new(), "send no body".to_owned())]));
        }
        _ => {}
    }
    let mut problems = Vec::new();
    let value = json::read(
        &bytes,
        Bounds { bytes: HTTP_BODY_BYTES, depth: HTTP_JSON_DEPTH },
        &mut |path, problem| {
            if problems.len() <= REFUSAL_PROBLEMS {
                problems.push((path.to_owned(), problem));
            }
        },
    );
    match value {
        Some(value) if problems.is_empty() => Ok(Body::Json(bytes, value)),
        _ => Err(invalid("the JSON body cannot be used", problems)),
    }
}

/// Reads and discards the rest of a refused request, within bounds: closing a connection with unread bytes
/// resets it, and the client would not see the refusal.
pub async fn discard(mut body: Incoming) {
    const BYTES: usize = 2 * HTTP_BODY_BYTES;
    const PATIENCE: Duration = Duration::from_secs(5);
    let mut left = BYTES;
    let read = async {
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                return;
            }
        }
    };
    // A client that sends more, or more slowly, is cut off.
    let _ = tokio::time::timeout(PATIENCE, read).await;
}

/// 413 for a JSON body that is too large.
pub fn too_large(most: usize) -> Failure {
    let message = format!("a JSON body has at most {most} bytes here");
    Failure::http(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
}
