//! The answer to a request that carried an idempotency key, so that its repetition is answered alike.

use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};

/// A request that was answered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IdempotencyV1 {
    /// SHA-256 of what was asked.
    pub request_hash: [u8; 32],
    /// Status of the answer; 0 while there is none.
    pub status: u16,
    /// Where the created thing is, when the answer says so.
    pub location: Option<String>,
    /// Body of the answer.
    pub body: Vec<u8>,
    /// When it was answered, microseconds since 1970.
    pub created_us: i64,
}

impl Stored for IdempotencyV1 {
    const KIND: u16 = 19;
    const VERSION: u16 = 1;
    const NAME: &'static str = "idempotency";
}
