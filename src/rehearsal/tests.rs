//! Tests of the exchange as a value: time is a number, sockets are queues, nothing waits.

mod accidents;
mod book;
mod faults;
mod ledger;
mod orders;
mod rules;
mod shapes;
mod simulated;
mod triggers;

use super::exchange::Exchange;
use super::rest::{Reply, Request, signature};
use super::scenario::Scenario;
use super::sockets::Out;
use super::source::contract;
use super::test_key::TestKey;
use crate::domain::decimal::Decimal;
use crate::domain::order::Side;
use crate::domain::record::{Record, RecordBody};
use crate::domain::time::Timestamp;
use hyper_tungstenite::tungstenite::Message;
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, channel};

/// Start time of every test, milliseconds.
const BEGIN_MS: i64 = 1_700_000_000_000;

/// An exchange with `BTC_USDT` and `ETH_USDT`, its time, and a test account.
struct World {
    exchange: Exchange,
    now_ms: i64,
}

/// The client's end of a socket.
struct Client {
    id: u64,
    queue: Receiver<Out>,
}

impl World {
    fn new(scenario: &str) -> Self {
        World::seeded(scenario, 1)
    }

    fn seeded(scenario: &str, seed: u64) -> Self {
        let keys = [TestKey { key: "k".to_owned(), secret: "s".to_owned() }];
        let scenario = Scenario::parse(scenario).unwrap();
        let exchange =
            Exchange::new(vec![contract("BTC"), contract("ETH")], &keys, &scenario, seed, BEGIN_MS).unwrap();
        let mut world = World { exchange, now_ms: BEGIN_MS };
        for side in [Side::Buy, Side::Sell] {
            for level in 0..30 {
                let ticks = if side == Side::Buy { 10_000 - level } else { 10_001 + level };
                world.level(0, side, ticks, 100, true);
                world.level(1, side, ticks / 10, 100, true);
            }
        }
        world.pass(1);
        world
    }

    /// Advances time in the step size of the running exchange.
    fn pass(&mut self, ms: i64) {
        let end = self.now_ms + ms;
        while self.now_ms < end {
            self.now_ms = end.min(self.now_ms + 5);
            self.exchange.step(self.now_ms);
        }
    }

    fn row(&mut self, symbol: usize, body: RecordBody) {
        let record =
            Record { exchange_at: Timestamp::from_millis(self.now_ms).unwrap(), received_at: None, body };
        self.exchange.row(symbol, &record, self.now_ms).unwrap();
    }

    fn level(&mut self, symbol: usize, side: Side, ticks: i64, contracts: i64, snapshot: bool) {
        let (price, quantity) = (Decimal::new(ticks, 2).unwrap(), Decimal::new(contracts, 0).unwrap());
        self.row(symbol, RecordBody::LevelChange { side, price, quantity, snapshot, update_id: None });
    }

    fn trade(&mut self, symbol: usize, taker: Side, ticks: i64, contracts: i64) {
        let (price, quantity) = (Decimal::new(ticks, 2).unwrap(), Decimal::new(contracts, 0).unwrap());
        self.row(symbol, RecordBody::Trade { price, quantity, taker, id: None });
    }

    fn connect(&mut self) -> Client {
        let (sender, queue) = channel(100_000);
        Client { id: self.exchange.sockets.add(sender, self.now_ms).unwrap(), queue }
    }

    fn say(&mut self, client: &Client, text: &Value) {
        self.exchange.set_time(self.now_ms);
        self.exchange.hear(client.id, &text.to_string());
    }

    fn subscribe(&mut self, client: &Client, method: &str, param: Value) {
        self.say(client, &json!({"method": method, "param": param}));
    }

    /// The received frames; asserts that all are JSON.
    fn frames(&self, client: &mut Client) -> Vec<Value> {
        let texts = said(client).into_iter().filter_map(|out| match out {
            Out::Frame(Message::Text(text)) => Some(text),
            _ => None,
        });
        texts
            .map(|text| serde_json::from_str(text.as_str()).unwrap_or_else(|error| panic!("{error}: {text}")))
            .collect()
    }

    fn of(&self, client: &mut Client, channel: &str) -> Vec<Value> {
        self.frames(client).into_iter().filter(|frame| frame["channel"] == channel).collect()
    }

    fn ask(&mut self, request: &Request) -> Reply {
        self.exchange.ask(request, self.now_ms)
    }

    fn get(&mut self, target: &str) -> Value {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let request = request("GET", path, query, Vec::new(), "");
        serde_json::from_slice(&self.ask(&request).body).unwrap()
    }

    fn signed(&self, method: &str, target: &str, body: &str) -> Request {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let time = (self.now_ms + self.exchange.skew_ms).to_string();
        let parameters = if method == "POST" { body } else { query };
        let headers = vec![
            ("apikey".to_owned(), "k".to_owned()),
            ("signature".to_owned(), signature("s", &format!("k{time}{parameters}"))),
            ("request-time".to_owned(), time),
            ("content-type".to_owned(), "application/json".to_owned()),
        ];
        request(method, &format!("/api/v1/private/{path}"), query, headers, body)
    }

    fn private(&mut self, method: &str, target: &str, body: &str) -> Value {
        let request = self.signed(method, target, body);
        let reply = self.ask(&request);
        serde_json::from_slice(&reply.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&reply.body)))
    }

    /// Places an order; returns its id, or the code of the refusal.
    fn place(&mut self, order: &Value) -> Result<String, i64> {
        let reply = self.private("POST", "order/create", &order.to_string());
        if reply["success"] == true {
            Ok(reply["data"]["orderId"].as_str().unwrap().to_owned())
        } else {
            Err(reply["code"].as_i64().unwrap())
        }
    }

    fn order(&mut self, id: &str) -> Value {
        self.private("GET", &format!("order/get/{id}"), "")["data"].clone()
    }
}

fn said(client: &mut Client) -> Vec<Out> {
    std::iter::from_fn(|| client.queue.try_recv().ok()).collect()
}

fn request(method: &str, path: &str, query: &str, headers: Vec<(String, String)>, body: &str) -> Request {
    Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: body.as_bytes().to_vec(),
    }
}

/// No rate limits, plain numbers, minimal latency: what most tests use.
const PLAIN: &str =
    r#"{"settings": {"quirks": false, "rate_limits": "off", "arrive_ms": [1, 1], "push_ms": [0, 0]}}"#;

fn fault(world: &mut World, text: &str) {
    world.exchange.set_time(world.now_ms);
    world.exchange.inject(super::Fault::parse(text).unwrap()).unwrap();
}
