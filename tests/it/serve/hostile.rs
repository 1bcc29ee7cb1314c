//! Hostile input of anonymous clients: bodies that are deep, huge, with duplicate keys or not JSON; requests
//! that two parsers could read differently; connections that never finish. All are refused with a clear
//! error, and others are still served.

use super::client::{Answer, Connection};
use super::daemon::{Daemon, PASSWORD, config};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

/// Maximum growth of the daemon's memory by all requests of a test.
const GROWTH_BYTES: u64 = 64 << 20;

/// Maximum time until the allocator has released freed memory.
const GIVEN_BACK_WITHIN: Duration = Duration::from_secs(30);

/// Bodies that no route accepts, with a description.
fn bodies() -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    let mut add = |name: &str, body: Vec<u8>| all.push((name.to_owned(), body));
    for text in [
        "",
        " ",
        "\u{feff}",
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1e308",
        "\"text\"",
        "[]",
        "[{}]",
        "{",
        "}",
        "{]",
        "[}",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{,}",
        "{\"a\" 1}",
        "{'a':1}",
        "{a:1}",
        "{\"a\":undefined}",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":-Infinity}",
        "{\"a\":nan}",
        "{\"a\":1e999}",
        "{\"a\":-1e999}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":1.}",
        "{\"a\":0x10}",
        "{\"a\":1_000}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\udc00\\ud800\"}",
        "{\"\\ud800\":1}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\x41\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\u{0}\"}",
        "{\"a\":1}{\"b\":2}",
        "{\"a\":1} x",
        "// comment\n{}",
        "/* */{}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":{\"b\":1,\"b\":1}}",
        "{\"\":1,\"\":1}",
        "{\"a\":1,\"\\u0061\":2}",
        "<xml/>",
        "a=b&c=d",
        "%7B%7D",
        "{\"__proto__\":{\"admin\":true}}",
        "{\"constructor\":{}}",
        "{\"$ref\":\"#\"}",
        "{\"$where\":\"1\"}",
        "{\"a\":\"' OR 1=1 --\"}",
        "{\"session_type\":null}",
        "{\"session_type\":[]}",
        "{\"session_type\":{}}",
        "{\"session_type\":1}",
        "{\"session_type\":\"\"}",
        "{\"session_type\":\"BACKTEST\"}",
        "{\"session_type\":\"backtest\\u0000\"}",
        "{\"session_type\":\"backtest\",\"symbols\":\"BTC_USDT\"}",
        "{\"session_type\":\"backtest\",\"symbols\":[1]}",
        "{\"session_type\":\"backtest\",\"symbols\":[null]}",
        "{\"session_type\":\"backtest\",\"symbols\":[\"btc usdt\"]}",
        "{\"session_type\":\"backtest\",\"symbols\":[\"../../etc/passwd\"]}",
        "{\"session_type\":\"backtest\",\"config\":[]}",
        "{\"session_type\":\"backtest\",\"config\":{\"budget\":1}}",
        "{\"session_type\":\"backtest\",\"config\":{\"budget\":{\"global_cap\":-1}}}",
        "{\"session_type\":\"backtest\",\"config\":{\"budget\":{\"global_cap\":\"1000\"}}}",
        "{\"session_type\":\"backtest\",\"config\":{\"budget\":{\"global_cap\":1e300}}}",
        "{\"session_type\":\"backtest\",\"config\":{\"acceleration_factor\":-1}}",
        "{\"session_type\":\"backtest\",\"config\":{\"seed\":1.5}}",
        "{\"session_type\":\"backtest\",\"config\":{\"seed\":99999999999999999999999999}}",
        "{\"session_type\":\"backtest\",\"config\":{\"session_id\":{}}}",
        "{\"session_type\":\"backtest\",\"strategy_config\":[]}",
        "{\"session_type\":\"backtest\",\"strategy_config\":{\"strategies\":{}}}",
        "{\"session_type\":\"backtest\",\"idempotent\":\"yes\"}",
        "{\"session_type\":\"backtest\",\"unknown\":1}",
        "{\"username\":1,\"password\":2}",
        "{\"username\":\"a\",\"password\":null}",
        "{\"username\":[],\"password\":{}}",
        "{\"strategy_name\":{}}",
        "{\"strategy_name\":\"x\",\"s1_signal\":1}",
        "{\"path\":1}",
    ] {
        add(&format!("{:.60}", text.escape_debug().to_string()), text.as_bytes().to_vec());
    }
    add("deep lists", [b"[".repeat(100_000), b"]".repeat(100_000)].concat());
    add("deep objects", [b"{\"a\":".repeat(50_000), b"1".to_vec(), b"}".repeat(50_000)].concat());
    add("65 levels", [b"[".repeat(65), b"]".repeat(65)].concat());
    add("a megabyte of spaces", vec![b' '; 1 << 20]);
    add(
        "many keys",
        format!("{{{}}}", (0..50_000).map(|n| format!("\"k{n}\":0")).collect::<Vec<_>>().join(","))
            .into_bytes(),
    );
    add("many doubled keys", format!("{{{}}}", vec!["\"k\":0"; 100_000].join(",")).into_bytes());
    add("a long key", format!("{{\"{}\":1}}", "k".repeat(500_000)).into_bytes());
    add("a long text", format!("{{\"session_type\":\"{}\"}}", "x".repeat(900_000)).into_bytes());
    add("a long number", format!("{{\"a\":{}}}", "9".repeat(900_000)).into_bytes());
    add(
        "many symbols",
        json!({"session_type": "backtest", "symbols": vec!["BTC_USDT"; 100_000]}).to_string().into_bytes(),
    );
    add("not UTF-8", b"{\"a\":\"\xff\xfe\"}".to_vec());
    add("overlong", b"{\"a\":\"\xc0\x80\"}".to_vec());
    add("a surrogate in UTF-8", b"{\"a\":\"\xed\xa0\x80\"}".to_vec());
    add("UTF-16", "{\"a\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect());
    add("gzip", [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x63, 0, 0].to_vec());
    add("random bytes", (0..4_096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect());
    all
}

#[track_caller]
fn refused(answer: &Answer, what: &str) {
    assert!(
        (400..500).contains(&answer.status),
        "{what}: {} {}",
        answer.status,
        String::from_utf8_lossy(&answer.body)
    );
    let json = answer.json();
    assert_eq!(json["type"], "error", "{what}");
    for field in ["error_code", "error_message", "request_id", "timestamp"] {
        assert!(json[field].as_str().is_some_and(|text| !text.is_empty()), "{what}: {field} in {json}");
    }
    assert!(answer.body.len() < 256 << 10, "{what}: an answer of {} bytes", answer.body.len());
}

#[test]
fn hostile_bodies_are_refused_and_nothing_breaks() {
    let daemon = Daemon::start();
    let admin = daemon.admin();
    let before = daemon.resident_bytes();
    let bodies = bodies();
    assert!(bodies.len() >= 100, "{}", bodies.len());
    let bearer = format!("Bearer {}", admin.access);
    let headers = [
        ("Authorization", bearer.as_str()),
        ("X-CSRF-Token", admin.csrf.as_str()),
        ("Content-Type", "application/json"),
    ];
    for (method, path) in [
        ("POST", "/sessions/start"),
        ("POST", "/sessions/stop"),
        ("POST", "/api/strategies"),
        ("PUT", "/api/strategies/pump_v2"),
        ("POST", "/api/users"),
        ("POST", "/api/v1/auth/login"),
        ("POST", "/api/data-collection/import"),
    ] {
        for (name, body) in &bodies {
            let answer = daemon.ask(method, path, &headers, Some(body));
            refused(&answer, &format!("{method} {path} {name}"));
        }
    }
    // This route validates any document, so only invalid JSON and too large bodies are refused.
    for (name, body) in &bodies {
        let answer = daemon.ask("POST", "/api/strategies/validate", &headers, Some(body));
        assert!(
            [400, 413].contains(&answer.status) || answer.data()["isValid"] == false,
            "{name}: {}",
            answer.status
        );
    }
    assert_eq!(daemon.ask("GET", "/health", &[], None).status, 200);
    // The memory of the bodies is released, but not at once.
    let grown = || daemon.resident_bytes().saturating_sub(before);
    let deadline = Instant::now() + GIVEN_BACK_WITHIN;
    while grown() >= GROWTH_BYTES && Instant::now() < deadline {
        assert_eq!(daemon.ask("GET", "/health", &[], None).status, 200);
    }
    assert!(grown() < GROWTH_BYTES, "grew by {} bytes", grown());
    assert!(!daemon.log.lock().unwrap().contains("panic"));
}

#[test]
fn bodies_that_are_too_large_or_packed_are_refused_unread() {
    let daemon = Daemon::start();
    let admin = daemon.admin();
    let bearer = format!("Bearer {}", admin.access);
    let common = [
        ("Authorization", bearer.as_str()),
        ("X-CSRF-Token", admin.csrf.as_str()),
        ("Content-Type", "application/json"),
    ];
    let mut connection = daemon.connect();
    connection.raw(
        format!(
            "POST /sessions/start HTTP/1.1\r\nHost: {}\r\nContent-Length: 1048577\r\n\r\n",
            daemon.address
        )
        .as_bytes(),
    );
    let answer = connection.answer(false).unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"));

    // Without `Content-Length` the bytes are counted while they arrive.
    let mut connection = daemon.connect();
    let mut head = format!(
        "POST /sessions/start HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n",
        daemon.address
    );
    for (name, value) in common {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    connection.raw(format!("{head}\r\n").as_bytes());
    let chunk = [b"10000\r\n".to_vec(), vec![b' '; 0x10000], b"\r\n".to_vec()].concat();
    for _ in 0..24 {
        connection.raw(&chunk).expect("the rest is read and thrown away");
    }
    connection.raw(b"0\r\n\r\n").unwrap();
    let answer = connection.answer(false).unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"));
    // Nothing unread was left behind, so nothing resets the connection, and it goes on.
    connection.raw(format!("GET /health HTTP/1.1\r\nHost: {}\r\n\r\n", daemon.address).as_bytes());
    assert_eq!(connection.answer(false).map(|answer| answer.status), Some(200));

    for coding in ["gzip", "br", "deflate", "gzip, gzip"] {
        let mut headers = common.to_vec();
        headers.push(("Content-Encoding", coding));
        let answer = daemon.ask("POST", "/sessions/start", &headers, Some(b"{}"));
        assert_eq!((answer.status, answer.code().as_str()), (415, "unsupported_media_type"), "{coding}");
    }
}

/// Request smuggling: bytes after an ambiguous request are never read as a second request.
#[test]
fn smuggled_requests_are_not_served() {
    let daemon = Daemon::start();
    let host = daemon.address;
    let hidden = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    let attempts = [
        format!(
            "POST /symbols HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"
        ),
        format!(
            "POST /symbols HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{hidden}"
        ),
        format!(
            "POST /symbols HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nContent-Length: 40\r\n\r\n{hidden}"
        ),
        format!(
            "POST /symbols HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{hidden}"
        ),
        format!(
            "POST /symbols HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{hidden}"
        ),
        format!(
            "POST /symbols HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n{hidden}"
        ),
        format!(
            "POST /symbols HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n{hidden}"
        ),
        format!("POST /symbols HTTP/1.1\r\nHost: {host}\r\nContent-Length: +5\r\n\r\n12345{hidden}"),
        format!("POST /symbols HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5 5\r\n\r\n12345{hidden}"),
        format!("POST /symbols HTTP/1.1\r\nHost: {host}\r\nContent-Length: -1\r\n\r\n{hidden}"),
        format!(
            "POST /symbols HTTP/1.1\r\nHost: {host}\r\nContent-Length: 18446744073709551617\r\n\r\n{hidden}"
        ),
        format!("GET /symbols HTTP/1.1\r\nHost: {host}\r\n folded: x\r\n\r\n{hidden}"),
        format!("GET /symbols HTTP/1.1\r\nHost: {host}\r\nHost: evil\r\n\r\n{hidden}"),
        format!("GET http://evil/symbols HTTP/1.1\r\nHost: {host}\r\n\r\n{hidden}"),
        format!("GET /symbols HTTP/1.1\r\n\r\n{hidden}"),
        format!("GET /sym\0bols HTTP/1.1\r\nHost: {host}\r\n\r\n{hidden}"),
        format!("GET /symbols\r\n\r\n{hidden}"),
        format!("CONNECT evil:80 HTTP/1.1\r\nHost: {host}\r\n\r\n{hidden}"),
        format!("TRACE / HTTP/1.1\r\nHost: {host}\r\n\r\n{hidden}"),
        format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{hidden}"),
    ];
    for attempt in &attempts {
        let mut connection = daemon.connect();
        connection.raw(attempt.as_bytes());
        while let Some(answer) = connection.answer(false) {
            assert!(
                (400..500).contains(&answer.status),
                "{:?}: {}",
                attempt.lines().take(4).collect::<Vec<_>>(),
                answer.status
            );
        }
    }
    assert_eq!(daemon.ask("GET", "/health", &[], None).status, 200);
}

/// A transfer coding that two parsers could read differently ends the connection, so nothing after it is a
/// request.
#[test]
fn a_connection_ends_with_odd_framing() {
    let daemon = Daemon::start();
    let host = daemon.address;
    for headers in [
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: chunked,chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
    ] {
        let mut connection = daemon.connect();
        let next = format!("GET /health HTTP/1.1\r\nHost: {host}\r\n\r\n");
        connection.raw(
            format!("POST /api/v1/auth/login HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n\r\n0\r\n\r\n{next}")
                .as_bytes(),
        );
        let answer = connection.answer(false).unwrap_or_else(|| panic!("{headers} was not answered"));
        assert!((400..500).contains(&answer.status), "{headers}: {}", answer.status);
        assert_eq!(answer.header("connection"), Some("close"), "{headers}");
        assert!(connection.answer(false).is_none(), "{headers}: what followed was answered");
    }
}

/// The body of an anonymous login request has a small limit.
#[test]
fn a_login_is_small() {
    let daemon = Daemon::start();
    for path in ["/api/v1/auth/login", "/api/v1/auth/refresh", "/api/v1/auth/setup"] {
        let answer =
            daemon.ask("POST", path, &[("Content-Type", "application/json")], Some(&vec![b' '; 4_097]));
        assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"), "{path}");
        let mut chunked = daemon.connect();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
            daemon.address
        );
        chunked.raw(&[head.as_bytes(), b"1001\r\n", &[b' '; 4_097], b"\r\n0\r\n\r\n"].concat());
        let answer = chunked.answer(false).unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"), "{path}");
        let answer =
            daemon.ask("POST", path, &[("Content-Type", "application/json")], Some(&vec![b' '; 4_096]));
        assert_ne!(answer.status, 413, "{path}");
    }
}

#[test]
fn heads_that_are_too_large_are_refused() {
    let daemon = Daemon::start();
    let many: Vec<(String, String)> = (0..65).map(|n| (format!("x-{n}"), "y".to_owned())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(daemon.ask("GET", "/health", &many, None).status, 431);
    let long = "y".repeat(20_000);
    assert_eq!(daemon.ask("GET", "/health", &[("x-long", &long)], None).status, 431);
    let path = format!("/{}", "a/".repeat(30_000));
    assert!(matches!(
        daemon.connect().send("GET", &path, &[], None).map(|answer| answer.status),
        None | Some(414 | 431)
    ));
}

/// No encoding of an id or path allows path traversal.
#[test]
fn ids_are_opaque() {
    let daemon = Daemon::start();
    let admin = daemon.admin();
    for id in [
        "..",
        "%2e%2e",
        "..%2f..%2fetc%2fpasswd",
        "%252e%252e",
        "a%00b",
        "%0a%0dx:y",
        "%ff",
        "%",
        "%zz",
        "\\..\\",
        "a%5cb",
        "%C0%AE",
        "CON",
        "tradingd.redb",
        ".",
        "~root",
        "$(id)",
        "%24%7bjndi%3ax%7d",
        "'%20OR%201%3D1",
        "%F0%9F%92%A3",
        &"x".repeat(129),
        &"%41".repeat(2_000),
    ] {
        for path in [
            "/api/strategies/{}",
            "/sessions/{}",
            "/results/session/{}",
            "/results/session/{}/report",
            "/api/data-collection/{}/export",
            "/console/{}",
        ] {
            let answer = daemon.ask_as(&admin, "GET", &path.replace("{}", id), None);
            assert!([400, 404].contains(&answer.status), "{path} {id}: {}", answer.status);
        }
        for path in ["/api/strategies/{}", "/api/users/{}", "/api/data-collection/sessions/{}"] {
            let answer = daemon.ask_as(&admin, "DELETE", &path.replace("{}", id), None);
            assert!([400, 404, 405].contains(&answer.status), "DELETE {path} {id}: {}", answer.status);
        }
    }
}

/// A client may end its half of the connection once it has asked; it is answered, and then the connection
/// ends.
#[test]
fn a_client_that_ends_its_half_is_answered() {
    let daemon = Daemon::start();
    let admin = daemon.admin();
    let body = json!({"username": "admin", "password": PASSWORD}).to_string();
    let host = daemon.address;
    // A password check takes long, and so may a replay, which begins by reading the store.
    let login = format!(
        "POST /api/v1/auth/login HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let replay = format!(
        "GET /sessions/exec_none/replay HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\n\r\n",
        admin.access
    );
    for (request, status, words) in [
        (&login, 200, "access_token"),
        (&replay, 404, "there is no session `exec_none`; GET /sessions lists all"),
    ] {
        let mut connection = daemon.connect();
        connection.raw(request.as_bytes()).unwrap();
        connection.socket().shutdown(Shutdown::Write).unwrap();
        let answer = connection.answer(false).expect("an answer");
        let said = answer.json().to_string();
        assert!(answer.status == status && said.contains(words), "{} {said}", answer.status);
        assert!(connection.answer(false).is_none(), "the connection ends");
    }
}

/// A client that sends its head slowly or never completes its body is disconnected; another is served
/// meanwhile.
#[test]
fn slow_clients_are_let_go() {
    let mut settings = config();
    settings["http"]["header_timeout_ms"] = json!(300);
    settings["http"]["body_timeout_ms"] = json!(300);
    let daemon = Daemon::with(&settings);
    let login = format!(
        "POST /api/v1/auth/login HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{",
        daemon.address
    );
    let mut slow: Vec<Connection> = Vec::new();
    for text in ["GET /hea", "", &login] {
        let mut connection = daemon.connect();
        connection.raw(text.as_bytes());
        slow.push(connection);
    }
    assert_eq!(daemon.ask("GET", "/health", &[], None).status, 200);
    let started = Instant::now();
    let ends: Vec<Option<u16>> =
        slow.iter_mut().map(|connection| connection.answer(false).map(|answer| answer.status)).collect();
    assert!(matches!(ends[..], [None | Some(408), None | Some(408), Some(408)]), "{ends:?}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

/// Connections beyond the limit wait; idle ones are closed, and then the waiting ones are served.
#[test]
fn idle_connections_do_not_keep_others_out() {
    let mut settings = config();
    settings["http"]["header_timeout_ms"] = json!(500);
    settings["http"]["max_connections"] = json!(50);
    let daemon = Daemon::with(&settings);
    let idle: Vec<Connection> = (0..200).map(|_| daemon.connect()).collect();
    assert_eq!(daemon.ask("GET", "/health", &[], None).status, 200);
    drop(idle);
}

/// The same with ten thousand connections, where the limit of open files allows it.
#[test]
fn ten_thousand_idle_connections() {
    const IDLE: usize = 10_000;
    let files = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let soft: usize = files
        .lines()
        .find(|line| line.starts_with("Max open files"))
        .and_then(|line| line.split_whitespace().nth(3)?.parse().ok())
        .unwrap_or(0);
    if soft < IDLE + 200 {
        eprintln!("SKIPPED: ten thousand connections need `ulimit -n 10200`, here it is {soft}");
        return;
    }
    let daemon = Daemon::start();
    let before = daemon.resident_bytes();
    let idle: Vec<Connection> = (0..IDLE).map(|_| daemon.connect()).collect();
    let started = Instant::now();
    assert_eq!(daemon.ask("GET", "/health", &[], None).status, 200);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    let each = daemon.resident_bytes().saturating_sub(before) / IDLE as u64;
    assert!(each < 25 << 10, "{each} bytes for an idle connection");
    drop(idle);
}

#[test]
fn too_many_requests_are_refused_with_a_time() {
    let mut settings = config();
    settings["http"]["requests_per_second"] = json!(1);
    settings["http"]["request_burst"] = json!(5);
    let daemon = Daemon::with(&settings);
    let answers: Vec<Answer> = (0..8).map(|_| daemon.ask("GET", "/health", &[], None)).collect();
    assert!(answers[..5].iter().all(|answer| answer.status == 200));
    let last = answers.last().unwrap();
    assert_eq!((last.status, last.code().as_str()), (429, "rate_limited"));
    assert!(last.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
}

/// Invalid tokens of every kind are refused with the same answer.
#[test]
fn wrong_tokens_get_one_answer() {
    let daemon = Daemon::start();
    let admin = daemon.admin();
    let secret = std::fs::read(daemon.folder.join("state").join(tradingd::auth::KEY_FILE)).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let hostile = crate::tokens::Forge::new(&secret, &admin.access).hostile(&admin.refresh, now as i64);
    // Not every token can be sent in a header; another test gives all of them to the service.
    let sendable = |token: &String| {
        token.bytes().all(|byte| (0x21..0x7f).contains(&byte) && byte != b';') && token.len() < 8_000
    };
    let tokens: Vec<String> =
        hostile.into_iter().map(|one| one.token).filter(sendable).chain([admin.csrf.clone()]).collect();
    assert!(tokens.len() >= 40, "{}", tokens.len());
    let mut bodies: Vec<Value> = Vec::new();
    for token in &tokens {
        for headers in
            [[("Authorization", format!("Bearer {token}"))], [("Cookie", format!("access_token={token}"))]]
        {
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let answer = daemon.ask("GET", "/api/strategies", &headers, None);
            assert_eq!(answer.status, 401, "{token}");
            let mut body = answer.json();
            body.as_object_mut().unwrap().retain(|name, _| name != "request_id" && name != "timestamp");
            bodies.push(body);
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert_eq!(daemon.ask_as(&admin, "GET", "/api/strategies", None).status, 200);
}

/// On shutdown the daemon answers pending requests and closes every connection.
#[test]
fn it_ends_in_order() {
    let mut daemon = Daemon::start();
    let mut kept = daemon.connect();
    assert_eq!(kept.send("GET", "/health", &[], None).unwrap().status, 200);
    daemon.signal("TERM");
    assert_eq!(daemon.wait(), Some(0));
    let mut rest = Vec::new();
    let _ = kept.socket().write_all(b"");
    let _ = kept.socket().read_to_end(&mut rest);
    assert!(rest.is_empty());
}
