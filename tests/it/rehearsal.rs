//! The rehearsal exchange over real sockets, tested with a WebSocket client other than the daemon's.

use crate::serve::client::Connection;
use hyper_tungstenite::tungstenite::{Error, Message, WebSocket, client};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::runtime::Runtime;
use tradingd::domain::decimal::Decimal;
use tradingd::rehearsal::rest::signature;
use tradingd::rehearsal::{Fault, Generator, Options, Rehearsal, Running, Scenario, TestKey};

/// Maximum wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// Silence after which no further message is expected.
const SILENCE: Duration = Duration::from_millis(500);

struct World {
    running: Running,
    _runtime: Runtime,
}

fn world(symbols: usize, messages: u32) -> World {
    let runtime = Runtime::new().unwrap();
    let options = options(symbols, messages, "127.0.0.1:0".parse().unwrap());
    World { running: Rehearsal::start(options, runtime.handle()).unwrap(), _runtime: runtime }
}

fn options(symbols: usize, messages: u32, listen: SocketAddr) -> Options {
    Options {
        listen,
        source: Box::new(Generator::new(symbols, messages, 7)),
        contracts: Generator::contracts(symbols),
        speed: 1.0,
        repeat: false,
        scenario: Scenario::parse(r#"{"settings": {"rate_limits": "off"}}"#).unwrap(),
        seed: 7,
        keys: vec![TestKey { key: "k".to_owned(), secret: "s".to_owned() }],
    }
}

struct Socket(WebSocket<TcpStream>);

impl World {
    fn socket(&self) -> Socket {
        let stream = TcpStream::connect(self.running.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Socket(client(self.running.ws_url(), stream).unwrap().0)
    }

    fn get(&self, path: &str) -> Value {
        Connection::open(self.running.address())
            .send("GET", &format!("/api/v1/contract/{path}"), &[], None)
            .unwrap()
            .json()
    }

    fn fault(&self, text: &str) {
        self.running.inject(Fault::parse(text).unwrap()).unwrap();
    }

    fn control(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let answer = Connection::open(self.running.control_address())
            .send(method, path, &[], Some(body.as_bytes()))
            .unwrap();
        (answer.status, answer.json())
    }
}

impl Socket {
    fn subscribe(&mut self, word: &str, param: Value) {
        self.0
            .send(Message::text(json!({"method": format!("sub.{word}"), "param": param}).to_string()))
            .unwrap();
    }

    fn next(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.0.read().unwrap() {
                return serde_json::from_str(text.as_str()).unwrap();
            }
        }
    }

    fn until(&mut self, channel: &str) -> Value {
        loop {
            let frame = self.next();
            if frame["channel"] == channel {
                return frame;
            }
        }
    }

    /// Reads messages until [`SILENCE`].
    fn rest(&mut self) -> Vec<Value> {
        self.0.get_ref().set_read_timeout(Some(SILENCE)).unwrap();
        let texts = std::iter::from_fn(|| self.0.read().ok()).filter_map(|message| match message {
            Message::Text(text) => Some(serde_json::from_str(text.as_str()).unwrap()),
            _ => None,
        });
        texts.collect()
    }

    /// Skips frames until the connection ends; returns how.
    fn end(&mut self) -> String {
        loop {
            match self.0.read() {
                Ok(Message::Close(frame)) => {
                    return format!("close {:?}", frame.map(|frame| u16::from(frame.code)));
                }
                Ok(_) => {}
                Err(Error::Io(error))
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    return "nothing".to_owned();
                }
                Err(_) => return "dropped".to_owned(),
            }
        }
    }
}

type Levels = BTreeMap<String, f64>;

fn merge(side: &mut Levels, levels: &Value) {
    for level in levels.as_array().unwrap() {
        let price = Decimal::parse(level[0].to_string().as_bytes()).unwrap().to_string();
        let size = level[1].as_f64().unwrap();
        if size == 0.0 {
            side.remove(&price)
        } else {
            side.insert(price, size)
        };
    }
}

#[test]
fn a_book_heard_over_the_socket_is_the_exchanges() {
    let world = world(3, 3_000);
    for param in [json!({"symbol": "C1_USDT"}), json!({"symbol": "C1_USDT", "compress": false})] {
        let mut socket = world.socket();
        socket.subscribe("depth", param);
        let mut frames = vec![socket.until("push.depth")];
        let snapshot = world.get("depth/C1_USDT?limit=1000")["data"].clone();
        frames.extend((0..20).map(|_| socket.until("push.depth")));
        world.running.pause();
        frames.extend(socket.rest());
        let truth = world.running.book("C1_USDT").unwrap();
        let mut last = snapshot["version"].as_u64().unwrap();
        let (mut asks, mut bids) = (Levels::new(), Levels::new());
        merge(&mut asks, &snapshot["asks"]);
        merge(&mut bids, &snapshot["bids"]);
        for frame in frames.iter().map(|frame| &frame["data"]).filter(|data| data["asks"].is_array()) {
            let version = frame["version"].as_u64().unwrap();
            let begin = frame["begin"].as_u64().unwrap_or(version);
            if version > last {
                assert!(begin <= last + 1, "a hole before {begin}, after {last}");
                merge(&mut asks, &frame["asks"]);
                merge(&mut bids, &frame["bids"]);
                last = version;
            }
        }
        let side = |levels: &[(Decimal, Decimal)]| {
            levels.iter().map(|(price, size)| (price.to_string(), size.to_f64())).collect::<Levels>()
        };
        assert_eq!((asks, bids, last), (side(&truth.asks), side(&truth.bids), truth.version));
        world.running.resume();
    }
}

