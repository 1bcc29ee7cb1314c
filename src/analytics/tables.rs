//! The tables in QuestDB, read from `schema/questdb/*.sql`: statements to create them and to add columns of
//! later versions, their columns, and the query for checksums. These files are the only list of columns.

use std::fmt::Write as _;

/// Version of the schema, kept in the table `schema`; a server with a higher one is not written to.
pub const SCHEMA_VERSION: i64 = FILES.len() as i64;
/// One file for each version.
const FILES: [&str; 2] = [
    include_str!("../../schema/questdb/001_tables.sql"),
    include_str!("../../schema/questdb/002_fills_and_session_equity.sql"),
];
/// What the names of tables begin with in the files.
const FILE_PREFIX: &str = "td_";

/// Version of a server, as it says itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Version(pub u32, pub u32, pub u32);

impl Version {
    /// The oldest server that is written to.
    pub const OLDEST: Version = Version(9, 0, 0);
    /// The first one with decimals, and with a TTL that a row of the future cannot turn against all others.
    const DECIMALS: Version = Version(9, 2, 0);

    /// Reads `9.3.4`; what follows the third number is ignored.
    pub fn parse(text: &str) -> Option<Version> {
        let mut numbers = text.split(['.', '-', '+']).map(|part| part.parse::<u32>().ok());
        Some(Version(numbers.next()??, numbers.next()??, numbers.next().flatten().unwrap_or(0)))
    }

    /// Whether it has DECIMAL columns.
    pub fn has_decimals(self) -> bool {
        self >= Version::DECIMALS
    }
}

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ColumnKind {
    /// A word of few or many different ones.
    Symbol,
    /// Text.
    Varchar,
    /// A double.
    Double,
    /// An exact amount with twelve places.
    Decimal,
    /// A whole number.
    Long,
    /// True or false.
    Boolean,
    /// Microseconds since 1970.
    Timestamp,
}

/// A column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Column {
    /// Name.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
}

/// A table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Table {
    /// Name without the prefix, e.g. `trades`.
    pub name: &'static str,
    /// Columns in order; the first is the designated timestamp.
    pub columns: Vec<Column>,
    /// Columns that identify a row.
    pub keys: Vec<&'static str>,
    statement: &'static str,
    /// Columns that a later version has added, each with its statement.
    added: Vec<(&'static str, &'static str)>,
}

/// All tables under one prefix, as a server of some version has them.
#[derive(Clone, Debug)]
pub struct Tables {
    prefix: String,
    version: Version,
    all: Vec<Table>,
}

impl Tables {
    /// The tables of a server.
    pub fn new(prefix: &str, version: Version) -> Self {
        Tables { prefix: prefix.to_owned(), version, all: parse(&FILES) }
    }

    /// All of them.
    pub fn all(&self) -> &[Table] {
        &self.all
    }

    /// The table of this name (without the prefix).
    pub fn get(&self, name: &str) -> Option<&Table> {
        self.all.iter().find(|table| table.name == name)
    }

    /// Whether amounts are DECIMAL columns.
    pub fn has_decimals(&self) -> bool {
        self.version.has_decimals()
    }

    /// Name of a table in the server.
    pub fn full_name(&self, table: &str) -> String {
        format!("{}{table}", self.prefix)
    }

    /// The statement that creates a table if it is missing, as the first version had it.
    pub fn create(&self, table: &Table) -> String {
        self.statement(table, table.statement)
    }

    /// Columns that a later version has added to the table, each with the statement that adds it if it is
    /// missing.
    pub fn added(&self, table: &Table) -> Vec<(&'static str, String)> {
        table.added.iter().map(|(column, statement)| (*column, self.statement(table, statement))).collect()
    }

    fn statement(&self, table: &Table, statement: &str) -> String {
        let mut statement = statement.split_whitespace().collect::<Vec<_>>().join(" ").replacen(
            &format!("{FILE_PREFIX}{}", table.name),
            &self.full_name(table.name),
            1,
        );
        if !self.has_decimals() {
            statement = statement.replace("DECIMAL(38, 12)", "DOUBLE");
        }
        statement
    }

