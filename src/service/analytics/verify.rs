//! Compares the server with the store: number and checksum of rows by table, source and day.

use super::connection::Connection;
use super::flow::{Flow, Watched};
use super::sources::{TABLES, sources_of};
use super::{SyncError, events, market, oldest_us, records};
use crate::analytics::{Checksum, Table, same};
use crate::config::QuestDb;
use crate::domain::time::Timestamp;
use crate::limits::ANALYTICS_DIFFERENCES_SHOWN;
use crate::store::Store;
use serde::Serialize;
use std::collections::BTreeMap;

const DAY_US: i64 = 86_400_000_000;

/// The server compared with the store.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Verified {
    /// Whether nothing differs.
    pub equal: bool,
    /// How many groups of rows differ.
    pub different: u64,
    /// By table.
    pub tables: Vec<Comparison>,
}

impl Verified {
    pub(super) fn of(tables: Vec<Comparison>) -> Self {
        let different = tables.iter().map(|table| table.different_count).sum();
        Verified { equal: different == 0, different, tables }
    }
}

/// A table of the server compared with the store.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Comparison {
    /// Table without the prefix.
    pub table: &'static str,
    /// Groups of rows that were compared: all of one source (a session, a result, a recording) and one UTC
    /// day.
    pub compared: u64,
    /// Rows in them.
    pub rows: u64,
    /// Those that differ, at most 100.
    pub different: Vec<Difference>,
    /// How many differ.
    pub different_count: u64,
}

/// A group of rows that differs.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Difference {
    /// Its source: id of a session, result, recording or strategy.
    pub source: String,
    /// UTC day.
    pub day: String,
    /// Rows there should be.
    pub rows_here: u64,
    /// Rows QuestDB has.
    pub rows_there: u64,
}

/// Rows and checksum that the server has, by source and day.
type There = BTreeMap<(String, i64), (u64, String)>;

/// Compares all tables but `tickers`, of which the store keeps only the last.
pub(super) fn all(
    store: &Store,
    connection: &mut Connection,
    config: &QuestDb,
    goes_on: &dyn Fn() -> Result<(), SyncError>,
) -> Result<Vec<Comparison>, SyncError> {
    connection.drain()?;
    let oldest_us = oldest_us(config);
    let watched = Watched { goes_on, sent: &|_, _| {} };
    let mut flow = Flow::to_compare(store, connection, watched);
    records::strategies(store, &mut flow)?;
    records::sessions(store, &mut flow)?;
    records::results(store, &mut flow)?;
    events::all(store, &mut flow)?;
    market::gaps(store, &mut flow)?;
    if config.market_data {
        market::rows(store, &mut flow, oldest_us)?;
    }
    flow.commit()?;
    let mut here = flow.into_batches();
    let oldest_event = events::oldest(store)?;
    let mut compared = Vec::new();
    for (name, _) in TABLES.iter().filter(|(name, _)| *name != "tickers") {
        let Some(table) = connection.tables.get(name).cloned() else { continue };
        let here = here.get_mut(name).map(|batch| batch.take_days()).unwrap_or_default();
        goes_on()?;
        let there = there(connection, &table, oldest_event)?;
        compared.push(compare(name, here, &there, if table.has_ttl() { oldest_us } else { i64::MIN }));
    }
    Ok(compared)
}

/// What is different is sent again with the next round.
pub(super) fn repair(store: &Store, compared: &[Comparison]) -> Result<(), SyncError> {
    for comparison in compared.iter().filter(|comparison| comparison.different_count > 0) {
        for source in sources_of(comparison.table) {
            store.reset_sync(Some(source))?;
        }
    }
    Ok(())
}

/// Rows and checksum of the server by group and day.
fn there(connection: &Connection, table: &Table, oldest_event: u64) -> Result<There, SyncError> {
    let rows = match table.name {
        "signals" | "orders" | "fills" | "session_equity" => format!(" AND seq >= {oldest_event}"),
        "refusals" => format!(" AND (origin = 'result' OR seq >= {oldest_event})"),
        _ => String::new(),
    };
    let query = connection.tables.checksum_query(table, &connection.state.instance, &rows);
    let rows = connection.client.query(&query)?;
    let mut there = BTreeMap::new();
    for row in 0..rows.len() {
        let day = rows.whole(row, 1).unwrap_or_default().div_euclid(DAY_US);
        let count = rows.whole(row, 2).and_then(|count| u64::try_from(count).ok()).unwrap_or_default();
        there.insert((rows.text(row, 0).to_owned(), day), (count, rows.text(row, 3).to_owned()));
    }
    Ok(there)
}

/// Compares what both sides have. A source that the store no longer has is not compared: retention removes
/// nothing there.
fn compare(
    table: &'static str,
    here: BTreeMap<(String, i64), Checksum>,
    there: &There,
    oldest_us: i64,
) -> Comparison {
    let mut comparison =
        Comparison { table, compared: 0, rows: 0, different: Vec::new(), different_count: 0 };
    let none = (0, String::new());
    let mut note = |source: &str, day: i64, rows_here: u64, rows_there: u64| {
        comparison.different_count += 1;
        if comparison.different.len() < ANALYTICS_DIFFERENCES_SHOWN {
            let shown = Timestamp::from_seconds(day * 86_400).to_string();
            let day = shown.get(..10).unwrap_or_default().to_owned();
            comparison.different.push(Difference { source: source.to_owned(), day, rows_here, rows_there });
        }
    };
    let (mut compared, mut rows) = (0, 0);
    for ((source, day), checksum) in &here {
        // Of the day of the limit, the server may have dropped a part.
        if day.saturating_mul(DAY_US) < oldest_us {
            continue;
        }
        let (count, sum) = there.get(&(source.clone(), *day)).unwrap_or(&none);
        (compared, rows) = (compared + 1, rows + checksum.rows);
        if *count != checksum.rows || !same(sum, checksum) {
            note(source, *day, checksum.rows, *count);
        }
    }
    for ((source, day), (count, _)) in there {
        let is_known = here.range((source.clone(), i64::MIN)..=(source.clone(), i64::MAX)).next().is_some();
        if is_known && !here.contains_key(&(source.clone(), *day)) {
            note(source, *day, 0, *count);
        }
    }
    (comparison.compared, comparison.rows) = (compared, rows);
    comparison
}
