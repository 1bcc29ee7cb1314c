//! `config.json` edited while the daemon runs, with valid and broken content and different ways of writing:
//! at every moment one complete valid version is in force, soon the last valid one; requests and sessions are
//! not disturbed.
//!
//! `TRADINGD_RELOAD_EDITS` sets the number of edits (100), `TRADINGD_RELOAD_SEED` repeats the plan.

use super::answers;
use super::client::{Connection, Login};
use super::daemon::{Daemon, config};
use crate::cli::{Cli, shipped_one};
use crate::crash::setting;
use hyper_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use hyper_tungstenite::tungstenite::{Message, WebSocket};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tradingd::domain::rng::Rng;

/// Time within which the last valid version must be in force.
const WITHIN: Duration = Duration::from_secs(2);
/// Numbers from here on are those of broken versions, which must never be in force.
const BROKEN: u64 = 1_000_000;
/// Replay speed of the watched session; the recording has 343 seconds.
const SPEED: f64 = 45.0;

/// A configuration whose fields all depend on its number, so that a mix of two versions would be detected.
fn version(number: u64) -> Value {
    json!({
        "http": {
            "listen": "127.0.0.1:0", "request_burst": 1_000_000, "requests_per_second": 1_000_000 - number % 1_000,
            "body_timeout_ms": 10_000 + number % 1_000,
        },
        "auth": {"csrf_ttl_s": 3_600 + number % 1_000},
        "trading": {"default_symbols": [format!("V{number}_USDT")], "disabled_symbols": [format!("OFF{number}_USDT")]},
        "limits": {"max_symbols": 1 + number % 1_000, "max_sessions": 64},
        "log": {"level": if number.is_multiple_of(2) { "info" } else { "warn" }},
    })
}

fn number_of(symbols: &Value) -> u64 {
    let name = symbols[0].as_str().unwrap_or_else(|| panic!("{symbols}"));
    name.trim_start_matches('V').trim_end_matches("_USDT").parse().unwrap()
}

/// The number of a configuration; asserts that all its fields are of that version.
fn whole(shown: &Value) -> u64 {
    let number = number_of(&shown["trading"]["default_symbols"]);
    for (part, fields) in version(number).as_object().unwrap() {
        for (name, wanted) in fields.as_object().unwrap() {
            assert_eq!(&shown[part][name], wanted, "/{part}/{name} is not of version {number}: {shown}");
        }
    }
    number
}

/// Bytes that are not a valid configuration, nor is any prefix of them.
fn broken(number: u64, entropy: &mut Rng) -> Vec<u8> {
    let text = format!("{:#}", version(BROKEN + number));
    let with = |pointer: &str, value: Value| {
        let mut wrong = version(BROKEN + number);
        *wrong.pointer_mut(pointer).unwrap() = value;
        wrong.to_string().into_bytes()
    };
    match entropy.place(10) {
        0 => Vec::new(),
        1 => text.as_bytes()[..1 + entropy.place(text.len() - 2)].to_vec(),
        2 => text.replace("max_symbols", "max_symbol").into_bytes(),
        3 => with("/limits/max_sessions", json!(0)),
        4 => with("/trading/default_symbols", json!(["white space"])),
        5 => with("/http", json!([])),
        6 => text.replacen('{', "{\"log\": {}, \"log\": {},", 1).into_bytes(),
        7 => text
            .replace("_USDT", "\u{fffd}")
            .into_bytes()
            .iter()
            .map(|byte| if *byte == 0xef { 0xff } else { *byte })
            .collect(),
        8 => vec![0; text.len()],
        _ => format!("{}]", &text[..text.len() - 1]).into_bytes(),
    }
}

/// How the file is written.
#[derive(Clone, Copy, Debug)]
enum Way {
    InPlace,
    RenamedOver,
    /// Truncated, then written in two pieces.
    Pieces,
    /// Replaced by a symbolic link to another file.
    LinkSwapped,
    Recreated,
}

struct Editor {
    folder: PathBuf,
    entropy: Rng,
    files: u64,
}

impl Editor {
    fn pause(&mut self, most_ms: usize) {
        // This delay varies the moment of the next step; it is not a wait for something.
        std::thread::sleep(Duration::from_millis(self.entropy.place(most_ms) as u64));
    }

