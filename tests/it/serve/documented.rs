//! `schema/openapi.json` and `schema/asyncapi.json` match their tables, every example is answered as
//! documented, and every route that answers with JSON is made to.

use super::answers::has_succeeded;
use super::client::Login;
use super::daemon::{Daemon, PASSWORD, config};
use super::reload::Ear;
use crate::cli::shipped_one;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use tradingd::http::{Access, asyncapi, openapi, routes};
use tradingd::limits::{NAME_CHARS, NOTES_CHARS};

/// One character of three bytes: lengths are counted in characters.
const WIDE: &str = "漢";

/// Run with `BLESS=1` to regenerate the files.
#[test]
fn the_file_is_the_table() {
    let daemon = Daemon::start();
    for (name, document) in [("openapi.json", openapi()), ("asyncapi.json", asyncapi())] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema").join(name);
        let text = format!("{document:#}\n");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == text,
            "schema/{name} is not the table of the code any more: BLESS=1 cargo test --test it the_file_is_the_table"
        );
        let served = daemon.ask("GET", &format!("/{name}"), &[], None);
        assert_eq!(String::from_utf8(served.body).unwrap(), text);
    }
}

#[test]
fn documented_requests_are_answered_as_documented() {
    let daemon = Daemon::start();
    let admin = daemon.admin();
    examples(&daemon, &admin);
}

/// Sends every example.
fn examples(daemon: &Daemon, admin: &Login) {
    let document = openapi();
    for route in routes() {
        for example in route.examples {
            let path = example.path.unwrap_or(route.path);
            let body = example.body.map(|body| serde_json::from_str(body).unwrap());
            let answer = daemon.ask_as(admin, route.method.as_str(), path, body.as_ref());
            let what = format!(
                "{} {path} ({}): {}",
                route.method.as_str(),
                example.name,
                String::from_utf8_lossy(&answer.body)
            );
            assert_eq!(answer.status, example.status, "{what}");
            let method = route.method.as_str().to_ascii_lowercase();
            let documented = &document["paths"][route.path][method]["responses"][answer.status.to_string()];
            assert!(documented.is_object(), "an undocumented status: {what}");
            if answer.status >= 400 {
                assert!(
                    documented["description"].as_str().unwrap().contains(&answer.code()),
                    "an undocumented code: {what}"
                );
            }
        }
        // Only public routes may lack an example; logging out is not tested, because it would end this test's
        // login.
        let tested = !route.examples.is_empty() || route.path.ends_with("/logout");
        assert!(
            tested || route.access == Access::Public,
            "{} {} has no example",
            route.method.as_str(),
            route.path
        );
    }
}

/// Routes that succeed elsewhere only; their answers are held against their schemas there.
const ELSEWHERE: [&str; 17] = [
    // tests/it/live/order_kills.rs: need an exchange with an account.
    "GET /api/exchange/account",
    "POST /sessions/{id}/pause",
    "POST /sessions/{id}/resume",
    "POST /sessions/{id}/cancel",
    "POST /sessions/{id}/flatten",
    // tests/it/live/orders.rs: need a session with real orders.
    "POST /api/control/pause",
    "POST /api/control/resume",
    "POST /api/control/cancel",
    "POST /api/control/flatten",
    "POST /api/control/lock",
    "POST /api/control/unlock",
    // tests/questdb/run: need a QuestDB.
    "POST /api/analytics/sync",
    "GET /api/analytics/verify",
    "POST /api/analytics/verify",
    "POST /api/analytics/rebuild",
    // tests/it/live/tickers.rs: needs an exchange.
    "GET /api/exchange/symbols",
    // tests/it/live/now.rs: needs a paper session.
    "GET /sessions/{id}/replay",
];

