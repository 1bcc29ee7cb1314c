//! One client cannot exhaust threads, connections or login attempts for others, whether it does not read,
//! sends many requests, or comes through a proxy.

use super::client::{Answer, Connection, Login};
use super::daemon::{Daemon, PASSWORD, config};
use crate::cli::Cli;
use serde_json::{Value, json};
use std::fmt::Write;
use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// A configuration with short timeouts for clients that do not read.
fn impatient() -> Value {
    let mut settings = config();
    settings["http"]["write_timeout_ms"] = json!(500);
    settings
}

/// Waits for a condition that must become true.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what} did not come");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// Imports a recording whose export is larger than the socket buffers; returns its id.
fn import_large(cli: &Cli) -> String {
    let mut text = String::from("timestamp_us,symbol,price,quantity,side\n");
    for n in 0..200_000_u64 {
        writeln!(
            text,
            "{},BTC_USDT,{}.{},0.{:03},buy",
            1_700_000_000_000_000 + n * 50_000,
            50_000 + n % 100,
            n % 10,
            1 + n % 999
        )
        .unwrap();
    }
    let file = cli.file("BTC_USDT.trades.csv", text);
    cli.import(&[file])["id"].as_str().unwrap().to_owned()
}

#[test]
fn exports_that_nobody_reads_hold_nothing_that_others_need() {
    let cli = Cli::new();
    let recording = import_large(&cli);
    std::fs::write(cli.at("config.json"), impatient().to_string()).unwrap();
    let daemon = Daemon::at(&cli.at("."));
    let admin = daemon.admin();
    let viewer = daemon.user(&admin, "viewer");
    let path = format!("/api/data-collection/{recording}/export?format=csv&kind=trades");
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n",
        daemon.address, viewer.access
    );
    let mut unread: Vec<Connection> = (0..70).map(|_| daemon.connect()).collect();
    for connection in &mut unread {
        connection.raw(head.as_bytes()).unwrap();
    }
    let statuses: Vec<String> = unread.iter_mut().map(|connection| first_line(connection.socket())).collect();
    let of = |status: &str| statuses.iter().filter(|line| line.contains(status)).count();
    assert_eq!((of(" 200 "), of(" 429 ")), (4, 66), "{statuses:?}");
    let refused = daemon.ask_as(&viewer, "GET", &path, None);
    if refused.status == 429 {
        assert_eq!(refused.code(), "too_many_exports");
        assert!(refused.header("retry-after").is_some());
    }
    assert_eq!(daemon.ask("GET", "/health/ready", &[], None).status, 200);
    daemon.log_in("viewer");
    assert_eq!(
        daemon.ask_as(&admin, "POST", "/sessions/stop", Some(&json!({"session_id": "exec_none"}))).code(),
        "session_not_found"
    );
    assert_eq!(
        daemon
            .ask_as(
                &admin,
                "POST",
                "/api/users",
                Some(&json!({"username": "new", "password": PASSWORD, "role": "viewer"}))
            )
            .status,
        201
    );
    // Clients that do not read are disconnected, which frees their slots.
    let whole = std::cell::RefCell::new(None);
    until("a place for an export", || {
        let answer = daemon
            .connect()
            .send("GET", &path, &[("Authorization", &format!("Bearer {}", viewer.access))], None)
            .unwrap();
        let is_served = answer.status == 200;
        *whole.borrow_mut() = Some(answer);
        is_served
    });
    let rows = whole.into_inner().unwrap().body.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(rows, 200_001, "an export that is read is never cut");
}

#[test]
fn a_viewer_who_asks_for_charts_without_end_waits_behind_himself() {
    let cli = Cli::new();
    let recording = import_large(&cli);
    std::fs::write(cli.at("config.json"), config().to_string()).unwrap();
    let daemon = Daemon::at(&cli.at("."));
    let admin = daemon.admin();
    let viewer = daemon.user(&admin, "viewer");
    let path = format!("/api/data-collection/{recording}/candles?symbol=BTC_USDT");
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n",
        daemon.address, viewer.access
    );
    let mut flood: Vec<Connection> = (0..60).map(|_| daemon.connect()).collect();
    for connection in &mut flood {
        connection.raw(head.as_bytes()).unwrap();
    }
    // Others read, write and look at charts meanwhile.
    assert_eq!(daemon.ask_as(&admin, "GET", "/sessions", None).status, 200);
    assert_eq!(daemon.ask_as(&admin, "GET", &path, None).status, 200);
    let statuses: Vec<String> = flood.iter_mut().map(|connection| first_line(connection.socket())).collect();
    let of = |status: &str| statuses.iter().filter(|line| line.contains(status)).count();
    assert_eq!(of(" 200 ") + of(" 429 "), 60, "{statuses:?}");
    assert!(of(" 200 ") > 0 && of(" 429 ") > 0, "{statuses:?}");
}

