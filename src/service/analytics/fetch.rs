//! The way in: recorded market data of a QuestDB as CSV files, from our own tables or from those of the
//! system that tradingd follows (`data_collection_sessions`, `tick_prices`, `tick_orderbook`). The import of
//! files then does the rest.
//!
//! A page begins at the last time of the one before, so memory is bounded. Beside each file stands how far it
//! was read, so that an import that was interrupted goes on there.

use crate::analytics::{Client, QueryError, QueryResult, Secret, Target};
use crate::clock::Stopwatch;
use crate::domain::time::Span;
use crate::limits::ANALYTICS_PAGE_ROWS;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Tries of one page before the import fails.
const TRIES: i64 = 5;

/// Where to read.
#[derive(Clone, Debug)]
pub struct FetchSource<'a> {
    /// URL of the server.
    pub url: &'a str,
    /// User of HTTP Basic authentication.
    pub user: Option<&'a str>,
    /// What the names of our tables begin with.
    pub prefix: &'a str,
    /// Only this recording or session; all of them without.
    pub session: Option<&'a str>,
    /// Those that an import before has imported.
    pub except: &'a BTreeSet<String>,
}

impl FetchSource<'_> {
    /// A word for this source, the same for the same arguments.
    pub fn fingerprint(&self) -> String {
        short_hash(&format!("{} {} {}", self.url, self.prefix, self.session.unwrap_or_default()))
    }
}

/// A recording of the server, as files.
#[derive(Clone, PartialEq, Debug)]
pub struct Fetched {
    /// Its id there.
    pub id: String,
    /// Its files.
    pub files: Vec<PathBuf>,
    /// Rows in them.
    pub rows: u64,
    /// How many of them an import that was interrupted had read.
    pub rows_before: u64,
    /// Rows left out, with the reason.
    pub left_out: Vec<(u64, &'static str)>,
    /// What was assumed.
    pub notes: Vec<&'static str>,
}

/// Why nothing was fetched.
#[derive(Debug)]
pub enum FetchError {
    /// The server.
    Query(QueryError),
    /// The disk.
    Io(io::Error),
    /// The URL, or there is nothing to read.
    Refused(String),
}

impl std::fmt::Display for FetchError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FetchError::Query(error) => write!(f, "{error}"),
            FetchError::Io(error) => write!(f, "a file of the import cannot be written: {error}"),
            FetchError::Refused(why) => f.write_str(why),
        }
    }
}

impl From<QueryError> for FetchError {
    fn from(error: QueryError) -> Self {
        FetchError::Query(error)
    }
}

impl From<io::Error> for FetchError {
    fn from(error: io::Error) -> Self {
        FetchError::Io(error)
    }
}

/// A stream of a symbol on the server.
struct RemoteStream {
    id: String,
    symbol: String,
    /// Name of the stream of the file.
    stream: &'static str,
    /// Table, column of the time, columns, and condition.
    table: String,
    time: &'static str,
    columns: &'static str,
    condition: String,
}

/// How far a file was read; kept beside it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct ReadSoFar {
    /// Table and condition: another source begins anew.
    source: String,
    /// Time the next page begins at.
    from_us: i64,
    /// Length of the file.
    bytes: u64,
    rows: u64,
    unusable: u64,
    last: Last,
    is_complete: bool,
}

