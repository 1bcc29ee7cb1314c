//! A connection to a QuestDB whose tables are as the schema says, and the proof that it is the server of last
//! time.

use super::SyncError;
use super::sources::sources_of;
use crate::analytics::Batch;
use crate::analytics::{Client, SCHEMA_VERSION, Secret, Table, Tables, Target, Version, WriteError};
use crate::clock::{self, Stopwatch};
use crate::config::QuestDb;
use crate::domain::time::Span;
use crate::store::records::{SyncStateV1, SyncTableV1};
use crate::store::{Store, SyncChange};
use std::collections::BTreeMap;

/// How long the server may take to apply what it has acknowledged before it is not waited for.
const DRAIN: Span = Span::from_seconds(30);
const LOOK_AGAIN: Span = Span::from_millis(50);
/// How long a look at the columns of a table waits for what others write there.
const COLUMNS_WITHIN: Span = Span::from_seconds(2);

/// A connection.
pub(super) struct Connection {
    pub client: Client,
    pub tables: Tables,
    pub version: Version,
    target: Target,
    prefix: String,
    pub state: SyncStateV1,
}

/// A table as the server has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ServerTable {
    pub id: i64,
    pub writer_txn: i64,
    pub sequencer_txn: i64,
    pub suspended: bool,
}

impl ServerTable {
    /// Whether it does not show yet what it had taken then. A suspended table never will.
    fn is_behind(self, then: ServerTable) -> bool {
        self.id == then.id && !self.suspended && self.writer_txn < then.sequencer_txn
    }
}

impl Connection {
    /// Connects: applies the schema, and finds out whether this is the server of last time and this store the
    /// one that wrote there last.
    pub(super) fn open(store: &Store, config: &QuestDb, secret: Option<&Secret>) -> Result<Self, SyncError> {
        let target = target(config, secret)?;
        if target.is_exposed() {
            tracing::warn!(
                url = target.url,
                "rows and credentials go to QuestDB unencrypted: use https:// or a tunnel"
            );
        }
        let client = Client::new(target.clone()).map_err(SyncError::Refused)?;
        let version = client.version()?;
        if version < Version::OLDEST {
            let Version(major, minor, patch) = version;
            return Err(SyncError::Refused(format!(
                "QuestDB {major}.{minor}.{patch} is too old: 9.0 or newer is needed, 9.2 or newer for exact amounts"
            )));
        }
        let tables = Tables::new(&config.prefix, version);
        let state = store.sync_state()?.unwrap_or_default();
        let prefix = config.prefix.clone();
        let mut connection = Connection { client, tables, version, target, prefix, state };
        connection.apply_schema(store, config.keep_days)?;
        connection.recognise(store)?;
        connection.check(store)?;
        Ok(connection)
    }

    /// Whether it is for this configuration.
    pub(super) fn is_for(&self, config: &QuestDb, secret: Option<&Secret>) -> bool {
        self.prefix == config.prefix && target(config, secret).is_ok_and(|target| target == self.target)
    }

    /// Creates missing tables and columns, waits until they are as they will be, and compares their columns.
    fn apply_schema(&mut self, store: &Store, keep_days: Option<u32>) -> Result<(), SyncError> {
        for table in self.tables.all() {
            self.client.query(&self.tables.create(table))?;
            self.add_columns(store, table)?;
            if let Some(statement) = self.tables.set_ttl(table, keep_days) {
                self.client.query(&statement).map_err(created_and_gone)?;
            }
        }
        // A connection that was open while a table was made may lose its first request.
        self.client.close_connections();
        self.drain()?;
        let mut problems = Vec::new();
        for table in self.tables.all() {
            let there = self.columns(table)?;
            if table.columns.iter().any(|column| !there.iter().any(|(name, ..)| name == column.name)) {
                // It may have taken rows without the values of such columns.
                forget(store, table.name)?;
            }
            problems.extend(self.tables.drift(table, &there));
        }
        if !problems.is_empty() {
            return Err(SyncError::Refused(format!(
                "the tables in QuestDB are not those of schema/questdb ({}): drop them to have them created and sent again, rename them, or choose another analytics.questdb.prefix",
                problems.join("; ")
            )));
        }
        let schema = self.tables.full_name("schema");
        let newest = self.client.query(&format!("SELECT max(schema_version) FROM {schema}"))?;
        match newest.whole(0, 0) {
            Some(found) if found > SCHEMA_VERSION => Err(SyncError::Refused(format!(
                "a newer tradingd has written there (schema {found}, this one knows {SCHEMA_VERSION}): use that version"
            ))),
            _ => Ok(()),
        }
    }

    /// Adds the columns of later versions that the table does not have. Its rows there have no values in
    /// them, so the table is sent again; that is remembered first, since the columns are missing only once.
    fn add_columns(&self, store: &Store, table: &Table) -> Result<(), SyncError> {
        let added = self.tables.added(table);
        if added.is_empty() {
            return Ok(());
        }
        let there = self.columns(table)?;
        let missing = added.iter().filter(|(column, _)| !there.iter().any(|(name, ..)| name == column));
        for (index, (_, statement)) in missing.enumerate() {
            if index == 0 {
                forget(store, table.name)?;
            }
            self.client.query(statement).map_err(created_and_gone)?;
        }
        Ok(())
    }

