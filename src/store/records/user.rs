//! A user. Contains the hash of the password, never the password.

use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A user account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserV1 {
    /// Login name.
    pub name: String,
    /// Name of the role.
    pub role: String,
    /// Password hash as text that includes algorithm, cost and salt.
    pub password_hash: String,
    /// Time of creation, microseconds since 1970.
    pub created_us: i64,
    /// Time of the last change, microseconds since 1970.
    pub updated_us: i64,
    /// Whether logging in is disabled.
    pub disabled: bool,
}

impl Stored for UserV1 {
    const KIND: u16 = 16;
    const VERSION: u16 = 1;
    const NAME: &'static str = "user";
}

/// Omits the hash, which must not be logged.
impl fmt::Debug for UserV1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserV1({}, {}, disabled: {})", self.name, self.role, self.disabled)
    }
}
