//! Logins as families of refresh tokens, and access tokens that are good no more.

use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};

/// One login: the refresh tokens that followed each other from it. Only the newest is good.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LoginV1 {
    /// Id of the family.
    pub family: String,
    /// The user's name.
    pub user: String,
    /// When the user logged in, microseconds since 1970.
    pub created_us: i64,
    /// When the current refresh token expires, microseconds since 1970.
    pub expires_us: i64,
    /// SHA-256 of the current refresh token.
    pub refresh_hash: [u8; 32],
    /// No token of it is good any more.
    pub revoked: bool,
}

/// An access token that is refused although it has not expired.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RevokedTokenV1 {
    /// Id of the token.
    pub jti: String,
    /// When it expires and need not be remembered, microseconds since 1970.
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
