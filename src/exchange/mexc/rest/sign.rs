//! Signatures of private calls. Invariant: neither a key nor signed content appears in a log line or an
//! error.

use crate::domain::time::Timestamp;
use aws_lc_rs::hmac;
use std::fmt;
use std::fmt::Write as _;

/// API key and secret of an account. `Debug` prints neither.
#[derive(Clone)]
pub struct Keys {
    access: String,
    secret: hmac::Key,
}

impl Keys {
    /// From the exchange's access key and secret key.
    pub fn new(access: &str, secret: &str) -> Self {
        Keys { access: access.to_owned(), secret: hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()) }
    }

    /// The access key, sent with each call.
    pub(in crate::exchange::mexc) fn access(&self) -> &str {
        &self.access
    }

    /// Lower-case hex of HMAC-SHA256(secret, access + time in milliseconds + parameters). `parameters`: the
    /// sorted query of a GET, or the body of a POST byte for byte.
    pub fn signature(&self, at: Timestamp, parameters: &str) -> String {
        let mut context = hmac::Context::with_key(&self.secret);
        context.update(self.access.as_bytes());
        context.update(at.millis().to_string().as_bytes());
        context.update(parameters.as_bytes());
        let mut hex = String::with_capacity(64);
        for byte in context.sign().as_ref() {
            let _ = write!(hex, "{byte:02x}");
        }
        hex
    }

    /// The login message of a socket.
    pub fn login(&self, at: Timestamp) -> String {
        let access = serde_json::Value::from(self.access.as_str());
        let (time, signature) = (at.millis(), self.signature(at, ""));
        format!(
            r#"{{"method":"login","param":{{"apiKey":{access},"reqTime":"{time}","signature":"{signature}"}}}}"#
        )
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}
