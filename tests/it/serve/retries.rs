//! Retries and caching: an idempotency key makes a creation happen once; an ETag avoids sending known content
//! and refuses stale edits; compressed answers have the same content; HEAD has the same headers without the
//! body.

use super::client::{Answer, Login};
use super::daemon::{Daemon, PASSWORD, config};
use crate::cli::{Cli, shipped_one};
use serde_json::{Value, json};
use std::io::Read;
use std::sync::Barrier;
use tradingd::http::{Method, routes};
use tradingd::store::records::IdempotencyV1;
use tradingd::store::{OpenMode, Store};

fn ask(
    daemon: &Daemon,
    login: &Login,
    method: &str,
    path: &str,
    extra: &[(&str, &str)],
    body: Option<&Value>,
) -> Answer {
    let bearer = format!("Bearer {}", login.access);
    let mut headers = vec![("Authorization", bearer.as_str()), ("X-CSRF-Token", login.csrf.as_str())];
    if body.is_some() {
        headers.push(("Content-Type", "application/json"));
    }
    headers.extend(extra);
    let text = body.map(Value::to_string);
    daemon.ask(method, path, &headers, text.as_deref().map(str::as_bytes))
}

fn document(name: &str) -> Value {
    let mut document: Value =
        serde_json::from_str(include_str!("../../../benches/workloads/ema.json")).unwrap();
    document["strategy_name"] = name.into();
    document
}

/// Status, location and data, which must be equal for a retry; request id and time differ.
fn outcome(answer: &Answer) -> (u16, Option<String>, Value) {
    (answer.status, answer.header("location").map(str::to_owned), answer.data())
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (status, code),
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
}

fn in_folder() -> (Cli, Daemon, Login) {
    let cli = Cli::new();
    cli.file("config.json", config().to_string());
    let daemon = Daemon::at(&cli.at("."));
    let login = daemon.admin();
    (cli, daemon, login)
}