/// Reads all wanted recordings into CSV files of a folder, going on with those that are there. `told` is
/// called with rows read since its last call.
///
/// # Errors
/// A server that cannot be read, a disk that is full, or nothing to read.
pub fn fetch(
    from: &FetchSource<'_>,
    secret: Option<&Secret>,
    folder: &Path,
    told: &dyn Fn(u64),
) -> Result<Vec<Fetched>, FetchError> {
    // The user names the host on the command line, so it is allowed.
    let host = reqwest::Url::parse(from.url).ok().and_then(|url| url.host_str().map(str::to_owned));
    let allowed: Vec<String> = host.into_iter().collect();
    let target = Target::new(from.url, &allowed, from.user, secret).map_err(FetchError::Refused)?;
    let client = Client::new(target).map_err(FetchError::Refused)?;
    let mut sources = our_sources(&client, from)?;
    sources.extend(their_sources(&client, from)?);
    let is_imported = |source: &RemoteStream| from.except.contains(&source.id);
    if !sources.is_empty() && sources.iter().all(is_imported) {
        return Ok(Vec::new());
    }
    sources.retain(|source| !is_imported(source));
    if sources.is_empty() {
        return Err(FetchError::Refused(format!(
            "there is no recording to import at {}: neither {}ticks nor tick_prices has rows{}",
            from.url,
            from.prefix,
            from.session.map(|id| format!(" of {id}")).unwrap_or_default()
        )));
    }
    let mut all: Vec<Fetched> = Vec::new();
    for source in &sources {
        if all.last().is_none_or(|last| last.id != source.id) {
            all.push(Fetched {
                id: source.id.clone(),
                files: Vec::new(),
                rows: 0,
                rows_before: 0,
                left_out: Vec::new(),
                notes: Vec::new(),
            });
        }
        let Some(fetched) = all.last_mut() else { continue };
        let name = format!("{}_{}", file_name(&source.symbol), short_hash(&source.name()));
        let path = folder.join(format!("{name}.{}.csv", source.stream));
        let rows = source.read(&client, &path, fetched, told)?;
        if rows > 0 {
            fetched.files.push(path);
            fetched.rows += rows;
        }
    }
    all.retain(|fetched| fetched.rows > 0);
    Ok(all)
}

/// Streams of our own tables; of a recording that several instances sent, those of the one with the most
/// rows.
fn our_sources(client: &Client, from: &FetchSource<'_>) -> Result<Vec<RemoteStream>, FetchError> {
    let mut sources = Vec::new();
    // Rows of each recording by the instance that sent them: a restored copy of a store sends everything
    // again.
    let mut senders: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for (table, kind) in [("ticks", "kind"), ("book", "'book20'")] {
        let table = format!("{}{table}", from.prefix);
        if !exists(client, &table)? {
            continue;
        }
        let wanted = wanted("recording_id", from.session);
        let query = format!(
            "SELECT instance, recording_id, symbol, {kind} kind, count() n FROM {table}{wanted} ORDER BY instance, recording_id, symbol, kind"
        );
        let rows = client.query(&query)?;
        for row in 0..rows.len() {
            let [instance, id, symbol, kind] = [0, 1, 2, 3].map(|column| rows.text(row, column));
            let Some((stream, columns)) = columns_of(kind) else { continue };
            let sent = senders.entry(id.to_owned()).or_default().entry(instance.to_owned()).or_default();
            *sent += rows.whole(row, 4).and_then(|rows| u64::try_from(rows).ok()).unwrap_or(0);
            let of_kind =
                if stream == "book20" { String::new() } else { format!(" AND kind = {}", quoted(kind)) };
            sources.push((
                instance.to_owned(),
                RemoteStream {
                    id: id.to_owned(),
                    symbol: symbol.to_owned(),
                    stream,
                    table: table.clone(),
                    time: "ts",
                    columns,
                    condition: format!(
                        "instance = {} AND recording_id = {} AND symbol = {}{of_kind}",
                        quoted(instance),
                        quoted(id),
                        quoted(symbol)
                    ),
                },
            ));
        }
    }
    // Of several, the one with the most rows.
    let chosen =
        |id: &str| senders.get(id)?.iter().max_by_key(|(_, rows)| **rows).map(|(instance, _)| instance);
    sources.retain(|(instance, source)| chosen(&source.id) == Some(instance));
    let mut sources: Vec<RemoteStream> = sources.into_iter().map(|(_, source)| source).collect();
    sources.sort_by(|a, b| (&a.id, &a.condition).cmp(&(&b.id, &b.condition)));
    Ok(sources)
}

