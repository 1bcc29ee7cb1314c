//! The read model over HTTP and the WebSocket: five routes of a running session, and a snapshot that updates
//! follow without holes.

use super::client::Login;
use super::daemon::{Daemon, config};
use super::reload::{Ear, prepared};
use crate::cli::Cli;
use crate::session_now::{Folded, documented};
use serde_json::{Value, json};

const ROUTES: [&str; 5] = ["account", "positions", "orders", "states", "equity"];
const BALANCE: f64 = 5_000.0;

struct Trading {
    daemon: Daemon,
    login: Login,
    id: String,
    /// The folder of the state, which goes after the daemon.
    _cli: Cli,
}

impl Trading {
    /// A session that trades 343 seconds of data in 17, every few of them a round trip.
    fn start() -> Trading {
        let (cli, recording) = prepared();
        cli.file("config.json", config().to_string());
        let daemon = Daemon::at(&cli.at("."));
        let login = daemon.admin();
        let body = json!({
            "session_type": "backtest", "strategy_config": {"strategies": ["ema"]},
            "config": {"session_id": recording, "acceleration_factor": 20, "initial_balance": BALANCE, "risk": "none"},
        });
        let started = daemon.ask_as(&login, "POST", "/sessions/start", Some(&body));
        let id = started.data()["data"]["session_id"].as_str().unwrap().to_owned();
        Trading { daemon, login, id, _cli: cli }
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        let answer = self.daemon.ask_as(&self.login, "GET", &format!("/sessions/{}/{path}", self.id), None);
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        answer.data()
    }

    fn events(&self) -> Vec<Value> {
        self.get("events?limit=1000")["events"].as_array().unwrap().clone()
    }
}

#[test]
fn a_running_session_is_read_by_viewers_over_http() {
    let trading = Trading::start();
    let viewer = trading.daemon.user(&trading.login, "viewer");
    for name in ROUTES {
        let answer = trading.get(name);
        documented(name, &answer);
        let events = trading.events();
        Folded::new(&events, answer["seq"].as_u64().unwrap(), BALANCE).agrees(name, &answer);
        let path = format!("/sessions/{}/{name}", trading.id);
        assert_eq!(trading.daemon.ask_as(&viewer, "GET", &path, None).status, 200);
        assert_eq!(trading.daemon.ask("GET", &path, &[], None).status, 401);
    }
    let few = trading.get("equity?max_points=2");
    assert!(few["equity"].as_array().unwrap().len() <= 2, "{few}");
    assert_eq!(trading.get("states?symbol=BTCUSDT&strategy=ema&limit=1")["total_count"], 1);
    assert_eq!(trading.get("states?strategy=other")["states"], json!([]));
    let stop = json!({"session_id": trading.id});
    assert_eq!(trading.daemon.ask_as(&trading.login, "POST", "/sessions/stop", Some(&stop)).status, 200);
    assert_eq!(trading.get("account")["status"], "stopped");
    let path = format!("/sessions/{}/states", trading.id);
    let refused = trading.daemon.ask_as(&trading.login, "GET", &path, None);
    assert_eq!((refused.status, refused.code().as_str()), (409, "session_ended"));
}

#[test]
fn a_snapshot_over_the_websocket_is_followed_by_every_later_event() {
    let trading = Trading::start();
    let subscribe = |stream: &str| {
        json!({"type": "subscribe", "stream": stream, "params": {"session_id": trading.id}, "id": "1"})
            .to_string()
    };
    let (mut ear, snapshot) = Ear::listen(&trading.daemon, &trading.login, &subscribe("session"));
    let now = &snapshot["data"]["now"];
    assert_eq!(snapshot["data"]["now_reason"], Value::Null, "{snapshot}");
    let seq = now["seq"].as_u64().unwrap();
    // Events that the snapshot contains may come again, those behind it come all.
    let mut later = Vec::new();
    while later.len() < 12 {
        let update = ear.next();
        let number = update["data"]["seq"].as_u64();
        later.extend(number.filter(|number| *number > seq));
    }
    assert_eq!(later, (seq + 1..=seq + 12).collect::<Vec<_>>());
    let events = trading.events();
    for name in ["account", "positions", "orders"] {
        documented(name, &now[name]);
        Folded::new(&events, seq, BALANCE).agrees(name, &now[name]);
    }
    let (_, orders) = Ear::listen(&trading.daemon, &trading.login, &subscribe("orders"));
    assert!(orders["data"]["now"]["orders"]["total_count"].is_u64(), "{orders}");
    let stop = json!({"session_id": trading.id});
    assert_eq!(trading.daemon.ask_as(&trading.login, "POST", "/sessions/stop", Some(&stop)).status, 200);
    let (_, ended) = Ear::listen(&trading.daemon, &trading.login, &subscribe("session"));
    assert!(ended["data"]["now"].is_null() && ended["data"]["now_reason"].is_string(), "{ended}");
}

#[test]
fn progress_over_the_websocket_counts_what_the_session_did() {
    let trading = Trading::start();
    let subscribe = json!({"type": "subscribe", "stream": "sessions", "params": {}, "id": "1"}).to_string();
    let (mut ear, _) = Ear::listen(&trading.daemon, &trading.login, &subscribe);
    let is_counted = |update: &Value| {
        let counts = ["signals", "orders", "fills", "trades"].map(|name| update["data"][name].as_u64());
        update["data"]["event"] == "session_progress" && counts.iter().all(|count| *count > Some(0))
    };
    assert!((0..1_000).any(|_| is_counted(&ear.next())), "no progress of 1000 updates counts a trade");
}
