//! All tables of the store with key, value and sort order. Missing ones are created when the store is opened.
//!
//! A table's name has the version of its key and value types: redb refuses a table whose types changed, so a
//! change means a new name and a copy. Strings sort by bytes, numbers by value, tuples field by field.

use super::blocks::{self, BlockHeader, kind_code, kind_from_code};
use super::checked::TableOf;
use super::journal;
use super::records::{
    CheckpointV1, ContractV2, DeadLetterV1, GapV1, IdempotencyV1, LogEntryV1, LoginV1, PresetV1, PumpLabelV1,
    RecordingV1, ResultDocumentV1, ResultNoteV1, ResultReportV1, ResultV3, RevokedTokenV1, SessionControlV1,
    SessionEventsV1, SessionRow, StrategyStatisticsV1, StrategyV1, SymbolFactsV1, SymbolSpecV2, SyncCursorV1,
    SyncRevisionV1, SyncStateV1, TickerCacheV1, UnsentV1, UserV1,
};
use redb::{ReadTransaction, StorageError, TableDefinition, TableHandle, WriteTransaction};

/// `name -> number`; `format` is the layout version of the store. This table can never change.
pub const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

/// `(strategy id, version) -> StrategyV1`: versions of a strategy are adjacent, newest last.
pub const STRATEGIES: TableOf<(&str, u32), StrategyV1> = TableOf::records(
    "strategies_v1",
    |key| format!("strategy `{}` version {}", key.0, key.1),
    |key, strategy| (strategy.id.as_str(), strategy.version) == *key,
);

/// `recording id -> RecordingV1`: ids sort by time, so oldest first.
pub const RECORDINGS: TableOf<&str, RecordingV1> = TableOf::records(
    "recordings_v1",
    |key| format!("recording `{key}`"),
    |key, recording| recording.id == *key,
);

/// `(recording id, symbol) -> SymbolSpecV2`.
pub const SYMBOL_SPECS: TableOf<(&str, &str), SymbolSpecV2> = TableOf::records(
    "symbol_specs_v1",
    |key| format!("symbol_spec `{}` of recording `{}`", key.1, key.0),
    |key, spec| spec.name == key.1,
);

/// `(recording id, symbol, stream code, sequence of the first row) -> blocks`: a stream's rows in order. A
/// value is a segment: consecutive whole blocks, as many as fill the database's pages best.
pub const BLOCKS: TableOf<BlockKey<'static>, Vec<u8>> = TableOf::bytes(
    "blocks_v1",
    |key| {
        let word = kind_from_code(key.2).map_or("unknown stream", |it| it.as_str());
        format!("recording `{}`, {} {word}, rows from {}", key.0, key.1, key.3)
    },
    |bytes| bytes.starts_with(&blocks::MAGIC),
    // A block with an unreadable header passes here; whoever reads the block reports it.
    |key, bytes| {
        BlockHeader::read(bytes)
            .map_or(true, |header| (kind_code(header.kind), header.first_seq) == (key.2, key.3))
    },
);

/// `(recording id, number) -> GapV1`: gaps of a recording in the order they were reported.
pub const GAPS: TableOf<(&str, u64), GapV1> =
    TableOf::records("gaps_v1", |key| format!("gap {} of recording `{}`", key.1, key.0), |_, _| true);

/// `result id -> result`: ids sort by time, so oldest first.
pub const RESULTS: TableOf<&str, ResultV3> =
    TableOf::records("results_v1", |key| format!("result `{key}`"), |key, result| result.id == *key);

/// `result id -> ResultDocumentV1`: separate, so that listing results does not read the documents.
pub const RESULT_DOCUMENTS: TableOf<&str, ResultDocumentV1> = TableOf::records(
    "result_documents_v1",
    |key| format!("result_document `{key}`"),
    |key, document| document.id == *key,
);

/// `result id -> ResultReportV1`.
pub const RESULT_REPORTS: TableOf<&str, ResultReportV1> = TableOf::records(
    "result_reports_v1",
    |key| format!("result_report `{key}`"),
    |key, report| report.id == *key,
);

/// `result id -> ResultNoteV1`: only results that somebody wrote about.
pub const RESULT_NOTES: TableOf<&str, ResultNoteV1> = TableOf::records(
    "result_notes_v1",
    |key| format!("result_note `{key}`"),
    |key, note| note.result_id == *key,
);

/// `(digest, result id) -> nothing`: the outcomes that count in strategy statistics, by the digest of a
/// strategy's trades, or by that of all decisions of a run in a store from before.
pub const RESULT_DIGESTS: TableOf<(&str, &str), Vec<u8>> = TableOf::bytes(
    "result_digests_v1",
    |key| format!("digest `{}` of result `{}`", key.0, key.1),
    |bytes| bytes.is_empty(),
    |_, _| true,
);

/// `session id -> session`: ids sort by time, so oldest first.
pub const SESSIONS: TableOf<&str, SessionRow> =
    TableOf::records("sessions_v1", |key| format!("session `{key}`"), |key, session| session.id == *key);