    /// Type of a column as `table_columns()` of the server names it.
    pub fn type_of(&self, column: &Column) -> &'static str {
        match column.kind {
            ColumnKind::Symbol => "SYMBOL",
            ColumnKind::Varchar => "VARCHAR",
            ColumnKind::Decimal if self.has_decimals() => "DECIMAL(38,12)",
            ColumnKind::Double | ColumnKind::Decimal => "DOUBLE",
            ColumnKind::Long => "LONG",
            ColumnKind::Boolean => "BOOLEAN",
            ColumnKind::Timestamp => "TIMESTAMP",
        }
    }

    /// What a server has otherwise than this program; columns beyond ours do not matter. `found` are name,
    /// type and whether it is a key.
    pub fn drift(&self, table: &Table, found: &[(String, String, bool)]) -> Vec<String> {
        let name = self.full_name(table.name);
        let mut problems = Vec::new();
        for column in &table.columns {
            let (wanted, key) = (self.type_of(column), table.keys.contains(&column.name));
            match found.iter().find(|(name, ..)| name == column.name) {
                None => problems.push(format!("{name} has no column {}", column.name)),
                Some((_, kind, is_key)) if kind != wanted || *is_key != key => {
                    let word = |is_key| if is_key { " as a deduplication key" } else { "" };
                    problems.push(format!(
                        "{name}.{} is {kind}{} there and should be {wanted}{}",
                        column.name,
                        word(*is_key),
                        word(key)
                    ));
                }
                Some(_) => {}
            }
        }
        problems
    }

    /// The statement that sets after how many days the server drops rows of market data; `None` keeps them.
    /// None for servers where one row of the future would drop all others.
    pub fn set_ttl(&self, table: &Table, days: Option<u32>) -> Option<String> {
        let name = self.full_name(table.name);
        let days = days.unwrap_or(0);
        (self.has_decimals() && table.has_ttl()).then(|| format!("ALTER TABLE {name} SET TTL {days} DAYS"))
    }

    /// The query for count and checksum of one instance's rows by group and day. `rows` restricts them
    /// further.
    pub fn checksum_query(&self, table: &Table, instance: &str, rows: &str) -> String {
        let mut text = String::new();
        for (index, column) in table.columns.iter().enumerate() {
            let name = column.name;
            let part = match self.type_of(column) {
                "TIMESTAMP" if index == 0 => format!("cast({name} as long)"),
                "TIMESTAMP" => format!("coalesce(cast(cast({name} as long) as varchar), '~')"),
                "DOUBLE" => format!("coalesce(cast({name} * 10000000000.0 as long), 0)"),
                "BOOLEAN" => name.to_owned(),
                "VARCHAR" => format!("coalesce({name}, '~')"),
                _ => format!("coalesce(cast({name} as varchar), '~')"),
            };
            // Writing to a String cannot fail.
            let _ = write!(text, "{}{part}", if index == 0 { "" } else { ", ':', " });
        }
        let name = self.full_name(table.name);
        let group = table.group();
        let from = if table.has_revisions() {
            format!("(SELECT * FROM {name} WHERE instance = '{instance}' LATEST ON ts PARTITION BY {group})")
        } else {
            format!("{name} WHERE instance = '{instance}'{rows}")
        };
        format!(
            "SELECT {group}, cast(timestamp_floor('d', ts) as long) day, count() n, \
             sum(cast(concat('0x', sha256(concat({text}))) as long256)) checksum FROM {from}"
        )
    }
}

impl Table {
    /// The column by which rows are compared together with their day: a key that says where the rows come
    /// from.
    pub fn group(&self) -> &'static str {
        self.keys.iter().copied().find(|key| key.ends_with("_id")).unwrap_or("exchange")
    }

    /// Whether only the newest row of a group counts.
    pub fn has_revisions(&self) -> bool {
        matches!(self.name, "sessions" | "results")
    }

    /// Whether its rows may be dropped by the server after some days.
    pub fn has_ttl(&self) -> bool {
        matches!(self.name, "ticks" | "book" | "tickers")
    }
}

/// The tables of files of statements, oldest first.
fn parse(files: &[&'static str]) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for statement in files.iter().flat_map(|file| file.split(';')) {
        if let Some(table) = table(statement) {
            tables.push(table);
        } else if let Some((name, column, statement)) = addition(statement)
            && let Some(table) = tables.iter_mut().find(|table| table.name == name)
        {
            table.added.push((column.name, statement));
            table.columns.push(column);
        }
    }
    tables
}

/// A statement that creates a table.
fn table(statement: &'static str) -> Option<Table> {
    let statement = &statement[statement.find("CREATE TABLE")?..];
    let (head, rest) = statement.split_once('(')?;
    let name = head.split_whitespace().last()?.strip_prefix(FILE_PREFIX)?;
    let (columns, behind) = rest.split_once("\n)")?;
    let columns = columns.lines().filter_map(column).collect();
    let keys = behind.split_once("KEYS(")?.1.split_once(')')?.0.split(", ").collect();
    Some(Table { name, columns, keys, statement: statement.trim(), added: Vec::new() })
}

