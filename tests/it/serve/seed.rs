//! The six endpoints of the reference frontend over a whole backtest: its fields come first, with its names
//! and in its order; additional fields only follow them.

use super::client::{Answer, Login};
use super::daemon::{Daemon, config};
use crate::cli::{Cli, shipped_one};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use std::fs::File;
use std::io::Read;

/// Field names of an object, in order.
fn names(object: &Value) -> Vec<&str> {
    object.as_object().unwrap_or_else(|| panic!("{object} is no object")).keys().map(String::as_str).collect()
}

/// Asserts that an object begins with these fields, in this order.
#[track_caller]
fn begins(object: &Value, wanted: &[&str]) {
    let names = names(object);
    assert_eq!(names.get(..wanted.len()), Some(wanted), "{object}");
}

/// Asserts a success with its envelope; returns its data.
#[track_caller]
fn enveloped(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let json = answer.json();
    assert_eq!(names(&json), ["type", "data", "request_id", "timestamp"]);
    assert_eq!(json["type"], "response");
    assert!(is_time(&json["timestamp"]), "{json}");
    json["data"].clone()
}

/// Asserts a refusal with this code; returns its body.
#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) -> Value {
    let json = answer.json();
    assert_eq!((answer.status, json["error_code"].as_str()), (status, Some(code)), "{json}");
    begins(&json, &["type", "error_code", "error_message"]);
    assert_eq!(json["type"], "error");
    json
}

/// Whether a value is a time such as `2025-11-18T12:00:00.000Z`.
fn is_time(value: &Value) -> bool {
    fits(value, "####-##-##T##:##:##.###Z")
}

/// Whether a text matches a form: `#` is a digit, `%` a hexadecimal digit, other characters are themselves.
fn fits(value: &Value, form: &str) -> bool {
    let Some(text) = value.as_str() else { return false };
    let fits = |(byte, form): (u8, u8)| match form {
        b'#' => byte.is_ascii_digit(),
        b'%' => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        form => byte == form,
    };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(fits)
}

/// Real data whose files call the symbols other names than the exchange does.
fn renamed(cli: &Cli, stream: &str, symbol: &str) -> String {
    let mut text = String::new();
    GzDecoder::new(File::open(shipped_one(stream)).unwrap()).read_to_string(&mut text).unwrap();
    cli.file(&format!("{symbol}.{stream}.csv"), text.replace("BTCUSDT", symbol))
}

struct World {
    cli: Cli,
    daemon: Daemon,
    login: Login,
    recording: String,
    rows: u64,
}

impl World {
    fn new() -> World {
        let cli = Cli::new();
        let files = ["BTCUSDT", "ETHUSDT"]
            .map(|symbol| ["trades", "book20"].map(|stream| renamed(&cli, stream, symbol)));
        let imported = cli.import(&files.concat());
        let (recording, rows) =
            (imported["id"].as_str().unwrap().to_owned(), imported["rows"].as_u64().unwrap());
        cli.file("config.json", config().to_string());
        let daemon = Daemon::at(&cli.at("."));
        let login = daemon.admin();
        World { cli, daemon, login, recording, rows }
    }

    fn get(&self, path: &str) -> Answer {
        self.daemon.ask_as(&self.login, "GET", path, None)
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        self.daemon.ask_as(&self.login, "POST", path, Some(body))
    }

    /// A start request as the frontend builds it.
    fn request(&self, strategies: &[&str], speed: f64) -> Value {
        json!({
            "session_type": "backtest",
            "symbols": ["BTC_USDT", "ETH_USDT"],
            "strategy_config": {"strategies": strategies},
            "config": {
                "budget": {"global_cap": 1000, "allocations": {}},
                "stop_loss_percent": 5.0,
                "take_profit_percent": 10.0,
                "session_id": self.recording,
                "acceleration_factor": speed,
            },
            "idempotent": true,
        })
    }

    /// Starts a session; returns its id and the `data` of the answer.
    #[track_caller]
    fn start(&self, request: &Value) -> (String, Value) {
        let data = enveloped(&self.post("/sessions/start", request), 200);
        begins(&data, &["status", "data"]);
        assert_eq!(data["status"], "session_started");
        begins(&data["data"], &["session_id", "session_type", "symbols"]);
        // Other pages of the frontend read them one level higher.
        for name in ["session_id", "session_type", "symbols"] {
            assert_eq!(data[name], data["data"][name], "{data}");
        }
        let started = data["data"].clone();
        assert!(fits(&started["session_id"], "exec_########_######_%%%%%%"), "{started}");
        // The exchange's names were asked for; the recording's own are answered.
        assert_eq!(started["session_type"], request["session_type"]);
        assert_eq!(started["symbols"], json!(["BTCUSDT", "ETHUSDT"]));
        (started["session_id"].as_str().unwrap().to_owned(), started)
    }

