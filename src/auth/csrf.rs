//! CSRF tokens: signed, short-lived and bound to a login family, if there is one. The server stores none.
//!
//! A token is `expiry (8 bytes, Unix seconds) | random (16) | binding (16) | tag (32)` in base64url. A
//! request with a cookie needs a token of the cookie's login family. A foreign page cannot make a browser
//! send a Bearer header, so with one any valid, unexpired token is accepted.

use super::{Keys, from_text, random, same_secret, to_text};
use crate::domain::time::{Span, Timestamp};
use aws_lc_rs::hmac;

const EXPIRY_BYTES: usize = 8;
const RANDOM_BYTES: usize = 16;
const BINDING_BYTES: usize = 16;
const SIGNED_BYTES: usize = EXPIRY_BYTES + RANDOM_BYTES + BINDING_BYTES;
/// Length of a token.
const TOKEN_CHARACTERS: usize = 96;

/// Why the CSRF check failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CsrfProblem {
    /// The request has no token.
    Missing,
    /// Not issued by this server, or bound to another login.
    Invalid,
    /// The token has expired.
    Expired,
}

/// Issues a token valid until `ttl` after `now`, bound to a login family, if there is one.
pub fn token(keys: &Keys, now: Timestamp, ttl: Span, family: Option<&str>) -> String {
    let expires = (now + ttl).seconds().to_be_bytes();
    let mut bytes = [&expires[..], &random::<RANDOM_BYTES>(), &binding(keys, family)].concat();
    let tag = hmac::sign(&keys.csrf, &bytes);
    bytes.extend_from_slice(tag.as_ref());
    to_text(&bytes)
}

/// Verifies the token of a request. `family` is the login of its cookie, `None` with a Bearer header.
///
/// # Errors
/// Why the token is not accepted.
pub fn verify(
    keys: &Keys,
    token: Option<&str>,
    now: Timestamp,
    family: Option<&str>,
) -> Result<(), CsrfProblem> {
    let token = token.filter(|token| !token.is_empty()).ok_or(CsrfProblem::Missing)?;
    let bytes = Some(token)
        .filter(|token| token.len() == TOKEN_CHARACTERS)
        .and_then(from_text)
        .ok_or(CsrfProblem::Invalid)?;
    let (signed, tag) = bytes.split_at_checked(SIGNED_BYTES).ok_or(CsrfProblem::Invalid)?;
    hmac::verify(&keys.csrf, signed, tag).map_err(|_| CsrfProblem::Invalid)?;
    let bound = &signed[EXPIRY_BYTES + RANDOM_BYTES..];
    if family.is_some() && !same_secret(bound, &binding(keys, family)) {
        return Err(CsrfProblem::Invalid);
    }
    let expires = signed.first_chunk().map_or(i64::MIN, |expires| i64::from_be_bytes(*expires));
    if now.seconds() < expires { Ok(()) } else { Err(CsrfProblem::Expired) }
}

/// An HMAC of the family: identifies it without revealing it.
fn binding(keys: &Keys, family: Option<&str>) -> [u8; BINDING_BYTES] {
    let mut bytes = [0; BINDING_BYTES];
    if let Some(family) = family {
        let tag = hmac::sign(&keys.csrf, format!("family {family}").as_bytes());
        bytes.copy_from_slice(&tag.as_ref()[..BINDING_BYTES]);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
    const HOUR: Span = Span::from_seconds(3_600);

    #[test]
    fn a_cookie_needs_its_own_token_and_a_bearer_any() {
        let keys = Keys::ephemeral();
        let families = [None, Some("a"), Some("b")];
        for made_for in families {
            let token = token(&keys, NOW, HOUR, made_for);
            assert_eq!(token.len(), TOKEN_CHARACTERS);
            for used_by in families {
                let expected =
                    if used_by.is_none() || used_by == made_for { Ok(()) } else { Err(CsrfProblem::Invalid) };
                assert_eq!(
                    verify(&keys, Some(&token), NOW, used_by),
                    expected,
                    "made for {made_for:?}, used by {used_by:?}"
                );
            }
        }
    }

    #[test]
    fn a_token_ends_to_the_second() {
        let keys = Keys::ephemeral();
        let token = token(&keys, NOW, HOUR, Some("a"));
        assert_eq!(verify(&keys, Some(&token), NOW + Span::from_seconds(3_599), Some("a")), Ok(()));
        assert_eq!(verify(&keys, Some(&token), NOW + HOUR, Some("a")), Err(CsrfProblem::Expired));
        assert_eq!(verify(&keys, Some(&token), NOW + HOUR, Some("b")), Err(CsrfProblem::Invalid));
    }

    #[test]
    fn nothing_else_is_a_token() {
        let keys = Keys::ephemeral();
        let token = token(&keys, NOW, HOUR, None);
        assert_eq!(verify(&keys, None, NOW, None), Err(CsrfProblem::Missing));
        assert_eq!(verify(&keys, Some(""), NOW, None), Err(CsrfProblem::Missing));
        assert_eq!(verify(&Keys::ephemeral(), Some(&token), NOW, None), Err(CsrfProblem::Invalid));
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(verify(&keys, Some(&changed), NOW, None), Err(CsrfProblem::Invalid), "character {at}");
            assert!(at == 0 || verify(&keys, Some(&token[..at]), NOW, None) == Err(CsrfProblem::Invalid));
        }
    }
}
