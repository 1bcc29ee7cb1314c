//! What people write and look up beside runs: notes, labels, presets, logins, the log, coverage and previews.

use super::client::{Answer, Login};
use super::daemon::{Daemon, config};
use crate::cli::{Cli, shipped_one};
use serde_json::{Value, json};

struct World {
    /// Holds the state directory.
    _cli: Cli,
    daemon: Daemon,
    admin: Login,
    trader: Login,
    recording: String,
}

impl World {
    fn new() -> World {
        let cli = Cli::new();
        let imported = cli.import(&[shipped_one("trades"), shipped_one("book20")]);
        let recording = imported["id"].as_str().unwrap().to_owned();
        cli.file("config.json", config().to_string());
        let daemon = Daemon::at(&cli.at("."));
        let admin = daemon.admin();
        let trader = daemon.user(&admin, "trader");
        World { _cli: cli, daemon, admin, trader, recording }
    }

    fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.daemon.ask_as(&self.trader, method, path, body.as_ref())
    }

    #[track_caller]
    fn good(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let answer = self.ask(method, path, body);
        assert!(answer.status < 300, "{method} {path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()["data"].clone()
    }

    #[track_caller]
    fn refused(&self, method: &str, path: &str, body: Option<Value>, status: u16, code: &str) -> Value {
        let answer = self.ask(method, path, body);
        let json = answer.json();
        assert_eq!((answer.status, json["error_code"].as_str()), (status, Some(code)), "{json}");
        json
    }

    /// A finished backtest of a strategy; returns the session's id.
    fn backtest(&self, strategy: &str) -> String {
        let request = json!({
            "session_type": "backtest", "strategy_config": {"strategies": [strategy]},
            "config": {"session_id": self.recording, "acceleration_factor": 0},
        });
        let id = self.good("POST", "/sessions/start", Some(request))["session_id"].clone();
        let id = id.as_str().unwrap().to_owned();
        while self.good("GET", &format!("/sessions/{id}"), None)["ended_at"].is_null() {}
        id
    }
}

