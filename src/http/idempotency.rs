//! `Idempotency-Key`: the first response to a key is kept for a day; a retry gets the same response and
//! changes nothing.

use crate::http::context::AppContext;
use crate::http::error::Failure;
use crate::http::reply::{Content, Reply};
use crate::http::request::{Call, invalid};
use crate::http::route::Handler;
use crate::service::answers::Answer as Kept;
use crate::service::{Refusal, RefusalKind};
use hyper::StatusCode;
use hyper::header::{HeaderName, LOCATION};
use std::sync::{Arc, Mutex, PoisonError};

const KEY: &str = "idempotency-key";
const KEY_BYTES: usize = 128;
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replay");

/// Runs a handler, or returns the stored response of the same request. Concurrent requests with the same key
/// wait for the first.
///
/// # Errors
/// Those of the handler (not stored, because a refused request changed nothing), `idempotency_key_reused` and
/// `idempotency_key_unfinished`.
pub fn once(context: &Arc<AppContext>, call: &mut Call, handler: Handler) -> Result<Reply, Failure> {
    let Some(key) = call.headers.get(KEY) else { return handler(context, call) };
    let key = key.to_str().ok().filter(|key| (1..=KEY_BYTES).contains(&key.len())).map(str::to_owned);
    let key = key.ok_or_else(|| {
        invalid(
            "the Idempotency-Key cannot be used",
            vec![(
                "/header/idempotency-key".to_owned(),
                format!("must be 1 to {KEY_BYTES} visible ASCII characters"),
            )],
        )
    })?;
    let user = call.caller()?.name.to_string();

    let lock = key_lock(context, &user, &key);
    let result = {
        let _guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
        stored_or_new(context, call, &user, &key, handler)
    };
    let mut locks = context.once.lock().unwrap_or_else(PoisonError::into_inner);
    // Two references: the map's and ours. A waiting request would hold a third.
    if Arc::strong_count(&lock) <= 2 {
        locks.remove(&(user, key));
    }
    result
}

fn key_lock(context: &AppContext, user: &str, key: &str) -> Arc<Mutex<()>> {
    let mut locks = context.once.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(locks.entry((user.to_owned(), key.to_owned())).or_default())
}

fn stored_or_new(
    context: &Arc<AppContext>,
    call: &mut Call,
    user: &str,
    key: &str,
    handler: fn(&Arc<AppContext>, &mut Call) -> Result<Reply, Failure>,
) -> Result<Reply, Failure> {
    let target = format!("{} {}\n{}\n", call.method.as_str(), call.path, call.ids.join("/"));
    let request = [target.as_bytes(), call.query.canonical().as_bytes(), call.text()].concat();
    if let Some(kept) = context.service.kept_answer(user, key, &request, call.now)? {
        return replay(kept).map(|reply| reply.header(REPLAYED, "true"));
    }
    context.service.begin_answer(user, key, &request, call.now)?;
    let reply = match handler(context, call) {
        Ok(reply) => reply,
        Err(refused) => {
            context.service.forget_answer(user, key)?;
            return Err(refused);
        }
    };
    match &reply.content {
        Content::Data(data) => {
            let location = reply
                .headers
                .iter()
                .find(|(name, _)| *name == LOCATION)
                .and_then(|(_, value)| value.to_str().ok());
            let answer = Kept {
                status: reply.status.as_u16(),
                location: location.map(str::to_owned),
                body: data.data().to_vec(),
            };
            context.service.keep_answer(user, key, &request, answer, call.now)?;
        }
        // Files and pages are not stored.
        _ => context.service.forget_answer(user, key)?,
    }
    Ok(reply)
}

fn replay(kept: Kept) -> Result<Reply, Failure> {
    let status = StatusCode::from_u16(kept.status)
        .map_err(|_| Refusal::new(RefusalKind::Internal, "internal_error", "a kept answer has no status"))?;
    let reply = Reply::bytes(&kept.body).status(status);
    Ok(match kept.location {
        Some(location) => reply.header(LOCATION, &location),
        None => reply,
    })
}
