//! Parsing of timestamps written by people. A bare number is accepted only when its unit is unambiguous.

use super::{Timestamp, days_from_civil, days_in_month};
use std::fmt;

/// Why a text is not a timestamp.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimeError {
    /// It has none of the accepted forms.
    Form,
    /// A number in another unit than microseconds (the unit's name).
    Unit(&'static str),
    /// A number that is neither a date nor a time in any known unit.
    Number,
}

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TimeError::Form => f.write_str("is not a time"),
            TimeError::Unit(unit) => {
                write!(f, "looks like {unit} since 1970, but numbers are read as microseconds")
            }
            TimeError::Number => f.write_str(
                "is neither a date of eight digits nor microseconds since 1970 (years 2000 to 2200)",
            ),
        }?;
        f.write_str("; write 2024-08-08T23:55:00Z, 2024-08-08 23:55:00, 2024-08-08T23:55, 2024-08-08, 20240808 or whole microseconds since 1970; a time without a zone is UTC")
    }
}

impl Timestamp {
    /// Microseconds since 1970 that are accepted as a time: 2000-01-01 (included) to 2200-01-01 (excluded).
    pub const MICROS: std::ops::Range<u64> = 946_684_800_000_000..7_258_118_400_000_000;

    /// Like [`Timestamp::read`], without the reason of a failure.
    pub fn parse(text: &str) -> Option<Self> {
        Timestamp::read(text).ok()
    }

    /// Reads RFC 3339 (`2026-11-22T10:00:00Z`; fractions, offsets and a space for the `T` are allowed), also
    /// without seconds (`10:00` is `10:00:00`) and without a zone (UTC, as in our tables), a date
    /// (`2026-11-22`, `20261122`), or whole microseconds since 1970.
    ///
    /// # Errors
    /// What the text is instead; a number in seconds, milliseconds or nanoseconds is reported as such.
    pub fn read(text: &str) -> Result<Self, TimeError> {
        let text = text.trim();
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return number(text);
        }
        form(text).ok_or(TimeError::Form)
    }

    /// Whether the text of a date, or of a date with a time of day, says its zone.
    pub fn has_zone(text: &str) -> bool {
        let text = text.trim();
        text.ends_with(['Z', 'z']) || text.get(11..).is_some_and(|rest| rest.contains(['+', '-']))
    }

    /// The unit in which a number since 1970 falls between the years 2000 and 2200.
    pub fn unit_of(value: u64) -> Option<&'static str> {
        let fits = |micros: Option<u64>| micros.is_some_and(|micros| Timestamp::MICROS.contains(&micros));
        match value {
            v if fits(Some(v)) => Some("microseconds"),
            v if fits(v.checked_mul(1_000_000)) => Some("seconds"),
            v if fits(v.checked_mul(1_000)) => Some("milliseconds"),
            v if fits(Some(v / 1_000)) => Some("nanoseconds"),
            _ => None,
        }
    }
}

fn number(text: &str) -> Result<Timestamp, TimeError> {
    if text.len() == 8 {
        return date(&text[..4], &text[4..6], &text[6..]).map(midnight).ok_or(TimeError::Number);
    }
    let value: u64 = text.parse().map_err(|_| TimeError::Number)?;
    match Timestamp::unit_of(value) {
        // The range of microseconds fits an i64.
        Some("microseconds") => Timestamp::from_micros(value as i64).ok_or(TimeError::Number),
        Some(unit) => Err(TimeError::Unit(unit)),
        None => Err(TimeError::Number),
    }
}

/// Parses a date, alone or with a time of day.
fn form(text: &str) -> Option<Timestamp> {
    let (day, rest) = text.split_at_checked(10)?;
    if day.as_bytes()[4] != b'-' || day.as_bytes()[7] != b'-' {
        return None;
    }
    let midnight = i128::from(date(day.get(..4)?, day.get(5..7)?, day.get(8..)?)?) * 86_400_000_000_000;
    let nanos = if rest.is_empty() { 0 } else { time_of_day(rest)? };
    i64::try_from(midnight + nanos).ok().map(Timestamp::from_nanos)
}