/// `user name -> UserV1`.
pub const USERS: TableOf<&str, UserV1> =
    TableOf::records("users_v1", |key| format!("user `{key}`"), |key, user| user.name == *key);

/// `login family id -> LoginV1`: ids are random, so the order is arbitrary.
pub const LOGINS: TableOf<&str, LoginV1> =
    TableOf::records("logins_v1", |key| format!("login `{key}`"), |key, login| login.family == *key);

/// `access token id -> RevokedTokenV1`.
pub const REVOKED_TOKENS: TableOf<&str, RevokedTokenV1> = TableOf::records(
    "revoked_tokens_v1",
    |key| format!("revoked_token `{key}`"),
    |key, token| token.jti == *key,
);

/// `(user name, idempotency key) -> IdempotencyV1`.
pub const IDEMPOTENCY: TableOf<(&str, &str), IdempotencyV1> = TableOf::records(
    "idempotency_v1",
    |key| format!("idempotency key `{}` of `{}`", key.1, key.0),
    |_, _| true,
);

/// `(session id, number of the first event) -> SessionEventsV1`: events of a session in order.
pub const SESSION_EVENTS: TableOf<(&str, u64), SessionEventsV1> = TableOf::records(
    "session_events_v1",
    |key| format!("session_events `{}` from {}", key.0, key.1),
    |key, events| events.first_seq == key.1,
);

/// `position -> LogEntryV1`: the event log, oldest first. A position is that of the entry's first event.
pub const EVENT_LOG: TableOf<u64, LogEntryV1> = TableOf::records(
    "event_log_v1",
    |position| format!("event log at position {position}"),
    |_, entry| entry.count > 0,
);

/// `strategy id -> StrategyStatisticsV1`.
pub const STRATEGY_STATISTICS: TableOf<&str, StrategyStatisticsV1> = TableOf::records(
    "strategy_statistics_v1",
    |key| format!("statistics of strategy `{key}`"),
    |key, statistics| statistics.strategy_id == *key,
);

/// `(recording id, chunk number) -> journal chunk`: rows of open recordings that are not in blocks yet,
/// oldest first.
pub const JOURNAL: TableOf<(&str, u64), Vec<u8>> = TableOf::bytes(
    "journal_v1",
    |key| format!("the journal of recording `{}`, chunk {}", key.0, key.1),
    |bytes| bytes.starts_with(&journal::MAGIC),
    |_, _| true,
);

/// `(session id, number) -> SessionControlV1`: outside influences on a session, in order.
pub const CONTROLS: TableOf<(&str, u64), SessionControlV1> = TableOf::records(
    "session_controls_v1",
    |key| format!("control {} of session `{}`", key.1, key.0),
    |_, _| true,
);

/// `(symbol, since, milliseconds since 1970) -> ContractV2`: terms of a contract, oldest first.
pub const CONTRACTS: TableOf<(&str, i64), ContractV2> = TableOf::records(
    "contracts_v1",
    |key| format!("contract `{}` since {}", key.0, key.1),
    |key, contract| contract.symbol == key.0,
);

/// `(recording id, symbol) -> SymbolFactsV1`.
pub const SYMBOL_FACTS: TableOf<(&str, &str), SymbolFactsV1> = TableOf::records(
    "symbol_facts_v1",
    |key| format!("symbol_facts `{}` of recording `{}`", key.1, key.0),
    |_, _| true,
);

/// `(recording id, number) -> PumpLabelV1`: the pumps marked in a recording, oldest label first.
pub const PUMP_LABELS: TableOf<(&str, u64), PumpLabelV1> = TableOf::records(
    "pump_labels_v1",
    |key| format!("pump_label {} of recording `{}`", key.1, key.0),
    |key, label| label.number == key.1,
);

/// `(user name, preset name) -> PresetV1`.
pub const PRESETS: TableOf<(&str, &str), PresetV1> = TableOf::records(
    "presets_v1",
    |key| format!("preset `{}` of `{}`", key.1, key.0),
    |key, preset| (preset.user.as_str(), preset.name.as_str()) == *key,
);

/// `exchange -> TickerCacheV1`.
pub const TICKERS: TableOf<&str, TickerCacheV1> =
    TableOf::records("tickers_v1", |key| format!("tickers of `{key}`"), |_, _| true);

/// `questdb -> SyncStateV1`: who copies to QuestDB.
pub const SYNC_STATE: TableOf<&str, SyncStateV1> =
    TableOf::records("sync_state_v1", |key| format!("the state of the copy to `{key}`"), |_, _| true);

/// `(table, part) -> SyncCursorV1`: how far each part of a table is copied.
pub const SYNC_CURSORS: TableOf<(&str, &str), SyncCursorV1> = TableOf::records(
    "sync_cursors_v1",
    |key| format!("how far `{}` of table `{}` is copied", key.1, key.0),
    |_, _| true,
);

