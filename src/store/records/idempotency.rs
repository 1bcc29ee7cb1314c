//! The answer to a request with an idempotency key, so that a retry gets the same answer.

use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};

/// A request and its answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IdempotencyV1 {
    /// SHA-256 of the request.
    pub request_hash: [u8; 32],
    /// HTTP status of the answer; 0 while there is none.
    pub status: u16,
    /// Path of the created resource, if any.
    pub location: Option<String>,
    /// Response body.
    pub body: Vec<u8>,
    /// Time of storing, microseconds since 1970.
    pub created_us: i64,
}

impl Stored for IdempotencyV1 {
    const KIND: u16 = 19;
    const VERSION: u16 = 1;
    const NAME: &'static str = "idempotency";
}
