//! Splits a line into the fields of its layout: CSV by header order, JSON by key. Allocates only to undo
//! quoting and escapes.

use super::error::{Problem, excerpt};
use super::layout::{LayoutRule, MAX_COLUMNS};

/// Range of a field, in the line or in the unescaped text.
#[derive(Clone, Copy, Default)]
struct Segment {
    from: u32,
    to: u32,
    unescaped: bool,
}

/// Fields of one line by slot; missing ones are empty.
#[derive(Default)]
pub(super) struct Fields {
    segments: [Segment; MAX_COLUMNS],
    unescaped: Vec<u8>,
}

impl Fields {
    /// The text of a slot; `line` must be the line that was split.
    #[inline]
    pub fn get<'a>(&'a self, line: &'a [u8], slot: usize) -> &'a [u8] {
        let segment = self.segments[slot];
        let text = if segment.unescaped { &self.unescaped[..] } else { line };
        &text[segment.from as usize..segment.to as usize]
    }

    /// Takes the values of a row by their ranges of a text.
    #[inline]
    pub fn set(&mut self, text: &[u8], ranges: &[(u32, u32); MAX_COLUMNS]) {
        self.unescaped.clear();
        for (segment, (from, to)) in self.segments.iter_mut().zip(ranges) {
            let start = self.unescaped.len() as u32;
            self.unescaped.extend_from_slice(&text[*from as usize..*to as usize]);
            *segment = Segment { from: start, to: self.unescaped.len() as u32, unescaped: true };
        }
    }

    /// Splits a CSV line whose columns are in the order of `slots`.
    #[inline]
    pub fn split_csv(&mut self, line: &[u8], slots: &[u8]) -> Result<(), Problem> {
        if memchr::memchr(b'"', line).is_some() {
            return self.split_quoted(line, slots);
        }
        let mut from = 0;
        let mut count = 0;
        for to in memchr::memchr_iter(b',', line).chain(std::iter::once(line.len())) {
            if let Some(slot) = slots.get(count) {
                self.segments[usize::from(*slot)] =
                    Segment { from: from as u32, to: to as u32, unescaped: false };
            }
            count += 1;
            from = to + 1;
        }
        if count == slots.len() {
            Ok(())
        } else {
            Err(Problem::FieldCount { found: count, expected: slots.len() })
        }
    }

    /// As [`Fields::split_csv`], for a line with quotes.
    #[cold]
    fn split_quoted(&mut self, line: &[u8], slots: &[u8]) -> Result<(), Problem> {
        self.unescaped.clear();
        let fields = csv_fields(line)?;
        if fields.len() != slots.len() {
            return Err(Problem::FieldCount { found: fields.len(), expected: slots.len() });
        }
        for (field, slot) in fields.iter().zip(slots) {
            let from = self.unescaped.len() as u32;
            self.unescaped.extend_from_slice(field);
            self.segments[usize::from(*slot)] =
                Segment { from, to: self.unescaped.len() as u32, unescaped: true };
        }
        Ok(())
    }

    /// Splits a JSON line by the names of a layout.
    pub fn split_json(&mut self, line: &[u8], rule: &'static LayoutRule) -> Result<(), Problem> {
        self.segments = Default::default();
        self.unescaped.clear();
        let mut seen: u16 = 0;
        let (segments, unescaped) = (&mut self.segments, &mut self.unescaped);
        each_pair(line, |key, value| {
            let slot = std::str::from_utf8(key).ok().and_then(|key| rule.slot(key));
            let slot =
                slot.ok_or_else(|| Problem::UnknownColumn { name: excerpt(key), known: rule.known() })?;
            if seen & 1 << slot != 0 {
                return Err(Problem::RepeatedColumn(excerpt(key)));
            }
            seen |= 1 << slot;
            segments[slot] = match value {
                Value::Plain(from, to) => Segment { from: from as u32, to: to as u32, unescaped: false },
                Value::Null => Segment::default(),
                Value::Escaped(from, to) => {
                    // The JSON parser needs the quotes around the text.
                    let text: String = serde_json::from_slice(&line[from - 1..=to])
                        .map_err(|_| Problem::Json("a text has a bad escape"))?;
                    let from = unescaped.len();
                    unescaped.extend_from_slice(text.as_bytes());
                    Segment { from: from as u32, to: unescaped.len() as u32, unescaped: true }
                }
            };
            Ok(())
        })?;
        match (0..rule.required.len()).find(|slot| seen & 1 << slot == 0) {
            None => Ok(()),
            Some(slot) => Err(Problem::MissingColumn { name: rule.required[slot], known: rule.known() }),
        }
    }
}