    /// Polls `GET /sessions/{id}` until the session has ended.
    #[track_caller]
    fn ended(&self, id: &str) -> Value {
        loop {
            let shown = enveloped(&self.get(&format!("/sessions/{id}")), 200);
            let progress = shown["progress"].as_f64().unwrap();
            assert!((0.0..=100.0).contains(&progress), "{shown}");
            if !matches!(shown["status"].as_str(), Some("starting" | "running" | "stopping")) {
                return shown;
            }
        }
    }

    fn strategy(&self, id: &str) -> Value {
        let data = enveloped(&self.get("/api/strategies"), 200);
        data["strategies"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["id"] == id)
            .unwrap_or_else(|| panic!("no {id}: {data}"))
            .clone()
    }
}

const STRATEGY: [&str; 6] = ["id", "strategy_name", "description", "direction", "enabled", "category"];
const STRATEGY_REST: [&str; 3] = ["tags", "created_at", "updated_at"];
const RECORDING: [&str; 8] = [
    "session_id",
    "symbols",
    "data_types",
    "status",
    "start_time",
    "end_time",
    "records_collected",
    "duration",
];

#[test]
fn strategies_symbols_and_recordings_have_the_shapes_of_the_seed() {
    let world = World::new();
    // 1. Strategies.
    refused(&world.daemon.ask("GET", "/api/strategies", &[], None), 401, "authentication_required");
    let data = enveloped(&world.get("/api/strategies"), 200);
    assert_eq!(names(&data), ["strategies"]);
    let strategies = data["strategies"].as_array().unwrap();
    assert!(strategies.len() >= 2);
    for strategy in strategies {
        begins(strategy, &STRATEGY);
        let names = names(strategy);
        let places = STRATEGY_REST.map(|name| names.iter().position(|known| *known == name).unwrap());
        assert!(places.is_sorted(), "{strategy}");
        assert!(is_time(&strategy["created_at"]) && is_time(&strategy["updated_at"]), "{strategy}");
        assert!(["long", "short", "both"].contains(&strategy["direction"].as_str().unwrap()), "{strategy}");
        assert!(strategy["enabled"].is_boolean() && strategy["tags"].is_array(), "{strategy}");
        assert!(
            strategy["winRate"].is_null() && strategy["avgProfit"].is_null(),
            "a number that no result gave: {strategy}"
        );
    }
    // 2. Symbols, without a login.
    let data = enveloped(&world.daemon.ask("GET", "/symbols", &[], None), 200);
    assert_eq!(data, json!({"symbols": ["BTC_USDT", "ETH_USDT", "ADA_USDT"]}));
    // 3. Recordings, without a login and without an envelope.
    let answer = world.daemon.ask("GET", "/api/data-collection/sessions?limit=50", &[], None);
    let flat = answer.json();
    assert_eq!((answer.status, names(&flat)), (200, vec!["sessions", "total_count", "limit"]));
    assert_eq!((&flat["total_count"], &flat["limit"]), (&json!(1), &json!(50)));
    let recording = &flat["sessions"][0];
    begins(recording, &RECORDING);
    assert!(fits(&recording["session_id"], "session_########_######_%%%%%%"), "{recording}");
    assert!(is_time(&recording["start_time"]) && is_time(&recording["end_time"]), "{recording}");
    assert_eq!(recording["symbols"], json!(["BTCUSDT", "ETHUSDT"]));
    assert_eq!(
        (&recording["data_types"], &recording["status"]),
        (&json!(["tick_prices", "orderbook"]), &json!("completed"))
    );
    assert_eq!(
        (&recording["records_collected"], &recording["duration"]),
        (&json!(world.rows), &json!("5m44s"))
    );
    // 6. Symbols of the exchange, which is not connected.
    let refusal =
        refused(&world.daemon.ask("GET", "/api/exchange/symbols", &[], None), 503, "exchange_unavailable");
    assert!(
        refusal["error_message"].as_str().unwrap().contains("/symbols"),
        "it says what to do instead: {refusal}"
    );
    for (kind, status, code) in [
        ("collect", 503, "exchange_unavailable"),
        ("paper", 503, "exchange_unavailable"),
        ("live", 400, "live_not_confirmed"),
    ] {
        let mut request = world.request(&["pump_v2", "dump_v2"], 0.0);
        request["session_type"] = kind.into();
        refused(&world.post("/sessions/start", &request), status, code);
    }
}

