//! Joins files into one history: daily files of a symbol share one account and one warm-up. What overlapping
//! files have in common is read once.
//!
//! Only files whose names differ in numbers alone are joined, so files of different venues are not.

use super::error::FileError;
use super::overlap::{Before, Overlaps};
use super::paths::{self, SourceGroup};
use super::repeated::{RepeatedBySymbol, RepeatedRows};
use super::survey::{FileSurvey, FileSymbol, Selection};
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

/// A history under construction.
struct Open {
    /// Names of its groups.
    stems: Vec<String>,
    files: Vec<FileSurvey>,
    /// How far each stream reaches.
    reached: BTreeMap<(String, StreamKind), Reached>,
    end: Timestamp,
}

/// The last row of a stream, and the file that has it.
#[derive(Clone, Copy)]
struct Reached {
    last: Timestamp,
    file: usize,
    /// Length of its bars.
    bar: Span,
}

/// Joins groups of surveyed files into histories, in the order of the groups' first files. The files were
/// surveyed with the selection.
///
/// # Errors
/// Files of one history that overlap and do not agree, or that changed.
pub fn histories(
    groups: Vec<(SourceGroup, Vec<FileSurvey>)>,
    selection: &Selection,
) -> Result<Vec<History>, FileError> {
    let mut sorted: Vec<(usize, Timestamp, String, SourceGroup, Vec<FileSurvey>)> = Vec::new();
    for (index, (group, files)) in groups.into_iter().enumerate() {
        let family = group.paths.first().map(|path| paths::family(&paths::stem(path))).unwrap_or_default();
        sorted.push((index, span(&files).map_or(Timestamp::MIN, |(first, _)| first), family, group, files));
    }
    sorted.sort_by(|a, b| (&a.2, a.1, a.0).cmp(&(&b.2, b.1, b.0)));
    let mut overlaps = Overlaps::new(&selection.declared, &selection.opener);
    let mut open: Vec<(usize, String, Open)> = Vec::new();
    for (index, first, family, group, files) in sorted {
        match open
            .iter()
            .position(|(_, known, history)| *known == family && history.goes_on_with(first, &files))
        {
            Some(own) => open[own].2.add(group.label, files, selection, &mut overlaps)?,
            None => {
                let mut history = Open {
                    stems: Vec::new(),
                    files: Vec::new(),
                    reached: BTreeMap::new(),
                    end: Timestamp::MIN,
                };
                history.add(group.label, files, selection, &mut overlaps)?;
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
    let joined = named.into_iter().zip(open);
    Ok(joined.map(|(label, (_, _, history))| History { label, files: history.files }).collect())
}

impl Open {
    /// Whether files share a stream with it, not too long after its end. Bars of another length that lie
    /// beside its own are another history.
    fn goes_on_with(&self, first: Timestamp, files: &[FileSurvey]) -> bool {
        let mut shares = false;
        for (stream, symbol) in streams(files) {
            if let Some(reached) = self.reached.get(&stream) {
                shares = true;
                if symbol.bar != reached.bar && symbol.open_span().0 <= reached.last {
                    return false;
                }
            }
        }
        shares && first - self.end <= FURTHEST_APART
    }

    /// Adds the files of a group, without the rows that it has already.
    fn add(
        &mut self,
        stem: String,
        mut files: Vec<FileSurvey>,
        selection: &Selection,
        overlaps: &mut Overlaps<'_>,
    ) -> Result<(), FileError> {
        self.stems.push(stem);
        files.sort_by_key(|file| span(std::slice::from_ref(file)).map(|(first, _)| first));
        for mut file in files {
            let mut before = BTreeMap::new();
            for symbol in &file.symbols {
                let known = self.reached.get(&(symbol.name.clone(), file.kind));
                let Some(known) = known.filter(|known| symbol.open_span().0 <= known.last) else { continue };
                let FileSurvey { path, sorted, .. } = &self.files[known.file];
                let known = Before { path, sorted: sorted.as_ref(), last: known.last };
                before.insert(symbol.name.clone(), known);
            }
            let elsewhere = match before.is_empty() {
                true => RepeatedBySymbol::new(),
                false => overlaps.repeated(&file, &before)?,
            };
            for symbol in file.symbols.iter().filter(|symbol| symbol.rows > 0) {
                let repeated = elsewhere.get(&symbol.name).map_or(0, RepeatedRows::count);
                let earlier = self.reached.get(&(symbol.name.clone(), file.kind)).map(|known| known.file);
                if repeated == symbol.rows
                    && let Some(earlier) = earlier
                    && let Some(own) =
                        self.files[earlier].symbols.iter_mut().find(|own| own.name == symbol.name)
                {
                    // The file has nothing else of the symbol, so it does not tell of it.
                    own.repeated += repeated + symbol.repeated;
                }
            }
            if !elsewhere.is_empty() {
                file = file.without(elsewhere, selection)?;
            }
            let index = self.files.len();
            for (stream, symbol) in streams(std::slice::from_ref(&file)) {
                let now = Reached { last: symbol.open_span().1, file: index, bar: symbol.bar };
                let reached = self.reached.entry(stream).or_insert(now);
                if now.last >= reached.last {
                    *reached = now;
                }
            }
            self.end = span(std::slice::from_ref(&file)).map_or(self.end, |(_, last)| last.max(self.end));
            self.files.push(file);
        }
        Ok(())
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

/// Every stream of the files.
fn streams(files: &[FileSurvey]) -> impl Iterator<Item = ((String, StreamKind), &FileSymbol)> {
    files.iter().flat_map(|file| file.symbols.iter().map(|symbol| ((symbol.name.clone(), file.kind), symbol)))
}

/// Times of the first and last row of the files.
fn span(files: &[FileSurvey]) -> Option<(Timestamp, Timestamp)> {
    let first = streams(files).map(|(_, symbol)| symbol.open_span().0).min()?;
    Some((first, streams(files).map(|(_, symbol)| symbol.open_span().1).max()?))
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
        let joined = histories(groups.collect(), &Selection::default()).unwrap();
        joined.into_iter().map(|history| (history.label, history.files.len())).collect()
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
    fn files_of_two_venues_of_two_symbols_or_far_apart_stay_apart() {
        assert_eq!(joined(&[("spot_A_1.csv", "A", 0), ("usdm_A_2.csv", "A", DAY)]).len(), 2);
        assert_eq!(joined(&[("1INCH-1.csv", "1INCH", 0), ("2INCH-2.csv", "2INCH", DAY)]).len(), 2);
        assert_eq!(
            joined(&[("A-1.csv", "A", 0), ("A-2.csv", "A", 8 * DAY)]),
            [("A-1".to_owned(), 1), ("A-2".to_owned(), 1)]
        );
        assert_eq!(
            joined(&[("A-1.csv", "A", 0), ("A-2.csv", "A", 100)]).len(),
            1,
            "they agree where they overlap"
        );
        assert_eq!(joined(&[("A-1.csv", "A", 0), ("A-2.csv", "A", 200)]).len(), 1, "they touch");
    }
}
