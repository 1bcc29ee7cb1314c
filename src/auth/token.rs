//! Access tokens: JSON Web Tokens with one fixed algorithm, parsed strictly.
//!
//! The header must equal `HEADER` byte for byte; nothing in it is interpreted. Expiry is compared with the
//! time given by the caller, without leeway.

use super::{Keys, Role, random_id};
use crate::domain::time::{Span, Timestamp};
use crate::limits::ACCESS_TOKEN_BYTES;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

/// The `iss` claim.
pub const ISSUER: &str = "tradingd";
/// The `aud` claim.
pub const AUDIENCE: &str = "tradingd-api";

const TYPE: &str = "access";
/// `{"typ":"JWT","alg":"HS256"}`, the only accepted header.
const HEADER: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.";

/// The content of an access token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Access {
    /// User name.
    pub name: String,
    /// Role of the user when the token was issued.
    pub role: Role,
    /// Id of the token.
    pub jti: String,
    /// Id of the login family.
    pub family: String,
    /// Time from which it is invalid.
    pub expires: Timestamp,
}

/// Issues and verifies access tokens.
pub struct AccessTokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

/// Claims by their registered names; `sid` is the login family. Unknown and repeated claims are rejected.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    sub: String,
    role: String,
    jti: String,
    sid: String,
    iat: i64,
    exp: i64,
    iss: String,
    aud: String,
    typ: String,
}

impl AccessTokens {
    /// Uses the access-token key.
    pub fn new(keys: &Keys) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        validation.leeway = 0;
        // The library would read the system clock; `read` compares with the given time.
        validation.validate_exp = false;
        AccessTokens {
            encoding: EncodingKey::from_secret(&keys.access),
            decoding: DecodingKey::from_secret(&keys.access),
            validation,
        }
    }

    /// Issues a token valid until `ttl` after `now` (rounded to seconds); returns its text and content.
    pub fn issue(&self, name: &str, role: Role, family: &str, now: Timestamp, ttl: Span) -> (String, Access) {
        let expires = Timestamp::from_seconds((now + ttl).seconds());
        let access =
            Access { name: name.to_owned(), role, jti: random_id(), family: family.to_owned(), expires };
        let claims = Claims {
            sub: access.name.clone(),
            role: role.as_str().to_owned(),
            jti: access.jti.clone(),
            sid: access.family.clone(),
            iat: now.seconds(),
            exp: expires.seconds(),
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            typ: TYPE.to_owned(),
        };
        let token = encode(&Header::new(Algorithm::HS256), &claims, &self.encoding);
        (token.expect("strings and integers are JSON, and HMAC signs any bytes"), access)
    }

    /// Verifies a token; `None` unless every claim is valid at `now`.
    pub fn read(&self, token: &str, now: Timestamp) -> Option<Access> {
        if token.len() > ACCESS_TOKEN_BYTES || !token.starts_with(HEADER) {
            return None;
        }
        let claims = decode::<Claims>(token, &self.decoding, &self.validation).ok()?.claims;
        let now = now.seconds();
        let exact = claims.iss == ISSUER && claims.aud == AUDIENCE && claims.typ == TYPE;
        if !exact || claims.iat < 0 || now < claims.iat || now >= claims.exp {
            return None;
        }
        Some(Access {
            role: Role::from_name(&claims.role)?,
            name: claims.sub,
            jti: claims.jti,
            family: claims.sid,
            expires: Timestamp::from_seconds(claims.exp),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
    const QUARTER: Span = Span::from_seconds(900);

    #[test]
    fn a_token_reads_as_what_it_was_issued_as_until_it_expires() {
        let tokens = AccessTokens::new(&Keys::ephemeral());
        for role in Role::ALL {
            let (text, access) = tokens.issue("ann", role, "family", NOW, QUARTER);
            assert!(text.starts_with(HEADER) && text.len() < ACCESS_TOKEN_BYTES, "{text}");
            assert_eq!(access.expires, NOW + QUARTER);
            assert_eq!(tokens.read(&text, NOW).as_ref(), Some(&access));
            assert_eq!(tokens.read(&text, NOW + Span::from_seconds(899)).as_ref(), Some(&access));
            assert_eq!(tokens.read(&text, NOW + QUARTER), None);
            assert_eq!(tokens.read(&text, NOW - Span::SECOND), None, "made in the future");
        }
    }

    #[test]
    fn the_longest_name_fits_and_no_two_tokens_share_an_id() {
        let tokens = AccessTokens::new(&Keys::ephemeral());
        let name = "x".repeat(64);
        let (first, a) = tokens.issue(&name, Role::Viewer, &random_id(), NOW, QUARTER);
        let (_, b) = tokens.issue(&name, Role::Viewer, &random_id(), NOW, QUARTER);
        assert_eq!(tokens.read(&first, NOW), Some(a.clone()));
        assert_ne!(a.jti, b.jti);
    }
}
