//! Parses untrusted JSON with bounded size and depth, without duplicate keys, and with an error text for
//! everything rejected.

mod nearest;

pub use nearest::nearest;

use crate::limits::{JSON_REPEATED, JSON_STEP_CHARS};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Bounds of a document.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Maximum bytes of the text.
    pub bytes: usize,
    /// Maximum nesting of objects and lists.
    pub depth: usize,
}

/// Receives a problem: its JSON pointer (RFC 6901; empty for the whole document) and a description.
pub type Report<'r> = dyn FnMut(&str, String) + 'r;

/// Parses a text; `None` with the reason reported. Duplicate keys are reported and the first value is kept,
/// so that the rest can still be validated.
pub fn read(bytes: &[u8], bounds: Bounds, report: &mut Report<'_>) -> Option<Value> {
    if bytes.len() > bounds.bytes {
        report("", format!("the document has {} bytes, at most {} are read", bytes.len(), bounds.bytes));
        return None;
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let hint = if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
                " (it looks like UTF-16)"
            } else {
                ""
            };
            let offset = error.valid_up_to();
            report("", format!("not UTF-8 from byte {offset} on{hint}; save the document as UTF-8"));
            return None;
        }
    };
    if text.trim().is_empty() {
        report("", "the document is empty".to_owned());
        return None;
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let mut reading = Reading { max_depth: bounds.depth, repeated: 0, report };
    let read = Node { path: Path::Root, depth: 0, reading: &mut reading }.deserialize(&mut deserializer);
    match read.and_then(|value| deserializer.end().map(|()| value)) {
        Ok(value) => Some(value),
        Err(error) => {
            report("", format!("not JSON: {error}"));
            None
        }
    }
}

/// Appends a step to a JSON pointer. Untrusted names may be long and pointers are copied, so a step is cut
/// after [`JSON_STEP_CHARS`].
pub fn at(path: &str, step: impl fmt::Display) -> String {
    let mut step = step.to_string();
    if let Some((end, _)) = step.char_indices().nth(JSON_STEP_CHARS) {
        step.truncate(end);
        step.push('…');
    }
    if step.contains(['~', '/']) {
        format!("{path}/{}", step.replace('~', "~0").replace('/', "~1"))
    } else {
        format!("{path}/{step}")
    }
}

/// Path of a value. Formatted only when there is something to report; formatting it for every value would
/// cost the length of all names above it each time.
#[derive(Clone, Copy)]
enum Path<'p> {
    Root,
    Field(&'p Path<'p>, &'p str),
    Entry(&'p Path<'p>, usize),
}

impl Path<'_> {
    fn pointer(&self) -> String {
        match self {
            Path::Root => String::new(),
            Path::Field(above, name) => at(&above.pointer(), name),
            Path::Entry(above, index) => at(&above.pointer(), index),
        }
    }
}

/// State shared by all values of a document.
struct Reading<'p, 'r> {
    max_depth: usize,
    /// Number of duplicate keys so far.
    repeated: usize,
    report: &'p mut Report<'r>,
}

impl Reading<'_, '_> {
    fn repeated(&mut self, path: &Path<'_>) {
        self.repeated += 1;
        match self.repeated {
            ..=JSON_REPEATED => (self.report)(
                &path.pointer(),
                "this field is given twice in its object; remove one".to_owned(),
            ),
            n if n == JSON_REPEATED + 1 => {
                (self.report)("", "more fields are given twice; they are not listed".to_owned())
            }
            _ => {}
        }
    }

    fn deeper<E: Error>(&self, depth: usize, path: &Path<'_>) -> Result<usize, E> {
        if depth == self.max_depth {
            let start: String = path.pointer().chars().take(120).collect();
            return Err(E::custom(format!("nested deeper than {} levels at {start}", self.max_depth)));
        }
        Ok(depth + 1)
    }
}

/// One value of the document.
struct Node<'p, 'q, 'r> {
    path: Path<'p>,
    depth: usize,
    reading: &'p mut Reading<'q, 'r>,
}

impl<'de> DeserializeSeed<'de> for Node<'_, '_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_, '_, '_> {
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
        let depth = self.reading.deeper(self.depth, &self.path)?;
        let mut values = Vec::new();
        loop {
            let node =
                Node { path: Path::Entry(&self.path, values.len()), depth, reading: &mut *self.reading };
            match list.next_element_seed(node)? {
                Some(value) => values.push(value),
                None => return Ok(Value::Array(values)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let depth = self.reading.deeper(self.depth, &self.path)?;
        let mut fields = Map::new();
        while let Some(key) = object.next_key::<String>()? {
            let path = Path::Field(&self.path, &key);
            let value = object.next_value_seed(Node { path, depth, reading: &mut *self.reading })?;
            if fields.contains_key(&key) {
                self.reading.repeated(&path);
            } else {
                fields.insert(key, value);
            }
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { bytes: 1 << 20, depth: 24 };

    fn validate(bytes: &[u8]) -> (Option<Value>, String) {
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
            (b"{\"a\": {\"b/c\": 1, \"b/c\": 2}}", "/a/b~1c: this field is given twice"),
            ("[".repeat(100_000).as_bytes(), "nested deeper than 24 levels"),
            (&[b' '; (1 << 20) + 1], "at most 1048576 are read"),
        ] {
            let message = validate(bytes).1;
            assert!(message.contains(said), "{said:?} not in {message:?}");
        }
    }

    #[test]
    fn keeps_order_and_skips_a_byte_order_mark() {
        let (value, said) = validate(b"\xEF\xBB\xBF{\"z\": 1, \"a\": [true, null, -2.5, \"\\u00e9\"]}");
        assert_eq!(value.unwrap().to_string(), r#"{"z":1,"a":[true,null,-2.5,"é"]}"#);
        assert_eq!(said, "");
    }

    /// The worst case takes linear time: a name is not copied for every value or problem below it.
    #[test]
    fn long_names_over_many_values_cost_no_more_than_their_bytes() {
        let name = "n".repeat(BOUNDS.bytes / 2);
        let (value, said) =
            validate(format!("{{\"{name}\":[{}0]}}", "0,".repeat(BOUNDS.bytes / 4 - 10)).as_bytes());
        assert_eq!(
            (value.unwrap()[&name].as_array().unwrap().len(), said.as_str()),
            (BOUNDS.bytes / 4 - 9, "")
        );
        let said = validate(
            format!("{{\"{name}\":{{{}\"a\":0}}}}", "\"a\":0,".repeat(BOUNDS.bytes / 16)).as_bytes(),
        )
        .1;
        assert_eq!(said.lines().count(), JSON_REPEATED + 1);
        assert!(said.len() < JSON_REPEATED * 2 * JSON_STEP_CHARS, "{} bytes are said", said.len());
    }

    #[test]
    fn pointers_escape() {
        assert_eq!(at("/a", "b/c~d"), "/a/b~1c~0d");
    }
}
