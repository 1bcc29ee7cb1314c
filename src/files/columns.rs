//! Splits rows of other makers into cells by position: CSV, JSON lists, and JSON objects by key. JSON files
//! that are one list are cut into lines of one element each.

use super::error::{Damage, Problem};
use super::fields::csv_fields;
use serde_json::value::RawValue;
use std::collections::VecDeque;
use std::io::{self, Read};

/// How a row is written.
pub(super) enum Form {
    /// Fields between commas; their number, 0 for any.
    Csv {
        /// Fields of every row.
        width: usize,
    },
    /// A flat JSON list of at least so many values.
    List {
        /// Values that every row has.
        width: usize,
    },
    /// A JSON object; the keys whose values are the cells.
    Object {
        /// Keys.
        names: Vec<Vec<u8>>,
    },
}

impl Form {
    /// Number of cells of every row; `None`: any.
    pub fn width(&self) -> Option<usize> {
        match self {
            Form::Csv { width } | Form::List { width } => (*width > 0).then_some(*width),
            Form::Object { names } => Some(names.len()),
        }
    }
}

/// The cells of one row.
pub(super) struct Cells {
    form: Form,
    /// Ranges of the row, or of the unescaped text.
    ranges: Vec<(usize, usize)>,
    unescaped: Vec<u8>,
    is_unescaped: bool,
}

impl Cells {
    pub fn new(form: Form) -> Self {
        Cells { form, ranges: Vec::new(), unescaped: Vec::new(), is_unescaped: false }
    }

    pub fn is_csv(&self) -> bool {
        matches!(self.form, Form::Csv { .. })
    }

    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// A cell of the row that was split, which is `line`.
    #[inline]
    pub fn get<'a>(&'a self, line: &'a [u8], at: usize) -> &'a [u8] {
        let Some((from, to)) = self.ranges.get(at) else { return b"" };
        if self.is_unescaped { &self.unescaped[*from..*to] } else { &line[*from..*to] }
    }

    /// Splits a row.
    #[inline]
    pub fn split(&mut self, line: &[u8]) -> Result<(), Problem> {
        self.ranges.clear();
        match &self.form {
            Form::Csv { width } => {
                let width = *width;
                self.split_commas(line, 0, line.len())?;
                self.check_width(width, self.ranges.len() == width)
            }
            Form::List { width } => {
                let width = *width;
                let (from, to) = inside_brackets(line)?;
                self.split_commas(line, from, to)?;
                for at in 0..self.ranges.len() {
                    if self.get(line, at) == b"null" {
                        self.ranges[at].1 = self.ranges[at].0;
                    }
                }
                self.check_width(width, self.ranges.len() >= width)
            }
            Form::Object { .. } => self.split_object(line),
        }
    }

    fn check_width(&self, width: usize, fits: bool) -> Result<(), Problem> {
        if fits || width == 0 {
            return Ok(());
        }
        Err(Problem::FieldCount { found: self.ranges.len(), expected: width })
    }

    #[inline]
    fn split_commas(&mut self, line: &[u8], from: usize, to: usize) -> Result<(), Problem> {
        self.is_unescaped = memchr::memchr(b'"', &line[from..to]).is_some();
        if self.is_unescaped {
            self.unescaped.clear();
            for field in csv_fields(&line[from..to])? {
                self.push(&field);
            }
            return Ok(());
        }
        let mut start = from;
        for comma in memchr::memchr_iter(b',', &line[from..to]) {
            self.ranges.push((start, from + comma));
            start = from + comma + 1;
        }
        self.ranges.push((start, to));
        Ok(())
    }

    fn push(&mut self, cell: &[u8]) {
        let from = self.unescaped.len();
        self.unescaped.extend_from_slice(cell);
        self.ranges.push((from, self.unescaped.len()));
    }

    fn split_object(&mut self, line: &[u8]) -> Result<(), Problem> {
        self.is_unescaped = true;
        self.unescaped.clear();
        let object: std::collections::BTreeMap<String, &RawValue> =
            serde_json::from_slice(line).map_err(|_| Problem::Json("the JSON is damaged"))?;
        let names = match &self.form {
            Form::Object { names } => names.clone(),
            _ => Vec::new(),
        };
        for name in &names {
            let value = std::str::from_utf8(name).ok().and_then(|name| object.get(name));
            let text = value.map_or(String::new(), |value| text_of(value));
            self.push(text.as_bytes());
        }
        Ok(())
    }
}

/// A number or a text without its quotes; empty for null.
pub(super) fn text_of(value: &RawValue) -> String {
    match value.get() {
        "null" => String::new(),
        text if text.starts_with('"') => serde_json::from_str(text).unwrap_or_default(),
        text => text.to_owned(),
    }
}

/// The range of a flat list without its brackets.
fn inside_brackets(line: &[u8]) -> Result<(usize, usize), Problem> {
    let inner = line.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
    match inner.is_some_and(is_flat) {
        true => Ok((1, line.len() - 1)),
        false => Err(Problem::Json("an element is not a list of values")),
    }
}