/// [`Daemon::ask`] holds every answer against its schema; here every route has to give one.
#[test]
fn every_route_with_json_answers_as_documented() {
    let imports = tempfile::tempdir().unwrap();
    let shipped = shipped_one("trades");
    let file = Path::new(&shipped).file_name().unwrap().to_str().unwrap();
    std::fs::copy(&shipped, imports.path().join(file)).unwrap();
    let mut with_imports = config();
    with_imports["import"] = json!({"folder": imports.path()});
    let trader = Trader::on(Daemon::with(&with_imports));
    for path in
        ["/health", "/health/ready", "/api/config", "/api/config/status", "/api/analytics/status", "/symbols"]
    {
        trader.get(path);
    }
    trader.get("/api/indicators");
    trader.get("/api/store/verify");
    trader.get("/api/log");
    trader.get("/api/v1/auth/setup");
    trader.get("/api/analytics/dead-letters");
    trader.send("DELETE", "/api/analytics/dead-letters", None);
    let recording = trader.recording(file);
    trader.hand_over(&recording);
    trader.strategies(&recording);
    trader.sessions(&recording);
    trader.get("/api/events");
    for word in ["pause", "resume", "cancel", "flatten", "lock", "unlock"] {
        trader.send("POST", &format!("/api/control/{word}"), None);
    }
    trader.users();
    trader.send("DELETE", &format!("/api/data-collection/sessions/{recording}"), None);
    trader.send("DELETE", "/api/strategies/ema", None);
    trader.send("POST", "/api/v1/auth/logout", None);
    for route in routes() {
        let name = format!("{} {}", route.method.as_str(), route.path);
        let is_json = openapi()["paths"][route.path][route.method.as_str().to_ascii_lowercase()]["responses"]
            .as_object()
            .unwrap()
            .iter()
            .any(|(status, answer)| {
                status.starts_with('2')
                    && answer["content"]["application/json"]["schema"].get("$ref").is_some()
            });
        assert!(
            !is_json || ELSEWHERE.contains(&&*name) || has_succeeded(&name),
            "nothing here makes {name} succeed, so its answer is held against no schema: add a request to this test"
        );
    }
}

/// The keys of `config` that a start request may have are those that `src/service/sessions/start/request.rs`
/// asks for.
#[test]
fn every_key_of_a_start_is_described() {
    let source = include_str!("../../../src/service/sessions/start/request.rs");
    let asked_for = |object: &str| -> BTreeSet<String> {
        let calls = [format!("{object}."), format!("&mut {object}, ")];
        let pieces = calls.iter().flat_map(|call| source.split(call.as_str()).skip(1));
        let named = pieces.filter_map(|piece| piece.split_once('"'));
        let of_call =
            named.filter(|(call, _)| call.chars().all(|c| c.is_ascii_lowercase() || "_(".contains(c)));
        of_call.filter_map(|(_, rest)| rest.split_once('"')).map(|(name, _)| name.to_owned()).collect()
    };
    let described = |name: &str| -> BTreeSet<String> {
        let document = openapi();
        document["components"]["schemas"][name]["properties"].as_object().unwrap().keys().cloned().collect()
    };
    let config: BTreeSet<String> =
        described("SessionConfig").union(&described("SessionBudgetRequest")).cloned().collect();
    // `strategies` is read of `strategy_config`, which may have it or names of strategies.
    let asked: BTreeSet<String> = asked_for("part").into_iter().filter(|name| name != "strategies").collect();
    assert_eq!(asked, config);
    assert_eq!(asked_for("both"), described("SessionFees"));
    assert_eq!(
        asked_for("fields").into_iter().chain(["session_type".to_owned()]).collect::<BTreeSet<_>>(),
        described("SessionStart")
    );
}

/// Somebody who uses everything.
struct Trader {
    daemon: Daemon,
    login: Login,
}

impl Trader {
    fn on(daemon: Daemon) -> Trader {
        let login = daemon.admin();
        Trader { daemon, login }
    }

