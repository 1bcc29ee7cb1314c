//! Who is asking: passwords, access tokens, refresh tokens, CSRF tokens, roles. Values in, values out; times come in as
//! values. Only `secret` touches a file: the one that holds the key.
//!
//! Never: a user table (the store has it), HTTP, or a default secret. No type that holds a key can be printed.

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

/// Bytes as they stand in tokens: base64url without padding.
pub fn to_text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of a text; `None` unless it is exactly what [`to_text`] writes for them.
pub fn from_text(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// An id nobody can guess: 128 random bits as 22 characters.
pub fn random_id() -> String {
    to_text(&random::<16>())
}