/// The fields of a CSV line, unquoted.
pub(super) fn csv_fields(line: &[u8]) -> Result<Vec<Vec<u8>>, Problem> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (field, behind) = match rest.strip_prefix(b"\"") {
            Some(quoted) => quoted_field(quoted)?,
            None => {
                let end = memchr::memchr(b',', rest).unwrap_or(rest.len());
                if memchr::memchr(b'"', &rest[..end]).is_some() {
                    return Err(Problem::Quotes("there is a quote inside an unquoted field"));
                }
                (rest[..end].to_vec(), &rest[end..])
            }
        };
        fields.push(field);
        match behind {
            [] => return Ok(fields),
            [b',', next @ ..] => rest = next,
            _ => return Err(Problem::Quotes("something follows a closing quote")),
        }
    }
}

/// A field up to its closing quote, and the rest.
fn quoted_field(text: &[u8]) -> Result<(Vec<u8>, &[u8]), Problem> {
    let (mut field, mut rest) = (Vec::new(), text);
    loop {
        let end = memchr::memchr(b'"', rest).ok_or(Problem::Quotes("a closing quote is missing"))?;
        field.extend_from_slice(&rest[..end]);
        match &rest[end + 1..] {
            [b'"', behind @ ..] => {
                field.push(b'"');
                rest = behind;
            }
            behind => return Ok((field, behind)),
        }
    }
}

/// Keys of a JSON object, and the value of `side`.
type Names<'a> = (Vec<&'a [u8]>, Option<&'a [u8]>);

/// The parts of a JSON object that identify its layout.
pub(super) fn json_names(line: &[u8]) -> Result<Names<'_>, Problem> {
    let mut names = Vec::new();
    let mut side = None;
    each_pair(line, |key, value| {
        if let (b"side", Value::Plain(from, to)) = (key, value) {
            side = Some(&line[from..to]);
        }
        names.push(key);
        Ok(())
    })?;
    Ok((names, side))
}

/// A value of a flat JSON object as a range of the line; of a string without its quotes.
#[derive(Clone, Copy)]
enum Value {
    Plain(usize, usize),
    Escaped(usize, usize),
    Null,
}

/// Visits the pairs of one flat JSON object. Number formats are validated later.
fn each_pair<'a>(
    line: &'a [u8],
    mut pair: impl FnMut(&'a [u8], Value) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut at = skip_space(line, 0);
    let expect = |at: usize, byte: u8, why| {
        if line.get(at) == Some(&byte) { Ok(skip_space(line, at + 1)) } else { Err(Problem::Json(why)) }
    };
    at = expect(at, b'{', "it does not begin with `{`")?;
    if line.get(at) != Some(&b'}') {
        loop {
            if line.get(at) != Some(&b'"') {
                return Err(Problem::Json("a key in quotes is missing"));
            }
            let (end, _) = text_end(line, at + 1)?;
            let key = &line[at + 1..end];
            at = expect(skip_space(line, end + 1), b':', "`:` is missing after a key")?;
            let (value, next) = value_at(line, at)?;
            pair(key, value)?;
            at = skip_space(line, next);
            match line.get(at) {
                Some(b',') => at = skip_space(line, at + 1),
                Some(b'}') => break,
                _ => return Err(Problem::Json("`,` or `}` is missing after a value")),
            }
        }
    }
    if skip_space(line, at + 1) == line.len() {
        Ok(())
    } else {
        Err(Problem::Json("something follows its closing `}`"))
    }
}

/// The value that begins at `at`, and its end.
fn value_at(line: &[u8], at: usize) -> Result<(Value, usize), Problem> {
    match line.get(at) {
        Some(b'"') => {
            let (end, escaped) = text_end(line, at + 1)?;
            Ok((if escaped { Value::Escaped(at + 1, end) } else { Value::Plain(at + 1, end) }, end + 1))
        }
        Some(b'{' | b'[') => Err(Problem::Json("a value is an object or a list")),
        _ => {
            let rest = &line[at..];
            let length =
                rest.iter().position(|b| matches!(b, b',' | b'}' | b' ' | b'\t')).unwrap_or(rest.len());
            match &rest[..length] {
                b"" => Err(Problem::Json("a value is missing")),
                b"null" => Ok((Value::Null, at + length)),
                _ => Ok((Value::Plain(at, at + length), at + length)),
            }
        }
    }
}

