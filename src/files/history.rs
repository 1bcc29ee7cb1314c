//! Joins consecutive files into one history: daily files of a symbol share one account and one warm-up.
//!
//! Only files whose names differ in numbers alone are joined, so files of different venues are not.

use super::paths::{self, SourceGroup};
use super::survey::FileSurvey;
use crate::domain::record::StreamKind;
use crate::domain::time::{Span, Timestamp};
use std::collections::BTreeMap;

/// Files further apart than this are separate histories: they record separate events rather than a gap.
pub const FURTHEST_APART: Span = Span::from_seconds(7 * 86_400);

/// Files that are replayed as one.
#[derive(Clone, Debug)]
pub struct History {
    /// Common name of the files.
    pub label: String,
    /// Its files.
    pub files: Vec<FileSurvey>,
}

/// A history under construction: its stems, and the last time of each stream.
struct Open {
    stems: Vec<String>,
    files: Vec<FileSurvey>,
    reached: BTreeMap<(String, StreamKind), Timestamp>,
    end: Timestamp,
}

/// Joins groups of surveyed files into histories, in the order of the groups' first files. Overlapping files
/// are not joined.
pub fn histories(groups: Vec<(SourceGroup, Vec<FileSurvey>)>) -> Vec<History> {
    let mut sorted: Vec<(usize, Timestamp, String, SourceGroup, Vec<FileSurvey>)> = Vec::new();
    for (index, (group, files)) in groups.into_iter().enumerate() {
        let family = group.paths.first().map(|path| paths::family(&paths::stem(path))).unwrap_or_default();
        sorted.push((index, span(&files).map_or(Timestamp::MIN, |(first, _)| first), family, group, files));
    }
    sorted.sort_by(|a, b| (&a.2, a.1, a.0).cmp(&(&b.2, b.1, b.0)));
    let mut open: Vec<(usize, String, Open)> = Vec::new();
    for (index, first, family, group, files) in sorted {
        match open
            .iter()
            .position(|(_, known, history)| *known == family && history.goes_on_with(first, &files))
        {
            Some(own) => open[own].2.add(group.label, files),
            None => {
                let mut history = Open {
                    stems: Vec::new(),
                    files: Vec::new(),
                    reached: BTreeMap::new(),
                    end: Timestamp::MIN,
                };
                history.add(group.label, files);
                open.push((index, family, history));
            }
        }
    }
    open.sort_by_key(|(index, ..)| *index);
    let labels: Vec<String> = open.iter().map(|(_, _, history)| history.label()).collect();
    let label = |index: usize, first: &str| {
        let is_taken =
            labels.iter().enumerate().any(|(other, label)| other != index && *label == labels[index]);
        if is_taken { first.to_owned() } else { labels[index].clone() }
    };
    let named = open
        .iter()
        .enumerate()
        .map(|(index, (_, _, history))| label(index, &history.stems[0]))
        .collect::<Vec<_>>();
    named
        .into_iter()
        .zip(open)
        .map(|(label, (_, _, history))| History { label, files: history.files })
        .collect()
}

impl Open {
    /// Whether files share a stream with it and continue every stream they share.
    fn goes_on_with(&self, first: Timestamp, files: &[FileSurvey]) -> bool {
        if first - self.end > FURTHEST_APART {
            return false;
        }
        let mut shares = false;
        for (stream, from, _) in streams(files) {
            if let Some(reached) = self.reached.get(&stream) {
                shares = true;
                if from < *reached || stream.1 == StreamKind::Bars && from == *reached {
                    return false;
                }
            }
        }
        shares
    }

    fn add(&mut self, stem: String, files: Vec<FileSurvey>) {
        for (stream, _, to) in streams(&files) {
            let reached = self.reached.entry(stream).or_insert(to);
            *reached = to.max(*reached);
        }
        self.end = span(&files).map_or(self.end, |(_, last)| last.max(self.end));
        self.stems.push(stem);
        self.files.extend(files);
    }

