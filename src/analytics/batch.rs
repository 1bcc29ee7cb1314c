//! Rows as lines of QuestDB's ingestion protocol (ILP, version 1: text), each with its checksum text when
//! wanted.
//!
//! Invariant: a value that cannot be sent exactly makes its row unsendable; nothing is cut or guessed.

use super::checksum::Checksum;
use crate::limits::{ANALYTICS_BATCH_BYTES, ANALYTICS_BATCH_ROWS, ANALYTICS_LINE_BYTES};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// 2000-01-01 in microseconds since 1970: an earlier time is a defect of the data.
const FIRST_US: i64 = 946_684_800_000_000;
/// 2200-01-01: QuestDB takes nothing behind 9999, and its old TTL would delete all that lies before a far
/// time.
const LAST_US: i64 = 7_258_118_400_000_000;
const DAY_US: i64 = 86_400_000_000;

/// Why a row cannot be sent.
pub type Unsendable = String;

/// An exact amount in units of 10^-12, as a DECIMAL(38, 12) column keeps it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Amount(pub i128);

impl Amount {
    /// Number of decimal places.
    pub const PLACES: u32 = 12;

    /// The nearest amount; `None` if it is not finite or too large.
    pub fn nearest(value: f64) -> Option<Amount> {
        if value.is_nan() || value.abs() >= 1e20 {
            return None;
        }
        // The shortest text that is this double, as in documents; rounded only where it is too long.
        let mut text = value.to_string();
        let places = |text: &str| text.split_once('.').map_or(0, |(_, places)| places.len());
        if places(&text) > Amount::PLACES as usize {
            text = format!("{value:.12}");
        }
        let missing = Amount::PLACES as usize - places(&text);
        let digits: String = text.chars().filter(|digit| *digit != '.').collect();
        format!("{digits}{}", "0".repeat(missing)).parse().ok().map(Amount)
    }

    /// The amount nearest to a count of 10^-18.
    pub fn of_atto(atto: i128) -> Amount {
        let (whole, rest) = (atto.div_euclid(1_000_000), atto.rem_euclid(1_000_000));
        Amount(whole + i128::from(rest >= 500_000))
    }

    /// All twelve places.
    fn text(self, into: &mut String) {
        let (sign, digits) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let power = 10_u128.pow(Amount::PLACES);
        // Writing to a String cannot fail.
        let _ = write!(into, "{sign}{}.{:012}", digits / power, digits % power);
    }
}

/// Rows of one table, and by group and day the sum of their checksums.
pub struct Batch {
    /// The lines, ready to be sent.
    lines: Vec<u8>,
    /// Where each line ends.
    ends: Vec<usize>,
    /// Rows that cannot be sent, each with the reason.
    unsendable: Vec<(String, Unsendable)>,
    days: Option<BTreeMap<(String, i64), Checksum>>,
    table: String,
    head: Vec<u8>,
    instance: String,
    has_decimals: bool,
    text: String,
    float: zmij::Buffer,
}

impl Batch {
    /// An empty batch for a table. On a server without decimals these are sent as doubles.
    pub fn new(table: &str, instance: &str, has_decimals: bool) -> Self {
        let mut head = Vec::new();
        escaped(table, &mut head);
        head.extend_from_slice(b",instance=");
        escaped(instance, &mut head);
        Batch {
            lines: Vec::new(),
            ends: Vec::new(),
            unsendable: Vec::new(),
            days: None,
            table: table.to_owned(),
            head,
            instance: instance.to_owned(),
            has_decimals,
            text: String::new(),
            float: zmij::Buffer::new(),
        }
    }

    /// Also sums up checksums.
    pub fn with_checksums(mut self) -> Self {
        self.days = Some(BTreeMap::new());
        self
    }

    /// Name of the table.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The lines.
    pub fn lines(&self) -> &[u8] {
        &self.lines
    }

    /// Number of lines.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Whether it should be sent before more rows are added.
    pub fn is_full(&self) -> bool {
        self.ends.len() >= ANALYTICS_BATCH_ROWS || self.lines.len() >= ANALYTICS_BATCH_BYTES
    }

    /// One line, without its newline; lines count from 0.
    pub fn line(&self, index: usize) -> &[u8] {
        self.span(index..index + 1).strip_suffix(b"\n").unwrap_or_default()
    }