/// `(table, id) -> SyncRevisionV1`: which state of a record is copied.
pub const SYNC_REVISIONS: TableOf<(&str, &str), SyncRevisionV1> = TableOf::records(
    "sync_revisions_v1",
    |key| format!("the copied state of `{}` in table `{}`", key.1, key.0),
    |_, revision| revision.rev > 0,
);

/// `number -> DeadLetterV1`: rows that QuestDB refused, oldest first.
pub const DEAD_LETTERS: TableOf<u64, DeadLetterV1> =
    TableOf::records("dead_letters_v1", |number| format!("dead letter {number}"), |_, _| true);

/// `number -> UnsentV1`: what was removed before it was copied, oldest first.
pub const UNSENT: TableOf<u64, UnsentV1> =
    TableOf::records("unsent_v1", |number| format!("unsent rows {number}"), |_, row| row.rows > 0);

/// `session id -> CheckpointV1`: the newest of each running session that has one.
pub const CHECKPOINTS: TableOf<&str, CheckpointV1> = TableOf::records(
    "checkpoints_v1",
    |key| format!("checkpoint of session `{key}`"),
    |key, checkpoint| checkpoint.session_id == *key,
);

/// Key of [`BLOCKS`].
pub type BlockKey<'a> = (&'a str, &'a str, u8, u64);

/// Whether all tables exist.
pub fn are_all_in(read: &ReadTransaction) -> Result<bool, StorageError> {
    let there: Vec<String> = read.list_tables()?.map(|table| table.name().to_owned()).collect();
    Ok(names().into_iter().all(|name| there.iter().any(|known| known == name)))
}

/// Whether a table exists.
pub fn is_in(write: &WriteTransaction, table: impl TableHandle) -> Result<bool, StorageError> {
    Ok(write.list_tables()?.any(|known| known.name() == table.name()))
}

/// Creates the missing tables.
pub fn create_all(write: &WriteTransaction) -> Result<(), redb::TableError> {
    write.open_table(META)?;
    write.open_table(STRATEGIES.definition)?;
    write.open_table(RECORDINGS.definition)?;
    write.open_table(SYMBOL_SPECS.definition)?;
    write.open_table(BLOCKS.definition)?;
    write.open_table(GAPS.definition)?;
    write.open_table(RESULTS.definition)?;
    write.open_table(RESULT_DOCUMENTS.definition)?;
    write.open_table(RESULT_DIGESTS.definition)?;
    write.open_table(SESSIONS.definition)?;
    write.open_table(USERS.definition)?;
    write.open_table(LOGINS.definition)?;
    write.open_table(REVOKED_TOKENS.definition)?;
    write.open_table(IDEMPOTENCY.definition)?;
    write.open_table(RESULT_REPORTS.definition)?;
    write.open_table(SESSION_EVENTS.definition)?;
    write.open_table(STRATEGY_STATISTICS.definition)?;
    write.open_table(JOURNAL.definition)?;
    write.open_table(CONTROLS.definition)?;
    write.open_table(CONTRACTS.definition)?;
    write.open_table(TICKERS.definition)?;
    write.open_table(SYMBOL_FACTS.definition)?;
    write.open_table(EVENT_LOG.definition)?;
    write.open_table(RESULT_NOTES.definition)?;
    write.open_table(PUMP_LABELS.definition)?;
    write.open_table(PRESETS.definition)?;
    write.open_table(SYNC_STATE.definition)?;
    write.open_table(SYNC_CURSORS.definition)?;
    write.open_table(SYNC_REVISIONS.definition)?;
    write.open_table(DEAD_LETTERS.definition)?;
    write.open_table(UNSENT.definition)?;
    write.open_table(CHECKPOINTS.definition)?;
    Ok(())
}

fn names() -> [&'static str; 32] {
    [
        META.name(),
        STRATEGIES.definition.name(),
        RECORDINGS.definition.name(),
        SYMBOL_SPECS.definition.name(),
        BLOCKS.definition.name(),
        GAPS.definition.name(),
        RESULTS.definition.name(),
        RESULT_DOCUMENTS.definition.name(),
        RESULT_DIGESTS.definition.name(),
        SESSIONS.definition.name(),
        USERS.definition.name(),
        LOGINS.definition.name(),
        REVOKED_TOKENS.definition.name(),
        IDEMPOTENCY.definition.name(),
        RESULT_REPORTS.definition.name(),
        SESSION_EVENTS.definition.name(),
        STRATEGY_STATISTICS.definition.name(),
        JOURNAL.definition.name(),
        CONTROLS.definition.name(),
        CONTRACTS.definition.name(),
        TICKERS.definition.name(),
        SYMBOL_FACTS.definition.name(),
        EVENT_LOG.definition.name(),
        RESULT_NOTES.definition.name(),
        PUMP_LABELS.definition.name(),
        PRESETS.definition.name(),
        SYNC_STATE.definition.name(),
        SYNC_CURSORS.definition.name(),
        SYNC_REVISIONS.definition.name(),
        DEAD_LETTERS.definition.name(),
        UNSENT.definition.name(),
        CHECKPOINTS.definition.name(),
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