/// Name of a stream in files, and the columns of our tables that its rows are made of.
fn columns_of(kind: &str) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        "trades" => ("trades", "price, quantity, side"),
        "bbo" => ("bbo", "price, quantity, price2, quantity2"),
        "bars" => ("bars", "open, high, low, price, quantity"),
        "marks" => ("marks", "price, price2"),
        "funding" => ("funding", "price"),
        "book20" => (
            "book20",
            "b1p, b1q, b2p, b2q, b3p, b3q, b4p, b4q, b5p, b5q, a1p, a1q, a2p, a2q, a3p, a3q, a4p, a4q, a5p, a5q",
        ),
        _ => return None,
    })
}

/// Streams of the tables `tick_prices` and `tick_orderbook`.
fn their_sources(client: &Client, from: &FetchSource<'_>) -> Result<Vec<RemoteStream>, FetchError> {
    let mut sources = Vec::new();
    for (table, stream, columns) in [
        ("tick_prices", "trades", "price, volume"),
        (
            "tick_orderbook",
            "book20",
            "bid_price_1, bid_qty_1, bid_price_2, bid_qty_2, bid_price_3, bid_qty_3, ask_price_1, ask_qty_1, ask_price_2, \
             ask_qty_2, ask_price_3, ask_qty_3",
        ),
    ] {
        if !exists(client, table)? {
            continue;
        }
        let wanted = wanted("session_id", from.session);
        let query =
            format!("SELECT session_id, symbol, count() n FROM {table}{wanted} ORDER BY session_id, symbol");
        let rows = client.query(&query)?;
        for row in 0..rows.len() {
            let (id, symbol) = (rows.text(row, 0), rows.text(row, 1));
            sources.push(RemoteStream {
                id: id.to_owned(),
                symbol: symbol.to_owned(),
                stream,
                table: table.to_owned(),
                time: "timestamp",
                columns,
                condition: format!("session_id = {} AND symbol = {}", quoted(id), quoted(symbol)),
            });
        }
    }
    sources.sort_by(|a, b| (&a.id, &a.symbol, a.stream).cmp(&(&b.id, &b.symbol, b.stream)));
    Ok(sources)
}

impl RemoteStream {
    /// What it is read from.
    fn name(&self) -> String {
        format!("{} {} {}", self.table, self.stream, self.condition)
    }

    /// Writes all rows into a file, or those that are missing there; returns how many it has.
    fn read(
        &self,
        client: &Client,
        path: &Path,
        fetched: &mut Fetched,
        told: &dyn Fn(u64),
    ) -> Result<u64, FetchError> {
        let beside = path.with_extension("json");
        let mut so_far = self.so_far(path, &beside);
        fetched.rows_before += so_far.rows;
        let mut file = OpenOptions::new().create(true).write(true).truncate(false).open(path)?;
        file.set_len(so_far.bytes)?;
        file.seek(SeekFrom::End(0))?;
        if so_far.bytes == 0 {
            let head = format!("{}\n", head_of(self.stream));
            file.write_all(head.as_bytes())?;
            so_far.bytes = head.len() as u64;
        }
        let mut limit = ANALYTICS_PAGE_ROWS;
        while !so_far.is_complete {
            let page = self.page(client, so_far.from_us, limit)?;
            let is_last = page.rows.len() < limit;
            let end_us = page.rows.len().checked_sub(1).and_then(|row| page.whole(row, 0));
            let end_us = end_us.unwrap_or(so_far.from_us);
            if !is_last && end_us == so_far.from_us {
                // A whole page of one moment: rows of a moment stay together.
                limit *= 2;
                continue;
            }
            let mut text = String::new();
            for row in 0..page.rows.len() {
                let Some(at_us) = page.whole(row, 0) else { continue };
                if !is_last && at_us == end_us {
                    break;
                }
                if self.line(at_us, &page.rows[row], &mut so_far.last, &mut text) {
                    so_far.rows += 1
                } else {
                    so_far.unusable += 1
                }
            }
            file.write_all(text.as_bytes())?;
            file.sync_data()?;
            so_far.bytes += text.len() as u64;
            (so_far.from_us, so_far.is_complete) = (end_us, is_last);
            so_far.keep(&beside)?;
            told(page.rows.len() as u64);
        }
        if so_far.unusable > 0 {
            let why = "a price or quantity that is missing, zero or negative";
            fetched.left_out.push((so_far.unusable, why));
        }
        let guessed = "sides of trades follow from the direction of prices: the table does not have them";
        if self.table == "tick_prices" && !fetched.notes.contains(&guessed) {
            fetched.notes.push(guessed);
        }
        Ok(so_far.rows)
    }