/// Position of the closing quote of the string that begins at `from`, and whether it contains escapes.
fn text_end(line: &[u8], from: usize) -> Result<(usize, bool), Problem> {
    let mut at = from;
    let mut escaped = false;
    loop {
        match line.get(at) {
            Some(b'"') => return Ok((at, escaped)),
            Some(b'\\') => {
                escaped = true;
                at += 2;
            }
            Some(_) => at += 1,
            None => return Err(Problem::Json("a text has no closing quote")),
        }
    }
}

fn skip_space(line: &[u8], from: usize) -> usize {
    from + line.get(from..).unwrap_or_default().iter().take_while(|b| matches!(b, b' ' | b'\t')).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::record::StreamKind;
    use crate::files::layout::rule_of;

    fn json(line: &str) -> Result<Vec<String>, String> {
        let rule = rule_of(StreamKind::Funding);
        let mut fields = Fields::default();
        fields.split_json(line.as_bytes(), rule).map_err(|p| p.to_string())?;
        Ok((0..3)
            .map(|slot| String::from_utf8(fields.get(line.as_bytes(), slot).to_vec()).unwrap())
            .collect())
    }

    #[test]
    fn fields_in_quotes_are_those_without() {
        let slots = [0, 1, 2];
        let split = |line: &str| {
            let mut fields = Fields::default();
            fields.split_csv(line.as_bytes(), &slots).map_err(|p| p.to_string())?;
            Ok::<_, String>(
                (0..3)
                    .map(|slot| String::from_utf8(fields.get(line.as_bytes(), slot).to_vec()).unwrap())
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(split(r#""12",A,"1.5""#).unwrap(), ["12", "A", "1.5"]);
        assert_eq!(split(r#"12,"=X(""a,b"")","#).unwrap(), ["12", "=X(\"a,b\")", ""]);
        for (line, words) in [
            (r#"12,"A"#, "closing quote is missing"),
            (r#"12,"A"B,1"#, "follows a closing quote"),
            (r#"12,A"B,1"#, "unquoted field"),
            (r#"12,"A""#, "has 2 fields"),
        ] {
            assert!(split(line).unwrap_err().contains(words), "{line}");
        }
    }

    #[test]
    fn json_values_are_numbers_or_texts_in_any_order_with_escapes_undone() {
        for line in [
            r#"{"timestamp_us":12,"symbol":"A","rate":-0.5}"#,
            r#" { "rate" : "-0.5" , "symbol":"\u0041", "timestamp_us": "12", "recv_us": null } "#,
        ] {
            assert_eq!(json(line).unwrap(), ["12", "A", "-0.5"]);
        }
        assert_eq!(json(r#"{"timestamp_us":1,"symbol":"\u54c8\"","rate":1}"#).unwrap()[1], "哈\"");
    }

    #[test]
    fn broken_objects_are_refused_with_what_is_missing() {
        for (line, words) in [
            ("", "begin with `{`"),
            ("[1]", "begin with `{`"),
            ("{", "a key in quotes"),
            ("{}", "`timestamp_us` is missing"),
            (r#"{"timestamp_us"}"#, "`:` is missing"),
            (r#"{"timestamp_us":}"#, "a value is missing"),
            (r#"{"timestamp_us":1"#, "`,` or `}`"),
            (r#"{"timestamp_us":1,}"#, "a key in quotes"),
            (r#"{"timestamp_us":"1}"#, "no closing quote"),
            (r#"{"timestamp_us":"1\"#, "no closing quote"),
            (r#"{"timestamp_us":[1]}"#, "an object or a list"),
            (r#"{"timestamp_us":1,"timestamp_us":1}"#, "given twice"),
            (r#"{"timestamp_us":1,"symbol":"\x","rate":1}"#, "bad escape"),
            (r#"{"timestamp_us":1,"symbol":"A","rate":1}}"#, "follows its closing"),
            (r#"{"timestamp_us":1,"symbol":"A","price":1}"#, "`price` is unknown; funding files have"),
            (r#"{"timestamp_us":1,"symbol":"A"}"#, "`rate` is missing"),
        ] {
            let problem = json(line).unwrap_err();
            assert!(problem.contains(words), "{line}: {problem}");
        }
    }
}
