//! The copy against a stand-in for QuestDB that answers as a real server was seen to; `tests/questdb/run` has
//! the real one.

use super::*;
use crate::analytics::{Tables, Version};
use crate::store::EventSegment;
use crate::store::records::SessionRow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

/// What the stand-in holds.
#[derive(Default)]
struct Held {
    /// Id, transactions and lines by table.
    tables: BTreeMap<String, (i64, i64, BTreeSet<String>)>,
    made: i64,
    schema_lines: Vec<String>,
    requests: Vec<usize>,
    /// A line with this text is refused.
    poison: Option<&'static str>,
    /// This table loses what it acknowledges next, as after a DROP and CREATE under a kept connection.
    loses: Option<&'static str>,
    /// This column of `td_fills` is missing until it is added; the answer that it was is lost.
    lacks: Option<&'static str>,
    /// Its folder was removed while it ran: it still lists its tables.
    is_hollow: bool,
}

struct Server {
    held: Arc<Mutex<Held>>,
    url: String,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let held = Arc::new(Mutex::new(Held::default()));
        let shared = Arc::clone(&held);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                serve(stream.unwrap(), &mut shared.lock().unwrap());
            }
        });
        Server { held, url }
    }

    fn config(&self) -> QuestDb {
        QuestDb { enabled: true, url: self.url.clone(), rows_per_second: 10_000_000, ..QuestDb::default() }
    }

    fn lines(&self, table: &str) -> Vec<String> {
        let held = self.held.lock().unwrap();
        held.tables[&format!("td_{table}")].2.iter().cloned().collect()
    }
}

fn serve(stream: TcpStream, held: &mut Held) {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let (status, answer) = match path.split('?').next().unwrap() {
        "/settings" => (200, json!({"config": {"release.version": "9.3.4"}}).to_string()),
        "/write" => held.write(&String::from_utf8(body).unwrap()),
        "/exec" => held.query(&query_of(&path)),
        _ => (404, "Not Found".to_owned()),
    };
    let answer = format!(
        "HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}",
        answer.len()
    );
    let _ = reader.get_mut().write_all(answer.as_bytes());
}

/// The SQL of a request.
fn query_of(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.split_once("query=").unwrap().1.split('&').next().unwrap().bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    String::from_utf8(bytes).unwrap()
}

impl Held {
    fn make(&mut self, table: &str) {
        self.made += 1;
        self.tables.insert(table.to_owned(), (self.made, 0, BTreeSet::new()));
    }

    fn write(&mut self, body: &str) -> (u16, String) {
        let table = body.split(',').next().unwrap().to_owned();
        if self.is_hollow || !self.tables.contains_key(&table) {
            let message = format!(
                "error in line 1: table: {table}; table does not exist, creating new tables is disabled"
            );
            return (400, json!({"code": "invalid", "message": message, "line": 1}).to_string());
        }
        let poison = |line: &str| self.poison.is_some_and(|poison| line.contains(poison));
        if let Some(line) = body.lines().position(poison) {
            let message = format!("error in line {}: cast error", line + 1);
            return (400, json!({"code": "invalid", "message": message, "line": line + 1}).to_string());
        }
        self.requests.push(body.lines().count());
        if self.loses.is_some_and(|loses| table == loses) {
            self.loses = None;
            self.make(&table);
            return (204, String::new());
        }
        if table == "td_schema" {
            self.schema_lines.push(body.to_owned());
        }
        let held = self.tables.get_mut(&table).unwrap();
        held.1 += 1;
        held.2.extend(body.lines().map(str::to_owned));
        (204, String::new())
    }