    /// How far the file was read; the start where that is not known or the file is shorter.
    fn so_far(&self, path: &Path, beside: &Path) -> ReadSoFar {
        let length = fs::metadata(path).map_or(0, |file| file.len());
        let kept = fs::read(beside).ok().and_then(|text| serde_json::from_slice::<ReadSoFar>(&text).ok());
        kept.filter(|kept| kept.source == self.name() && kept.bytes <= length).unwrap_or_else(|| ReadSoFar {
            source: self.name(),
            from_us: i64::MIN + 1,
            bytes: 0,
            rows: 0,
            unusable: 0,
            last: Last::default(),
            is_complete: false,
        })
    }

    /// One page, tried again when no answer comes.
    fn page(&self, client: &Client, from_us: i64, limit: usize) -> Result<QueryResult, FetchError> {
        let RemoteStream { table, time, columns, condition, .. } = self;
        let begin =
            if from_us > 0 { format!(" AND {time} >= cast({from_us} as timestamp)") } else { String::new() };
        let query = format!(
            "SELECT cast({time} as long) at, {columns} FROM {table} WHERE {condition}{begin} ORDER BY {time} LIMIT {limit}"
        );
        let (watch, mut tries) = (Stopwatch::start(), 0);
        loop {
            tries += 1;
            match client.query(&query) {
                Err(QueryError::Unanswered(_)) if tries < TRIES => {
                    watch.sleep_until(watch.elapsed() + Span::from_seconds(tries));
                }
                answer => return Ok(answer?),
            }
        }
    }

    /// Appends the lines of a row; false for a row that cannot be used.
    fn line(&self, at_us: i64, cells: &[Value], last: &mut Last, text: &mut String) -> bool {
        let number = |column: usize| cells.get(column).and_then(Value::as_f64);
        let positive = |column: usize| number(column).filter(|value| *value > 0.0);
        let symbol = &self.symbol;
        match self.stream {
            "trades" => {
                let (Some(price), Some(quantity)) = (positive(1), positive(2)) else { return false };
                let side = cells.get(3).and_then(Value::as_str).unwrap_or_else(|| last.side_of(price));
                let _ = writeln!(text, "{at_us},{symbol},{price},{quantity},{side}");
            }
            "bars" => {
                let cells = [positive(1), positive(2), positive(3), positive(4), number(5)];
                let [Some(open), Some(high), Some(low), Some(close), Some(volume)] = cells else {
                    return false;
                };
                let _ = writeln!(text, "{at_us},{symbol},{open},{high},{low},{close},{volume}");
            }
            "bbo" => {
                let cells = [positive(1), positive(2), positive(3), positive(4)];
                let [Some(bid), Some(bids), Some(ask), Some(asks)] = cells else { return false };
                let _ = writeln!(text, "{at_us},{symbol},{bid},{bids},{ask},{asks}");
            }
            "marks" => {
                let Some(mark) = positive(1) else { return false };
                let index = positive(2).map(|index| index.to_string()).unwrap_or_default();
                let _ = writeln!(text, "{at_us},{symbol},{mark},{index}");
            }
            "funding" => {
                let Some(rate) = number(1) else { return false };
                let _ = writeln!(text, "{at_us},{symbol},{rate}");
            }
            _ => {
                let levels = (cells.len() - 1) / 4;
                let before = text.len();
                for (side, start) in [("bid", 1), ("ask", 1 + 2 * levels)] {
                    for level in 0..levels {
                        // A level that is not there is zero or null, and so are those behind it.
                        let (price, quantity) =
                            (positive(start + 2 * level), positive(start + 2 * level + 1));
                        let (Some(price), Some(quantity)) = (price, quantity) else { break };
                        let _ = writeln!(text, "{at_us},{symbol},{side},{},{price},{quantity}", level + 1);
                    }
                }
                return text.len() > before;
            }
        }
        true
    }
}

