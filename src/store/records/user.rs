//! A user. Never a password: only what it hashes to.

use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Somebody who may log in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserV1 {
    /// Name they log in with.
    pub name: String,
    /// Word of their role.
    pub role: String,
    /// Hash of their password, as text that names algorithm, cost and salt.
    pub password_hash: String,
    /// When they were made, microseconds since 1970.
    pub created_us: i64,
    /// When anything of this changed, microseconds since 1970.
    pub updated_us: i64,
    /// May not log in.
    pub disabled: bool,
}

impl Stored for UserV1 {
    const KIND: u16 = 16;
    const VERSION: u16 = 1;
    const NAME: &'static str = "user";
}

/// Without the hash, which has no place in a log.
impl fmt::Debug for UserV1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserV1({}, {}, disabled: {})", self.name, self.role, self.disabled)
    }
}
