//! Refresh tokens: opaque to clients, stored by the server only as a hash.
//!
//! A token is `family (16 bytes) | secret (32 bytes) | seal (32 bytes)` in base64url. The seal is an HMAC
//! that proves the server issued this token to this family. A sealed token that is not the family's current
//! one is therefore an earlier one (a reuse), while a forged token ends nobody's login.

use super::{Keys, from_text, random, to_text};
use aws_lc_rs::{digest, hmac};

const FAMILY_BYTES: usize = 16;
const SECRET_BYTES: usize = 32;
const SEALED_BYTES: usize = FAMILY_BYTES + SECRET_BYTES;
/// Length of a token.
const TOKEN_CHARACTERS: usize = 107;

/// A refresh token issued by this server.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// Id of its login family, made by [`super::random_id`].
    pub family: String,
    /// SHA-256 of the whole token.
    pub hash: [u8; 32],
}

impl RefreshToken {
    /// Issues a token of a family; returns it with its text.
    ///
    /// # Panics
    /// When the family is not an id of [`super::random_id`].
    pub fn issue(keys: &Keys, family: &str) -> (RefreshToken, String) {
        let id = from_text(family)
            .filter(|id| id.len() == FAMILY_BYTES)
            .expect("families are ids that random_id made");
        let mut bytes = [&id[..], &random::<SECRET_BYTES>()].concat();
        let seal = hmac::sign(&keys.refresh, &bytes);
        bytes.extend_from_slice(seal.as_ref());
        (RefreshToken { family: family.to_owned(), hash: sha256(&bytes) }, to_text(&bytes))
    }

    /// Parses a token; `None` unless this server issued it.
    pub fn read(keys: &Keys, text: &str) -> Option<RefreshToken> {
        let bytes = Some(text).filter(|text| text.len() == TOKEN_CHARACTERS).and_then(from_text)?;
        let (sealed, seal) = bytes.split_at_checked(SEALED_BYTES)?;
        hmac::verify(&keys.refresh, sealed, seal).ok()?;
        Some(RefreshToken { family: to_text(&sealed[..FAMILY_BYTES]), hash: sha256(&bytes) })
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::random_id;

    #[test]
    fn a_token_reads_as_what_it_was_issued_as() {
        let (keys, family) = (Keys::ephemeral(), random_id());
        let (token, text) = RefreshToken::issue(&keys, &family);
        assert_eq!(text.len(), TOKEN_CHARACTERS);
        assert!(RefreshToken::read(&keys, &text) == Some(token.clone()));
        let (other, _) = RefreshToken::issue(&keys, &family);
        assert!(token.family == other.family && token.hash != other.hash);
        assert!(RefreshToken::read(&Keys::ephemeral(), &text).is_none());
    }

    #[test]
    fn nothing_else_is_a_token() {
        let keys = Keys::ephemeral();
        let (_, text) = RefreshToken::issue(&keys, &random_id());
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert!(
                RefreshToken::read(&keys, std::str::from_utf8(&changed).unwrap()).is_none(),
                "character {at}"
            );
            assert!(RefreshToken::read(&keys, &text[..at]).is_none());
        }
        for other in
            [format!("{text}="), format!(" {text}"), format!("{text}\n"), "é".repeat(53) + "x", String::new()]
        {
            assert!(RefreshToken::read(&keys, &other).is_none(), "{other}");
        }
    }
}
