//! JSON from strangers: bounded, without duplicate keys, every number finite, a sentence for everything refused.

mod nearest;

pub use nearest::nearest;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// How much is read.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes of the whole text.
    pub bytes: usize,
    /// Depth of objects and lists.
    pub depth: usize,
}

/// Takes a problem: where (a JSON pointer, RFC 6901; empty for the whole) and what.
pub type Report<'r> = dyn FnMut(&str, String) + 'r;

/// The value of a text, or `None` with the reason reported. Duplicate keys are reported and the first kept, so that
/// the rest can still be judged.
pub fn read(bytes: &[u8], bounds: Bounds, report: &mut Report<'_>) -> Option<Value> {
    if bytes.len() > bounds.bytes {
        report("", format!("the document has {} bytes, at most {} are read", bytes.len(), bounds.bytes));
        return None;
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let hint = if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") { " (it looks like UTF-16)" } else { "" };
            let place = error.valid_up_to();
            report("", format!("not UTF-8 from byte {place} on{hint}; save the document as UTF-8"));
            return None;
        }
    };
    if text.trim().is_empty() {
        report("", "the document is empty".to_owned());
        return None;
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = Part { path: String::new(), depth: 0, deepest: bounds.depth, report }.deserialize(&mut deserializer);
    match read.and_then(|value| deserializer.end().map(|()| value)) {
        Ok(value) => Some(value),
        Err(error) => {
            report("", format!("not JSON: {error}"));
            None
        }
    }
}

/// A step down in a JSON pointer.
pub fn at(path: &str, step: impl fmt::Display) -> String {
    let step = step.to_string();
    if step.contains(['~', '/']) { format!("{path}/{}", step.replace('~', "~0").replace('/', "~1")) } else { format!("{path}/{step}") }
}

/// One value of the tree and where it stands.
struct Part<'p, 'r> {
    path: String,
    depth: usize,
    deepest: usize,
    report: &'p mut Report<'r>,
}

impl<'de> DeserializeSeed<'de> for Part<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number is not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let depth = deeper(self.depth, self.deepest, &self.path)?;
        let mut values = Vec::new();
        loop {
            let part = Part { path: at(&self.path, values.len()), depth, deepest: self.deepest, report: &mut *self.report };
            match list.next_element_seed(part)? {
                Some(value) => values.push(value),
                None => return Ok(Value::Array(values)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let depth = deeper(self.depth, self.deepest, &self.path)?;
        let mut fields = Map::new();
        while let Some(key) = object.next_key::<String>()? {
            let path = at(&self.path, &key);
            let value = object.next_value_seed(Part { path: path.clone(), depth, deepest: self.deepest, report: &mut *self.report })?;
            if fields.contains_key(&key) {
                (self.report)(&path, "this field stands twice in its object; remove one".to_owned());
            } else {
                fields.insert(key, value);
            }
        }
        Ok(Value::Object(fields))
    }
}

fn deeper<E: Error>(depth: usize, deepest: usize, path: &str) -> Result<usize, E> {
    if depth == deepest {
        let start: String = path.chars().take(120).collect();
        return Err(E::custom(format!("nested deeper than {deepest} levels at {start}")));
    }
    Ok(depth + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { bytes: 1 << 20, depth: 24 };

    fn judge(bytes: &[u8]) -> (Option<Value>, String) {
        let mut said = Vec::new();
        let value = read(bytes, BOUNDS, &mut |path, problem| said.push(format!("{path}: {problem}")));
        (value, said.join("\n"))
    }

    #[test]
    fn refuses_with_a_sentence() {
        for (bytes, said) in [
            (&b""[..], "the document is empty"),
            (b"\xEF\xBB\xBF \n", "the document is empty"),
            (b"{\"a\": \xC3}", "not UTF-8 from byte 6 on"),
            (b"\xFF\xFE{\x00", "UTF-16"),
            (b"{\"a\": 1} x", "trailing characters at line 1 column 10"),
            (b"{\"a\": 1", "EOF while parsing an object at line 1 column 7"),
            (b"{\"a\": NaN}", "expected"),
            (b"{\"a\": 1e999}", "number out of range"),
            (b"{\"a\": {\"b/c\": 1, \"b/c\": 2}}", "/a/b~1c: this field stands twice"),
            ("[".repeat(100_000).as_bytes(), "nested deeper than 24 levels"),
            (&[b' '; (1 << 20) + 1], "at most 1048576 are read"),
        ] {
            let message = judge(bytes).1;
            assert!(message.contains(said), "{said:?} not in {message:?}");
        }
    }

    #[test]
    fn keeps_order_and_skips_a_byte_order_mark() {
        let (value, said) = judge(b"\xEF\xBB\xBF{\"z\": 1, \"a\": [true, null, -2.5, \"\\u00e9\"]}");
        assert_eq!(value.unwrap().to_string(), r#"{"z":1,"a":[true,null,-2.5,"é"]}"#);
        assert_eq!(said, "");
    }

    #[test]
    fn pointers_escape() {
        assert_eq!(at("/a", "b/c~d"), "/a/b~1c~0d");
    }
}