    fn query(&mut self, sql: &str) -> (u16, String) {
        let rows = |rows: Vec<serde_json::Value>| (200, json!({"columns": [], "dataset": rows}).to_string());
        if let Some(rest) = sql.strip_prefix("CREATE TABLE IF NOT EXISTS ") {
            let table = rest.split(' ').next().unwrap();
            if !self.tables.contains_key(table) {
                self.make(table);
            }
            return (200, json!({"ddl": "OK"}).to_string());
        }
        if self.lacks.is_some_and(|lacks| sql.starts_with("ALTER TABLE td_fills") && sql.contains(lacks)) {
            self.lacks = None;
            return (500, json!({"error": "lost"}).to_string());
        }
        if sql.starts_with("ALTER TABLE") {
            return (200, json!({"ddl": "OK"}).to_string());
        }
        if let Some((_, rest)) = sql.split_once("table_columns('td_") {
            let tables = Tables::new("td_", Version(9, 3, 4));
            let table = tables.get(rest.trim_end_matches("')")).unwrap();
            return rows(
                table
                    .columns
                    .iter()
                    .filter(|it| table.name != "fills" || self.lacks != Some(it.name))
                    .map(|it| json!([it.name, tables.type_of(it), table.keys.contains(&it.name)]))
                    .collect(),
            );
        }
        if sql.starts_with("SELECT max(schema_version)") {
            return rows(vec![json!([null])]);
        }
        if let Some((_, rest)) = sql.split_once("td_schema WHERE instance = '") {
            let instance = format!("instance={},", rest.split('\'').next().unwrap());
            let newest = self.schema_lines.iter().rev().find(|line| line.contains(&instance));
            let epoch =
                newest.map(|line| line.split("epoch=").nth(1).unwrap().split(',').next().unwrap().to_owned());
            return rows(epoch.map(|epoch| json!([epoch])).into_iter().collect());
        }
        if sql.contains("FROM tables() t JOIN wal_tables()") {
            return rows(
                self.tables.iter().map(|(name, (id, txn, _))| json!([name, id, txn, txn, false])).collect(),
            );
        }
        (400, json!({"error": format!("not known here: {sql}")}).to_string())
    }
}

/// A store with a strategy in two versions, a session, and a fill in the log.
fn filled() -> Arc<Store> {
    let store = Arc::new(Store::in_memory().unwrap());
    let at = Timestamp::from_seconds(1_700_000_000);
    store.put_strategy("pump", "Pump", "{}", at).unwrap();
    store.put_strategy("pump", "Pump \"2\"", "{\"a\": 1}", at + Span::from_seconds(1)).unwrap();
    let session = SessionRow {
        id: "exec_1".to_owned(),
        kind: "paper".to_owned(),
        state: "running".to_owned(),
        created_us: at.micros(),
        ..SessionRow::default()
    };
    store.put_session(&session, &EventSegment { first_seq: 1, lines: fills(1..4) }).unwrap();
    store
}

fn fills(numbers: std::ops::Range<u64>) -> String {
    numbers.map(|number| {
        json!({"seq": number, "event": "fill", "symbol": "BTC_USDT", "timestamp": "2026-11-22T10:00:00Z", "kind": "fill",
               "strategy_id": "pump", "order_id": number, "fill_price": 67_406.1, "quantity": 0.1,
               "cumulative_quantity": 0.3, "trade_id": "9223372036854775807", "fee": -0.25})
        .to_string() + "\n"
    }).collect()
}

fn analytics(store: &Arc<Store>) -> Analytics {
    Analytics::new(Arc::clone(store), Path::new("/nowhere"))
}

