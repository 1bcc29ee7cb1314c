//! The length of a symbol's bars: the declared one, else the most frequent distance between bars.
//!
//! The smallest distance is not used: one early bar would make every bar known before its end.

use crate::domain::time::Span;
use crate::limits::BAR_DISTANCES;
use std::collections::BTreeMap;

/// Bar length when nothing indicates it.
pub const DEFAULT_BAR: Span = Span::from_seconds(60);

/// Source of a bar length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BarSource {
    /// The user.
    Given,
    /// The file: its name, or the interval of its klines.
    Name,
    /// The most frequent distance between bars.
    Frequent,
    /// A guess: nothing indicates it.
    Assumed,
}

impl BarSource {
    /// All sources with their names in results.
    pub const ALL: [(BarSource, &'static str); 4] = [
        (BarSource::Given, "given"),
        (BarSource::Name, "name"),
        (BarSource::Frequent, "most_frequent"),
        (BarSource::Assumed, "assumed"),
    ];

    /// Name in results.
    pub fn as_str(&self) -> &'static str {
        Self::ALL.iter().find(|(source, _)| *source == *self).map_or("", |(_, word)| word)
    }

    /// Whether the length was declared.
    pub const fn is_declared(self) -> bool {
        matches!(self, BarSource::Given | BarSource::Name)
    }
}

/// Counts of distances between the open times of consecutive bars, at most [`BAR_DISTANCES`] different ones.
#[derive(Clone, Default, Debug)]
pub struct BarDistances {
    counts: BTreeMap<i64, u64>,
    shortest: Option<Span>,
}

impl BarDistances {
    /// Adds the distance between two consecutive bars; zero and negative distances are ignored.
    pub fn add(&mut self, distance: Span) {
        if distance <= Span::ZERO {
            return;
        }
        self.shortest = Some(self.shortest.map_or(distance, |shortest| shortest.min(distance)));
        if let Some(count) = self.counts.get_mut(&distance.nanos()) {
            *count += 1;
        } else if self.counts.len() < BAR_DISTANCES {
            self.counts.insert(distance.nanos(), 1);
        }
    }

    /// Adds the counts of another set.
    pub fn join(&mut self, other: &BarDistances) {
        for (distance, count) in &other.counts {
            self.add(Span::from_nanos(*distance));
            if let Some(known) = self.counts.get_mut(distance) {
                *known += count - 1;
            }
        }
    }

    /// The most frequent distance; the shortest one among equally frequent ones.
    pub fn most_frequent(&self) -> Option<Span> {
        self.counts
            .iter()
            .max_by_key(|(distance, count)| (**count, std::cmp::Reverse(**distance)))
            .map(|(distance, _)| Span::from_nanos(*distance))
    }

    /// The bar length and its source; `declared` takes precedence.
    pub fn length(&self, declared: Option<(Span, BarSource)>) -> (Span, BarSource) {
        declared
            .or_else(|| self.most_frequent().map(|span| (span, BarSource::Frequent)))
            .unwrap_or((DEFAULT_BAR, BarSource::Assumed))
    }

    /// A message when the distances contradict a length; `None` when they do not.
    pub fn contradiction(&self, length: Span, source: BarSource) -> Option<String> {
        let seconds = |span: Span| span.seconds_f64();
        if let Some(shortest) = self.shortest.filter(|shortest| *shortest < length) {
            return Some(format!(
                "bars are taken as {} s long, but some follow each other after {} s",
                seconds(length),
                seconds(shortest)
            ));
        }
        let frequent = self.most_frequent().filter(|frequent| source.is_declared() && *frequent != length)?;
        Some(format!(
            "bars are declared {} s long, but most follow each other after {} s",
            seconds(length),
            seconds(frequent)
        ))
    }
}

/// The bar length in a file's name: the last part like `1m`, `15m`, `4h` or `1d` between separators.
pub fn declared_by_name(name: &str) -> Option<Span> {
    let parts = name.split(|c: char| !c.is_ascii_alphanumeric());
    let mut lengths = parts.filter_map(|part| {
        let (count, unit) = part.split_at_checked(part.len().checked_sub(1)?)?;
        let unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            "w" => 604_800,
            _ => return None,
        };
        let plain = !count.is_empty()
            && !count.starts_with('0')
            && count.len() <= 4
            && count.bytes().all(|byte| byte.is_ascii_digit());
        Some(Span::from_seconds(plain.then(|| count.parse::<i64>().ok()).flatten()? * unit))
    });
    lengths.next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distances(seconds: &[i64]) -> BarDistances {
        let mut all = BarDistances::default();
        seconds.iter().for_each(|seconds| all.add(Span::from_seconds(*seconds)));
        all
    }

    #[test]
    fn the_most_frequent_distance_is_the_length_never_the_smallest() {
        let thin = distances(&[300, 60, 60, 240, 60, 30, 120]);
        assert_eq!(thin.length(None), (Span::from_seconds(60), BarSource::Frequent));
        assert!(
            thin.contradiction(Span::from_seconds(60), BarSource::Frequent).unwrap().contains("after 30 s")
        );
        assert_eq!(distances(&[]).length(None), (DEFAULT_BAR, BarSource::Assumed));
    }

    #[test]
    fn what_is_declared_holds_and_a_distance_that_contradicts_it_is_told() {
        let (minute, declared) = (Span::from_seconds(60), Some((Span::from_seconds(60), BarSource::Given)));
        let thin = distances(&[240, 240, 300, 60]);
        assert_eq!(thin.length(declared), (minute, BarSource::Given));
        assert!(
            thin.contradiction(minute, BarSource::Given)
                .unwrap()
                .contains("declared 60 s long, but most follow each other after 240 s")
        );
        assert_eq!(distances(&[60, 60, 120]).contradiction(minute, BarSource::Given), None);
    }

    #[test]
    fn joined_distances_count_together_and_their_number_is_bounded() {
        let mut all = distances(&[60, 300]);
        all.join(&distances(&[300, 300, 60]));
        assert_eq!(all.most_frequent(), Some(Span::from_seconds(300)));
        for distance in 1..10_000 {
            all.add(Span::from_seconds(distance));
        }
        assert_eq!(all.counts.len(), BAR_DISTANCES);
    }

    #[test]
    fn names_of_files_declare_the_length_of_bars() {
        for (name, seconds) in [
            ("THE_USDT_1m_20250212", 60),
            ("BTCUSDT-15m-2024-01", 900),
            ("X.4h", 14_400),
            ("mexc_1d", 86_400),
        ] {
            assert_eq!(declared_by_name(name), Some(Span::from_seconds(seconds)), "{name}");
        }
        for name in ["BTCUSDT", "THE_USDT_20250212", "1INCH_USDT", "x_m", "0m"] {
            assert_eq!(declared_by_name(name), None, "{name}");
        }
    }
}
