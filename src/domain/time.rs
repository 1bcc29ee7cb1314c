//! Timestamps and time spans in whole nanoseconds. This module never reads a clock.

mod text;

pub use text::TimeError;

use std::fmt;
use std::ops::{Add, Sub};

/// Nanoseconds in one second.
pub const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// A point in time: nanoseconds since 1970-01-01T00:00:00Z, UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// A signed distance between two points in time, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(i64);

impl Timestamp {
    /// The earliest timestamp; before every event.
    pub const MIN: Timestamp = Timestamp(i64::MIN);
    /// The latest timestamp; stands for "no timer".
    pub const MAX: Timestamp = Timestamp(i64::MAX);

    /// From nanoseconds since 1970.
    pub const fn from_nanos(nanos: i64) -> Self {
        Timestamp(nanos)
    }

    /// From microseconds since 1970; `None` when out of range (years 1677 to 2262).
    pub const fn from_micros(micros: i64) -> Option<Self> {
        match micros.checked_mul(1_000) {
            Some(nanos) => Some(Timestamp(nanos)),
            None => None,
        }
    }

    /// From milliseconds since 1970; `None` when out of range (years 1677 to 2262).
    pub const fn from_millis(millis: i64) -> Option<Self> {
        match millis.checked_mul(1_000_000) {
            Some(nanos) => Some(Timestamp(nanos)),
            None => None,
        }
    }

    /// From whole seconds since 1970; saturates.
    pub const fn from_seconds(seconds: i64) -> Self {
        Timestamp(seconds.saturating_mul(NANOS_PER_SECOND))
    }

    /// Nanoseconds since 1970.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Microseconds since 1970, rounded down.
    pub const fn micros(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Milliseconds since 1970, rounded down.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(NANOS_PER_SECOND)
    }

    /// UTC days since 1970, rounded down.
    pub const fn day(self) -> i64 {
        self.0.div_euclid(86_400 * NANOS_PER_SECOND)
    }

    /// The day whose results this time belongs to: midnight belongs to the day that ends.
    pub const fn day_ended(self) -> i64 {
        Timestamp(self.0.saturating_sub(1)).day()
    }

    /// This time plus a span; saturates.
    pub const fn saturating_add(self, span: Span) -> Self {
        Timestamp(self.0.saturating_add(span.0))
    }

    /// The first whole second strictly after this time.
    pub const fn next_second(self) -> Self {
        Timestamp((self.seconds().saturating_add(1)).saturating_mul(NANOS_PER_SECOND))
    }

    fn civil(self) -> (i64, i64, i64, i64) {
        let (year, month, day) = civil_from_days(self.day());
        (year, month, day, self.0.rem_euclid(86_400 * NANOS_PER_SECOND))
    }

    /// `YYYYMMDD_HHMMSS_xxxxxx` in UTC, the suffix of ids. The upper bits of the hexadecimal part hold the
    /// millisecond, so that ids sort by time within a second; the lower 14 bits come from `entropy` and tell
    /// ids of the same millisecond apart.
    pub fn id(self, entropy: u32) -> String {
        let (year, month, day, nanos) = self.civil();
        let s = nanos / NANOS_PER_SECOND;
        let low = (nanos / 1_000_000 % 1_000) << 14 | i64::from(entropy & 0x3fff);
        format!("{year:04}{month:02}{day:02}_{:02}{:02}{:02}_{low:06x}", s / 3_600, s / 60 % 60, s % 60)
    }

    /// RFC 3339 in UTC with milliseconds, as in the REST API.
    pub fn rfc3339_millis(self) -> String {
        let (year, month, day, nanos) = self.civil();
        let s = nanos / NANOS_PER_SECOND;
        let ms = nanos / 1_000_000 % 1_000;
        // Every response contains one; formatting the digits by hand takes a tenth of the time of `format!`.
        let mut text = String::with_capacity("2026-11-22T18:00:00.000Z".len());
        let parts = [
            (year, 1_000, '-'),
            (month, 10, '-'),
            (day, 10, 'T'),
            (s / 3_600, 10, ':'),
            (s / 60 % 60, 10, ':'),
            (s % 60, 10, '.'),
        ];
        for (value, highest, behind) in parts.into_iter().chain([(ms, 100, 'Z')]) {
            let mut divisor = highest;
            while divisor > 0 {
                text.push(char::from(b'0' + (value / divisor % 10) as u8));
                divisor /= 10;
            }
            text.push(behind);
        }
        text
    }
}

/// RFC 3339 in UTC with microseconds.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day, nanos) = self.civil();
        let s = nanos / NANOS_PER_SECOND;
        let us = nanos / 1_000 % 1_000_000;
        write!(f, "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{us:06}Z", s / 3_600, s / 60 % 60, s % 60)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Span {
    /// Zero length.
    pub const ZERO: Span = Span(0);
    /// One second.
    pub const SECOND: Span = Span(NANOS_PER_SECOND);
    /// The longest span.
    pub const MAX: Span = Span(i64::MAX);

    /// From nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Span(nanos)
    }

    /// From milliseconds; saturates.
    pub const fn from_millis(millis: i64) -> Self {
        Span(millis.saturating_mul(1_000_000))
    }

    /// From whole seconds; saturates.
    pub const fn from_seconds(seconds: i64) -> Self {
        Span(seconds.saturating_mul(NANOS_PER_SECOND))
    }

    /// From fractional seconds as in documents, rounded to the nearest nanosecond; saturates, NaN becomes
    /// zero.
    pub fn from_seconds_f64(seconds: f64) -> Self {
        Span((seconds * 1e9).round() as i64)
    }

    /// Nanoseconds.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Length in seconds, for indicators and reports.
    pub fn seconds_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.seconds_f64())
    }
}

impl Sub for Timestamp {
    type Output = Span;
    fn sub(self, earlier: Timestamp) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Span> for Timestamp {
    type Output = Timestamp;
    fn add(self, span: Span) -> Timestamp {
        self.saturating_add(span)
    }
}

impl Sub<Span> for Timestamp {
    type Output = Timestamp;
    fn sub(self, span: Span) -> Timestamp {
        Timestamp(self.0.saturating_sub(span.0))
    }
}

impl Add for Span {
    type Output = Span;
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}

impl Sub for Span {
    type Output = Span;
    fn sub(self, other: Span) -> Span {
        Span(self.0.saturating_sub(other.0))
    }
}

/// Days since 1970-01-01 of a proleptic Gregorian date (H. Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, day)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days_from_civil(next_year, next_month, 1) - days_from_civil(year, month, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_rfc3339_and_ids() {
        let at = Timestamp::from_micros(1_583_251_195_123_456).unwrap();
        assert_eq!(at.to_string(), "2020-03-03T15:59:55.123456Z");
        assert_eq!(at.rfc3339_millis(), "2020-03-03T15:59:55.123Z");
        assert_eq!(at.id(0xffff_c005), "20200303_155955_1ec005");
        assert_eq!((at + Span::from_millis(876)).id(0x3fff), "20200303_155955_f9ffff");
    }

    #[test]
    fn civil_days_round_trip_over_centuries() {
        for day in (-200_000..200_000).step_by(37) {
            let (y, m, d) = civil_from_days(day);
            assert_eq!(days_from_civil(y, m, d), day);
        }
    }
}