/// A strategy that signals at once and trades on real data.
fn eager() -> Value {
    let text = include_str!("../../../config/strategies/pump_v2.json");
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_result_is_named_tagged_pinned_found_and_deleted() {
    let world = World::new();
    let id = world.backtest("pump_v2");
    let note = format!("/results/session/{id}/note");
    assert_eq!(world.good("GET", &note, None)["updated_at"], Value::Null);
    let change = json!({"name": " tighter stop ", "notes": "half\nthe loss", "tags": ["b", "a", "b", " "], "pinned": true});
    let kept = world.good("PUT", &note, Some(change));
    assert_eq!((&kept["name"], &kept["tags"]), (&json!("tighter stop"), &json!(["a", "b"])));
    assert_eq!((&kept["notes"], &kept["updated_by"]), (&json!("half\nthe loss"), &json!("trader")));
    // What is left out stays.
    let kept = world.good("PUT", &note, Some(json!({"name": ""})));
    assert_eq!((&kept["name"], &kept["pinned"], &kept["tags"][1]), (&Value::Null, &json!(true), &json!("b")));
    let bad = json!({"name": "x".repeat(129), "tags": ["ok", "a\u{7}"]});
    let problems = world.refused("PUT", &note, Some(bad), 400, "invalid_request");
    assert_eq!(problems["details"]["problems"][1]["path"], "/tags/1");

    let source = &world.recording;
    for (query, count) in [
        ("tag=a".to_owned(), 1),
        ("tag=c".to_owned(), 0),
        ("pinned=false".to_owned(), 0),
        (format!("pinned=true&source={source}"), 1),
    ] {
        let list = world.good("GET", &format!("/results?{query}"), None);
        assert_eq!(list["results"].as_array().unwrap().len(), count, "{query}");
    }
    let uses = world.good("GET", &format!("/api/data-collection/{source}/uses"), None);
    assert_eq!(uses["results"], json!([id]));

    let result = format!("/results/session/{id}");
    world.refused("DELETE", &result, None, 409, "result_pinned");
    world.good("PUT", &note, Some(json!({"pinned": false})));
    world.good("DELETE", &result, None);
    let gone = world.refused("GET", &result, None, 404, "result_not_found");
    assert!(gone["error_message"].as_str().unwrap().contains("was deleted"), "{gone}");
    assert_eq!(world.good("GET", "/results", None)["total_count"], 0);
    let strategies = world.good("GET", "/api/strategies?q=pump_v2", None);
    assert_eq!(strategies["strategies"][0]["lastResultId"], Value::Null);
    assert_eq!(
        world.daemon.ask_as(&world.admin, "GET", "/api/store/verify", None).json()["data"]["sound"],
        true
    );
}

#[test]
fn pumps_are_marked_on_a_recording_and_go_with_it() {
    let world = World::new();
    let labels = format!("/api/data-collection/{}/labels", world.recording);
    let mark = json!({
        "symbol": "BTC_USDT", "onset": "2024-08-08T23:55:30Z", "peak": "2024-08-08T23:56:00.250Z",
        "end": "2024-08-08T23:57:00Z", "note": "clear, \"real\"",
    });
    let added = world.good("POST", &labels, Some(mark.clone()));
    assert_eq!(
        (&added["label_id"], &added["grade"], &added["symbol"]),
        (&json!(1), &json!("A"), &json!("BTCUSDT"))
    );
    let mut moved = mark.clone();
    moved["grade"] = json!("B");
    moved["end"] = Value::Null;
    world.good("PUT", &format!("{labels}/1"), Some(moved));
    world.good("POST", &labels, Some(mark.clone()));
    let listed = world.good("GET", &format!("{labels}?symbol=BTCUSDT"), None);
    assert_eq!((&listed["total_count"], &listed["labels"][0]["end"]), (&json!(2), &Value::Null));

    let csv = String::from_utf8(world.ask("GET", &format!("{labels}?format=csv"), None).body).unwrap();
    let mut lines = csv.lines();
    let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
    assert_eq!(
        &columns[..7],
        ["event_id", "symbol", "venue", "grade", "onset_us", "onset_utc", "onset_source"]
    );
    let first = lines.next().unwrap();
    assert!(first.starts_with("BTCUSDT_20240808T235530Z,BTCUSDT,,B,1723161330000000,"), "{first}");
    assert!(first.contains("\"clear, \"\"real\"\"\"") && first.contains(",manual,"), "{first}");
    // 24 h before and after the onset are scored.
    assert!(first.contains(",1723074930000000,1723247730000000,"), "{first}");

    let mut wrong = mark;
    (wrong["peak"], wrong["grade"]) = (json!("2024-08-08T23:55:00Z"), json!("Z"));
    let problems = world.refused("POST", &labels, Some(wrong), 400, "invalid_request");
    assert_eq!(problems["details"]["problems"].as_array().unwrap().len(), 2, "{problems}");
    world.refused(
        "POST",
        &labels,
        Some(json!({"symbol": "NONE", "onset": "2024-08-08T23:55:30Z"})),
        404,
        "symbol_not_found",
    );
    world.refused(
        "PUT",
        &format!("{labels}/9"),
        Some(json!({"symbol": "BTCUSDT", "onset": "2024-08-08T23:55:30Z"})),
        404,
        "label_not_found",
    );
    world.refused("DELETE", &format!("{labels}/x"), None, 404, "label_not_found");

    world.good("DELETE", &format!("{labels}/2"), None);
    assert_eq!(world.good("GET", &labels, None)["total_count"], 1);
    world.good("DELETE", &format!("/api/data-collection/sessions/{}", world.recording), None);
    world.refused("GET", &labels, None, 404, "recording_not_found");
    let verified = world.daemon.ask_as(&world.admin, "GET", "/api/store/verify", None).json();
    assert_eq!(verified["data"]["sound"], true, "{verified}");
}

#[test]
fn presets_belong_to_their_user() {
    let world = World::new();
    let request =
        json!({"session_type": "paper", "symbols": ["币安人生_USDT"], "config": {"initial_balance": 0.1}});
    let made = world.ask("PUT", "/api/presets/my%20usual", Some(json!({"request": request})));
    assert_eq!((made.status, &made.json()["data"]["request"]), (201, &request));
    assert_eq!(world.ask("PUT", "/api/presets/my%20usual", Some(json!({"request": {}}))).status, 200);
    let own = world.good("GET", "/api/presets", None);
    assert_eq!((&own["total_count"], &own["presets"][0]["name"]), (&json!(1), &json!("my usual")));
    let others = world.daemon.ask_as(&world.admin, "GET", "/api/presets", None);
    assert_eq!(others.json()["data"]["total_count"], 0);
    world.refused("PUT", "/api/presets/x", Some(json!({"request": []})), 400, "invalid_request");
    for number in 1..100 {
        world.good("PUT", &format!("/api/presets/{number}"), Some(json!({"request": {}})));
    }
    let full =
        world.refused("PUT", "/api/presets/more", Some(json!({"request": {}})), 400, "invalid_request");
    assert!(full["error_message"].as_str().unwrap().contains("delete one first"), "{full}");
    // They go with their user.
    assert_eq!(world.daemon.ask_as(&world.admin, "DELETE", "/api/users/trader", None).status, 200);
    let again = world.daemon.user(&world.admin, "trader");
    assert_eq!(world.daemon.ask_as(&again, "GET", "/api/presets", None).json()["data"]["total_count"], 0);
}

#[test]
fn logins_are_listed_and_ended_by_their_user_or_an_admin() {
    let world = World::new();
    let second = world.daemon.log_in("trader");
    let mine = world.good("GET", "/api/v1/auth/logins", None);
    assert_eq!(mine["total_count"], 2);
    let of = |current: bool| {
        let logins = mine["logins"].as_array().unwrap();
        logins.iter().find(|login| login["current"] == current).unwrap()["login_id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    world.good("DELETE", &format!("/api/v1/auth/logins/{}", of(false)), None);
    assert_eq!(world.daemon.ask_as(&second, "GET", "/api/v1/auth/me", None).status, 401);
    assert_eq!(world.good("GET", "/api/v1/auth/logins", None)["total_count"], 1);
    world.refused("DELETE", &format!("/api/v1/auth/logins/{}", of(false)), None, 404, "login_not_found");
    // Nobody ends the login of somebody else, but an admin.
    let theirs = world.daemon.ask_as(&world.admin, "GET", "/api/users/admin/logins", None).json();
    let theirs = theirs["data"]["logins"][0]["login_id"].as_str().unwrap().to_owned();
    world.refused("DELETE", &format!("/api/v1/auth/logins/{theirs}"), None, 404, "login_not_found");
    let ended = format!("/api/v1/auth/logins/{}", of(true));
    assert_eq!(world.daemon.ask_as(&world.admin, "DELETE", &ended, None).status, 200);
    assert_eq!(world.ask("GET", "/api/v1/auth/me", None).status, 401);
}

#[test]
fn the_log_is_for_admins_and_holds_no_secret() {
    let world = World::new();
    world.refused("GET", "/api/log", None, 403, "permission_denied");
    // Requests with secrets in every place where a client may put them.
    world.daemon.ask("GET", &format!("/api/v1/auth/me?token={}", world.admin.access), &[], None);
    let wrong = json!({"username": "admin", "password": "a-wrong-password-123"}).to_string();
    let json = [("Content-Type", "application/json")];
    world.daemon.ask("POST", "/api/v1/auth/login", &json, Some(wrong.as_bytes()));
    let log = world.daemon.ask_as(&world.admin, "GET", "/api/log?limit=1000", None);
    let text = String::from_utf8(log.body.clone()).unwrap();
    assert!(log.json()["data"]["last_seq"].is_u64(), "{text}");
    for secret in [&world.admin.access, &world.trader.access, &world.admin.csrf, "a-wrong-password-123"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn a_page_that_asks_whether_it_is_logged_in_leaves_no_line_in_the_log() {
    let world = World::new();
    let log = || {
        String::from_utf8(world.daemon.ask_as(&world.admin, "GET", "/api/log?limit=1000", None).body).unwrap()
    };
    assert_eq!(world.daemon.ask("GET", "/api/v1/auth/me", &[], None).status, 401);
    assert!(!log().contains("authentication_required"), "{}", log());
    let wrong = [("Authorization", "Bearer none-of-ours")];
    assert_eq!(world.daemon.ask("GET", "/api/v1/auth/me", &wrong, None).status, 401);
    assert!(log().contains("request refused"), "{}", log());
}

#[test]
fn a_day_of_a_recording_is_covered_but_for_its_gaps() {
    let world = World::new();
    let coverage = world.good("GET", &format!("/api/data-collection/{}/coverage", world.recording), None);
    assert_eq!(
        (&coverage["period_days"], &coverage["from"]),
        (&json!(1), &json!("2024-08-08T00:00:00.000Z"))
    );
    let symbol = &coverage["symbols"][0];
    assert_eq!(
        (&symbol["symbol"], symbol["cells"].as_array().unwrap().len()),
        (&json!("BTCUSDT"), coverage["periods"].as_u64().unwrap() as usize)
    );
    assert!(symbol["cells"][0]["covered_pct"].as_f64().unwrap() > 90.0, "{coverage}");
}

#[test]
fn a_document_is_previewed_without_being_kept() {
    let world = World::new();
    let request = json!({"document": eager(), "recording_id": world.recording, "symbol": "BTC_USDT"});
    let shown = world.good("POST", "/api/preview", Some(request.clone()));
    assert_eq!((&shown["complete"], &shown["symbol"]), (&json!(true), &json!("BTCUSDT")));
    assert!(shown["events"].as_u64().unwrap() > 1_000, "{shown}");
    let marks = shown["marks"].as_array().unwrap();
    let signals = marks.iter().filter(|mark| mark["section"] == "S1").count();
    assert_eq!(shown["counts"]["signals"], signals, "{shown}");
    assert_eq!(shown["counts"]["trades"], shown["trades"].as_array().unwrap().len());
    // The same as a backtest of the stored document, which is the same document.
    let id = world.backtest("pump_v2");
    let trades = world.good("GET", &format!("/results/session/{id}/signals"), None);
    assert_eq!(trades["total_count"], signals, "{trades}");
    assert_eq!(
        world.good("GET", "/api/strategies/pump_v2/versions", None)["versions"].as_array().unwrap().len(),
        1
    );

    let mut bad = request.clone();
    bad["document"]["s1_signal"] = json!({"conditions": [{"id": "x"}]});
    let problems = world.refused("POST", "/api/preview", Some(bad), 400, "invalid_strategy");
    let path = problems["details"]["problems"][0]["path"].as_str().unwrap();
    assert!(path.starts_with("/s1_signal"), "{problems}");
    let mut unknown = request;
    unknown["symbol"] = json!("NONE");
    world.refused("POST", "/api/preview", Some(unknown), 404, "symbol_not_found");
    let viewer = world.daemon.user(&world.admin, "viewer");
    assert_eq!(world.daemon.ask_as(&viewer, "POST", "/api/preview", Some(&json!({}))).status, 403);
}

#[test]
fn a_trade_is_shown_tick_by_tick_with_its_conditions() {
    let world = World::new();
    let document: Value =
        serde_json::from_str(include_str!("../../../config/strategies/examples/minute_breakout.json"))
            .unwrap();
    world.good("POST", "/api/strategies", Some(document));
    let id = world.backtest("minute_breakout");
    let trades = world.good("GET", &format!("/results/session/{id}/trades"), None);
    let count = trades["total_count"].as_u64().unwrap();
    assert!(count > 0, "{trades}");
    let chart = world.good("GET", &format!("/results/session/{id}/trades/1/chart?margin_seconds=30"), None);
    let times = chart["times"].as_array().unwrap();
    assert_eq!((&chart["complete"], &chart["ticks_complete"]), (&json!(true), &json!(true)));
    assert_eq!(chart["trade"]["entry_price"], trades["trades"][0]["entry_price"]);
    assert!(times.len() >= 30 && !chart["ticks"].as_array().unwrap().is_empty(), "{}", times.len());
    let conditions = chart["conditions"].as_array().unwrap();
    for condition in conditions {
        assert_eq!(condition["values"].as_array().unwrap().len(), times.len(), "{condition}");
    }
    // What the run decided on is what is shown: the value of each condition near the time of the entry.
    let why = &trades["trades"][0]["why"]["entry"];
    let decided = why["time"].as_str().unwrap();
    let at = times.iter().rposition(|time| time.as_str().unwrap() <= decided).unwrap();
    for (name, checked) in why["conditions"].as_object().unwrap() {
        let Some(shown) = conditions.iter().find(|one| one["id"] == name.as_str()) else { continue };
        assert_eq!(shown["threshold"], checked["threshold"], "{name}");
        let near = &shown["values"].as_array().unwrap()[at.saturating_sub(1)..(at + 2).min(times.len())];
        assert!(near.iter().any(Value::is_number), "{name}: {near:?}");
    }
    let beyond = format!("/results/session/{id}/trades/{}/chart", count + 1);
    world.refused("GET", &beyond, None, 404, "trade_not_found");
    world.good("DELETE", &format!("/api/data-collection/sessions/{}", world.recording), None);
    world.refused("GET", &format!("/results/session/{id}/trades/1/chart"), None, 409, "chart_unavailable");
}