/// Whether no value of a list is a list or an object; brackets in texts are none.
fn is_flat(inner: &[u8]) -> bool {
    let (mut in_text, mut is_escaped) = (false, false);
    inner.iter().all(|byte| {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b']' | b'{' | b'}' => return in_text,
            _ => {}
        }
        true
    })
}

/// What the elements of a JSON file are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum JsonForm {
    /// Lists of values.
    Lists,
    /// Objects.
    Objects,
}

/// The form of a JSON file that must be cut into lines, by its first bytes; `None` for other text, with JSON
/// lines of our own.
pub(super) fn json_form(head: &[u8]) -> Option<JsonForm> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    match head.split_first()? {
        (b'[', rest) => match rest.trim_ascii_start().first()? {
            b'[' => Some(JsonForm::Lists),
            b'{' => Some(JsonForm::Objects),
            _ => None,
        },
        (b'{', rest) => {
            let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let is_broken = line.trim_ascii().is_empty() && rest.len() > line.len();
            let is_nested = memchr::memmem::find(line, b"\"data\"").is_some();
            (is_broken || is_nested).then_some(JsonForm::Objects)
        }
        _ => None,
    }
}

/// Bytes taken from the file at once.
const READ_BYTES: usize = 64 << 10;

/// Cuts JSON into lines: each element of an outer list is one, and each object where there is no list. White
/// space between values is left out. Needs constant memory. Elements are lists or objects with exactly one
/// comma between them; what is inside an element is parsed later.
pub(super) struct JsonElements<R> {
    input: R,
    read: Vec<u8>,
    out: VecDeque<u8>,
    depth: u32,
    /// Whether the text is one list, whose elements are the lines.
    is_list: Option<bool>,
    /// What may come between elements.
    next: Between,
    /// The last byte of the element that was taken, and whether white space followed it.
    last: (u8, bool),
    /// Why the text behind the lines that were cut is refused.
    damage: Option<&'static str>,
    in_text: bool,
    is_escaped: bool,
    ended: bool,
}

/// What may come between elements.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Between {
    /// An element or the end.
    ElementOrEnd,
    /// An element, because there was a comma.
    Element,
    /// A comma or the end.
    CommaOrEnd,
    /// White space only.
    Nothing,
}

impl<R: Read> JsonElements<R> {
    pub fn new(input: R) -> Self {
        JsonElements {
            input,
            read: vec![0; READ_BYTES],
            out: VecDeque::new(),
            depth: 0,
            is_list: None,
            next: Between::ElementOrEnd,
            last: (b'\n', false),
            damage: None,
            in_text: false,
            is_escaped: false,
            ended: false,
        }
    }

    fn refill(&mut self) -> io::Result<()> {
        let n = self.input.read(&mut self.read)?;
        if n == 0 {
            self.ended = true;
            if self.depth > 0 || self.in_text {
                // A file that was cut short must not look whole.
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        for at in 0..n {
            if let Err(why) = self.take(self.read[at]) {
                // The elements before are lines, so that the refused one is named by its number.
                (self.damage, self.ended) = (Some(why), true);
                break;
            }
        }
        Ok(())
    }

    fn take(&mut self, byte: u8) -> Result<(), &'static str> {
        if !self.in_text && self.depth == u32::from(self.is_list == Some(true)) {
            return self.between(byte);
        }
        self.inside(byte)
    }

    /// A byte outside of elements.
    fn between(&mut self, byte: u8) -> Result<(), &'static str> {
        let is_list = self.is_list == Some(true);
        match (byte, self.next) {
            (b' ' | b'\t' | b'\r' | b'\n', _) => {}
            (0xef | 0xbb | 0xbf, _) if self.is_list.is_none() => {}
            (b'[', _) if self.is_list.is_none() => (self.is_list, self.depth) = (Some(true), 1),
            (b'{', _) if self.is_list.is_none() => {
                self.is_list = Some(false);
                self.begin(byte);
            }
            (b']', Between::ElementOrEnd | Between::CommaOrEnd) if is_list => {
                // Only white space may follow, as between objects without a list.
                (self.is_list, self.depth, self.next) = (Some(false), 0, Between::Nothing);
            }
            (b',', Between::CommaOrEnd) if is_list => self.next = Between::Element,
            (b'{', Between::ElementOrEnd | Between::Element) => self.begin(byte),
            (b'[', Between::ElementOrEnd | Between::Element) if is_list => self.begin(byte),
            (b'[' | b'{', Between::CommaOrEnd) => return Err("there is no comma before it"),
            (_, Between::Nothing) => return Err("there is text after the end of the list"),
            (b',' | b']', _) => return Err("there is a comma without an element"),
            _ => return Err("it is neither a list nor an object"),
        }
        Ok(())
    }

    /// Begins an element.
    fn begin(&mut self, byte: u8) {
        self.depth += 1;
        self.last = (byte, false);
        self.out.push_back(byte);
    }