    fn write(&mut self, bytes: &[u8]) -> Way {
        let path = self.folder.join("config.json");
        let ways = [Way::InPlace, Way::RenamedOver, Way::Pieces, Way::LinkSwapped, Way::Recreated];
        let way = ways[self.entropy.place(ways.len())];
        match way {
            Way::InPlace => fs::write(&path, bytes).unwrap(),
            Way::RenamedOver => {
                let beside = self.folder.join("config.json.new");
                fs::write(&beside, bytes).unwrap();
                fs::rename(beside, &path).unwrap();
            }
            Way::Pieces => {
                let mut file = fs::File::create(&path).unwrap();
                let cut = self.entropy.place(bytes.len() + 1);
                self.pause(40);
                file.write_all(&bytes[..cut]).unwrap();
                self.pause(40);
                file.write_all(&bytes[cut..]).unwrap();
            }
            Way::LinkSwapped => {
                self.files += 1;
                let target = self.folder.join(format!("versions/{}.json", self.files % 8));
                // The current target of the link is not changed.
                fs::write(&target, bytes).unwrap();
                let link = self.folder.join("config.json.link");
                symlink(&target, &link).unwrap();
                fs::rename(link, &path).unwrap();
            }
            Way::Recreated => {
                fs::remove_file(&path).unwrap();
                self.pause(60);
                fs::write(&path, bytes).unwrap();
            }
        }
        way
    }
}

/// Sends requests in a loop; every answer must be 200 with a written version that is not older than the one
/// before.
struct Reader<'a> {
    address: SocketAddr,
    login: &'a Login,
    begun: &'a AtomicU64,
    over: &'a AtomicBool,
}

impl Reader<'_> {
    fn read(&self, path: &str, number_of: impl Fn(&Value) -> Option<u64>) -> u64 {
        let bearer = format!("Bearer {}", self.login.access);
        let (mut connection, mut newest, mut asked) = (Connection::open(self.address), 0, 0_u64);
        while !self.over.load(Ordering::Relaxed) {
            if asked.is_multiple_of(64) {
                connection = Connection::open(self.address);
            }
            let answer = connection.send("GET", path, &[("Authorization", &bearer)], None);
            let answer = answer.unwrap_or_else(|| panic!("{path} was not answered"));
            assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
            asked += 1;
            let Some(number) = number_of(&answer.data()) else { continue };
            assert!(
                number <= self.begun.load(Ordering::SeqCst),
                "{path}: version {number} was never written"
            );
            assert!(number >= newest, "{path}: version {number} came back behind {newest}");
            newest = number;
        }
        asked
    }
}

/// A WebSocket client subscribed to one stream.
pub struct Ear {
    socket: WebSocket<TcpStream>,
}

impl Ear {
    /// Subscribed to `sessions`.
    fn open(daemon: &Daemon, login: &Login) -> Ear {
        Ear::listen(daemon, login, r#"{"type":"subscribe","stream":"sessions","id":"1"}"#).0
    }

    /// Connected, and subscribed to nothing.
    pub fn connect(daemon: &Daemon, login: &Login) -> Ear {
        let mut stream = TcpStream::connect(daemon.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let head = format!(
            "GET /ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer {}\r\n\r\n",
            daemon.address, login.access
        );
        stream.write_all(head.as_bytes()).unwrap();
        let (mut answer, mut byte) = (Vec::new(), [0]);
        while !answer.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
        assert!(answer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer));
        Ear { socket: WebSocket::from_raw_socket(stream, Role::Client, Some(WebSocketConfig::default())) }
    }

    /// Sends a `subscribe`; gives the snapshot too.
    pub fn listen(daemon: &Daemon, login: &Login, subscribe: &str) -> (Ear, Value) {
        let mut ear = Ear::connect(daemon, login);
        ear.socket.send(Message::text(subscribe)).unwrap();
        assert_eq!(ear.next()["type"], "response");
        let snapshot = ear.next();
        assert_eq!(snapshot["type"], "snapshot");
        (ear, snapshot)
    }

    pub fn send(&mut self, request: &Value) {
        self.socket.send(Message::text(request.to_string())).unwrap();
    }

    /// The next message; it must be as documented.
    pub fn next(&mut self) -> Value {
        loop {
            match self.socket.read().unwrap() {
                Message::Text(text) => {
                    let message = serde_json::from_str(&text).unwrap();
                    answers::message_is_as_documented(&message);
                    return message;
                }
                Message::Ping(_) => self.socket.flush().unwrap(),
                other => panic!("{other}"),
            }
        }
    }

    /// The next `config_reloaded` or `config_rejected`.
    fn config(&mut self) -> Value {
        loop {
            let update = self.next();
            assert_eq!(update["type"], "update", "{update}");
            if update["data"]["event"].as_str().is_some_and(|event| event.starts_with("config_")) {
                return update["data"].clone();
            }
        }
    }
}

/// Sets the flag on drop, so that the threads end even if a test fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Waits until a condition holds; returns the time that took.
#[track_caller]
fn until(what: &str, most: Duration, mut holds: impl FnMut() -> bool) -> Duration {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < most, "{what}: not within {most:?}");
        std::thread::yield_now();
    }
    started.elapsed()
}

