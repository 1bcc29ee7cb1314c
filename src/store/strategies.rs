//! Strategy documents with all their versions. Knows nothing of what a document says.

use super::error::during;
use super::records::StrategyV1;
use super::tables::STRATEGIES;
use super::{Store, StoreError, decode, encode};
use crate::domain::time::Timestamp;
use redb::{ReadableTable, Table};

const DOING: &str = "reading a strategy";
const CHANGING: &str = "writing a strategy";

impl Store {
    /// Keeps a document as the next version of a strategy (1 for a new one) and returns the version. A deleted strategy
    /// comes back with it.
    pub fn put_strategy(&self, id: &str, name: &str, document: &str, at: Timestamp) -> Result<u32, StoreError> {
        let (id, name, document) = (id.to_owned(), name.to_owned(), document.to_owned());
        self.write(move |txn| {
            let mut table = txn.open_table(STRATEGIES).map_err(during(CHANGING))?;
            put(&mut table, &id, &name, &document, at)
        })
    }

    /// Keeps several documents as [`Store::put_strategy`] does, each with id and name, in one commit.
    pub fn put_strategies(&self, all: Vec<[String; 3]>, at: Timestamp) -> Result<(), StoreError> {
        self.write(move |txn| {
            let mut table = txn.open_table(STRATEGIES).map_err(during(CHANGING))?;
            all.iter().try_for_each(|[id, name, document]| put(&mut table, id, name, document, at).map(drop))
        })
    }

    /// The newest version of a strategy that is not deleted.
    pub fn strategy(&self, id: &str) -> Result<StrategyV1, StoreError> {
        let table = self.read()?.open_table(STRATEGIES).map_err(during(DOING))?;
        newest(&table, id)?.filter(|newest| newest.deleted_us.is_none()).ok_or_else(|| not_found(id))
    }

    /// One version of a strategy, deleted or not.
    pub fn strategy_version(&self, id: &str, version: u32) -> Result<StrategyV1, StoreError> {
        let table = self.read()?.open_table(STRATEGIES).map_err(during(DOING))?;
        let found = table.get((id, version)).map_err(during(DOING))?;
        found.map_or_else(|| Err(not_found(&format!("{id}@{version}"))), |bytes| decode(bytes.value(), id))
    }

    /// The newest version of every strategy that is not deleted, by id.
    pub fn strategies(&self) -> Result<Vec<StrategyV1>, StoreError> {
        let table = self.read()?.open_table(STRATEGIES).map_err(during(DOING))?;
        let mut all: Vec<StrategyV1> = Vec::new();
        for row in table.iter().map_err(during(DOING))? {
            let (key, bytes) = row.map_err(during(DOING))?;
            let strategy: StrategyV1 = decode(bytes.value(), key.value().0)?;
            match all.last_mut() {
                Some(last) if last.id == strategy.id => *last = strategy,
                _ => all.push(strategy),
            }
        }
        all.retain(|strategy| strategy.deleted_us.is_none());
        Ok(all)
    }

    /// Hides a strategy from lists; its versions stay.
    pub fn delete_strategy(&self, id: &str, at: Timestamp) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.write(move |txn| {
            let mut table = txn.open_table(STRATEGIES).map_err(during(CHANGING))?;
            let newest = newest(&table, &id)?.filter(|newest| newest.deleted_us.is_none()).ok_or_else(|| not_found(&id))?;
            insert(&mut table, &StrategyV1 { deleted_us: Some(at.micros()), ..newest })
        })
    }
}

fn not_found(id: &str) -> StoreError {
    StoreError::NotFound { what: "strategy", id: id.to_owned() }
}

fn newest(table: &impl ReadableTable<(&'static str, u32), &'static [u8]>, id: &str) -> Result<Option<StrategyV1>, StoreError> {
    let mut versions = table.range((id, 0)..=(id, u32::MAX)).map_err(during(DOING))?;
    match versions.next_back() {
        None => Ok(None),
        Some(row) => decode(row.map_err(during(DOING))?.1.value(), id).map(Some),
    }
}

fn put(
    table: &mut Table<'_, (&'static str, u32), &'static [u8]>,
    id: &str,
    name: &str,
    document: &str,
    at: Timestamp,
) -> Result<u32, StoreError> {
    let newest = newest(table, id)?;
    let version = newest.as_ref().map_or(1, |newest| newest.version.saturating_add(1));
    let created_us = newest.map_or(at.micros(), |newest| newest.created_us);
    let (id, name, document) = (id.to_owned(), name.to_owned(), document.to_owned());
    insert(table, &StrategyV1 { id, version, name, document, created_us, updated_us: at.micros(), deleted_us: None })?;
    Ok(version)
}

fn insert(table: &mut Table<'_, (&'static str, u32), &'static [u8]>, strategy: &StrategyV1) -> Result<(), StoreError> {
    let bytes = encode(strategy)?;
    table.insert((strategy.id.as_str(), strategy.version), bytes.as_slice()).map_err(during(CHANGING))?;
    Ok(())
}
