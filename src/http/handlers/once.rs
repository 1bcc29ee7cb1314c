//! `Idempotency-Key`: the first answer to a key is kept for a day, a retry gets the same one and changes nothing.

use crate::http::edge::Edge;
use crate::http::error::Failure;
use crate::http::reply::{Content, Reply};
use crate::http::request::{Call, invalid};
use crate::service::Refusal;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{ETAG, HeaderName, HeaderValue, LOCATION};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};

const KEY: &str = "idempotency-key";
const KEY_BYTES: usize = 128;
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replay");

/// Runs a handler, or gives the answer that the same request got before. Two at once: the second waits for the first.
///
/// # Errors
/// Those of the handler (they are not kept: a refused request changed nothing), and `idempotency_key_reused`.
pub fn once(edge: &Arc<Edge>, call: &mut Call, handler: fn(&Arc<Edge>, &mut Call) -> Result<Reply, Failure>) -> Result<Reply, Failure> {
    let Some(key) = call.headers.get(KEY) else { return handler(edge, call) };
    let key = key.to_str().ok().filter(|key| (1..=KEY_BYTES).contains(&key.len())).map(str::to_owned);
    let key = key.ok_or_else(|| invalid("the Idempotency-Key cannot be used", vec![("/header/idempotency-key".to_owned(), format!("must be 1 to {KEY_BYTES} visible ASCII characters"))]))?;
    let user = call.caller()?.name.to_string();

    let turn = turn(edge, &user, &key);
    let result = {
        let _mine = turn.lock().unwrap_or_else(PoisonError::into_inner);
        kept_or_new(edge, call, &user, &key, handler)
    };
    let mut turns = edge.once.lock().unwrap_or_else(PoisonError::into_inner);
    // Two: the map's and ours. Anybody who waits holds a third.
    if Arc::strong_count(&turn) <= 2 {
        turns.remove(&(user, key));
    }
    result
}

fn turn(edge: &Edge, user: &str, key: &str) -> Arc<Mutex<()>> {
    let mut turns = edge.once.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(turns.entry((user.to_owned(), key.to_owned())).or_default())
}

fn kept_or_new(
    edge: &Arc<Edge>,
    call: &mut Call,
    user: &str,
    key: &str,
    handler: fn(&Arc<Edge>, &mut Call) -> Result<Reply, Failure>,
) -> Result<Reply, Failure> {
    let request = [call.route.method.word().as_bytes(), b" ", call.route.path.as_bytes(), b"\n", call.ids.join("/").as_bytes(), b"\n", call.text()].concat();
    if let Some((status, body)) = edge.service.kept_answer(user, key, &request, call.now)? {
        return replay(status, &body).map(|reply| reply.header(REPLAYED, "true"));
    }
    let reply = handler(edge, call)?;
    if let Some(body) = keep(&reply) {
        edge.service.keep_answer(user, key, &request, reply.status.as_u16(), body, call.now)?;
    }
    Ok(reply)
}

/// What is kept of an answer: data and the headers that mean something.
fn keep(reply: &Reply) -> Option<Vec<u8>> {
    let Content::Data(data) = &reply.content else { return None };
    let data: Value = serde_json::from_slice(data).ok()?;
    let headers: Vec<(&str, &str)> =
        reply.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).filter(|(name, _)| *name == LOCATION.as_str()).collect();
    Some(json!({"data": data, "location": headers.first().map(|(_, value)| value), "etag": reply.etag}).to_string().into_bytes())
}

fn replay(status: u16, body: &[u8]) -> Result<Reply, Failure> {
    let broken = || Failure::from(Refusal::new(crate::service::Kind::Internal, "internal_error", "a kept answer cannot be read"));
    let kept: Value = serde_json::from_slice(body).map_err(|_| broken())?;
    let status = StatusCode::from_u16(status).map_err(|_| broken())?;
    let mut reply = Reply::new(status, Content::Data(Bytes::from(kept["data"].to_string())));
    reply.etag = kept["etag"].as_str().map(str::to_owned);
    if let Some(location) = kept["location"].as_str().and_then(|location| HeaderValue::from_str(location).ok()) {
        reply.headers.push((LOCATION, location));
    }
    debug_assert!(reply.headers.iter().all(|(name, _)| *name != ETAG));
    Ok(reply)
}
