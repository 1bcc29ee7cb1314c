//! The read model of sessions: every answer agrees with the session's events up to its `seq`, which are
//! folded here without the engine.

use crate::cli::Cli;
use crate::schema;
use crate::sessions::{World, prepared, request, with};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tradingd::domain::time::Span;
use tradingd::service::page::PageRequest;
use tradingd::service::sessions::{Question, Sessions, StatesWanted};

/// All instances in one part.
pub fn states() -> Question {
    Question::States(StatesWanted {
        symbol: None,
        strategy: None,
        page: PageRequest { limit: 1_000, cursor: None },
    })
}

/// All parts of the read model, each with the number of the last event before it.
pub fn questions() -> Vec<(&'static str, Question)> {
    vec![
        ("account", Question::Account),
        ("positions", Question::Positions),
        ("orders", Question::Orders),
        ("states", states()),
        ("equity", Question::Equity(100)),
    ]
}

/// One answer; `None`: the session does not run any more.
pub async fn ask(sessions: &Sessions, id: &str, question: &Question) -> Option<Value> {
    let look = sessions.look(id, question).await.unwrap()?;
    let answer = look.answer(question);
    assert_eq!(answer["stale_reason"], Value::Null, "{answer}");
    Some(answer)
}

/// Checks an answer of `GET /sessions/{id}/<name>` against the documentation.
#[track_caller]
pub fn documented(name: &str, answer: &Value) {
    let name = format!("Session{}{}", name[..1].to_uppercase(), &name[1..]);
    schema::openapi().fits_named(&name, answer);
}

/// What the events up to a number add up to.
#[derive(Default)]
pub struct Folded {
    initial: f64,
    /// By instance: symbol, signed quantity, opening value and quantity, time of the first fill, stop.
    held: BTreeMap<u64, Held>,
    /// Side, quantity and what is filled, of orders that have not ended.
    orders: BTreeMap<u64, (String, f64, f64)>,
    orders_sent: u64,
    states: BTreeMap<u64, (Value, Value)>,
    closed_net: f64,
}

#[derive(Default, Debug)]
struct Held {
    symbol: Value,
    quantity: f64,
    opened_quantity: f64,
    opened_value: f64,
    opened_at: Value,
    stop: Value,
}

const NOTHING: f64 = 1e-9;

fn near(left: f64, right: f64) -> bool {
    (left - right).abs() <= 1e-6 * right.abs().max(1.0)
}

impl Folded {
    pub fn new(events: &[Value], seq: u64, initial: f64) -> Self {
        let mut folded = Folded { initial, ..Folded::default() };
        for event in events.iter().filter(|event| event["seq"].as_u64().unwrap() <= seq) {
            folded.add(event);
        }
        folded
    }

    fn add(&mut self, event: &Value) {
        let number = |name: &str| event[name].as_f64().unwrap();
        let (order, instance) = (event["order_id"].as_u64(), event["instance"].as_u64());
        match (event["event"].as_str().unwrap(), event["status"].as_str()) {
            ("order_update", Some("submitted")) => {
                self.orders_sent += 1;
                let side = event["side"].as_str().unwrap().to_owned();
                self.orders.insert(order.unwrap(), (side, number("quantity"), 0.0));
            }
            ("order_update", Some("rejected" | "cancelled" | "expired")) => {
                self.orders.remove(&order.unwrap());
            }
            ("fill", _) => {
                let (side, quantity, filled) = self.orders.get_mut(&order.unwrap()).unwrap();
                *filled += number("quantity");
                let sign = if side == "buy" { 1.0 } else { -1.0 };
                let is_over = *filled > *quantity - NOTHING;
                if is_over {
                    self.orders.remove(&order.unwrap());
                }
                self.fill(instance.unwrap(), sign * number("quantity"), number("fill_price"), event);
            }
            ("position_update", Some("stop_moved")) => {
                self.held.entry(instance.unwrap()).or_default().stop = event["stop_price"].clone();
            }
            ("position_update", Some("closed")) => self.closed_net += number("net"),
            ("state_transition", _) => {
                let state = (event["to_state"].clone(), event["timestamp"].clone());
                self.states.insert(instance.unwrap(), state);
            }
            _ => {}
        }
    }

    fn fill(&mut self, instance: u64, signed: f64, price: f64, event: &Value) {
        let held = self.held.entry(instance).or_default();
        let grows = held.quantity * signed >= 0.0;
        if held.quantity.abs() < NOTHING {
            (held.symbol, held.opened_at) = (event["symbol"].clone(), event["timestamp"].clone());
        }
        held.quantity += signed;
        if grows {
            held.opened_quantity += signed.abs();
            held.opened_value += signed.abs() * price;
        } else if held.quantity.abs() < NOTHING {
            *held = Held::default();
        }
    }