#[test]
fn a_whole_backtest_from_the_list_to_its_result_and_after_a_restart() {
    let mut world = World::new();
    // 4. The frontend's start request, run to its end.
    let (id, started) = world.start(&world.request(&["pump_v2", "dump_v2"], 0.0));
    assert_eq!(started["idempotent_replay"], false);
    // Six hours of look-back on six minutes of data: a warning at the start and in the result.
    assert!(
        started["warnings"].to_string().contains("pump_v2 needs 6h 00m of data before its first signal"),
        "{started}"
    );
    let ended = world.ended(&id);
    assert_eq!((&ended["status"], &ended["progress"]), (&json!("completed"), &json!(100.0)), "{ended}");
    // Each row of the recording is a trade or one of the forty levels of a book.
    let trades = 2 * 21_313;
    assert_eq!(ended["counters"]["ticks"], trades + (world.rows - trades) / 40);
    let result = enveloped(&world.get(&format!("/results/session/{id}")), 200);
    assert_eq!(result["session_id"], id.as_str());
    assert!(result["digest"].as_str().is_some_and(|digest| digest.len() == 64), "{}", result["digest"]);
    assert!(
        result["no_trade_reason"].as_str().is_some_and(|reason| reason.contains("needs 6h 00m of data")),
        "{}",
        result["no_trade_reason"]
    );

    // A strategy that trades, for the figures in the list.
    let ema = world.post(
        "/api/strategies",
        &serde_json::from_str(include_str!("../../../benches/workloads/ema.json")).unwrap(),
    );
    assert_eq!(enveloped(&ema, 201)["id"], "ema");
    assert_eq!(world.strategy("ema")["totalTrades"], Value::Null);
    let (id, _) = world.start(&world.request(&["ema"], 0.0));
    assert_eq!(world.ended(&id)["status"], "completed");
    let trades = enveloped(&world.get(&format!("/results/session/{id}/trades")), 200);
    let trades = trades["trades"].as_array().unwrap();
    let csv = world.get(&format!("/results/session/{id}/trades?format=csv"));
    assert_eq!((csv.status, csv.header("content-type")), (200, Some("text/csv; charset=utf-8")));
    assert_eq!(String::from_utf8_lossy(&csv.body).lines().count(), 1 + trades.len());
    let wins = trades.iter().filter(|trade| trade["outcome"] == "win").count();
    let strategy = world.strategy("ema");
    assert_eq!(
        (&strategy["totalTrades"], &strategy["lastResultId"]),
        (&json!(trades.len()), &json!(id)),
        "{strategy}"
    );
    assert!(
        (strategy["winRate"].as_f64().unwrap() - 100.0 * wins as f64 / trades.len() as f64).abs() < 1e-9,
        "{strategy}"
    );
    assert!(strategy["avgProfit"].as_f64().is_some_and(f64::is_finite), "{strategy}");

    // Idempotent: while the session runs, the same request returns the same session, also concurrently.
    let slow = world.request(&["ema"], 0.5);
    let ids: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| world.start(&slow).0)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (slow_id, again) = world.start(&slow);
    assert!(ids.iter().all(|id| *id == slow_id) && again["idempotent_replay"] == true, "{ids:?} {again}");
    let other = world.start(&world.request(&["ema"], 0.25)).0;
    assert_ne!(other, slow_id, "another request is another session");

    // 5. Stopped in the middle.
    let stop = json!({ "session_id": slow_id });
    let data = enveloped(&world.post("/sessions/stop", &stop), 200);
    assert_eq!(
        data,
        json!({"status": "session_stopped", "data": {"session_id": slow_id}, "session_id": slow_id})
    );
    let stopped = world.ended(&slow_id);
    assert!(stopped["status"] == "stopped" && stopped["progress"].as_f64().unwrap() < 100.0, "{stopped}");
    refused(&world.post("/sessions/stop", &stop), 409, "session_already_stopped");
    refused(
        &world.post("/sessions/stop", &json!({"session_id": "exec_20251118_150123_xyz789"})),
        404,
        "session_not_found",
    );
    let missing = refused(&world.post("/sessions/stop", &json!({})), 400, "invalid_request");
    assert_eq!(missing["details"]["problems"][0]["path"], "/session_id");
    assert_eq!(world.strategy("ema"), strategy, "a part of the data says nothing about the whole");

    // After a restart everything is still there, and the session that was running has ended in order.
    let kept = |world: &World| {
        let sessions = enveloped(&world.get("/sessions"), 200)["sessions"].clone();
        let list = world.daemon.ask("GET", "/api/data-collection/sessions", &[], None).json();
        (sessions, list, world.strategy("ema"), enveloped(&world.get(&format!("/results/session/{id}")), 200))
    };
    let before = kept(&world);
    world.daemon.signal("TERM");
    assert_eq!(world.daemon.wait(), Some(0));
    world.daemon = Daemon::at(&world.cli.at("."));
    let after = kept(&world);
    assert_eq!((&before.1, &before.2, &before.3), (&after.1, &after.2, &after.3));
    let of = |list: &Value, id: &str| {
        list.as_array().unwrap().iter().find(|one| one["session_id"] == id).unwrap().clone()
    };
    assert_eq!(after.0.as_array().unwrap().len(), 4);
    assert_eq!(of(&before.0, &id), of(&after.0, &id));
    assert_eq!(of(&before.0, &slow_id), of(&after.0, &slow_id));
    let other = of(&after.0, &other);
    assert_eq!((&other["status"], &other["was_orphaned"]), (&json!("stopped"), &json!(false)), "{other}");
    refused(&world.post("/sessions/stop", &stop), 409, "session_already_stopped");
}