/// Reads the first line of an answer byte by byte, so that nothing after it is consumed.
fn first_line(socket: &mut TcpStream) -> String {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while !line.ends_with(b"\r\n") && socket.read(&mut byte).unwrap() > 0 {
        line.push(byte[0]);
    }
    String::from_utf8(line).unwrap()
}

#[test]
fn whoever_does_not_read_is_let_go() {
    let mut settings = impatient();
    settings["http"]["max_connections"] = json!(4);
    let daemon = Daemon::with(&settings);
    // Answers far larger than the socket buffers.
    let asked = format!("GET /openapi.json HTTP/1.1\r\nHost: {}\r\n\r\n", daemon.address).repeat(500);
    let mut unread: Vec<Connection> = (0..4).map(|_| daemon.connect()).collect();
    for connection in &mut unread {
        connection.raw(asked.as_bytes()).unwrap();
    }
    // All connection slots are taken; the next client is served when one is free.
    assert_eq!(daemon.ask("GET", "/health", &[], None).status, 200);
}

fn attempt(daemon: &Daemon, name: &str, password: &str, client: &str) -> Answer {
    let body = json!({"username": name, "password": password}).to_string();
    daemon.ask("POST", "/api/v1/auth/login", &[JSON, ("X-Forwarded-For", client)], Some(body.as_bytes()))
}

fn behind_a_proxy() -> Value {
    let mut settings = config();
    settings["http"]["trusted_proxies"] = json!(["127.0.0.1"]);
    settings
}

/// Twenty wrong passwords for as many names delay the address that sent them, and no other.
#[test]
fn who_guesses_waits_and_others_log_in() {
    let daemon = Daemon::with(&behind_a_proxy());
    daemon.admin();
    for n in 0..20 {
        assert_eq!(attempt(&daemon, &format!("n{n}"), "wrong", "203.0.113.1").status, 401, "{n}");
    }
    let waits = attempt(&daemon, "admin", PASSWORD, "203.0.113.1");
    assert_eq!((waits.status, waits.code().as_str()), (429, "login_delayed"));
    assert!(waits.header("retry-after").is_some());
    assert_eq!(attempt(&daemon, "admin", PASSWORD, "203.0.113.2").status, 200);
    assert_eq!(
        attempt(&daemon, "admin", PASSWORD, "203.0.113.1, 203.0.113.3").status,
        200,
        "what a client wrote itself is not believed"
    );
}

/// During a concurrent flood of guesses from one address, correct logins from another always succeed.
#[test]
fn a_flood_of_guesses_keeps_nobody_out() {
    let daemon = Daemon::with(&behind_a_proxy());
    daemon.admin();
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..20 {
            let (daemon, over) = (&daemon, &over);
            scope.spawn(move || {
                for n in 0.. {
                    if over.load(std::sync::atomic::Ordering::Relaxed) {
                        return;
                    }
                    let status = attempt(daemon, &format!("n{thread}-{n}"), "wrong", "203.0.113.1").status;
                    assert!([401, 429].contains(&status), "{status}");
                }
            });
        }
        let right: Vec<u16> =
            (0..30).map(|_| attempt(&daemon, "admin", PASSWORD, "203.0.113.2").status).collect();
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(right, [200; 30]);
    });
}