/// Runs a paced session to its end; returns the digest of its result.
fn session(daemon: &Daemon, login: &Login, recording: &str, speed: f64) -> String {
    let body = json!({
        "session_type": "backtest", "strategy_config": {"strategies": ["ema"]},
        "config": {"session_id": recording, "acceleration_factor": speed},
    });
    let started = daemon.ask_as(login, "POST", "/sessions/start", Some(&body));
    assert_eq!(started.status, 200, "{}", started.json());
    let id = started.data()["data"]["session_id"].as_str().unwrap().to_owned();
    let mut shown = Value::Null;
    let path = format!("/sessions/{id}");
    let mut connection = daemon.connect();
    let bearer = format!("Bearer {}", login.access);
    until("the session ends", Duration::from_secs(300), || {
        std::thread::sleep(Duration::from_millis(5));
        shown = connection.send("GET", &path, &[("Authorization", &bearer)], None).unwrap().data();
        !matches!(shown["status"].as_str(), Some("starting" | "running"))
    });
    assert_eq!(shown["status"], "completed", "{shown}");
    let events = daemon.ask_as(login, "GET", &format!("/sessions/{id}/events?limit=1000"), None).data();
    assert!(
        events["events"].as_array().unwrap().iter().all(|event| event["event"] != "symbol_table"),
        "its symbols were touched"
    );
    let result = daemon.ask_as(login, "GET", &format!("/results/session/{id}"), None).data();
    result["digest"].as_str().unwrap().to_owned()
}

pub fn prepared() -> (Cli, String) {
    let cli = Cli::new();
    cli.ok(&[
        "strategies",
        "add",
        &cli.file("ema.json", include_str!("../../../benches/workloads/ema.json")),
    ]);
    let recording = cli.import(&[shipped_one("trades")])["id"].as_str().unwrap().to_owned();
    fs::create_dir(cli.at("versions")).unwrap();
    (cli, recording)
}

