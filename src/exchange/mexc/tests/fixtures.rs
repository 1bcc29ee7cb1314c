//! Recorded payloads and requests that are not part of the repository: tests that need them report when they
//! are missing. Also literals used by tests.

use crate::domain::decimal::Decimal;
use crate::domain::time::Timestamp;
use serde_json::value::RawValue;
use std::path::PathBuf;

/// The folder of fixtures: beside the repository, or at `TRADINGD_FIXTURES`.
fn folder() -> Option<PathBuf> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/fixtures"));
    let folder = std::env::var_os("TRADINGD_FIXTURES").map_or_else(beside, PathBuf::from).join("mexc");
    folder.is_dir().then_some(folder)
}

/// The text of a fixture; `None` when there are no fixtures at all. A single missing one is a failure.
pub fn text(name: &str) -> Option<String> {
    let Some(folder) = folder() else {
        eprintln!(
            "SKIPPED: no fixtures (set TRADINGD_FIXTURES to the folder that holds mexc/), so {name} was not looked at"
        );
        return None;
    };
    let path = folder.join(name);
    Some(std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// The names of all fixtures with this prefix, sorted.
pub fn names(prefix: &str) -> Vec<String> {
    let Some(folder) = folder() else { return Vec::new() };
    let names = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
    names.sort();
    names
}

/// The data of a REST answer.
pub fn data(body: &str) -> &RawValue {
    super::super::wire::envelope::open(body.as_bytes())
        .unwrap_or_else(|error| panic!("{body}: {error:?}"))
        .data
        .unwrap()
}

pub fn decimal(text: &str) -> Decimal {
    Decimal::parse(text.as_bytes()).unwrap()
}

pub fn some(text: &str) -> Option<Decimal> {
    Some(decimal(text))
}

pub fn ms(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms).unwrap()
}