impl ReadSoFar {
    /// Written whole or not at all.
    fn keep(&self, beside: &Path) -> io::Result<()> {
        let new = beside.with_extension("new");
        fs::write(&new, serde_json::to_vec(self)?)?;
        fs::rename(&new, beside)
    }
}

/// The last price and the direction it came from.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
struct Last {
    price: Option<f64>,
    sold: bool,
}

impl Last {
    /// A trade above the last price was bought, one below sold; at the same price, as the one before.
    fn side_of(&mut self, price: f64) -> &'static str {
        match self.price.replace(price) {
            Some(last) if price > last => self.sold = false,
            Some(last) if price < last => self.sold = true,
            _ => {}
        }
        if self.sold { "sell" } else { "buy" }
    }
}

/// Start of the SHA-256 of a text, hexadecimal.
fn short_hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn head_of(stream: &str) -> &'static str {
    match stream {
        "trades" => "timestamp_us,symbol,price,quantity,side",
        "bars" => "timestamp_us,symbol,open,high,low,close,volume",
        "bbo" => "timestamp_us,symbol,bid_price,bid_quantity,ask_price,ask_quantity",
        "marks" => "timestamp_us,symbol,mark_price,index_price",
        "funding" => "timestamp_us,symbol,rate",
        _ => "timestamp_us,symbol,side,level,price,quantity",
    }
}

fn exists(client: &Client, table: &str) -> Result<bool, FetchError> {
    let rows = client.query(&format!("SELECT count() FROM tables() WHERE table_name = {}", quoted(table)))?;
    Ok(rows.whole(0, 0).unwrap_or_default() > 0)
}

fn wanted(column: &str, session: Option<&str>) -> String {
    session.map(|id| format!(" WHERE {column} = {}", quoted(id))).unwrap_or_default()
}

/// A text constant.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn file_name(symbol: &str) -> String {
    symbol
        .chars()
        .map(|letter| if letter.is_alphanumeric() || letter == '_' { letter } else { '-' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_follow_from_prices_and_quotes_stay_in_their_constant() {
        let mut last = Last::default();
        let sides = [1.0, 1.0, 0.9, 0.9, 1.1].map(|price| last.side_of(price));
        assert_eq!(sides, ["buy", "buy", "sell", "sell", "buy"]);
        assert_eq!(quoted("a' OR '1'='1"), "'a'' OR ''1''=''1'");
        assert_eq!(file_name("../BTC_USDT"), "---BTC_USDT");
    }
    #[test]
    fn reading_goes_on_where_it_was_unless_the_source_or_the_file_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let (path, beside) = (folder.path().join("a.csv"), folder.path().join("a.json"));
        let stream = |condition: &str| RemoteStream {
            id: String::new(),
            symbol: "A".to_owned(),
            stream: "trades",
            table: "tick_prices".to_owned(),
            time: "timestamp",
            columns: "price, volume",
            condition: condition.to_owned(),
        };
        let begun = stream("a").so_far(&path, &beside);
        assert_eq!((begun.bytes, begun.rows, begun.is_complete), (0, 0, false));
        let last = Last { price: Some(0.1 + 0.2), sold: true };
        let kept = ReadSoFar { from_us: 5, bytes: 10, rows: 2, last, ..begun.clone() };
        kept.keep(&beside).unwrap();
        assert_eq!(stream("a").so_far(&path, &beside), begun, "the file is gone");
        fs::write(&path, "0123456789 half a page").unwrap();
        assert_eq!(stream("a").so_far(&path, &beside), kept);
        assert_eq!(stream("b").so_far(&path, &beside).rows, 0);
        fs::write(&beside, "{").unwrap();
        assert_eq!(stream("a").so_far(&path, &beside), begun);
    }
}