#[test]
fn a_stranger_is_who_connects_and_a_proxy_speaks_for_others() {
    let mut settings = config();
    settings["http"]["requests_per_second"] = json!(1);
    settings["http"]["request_burst"] = json!(3);
    let ask = |daemon: &Daemon, client: &str| {
        daemon.ask("GET", "/health", &[("X-Forwarded-For", client)], None).status
    };
    let alone = Daemon::with(&settings);
    let statuses: Vec<u16> = (0..5).map(|n| ask(&alone, &format!("203.0.113.{n}"))).collect();
    assert_eq!(statuses, [200, 200, 200, 429, 429], "without a trusted proxy all are one address");
    settings["http"]["trusted_proxies"] = json!(["127.0.0.0/8"]);
    let trusting = Daemon::with(&settings);
    let statuses: Vec<u16> = (0..5).map(|_| ask(&trusting, "203.0.113.1")).collect();
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
    assert_eq!(ask(&trusting, "203.0.113.2"), 200);
}

/// Opens a WebSocket; returns the connection and the status of the upgrade.
fn web_socket(daemon: &Daemon, login: &Login, client: &str) -> (Connection, u16) {
    let mut connection = daemon.connect();
    let bearer = format!("Bearer {}", login.access);
    let headers = [
        ("Authorization", bearer.as_str()),
        ("X-Forwarded-For", client),
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let status = connection.send("GET", "/ws", &headers, None).unwrap().status;
    (connection, status)
}

#[test]
fn an_address_has_so_many_connections_through_a_proxy_too() {
    let mut settings = behind_a_proxy();
    settings["http"]["max_connections_per_address"] = json!(2);
    let daemon = Daemon::with(&settings);
    let admin = daemon.admin();
    let open: Vec<(Connection, u16)> = (0..2).map(|_| web_socket(&daemon, &admin, "203.0.113.1")).collect();
    assert!(open.iter().all(|(_, status)| *status == 101));
    let refused = daemon.ask("GET", "/health", &[("X-Forwarded-For", "203.0.113.1")], None);
    assert_eq!((refused.status, refused.code().as_str()), (429, "too_many_connections"));
    assert_eq!(daemon.ask("GET", "/health", &[("X-Forwarded-For", "203.0.113.2")], None).status, 200);
    drop(open);
    until("a place", || {
        daemon.ask("GET", "/health", &[("X-Forwarded-For", "203.0.113.1")], None).status == 200
    });
}

/// An open WebSocket is closed when its login ends, also when one change ends several logins.
#[test]
fn a_web_socket_ends_with_its_login() {
    let daemon = Daemon::start();
    let admin = daemon.admin();
    let viewer = daemon.user(&admin, "viewer");
    let trader = daemon.user(&admin, "trader");
    let opened = |login: &Login| {
        let (connection, status) = web_socket(&daemon, login, "127.0.0.1");
        assert_eq!(status, 101);
        connection
    };
    let (mut own, mut other, mut kept) = (opened(&viewer), opened(&trader), opened(&admin));
    assert_eq!(daemon.ask_as(&viewer, "POST", "/api/v1/auth/logout", None).status, 200);
    assert_eq!(close_code(own.socket(), Duration::from_secs(1)), Some(4401));
    assert_eq!(
        daemon.ask_as(&admin, "PUT", "/api/users/trader", Some(&json!({"role": "viewer"}))).status,
        200
    );
    assert_eq!(close_code(other.socket(), Duration::from_secs(1)), Some(4401));
    assert_eq!(close_code(kept.socket(), Duration::from_millis(200)), None, "nobody ended this login");
}

/// The code of the close frame received within `within`; `None` if none arrives.
fn close_code(socket: &mut TcpStream, within: Duration) -> Option<u16> {
    socket.set_read_timeout(Some(within)).unwrap();
    let mut head = [0; 4];
    socket.read_exact(&mut head).ok()?;
    assert_eq!(head[0], 0x88, "a close frame");
    Some(u16::from_be_bytes([head[2], head[3]]))
}

#[test]
fn an_empty_id_is_told_to_be_one() {
    let daemon = Daemon::start();
    let admin = daemon.admin();
    for body in [json!({"session_id": ""}), json!({"session_id": null}), json!({})] {
        let answer = daemon.ask_as(&admin, "POST", "/sessions/stop", Some(&body));
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"), "{body}");
        assert_eq!(answer.json()["details"]["problems"][0]["path"], "/session_id", "{body}");
    }
}
