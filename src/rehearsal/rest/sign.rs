//! Authentication: key, time and signature over the received bytes.

use super::{Failed, Request, decoded};
use crate::rehearsal::exchange::Exchange;
use crate::rehearsal::scenario::SignedComma;
use aws_lc_rs::hmac;
use std::fmt::Write;

/// Lower-case hex of HMAC-SHA256.
pub fn signature(secret: &str, message: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), message.as_bytes());
    tag.as_ref().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

impl Exchange {
    /// Verifies a signed request; returns the account.
    ///
    /// # Errors
    /// 401 without a key, 402 for an unknown key, 513 for a time outside the window, 602 for a wrong
    /// signature, 600 for a POST without a JSON content type.
    pub(super) fn signer(&self, request: &Request) -> Result<usize, Failed> {
        let key =
            request.header("apikey").ok_or_else(|| Failed::new(401, "Not logged in or login has expired"))?;
        let account = self.trading.find(key).ok_or_else(|| Failed::new(402, "API key expired"))?;
        let time = request.header("request-time").unwrap_or_default();
        let at_ms: i64 = time.parse().map_err(|_| Failed::new(513, "Invalid request"))?;
        if (at_ms.saturating_sub(self.now_ms())).abs() > self.settings.window_ms {
            return Err(Failed::new(513, "Invalid request"));
        }
        let sent = request.header("signature").unwrap_or_default();
        let secret = &self.trading.accounts[account].secret;
        let is_right = |parameters: &str| signature(secret, &format!("{key}{time}{parameters}")) == sent;
        let accepted = if request.method == "POST" {
            // A client signs text, so a body that is not UTF-8 cannot be signed correctly.
            std::str::from_utf8(&request.body).is_ok_and(is_right)
        } else {
            let (encoded, raw) = sorted(&request.query);
            match self.settings.signed_comma {
                SignedComma::Encoded => is_right(&encoded),
                SignedComma::Raw => is_right(&raw),
                SignedComma::Either => is_right(&encoded) || is_right(&raw),
            }
        };
        if !accepted {
            return Err(Failed::new(602, "Signature verification failed"));
        }
        if request.method == "POST"
            && !request.header("content-type").is_some_and(|kind| kind.starts_with("application/json"))
        {
            return Err(Failed::parameter());
        }
        Ok(account)
    }
}

/// Parameters sorted by name, as received and decoded.
fn sorted(query: &str) -> (String, String) {
    let mut pairs: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
    pairs.sort_by_key(|pair| pair.split('=').next().unwrap_or_default());
    let raw: Vec<String> = pairs.iter().map(|pair| decoded(pair)).collect();
    (pairs.join("&"), raw.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_the_documented_ones() {
        let empty = signature("test-secret-key", "test-access-key1700000000000");
        assert_eq!(empty, "aeb4e3067e62e6e2f9bda24b354b1087ac6b23488e85c3e50c8c777c91beb2b9");
        let body = "{\"symbol\":\"ADA_USDT\",\"vol\":1,\"type\":1,\"openType\":2,\"price\":0.6,\"side\":3}";
        let post = signature("test-secret-key", &format!("test-access-key1700000000000{body}"));
        assert_eq!(post, "c0f75732ff0a2414f8f7e3b6ab1f485f2f7554cc9666025b16588211e08804f0");
    }

    #[test]
    fn queries_are_sorted_by_name() {
        let (encoded, raw) = sorted("states=1%2C2&page_num=1");
        assert_eq!((encoded.as_str(), raw.as_str()), ("page_num=1&states=1%2C2", "page_num=1&states=1,2"));
    }
}