#[test]
fn a_key_creates_once_also_for_many_at_once_and_after_a_restart() {
    let (cli, mut daemon, login) = in_folder();
    let create = |daemon: &Daemon, key: &str, name: &str| {
        ask(daemon, &login, "POST", "/api/strategies", &[("Idempotency-Key", key)], Some(&document(name)))
    };
    let together = Barrier::new(8);
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let one = || {
            together.wait();
            create(&daemon, "once", "one of eight")
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let first = outcome(&answers[0]);
    assert_eq!((first.0, first.1.as_deref()), (201, Some("/api/strategies/one_of_eight")));
    assert!(answers.iter().all(|answer| outcome(answer) == first));
    assert_eq!(
        answers.iter().filter(|answer| answer.header("idempotent-replay").is_none()).count(),
        1,
        "one of them made it"
    );
    let count = |daemon: &Daemon| {
        let all = ask(daemon, &login, "GET", "/api/strategies?q=one+of+eight", &[], None).data();
        all["strategies"].as_array().unwrap().len()
    };
    assert_eq!(count(&daemon), 1);
    refused(&create(&daemon, "once", "another"), 409, "idempotency_key_reused");
    // The same key on another route is a different request; another user's key is independent.
    let user = json!({"username": "ann", "password": PASSWORD, "role": "trader"});
    refused(
        &ask(&daemon, &login, "POST", "/api/users", &[("Idempotency-Key", "once")], Some(&user)),
        409,
        "idempotency_key_reused",
    );
    let made = ask(&daemon, &login, "POST", "/api/users", &[("Idempotency-Key", "ann")], Some(&user));
    assert_eq!(made.status, 201);
    assert_eq!(
        outcome(&ask(&daemon, &login, "POST", "/api/users", &[("Idempotency-Key", "ann")], Some(&user))),
        outcome(&made)
    );
    let ann = daemon.log_in("ann");
    let hers = ask(
        &daemon,
        &ann,
        "POST",
        "/api/strategies",
        &[("Idempotency-Key", "once")],
        Some(&document("hers")),
    );
    assert_eq!((hers.status, hers.header("idempotent-replay")), (201, None));
    // Refusals are not stored for the key.
    refused(&create(&daemon, "again", "one of eight"), 409, "strategy_exists");
    assert_eq!(create(&daemon, "again", "a free name").status, 201);
    for key in ["", &"k".repeat(129)] {
        refused(&create(&daemon, key, "never"), 400, "invalid_request");
    }

    daemon.kill();
    {
        // The state after a kill during a request: the key is stored, the answer is not.
        let store = Store::open(&cli.state(), OpenMode::MustExist).unwrap();
        let now = tradingd::clock::now();
        let begun = IdempotencyV1 {
            status: 0,
            body: Vec::new(),
            location: None,
            ..store.answer("admin", "once", now).unwrap().unwrap()
        };
        store.put_answer("admin", "cut", &begun, now).unwrap();
    }
    let daemon = Daemon::at(&cli.at("."));
    refused(&create(&daemon, "cut", "one of eight"), 409, "idempotency_key_unfinished");
    refused(&create(&daemon, "cut", "another"), 409, "idempotency_key_reused");
    let again = create(&daemon, "once", "one of eight");
    assert_eq!((outcome(&again), again.header("idempotent-replay")), (first.clone(), Some("true")));
    refused(&create(&daemon, "once", "another"), 409, "idempotency_key_reused");
    assert_eq!(count(&daemon), 1);
    // The stored answer stays, even if the strategy is deleted later.
    assert_eq!(ask(&daemon, &login, "DELETE", "/api/strategies/one_of_eight", &[], None).status, 200);
    assert_eq!(outcome(&create(&daemon, "once", "one of eight")), first);
    assert_eq!(count(&daemon), 0);
}

#[test]
fn a_key_starts_one_session() {
    let cli = Cli::new();
    cli.ok(&["strategies", "add", &cli.file("ema.json", document("ema").to_string())]);
    let recording = cli.import(&[shipped_one("trades")])["id"].clone();
    cli.file("config.json", config().to_string());
    let daemon = Daemon::at(&cli.at("."));
    let login = daemon.admin();
    let body = json!({
        "session_type": "backtest", "strategy_config": {"strategies": ["ema"]},
        "config": {"session_id": recording, "acceleration_factor": 0.5},
    });
    let start = |key: &str, body: &Value| {
        ask(&daemon, &login, "POST", "/sessions/start", &[("Idempotency-Key", key)], Some(body))
    };
    let ids: Vec<Value> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| start("go", &body).data()["data"]["session_id"].clone())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let mut other = body.clone();
    other["config"]["acceleration_factor"] = json!(0.25);
    refused(&start("go", &other), 409, "idempotency_key_reused");
    assert_ne!(start("go on", &body).data()["data"]["session_id"], ids[0]);
    assert_eq!(ask(&daemon, &login, "GET", "/sessions", &[], None).data()["total_count"], 2);
}