    /// Consecutive lines.
    pub fn span(&self, lines: std::ops::Range<usize>) -> &[u8] {
        let at = |line: usize| match line {
            0 => 0,
            line => self.ends.get(line - 1).copied().unwrap_or(self.lines.len()),
        };
        self.lines.get(at(lines.start)..at(lines.end)).unwrap_or_default()
    }

    /// Takes the rows that cannot be sent.
    pub fn take_unsendable(&mut self) -> Vec<(String, Unsendable)> {
        std::mem::take(&mut self.unsendable)
    }

    /// Takes the checksums by group and day (days since 1970).
    pub fn take_days(&mut self) -> BTreeMap<(String, i64), Checksum> {
        self.days.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Removes all lines; checksums stay.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.ends.clear();
    }

    /// Begins a row of a time in microseconds since 1970. Its cells follow in the order of the table's
    /// columns.
    pub fn row(&mut self, at_us: i64) -> Row<'_> {
        let start = self.lines.len();
        self.lines.extend_from_slice(&self.head);
        self.text.clear();
        if self.days.is_some() {
            let _ = write!(self.text, "{at_us}:{}", self.instance);
        }
        Row { batch: self, at_us, start, has_fields: false, problem: None }
    }
}

/// A row being written.
pub struct Row<'b> {
    batch: &'b mut Batch,
    at_us: i64,
    start: usize,
    has_fields: bool,
    problem: Option<Unsendable>,
}

impl Row<'_> {
    /// A symbol; all of them come before other cells. Empty is null.
    pub fn symbol(mut self, name: &str, value: Option<&str>) -> Self {
        let value = value.filter(|value| !value.is_empty());
        self.noted(value);
        if let Some(value) = value {
            self.batch.lines.push(b',');
            self.batch.lines.extend_from_slice(name.as_bytes());
            self.batch.lines.push(b'=');
            escaped(value, &mut self.batch.lines);
        }
        self
    }

    /// A text.
    pub fn text(mut self, name: &str, value: Option<&str>) -> Self {
        self.noted(value);
        if let Some(value) = value {
            self.name(name);
            quoted(value, &mut self.batch.lines);
        }
        self
    }

    /// A double; what is not finite is null.
    pub fn double(mut self, name: &str, value: Option<f64>) -> Self {
        let value = value.filter(|value| value.is_finite());
        if self.is_summed() {
            let _ = write!(self.batch.text, ":{}", scaled(value));
        }
        if let Some(value) = value {
            self.name(name);
            let text = self.batch.float.format_finite(value);
            write_float(text, &mut self.batch.lines);
        }
        self
    }

    /// An exact amount.
    pub fn amount(mut self, name: &str, value: Option<Amount>) -> Self {
        if !self.batch.has_decimals {
            return self.double(name, value.map(|amount| amount.0 as f64 / 1e12));
        }
        let mut text = String::new();
        if let Some(amount) = value {
            amount.text(&mut text);
        }
        self.noted(value.is_some().then_some(text.as_str()));
        if value.is_some() {
            self.name(name);
            let short = text.trim_end_matches('0').trim_end_matches('.');
            self.batch.lines.extend_from_slice(short.as_bytes());
            self.batch.lines.push(b'd');
        }
        self
    }

    /// A whole number.
    pub fn long(mut self, name: &str, value: Option<i64>) -> Self {
        self.whole(name, value, b'i');
        self
    }

    /// A count; one above `i64::MAX` makes the row unsendable.
    pub fn count(mut self, name: &str, value: u64) -> Self {
        match i64::try_from(value) {
            Ok(value) => self.long(name, Some(value)),
            Err(_) => {
                self.problem = Some(format!("{name} is {value}, more than QuestDB can hold"));
                self
            }
        }
    }

    /// A time in microseconds since 1970.
    pub fn time(mut self, name: &str, us: Option<i64>) -> Self {
        self.whole(name, us, b't');
        self
    }

    /// True or false.
    pub fn flag(mut self, name: &str, value: bool) -> Self {
        if self.is_summed() {
            let _ = write!(self.batch.text, ":{value}");
        }
        self.name(name);
        self.batch.lines.push(if value { b't' } else { b'f' });
        self
    }

    /// Ends the row, of a group for checksums. One that cannot be sent leaves no line behind.
    pub fn end_of(self, group: &str) {
        let Row { batch, at_us, start, problem, .. } = self;
        let problem = problem.or_else(|| match at_us {
            FIRST_US..LAST_US => None,
            _ => Some(format!("its time, {at_us} µs since 1970, is not between 2000 and 2200")),
        });
        let bytes = batch.lines.len() - start;
        let problem = problem.or_else(|| {
            (bytes > ANALYTICS_LINE_BYTES)
                .then(|| format!("it has {bytes} bytes, at most {ANALYTICS_LINE_BYTES} are sent"))
        });
        if let Some(problem) = problem {
            let shown = batch.lines[start..].get(..1_000).unwrap_or(&batch.lines[start..]);
            batch.unsendable.push((String::from_utf8_lossy(shown).into_owned(), problem));
            batch.lines.truncate(start);
            return;
        }
        batch.lines.push(b' ');
        // Nanoseconds: the default of the endpoint. In range since the time is between 2000 and 2200.
        number(at_us * 1_000, &mut batch.lines);
        batch.lines.push(b'\n');
        batch.ends.push(batch.lines.len());
        if let Some(days) = &mut batch.days {
            let day = (group.to_owned(), at_us.div_euclid(DAY_US));
            days.entry(day).or_default().add(&batch.text);
        }
    }

    /// As [`Row::end_of`], where checksums need no group.
    pub fn end(self) {
        self.end_of("");
    }

    fn whole(&mut self, name: &str, value: Option<i64>, suffix: u8) {
        // The smallest number is QuestDB's null.
        let value = value.filter(|value| *value != i64::MIN);
        if self.is_summed() {
            let _ = match value {
                Some(value) => write!(self.batch.text, ":{value}"),
                None => write!(self.batch.text, ":~"),
            };
        }
        if let Some(value) = value {
            self.name(name);
            number(value, &mut self.batch.lines);
            self.batch.lines.push(suffix);
        }
    }

    fn name(&mut self, name: &str) {
        self.batch.lines.push(if self.has_fields { b',' } else { b' ' });
        self.has_fields = true;
        self.batch.lines.extend_from_slice(name.as_bytes());
        self.batch.lines.push(b'=');
    }

    fn is_summed(&self) -> bool {
        self.batch.days.is_some()
    }

    fn noted(&mut self, value: Option<&str>) {
        if self.is_summed() {
            self.batch.text.push(':');
            self.batch.text.push_str(value.unwrap_or("~"));
        }
    }
}

