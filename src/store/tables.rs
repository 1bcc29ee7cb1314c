//! Every table of the store, with its key and sort order. All are created when the store is created.
//!
//! Names carry the version of key and value types: redb refuses a table whose types changed, so a change is a new name
//! and a copy. Text sorts by its bytes, numbers by size, tuples field by field.

use redb::{ReadTransaction, StorageError, TableDefinition, TableHandle, WriteTransaction};

/// `name -> number`; `format` is the layout of all of this. The one table that can never change.
pub const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

/// `(strategy id, version) -> StrategyV1`: a strategy's versions stand together, newest last.
pub const STRATEGIES: TableDefinition<(&str, u32), &[u8]> = TableDefinition::new("strategies_v1");

/// `recording id -> RecordingV1`: ids hold their time, so oldest first.
pub const RECORDINGS: TableDefinition<&str, &[u8]> = TableDefinition::new("recordings_v1");

/// `(recording id, symbol) -> SymbolSpecV1`: a recording's specifications stand together.
pub const SYMBOL_SPECS: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("symbol_specs_v1");

/// `(recording id, symbol, stream code, sequence of the first row) -> blocks`: a stream's rows stand together in
/// order. A value is a segment: whole blocks one behind the other, as many as fill the database's pages best.
pub const BLOCKS: TableDefinition<BlockKey<'static>, &[u8]> = TableDefinition::new("blocks_v1");

/// `(recording id, number) -> GapV1`: a recording's gaps in the order in which they were reported.
pub const GAPS: TableDefinition<(&str, u64), &[u8]> = TableDefinition::new("gaps_v1");

/// `result id -> result`: ids hold their time, so oldest first.
pub const RESULTS: TableDefinition<&str, &[u8]> = TableDefinition::new("results_v1");

/// `result id -> ResultDocumentV1`: apart, so that a list does not read the documents.
pub const RESULT_DOCUMENTS: TableDefinition<&str, &[u8]> = TableDefinition::new("result_documents_v1");

/// `result id -> ResultReportV1`.
pub const RESULT_REPORTS: TableDefinition<&str, &[u8]> = TableDefinition::new("result_reports_v1");

/// `session id -> session`: ids hold their time, so oldest first.
pub const SESSIONS: TableDefinition<&str, &[u8]> = TableDefinition::new("sessions_v1");

/// `user name -> UserV1`.
pub const USERS: TableDefinition<&str, &[u8]> = TableDefinition::new("users_v1");

/// `login family id -> LoginV1`: ids are random, so in no order that means anything.
pub const LOGINS: TableDefinition<&str, &[u8]> = TableDefinition::new("logins_v1");

/// `access token id -> RevokedTokenV1`.
pub const REVOKED_TOKENS: TableDefinition<&str, &[u8]> = TableDefinition::new("revoked_tokens_v1");

/// `(user name, idempotency key) -> IdempotencyV1`: a user's keys stand together.
pub const IDEMPOTENCY: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("idempotency_v1");

/// `(session id, number of the first event) -> SessionEventsV1`: a session's events stand together in order.
pub const SESSION_EVENTS: TableDefinition<(&str, u64), &[u8]> = TableDefinition::new("session_events_v1");

/// `strategy id -> StrategyStatisticsV1`.
pub const STRATEGY_STATISTICS: TableDefinition<&str, &[u8]> = TableDefinition::new("strategy_statistics_v1");

/// `(recording id, chunk number) -> journal chunk`: rows of a live recording that are in no block yet, oldest first.
pub const JOURNAL: TableDefinition<(&str, u64), &[u8]> = TableDefinition::new("journal_v1");

/// `(session id, number) -> SessionControlV1`: what was done to a session from outside, in order.
pub const CONTROLS: TableDefinition<(&str, u64), &[u8]> = TableDefinition::new("session_controls_v1");

/// `(symbol, since, milliseconds since 1970) -> ContractV1`: a contract's terms stand together, oldest first.
pub const CONTRACTS: TableDefinition<(&str, i64), &[u8]> = TableDefinition::new("contracts_v1");

/// `(recording id, symbol) -> SymbolFactsV1`.
pub const SYMBOL_FACTS: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("symbol_facts_v1");

/// `exchange -> TickerCacheV1`.
pub const TICKERS: TableDefinition<&str, &[u8]> = TableDefinition::new("tickers_v1");

/// Key of [`BLOCKS`].
pub type BlockKey<'a> = (&'a str, &'a str, u8, u64);

/// Whether nothing is missing.
pub fn are_all_in(read: &ReadTransaction) -> Result<bool, StorageError> {
    let there: Vec<String> = read.list_tables()?.map(|table| table.name().to_owned()).collect();
    Ok(names().into_iter().all(|name| there.iter().any(|known| known == name)))
}

/// Creates what is not there yet.
pub fn create_all(write: &WriteTransaction) -> Result<(), redb::TableError> {
    write.open_table(META)?;
    write.open_table(STRATEGIES)?;
    write.open_table(RECORDINGS)?;
    write.open_table(SYMBOL_SPECS)?;
    write.open_table(BLOCKS)?;
    write.open_table(GAPS)?;
    write.open_table(RESULTS)?;
    write.open_table(RESULT_DOCUMENTS)?;
    write.open_table(SESSIONS)?;
    write.open_table(USERS)?;
    write.open_table(LOGINS)?;
    write.open_table(REVOKED_TOKENS)?;
    write.open_table(IDEMPOTENCY)?;
    write.open_table(RESULT_REPORTS)?;
    write.open_table(SESSION_EVENTS)?;
    write.open_table(STRATEGY_STATISTICS)?;
    write.open_table(JOURNAL)?;
    write.open_table(CONTROLS)?;
    write.open_table(CONTRACTS)?;
    write.open_table(TICKERS)?;
    write.open_table(SYMBOL_FACTS)?;
    Ok(())
}

fn names() -> [&'static str; 21] {
    [
        META.name(),
        STRATEGIES.name(),
        RECORDINGS.name(),
        SYMBOL_SPECS.name(),
        BLOCKS.name(),
        GAPS.name(),
        RESULTS.name(),
        RESULT_DOCUMENTS.name(),
        SESSIONS.name(),
        USERS.name(),
        LOGINS.name(),
        REVOKED_TOKENS.name(),
        IDEMPOTENCY.name(),
        RESULT_REPORTS.name(),
        SESSION_EVENTS.name(),
        STRATEGY_STATISTICS.name(),
        JOURNAL.name(),
        CONTROLS.name(),
        CONTRACTS.name(),
        TICKERS.name(),
        SYMBOL_FACTS.name(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use redb::{Database, ReadableDatabase, backends::InMemoryBackend};

    #[test]
    fn the_names_are_those_of_all_tables() {
        let db = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
        let write = db.begin_write().unwrap();
        write.open_table(META).unwrap();
        write.commit().unwrap();
        assert!(!are_all_in(&db.begin_read().unwrap()).unwrap());
        let write = db.begin_write().unwrap();
        create_all(&write).unwrap();
        write.commit().unwrap();
        let read = db.begin_read().unwrap();
        assert!(are_all_in(&read).unwrap());
        assert_eq!(read.list_tables().unwrap().count(), names().len(), "a table that `names` does not know");
    }
}