    /// A request that succeeds.
    #[track_caller]
    fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let answer = self.daemon.ask_as(&self.login, method, path, body);
        let text = String::from_utf8_lossy(&answer.body);
        assert!((200..300).contains(&answer.status), "{method} {path}: {} {text}", answer.status);
        serde_json::from_str(&text).unwrap_or_default()
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        self.send("GET", path, None)
    }

    fn recording(&self, file: &str) -> String {
        let body = json!({"path": file});
        let made = self.send("POST", "/api/data-collection/import", Some(&body));
        let id = made["data"]["session_id"].as_str().unwrap().to_owned();
        self.get("/api/data-collection/sessions?include_stats=true");
        self.get("/api/data-collection/sessions");
        self.get(&format!("/api/data-collection/{id}"));
        let symbol = made["data"]["symbols"][0].as_str().unwrap();
        self.get(&format!("/api/data-collection/{id}/candles?symbol={symbol}"));
        for part in ["export?format=jsonl", "coverage", "uses"] {
            self.get(&format!("/api/data-collection/{id}/{part}"));
        }
        self.labels(&id, symbol, &made["data"]["start_time"]);
        id
    }

    fn labels(&self, recording: &str, symbol: &str, onset: &Value) {
        let labels = format!("/api/data-collection/{recording}/labels");
        let label = json!({"symbol": symbol, "onset": onset, "note": WIDE.repeat(NOTES_CHARS)});
        let added = self.send("POST", &labels, Some(&label));
        let one = format!("{labels}/{}", added["data"]["label_id"]);
        self.send("PUT", &one, Some(&label));
        self.get(&labels);
        self.get(&format!("{labels}?format=csv"));
        self.send("DELETE", &one, None);
    }

    fn strategies(&self, recording: &str) {
        let document: Value =
            serde_json::from_str(include_str!("../../../benches/workloads/ema.json")).unwrap();
        self.send("POST", "/api/strategies?id=ema", Some(&document));
        self.send("PUT", "/api/strategies/ema", Some(&document));
        self.send("POST", "/api/strategies/validate", Some(&document));
        let symbol = self.get(&format!("/api/data-collection/{recording}"))["data"]["symbols"][0].clone();
        let preview = json!({"document": document, "recording_id": recording, "symbol": symbol});
        self.send("POST", "/api/preview", Some(&preview));
        for path in ["", "?q=ema", "/ema", "/ema/versions", "/ema/versions/1"] {
            self.get(&format!("/api/strategies{path}"));
        }
    }

    fn start(&self, recording: &str, speed: u32) -> String {
        let body = json!({
            "session_type": "backtest", "strategy_config": {"strategies": ["ema"]},
            "config": {"session_id": recording, "acceleration_factor": speed, "risk": "none", "stop_loss_percent": 1.0},
        });
        let started = self.send("POST", "/sessions/start", Some(&body));
        started["data"]["session_id"].as_str().unwrap().to_owned()
    }

    /// One session that is looked at while it runs, and one that ends by itself.
    fn sessions(&self, recording: &str) {
        let paced = self.start(recording, 20);
        for part in ["", "/account", "/positions", "/orders", "/states", "/equity", "/events?limit=1000"] {
            self.get(&format!("/sessions/{paced}{part}"));
        }
        self.get("/sessions/execution-status");
        self.socket(&paced);
        self.send("POST", "/sessions/stop", Some(&json!({"session_id": paced})));
        let fast = self.start(recording, 0);
        while self.get(&format!("/sessions/{fast}"))["data"]["status"] != "completed" {
            std::thread::yield_now();
        }
        self.get("/sessions");
        self.get(&format!("/sessions/{fast}/events?limit=1000"));
        for part in ["", "/trades", "/equity", "/signals", "/orders", "/report", "/trades?format=csv"] {
            self.get(&format!("/results/session/{fast}{part}"));
        }
        self.get(&format!("/results/session/{fast}/trades/1/chart"));
        let name = WIDE.repeat(NAME_CHARS);
        let note = json!({"name": name, "notes": WIDE.repeat(NOTES_CHARS), "tags": [name]});
        self.send("PUT", &format!("/results/session/{fast}/note"), Some(&note));
        self.get(&format!("/results/session/{fast}/note"));
        self.get("/results");
        self.get(&format!("/results/compare?ids={fast},{paced}"));
        let most = vec![fast.to_string(); tradingd::limits::COMPARED_RESULTS].join(",");
        self.get(&format!("/results/compare?ids={most}"));
        let trades = self.get(&format!("/results/session/{fast}/trades"));
        assert!(trades["data"]["total_count"].as_u64().unwrap() > 0, "no trade was looked at: {trades}");
        self.send("DELETE", &format!("/results/session/{paced}"), None);
        let request = json!({"request": {"session_type": "paper"}});
        let preset = format!("/api/presets/{}", "%E6%BC%A2".repeat(NAME_CHARS));
        self.send("PUT", &preset, Some(&request));
        self.get("/api/presets");
        self.send("DELETE", &preset, None);
    }

    /// Every request over the WebSocket, and every stream: its snapshot, and an update where a session that
    /// trades makes one.
    fn socket(&self, session: &str) {
        let first = json!({"type": "subscribe", "stream": "sessions", "id": "1"}).to_string();
        let (mut ear, _) = Ear::listen(&self.daemon, &self.login, &first);
        for (request, kind) in [
            (json!({"type": "auth", "token": self.login.access, "id": "2"}), "response"),
            (json!({"type": "ping"}), "response"),
            (json!({"type": "heartbeat", "timestamp": 5}), "response"),
            (json!({"type": "unsubscribe", "stream": "sessions"}), "response"),
            (json!({"type": "unsubscribe", "stream": "sessions"}), "error"),
            (json!({"type": "subscribe", "stream": "nothing", "id": "3"}), "error"),
        ] {
            ear.send(&request);
            // Updates may come before the answer.
            let answer =
                std::iter::repeat_with(|| ear.next()).find(|message| message["type"] != "update").unwrap();
            assert_eq!(answer["type"], kind, "{request}: {answer}");
        }
        let streams = asyncapi()["components"]["schemas"]["SocketStream"]["enum"].clone();
        for stream in streams.as_array().unwrap().iter().filter_map(Value::as_str) {
            let params = if stream == "sessions" || stream == "health" {
                json!({})
            } else {
                json!({"session_id": session})
            };
            let subscribe = json!({"type": "subscribe", "stream": stream, "params": params}).to_string();
            let (mut ear, _) = Ear::listen(&self.daemon, &self.login, &subscribe);
            if ["sessions", "session", "market_data", "signals", "orders", "positions"].contains(&stream) {
                assert_eq!(ear.next()["type"], "update", "{stream}");
            }
        }
    }

    /// A recording goes to another daemon.
    fn hand_over(&self, recording: &str) {
        let path = format!("/api/records?kind=recordings&id={recording}");
        let records = self.daemon.ask_as(&self.login, "GET", &path, None);
        assert_eq!(records.status, 200, "{}", String::from_utf8_lossy(&records.body));
        let other = Daemon::start();
        let admin = other.admin();
        let bearer = format!("Bearer {}", admin.access);
        let headers = [
            ("Authorization", bearer.as_str()),
            ("X-CSRF-Token", admin.csrf.as_str()),
            ("Content-Type", "application/octet-stream"),
        ];
        let kept = other.ask("POST", "/api/records", &headers, Some(&records.body));
        assert_eq!(kept.status, 201, "{}", String::from_utf8_lossy(&kept.body));
    }

    fn users(&self) {
        let new = json!({"username": "anna", "password": PASSWORD, "role": "trader"});
        self.send("POST", "/api/users", Some(&new));
        self.get("/api/users");
        let anna = self.daemon.log_in("anna");
        self.get("/api/v1/auth/logins");
        let other = self.daemon.log_in("anna");
        let logins = self.get("/api/users/anna/logins");
        assert_eq!(logins["data"]["total_count"], 2, "{logins}");
        let own = self.daemon.ask_as(&other, "GET", "/api/v1/auth/logins", None).data();
        let ended = own["logins"].as_array().unwrap().iter().find(|login| login["current"] == true).unwrap();
        self.send("DELETE", &format!("/api/v1/auth/logins/{}", ended["login_id"].as_str().unwrap()), None);
        let refresh = json!({"refresh_token": anna.refresh}).to_string();
        let headers = [("Content-Type", "application/json")];
        let renewed = self.daemon.ask("POST", "/api/v1/auth/refresh", &headers, Some(refresh.as_bytes()));
        assert_eq!(renewed.status, 200);
        self.get("/api/v1/auth/me");
        self.send("PUT", "/api/users/anna", Some(&json!({"role": "viewer"})));
        self.send("DELETE", "/api/users/anna", None);
    }
}
