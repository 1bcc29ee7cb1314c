//! Tests of overlapping files.

use super::*;
use crate::domain::file_mapping::FileMapping;
use crate::files::survey::{Selection, survey_file};
use crate::files::{group_by_stem, histories};
use std::sync::atomic::Ordering;

/// A file of trades of A at seconds, each with an id, a price, or both.
fn file(folder: &Path, name: &str, rows: &[(i64, Option<u64>, i64)]) -> PathBuf {
    let with_ids = rows.iter().all(|(_, id, _)| id.is_some());
    let mut text =
        format!("timestamp_us,symbol,price,quantity,side{}\n", if with_ids { ",trade_id" } else { "" });
    for (second, id, price) in rows {
        let id = id.map_or(String::new(), |id| format!(",{id}"));
        text.push_str(&format!("{},A,{price},1,buy{id}\n", (1_700_000_000 + second) * 1_000_000));
    }
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

type Row = (i64, Option<u64>, i64);

/// Numbers of the rows of the second file that the first has, or why they differ.
fn repeated(a: &[Row], b: &[Row]) -> Result<Vec<u64>, String> {
    let (folder, b_rows) = (tempfile::tempdir().unwrap(), b.len() as u64);
    let (a, b) = (file(folder.path(), "a.csv", a), file(folder.path(), "b.csv", b));
    let selection = Selection::default();
    let [earlier, later] = [&a, &b].map(|path| survey_file(path, &selection, &mut |_| {}).unwrap());
    let before = Before { path: &a, sorted: None, last: earlier.symbols[0].open_span().1 };
    let mut rows = Overlaps::new(&selection.declared, &selection.opener)
        .repeated(&later, &BTreeMap::from([("A".to_owned(), before)]))
        .map_err(|error| error.problem.to_string())?;
    let rows = rows.remove("A").unwrap_or_default();
    let mut left = rows.clone();
    let all: Vec<u64> = (0..b_rows).filter(|_| left.is_next()).collect();
    assert_eq!(all.len() as u64, rows.count());
    Ok(all)
}

fn ids(rows: &[(i64, u64)]) -> Vec<Row> {
    rows.iter().map(|(second, id)| (*second, Some(*id), 7)).collect()
}

fn prices(rows: &[(i64, i64)]) -> Vec<Row> {
    rows.iter().map(|(second, price)| (*second, None, *price)).collect()
}

#[test]
fn rows_that_agree_are_found_by_id_or_by_their_values() {
    let of_ids = |a: &[(i64, u64)], b: &[(i64, u64)]| repeated(&ids(a), &ids(b));
    assert_eq!(of_ids(&[(1, 1), (2, 2)], &[(3, 3)]), Ok(vec![]));
    assert_eq!(of_ids(&[(1, 1), (2, 2), (3, 3)], &[(2, 2), (3, 3), (4, 4)]), Ok(vec![0, 1]));
    assert_eq!(of_ids(&[(1, 1), (2, 2), (2, 3)], &[(2, 3), (2, 2), (2, 4)]), Ok(vec![0, 1]), "in any order");
    assert_eq!(of_ids(&[(1, 1), (2, 2), (3, 3)], &[(1, 1), (2, 2)]), Ok(vec![0, 1]), "one within the other");
    let of_values = |a: &[(i64, i64)], b: &[(i64, i64)]| repeated(&prices(a), &prices(b));
    assert_eq!(of_values(&[(1, 5), (2, 6), (3, 7)], &[(2, 6), (3, 7), (3, 7), (4, 8)]), Ok(vec![0, 1]));
    assert_eq!(
        of_values(&[(1, 5), (2, 6), (2, 7)], &[(2, 7), (2, 8)]),
        Ok(vec![0]),
        "the end is the beginning"
    );
    assert_eq!(of_values(&[(1, 5), (2, 6)], &[(2, 7)]), Ok(vec![]), "two trades of one time");
    assert_eq!(of_values(&[(1, 5), (2, 6), (2, 7), (3, 8)], &[(2, 7), (3, 8)]), Ok(vec![0, 1]));
}

#[test]
fn rows_that_differ_are_told_with_their_time() {
    let why = |a: &[Row], b: &[Row]| repeated(a, b).unwrap_err();
    let text = why(&ids(&[(1, 1), (3, 3)]), &ids(&[(1, 1), (2, 2), (3, 3)]));
    assert!(
        text.contains("/a.csv: both have trades of A from 2023-11-14T22:13:21")
            && text.contains("b.csv has rows"),
        "{text}"
    );
    assert!(
        why(&ids(&[(1, 1), (2, 2), (3, 3)]), &ids(&[(1, 1), (3, 3)])).contains("a.csv has rows of that time")
    );
    assert!(why(&[(1, Some(1), 5), (2, Some(2), 6)], &[(2, Some(2), 7)]).contains("trade id 2 is of two"));
    assert!(why(&ids(&[(1, 1), (2, 2), (3, 3)]), &ids(&[(1, 1), (2, 9), (3, 3)])).contains("trade id 9"));
    let text = why(&prices(&[(1, 5), (2, 6), (3, 7)]), &prices(&[(2, 7), (3, 7)]));
    assert!(text.contains("trades without ids cannot be matched"), "{text}");
}

/// Writes a file of a trade of each symbol at each second; `by_symbol`: one symbol after the other.
fn of_symbols(folder: &Path, name: &str, seconds: std::ops::Range<i64>, symbols: u64, by_symbol: bool) {
    let row = |second: i64, symbol: u64| {
        format!("{},S{symbol},{},1,buy\n", (1_700_000_000 + second) * 1_000_000, second + 1)
    };
    let rows: String = match by_symbol {
        true => {
            (0..symbols).flat_map(|symbol| seconds.clone().map(move |second| row(second, symbol))).collect()
        }
        false => seconds.flat_map(|second| (0..symbols).map(move |symbol| row(second, symbol))).collect(),
    };
    std::fs::write(folder.join(name), format!("timestamp_us,symbol,price,quantity,side\n{rows}")).unwrap();
}

/// What came of files: the files that were opened to compare them, and the rows that were left of how many
/// histories.
fn joined(folder: &Path, selection: &Selection) -> (u64, u64, usize) {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let survey = |path: &PathBuf| survey_file(path, selection, &mut |_| {}).unwrap();
    let surveyed: Vec<_> = group_by_stem(&paths)
        .into_iter()
        .map(|group| (group.clone(), group.paths.iter().map(survey).collect()))
        .collect();
    let opened = || selection.opener.opened.load(Ordering::Relaxed);
    let before = opened();
    let joined = histories(surveyed, selection).unwrap();
    let rows = joined.iter().flat_map(|history| &history.files).flat_map(|file| &file.symbols);
    (opened() - before, rows.map(|symbol| symbol.rows).sum(), joined.len())
}

#[test]
fn a_file_is_read_a_bounded_number_of_times_however_many_symbols_it_has() {
    for symbols in [1, 40] {
        for by_symbol in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            for day in 0..8 {
                let name = format!("T-{day}.csv");
                of_symbols(folder.path(), &name, 10 * day..10 * day + 15, symbols, by_symbol);
            }
            // Each of the seven later files once to be compared, once as the earlier file of the next, once
            // for what is left.
            let (opened, rows, histories) = joined(folder.path(), &Selection::default());
            assert_eq!((opened, rows, histories), (7 + 7 + 7, symbols * 85, 1));
        }
    }
}

