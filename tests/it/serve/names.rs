//! Symbol names that look like markup, formulas or paths pass every route as they are, and names with
//! invisible or text-direction characters pass none.

use super::client::{Answer, Login};
use super::daemon::{Daemon, config};
use crate::cli::Cli;
use serde_json::{Value, json};
use std::fmt::Write;

/// 2025-12-01T00:00:00Z.
const BEGIN: i64 = 1_764_547_200;

const MARKUP: &str = "<svg/onload=alert(1)>";
const FORMULA: &str = "=HYPERLINK(\"http://x\",\"y\")";

fn hostile() -> [String; 5] {
    [MARKUP.to_owned(), FORMULA.to_owned(), "../x".to_owned(), "汉".repeat(64), "币安人生USDT".to_owned()]
}

/// Twelve rising trades of every symbol.
fn trades<'a>(symbols: impl Iterator<Item = &'a str> + Clone) -> String {
    let mut text = "timestamp_us,symbol,price,quantity,side\n".to_owned();
    for second in 0..12 {
        for symbol in symbols.clone() {
            let quoted = format!("\"{}\"", symbol.replace('"', "\"\""));
            writeln!(text, "{},{quoted},{},500,buy", (BEGIN + second) * 1_000_000, 100 + second).unwrap();
        }
    }
    text
}

/// Every byte of a text as a query may have it.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |all, byte| all + &format!("%{byte:02X}"))
}

/// Buys once and sells five percent higher.
fn strategy() -> Value {
    json!({
        "strategy_name": "once", "direction": "LONG", "indicators": {"px": {"type": "PRICE"}},
        "s1_signal": {"conditions": [{"id": "s", "indicatorId": "px", "operator": ">", "value": 0}]},
        "o1_cancel": {"conditions": [], "timeoutSeconds": 60, "cooldownMinutes": 0},
        "z1_entry": {
            "conditions": [], "positionSize": {"type": "fixed", "value": 1000}, "orderType": "market", "leverage": 1, "timeoutSeconds": 0,
            "takeProfit": {"enabled": true, "offsetPercent": 5, "calculationMode": "RELATIVE_TO_ENTRY"},
        },
        "ze1_close": {"conditions": []},
        "emergency_exit": {"conditions": [], "cooldownMinutes": 0, "actions": {"cancelPending": true, "closePosition": true, "logEvent": true}},
        "global_limits": {"normal_exit_cooldown_minutes": 600},
    })
}

struct World {
    cli: Cli,
    daemon: Daemon,
    login: Login,
}

impl World {
    fn new() -> World {
        let cli = Cli::new();
        cli.file("config.json", config().to_string());
        let daemon = Daemon::at(&cli.at("."));
        let login = daemon.admin();
        World { cli, daemon, login }
    }

    fn upload(&self, name: &str, text: &str) -> Answer {
        let bearer = format!("Bearer {}", self.login.access);
        let headers = [
            ("Authorization", bearer.as_str()),
            ("X-CSRF-Token", self.login.csrf.as_str()),
            ("Content-Type", "application/octet-stream"),
        ];
        let path = format!("/api/data-collection/import?name={}", encoded(name));
        self.daemon.ask("POST", &path, &headers, Some(text.as_bytes()))
    }

    fn ask(&self, path: &str) -> Answer {
        self.daemon.ask_as(&self.login, "GET", path, None)
    }

    #[track_caller]
    fn get(&self, path: &str) -> Answer {
        let answer = self.ask(path);
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer
    }

    #[track_caller]
    fn start(&self, body: &Value) -> Answer {
        self.daemon.ask_as(&self.login, "POST", "/sessions/start", Some(body))
    }
}

/// The second cell of every line behind the first, as RFC 4180 says.
fn symbols_of(csv: &str) -> Vec<String> {
    let mut reader = csv.lines().skip(1);
    let mut found = Vec::new();
    for line in reader.by_ref() {
        let cell = line.split_once(',').unwrap().1;
        found.push(match cell.strip_prefix('"') {
            None => cell.split(',').next().unwrap().to_owned(),
            Some(quoted) => {
                let marked = quoted.replace("\"\"", "\u{0}");
                marked.split('"').next().unwrap().replace('\u{0}', "\"")
            }
        });
    }
    found
}

