//! Forged and invalid access tokens of every kind. Tests give all of them to the code that checks tokens,
//! which must refuse each with the same message.

use aws_lc_rs::hmac;
use base64::engine::{Engine, general_purpose::URL_SAFE, general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

/// A token that must be refused.
pub struct Hostile {
    pub what: &'static str,
    pub token: String,
}

/// Forges tokens with full knowledge, including the daemon's secret.
pub struct Forge {
    key: Vec<u8>,
    header: String,
    claims: Value,
    genuine: String,
}

impl Forge {
    /// Takes the daemon's secret (the content of its key file) and a token that it accepts.
    pub fn new(secret: &[u8], genuine: &str) -> Self {
        let key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"tradingd access token")
            .as_ref()
            .to_vec();
        let part = |at| {
            String::from_utf8(URL_SAFE_NO_PAD.decode(genuine.split('.').nth(at).unwrap()).unwrap()).unwrap()
        };
        let (header, claims) = (part(0), serde_json::from_str(&part(1)).unwrap());
        let forge = Forge { key, header, claims, genuine: genuine.to_owned() };
        assert_eq!(
            forge.text(&part(1)),
            genuine,
            "what this forges must be as good as the original, or it proves nothing"
        );
        forge
    }

    /// The genuine token with changed claims and a valid signature.
    pub fn with(&self, change: impl Fn(&mut Value)) -> String {
        let mut claims = self.claims.clone();
        change(&mut claims);
        self.text(&claims.to_string())
    }

    /// A token with any payload under the genuine header, validly signed.
    fn text(&self, payload: &str) -> String {
        self.signed(&self.header, payload.as_bytes(), &self.key)
    }

    fn under(&self, header: &Value) -> String {
        self.signed(&header.to_string(), self.claims.to_string().as_bytes(), &self.key)
    }

    fn signed(&self, header: &str, payload: &[u8], key: &[u8]) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    /// All invalid tokens. `refresh` is a refresh token of the same login, `now` the daemon's time in
    /// seconds.
    pub fn hostile(&self, refresh: &str, now: i64) -> Vec<Hostile> {
        let mut all = Vec::new();
        self.algorithms(&mut all);
        self.headers(&mut all);
        self.keys(&mut all);
        self.times(now, &mut all);
        self.claims(&mut all);
        self.shapes(refresh, &mut all);
        all
    }

    fn algorithms(&self, all: &mut Vec<Hostile>) {
        let mut add = |what, token| all.push(Hostile { what, token });
        let claims = self.claims.to_string();
        let unsigned = |alg: &str| {
            let header = URL_SAFE_NO_PAD.encode(json!({ "typ": "JWT", "alg": alg }).to_string());
            format!("{header}.{}.", URL_SAFE_NO_PAD.encode(&claims))
        };
        for alg in ["none", "None", "NONE", "nOnE"] {
            add("algorithm none, no signature", unsigned(alg));
            add("algorithm none, right signature", self.under(&json!({ "typ": "JWT", "alg": alg })));
        }
        for alg in [Algorithm::HS384, Algorithm::HS512] {
            let token =
                encode(&Header::new(alg), &self.claims, &EncodingKey::from_secret(&self.key)).unwrap();
            add("another HMAC, rightly signed with it", token);
        }
        for alg in
            ["HS384", "HS512", "RS256", "RS512", "PS256", "ES256", "ES384", "EdDSA", "hs256", "HS-256", ""]
        {
            add(
                "another algorithm in the header, signed with HS256",
                self.under(&json!({ "typ": "JWT", "alg": alg })),
            );
        }
        add("no algorithm", self.under(&json!({ "typ": "JWT" })));
        add("algorithm as a list", self.under(&json!({ "typ": "JWT", "alg": ["HS256"] })));
        add("algorithm null", self.under(&json!({ "typ": "JWT", "alg": null })));
    }

    fn headers(&self, all: &mut Vec<Hostile>) {
        let mut add = |what, extra: Value| {
            let mut header = json!({ "typ": "JWT", "alg": "HS256" });
            header.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            all.push(Hostile { what, token: self.under(&header) });
        };
        add("kid that walks to an empty file", json!({ "kid": "../../../../dev/null" }));
        add("kid with SQL", json!({ "kid": "x' UNION SELECT 'key" }));
        add("kid with a command", json!({ "kid": "|touch /tmp/x" }));
        add("keys from elsewhere", json!({ "jku": "http://127.0.0.1:9/keys.json" }));
        add("certificate from elsewhere", json!({ "x5u": "http://127.0.0.1:9/cert.pem" }));
        let own = URL_SAFE_NO_PAD.encode(b"a key that the attacker brought along");
        add("key brought along", json!({ "jwk": { "kty": "oct", "k": own } }));
        add("critical extension", json!({ "crit": ["b64"], "b64": false }));
        add("nested token", json!({ "cty": "JWT" }));
        add("compressed", json!({ "zip": "DEF" }));
    }

    fn keys(&self, all: &mut Vec<Hostile>) {
        let mut add = |what, key: &[u8]| {
            let token = self.signed(&self.header, self.claims.to_string().as_bytes(), key);
            all.push(Hostile { what, token });
        };
        add("another key", &[7; 32]);
        add("the empty key", b"");
        add("a guessed key", b"secret");
        add(
            "a public key as the key",
            b"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYI\n-----END PUBLIC KEY-----\n",
        );
        add("the key brought along", b"a key that the attacker brought along");
        let mut close = self.key.clone();
        close[31] ^= 1;
        add("the key but for one bit", &close);
    }

    fn times(&self, now: i64, all: &mut Vec<Hostile>) {
        let mut add = |what, claim: &str, value: Value| {
            all.push(Hostile { what, token: self.with(|claims| claims[claim] = value.clone()) });
        };
        add("expired this second", "exp", json!(now));
        add("expired by one second", "exp", json!(now - 1));
        add("expired long ago", "exp", json!(0));
        add("expiry negative", "exp", json!(-1));
        add("expiry a text", "exp", json!((now + 900).to_string()));
        add("expiry with a fraction", "exp", json!((now + 900) as f64 + 0.5));
        add("expiry beyond all numbers", "exp", json!(1e300));
        add("expiry true", "exp", json!(true));
        add("expiry null", "exp", json!(null));
        add("expiry a list", "exp", json!([now + 900]));
        add("made in an hour", "iat", json!(now + 3_600));
        add("made at a negative time", "iat", json!(-1));
        add("made at a text", "iat", json!("now"));
        add("not before an hour from now", "nbf", json!(now + 3_600));
        all.push(Hostile {
            what: "expiry larger than 64 bits",
            token: self.replaced("exp", "18446744073709551617"),
        });
    }

    fn claims(&self, all: &mut Vec<Hostile>) {
        for name in ["sub", "role", "jti", "sid", "iat", "exp", "iss", "aud", "typ"] {
            let without = |claims: &mut Value| drop(claims.as_object_mut().unwrap().remove(name));
            all.push(Hostile { what: "a claim is missing", token: self.with(without) });
            all.push(Hostile {
                what: "a claim is null",
                token: self.with(|claims| claims[name] = json!(null)),
            });
            all.push(Hostile { what: "a claim is there twice", token: self.twice(name) });
        }
        let mut add = |what, claim: &str, value: Value| {
            all.push(Hostile { what, token: self.with(|claims| claims[claim] = value.clone()) });
        };
        add("for somebody else", "aud", json!("other-api"));
        add("for us and somebody else", "aud", json!(["tradingd-api", "other-api"]));
        add("for us, as a list", "aud", json!(["tradingd-api"]));
        add("for us in capitals", "aud", json!("TRADINGD-API"));
        add("by somebody else", "iss", json!("other"));
        add("by us, as a list", "iss", json!(["tradingd"]));
        add("a refresh token by its type", "typ", json!("refresh"));
        add("of no type", "typ", json!(""));
        add("a user who does not exist", "sub", json!("nobody"));
        add("a user of no name", "sub", json!(""));
        add("a user by number", "sub", json!(0));
        add("a user with a zero byte", "sub", json!("ann\0"));
        add("a role that does not exist", "role", json!("emperor"));
        add("roles as a list", "role", json!(["admin"]));
        add("a login that does not exist", "sid", json!("AAAAAAAAAAAAAAAAAAAAAA"));
        add("a claim that nobody knows", "admin", json!(true));
        let other = if self.claims["role"] == "admin" { "viewer" } else { "admin" };
        add("a role that the user does not have", "role", json!(other));
    }

    fn shapes(&self, refresh: &str, all: &mut Vec<Hostile>) {
        let mut add = |what, token: String| all.push(Hostile { what, token });
        let genuine = self.genuine.as_str();
        let [header, payload, signature] = genuine.split('.').collect::<Vec<_>>()[..] else {
            panic!("a token has three parts")
        };
        add("a refresh token", refresh.to_owned());
        add("nothing", String::new());
        add("dots", "..".to_owned());
        add("two parts", format!("{header}.{payload}"));
        add("four parts", format!("{genuine}.{signature}"));
        add("five parts, as if encrypted", format!("{genuine}.{payload}.{signature}"));
        add("no header", format!(".{payload}.{signature}"));
        add("no payload", format!("{header}..{signature}"));
        add("no signature", format!("{header}.{payload}."));
        add("cut by one", genuine[..genuine.len() - 1].to_owned());
        add("longer by one", format!("{genuine}A"));
        add("signature of zeros", format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode([0; 32])));
        add(
            "payload changed",
            format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(self.claims.to_string() + " ")),
        );
        add(
            "header changed",
            format!("{}.{payload}.{signature}", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#)),
        );
        add(
            "header spaced, rightly signed",
            self.signed(r#"{"typ": "JWT", "alg": "HS256"}"#, self.claims.to_string().as_bytes(), &self.key),
        );
        let swap = |text: &str| format!("{}{}", if text.starts_with('A') { 'B' } else { 'A' }, &text[1..]);
        add("signature changed at its first letter", format!("{header}.{payload}.{}", swap(signature)));
        add("padded", format!("{header}.{payload}.{signature}="));
        add(
            "padded to full groups",
            format!("{header}.{payload}.{}", URL_SAFE.encode(URL_SAFE_NO_PAD.decode(signature).unwrap())),
        );
        add("space before", format!(" {genuine}"));
        add("space behind", format!("{genuine} "));
        add("line end behind", format!("{genuine}\n"));
        add("space inside", format!("{header}.{payload} .{signature}"));
        add("with its scheme twice", format!("Bearer {genuine}"));
        add("in capitals", genuine.to_uppercase());
        add("other letters", genuine.replace('.', "\u{ff0e}"));
        add("a payload that is no JSON", self.text("{"));
        add("a payload that is a list", self.text("[]"));
        add("a payload that is a text", self.text("\"ann\""));
        add("a payload with more behind", self.text(&format!("{0}{0}", self.claims)));
        add("a payload that is not UTF-8", self.signed(&self.header, b"{\"sub\":\"\xff\"}", &self.key));
        add("a deep payload", self.text(&("[".repeat(300) + &"]".repeat(300))));
        add("a huge payload", self.with(|claims| claims["jti"] = json!("x".repeat(1 << 20))));
        add("a huge header", format!("{}.{payload}.{signature}", "A".repeat(1 << 20)));
    }

    /// The payload with a claim's value replaced by raw text.
    fn replaced(&self, claim: &str, value: &str) -> String {
        let text = self.claims.to_string();
        let old = format!("\"{claim}\":{}", self.claims[claim]);
        assert!(text.contains(&old));
        self.text(&text.replace(&old, &format!("\"{claim}\":{value}")))
    }

    /// The payload with a claim given twice, both times with its right value.
    fn twice(&self, claim: &str) -> String {
        let text = self.claims.to_string();
        self.text(&text.replacen('{', &format!("{{\"{claim}\":{},", self.claims[claim]), 1))
    }
}