#[test]
fn a_long_file_is_read_once_for_all_the_files_within_it() {
    let folder = tempfile::tempdir().unwrap();
    of_symbols(folder.path(), "T-0.csv", 0..180, 3, true);
    for day in 1..9 {
        of_symbols(folder.path(), &format!("T-{day}.csv"), 20 * day..20 * day + 25, 3, day % 2 == 0);
    }
    // The last one goes on behind the long one.
    let (opened, rows, _) = joined(folder.path(), &Selection::default());
    assert_eq!((opened, rows), (8 + 1 + 8, 3 * 185));
}

#[test]
fn rows_that_were_sorted_are_kept_once() {
    let folder = tempfile::tempdir().unwrap();
    of_symbols(folder.path(), "T-1.csv", 0..20, 4, true);
    of_symbols(folder.path(), "T-2.csv", 10..30, 4, true);
    let mapping = FileMapping { sort: true, ..FileMapping::default() };
    let selection =
        Selection { declared: Declared { mapping, ..Declared::default() }, ..Selection::default() };
    let kept = || selection.opener.spool.bytes();
    let survey = |name: &str| survey_file(&folder.path().join(name), &selection, &mut |_| {}).unwrap();
    let surveys = ["T-1.csv", "T-2.csv"].map(survey);
    let once = kept();
    assert!(once > 0);
    drop(surveys);
    let (_, rows, _) = joined(folder.path(), &selection);
    assert_eq!((rows, kept()), (4 * 30, 2 * once), "a survey each, and nothing for the comparison");
}