    /// Name, type and whether it is a key of each column that the server has of a table.
    fn columns(&self, table: &Table) -> Result<Vec<(String, String, bool)>, SyncError> {
        let name = self.tables.full_name(table.name);
        let query = format!("SELECT \"column\", type, upsertKey FROM table_columns('{name}')");
        let rows = self.client.query(&query)?;
        let column = |row| (rows.text(row, 0).to_owned(), rows.text(row, 1).to_owned(), rows.flag(row, 2));
        Ok((0..rows.len()).map(column).collect())
    }

    /// Waits until everything acknowledged up to now is visible, whatever others write meanwhile.
    pub(super) fn drain(&self) -> Result<(), SyncError> {
        if self.is_drained(|_| true, DRAIN)? {
            return Ok(());
        }
        Err(SyncError::Write(WriteError::Later("it does not apply what it has taken".to_owned())))
    }

    /// Whether what some tables have acknowledged up to now becomes visible within a time.
    fn is_drained(&self, is_meant: impl Fn(&str) -> bool, within: Span) -> Result<bool, SyncError> {
        let watch = Stopwatch::start();
        let acknowledged = self.seen()?;
        let mut seen = acknowledged.clone();
        let is_behind = |name: &String, then: &ServerTable, seen: &BTreeMap<String, ServerTable>| {
            is_meant(name) && seen.get(name).is_some_and(|now| now.is_behind(*then))
        };
        while acknowledged.iter().any(|(name, then)| is_behind(name, then, &seen)) {
            if watch.elapsed() > within {
                return Ok(false);
            }
            watch.sleep_until(watch.elapsed() + LOOK_AGAIN);
            seen = self.seen()?;
        }
        Ok(true)
    }

    /// Whether this store wrote there last, by the id of its last connection; begins a new one.
    fn recognise(&mut self, store: &Store) -> Result<(), SyncError> {
        if self.state.instance.is_empty() {
            self.state.instance = random();
        } else {
            match self.epoch()? {
                Some(found) if found == self.state.epoch || found == self.state.pending_epoch => {}
                Some(_) => {
                    let old = std::mem::replace(&mut self.state.instance, random());
                    self.state.tables.clear();
                    store.reset_sync(None)?;
                    tracing::warn!(
                        old,
                        new = self.state.instance,
                        "another copy of this store has written to QuestDB (a backup was restored, or the store was copied): \
                         this one is a new instance there from now on and sends everything again"
                    );
                }
                None => {
                    self.state.tables.clear();
                    store.reset_sync(None)?;
                    tracing::warn!(
                        url = self.target.url,
                        "QuestDB knows nothing of this store: everything is sent again"
                    );
                }
            }
        }
        self.state.url.clone_from(&self.target.url);
        self.state.pending_epoch = random();
        store.put_sync(SyncChange { state: Some(self.state.clone()), ..SyncChange::default() })?;
        let name = self.tables.full_name("schema");
        let mut batch = Batch::new(&name, &self.state.instance, self.tables.has_decimals());
        batch
            .row(clock::now().micros())
            .symbol("epoch", Some(&self.state.pending_epoch))
            .symbol("program", Some(concat!("tradingd ", env!("CARGO_PKG_VERSION"))))
            .long("schema_version", Some(SCHEMA_VERSION))
            .end();
        self.client.write(batch.lines()).map_err(created_and_gone)?;
        self.drain()?;
        self.state.epoch.clone_from(&self.state.pending_epoch);
        store.put_sync(SyncChange { state: Some(self.state.clone()), ..SyncChange::default() })?;
        Ok(())
    }

    /// Id of the last connection that wrote under our instance.
    fn epoch(&self) -> Result<Option<String>, SyncError> {
        let query = format!(
            "SELECT epoch FROM {} WHERE instance = '{}' LATEST ON ts PARTITION BY instance",
            self.tables.full_name("schema"),
            self.state.instance
        );
        let rows = self.client.query(&query)?;
        Ok((!rows.is_empty()).then(|| rows.text(0, 0).to_owned()))
    }

