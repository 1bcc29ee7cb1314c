//! Answers kept under idempotency keys. A key is on disk before its request changes anything, so that a retry after a kill
//! is told that nobody knows, and does not do it twice.

use super::{Refusal, RefusalKind, Service};
use crate::domain::time::Timestamp;
use crate::store::records::IdempotencyV1;
use sha2::{Digest, Sha256};

/// The status of a request that has no answer yet.
const UNDER_WAY: u16 = 0;

/// An answer as it was given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Where the created thing is.
    pub location: Option<String>,
    /// Body.
    pub body: Vec<u8>,
}

impl Service {
    /// The answer that a user's request got under a key within the last day; `None` for the first of its kind.
    ///
    /// # Errors
    /// `idempotency_key_reused` when another request had the key; `idempotency_key_unfinished` when the daemon ended
    /// before it had answered this one.
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

    /// A request with a key begins. Whoever calls waits until no other request of this user with this key runs.
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

    /// A request with a key was refused: it changed nothing, and the key is free.
    ///
    /// # Errors
    /// What the store reports.
    pub fn forget_answer(&self, user: &str, key: &str) -> Result<(), Refusal> {
        Ok(self.store.remove_answer(user, key)?)
    }

    /// Keeps the answer to a request.
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