/// A double as a checksum sees it: whole units of 10^-10, cut towards zero; 0 where QuestDB gives null.
fn scaled(value: Option<f64>) -> i64 {
    match value.map(|value| value * 1e10) {
        Some(value) if value.abs() < 9.2e18 => value as i64,
        _ => 0,
    }
}

/// A name or symbol value.
fn escaped(text: &str, lines: &mut Vec<u8>) {
    with_escapes(text, |byte| matches!(byte, b' ' | b',' | b'=' | b'\n' | b'\r' | b'\\'), lines);
}

fn quoted(text: &str, lines: &mut Vec<u8>) {
    lines.push(b'"');
    with_escapes(text, |byte| matches!(byte, b'"' | b'\n' | b'\r' | b'\\'), lines);
    lines.push(b'"');
}

fn with_escapes(text: &str, is_special: impl Fn(u8) -> bool, lines: &mut Vec<u8>) {
    // Nearly all of them have nothing to escape.
    if !text.bytes().any(&is_special) {
        lines.extend_from_slice(text.as_bytes());
        return;
    }
    for byte in text.bytes() {
        if is_special(byte) {
            lines.push(b'\\');
        }
        lines.push(byte);
    }
}

/// The exponent without its plus sign, as the official client writes it.
fn write_float(text: &str, lines: &mut Vec<u8>) {
    match text.split_once("e+") {
        Some((digits, exponent)) => {
            lines.extend_from_slice(digits.as_bytes());
            lines.push(b'e');
            lines.extend_from_slice(exponent.as_bytes());
        }
        None => lines.extend_from_slice(text.as_bytes()),
    }
}