#[test]
fn every_deal_is_heard_once_and_in_order() {
    let world = world(2, 2_000);
    let mut socket = world.socket();
    socket.subscribe("deal", json!({"symbol": "C0_USDT"}));
    let mut heard: Vec<u64> = Vec::new();
    while heard.len() < 300 {
        let frame = socket.until("push.deal");
        heard.extend(
            frame["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["i"].as_str().unwrap().parse::<u64>().unwrap()),
        );
    }
    let sent: Vec<u64> = world.running.deals("C0_USDT").iter().map(|deal| deal.id).collect();
    let first = sent.iter().position(|id| *id == heard[0]).unwrap();
    assert_eq!(heard, sent[first..first + heard.len()]);
}

#[test]
fn sockets_end_as_they_do_on_a_bad_day() {
    let world = world(1, 1_000);
    for (fault, expected) in
        [("disconnect", "dropped"), ("going_away", "close Some(1001)"), ("half_open", "nothing")]
    {
        let mut socket = world.socket();
        socket.subscribe("deal", json!({"symbol": "C0_USDT"}));
        socket.until("push.deal");
        world.fault(&format!("{{\"fault\": \"{fault}\"}}"));
        socket.0.get_ref().set_read_timeout(Some(SILENCE)).unwrap();
        assert_eq!(socket.end(), expected, "{fault}");
    }
    let mut socket = world.socket();
    socket.subscribe("deal", json!({"symbol": "C0_USDT"}));
    socket.until("push.deal");
    world.fault(r#"{"fault": "malformed", "count": 7}"#);
    assert_eq!(socket.end(), "dropped", "text that is none ends the reading of a strict client");
    let mut connection = Connection::open(world.running.address());
    world.fault(r#"{"fault": "reset_before"}"#);
    assert!(connection.send("GET", "/api/v1/contract/ping", &[], None).is_none());
    let mut socket = world.socket();
    socket.subscribe("deal", json!({"symbol": "C0_USDT"}));
    world.fault(r#"{"fault": "restart", "ms": 600000}"#);
    assert_eq!(socket.end(), "dropped");
    let stream = TcpStream::connect(world.running.address()).unwrap();
    assert!(client(world.running.ws_url(), stream).is_err());
    assert_eq!(
        Connection::open(world.running.address())
            .send("GET", "/api/v1/contract/ping", &[], None)
            .unwrap()
            .status,
        504
    );
}

#[test]
fn the_control_takes_faults_and_tells_the_truth() {
    let world = world(1, 1_000);
    let (status, refused) = world.control("POST", "/fault", "{\"fault\": \"silent\",\n\"forms\": 1}");
    assert!(status == 422 && refused["error"].as_str().unwrap().contains("line 2"), "{refused}");
    assert_eq!(world.control("POST", "/fault", r#"{"fault": "throttled", "symbol": "NOPE_USDT"}"#).0, 422);
    assert_eq!(world.control("POST", "/fault", r#"{"fault": "throttled"}"#).0, 200);
    assert_eq!(
        (world.get("ping")["code"].clone(), world.get("ping")["code"].clone()),
        (json!(510), json!(0))
    );
    let (_, truth) = world.control("GET", "/truth", "");
    assert_eq!(truth["faults"], json!({"throttled": 1}));
    assert_eq!(truth["accounts"][0]["balance"], truth["accounts"][0]["ledger"]["balance"]);
    let (_, asked) = world.control("GET", "/requests?after=1", "");
    let rows = asked["requests"].as_array().unwrap();
    assert_eq!(
        (rows.len(), rows[0]["target"].clone(), rows[0]["code"].clone()),
        (1, json!("/api/v1/contract/ping"), json!(0))
    );
}

/// A signed private call; the answer.
fn private(world: &World, method: &str, target: &str, body: &str) -> Value {
    let time = world.running.look(|exchange| exchange.now_ms()).to_string();
    let (_, query) = target.split_once('?').unwrap_or((target, ""));
    let parameters = if method == "POST" { body } else { query };
    let sign = signature("s", &format!("k{time}{parameters}"));
    let headers = [
        ("ApiKey", "k"),
        ("Request-Time", time.as_str()),
        ("Signature", sign.as_str()),
        ("Content-Type", "application/json"),
    ];
    let body = (method == "POST").then_some(body.as_bytes());
    let path = format!("/api/v1/private/{target}");
    Connection::open(world.running.address()).send(method, &path, &headers, body).unwrap().json()
}

#[test]
fn a_resident_stop_closes_a_position_and_is_told_to_who_listens() {
    let world = world(1, 500);
    let mut socket = world.socket();
    let time = world.running.look(|exchange| exchange.now_ms()).to_string();
    let sign = signature("s", &format!("k{time}"));
    let login = json!({"method": "login", "param": {"apiKey": "k", "reqTime": time, "signature": sign}});
    socket.0.send(Message::text(login.to_string())).unwrap();
    assert_eq!(socket.until("rs.login")["data"], "success");
    let order = json!({"symbol": "C0_USDT", "side": 1, "type": 5, "openType": 1, "vol": 2, "leverage": 20, "externalOid": "entry-1"});
    assert_eq!(private(&world, "POST", "order/create", &order.to_string())["success"], true);
    let position = socket.until("push.personal.position")["data"].clone();
    assert_eq!((&position["holdVol"], &position["positionType"]), (&json!(2), &json!(1)));
    let entry = position["holdAvgPrice"].as_f64().unwrap();
    let price = (entry * 0.97 * 100.0).round() / 100.0;
    let stop = json!({"positionId": position["positionId"], "vol": 2, "volType": 2, "stopLossPrice": price, "lossTrend": 2});
    assert_eq!(private(&world, "POST", "stoporder/place", &stop.to_string())["success"], true);
    assert_eq!(socket.until("push.personal.stop.planorder")["data"]["state"], 1);
    world.fault(&format!(
        "{{\"fault\": \"fair_price\", \"symbol\": \"C0_USDT\", \"price\": {}}}",
        price * 0.999
    ));
    assert_eq!(socket.until("push.personal.stop.planorder")["data"]["triggerSide"], 2);
    while socket.until("push.personal.position")["data"]["state"] != 3 {}
    let (_, truth) = world.control("GET", "/truth", "");
    let account = &truth["accounts"][0];
    assert_eq!((&account["sides"][0]["position"], &account["stops"]), (&json!(0), &json!([])));
    let names: Vec<&str> = account["orders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|order| order["externalOid"].as_str().unwrap())
        .collect();
    assert!(names.len() == 2 && names[0] == "entry-1" && names[1].starts_with("stoporder_"), "{names:?}");
    let (_, asked) = world.control("GET", "/requests", "");
    let calls = asked["requests"].as_array().unwrap().iter();
    assert_eq!(calls.filter(|row| row["target"] == "/api/v1/private/order/create").count(), 1);
}

#[test]
fn only_this_machine_is_served() {
    let runtime = Runtime::new().unwrap();
    let refused = Rehearsal::start(options(1, 1, "0.0.0.0:0".parse().unwrap()), runtime.handle());
    assert_eq!(refused.err().unwrap().kind(), ErrorKind::InvalidInput);
    let mut fast = options(1, 1, "127.0.0.1:0".parse().unwrap());
    fast.speed = 0.0;
    assert!(Rehearsal::start(fast, runtime.handle()).is_err());
}

#[test]
fn the_command_serves_files_and_ends_when_told() {
    let trades = "tests/data/binance-usdm_BTCUSDT_20240808.trades.csv.gz";
    let mut child = Command::new(env!("CARGO_BIN_EXE_tradingd"))
        .args(["rehearse", "--data", trades, "--repeat"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let address: SocketAddr =
        first.split("http://").nth(1).unwrap_or_else(|| panic!("{first}")).parse().unwrap();
    assert!(lines.any(|line| line.unwrap().contains("ready")));
    let detail = Connection::open(address)
        .send("GET", "/api/v1/contract/detail?symbol=BTC_USDT", &[], None)
        .unwrap()
        .json();
    assert_eq!(
        (detail["data"]["contractSize"].clone(), detail["data"]["volUnit"].clone()),
        (json!(0.001), json!(1))
    );
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_command_refuses_what_it_cannot_serve() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("scenario.json");
    std::fs::write(&scenario, "{\"faults\": [\n{\"fault\": \"silence\"}]}").unwrap();
    let scenario = scenario.to_str().unwrap();
    let run = |arguments: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_tradingd")).arg("rehearse").args(arguments).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    for (arguments, part) in [
        (vec!["--generate", "1x1", "--listen", "0.0.0.0:0"], "loopback"),
        (vec!["--generate", "1x1", "--scenario", scenario], "line 2"),
        (vec!["--generate", "1x1", "--speed", "5000"], "speed"),
        (vec!["--generate", "0x1"], "--generate"),
        (vec![], "--recording"),
        (vec!["--data", "tests/data/PROVENANCE.md"], "PROVENANCE.md, line 1"),
    ] {
        let (code, text) = run(&arguments);
        assert!(code == 64 && text.contains(part), "{arguments:?}: {code} {text}");
    }
}