#[test]
fn hostile_symbols_pass_every_route_as_they_are() {
    let (world, names) = (World::new(), hostile());
    let text = trades(names.iter().map(String::as_str));
    assert_eq!(world.upload("../../x.trades.csv", &text).code(), "invalid_request");
    let imported = world.upload("x.trades.csv", &text);
    assert_eq!(imported.status, 201, "{}", imported.json());
    let id = imported.data()["session_id"].as_str().unwrap().to_owned();
    let listed = world.get(&format!("/api/data-collection/{id}")).data();
    for name in &names {
        assert!(listed["symbols"].as_array().unwrap().contains(&json!(name)), "{name} in {listed}");
        let asked = encoded(name);
        let candles =
            world.get(&format!("/api/data-collection/{id}/candles?symbol={asked}&interval=1s")).data();
        assert_eq!((&candles["symbol"], candles["candles"].as_array().unwrap().len()), (&json!(name), 12));
        let coverage = world.get(&format!("/api/data-collection/{id}/coverage?symbol={asked}")).data();
        assert!(coverage.to_string().contains(&json!(name).to_string()), "{coverage}");
        let export = world.get(&format!("/api/data-collection/{id}/export?format=csv&symbol={asked}"));
        let text = String::from_utf8(export.body.clone()).unwrap();
        assert_eq!(symbols_of(&text), vec![name.clone(); 12], "{text}");
        let file = export.header("Content-Disposition").unwrap();
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let file =
            file.strip_prefix("attachment; filename=\"").and_then(|file| file.strip_suffix('"')).unwrap();
        assert!(file.chars().all(plain), "{file}");
        let found = world.get(&format!("/api/data-collection/sessions?symbol={asked}")).json();
        assert!(found.to_string().contains(&id), "{found}");
        let label = json!({"symbol": name, "grade": "A", "onset": "2025-12-01T00:00:05Z"});
        let path = format!("/api/data-collection/{id}/labels");
        let added = world.daemon.ask_as(&world.login, "POST", &path, Some(&label));
        assert_eq!((added.status, &added.data()["symbol"]), (201, &json!(name)), "{}", added.json());
    }
    let outside = world.get(&format!("/api/data-collection/{id}/export?format=jsonl"));
    for line in String::from_utf8(outside.body).unwrap().lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        assert!(names.contains(&row["symbol"].as_str().unwrap().to_owned()), "{row}");
    }
}

#[test]
fn hostile_symbols_are_traded_told_and_tabulated_without_harm() {
    let (world, names) = (World::new(), hostile());
    let imported = world.upload("x.trades.csv", &trades(names.iter().map(String::as_str)));
    let made = world.daemon.ask_as(&world.login, "POST", "/api/strategies", Some(&strategy()));
    assert_eq!(made.status, 201, "{}", made.json());
    let started = world.start(&json!({
        "session_type": "backtest", "strategy_config": {"strategies": ["once"]}, "symbols": names,
        "config": {"session_id": imported.data()["session_id"], "acceleration_factor": 0, "latency_ms": 0, "risk": "none"},
    }));
    assert_eq!(started.status, 200, "{}", started.json());
    let id = started.data()["data"]["session_id"].as_str().unwrap().to_owned();
    while world.get(&format!("/sessions/{id}")).data()["ended_at"].is_null() {}
    let shown = world.get(&format!("/results/session/{id}/trades")).data();
    let traded: Vec<&str> =
        shown["trades"].as_array().unwrap().iter().filter_map(|trade| trade["symbol"].as_str()).collect();
    assert!(names.iter().all(|name| traded.contains(&name.as_str())), "{shown}");
    // What a spreadsheet would execute is text there; everything else is as it was.
    let of_route = world.get(&format!("/results/session/{id}/trades?format=csv"));
    let of_command = world.cli.ok(&["results", "trades", &id]);
    for text in [String::from_utf8(of_route.body).unwrap(), of_command] {
        let expected: Vec<String> = traded
            .iter()
            .map(|name| if *name == FORMULA { format!("'{name}") } else { (*name).to_owned() })
            .collect();
        assert_eq!(symbols_of(&text), expected, "{text}");
    }
    let page = String::from_utf8(world.get(&format!("/results/session/{id}/report")).body).unwrap();
    assert!(!page.contains("<svg/onload") && page.contains("&lt;svg/onload"), "markup came through");
    let events = world.get(&format!("/sessions/{id}/events?limit=1000")).data().to_string();
    assert!(names.iter().all(|name| events.contains(&json!(name).to_string())));
    let metrics = String::from_utf8(world.get("/metrics").body).unwrap();
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = name.split_once('{').unwrap_or((name, "}"));
        let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "_:".contains(c));
        assert!(plain(name) && value.parse::<f64>().is_ok(), "{line}");
        let labels = labels.strip_suffix('}').unwrap();
        for label in labels.split(',').filter(|label| !label.is_empty()) {
            let (label, value) = label.split_once('=').unwrap();
            let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap();
            assert!(plain(label) && plain(value), "{line}");
        }
    }
}

#[test]
fn names_that_do_not_look_like_what_they_are_pass_nowhere() {
    let world = World::new();
    for hidden in
        ['\u{202e}', '\u{2066}', '\u{200b}', '\u{200f}', '\u{ad}', '\u{feff}', '\u{fe0f}', '\u{e0041}']
    {
        let name = format!("BTC{hidden}_USDT");
        let imported = world.upload("x.trades.csv", &trades([name.as_str()].into_iter()));
        assert!(
            imported.status >= 400 && imported.json().to_string().contains("symbol"),
            "{}",
            imported.json()
        );
        let collect = json!({"session_type": "collect", "symbols": [name]});
        let refused = world.start(&collect);
        assert_eq!((refused.status, refused.code().as_str()), (400, "invalid_request"), "{}", refused.json());
        let written = config();
        let mut changed = written.clone();
        changed["trading"] = json!({"disabled_symbols": [name], "default_symbols": [name]});
        let file = world.cli.file("other.json", changed.to_string());
        world.cli.run(&["config", "check", &file]).fails(&format!("{name:?}"), 78, &["/trading/"]);
    }
    let all = world.get("/api/data-collection/sessions").json().to_string();
    assert!(!all.contains("BTC"), "{all}");
}