    /// Compares an answer with the events.
    #[track_caller]
    pub fn agrees(&self, name: &str, answer: &Value) {
        documented(name, answer);
        match name {
            "account" => self.account(answer),
            "positions" => self.positions(answer),
            "orders" => self.orders(answer),
            "states" => self.states(answer),
            _ => self.equity(answer),
        }
    }

    #[track_caller]
    fn account(&self, account: &Value) {
        let number = |name: &str| account[name].as_f64().unwrap_or_else(|| panic!("{name} of {account}"));
        assert_eq!(account["orders_count"], self.orders_sent, "{account}");
        assert!(near(number("equity"), number("balance") + number("open_pnl")), "{account}");
        assert_eq!(number("initial_balance"), self.initial);
        if self.held.values().all(|held| held.quantity.abs() < NOTHING) {
            assert!(near(number("balance"), self.initial + self.closed_net), "{account}");
        }
        assert!(account["currency"] == "USDT" && account["null_reason"].is_null(), "{account}");
    }

    #[track_caller]
    fn positions(&self, answer: &Value) {
        let shown = answer["positions"].as_array().unwrap();
        let held: Vec<(&u64, &Held)> =
            self.held.iter().filter(|(_, held)| held.quantity.abs() > NOTHING).collect();
        assert_eq!(shown.len(), held.len(), "{answer}\n{held:?}");
        for (position, (instance, held)) in shown.iter().zip(held) {
            let number = |name: &str| position[name].as_f64().unwrap();
            assert_eq!((&position["instance"], &position["symbol"]), (&json!(instance), &held.symbol));
            assert_eq!(position["side"], if held.quantity > 0.0 { "long" } else { "short" });
            assert!(near(number("quantity"), held.quantity.abs()), "{position}\n{held:?}");
            assert!(
                near(number("entry_price"), held.opened_value / held.opened_quantity),
                "{position}\n{held:?}"
            );
            assert_eq!(position["opened_at"], held.opened_at);
            let sign = held.quantity.signum();
            let profit = sign * number("quantity") * (number("mark_price") - number("entry_price"));
            assert!((number("unrealised_pnl") - profit).abs() < 1e-6 * number("notional"), "{position}");
            assert_eq!(position["stop"].get("price").unwrap_or(&Value::Null), &held.stop, "{position}");
        }
    }