#[test]
fn everything_is_there_once_and_a_second_round_sends_nothing() {
    let (server, store) = (Server::start(), filled());
    let analytics = analytics(&store);
    let config = server.config();
    assert_eq!(analytics.round(&config).unwrap(), 2 + 1 + 3);
    let fills = server.lines("fills");
    assert_eq!(fills.len(), 3);
    let instance = store.sync_state().unwrap().unwrap().instance;
    let line = format!(
        "td_fills,instance={instance},session_id=exec_1,strategy_id=pump,symbol=BTC_USDT seq=1i,order_id=1i,price=67406.1d,quantity=0.1d,trade_id=\"9223372036854775807\",cumulative_quantity=0.3d,fee=-0.25d 1795341600000000000"
    );
    assert_eq!(fills[0], line);
    assert!(server.lines("strategies")[1].contains(r#"name="Pump \"2\"",document="{\"a\": 1}",deleted=f"#));
    assert_eq!(analytics.round(&config).unwrap(), 0);
    // A deletion, another state and more events are further rows.
    store.delete_strategy("pump", Timestamp::from_seconds(1_700_000_009)).unwrap();
    let row = SessionRow { state: "completed".to_owned(), ..store.session("exec_1").unwrap() };
    store.put_session(&row, &EventSegment { first_seq: 4, lines: self::fills(4..5) }).unwrap();
    assert_eq!(analytics.round(&config).unwrap(), 3);
    assert!(
        server.lines("strategies")[2].contains("rev=4i,version=2i")
            && server.lines("strategies")[2].contains("deleted=t")
    );
    let completed = |line: &String| line.contains("state=completed") && line.contains("rev=2i");
    assert_eq!(server.lines("sessions").iter().filter(|line| completed(line)).count(), 1);
    // Everything again: the same bytes, so the tables do not grow.
    store.reset_sync(None).unwrap();
    assert_eq!(analytics.round(&config).unwrap(), 3 + 1 + 4);
    assert_eq!((server.lines("fills").len(), server.lines("strategies").len()), (4, 3));
    assert_eq!(server.lines("sessions").len(), 2);
    assert!(store.verify().unwrap().is_sound());
}

#[test]
fn values_that_a_dropped_column_lost_are_sent_again() {
    let (server, store) = (Server::start(), filled());
    let analytics = analytics(&store);
    analytics.round(&server.config()).unwrap();
    // The server takes the next request without the values of the column, and has counted one transaction
    // more.
    {
        let mut held = server.held.lock().unwrap();
        held.lacks = Some("fee");
        held.tables.get_mut("td_fills").unwrap().1 += 1;
    }
    let session = store.session("exec_1").unwrap();
    store.put_session(&session, &EventSegment { first_seq: 4, lines: fills(4..5) }).unwrap();
    let failed = analytics.round(&server.config()).unwrap_err();
    assert!(failed.to_string().contains("td_fills has no column fee"), "{failed}");
    analytics.round(&server.config()).unwrap_err();
    assert_eq!(analytics.round(&server.config()).unwrap(), 4, "all fills");
}

#[test]
fn a_server_whose_folder_was_removed_has_to_be_restarted() {
    let (server, store) = (Server::start(), filled());
    server.held.lock().unwrap().is_hollow = true;
    let failed = analytics(&store).round(&server.config()).unwrap_err();
    assert!(matches!(&failed, SyncError::Refused(why) if why.contains("restart QuestDB")), "{failed}");
}

#[test]
fn the_equity_of_a_running_session_is_copied_from_its_events() {
    let (server, store) = (Server::start(), filled());
    let sample = json!({"seq": 4, "event": "equity", "timestamp": "2026-11-22T10:01:00Z", "equity": 1000.5,
                        "balance": 999.25, "exposure": 0, "currency": "USDT"});
    let session = store.session("exec_1").unwrap();
    store.put_session(&session, &EventSegment { first_seq: 4, lines: format!("{sample}\n") }).unwrap();
    analytics(&store).round(&server.config()).unwrap();
    let lines = server.lines("session_equity");
    let cells = ",session_id=exec_1,currency=USDT seq=4i,equity=1000.5d,balance=999.25d,exposure=0d 1795341660000000000";
    assert!(lines.len() == 1 && lines[0].ends_with(cells), "{lines:?}");
}

#[test]
fn rows_are_sent_again_once_a_column_of_a_later_version_was_added() {
    let (server, store) = (Server::start(), filled());
    analytics(&store).round(&server.config()).unwrap();
    server.held.lock().unwrap().lacks = Some("fee");
    // Also when the daemon does not hear that the column is there, or is killed just then.
    let failed = analytics(&store).round(&server.config()).unwrap_err();
    assert!(failed.to_string().contains("lost"), "{failed}");
    assert_eq!(server.held.lock().unwrap().lacks, None);
    assert_eq!(analytics(&store).round(&server.config()).unwrap(), 3, "the fills");
    assert_eq!(analytics(&store).round(&server.config()).unwrap(), 0);
}

#[test]
fn a_poisoned_row_becomes_a_dead_letter_and_the_others_are_there() {
    let (server, store) = (Server::start(), filled());
    server.held.lock().unwrap().poison = Some("order_id=2i");
    let analytics = analytics(&store);
    analytics.round(&server.config()).unwrap();
    assert_eq!(server.lines("fills").len(), 2);
    let dead = store.dead_letters().unwrap();
    assert_eq!(dead.len(), 1);
    assert!(dead[0].1.reason.contains("cast error") && dead[0].1.line.contains("order_id=2i"));
    let view = analytics.view(&server.config()).unwrap();
    assert_eq!((view.state, view.dead_letters), ("idle", 1));
    assert_eq!(analytics.round(&server.config()).unwrap(), 0, "it is not sent again");
}

#[test]
fn rows_that_were_acknowledged_and_lost_are_sent_again() {
    let (server, store) = (Server::start(), filled());
    let analytics = analytics(&store);
    server.held.lock().unwrap().loses = Some("td_fills");
    let failed = analytics.round(&server.config()).unwrap_err();
    assert!(failed.to_string().contains("created again"), "{failed}");
    assert_eq!(server.lines("fills").len(), 0);
    analytics.round(&server.config()).unwrap();
    assert_eq!(server.lines("fills").len(), 3);
    // Dropped between two rounds.
    server.held.lock().unwrap().tables.remove("td_fills");
    assert!(analytics.round(&server.config()).is_err());
    analytics.round(&server.config()).unwrap();
    assert_eq!((server.lines("fills").len(), server.lines("sessions").len()), (3, 1));
}

#[test]
fn a_store_that_another_copy_has_replaced_is_a_new_instance() {
    let (server, store) = (Server::start(), filled());
    analytics(&store).round(&server.config()).unwrap();
    let first = store.sync_state().unwrap().unwrap();
    // A later connection that this store knows nothing of, as after a backup was restored.
    let line = format!("td_schema,instance={},epoch=other,program=x schema_version=1i 1", first.instance);
    server.held.lock().unwrap().schema_lines.push(line);
    let restored = analytics(&store);
    restored.round(&server.config()).unwrap();
    let second = store.sync_state().unwrap().unwrap();
    assert_ne!(first.instance, second.instance);
    assert_eq!(server.lines("fills").len(), 6, "under both ids");
    restored.round(&server.config()).unwrap();
    assert_eq!(store.sync_state().unwrap().unwrap().instance, second.instance);
}

#[test]
fn what_was_removed_unsent_is_a_gap() {
    let (server, store) = (Server::start(), filled());
    let cursor = crate::store::records::SyncCursorV1 {
        next: 10,
        seen: 25,
        sent_us: 1_795_341_600_000_000,
        seen_us: 1_795_341_700_000_000,
    };
    let cursors = vec![("ticks".to_owned(), "session_gone/trades/BTC_USDT".to_owned(), Some(cursor))];
    store.put_sync(crate::store::SyncChange { cursors, ..Default::default() }).unwrap();
    analytics(&store).round(&server.config()).unwrap();
    let gaps = server.lines("gaps");
    assert_eq!(gaps.len(), 1);
    assert!(gaps[0].contains("cause=removed") && gaps[0].contains("missing_rows=15i"), "{}", gaps[0]);
    assert_eq!(store.sync_cursors("ticks").unwrap(), []);
}

#[test]
fn a_server_that_is_away_changes_nothing_and_waits_grow() {
    let store = filled();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = QuestDb { enabled: true, url: format!("http://{closed}"), ..QuestDb::default() };
    let analytics = analytics(&store);
    let failed = analytics.round(&config).unwrap_err();
    assert_eq!(analytics.view(&config).unwrap().state, "unreachable");
    assert_eq!(store.sync_state().unwrap(), None);
    let waits: Vec<Duration> = (1..20).map(|failures| retry_after(failures, &failed, 0xff_ffff)).collect();
    assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]) && waits[18] <= RETRY_MAX, "{waits:?}");
    assert!(retry_after(9, &failed, 0) < Duration::from_secs(1), "jitter reaches down");
    assert!(retry_after(1, &SyncError::Write(WriteError::Credentials), 0) >= Duration::from_secs(60));
}

#[test]
fn a_round_makes_way_for_a_command_and_goes_on_afterwards() {
    let (server, store) = (Server::start(), filled());
    let analytics = analytics(&store);
    let config = server.config();
    analytics.commands.fetch_add(1, Ordering::Relaxed);
    assert!(matches!(analytics.round(&config), Err(SyncError::Interrupted)));
    analytics.commands.fetch_sub(1, Ordering::Relaxed);
    assert_eq!(analytics.view(&config).unwrap().reason, None);
    assert_eq!(analytics.round(&config).unwrap(), 2 + 1 + 3);
    analytics.rebuild(Some("fills")).unwrap();
    assert!(analytics.round(&config).unwrap() >= 3);
}

#[test]
fn one_comparison_runs_at_a_time_and_ends_with_the_daemon() {
    let (server, store) = (Server::start(), filled());
    let analytics = analytics(&store);
    let config = server.config();
    analytics.round(&config).unwrap();
    let running = analytics.comparing.lock().unwrap();
    assert!(matches!(analytics.verify(&config, false), Err(SyncError::Refused(_))));
    drop(running);
    analytics.stop();
    assert!(matches!(analytics.verify(&config, false), Err(SyncError::Stopped)));
}