#[test]
fn random_edits_under_load_always_leave_a_whole_valid_version() {
    let edits = setting("TRADINGD_RELOAD_EDITS").unwrap_or(100);
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_nanos() as u64);
    let seed = setting("TRADINGD_RELOAD_SEED").unwrap_or_else(clock);
    println!("TRADINGD_RELOAD_SEED={seed} TRADINGD_RELOAD_EDITS={edits}");
    let (cli, recording) = prepared();
    cli.file("config.json", version(0).to_string());
    let daemon = Daemon::at(&cli.at("."));
    let login = daemon.admin();
    let digest = session(&daemon, &login, &recording, 0.0);
    let mut ear = Ear::open(&daemon, &login);
    let (begun, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let reader = Reader { address: daemon.address, login: &login, begun: &begun, over: &over };
    let mut editor = Editor { folder: cli.at("."), entropy: Rng::new(seed), files: 0 };

    let (storm, asked, sessions, heard) = std::thread::scope(|scope| {
        let config = scope.spawn(|| reader.read("/api/config", |data| Some(whole(data))));
        let symbols = scope.spawn(|| reader.read("/symbols", |data| Some(number_of(&data["symbols"]))));
        let health = scope.spawn(|| reader.read("/health", |_| None));
        let watched = scope.spawn(|| {
            let mut sessions = 0;
            while !over.load(Ordering::Relaxed) {
                assert_eq!(
                    session(&daemon, &login, &recording, SPEED),
                    digest,
                    "an edit disturbed a session"
                );
                sessions += 1;
            }
            sessions
        });
        let heard = scope.spawn(|| listen(&mut ear, edits + 1));
        let storm = {
            let _over = Over(&over);
            storm(&daemon, &mut editor, edits, &begun)
        };
        let asked = [config, symbols, health].map(|thread| thread.join().unwrap());
        (storm, asked, watched.join().unwrap(), heard.join().unwrap())
    });
    let mut settled = storm.settled;
    settled.sort();
    println!(
        "{edits} edits ({} valid, {} broken, {} SIGHUPs), {} versions in force, {} rejections told; in force after {:?} (median), {:?} \
         (most) of {} waited for; {} + {} + {} requests, none failed; {sessions} paced sessions, all undisturbed",
        storm.valid,
        edits - storm.valid,
        storm.signals,
        heard.reloaded,
        heard.rejected,
        settled[settled.len() / 2],
        settled[settled.len() - 1],
        settled.len(),
        asked[0],
        asked[1],
        asked[2],
    );
    let status = daemon.ask_as(&login, "GET", "/api/config/status", None).data();
    assert_eq!(
        (status["version"].as_u64(), &status["last_error"]),
        (Some(heard.version), &Value::Null),
        "{status}"
    );
    assert!(
        asked.iter().all(|asked| *asked > edits)
            && heard.reloaded as usize >= settled.len()
            && heard.rejected > 0
    );
    assert!(!daemon.log.lock().unwrap().contains("panicked"));
}

struct Storm {
    valid: u64,
    signals: u64,
    /// Times until valid versions that were not overwritten at once were in force.
    settled: Vec<Duration>,
}

fn storm(daemon: &Daemon, editor: &mut Editor, edits: u64, begun: &AtomicU64) -> Storm {
    let in_force =
        |number: u64| number_of(&daemon.ask("GET", "/symbols", &[], None).data()["symbols"]) == number;
    let mut storm = Storm { valid: 0, signals: 0, settled: Vec::new() };
    for number in 1..=edits {
        let is_valid = editor.entropy.place(2) == 0;
        let bytes = if is_valid {
            version(number).to_string().into_bytes()
        } else {
            broken(number, &mut editor.entropy)
        };
        if is_valid {
            storm.valid += 1;
            begun.store(number, Ordering::SeqCst);
        }
        let way = editor.write(&bytes);
        if editor.entropy.place(10) == 0 {
            daemon.signal("HUP");
            storm.signals += 1;
        }
        // Waits for some valid versions to be in force; others are overwritten soon.
        if is_valid && editor.entropy.place(2) == 0 {
            storm.settled.push(until(&format!("version {number}, {way:?}"), WITHIN, || in_force(number)));
        } else {
            let most = if editor.entropy.place(8) == 0 { 1_000 } else { 100 };
            editor.pause(most);
        }
    }
    begun.store(edits + 1, Ordering::SeqCst);
    let way = editor.write(version(edits + 1).to_string().as_bytes());
    storm.settled.push(until(&format!("the last version, {way:?}"), WITHIN, || in_force(edits + 1)));
    storm
}

struct Heard {
    reloaded: u64,
    rejected: u64,
    version: u64,
}

/// Reads events until the last version is published. A reload increments the version by one; a rejection
/// keeps it and lists problems.
fn listen(ear: &mut Ear, last: u64) -> Heard {
    let mut heard = Heard { reloaded: 0, rejected: 0, version: 1 };
    let last = json!([format!("V{last}_USDT")]);
    loop {
        let event = ear.config();
        let version = event["version"].as_u64().unwrap();
        if event["event"] == "config_rejected" {
            assert!(version == heard.version && event["problems"][0]["problem"].is_string(), "{event}");
            heard.rejected += 1;
            continue;
        }
        assert_eq!(
            (event["event"].as_str(), version),
            (Some("config_reloaded"), heard.version + 1),
            "{event}"
        );
        assert_eq!(event["restart_needed"], json!([]), "{event}");
        heard.reloaded += 1;
        heard.version = version;
        if event["changes"].as_array().unwrap().iter().any(|change| change["new"] == last) {
            return heard;
        }
    }
}

