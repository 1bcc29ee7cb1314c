//! JSON from strangers: bounded, without duplicate keys, every number finite, a sentence for everything refused.

use super::problem::{Problems, at};
use crate::limits::{DOCUMENT_BYTES, DOCUMENT_JSON_DEPTH};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// The value of a document, or `None` with the reason added to `problems`. Duplicate keys are reported and the
/// first kept, so that the rest of the document can still be judged.
pub(super) fn read(bytes: &[u8], problems: &mut Problems) -> Option<Value> {
    if bytes.len() > DOCUMENT_BYTES {
        problems.error("", format!("the document has {} bytes, at most {DOCUMENT_BYTES} are read", bytes.len()));
        return None;
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let hint = if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") { " (it looks like UTF-16)" } else { "" };
            let place = error.valid_up_to();
            problems.error("", format!("not UTF-8 from byte {place} on{hint}; save the document as UTF-8"));
            return None;
        }
    };
    if text.trim().is_empty() {
        problems.error("", "the document is empty");
        return None;
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = Part { path: String::new(), depth: 0, problems }.deserialize(&mut deserializer);
    match read.and_then(|value| deserializer.end().map(|()| value)) {
        Ok(value) => Some(value),
        Err(error) => {
            problems.error("", format!("not JSON: {error}"));
            None
        }
    }
}

/// One value of the tree and where it stands.
struct Part<'p> {
    path: String,
    depth: usize,
    problems: &'p mut Problems,
}

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_> {
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
        let depth = deeper(self.depth, &self.path)?;
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(Part { path: at(&self.path, values.len()), depth, problems: self.problems })? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let depth = deeper(self.depth, &self.path)?;
        let mut fields = Map::new();
        while let Some(key) = object.next_key::<String>()? {
            let path = at(&self.path, &key);
            let value = object.next_value_seed(Part { path: path.clone(), depth, problems: self.problems })?;
            if fields.contains_key(&key) {
                self.problems.error(&path, "this field stands twice in its object; remove one");
            } else {
                fields.insert(key, value);
            }
        }
        Ok(Value::Object(fields))
    }
}

fn deeper<E: Error>(depth: usize, path: &str) -> Result<usize, E> {
    if depth == DOCUMENT_JSON_DEPTH {
        let start: String = path.chars().take(120).collect();
        return Err(E::custom(format!("nested deeper than {DOCUMENT_JSON_DEPTH} levels at {start}")));
    }
    Ok(depth + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> String {
        let mut problems = Problems::default();
        let value = read(bytes, &mut problems);
        assert!(problems.has_errors(), "{value:?}");
        problems.into_vec().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
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
            (&[b' '; DOCUMENT_BYTES + 1], "at most 1048576 are read"),
        ] {
            let message = refused(bytes);
            assert!(message.contains(said), "{said:?} not in {message:?}");
        }
    }

    #[test]
    fn keeps_order_and_skips_a_byte_order_mark() {
        let mut problems = Problems::default();
        let value = read(b"\xEF\xBB\xBF{\"z\": 1, \"a\": [true, null, -2.5, \"\\u00e9\"]}", &mut problems).unwrap();
        assert_eq!(value.to_string(), r#"{"z":1,"a":[true,null,-2.5,"é"]}"#);
        assert!(!problems.has_errors());
    }
}
