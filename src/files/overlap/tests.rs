//! Tests of overlapping files.

use super::*;
use std::path::PathBuf;

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
    let rows = repeated_rows(&a, &b, "A", &Declared::default()).map_err(|error| error.problem.to_string())?;
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