    #[track_caller]
    fn orders(&self, answer: &Value) {
        let shown = answer["orders"].as_array().unwrap();
        let ids: Vec<u64> = shown.iter().map(|order| order["order_id"].as_u64().unwrap()).collect();
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, self.orders.keys().copied().collect::<Vec<_>>(), "{answer}");
        for (order, id) in shown.iter().zip(ids) {
            let (side, quantity, filled) = &self.orders[&id];
            assert_eq!(order["side"], side.as_str());
            assert!(near(order["quantity"].as_f64().unwrap(), *quantity));
            assert!(near(order["filled_quantity"].as_f64().unwrap(), *filled));
        }
    }

    #[track_caller]
    fn states(&self, answer: &Value) {
        for state in answer["states"].as_array().unwrap() {
            let folded = self.states.get(&state["instance"].as_u64().unwrap());
            assert_eq!(folded, Some(&(state["state"].clone(), state["since"].clone())), "{state}");
            if state["state"] == "MONITORING" {
                let conditions = state["conditions"].as_array().unwrap();
                assert!(
                    !conditions.is_empty() && conditions.iter().all(|one| one["section"] == "S1"),
                    "{state}"
                );
            }
        }
        assert_eq!(answer["total_count"], answer["states"].as_array().unwrap().len());
        let feeds = answer["feeds"].as_array().unwrap();
        assert!(
            feeds.iter().all(|feed| feed["age_seconds"].as_f64().is_none_or(|age| age >= 0.0)),
            "{answer}"
        );
    }

    #[track_caller]
    fn equity(&self, answer: &Value) {
        let points = answer["equity"].as_array().unwrap();
        assert!(points.len() <= 100 && points[0]["equity"].as_f64().is_some(), "{answer}");
        let times: Vec<&str> = points.iter().map(|point| point["time"].as_str().unwrap()).collect();
        assert!(times.is_sorted());
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_backtest_is_looked_at_while_it_runs_and_decides_the_same() {
    let cli = Cli::new();
    let recording = prepared(&cli);
    let world = World::open(&cli);
    // Without limits it trades to the end.
    let body = with(request(&recording), "/config/risk", json!("none"));
    let quiet = world.finished(&body);
    // 343 seconds of data take 3.4 seconds.
    let slow = with(body, "/config/acceleration_factor", json!(100));
    let id = world.start(&slow).unwrap().session_id;
    let mut answers = Vec::new();
    runtime().block_on(async {
        'running: loop {
            for (name, question) in questions() {
                let Some(answer) = ask(&world.sessions, &id, &question).await else { break 'running };
                answers.push((name, answer));
            }
        }
    });
    let events = world.events(&id);
    assert!(answers.len() > 10, "{}", answers.len());
    for (name, answer) in &answers {
        Folded::new(&events, answer["seq"].as_u64().unwrap(), 5_000.0).agrees(name, answer);
    }
    let seqs: Vec<u64> = answers.iter().map(|(_, answer)| answer["seq"].as_u64().unwrap()).collect();
    assert!(seqs.is_sorted() && seqs[0] < seqs[seqs.len() - 1], "{seqs:?}");
    assert!(
        answers.iter().any(|(_, answer)| answer["positions"].as_array().is_some_and(|all| !all.is_empty()))
    );
    let ended = world.sessions.get(&id).unwrap();
    assert_eq!(world.digest(&ended), world.digest(&quiet), "looking changed the result");

    // What is known of the end comes from the result.
    let account = world.sessions.answer_ended(&id, &Question::Account).unwrap();
    let last = answers.iter().rfind(|(name, _)| *name == "account").map(|(_, answer)| answer).unwrap();
    assert_eq!((&account["currency"], &account["initial_balance"]), (&last["currency"], &json!(5_000.0)));
    assert!(account["equity"] == account["balance"] && account["null_reason"].is_string(), "{account}");
    assert_eq!(account["seq"], events.len());
    documented("account", &account);
    let flat = world.sessions.answer_ended(&id, &Question::Positions).unwrap();
    assert_eq!((&flat["positions"], &flat["status"]), (&json!([]), &json!("completed")));
    documented("positions", &flat);
    let curve = world.sessions.answer_ended(&id, &Question::Equity(20)).unwrap();
    assert!((1..=20).contains(&curve["equity"].as_array().unwrap().len()), "{curve}");
    assert_eq!(world.sessions.answer_ended(&id, &states()).unwrap_err().code, "session_ended");
    assert_eq!(world.sessions.answer_ended("nothing", &states()).unwrap_err().code, "session_not_found");
}

#[test]
fn a_blocked_entry_is_shown_with_its_limit_and_until_when() {
    let cli = Cli::new();
    let recording = prepared(&cli);
    let world = World::open(&cli);
    // The fourth loss in a row comes within the first 15 seconds of the data, and pauses entries for half an
    // hour.
    let id =
        world.start(&with(request(&recording), "/config/acceleration_factor", json!(40))).unwrap().session_id;
    let blocked = runtime().block_on(async {
        loop {
            let answer = ask(&world.sessions, &id, &states()).await.expect("it runs for 8 seconds");
            let state = answer["states"][0].clone();
            if state["blocked"]["guard"] == "consecutive_losses" {
                break state;
            }
        }
    });
    world.sessions.stop(&id, Span::from_seconds(10)).unwrap();
    let events = world.events(&id);
    let closed = events.iter().filter(|event| event["status"] == "closed").nth(3).unwrap();
    let (lost, until) =
        (closed["timestamp"].as_str().unwrap(), blocked["blocked"]["until"].as_str().unwrap());
    assert_eq!((&lost[11..17], &until[11..17], &lost[17..]), ("23:54:", "00:24:", &until[17..]));
    assert!(
        blocked["blocked"]["until_reason"].is_null() && blocked["blocked"]["reason"].is_string(),
        "{blocked}"
    );
}

#[test]
fn a_session_that_waits_for_its_next_event_answers_at_once_and_its_parts_are_pages() {
    let cli = Cli::new();
    let recording = prepared(&cli);
    let world = World::open(&cli);
    // At this pace the next event is due in hours.
    let waiting = with(request(&recording), "/config/acceleration_factor", json!(0.00001));
    let id = world.start(&waiting).unwrap().session_id;
    let part = |cursor: Option<String>, symbol: &str| {
        Question::States(StatesWanted {
            symbol: Some(symbol.to_owned()),
            strategy: None,
            page: PageRequest { limit: 1, cursor },
        })
    };
    runtime().block_on(async {
        let watch = tradingd::clock::Stopwatch::start();
        for question in [part(None, "BTCUSDT"), part(None, "BTCUSDT")] {
            let answer = ask(&world.sessions, &id, &question).await.unwrap();
            assert_eq!(
                (&answer["total_count"], &answer["next_cursor"]),
                (&json!(1), &Value::Null),
                "{answer}"
            );
            assert_eq!(answer["feeds"].as_array().unwrap().len(), 1);
        }
        assert!(watch.elapsed() < Span::from_seconds(2), "it waited for the next event");
        let behind = ask(&world.sessions, &id, &part(Some("1".to_owned()), "BTCUSDT")).await.unwrap();
        assert_eq!(behind["states"], json!([]));
        let other = ask(&world.sessions, &id, &part(None, "ETHUSDT")).await.unwrap();
        assert_eq!((&other["states"], &other["feeds"]), (&json!([]), &json!([])));
    });
    world.sessions.stop(&id, Span::from_seconds(10)).unwrap();
}