#[test]
fn tags_spare_what_is_known_and_refuse_what_is_stale() {
    let (_cli, daemon, login) = in_folder();
    let made = ask(&daemon, &login, "POST", "/api/strategies", &[], Some(&document("tagged")));
    assert_eq!(made.header("etag"), Some("\"1\""));
    let path = "/api/strategies/tagged";
    let get = |path: &str, tag: &str| ask(&daemon, &login, "GET", path, &[("If-None-Match", tag)], None);
    for known in ["\"1\"", "W/\"1\"", "\"0\", \"1\"", "*"] {
        let same = get(path, known);
        assert_eq!((same.status, same.body.len(), same.header("etag")), (304, 0, Some("\"1\"")), "{known}");
    }
    assert_eq!(get(path, "\"0\"").status, 200);

    let mut next = document("tagged");
    next["description"] = "the second".into();
    let put = |tag: &str, body: &Value| ask(&daemon, &login, "PUT", path, &[("If-Match", tag)], Some(body));
    refused(&put("\"2\"", &next), 412, "version_conflict");
    refused(&put("\"nonsense\"", &next), 412, "version_conflict");
    let list = ask(&daemon, &login, "GET", "/api/strategies", &[], None);
    let tag = list.header("etag").unwrap().to_owned();
    assert_eq!(get("/api/strategies", &tag).status, 304);
    let second = put("\"1\"", &next);
    assert_eq!(
        (second.status, second.header("etag"), &second.data()["version"]),
        (200, Some("\"2\""), &json!(2))
    );
    assert_eq!(get(path, "\"1\"").data()["description"], "the second");
    assert_eq!(get("/api/strategies", &tag).status, 200, "the list has changed");
    refused(&put("\"1\"", &document("tagged")), 412, "version_conflict");
    // Of concurrent edits of the same version exactly one succeeds.
    let together = Barrier::new(4);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let (together, put) = (&together, &put);
        let write = |n: usize| {
            let mut body = document("tagged");
            body["description"] = format!("writer {n}").into();
            together.wait();
            put("\"2\"", &body).status
        };
        let threads: Vec<_> = (0..4).map(|n| scope.spawn(move || write(n))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(
        (
            statuses.iter().filter(|status| **status == 200).count(),
            statuses.iter().filter(|status| **status == 412).count()
        ),
        (1, 3)
    );
    let delete = |tag: &str| ask(&daemon, &login, "DELETE", path, &[("If-Match", tag)], None);
    refused(&delete("\"2\""), 412, "version_conflict");
    assert_eq!(delete("\"3\"").status, 200);
}

#[test]
fn compressed_answers_say_the_same() {
    let (_cli, daemon, login) = in_folder();
    let unpack = |answer: &Answer| {
        let mut plain = Vec::new();
        match answer.header("content-encoding") {
            Some("gzip") => flate2::read::GzDecoder::new(&answer.body[..]).read_to_end(&mut plain).unwrap(),
            Some("br") => brotli::Decompressor::new(&answer.body[..], 4_096).read_to_end(&mut plain).unwrap(),
            other => panic!("{other:?}"),
        };
        plain
    };
    for path in ["/openapi.json", "/api/strategies", "/api/indicators", "/api/strategies/pump_v2"] {
        let of = |encoding: &str| ask(&daemon, &login, "GET", path, &[("Accept-Encoding", encoding)], None);
        let plain = of("identity");
        assert_eq!(plain.header("content-encoding"), None);
        for encoding in ["gzip", "br"] {
            let packed = of(encoding);
            assert_eq!((packed.status, packed.header("content-encoding")), (200, Some(encoding)), "{path}");
            assert!(packed.header("vary").is_some_and(|vary| vary.contains("accept-encoding")), "{path}");
            assert!(packed.body.len() < plain.body.len(), "{path} {encoding}");
            let unpacked = Answer { body: unpack(&packed), ..packed.clone() };
            match serde_json::from_slice::<Value>(&plain.body) {
                // Request id and time differ in every answer.
                Ok(json) if json.get("data").is_some() => {
                    assert_eq!(unpacked.data(), json["data"], "{path} {encoding}")
                }
                _ => assert_eq!(unpacked.body, plain.body, "{path} {encoding}"),
            }
            let tag = packed.header("etag").map(str::to_owned);
            assert_eq!(tag.is_some(), plain.header("etag").is_some(), "{path}");
            if let Some(tag) = tag {
                let known = ask(
                    &daemon,
                    &login,
                    "GET",
                    path,
                    &[("Accept-Encoding", encoding), ("If-None-Match", &tag)],
                    None,
                );
                assert_eq!((known.status, known.body.len()), (304, 0), "{path} {tag}");
            }
        }
    }
    let small = ask(&daemon, &login, "GET", "/health", &[("Accept-Encoding", "gzip, br")], None);
    assert_eq!(small.header("content-encoding"), None, "not worth it");
}

#[test]
fn head_is_get_without_the_body() {
    let (_cli, daemon, login) = in_folder();
    let bearer = format!("Bearer {}", login.access);
    let headers = [("Authorization", bearer.as_str())];
    let mut connection = daemon.connect();
    let mut asked = 0;
    for route in routes().filter(|route| route.method == Method::Get) {
        for example in route.examples {
            let path = example.path.unwrap_or(route.path);
            let head = connection.send("HEAD", path, &headers, None).unwrap_or_else(|| panic!("HEAD {path}"));
            assert_eq!((head.status, head.body.len()), (example.status, 0), "HEAD {path}");
            // If HEAD had sent a body, its bytes would be read as the head of this answer.
            let get = connection
                .send("GET", path, &headers, None)
                .unwrap_or_else(|| panic!("GET {path} behind its HEAD"));
            assert_eq!(get.status, head.status, "GET {path} behind its HEAD");
            assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
            assert_eq!(head.header("etag"), get.header("etag"), "{path}");
            asked += 1;
        }
    }
    assert!(asked > 30, "{asked}");
}
