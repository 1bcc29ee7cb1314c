//! Values as other makers write them: times in any unit, sides, flags, names of columns.

use crate::domain::decimal::Decimal;
use crate::domain::file_mapping::TimeUnit;
use crate::domain::time::Timestamp;
use crate::files::number;

/// The unit of a column of times: as given, or as its values show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Clock {
    given: TimeUnit,
    found: TimeUnit,
    /// Bits of the units found so far, by their order.
    seen: u8,
    has_dates_without_zone: bool,
}

/// All units that a number may be in.
const UNITS: [TimeUnit; 4] = [TimeUnit::Seconds, TimeUnit::Millis, TimeUnit::Micros, TimeUnit::Nanos];

impl Clock {
    /// Times of this unit.
    pub fn of(given: TimeUnit) -> Self {
        Clock { given, found: given, seen: bit(given), has_dates_without_zone: false }
    }

    /// The unit given, else every one that was found.
    pub fn units(self) -> impl Iterator<Item = TimeUnit> {
        UNITS.into_iter().filter(move |unit| self.seen & bit(*unit) != 0)
    }

    /// Whether a time was a date without a zone.
    pub fn has_dates_without_zone(self) -> bool {
        self.has_dates_without_zone
    }

    /// Microseconds since 1970 of a time; `None` when it is none of the unit or outside 2000 to 2200. Digits
    /// below a microsecond are cut. Without a given unit, a file may change from one to another.
    #[inline]
    pub fn micros(&mut self, text: &[u8]) -> Option<u64> {
        let Some(whole) = number::whole(text) else { return self.fraction_or_date(text) };
        if let Some(micros) = in_micros(whole, self.found).filter(is_time) {
            return Some(micros);
        }
        self.find(whole)?;
        in_micros(whole, self.found).filter(is_time)
    }

    /// Finds the unit by a number, if none is given.
    fn find(&mut self, whole: u64) -> Option<()> {
        if self.given == TimeUnit::Any {
            self.found = unit_of(whole)?;
            self.seen |= bit(self.found);
        }
        Some(())
    }

    /// A time with decimals, or a date with a time of day.
    #[cold]
    fn fraction_or_date(&mut self, text: &[u8]) -> Option<u64> {
        let Ok(number) = Decimal::parse(text) else {
            let text = std::str::from_utf8(text).ok()?;
            let at = Timestamp::read(text).ok()?;
            self.has_dates_without_zone |= !Timestamp::has_zone(text);
            return u64::try_from(at.micros()).ok();
        };
        let power = 10_i128.checked_pow(u32::from(number.scale()))?;
        self.find(u64::try_from(i128::from(number.mantissa()) / power).ok()?)?;
        let nanos_per_unit: i128 = match self.found {
            TimeUnit::Seconds => 1_000_000_000,
            TimeUnit::Millis => 1_000_000,
            TimeUnit::Micros => 1_000,
            TimeUnit::Nanos | TimeUnit::Any => 1,
        };
        let micros = i128::from(number.mantissa()) * nanos_per_unit / power / 1_000;
        u64::try_from(micros).ok().filter(is_time)
    }
}

/// The bit of a unit; none of [`TimeUnit::Any`].
fn bit(unit: TimeUnit) -> u8 {
    UNITS.iter().position(|known| *known == unit).map_or(0, |at| 1 << at)
}

fn is_time(micros: &u64) -> bool {
    Timestamp::unit_of(*micros) == Some("microseconds")
}

/// The unit in which a number is between 2000 and 2200. At most one is.
fn unit_of(value: u64) -> Option<TimeUnit> {
    match Timestamp::unit_of(value)? {
        "seconds" => Some(TimeUnit::Seconds),
        "milliseconds" => Some(TimeUnit::Millis),
        "nanoseconds" => Some(TimeUnit::Nanos),
        _ => Some(TimeUnit::Micros),
    }
}

fn in_micros(value: u64, unit: TimeUnit) -> Option<u64> {
    match unit {
        TimeUnit::Seconds => value.checked_mul(1_000_000),
        TimeUnit::Millis => value.checked_mul(1_000),
        TimeUnit::Micros => Some(value),
        TimeUnit::Nanos => Some(value / 1_000),
        TimeUnit::Any => None,
    }
}

/// `buy` or `sell` of a side in any spelling; of a book `bid` or `ask`.
pub(super) fn side(text: &[u8], is_book: bool) -> Option<&'static [u8]> {
    let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()));
    match is_book {
        false if is(&["buy", "b"]) => Some(b"buy"),
        false if is(&["sell", "s"]) => Some(b"sell"),
        true if is(&["bid", "bids", "b", "buy"]) => Some(b"bid"),
        true if is(&["ask", "asks", "a", "sell"]) => Some(b"ask"),
        _ => None,
    }
}

/// A flag in any spelling.
pub(super) fn flag(text: &[u8]) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()));
    if is(&["true", "1", "t"]) { Some(true) } else { is(&["false", "0", "f"]).then_some(false) }
}

/// A column's name in small letters; of a name in two languages (`size/数量`) the first.
pub(super) fn column_name(field: &[u8]) -> String {
    let field = field.strip_prefix(b"\xef\xbb\xbf").unwrap_or(field).trim_ascii();
    let first = match field.iter().position(|byte| *byte == b'/') {
        Some(at) if !field[at..].is_ascii() => &field[..at],
        _ => field,
    };
    String::from_utf8_lossy(first).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_every_unit_and_form_are_microseconds() {
        for (text, unit, expected) in [
            ("1764547200", TimeUnit::Any, 1_764_547_200_000_000),
            ("1764547200123", TimeUnit::Any, 1_764_547_200_123_000),
            ("1764547200123456", TimeUnit::Any, 1_764_547_200_123_456),
            ("1764547200123456789", TimeUnit::Any, 1_764_547_200_123_456),
            ("1764547200.1169", TimeUnit::Any, 1_764_547_200_116_900),
            ("1764547200.123456789", TimeUnit::Seconds, 1_764_547_200_123_456),
            ("1.7645472e9", TimeUnit::Any, 1_764_547_200_000_000),
            ("2025-12-01T00:00:00Z", TimeUnit::Any, 1_764_547_200_000_000),
            ("2025-12-01 00:00:00.5", TimeUnit::Any, 1_764_547_200_500_000),
        ] {
            assert_eq!(Clock::of(unit).micros(text.as_bytes()), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_file_may_go_from_milliseconds_to_microseconds_unless_a_unit_is_given() {
        let mut clock = Clock::of(TimeUnit::Any);
        assert_eq!(clock.micros(b"1735689599999"), Some(1_735_689_599_999_000));
        assert_eq!(clock.micros(b"1735689600000001"), Some(1_735_689_600_000_001));
        assert_eq!(Clock::of(TimeUnit::Millis).micros(b"1735689600000001"), None);
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "x", "12", "99999999999999999999", "-1764547200", "1e400"] {
            assert_eq!(Clock::of(TimeUnit::Any).micros(text.as_bytes()), None, "{text}");
        }
    }
}