fn write(path: &Path, config: &Value) {
    fs::write(path, config.to_string()).unwrap();
}

#[test]
fn what_needs_a_restart_is_told_and_keeps_its_value() {
    let daemon = Daemon::with(&config());
    let (login, path) = (daemon.admin(), daemon.folder.join("config.json"));
    let mut ear = Ear::open(&daemon, &login);
    let mut wanted = config();
    wanted["http"]["listen"] = "127.0.0.1:1".into();
    wanted["http"]["max_connections"] = 77.into();
    wanted["http"]["header_timeout_ms"] = 777.into();
    wanted["log"] = json!({"format": "json"});
    wanted["trading"] = json!({"default_symbols": ["NEW_USDT"]});
    write(&path, &wanted);
    let told = ear.config();
    let fields = json!(["/http/listen", "/http/max_connections", "/http/header_timeout_ms", "/log/format"]);
    assert_eq!(
        (told["event"].as_str(), &told["restart_needed"]),
        (Some("config_reloaded"), &fields),
        "{told}"
    );
    let effect = |path: &str| {
        told["changes"].as_array().unwrap().iter().find(|one| one["path"] == path).unwrap()["takes_effect"]
            .clone()
    };
    assert_eq!(
        (effect("/http/listen"), effect("/trading/default_symbols")),
        (json!("restart"), json!("live"))
    );
    let ask = |path: &str| daemon.ask_as(&login, "GET", path, None).data();
    let shown = ask("/api/config");
    assert_eq!(shown["http"]["listen"], "127.0.0.1:0");
    assert_eq!(
        (&shown["http"]["max_connections"], &shown["log"]["format"]),
        (&json!(12_000), &json!("text"))
    );
    assert_eq!(ask("/symbols")["symbols"], json!(["NEW_USDT"]));
    let status = ask("/api/config/status");
    assert_eq!(
        (&status["restart_needed"], &status["version"], &status["last_error"]),
        (&fields, &json!(2), &Value::Null),
        "{status}"
    );

    write(&path, &config());
    assert_eq!(ear.config()["restart_needed"], json!([]));
    assert_eq!(ask("/api/config/status")["restart_needed"], json!([]));
}

#[test]
fn sighup_reads_the_file_at_once_and_says_again_what_is_wrong() {
    let daemon = Daemon::with(&config());
    let (login, path) = (daemon.admin(), daemon.folder.join("config.json"));
    let mut ear = Ear::open(&daemon, &login);
    let mut wrong = config();
    wrong["limits"] = json!({"max_sessions": 0, "max_symbol": 3});
    write(&path, &wrong);
    let told = ear.config();
    let problems: Vec<&str> = told["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["path"].as_str().unwrap())
        .collect();
    assert_eq!(
        (told["event"].as_str(), told["version"].as_u64()),
        (Some("config_rejected"), Some(1)),
        "{told}"
    );
    assert_eq!(problems, ["/limits/max_sessions", "/limits/max_symbol"]);
    // The file is unchanged, so only the signal can cause another event.
    daemon.signal("HUP");
    let again = ear.config();
    assert_eq!((&again["event"], &again["problems"]), (&told["event"], &told["problems"]));
    let status = daemon.ask_as(&login, "GET", "/api/config/status", None).data();
    assert_eq!(status["last_error"]["problems"], told["problems"], "{status}");
    assert!(daemon.log.lock().unwrap().contains("configuration rejected"));

    let mut right = config();
    right["limits"] = json!({"max_sessions": 3});
    write(&path, &right);
    daemon.signal("HUP");
    let told = ear.config();
    assert_eq!(
        (told["event"].as_str(), &told["changes"][0]["new"]),
        (Some("config_reloaded"), &json!(3)),
        "{told}"
    );
    daemon.signal("HUP");
    until("the signal is told in the log", WITHIN, || {
        daemon.log.lock().unwrap().contains("configuration unchanged")
    });
    assert_eq!(daemon.ask_as(&login, "GET", "/api/config/status", None).data()["version"], 2);
}