/// `T10:00:00.123+01:00` as nanoseconds since midnight UTC; without a zone it is UTC.
fn time_of_day(text: &str) -> Option<i128> {
    let bytes = text.as_bytes();
    if !matches!(bytes[0], b' ' | b'T' | b't') || bytes.get(3) != Some(&b':') {
        return None;
    }
    let (hour, minute) = (digits(text.get(1..3)?)?, digits(text.get(4..6)?)?);
    let mut rest = text.get(6..)?;
    let (mut second, mut fraction) = (0, 0);
    if let Some(behind) = rest.strip_prefix(':') {
        second = digits(behind.get(..2)?)?;
        rest = behind.get(2..)?;
        if let Some(behind) = rest.strip_prefix('.') {
            let length = behind.bytes().take_while(u8::is_ascii_digit).count();
            if length > 9 {
                return None;
            }
            fraction = digits(&behind[..length])? * 10_i64.pow(9 - length as u32);
            rest = &behind[length..];
        }
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let offset = if rest.is_empty() { 0 } else { offset_seconds(rest)? };
    Some(i128::from(hour * 3_600 + minute * 60 + second - offset) * 1_000_000_000 + i128::from(fraction))
}

/// `Z` or `±HH:MM`, at most 23:59 as in RFC 3339.
fn offset_seconds(text: &str) -> Option<i64> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    if hours.len() != 2 || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3_600 + minutes * 60))
}

/// Days since 1970 of a date; `None` when the date does not exist.
fn date(year: &str, month: &str, day: &str) -> Option<i64> {
    let (year, month, day) = (digits(year)?, digits(month)?, digits(day)?);
    let exists = (1..=12).contains(&month) && day >= 1 && day <= days_in_month(year, month);
    exists.then(|| days_from_civil(year, month, day))
}

fn midnight(day: i64) -> Timestamp {
    Timestamp::from_seconds(day.saturating_mul(86_400))
}

fn digits(text: &str) -> Option<i64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) { None } else { text.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> i64 {
        Timestamp::read(text).unwrap_or_else(|error| panic!("{text} {error}")).micros()
    }

    #[test]
    fn reads_every_form() {
        let at = 1_583_251_195_123_456;
        for text in [
            "2020-03-03T15:59:55.123456Z",
            "2020-03-03t15:59:55.123456z",
            "2020-03-03 16:59:55.123456+01:00",
            "2020-03-03 15:59:55.123456",
            " 1583251195123456 ",
        ] {
            assert_eq!(micros(text), at, "{text}");
        }
        assert_eq!(micros("2020-03-03 15:59:55"), 1_583_251_195_000_000);
        for text in [
            "2020-02-29",
            "20200229",
            "2020-02-29T00:00:00Z",
            "2020-02-29T00:00Z",
            "2020-02-29T00:00:00",
            "2020-02-29T00:00",
            "2020-02-29 00:00",
            "2020-02-29T23:59+23:59",
            "2020-02-29T23:59:00+23:59",
            "2020-02-28 00:01:00-23:59",
        ] {
            assert_eq!(micros(text), 1_582_934_400_000_000, "{text}");
        }
    }

    #[test]
    fn a_number_in_another_unit_is_told_as_such_and_never_read_as_1970() {
        let unit = |text| Timestamp::read(text).unwrap_err();
        assert_eq!(unit("1764547200"), TimeError::Unit("seconds"));
        assert_eq!(unit("1764547200000"), TimeError::Unit("milliseconds"));
        assert_eq!(unit("1764547200000000000"), TimeError::Unit("nanoseconds"));
        assert!(unit("1764547200").to_string().contains("looks like seconds"));
        for text in
            ["0", "1", "2021", "202101", "20210229", "99999999", "123456789012", "99999999999999999999999"]
        {
            assert_eq!(unit(text), TimeError::Number, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_time() {
        for text in [
            "",
            "yesterday",
            "-5",
            "+1583251195123456",
            "2021-02-29",
            "2020-13-01",
            "2020-03-03T25:00:00Z",
            "2020-03-03T10:00:00.Z",
            "2020-03-03T10:00:00+24:00",
            "2020-03-03T10:00:00+01:60",
            "2020-03-03T10:00:00+99:99",
            "2020-03-03T10",
            "2020-03-03 10:0",
            "2020-03-03 10:00:",
            "2020-03-03 10:00.5",
            "2020-03-03 10:60",
            "2020-03-03é",
        ] {
            assert_eq!(Timestamp::read(text), Err(TimeError::Form), "{text}");
        }
    }
}
