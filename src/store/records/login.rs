//! Logins as families of refresh tokens, and revoked access tokens.

use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};

/// One login: a family of successive refresh tokens, of which only the newest is valid.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LoginV1 {
    /// Id of the family.
    pub family: String,
    /// User name.
    pub user: String,
    /// Time of the login, microseconds since 1970.
    pub created_us: i64,
    /// Expiry of the current refresh token, microseconds since 1970.
    pub expires_us: i64,
    /// SHA-256 of the current refresh token.
    pub refresh_hash: [u8; 32],
    /// Whether the login has ended: none of its tokens is valid.
    pub revoked: bool,
}

/// An access token that is refused before its expiry.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RevokedTokenV1 {
    /// Token id.
    pub jti: String,
    /// Expiry, after which the record can be removed, microseconds since 1970.
    pub expires_us: i64,
}

impl Stored for LoginV1 {
    const KIND: u16 = 17;
    const VERSION: u16 = 1;
    const NAME: &'static str = "login";
}

impl Stored for RevokedTokenV1 {
    const KIND: u16 = 18;
    const VERSION: u16 = 1;
    const NAME: &'static str = "revoked_token";
}
