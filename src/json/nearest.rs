//! Suggests a known name for a misspelt one.

/// The known name with the fewest edits, if at most a third of the letters differ, else the only one that
/// goes on where the wrong one ends (`latency` for `latency_ms`). Ignores case.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong: Vec<char> = wrong.trim().chars().take(80).flat_map(char::to_lowercase).collect();
    let known: Vec<(&str, Vec<char>)> =
        known.into_iter().map(|name| (name, name.chars().flat_map(char::to_lowercase).collect())).collect();
    let allowed = (wrong.len() / 3).max(1);
    let nearest = known
        .iter()
        .map(|(name, letters)| (edits(&wrong, letters), name, letters))
        .filter(|(distance, _, letters)| *distance <= allowed && *distance < letters.len())
        .min_by_key(|(distance, ..)| *distance)
        .map(|(_, name, _)| *name);
    let mut longer = known
        .iter()
        .filter(|(_, letters)| letters.starts_with(&wrong) && letters.get(wrong.len()) == Some(&'_'))
        .map(|(name, _)| *name);
    nearest.or_else(|| longer.next().filter(|_| longer.next().is_none()))
}

/// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours.
fn edits(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let substituted = last[j] + usize::from(a[i] != b[j]);
            let mut best = substituted.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                best = best.min(before_last[j - 1] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        let distance =
            |a: &str, b: &str| edits(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>());
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn suggests_only_what_is_near() {
        let known = ["PUMP_MAGNITUDE_PCT", "TWPA", "EMA", "SPREAD_PCT"];
        assert_eq!(nearest("pump_magnitud_pct", known), Some("PUMP_MAGNITUDE_PCT"));
        assert_eq!(nearest("SPRAED_PCT", known), Some("SPREAD_PCT"));
        assert_eq!(nearest("EM", known), Some("EMA"));
        assert_eq!(nearest("SOMETHING_ELSE", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest("x", ["y"]), None);
        assert_eq!(nearest("latency", ["latency_ms", "fees"]), Some("latency_ms"));
        assert_eq!(nearest("pump", known), Some("PUMP_MAGNITUDE_PCT"));
        assert_eq!(nearest("feed", ["feed_a", "feed_b"]), None, "two are possible");
    }
}
