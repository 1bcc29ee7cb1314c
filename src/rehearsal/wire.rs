//! Text as the exchange writes it: JSON objects, the REST envelope, and numbers in all notations the exchange
//! uses. Prices and quantities are written from decimals, not floats.

use crate::domain::decimal::Decimal;
use crate::domain::rng::Rng;
use std::fmt::{Display, Write};

/// A JSON object under construction.
#[derive(Default)]
pub struct Object(String);

impl Object {
    /// An empty object.
    pub fn new() -> Self {
        Object(String::with_capacity(256))
    }

    fn key(&mut self, key: &str) -> &mut String {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        let _ = write!(self.0, "\"{key}\":");
        &mut self.0
    }

    /// Adds a string.
    #[must_use]
    pub fn text(self, key: &str, value: &str) -> Self {
        let quoted = quoted(value);
        self.raw(key, &quoted)
    }

    /// Adds a number, a flag, or anything whose `Display` is JSON.
    #[must_use]
    pub fn put(mut self, key: &str, value: impl Display) -> Self {
        let _ = write!(self.key(key), "{value}");
        self
    }

    /// Adds JSON text.
    #[must_use]
    pub fn raw(mut self, key: &str, json: &str) -> Self {
        self.key(key).push_str(json);
        self
    }

    /// Adds `null`.
    #[must_use]
    pub fn null(self, key: &str) -> Self {
        self.raw(key, "null")
    }

    /// Adds the value if there is one.
    #[must_use]
    pub fn maybe(self, key: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.put(key, value),
            None => self,
        }
    }

    /// Closes the object.
    pub fn end(mut self) -> String {
        if self.0.is_empty() {
            self.0.push('{');
        }
        self.0.push('}');
        self.0
    }
}

/// A JSON string.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A JSON array of JSON texts.
pub fn list(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().collect();
    format!("[{}]", items.join(","))
}

/// A successful answer.
pub fn success(payload: &str) -> String {
    format!("{{\"success\":true,\"code\":0,\"data\":{payload}}}")
}

/// A successful answer without data.
pub const DONE: &str = "{\"success\":true,\"code\":0}";

/// A failed answer.
pub fn failure(code: i64, message: &str) -> String {
    format!("{{\"success\":false,\"code\":{code},\"message\":{}}}", quoted(message))
}

/// A socket frame; with a symbol the keys come in another order, as observed on the exchange.
pub fn frame(channel: &str, symbol: Option<&str>, payload: &str, ts: &str) -> String {
    match symbol {
        Some(symbol) => {
            format!("{{\"symbol\":\"{symbol}\",\"data\":{payload},\"channel\":\"{channel}\",\"ts\":{ts}}}")
        }
        None => format!("{{\"channel\":\"{channel}\",\"data\":{payload},\"ts\":{ts}}}"),
    }
}

/// Number formatting.
#[derive(Clone, Debug)]
pub struct Spelling {
    rng: Rng,
    quirks: bool,
}

impl Spelling {
    /// `quirks`: random exponents, padding and unknown keys; otherwise plain digits.
    pub fn new(seed: u64, quirks: bool) -> Self {
        Spelling { rng: Rng::new(seed), quirks }
    }

    /// Whether quirks are on.
    pub fn is_quirky(&self) -> bool {
        self.quirks
    }

    /// Random numbers for formatting.
    pub fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    /// Writes a price: tiny and round ones sometimes with an exponent, others sometimes with trailing zeros.
    pub fn price(&mut self, out: &mut String, value: Decimal) {
        let (mantissa, scale) = (value.mantissa(), i32::from(value.scale()));
        let is_round = scale == 0 && mantissa != 0 && mantissa % 1_000 == 0;
        let is_tiny = mantissa != 0 && scale - digits(mantissa) >= 5;
        if self.quirks && (is_round || is_tiny) && self.rng.once_in(2) {
            exponent(out, mantissa, scale);
            return;
        }
        let _ = write!(out, "{value}");
        if self.quirks && self.rng.once_in(4) {
            out.push_str(if scale == 0 { ".0" } else { "0" });
        }
    }

    /// Writes a number of contracts, rarely with thirty trailing zeros.
    pub fn volume(&mut self, out: &mut String, value: Decimal) {
        let _ = write!(out, "{value}");
        if self.quirks && value.scale() == 0 && self.rng.once_in(200) {
            out.push_str(".000000000000000000000000000000");
        }
    }

    /// A price as text.
    pub fn price_text(&mut self, value: Decimal) -> String {
        let mut out = String::new();
        self.price(&mut out, value);
        out
    }

    /// Closes an object, sometimes with unknown keys.
    pub fn object(&mut self, object: Object) -> String {
        if self.quirks && self.rng.once_in(8) {
            return object.raw("_extend", "{\"tier\":null,\"tags\":[1,\"a\"]}").put("bizSource", 1).end();
        }
        object.end()
    }
}

fn digits(mantissa: i64) -> i32 {
    i32::try_from(mantissa.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1)).unwrap_or(1)
}

/// Writes an exponent form: `8.2E+4`, `3.21E-6`.
fn exponent(out: &mut String, mantissa: i64, scale: i32) {
    let power = digits(mantissa) - 1 - scale;
    let text = mantissa.unsigned_abs().to_string();
    let (first, rest) = text.split_at(1);
    let rest = rest.trim_end_matches('0');
    let sign = if mantissa < 0 { "-" } else { "" };
    let point = if rest.is_empty() { "" } else { "." };
    let _ = write!(out, "{sign}{first}{point}{rest}E{power:+}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_the_same_number() {
        let mut spelling = Spelling::new(7, true);
        let mut forms = std::collections::BTreeSet::new();
        for text in ["82000", "0.00000321", "0.08055", "61800.3", "1000000", "7"] {
            let value = Decimal::parse(text.as_bytes()).unwrap();
            for _ in 0..64 {
                let price = spelling.price_text(value);
                assert_eq!(Decimal::parse(price.as_bytes()), Ok(value), "{price}");
                forms.insert(price);
            }
        }
        for form in ["8.2E+4", "3.21E-6", "0.080550", "1E+6", "7.0"] {
            assert!(forms.contains(form), "{form} in {forms:?}");
        }
    }

    #[test]
    fn objects_are_json() {
        let text = Object::new().text("a", "x\"y").put("b", 1).null("c").end();
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            serde_json::json!({"a": "x\"y", "b": 1, "c": null})
        );
        assert_eq!(Object::new().end(), "{}");
    }
}
