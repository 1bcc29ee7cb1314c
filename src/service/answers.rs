//! Answers kept under idempotency keys.

use super::{Kind, Refusal, Service};
use crate::domain::time::Timestamp;
use crate::store::records::IdempotencyV1;
use sha2::{Digest, Sha256};

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
    /// `idempotency_key_reused` when another request had the key.
    pub fn kept_answer(&self, user: &str, key: &str, request: &[u8], now: Timestamp) -> Result<Option<Answer>, Refusal> {
        let Some(kept) = self.store.answer(user, key, now)? else { return Ok(None) };
        if kept.request_hash != hash(request) {
            let message = "this Idempotency-Key was used for another request: use a new key for a new request";
            return Err(Refusal::new(Kind::Conflict, "idempotency_key_reused", message));
        }
        Ok(Some(Answer { status: kept.status, location: kept.location, body: kept.body }))
    }

    /// Keeps the answer to a request.
    ///
    /// # Errors
    /// What the store reports.
    pub fn keep_answer(&self, user: &str, key: &str, request: &[u8], answer: Answer, now: Timestamp) -> Result<(), Refusal> {
        let Answer { status, location, body } = answer;
        let kept = IdempotencyV1 { request_hash: hash(request), status, location, body, created_us: now.micros() };
        Ok(self.store.put_answer(user, key, &kept, now)?)
    }
}

fn hash(request: &[u8]) -> [u8; 32] {
    Sha256::digest(request).into()
}