/// A statement that adds a column: the table, the column and the statement.
fn addition(statement: &'static str) -> Option<(&'static str, Column, &'static str)> {
    let statement = &statement[statement.find("ALTER TABLE")?..];
    let (head, added) = statement.split_once(" ADD COLUMN IF NOT EXISTS ")?;
    let name = head.split_whitespace().last()?.strip_prefix(FILE_PREFIX)?;
    Some((name, column(added)?, statement.trim()))
}

/// A column as a statement names it.
fn column(line: &'static str) -> Option<Column> {
    let (name, kind) = line.trim().trim_end_matches(',').split_once(' ')?;
    let kind = match kind.split([' ', '(']).next()? {
        "SYMBOL" => ColumnKind::Symbol,
        "VARCHAR" => ColumnKind::Varchar,
        "DOUBLE" => ColumnKind::Double,
        "DECIMAL" => ColumnKind::Decimal,
        "LONG" => ColumnKind::Long,
        "BOOLEAN" => ColumnKind::Boolean,
        "TIMESTAMP" => ColumnKind::Timestamp,
        _ => return None,
    };
    Some(Column { name, kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_have_every_table_with_its_columns_and_keys() {
        let tables = Tables::new("td_", Version(9, 3, 4));
        let names: Vec<&str> = tables.all().iter().map(|table| table.name).collect();
        assert_eq!(
            names,
            [
                "schema",
                "strategies",
                "sessions",
                "results",
                "trades",
                "equity",
                "signals",
                "orders",
                "fills",
                "refusals",
                "ticks",
                "book",
                "tickers",
                "gaps",
                "session_equity"
            ]
        );
        for table in tables.all() {
            assert_eq!(
                table.columns[0],
                Column { name: "ts", kind: ColumnKind::Timestamp },
                "{}",
                table.name
            );
            assert_eq!(table.columns[1].name, "instance", "{}", table.name);
            assert!(table.keys.starts_with(&["ts", "instance"]), "{}", table.name);
            let inside = table.statement.split_once("\n)").unwrap().0;
            assert_eq!(
                table.columns.len(),
                inside.lines().count() - 1 + table.added.len(),
                "a line of {} is not a column",
                table.name
            );
            let first_other =
                table.columns[1..].iter().position(|it| it.kind != ColumnKind::Symbol).unwrap() + 1;
            assert!(
                table.columns[first_other..].iter().all(|it| it.kind != ColumnKind::Symbol),
                "symbols of {} come first, as in a line of the protocol",
                table.name
            );
        }
    }

    #[test]
    fn an_old_server_gets_doubles() {
        let (new, old) = (Tables::new("a_", Version(9, 3, 4)), Tables::new("a_", Version(9, 0, 3)));
        let ticks = new.get("ticks").unwrap();
        assert!(new.create(ticks).starts_with("CREATE TABLE IF NOT EXISTS a_ticks ( ts TIMESTAMP,"));
        assert!(new.create(ticks).ends_with("KEYS(ts, instance, recording_id, symbol, kind, seq)"));
        let fills = new.get("fills").unwrap();
        assert!(
            new.create(fills).contains("price DECIMAL(38, 12)") && !old.create(fills).contains("DECIMAL")
        );
        let added = old.added(old.get("fills").unwrap());
        let statement = "ALTER TABLE a_fills ADD COLUMN IF NOT EXISTS fee DOUBLE";
        assert_eq!(
            added.iter().map(|(column, _)| *column).collect::<Vec<_>>(),
            ["trade_id", "cumulative_quantity", "fee"]
        );
        assert_eq!(added[2].1, statement);
        assert_eq!(Version::parse("9.3.4-SNAPSHOT"), Some(Version(9, 3, 4)));
        assert_eq!(Version::parse("10.2"), Some(Version(10, 2, 0)));
        assert_eq!(Version::parse("x"), None);
    }

    #[test]
    fn a_missing_column_another_type_and_a_missing_key_are_drift() {
        let tables = Tables::new("td_", Version(9, 3, 4));
        let table = tables.get("tickers").unwrap();
        let mut found: Vec<(String, String, bool)> = table
            .columns
            .iter()
            .map(|it| (it.name.to_owned(), tables.type_of(it).to_owned(), table.keys.contains(&it.name)))
            .collect();
        found.push(("more".to_owned(), "INT".to_owned(), false));
        assert!(tables.drift(table, &found).is_empty());
        found[4].1 = "FLOAT".to_owned();
        found[3].2 = false;
        found.remove(5);
        let problems = tables.drift(table, &found);
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[0].contains("td_tickers.symbol is SYMBOL there and should be SYMBOL as a dedup"));
    }
}