fn number(value: i64, lines: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let (mut at, mut rest) = (digits.len(), value.unsigned_abs());
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        lines.push(b'-');
    }
    lines.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    /// `tests/golden/ilp_v1.txt` was written by questdb-rs 7.2.1 (`Buffer::new(ProtocolVersion::V1)`), one
    /// row a line: symbol, text, double, integer, boolean, time field, time of the row, and its bytes.
    #[test]
    fn lines_are_those_of_the_official_client() {
        let text = include_str!("../../tests/golden/ilp_v1.txt");
        let mut compared = 0;
        for case in text.lines().filter(|line| !line.starts_with('#')) {
            let cells: Vec<&str> = case.split(' ').collect();
            let [symbol, text] = [0, 1].map(|at| String::from_utf8(unhex(cells[at])).unwrap());
            let double = f64::from_bits(u64::from_str_radix(cells[2], 16).unwrap());
            let [integer, field, at_us] = [3, 5, 6].map(|at| cells[at].parse::<i64>().unwrap());
            if !double.is_finite() || integer == i64::MIN || !(FIRST_US..LAST_US).contains(&at_us) {
                // These are null for QuestDB, and left out here.
                continue;
            }
            let mut batch = Batch::new("td_t", "x", true);
            let head = b"td_t".to_vec();
            batch.head = head;
            batch
                .row(at_us)
                .symbol("s", Some(&symbol))
                .text("v", Some(&text))
                .double("d", Some(double))
                .long("i", Some(integer))
                .flag("b", cells[4] == "true")
                .time("t", Some(field))
                .end();
            assert_eq!(
                String::from_utf8_lossy(batch.lines()),
                String::from_utf8_lossy(&unhex(cells[7])),
                "{case}"
            );
            compared += 1;
        }
        assert!(compared > 300, "{compared}");
    }

    #[test]
    fn amounts_are_exact_and_end_without_zeros() {
        let line = |amount: Option<Amount>, has_decimals| {
            let mut batch = Batch::new("t", "i", has_decimals);
            batch.row(FIRST_US).amount("a", amount).end();
            String::from_utf8(batch.lines().to_vec()).unwrap()
        };
        for (value, text) in [
            (0.0, " a=0d"),
            (1.5, " a=1.5d"),
            (-0.1, " a=-0.1d"),
            (0.1 + 0.2, " a=0.3d"),
            (1e-12, " a=0.000000000001d"),
            (-67406.4288, " a=-67406.4288d"),
        ] {
            assert_eq!(
                line(Amount::nearest(value), true),
                format!("t,instance=i{text} 946684800000000000\n"),
                "{value}"
            );
        }
        assert_eq!(line(Amount::nearest(1.5), false), "t,instance=i a=1.5 946684800000000000\n");
        assert_eq!(line(None, true), "t,instance=i 946684800000000000\n");
        assert_eq!(Amount::nearest(f64::NAN), None);
        assert_eq!(Amount::of_atto(1_500_000_000_000_499_999), Amount(1_500_000_000_000));
        assert_eq!(Amount::of_atto(-500_001), Amount(-1));
    }

    #[test]
    fn what_cannot_be_sent_leaves_no_line_and_its_reason() {
        let mut batch = Batch::new("t", "i", true).with_checksums();
        batch.row(FIRST_US).long("n", Some(1)).end();
        batch.row(5).long("n", Some(2)).end();
        batch.row(i64::MAX).long("n", Some(3)).end();
        batch.row(FIRST_US).count("n", u64::MAX).end();
        let long = "x".repeat(ANALYTICS_LINE_BYTES);
        batch.row(FIRST_US).text("v", Some(&long)).end();
        batch.row(FIRST_US + DAY_US).long("n", Some(4)).end();
        assert_eq!(batch.len(), 2);
        assert_eq!(batch.line(1), b"t,instance=i n=4i 946771200000000000");
        let reasons = batch.take_unsendable();
        assert_eq!(reasons.len(), 4);
        assert!(reasons[3].1.contains("bytes") && reasons[3].0.len() <= 1_000);
        let days = batch.take_days();
        assert_eq!(days.values().map(|day| day.rows).collect::<Vec<_>>(), [1, 1]);
    }
}