    /// A byte of an element.
    fn inside(&mut self, byte: u8) -> Result<(), &'static str> {
        if self.in_text {
            self.out.push_back(byte);
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.in_text = false,
                _ => {}
            }
            return Ok(());
        }
        if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
            self.last.1 = true;
            return Ok(());
        }
        let is_of_value = |byte: u8| !b"[]{},:\"".contains(&byte);
        if self.last.1 && is_of_value(self.last.0) && is_of_value(byte) {
            return Err("there is white space inside a value");
        }
        self.last = (byte, false);
        self.out.push_back(byte);
        match byte {
            b'"' => self.in_text = true,
            b'[' | b'{' => self.depth += 1,
            b']' | b'}' => {
                self.depth -= 1;
                if self.depth == u32::from(self.is_list == Some(true)) {
                    self.out.push_back(b'\n');
                    let is_list = self.is_list == Some(true);
                    self.next = if is_list { Between::CommaOrEnd } else { Between::ElementOrEnd };
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl<R: Read> Read for JsonElements<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.out.is_empty() && !self.ended {
            self.refill()?;
        }
        match self.damage {
            Some(why) if self.out.is_empty() => Err(io::Error::new(io::ErrorKind::InvalidData, Damage(why))),
            _ => self.out.read(buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        let mut out = String::new();
        JsonElements::new(io::Cursor::new(text.to_owned())).read_to_string(&mut out).unwrap();
        out.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_elements_of_a_list_are_lines_and_so_are_values_without_a_list() {
        assert_eq!(lines("[[1, 2.5],\n [3, \"a, ] b\"]]"), ["[1,2.5]", "[3,\"a, ] b\"]"]);
        assert_eq!(lines("[{\"a\": [1]}, {}]"), ["{\"a\":[1]}", "{}"]);
        assert_eq!(
            lines("{\"data\":\n {\"x\": [1, 2]}}\n{\"data\":[]}"),
            ["{\"data\":{\"x\":[1,2]}}", "{\"data\":[]}"]
        );
        assert!(lines("[]").is_empty());
    }

    #[test]
    fn a_list_that_is_cut_short_is_an_error() {
        for cut in ["[[1,2],", "[[1,2]", "{\"a\":\"x"] {
            let mut out = String::new();
            assert!(
                JsonElements::new(io::Cursor::new(cut.to_owned())).read_to_string(&mut out).is_err(),
                "{cut}"
            );
        }
    }

    #[test]
    fn what_stands_between_elements_is_refused_behind_the_elements_before_it() {
        for (text, whole, why) in [
            ("[[1],[1 0]]", 1, "white space"),
            ("[[1],[2],garbage,[3]]", 2, "neither a list nor an object"),
            ("[[1],1764547260000,1,[2]]", 1, "neither a list nor an object"),
            ("[[1],,[2]]", 1, "comma without"),
            ("[[1],[2],]", 2, "comma without"),
            ("[[1] [2]]", 1, "no comma"),
            ("[[1]x,[2]]", 1, "neither a list nor an object"),
            ("[[1],x[2]]", 1, "neither a list nor an object"),
            ("[[1]]\n[[2]]", 1, "after the end"),
            ("{\"a\":1}\n,{\"a\":2}", 1, "comma without"),
            ("{\"a\":1}\n[2]", 1, "neither a list nor an object"),
        ] {
            let mut read = Vec::new();
            let error =
                JsonElements::new(io::Cursor::new(text.to_owned())).read_to_end(&mut read).unwrap_err();
            assert!(error.to_string().contains(why), "{text}: {error}");
            assert_eq!(read.iter().filter(|byte| **byte == b'\n').count(), whole, "{text}");
        }
    }

    #[test]
    fn cells_are_split_by_form() {
        let split = |form: Form, line: &str| {
            let mut cells = Cells::new(form);
            cells.split(line.as_bytes()).map_err(|problem| problem.to_string())?;
            let text = |at| String::from_utf8(cells.get(line.as_bytes(), at).to_vec()).unwrap();
            Ok::<_, String>((0..cells.len()).map(text).collect::<Vec<_>>().join("|"))
        };
        assert_eq!(split(Form::Csv { width: 3 }, "1,\"a,b\",").unwrap(), "1|a,b|");
        assert_eq!(split(Form::List { width: 2 }, "[1,null,\"x\"]").unwrap(), "1||x");
        let names = vec![b"p".to_vec(), b"q".to_vec()];
        assert_eq!(split(Form::Object { names }, r#"{"q":2,"p":"1.50","x":[1]}"#).unwrap(), "1.50|2");
        assert!(split(Form::Csv { width: 2 }, "1").unwrap_err().contains("1 fields"));
        assert!(split(Form::List { width: 2 }, "x[1,2]").unwrap_err().contains("not a list of values"));
        assert!(split(Form::List { width: 2 }, "[[1],2]").unwrap_err().contains("not a list of values"));
    }
}
