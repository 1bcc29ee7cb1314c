//! Strategy documents with all their versions. The content of documents is not interpreted here.

use super::checked::Checked;
use super::error::during;
use super::guard::guarded;
use super::records::StrategyV1;
use super::tables::{META, STRATEGIES};
use super::{Store, StoreError, encode};
use crate::domain::time::Timestamp;
use redb::{ReadableTable, Table};

const CHANGING: &str = "writing a strategy";

impl Store {
    /// Stores a document as the next version of a strategy (1 for a new one) and returns the version. A
    /// deleted strategy is thereby restored.
    pub fn put_strategy(
        &self,
        id: &str,
        name: &str,
        document: &str,
        at: Timestamp,
    ) -> Result<u32, StoreError> {
        let (id, name, document) = (id.to_owned(), name.to_owned(), document.to_owned());
        self.write(move |txn| {
            let mut table = STRATEGIES.write(txn, CHANGING)?;
            put(&mut table, &id, &name, &document, at)
        })
    }

    /// Stores built-in strategies (id, name, document) as [`Store::put_strategy`] does, in one commit.
    pub fn put_builtin_strategies(&self, all: Vec<[String; 3]>, at: Timestamp) -> Result<(), StoreError> {
        self.write(move |txn| {
            let mut table = STRATEGIES.write(txn, CHANGING)?;
            let mut meta = txn.open_table(META).map_err(during(CHANGING))?;
            all.iter().try_for_each(|[id, name, document]| {
                let version = put(&mut table, id, name, document, at)?;
                meta.insert(builtin_key(id).as_str(), u64::from(version)).map_err(during(CHANGING))?;
                Ok(())
            })
        })
    }

    /// The newest version of a strategy that was stored as built-in. Where the store has no record of it,
    /// that is version 1; `None` if that version does not exist.
    pub fn builtin_strategy(&self, id: &str) -> Result<Option<StrategyV1>, StoreError> {
        const READING: &str = "reading a strategy";
        let version = guarded(|| {
            let meta = self.read()?.open_table(META).map_err(during(READING))?;
            let version = meta.get(builtin_key(id).as_str()).map_err(during(READING))?;
            Ok(version.and_then(|version| u32::try_from(version.value()).ok()).unwrap_or(1))
        })?;
        self.table(STRATEGIES)?.checked().get((id, version))
    }

    /// The newest version of a strategy, even if deleted.
    pub fn newest_strategy(&self, id: &str) -> Result<Option<StrategyV1>, StoreError> {
        newest(&self.table(STRATEGIES)?.checked(), id)
    }

    /// The newest version of a strategy; a deleted one is not found.
    pub fn strategy(&self, id: &str) -> Result<StrategyV1, StoreError> {
        newest(&self.table(STRATEGIES)?.checked(), id)?
            .filter(|newest| newest.deleted_us.is_none())
            .ok_or_else(|| not_found(id))
    }

    /// One version of a strategy, even if deleted.
    pub fn strategy_version(&self, id: &str, version: u32) -> Result<StrategyV1, StoreError> {
        self.table(STRATEGIES)?
            .checked()
            .get((id, version))?
            .ok_or_else(|| not_found(&format!("{id}@{version}")))
    }

    /// All versions of all strategies, deleted ones too, by id and version.
    pub fn strategy_versions(&self) -> Result<Vec<StrategyV1>, StoreError> {
        self.table(STRATEGIES)?.checked().values()
    }

    /// The newest versions of all strategies that are not deleted, sorted by id.
    pub fn strategies(&self) -> Result<Vec<StrategyV1>, StoreError> {
        let mut all: Vec<StrategyV1> = Vec::new();
        for strategy in self.table(STRATEGIES)?.checked().values()? {
            match all.last_mut() {
                Some(last) if last.id == strategy.id => *last = strategy,
                _ => all.push(strategy),
            }
        }
        all.retain(|strategy| strategy.deleted_us.is_none());
        Ok(all)
    }

    /// Marks a strategy as deleted; its versions stay.
    pub fn delete_strategy(&self, id: &str, at: Timestamp) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.write(move |txn| {
            let mut table = STRATEGIES.write(txn, CHANGING)?;
            let newest = newest(&STRATEGIES.within(&table), &id)?
                .filter(|newest| newest.deleted_us.is_none())
                .ok_or_else(|| not_found(&id))?;
            insert(&mut table, &StrategyV1 { deleted_us: Some(at.micros()), ..newest })
        })
    }
}

/// Key in the table `meta` for the version of a strategy that was stored as built-in.
fn builtin_key(id: &str) -> String {
    format!("builtin_strategy/{id}")
}

fn not_found(id: &str) -> StoreError {
    StoreError::NotFound { what: "strategy", id: id.to_owned() }
}

fn newest<R>(
    table: &Checked<'_, (&'static str, u32), StrategyV1, R>,
    id: &str,
) -> Result<Option<StrategyV1>, StoreError>
where
    R: ReadableTable<(&'static str, u32), &'static [u8]>,
{
    Ok(table.last((id, 0), (id, u32::MAX), |_| ())?.map(|((), newest)| newest))
}

fn put(
    table: &mut Table<'_, (&'static str, u32), &'static [u8]>,
    id: &str,
    name: &str,
    document: &str,
    at: Timestamp,
) -> Result<u32, StoreError> {
    let newest = newest(&STRATEGIES.within(table), id)?;
    let version = newest.as_ref().map_or(1, |newest| newest.version.saturating_add(1));
    let created_us = newest.map_or(at.micros(), |newest| newest.created_us);
    let (id, name, document) = (id.to_owned(), name.to_owned(), document.to_owned());
    insert(
        table,
        &StrategyV1 { id, version, name, document, created_us, updated_us: at.micros(), deleted_us: None },
    )?;
    Ok(version)
}

fn insert(
    table: &mut Table<'_, (&'static str, u32), &'static [u8]>,
    strategy: &StrategyV1,
) -> Result<(), StoreError> {
    let bytes = encode(strategy)?;
    table.insert((strategy.id.as_str(), strategy.version), bytes.as_slice()).map_err(during(CHANGING))?;
    Ok(())
}