    /// The common prefix of the stems, without digits; the stem itself if there is only one.
    fn label(&self) -> String {
        let first = &self.stems[0];
        let mut common = first.as_str();
        for stem in &self.stems {
            let same = common.char_indices().zip(stem.chars()).take_while(|((_, a), b)| a == b).last();
            common = &common[..same.map_or(0, |((at, c), _)| at + c.len_utf8())];
        }
        if common.len() < first.len() {
            common = common.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches(['-', '_', '.']);
        }
        if common.is_empty() { first.clone() } else { common.to_owned() }
    }
}

/// Every stream of the files, with its first and last row.
fn streams(files: &[FileSurvey]) -> impl Iterator<Item = ((String, StreamKind), Timestamp, Timestamp)> {
    files.iter().flat_map(|file| {
        file.symbols.iter().map(|symbol| {
            let (first, last) = symbol.open_span();
            ((symbol.name.clone(), file.kind), first, last)
        })
    })
}

fn span(files: &[FileSurvey]) -> Option<(Timestamp, Timestamp)> {
    let first = streams(files).map(|(_, first, _)| first).min()?;
    Some((first, streams(files).map(|(_, _, last)| last).max()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{Selection, group_by_stem, survey_file};
    use std::path::PathBuf;

    const DAY: i64 = 86_400;

    /// Files of three trades each, the first at the given second; returns label and number of files of every
    /// history.
    fn joined(files: &[(&str, &str, i64)]) -> Vec<(String, usize)> {
        let folder = tempfile::tempdir().unwrap();
        let mut paths: Vec<PathBuf> = Vec::new();
        for (name, symbol, first) in files {
            let rows = (0..3)
                .map(|n| format!("{},{symbol},1,1,buy\n", (1_700_000_000 + first + 100 * n) * 1_000_000));
            paths.push(folder.path().join(name));
            std::fs::write(
                paths.last().unwrap(),
                format!("timestamp_us,symbol,price,quantity,side\n{}", rows.collect::<String>()),
            )
            .unwrap();
        }
        let survey = |path: &PathBuf| survey_file(path, &Selection::default(), &mut |_| {}).unwrap();
        let groups = group_by_stem(&paths).into_iter().map(|group| {
            let files = group.paths.iter().map(survey).collect();
            (group, files)
        });
        histories(groups.collect()).into_iter().map(|history| (history.label, history.files.len())).collect()
    }

    #[test]
    fn daily_files_of_a_symbol_are_one_history_with_a_name_of_their_own() {
        let days = [
            ("A-2025-12-02.trades.csv", "A", DAY),
            ("A-2025-12-01.trades.csv", "A", 0),
            ("A-2025-12-04.trades.csv", "A", 3 * DAY),
        ];
        assert_eq!(joined(&days), [("A-2025-12".to_owned(), 3)]);
        assert_eq!(joined(&days[..1]), [("A-2025-12-02".to_owned(), 1)]);
        let two =
            [("A-2025-12-01.csv", "A", 0), ("A-2026-01-01.csv", "A", DAY), ("B-2025-12-01.csv", "B", 0)];
        assert_eq!(joined(&two), [("A".to_owned(), 2), ("B-2025-12-01".to_owned(), 1)]);
    }

    #[test]
    fn files_of_two_venues_of_two_symbols_far_apart_or_overlapping_stay_apart() {
        assert_eq!(joined(&[("spot_A_1.csv", "A", 0), ("usdm_A_2.csv", "A", DAY)]).len(), 2);
        assert_eq!(joined(&[("1INCH-1.csv", "1INCH", 0), ("2INCH-2.csv", "2INCH", DAY)]).len(), 2);
        assert_eq!(
            joined(&[("A-1.csv", "A", 0), ("A-2.csv", "A", 8 * DAY)]),
            [("A-1".to_owned(), 1), ("A-2".to_owned(), 1)]
        );
        assert_eq!(joined(&[("A-1.csv", "A", 0), ("A-2.csv", "A", 150)]).len(), 2);
        assert_eq!(joined(&[("A-1.csv", "A", 0), ("A-2.csv", "A", 200)]).len(), 1, "they touch");
    }
}
