//! Authentication: passwords, access tokens, refresh tokens, CSRF tokens and roles. Time is passed in. Only
//! `secret` reads or writes a file, the one with the key.
//!
//! Invariant: no type that holds a key implements `Debug` or `Display`, and there is no default secret. The
//! user table is in the store.

pub mod csrf;
pub mod password;
mod refresh;
mod role;
mod secret;
mod token;

pub use csrf::CsrfProblem;
pub use refresh::RefreshToken;
pub use role::Role;
pub use secret::{KEY_FILE, KeyError, Keys, random, same_secret};
pub use token::{AUDIENCE, Access, AccessTokens, ISSUER};

use base64::engine::{Engine, general_purpose::URL_SAFE_NO_PAD};

/// Encodes bytes for tokens: base64url without padding.
pub fn to_text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes a text; `None` unless it is exactly what [`to_text`] produces.
pub fn from_text(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// An unguessable id: 128 random bits as 22 characters.
pub fn random_id() -> String {
    to_text(&random::<16>())
}