    /// Compares the server's tables with what was seen last: one that was made anew, or that lost
    /// transactions, is sent again from the start; one that is suspended is resumed.
    pub(super) fn check(&mut self, store: &Store) -> Result<(), SyncError> {
        if self.epoch()?.is_none_or(|epoch| epoch != self.state.epoch) {
            return Err(SyncError::Write(WriteError::NoTable(
                "another copy of this store has written there, or the server was emptied".to_owned(),
            )));
        }
        let seen = self.seen()?;
        let mut change = SyncChange::default();
        let mut altered = Vec::new();
        for table in self.tables.all() {
            let Some(now) = seen.get(table.name).copied() else {
                return Err(SyncError::Write(WriteError::NoTable(self.tables.full_name(table.name))));
            };
            if now.suspended {
                self.resume(table.name)?;
            }
            let known = self.state.tables.iter_mut().find(|known| known.name == table.name);
            match known {
                Some(known) if known.table_id == now.id && known.sequencer_txn <= now.sequencer_txn => {
                    if known.sequencer_txn < now.sequencer_txn {
                        altered.push((table.name, now.sequencer_txn));
                    }
                }
                Some(known) => {
                    tracing::warn!(
                        table = self.tables.full_name(table.name),
                        "QuestDB has another table of this name, or has lost rows that it had acknowledged: the table is sent again"
                    );
                    (known.table_id, known.sequencer_txn) = (now.id, now.sequencer_txn);
                    forget(store, table.name)?;
                }
                None => self.state.tables.push(SyncTableV1 {
                    name: table.name.to_owned(),
                    table_id: now.id,
                    sequencer_txn: now.sequencer_txn,
                    rows: 0,
                }),
            }
        }
        for (table, sequencer_txn) in altered {
            if self.has_columns(table)?
                && let Some(known) = self.state.tables.iter_mut().find(|known| known.name == table)
            {
                known.sequencer_txn = sequencer_txn;
            }
        }
        change.state = Some(self.state.clone());
        if store.sync_state()?.as_ref() != change.state.as_ref() {
            store.put_sync(change)?;
        }
        Ok(())
    }

    /// That a table still has our columns; asked when its sequencer has counted more than our requests, so
    /// that it was altered or another daemon writes there. On a connection that was open while a column was
    /// dropped, the first request is acknowledged without the values of that column. `false`: the server has
    /// not yet applied what it took, so that it must be asked again.
    pub(super) fn has_columns(&self, table: &str) -> Result<bool, SyncError> {
        let Some(table) = self.tables.get(table) else { return Ok(true) };
        if !self.is_drained(|name| name == table.name, COLUMNS_WITHIN)? {
            return Ok(false);
        }
        match self.tables.drift(table, &self.columns(table)?) {
            drift if drift.is_empty() => Ok(true),
            drift => Err(WriteError::NoTable(drift.join("; ")).into()),
        }
    }

    /// Resumes a suspended table once.
    fn resume(&self, table: &str) -> Result<(), SyncError> {
        let name = self.tables.full_name(table);
        tracing::warn!(table = name, "QuestDB had suspended the table; it is resumed");
        self.client.query(&format!("ALTER TABLE {name} RESUME WAL"))?;
        let watch = Stopwatch::start();
        while watch.elapsed() < DRAIN {
            if self
                .seen()?
                .get(table)
                .is_some_and(|seen| !seen.suspended && seen.writer_txn >= seen.sequencer_txn)
            {
                return Ok(());
            }
            watch.sleep_until(watch.elapsed() + LOOK_AGAIN);
        }
        Err(SyncError::Refused(format!(
            "QuestDB has suspended {name} and does not resume it: look at its log, then `ALTER TABLE {name} RESUME WAL`, or drop the \
             table; it is then sent again"
        )))
    }

    /// Our tables as the server has them, by name without the prefix.
    pub(super) fn seen(&self) -> Result<BTreeMap<String, ServerTable>, SyncError> {
        let rows = self.client.query(
            "SELECT t.table_name, t.id, w.writerTxn, w.sequencerTxn, w.suspended FROM tables() t JOIN wal_tables() w \
             ON t.table_name = w.name",
        )?;
        let mut seen = BTreeMap::new();
        for row in 0..rows.len() {
            let Some(name) = rows.text(row, 0).strip_prefix(&self.prefix) else { continue };
            let number = |column| rows.whole(row, column).unwrap_or(-1);
            let table = ServerTable {
                id: number(1),
                writer_txn: number(2),
                sequencer_txn: number(3),
                suspended: rows.flag(row, 4),
            };
            seen.insert(name.to_owned(), table);
        }
        Ok(seen)
    }
}

/// A table is sent again from the start.
fn forget(store: &Store, table: &str) -> Result<(), SyncError> {
    for source in sources_of(table) {
        store.reset_sync(Some(source))?;
    }
    Ok(())
}

/// What it means that a table does not exist which the server says to have created just now.
fn created_and_gone(error: impl Into<WriteError>) -> SyncError {
    match error.into() {
        WriteError::NoTable(why) | WriteError::Later(why) if why.contains("table does not exist") => {
            SyncError::Refused(format!(
                "QuestDB has lost tables that it still lists ({why}), as after its data folder was removed while it ran: restart \
                 QuestDB; everything is then sent again"
            ))
        }
        other => other.into(),
    }
}

fn target(config: &QuestDb, secret: Option<&Secret>) -> Result<Target, SyncError> {
    Target::new(&config.url, &config.allowed_hosts, config.user.as_deref(), secret)
        .map_err(SyncError::Refused)
}

/// 64 random bits, hexadecimal.
fn random() -> String {
    format!("{:016x}", u64::from_be_bytes(crate::auth::random()))
}
