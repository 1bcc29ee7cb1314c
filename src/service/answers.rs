//! Stored answers of requests that carried an `Idempotency-Key`.
//!
//! Invariant: a key is on disk before its request changes anything, so a retry after a crash is refused as
//! unfinished instead of being run twice.

use super::{Refusal, RefusalKind, Service};
use crate::domain::time::Timestamp;
use crate::store::records::IdempotencyV1;
use sha2::{Digest, Sha256};

/// Status stored for a request that has not been answered yet.
const UNDER_WAY: u16 = 0;

/// A stored HTTP answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// HTTP status code.
    pub status: u16,
    /// Value of the `Location` header: path of the created resource.
    pub location: Option<String>,
    /// Response body.
    pub body: Vec<u8>,
}

impl Service {
    /// The answer a user's request with this key got within the last 24 hours; `None` when the key is new.
    ///
    /// # Errors
    /// `idempotency_key_reused` when the key belongs to another request; `idempotency_key_unfinished` when
    /// the daemon ended before it had answered this one.
    pub fn kept_answer(
        &self,
        user: &str,
        key: &str,
        request: &[u8],
        now: Timestamp,
    ) -> Result<Option<Answer>, Refusal> {
        let Some(kept) = self.store.answer(user, key, now)? else { return Ok(None) };
        if kept.request_hash != hash(request) {
            let message =
                "this Idempotency-Key was used for another request: use a new key for a new request";
            return Err(Refusal::new(RefusalKind::Conflict, "idempotency_key_reused", message));
        }
        if kept.status == UNDER_WAY {
            let message = "the daemon ended before it had answered the request with this Idempotency-Key: look whether it was done; \
                           if not, send it with a new key";
            return Err(Refusal::new(RefusalKind::Conflict, "idempotency_key_unfinished", message));
        }
        Ok(Some(Answer { status: kept.status, location: kept.location, body: kept.body }))
    }

    /// Reserves the key before the request runs. The caller makes sure that no other request of this user
    /// with this key is running.
    ///
    /// # Errors
    /// What the store reports.
    pub fn begin_answer(&self, user: &str, key: &str, request: &[u8], now: Timestamp) -> Result<(), Refusal> {
        self.keep_answer(
            user,
            key,
            request,
            Answer { status: UNDER_WAY, location: None, body: Vec::new() },
            now,
        )
    }

    /// Releases the key of a request that was refused and changed nothing.
    ///
    /// # Errors
    /// What the store reports.
    pub fn forget_answer(&self, user: &str, key: &str) -> Result<(), Refusal> {
        Ok(self.store.remove_answer(user, key)?)
    }

    /// Stores the answer of a request.
    ///
    /// # Errors
    /// What the store reports.
    pub fn keep_answer(
        &self,
        user: &str,
        key: &str,
        request: &[u8],
        answer: Answer,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let Answer { status, location, body } = answer;
        let kept =
            IdempotencyV1 { request_hash: hash(request), status, location, body, created_us: now.micros() };
        Ok(self.store.put_answer(user, key, &kept, now)?)
    }
}

fn hash(request: &[u8]) -> [u8; 32] {
    Sha256::digest(request).into()
}
