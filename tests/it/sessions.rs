//! Sessions of the daemon over a real recording: same results as the command line at any speed; stopping,
//! refusals, restarts; validation of start requests.

use crate::cli::{Cli, shipped_one};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Barrier};
use tradingd::clock;
use tradingd::config::Config;
use tradingd::domain::time::Span;
use tradingd::limits::SESSION_PAIRS;
use tradingd::service::Refusal;
use tradingd::service::hub::Hub;
use tradingd::service::market::Market;
use tradingd::service::page::PageRequest;
use tradingd::service::recordings::{RecordingFilter, Recordings};
use tradingd::service::references::References;
use tradingd::service::results::{ResultFilter, Results};
use tradingd::service::sessions::{Counters, SessionFilter, SessionState, SessionView, Sessions, Started};
use tradingd::service::strategies::{Strategies, seed_builtin};
use tradingd::store::records::SessionRow;
use tradingd::store::{EventSegment, NewRecording, OpenMode, RecordingEnd, Store};

/// Maximum wait for a run of the small recording.
const LONG: Span = Span::from_seconds(120);

/// Services over a state directory with one recording and the strategy `ema`, which trades often.
pub struct World {
    pub store: Arc<Store>,
    strategies: Arc<Strategies>,
    in_use: Arc<References>,
    pub sessions: Arc<Sessions>,
}

pub fn prepared(cli: &Cli) -> String {
    let ema = cli.file("ema.json", include_str!("../../benches/workloads/ema.json"));
    cli.ok(&["strategies", "add", &ema]);
    cli.import(&[shipped_one("trades")])["id"].as_str().unwrap().to_owned()
}

impl World {
    pub fn open(cli: &Cli) -> World {
        let store = Arc::new(Store::open(&cli.state(), OpenMode::MustExist).unwrap());
        World::over(store)
    }

    fn over(store: Arc<Store>) -> World {
        seed_builtin(&store, clock::now()).unwrap();
        let in_use = Arc::new(References::default());
        let strategies = Arc::new(Strategies::new(Arc::clone(&store), Arc::clone(&in_use)));
        let hub = Arc::new(Hub::new(clock::now()));
        let market = Arc::new(Market::open(None, Arc::clone(&store), std::path::PathBuf::new()).unwrap());
        let (stored, known, held) = (Arc::clone(&store), Arc::clone(&strategies), Arc::clone(&in_use));
        let sessions =
            Sessions::open(stored, hub, known, held, market, &Config::default(), clock::now()).unwrap();
        World { store, strategies, in_use, sessions }
    }

    pub fn start(&self, body: &Value) -> Result<Started, Refusal> {
        self.sessions.start(body, "ann", &Config::default(), clock::now())
    }

    #[track_caller]
    pub fn finished(&self, body: &Value) -> SessionView {
        let id = self.start(body).unwrap().session_id;
        assert!(self.sessions.wait(&id, LONG), "{id} does not end");
        self.sessions.get(&id).unwrap()
    }

    fn counts(&self, session: &SessionView) -> Counters {
        session.counters.unwrap()
    }

    pub fn digest(&self, session: &SessionView) -> String {
        self.store.result(session.result_id.as_deref().unwrap()).unwrap().digest
    }

    pub fn events(&self, id: &str) -> Vec<Value> {
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let part = self.sessions.events(id, after, 100).unwrap();
            all.extend(part.events);
            after = part.next_after;
            if !part.more {
                return all;
            }
        }
    }
}

pub fn request(recording: &str) -> Value {
    json!({
        "session_type": "backtest",
        "symbols": [],
        "strategy_config": {"strategies": ["ema"]},
        "config": {"session_id": recording, "acceleration_factor": 0, "initial_balance": 5000, "seed": 7},
    })
}

pub fn with(mut body: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[name] = value;
    body
}

#[test]
fn a_recorded_symbol_is_found_by_either_spelling() {
    let cli = Cli::new();
    let id = prepared(&cli);
    let world = World::open(&cli);
    let asked = with(request(&id), "/symbols", json!(["BTC_USDT", "BTCUSDT"]));
    let session = world.finished(&asked);
    assert_eq!(
        (session.status, session.symbols.clone()),
        (SessionState::Completed, vec!["BTCUSDT".to_owned()])
    );
    assert_eq!(world.digest(&session), world.digest(&world.finished(&request(&id))));
    let by_strategy =
        with(with(request(&id), "/symbols", json!([])), "/strategy_config", json!({"ema": ["BTC_USDT"]}));
    assert_eq!(world.digest(&world.finished(&by_strategy)), world.digest(&session));
    let refusal = world.start(&with(request(&id), "/symbols", json!(["币安人生_USDT"]))).unwrap_err();
    assert_eq!(refusal.code, "symbol_not_found");
    let refusal = world.start(&with(request(&id), "/symbols", json!(["BTC\u{202e}_USDT"]))).unwrap_err();
    assert!(refusal.code == "invalid_request" && refusal.message.contains("text-direction"), "{refusal:?}");
}

#[test]
fn a_session_gives_the_result_of_the_command_line_at_any_speed() {
    let cli = Cli::new();
    let id = prepared(&cli);
    let args = [
        "backtest",
        "--recording",
        &id,
        "--strategy",
        "ema",
        "--together",
        "--json",
        "--initial-balance",
        "5000",
        "--seed",
        "7",
    ];
    let ran = cli.json(&args);
    let world = World::open(&cli);
    let session = world.finished(&request(&id));
    assert_eq!(session.status, SessionState::Completed, "{session:?}");
    assert_eq!(Value::from(world.digest(&session)), ran["results"][0]["digest"]);
    let counters = world.counts(&session);
    assert_eq!((session.progress, counters.ticks), (Some(100.0), 21_313));
    assert!(counters.trades > 0 && counters.orders >= 2 * counters.trades);
    assert_eq!(session.symbols, ["BTCUSDT"]);
    let paced = world.finished(&with(request(&id), "/config/acceleration_factor", json!(600)));
    assert_eq!(paced.status, SessionState::Completed);
    assert_eq!(world.digest(&paced), world.digest(&session), "speed changed the result");
    assert_eq!(paced.counters, session.counters);
    // The session's counters equal the figures of its result.
    let result = world.store.result(&session.session_id).unwrap();
    assert_eq!(result.trades, counters.trades);
    assert!(world.store.result_report(&session.session_id).unwrap().unwrap().contains("<!DOCTYPE html>"));
    let list = world.strategies.list().unwrap();
    let ema = list.strategies.iter().find(|one| one.id == "ema").unwrap();
    // Three backtests with equal decisions (one of the command, two sessions) count once.
    assert_eq!(ema.total_trades, Some(result.trades));
    assert_eq!(ema.last_result_id.as_deref(), Some(paced.session_id.as_str()));
    assert!(world.store.verify().unwrap().is_sound());
}

/// Of an order that was not filled in full the last event says what became of it.
fn every_order_has_an_end(events: &[Value]) {
    let of_orders = events.iter().filter(|event| event["order_id"].is_u64());
    let mut orders: BTreeMap<u64, Vec<&Value>> = BTreeMap::new();
    of_orders.for_each(|event| orders.entry(event["order_id"].as_u64().unwrap()).or_default().push(event));
    for told in orders.values().filter(|told| told[0]["status"] == "submitted") {
        let amounts =
            told.iter().filter(|event| event["event"] == "fill").map(|fill| fill["quantity"].as_f64());
        let filled: f64 = amounts.map(Option::unwrap).sum();
        let is_full = (filled - told[0]["quantity"].as_f64().unwrap()).abs() < 1e-9;
        let last = told[told.len() - 1];
        let is_ended = matches!(last["status"].as_str(), Some("rejected" | "cancelled" | "expired"));
        assert!(is_full != is_ended, "{told:?}");
    }
}

#[test]
fn the_stream_of_events_has_no_holes_and_agrees_with_the_counters() {
    let cli = Cli::new();
    let id = prepared(&cli);
    let world = World::open(&cli);
    let session = world.finished(&request(&id));
    let events = world.events(&session.session_id);
    let counters = world.counts(&session);
    let seqs: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=counters.events).collect::<Vec<_>>());
    let count = |name: &str, field: &str, value: &str| {
        events
            .iter()
            .filter(|event| event["event"] == name && (field.is_empty() || event[field] == value))
            .count() as u64
    };
    assert_eq!(count("fill", "", ""), counters.fills);
    assert_eq!(count("order_update", "status", "submitted"), counters.orders);
    every_order_has_an_end(&events);
    assert_eq!(count("position_update", "status", "closed"), counters.trades);
    assert_eq!(
        events.iter().filter(|event| event["event"] == "signal" && event["section"] == "S1").count() as u64,
        counters.signals
    );
    assert_eq!(
        (events[0]["event"].as_str(), events[0]["user"].as_str()),
        (Some("session_started"), Some("ann"))
    );
    assert_eq!(events[1]["event"], "strategy_activated");
    let samples: Vec<&Value> = events.iter().filter(|event| event["event"] == "equity").collect();
    assert!(samples.len() as u64 > counters.trades, "one a minute, and one for each closed position");
    assert!(samples.is_sorted_by_key(|sample| sample["timestamp"].as_str()));
    let last = samples.last().unwrap();
    let result = Results::new(Arc::clone(&world.store)).of_session(&session.session_id).unwrap();
    let initial = result["metrics"]["net_profit"]["value"].as_f64().unwrap() + 5_000.0;
    assert!((last["balance"].as_f64().unwrap() - initial).abs() < 1e-6, "{last} {initial}");
    assert_eq!((&last["equity"], last["exposure"].as_f64()), (&last["balance"], Some(0.0)));
    assert_eq!(events.last().unwrap()["event"], "session_completed");
    assert!(world.sessions.events(&session.session_id, counters.events, 10).unwrap().ended);
    let ahead = world.sessions.events(&session.session_id, counters.events + 1, 10).unwrap_err();
    let span = json!({"oldest": 1, "newest": counters.events});
    assert_eq!((ahead.code, &ahead.details), ("cursor_expired", &span), "{ahead}");
    let results = Results::new(Arc::clone(&world.store));
    let orders = results.orders(&session.session_id, None, 5_000).unwrap();
    assert_eq!(orders["total_count"], counters.orders);
    orders_come_in_parts(&results, &session.session_id, &orders);
    assert_eq!(json!(results.trades(&session.session_id).unwrap())["total_count"], counters.trades);
    let shown = results.of_session(&session.session_id).unwrap();
    assert_eq!(shown["metrics"]["trades"]["value"], counters.trades);
    assert!(shown.get("trades").is_none() && shown["assumptions"].is_object());
    let equity = json!(results.equity(&session.session_id, 50).unwrap());
    assert!(equity["equity"].as_array().unwrap().len() <= 50);
    assert!(results.report(&session.session_id).unwrap().contains("BTCUSDT"));
    let list = results
        .list(&ResultFilter { strategy: Some("ema".into()), ..ResultFilter::default() }, &page(10))
        .unwrap();
    assert_eq!(
        (list.total_count, list.items[0].session_id.as_deref()),
        (1, Some(session.session_id.as_str()))
    );
    assert_eq!(results.of_session("exec_none").unwrap_err().code, "result_not_found");
}

/// All parts together are the whole, and none is larger than asked for.
fn orders_come_in_parts(results: &Results, session: &str, whole: &Value) {
    let all = whole["orders"].as_array().unwrap();
    assert!(all.len() > 4 && whole.get("next_cursor").is_none(), "{whole}");
    let (mut parts, mut behind) = (Vec::new(), None);
    loop {
        let part = results.orders(session, behind, 3).unwrap();
        assert_eq!(part["total_count"], whole["total_count"]);
        let orders = part["orders"].as_array().unwrap();
        assert!((1..=3).contains(&orders.len()), "{part}");
        parts.extend(orders.iter().cloned());
        let Some(next) = part.get("next_cursor") else { break };
        behind = Some(next.as_str().unwrap().parse().unwrap());
    }
    assert_eq!(&parts, all);
}

fn page(limit: usize) -> PageRequest {
    PageRequest { limit, cursor: None }
}

#[test]
fn a_paced_session_is_watched_stopped_and_keeps_what_it_did() {
    let cli = Cli::new();
    let id = prepared(&cli);
    let world = World::open(&cli);
    // 343 seconds of data take 17 seconds, so it cannot end before it is stopped.
    let started = world.start(&with(request(&id), "/config/acceleration_factor", json!(20))).unwrap();
    assert_eq!((started.session_type, started.strategies.as_slice()), ("backtest", &["ema".to_owned()][..]));
    while world.counts(&world.sessions.get(&started.session_id).unwrap()).ticks == 0 {
        std::thread::yield_now();
    }
    let running = &world.sessions.execution_status()[0];
    assert_eq!(
        (running.status, running.session_id.as_str()),
        (SessionState::Running, started.session_id.as_str())
    );
    assert!(running.progress.unwrap() < 100.0 && running.simulated_time.is_some());
    let recordings = Recordings::new(Arc::clone(&world.store), Arc::clone(&world.in_use));
    assert_eq!(recordings.delete(&id).unwrap_err().code, "session_active");
    assert_eq!(world.strategies.delete("ema", None, clock::now()).unwrap_err().code, "strategy_in_use");
    let watch = clock::Stopwatch::start();
    let stopped = world.sessions.stop(&started.session_id, Span::from_seconds(10)).unwrap();
    assert!(watch.elapsed() < Span::from_seconds(5), "a waiting replay must end at once");
    assert!(!stopped.still_stopping && !stopped.was_orphaned);
    let ended = world.sessions.get(&started.session_id).unwrap();
    assert_eq!((ended.status, ended.error_message), (SessionState::Stopped, None));
    let result = world.store.result(ended.result_id.as_deref().unwrap()).unwrap();
    assert!(result.stopped_early);
    assert_eq!(
        world.strategies.list().unwrap().strategies.iter().find(|one| one.id == "ema").unwrap().total_trades,
        None
    );
    assert_eq!(world.sessions.stop(&started.session_id, LONG).unwrap_err().code, "session_already_stopped");
    assert_eq!(world.sessions.stop("exec_none", LONG).unwrap_err().code, "session_not_found");
    assert!(world.sessions.execution_status().is_empty());
    recordings.delete(&id).unwrap();
}

#[test]
fn a_session_is_found_after_a_restart_and_one_that_was_cut_is_closed_once() {
    let cli = Cli::new();
    let id = prepared(&cli);
    let world = World::open(&cli);
    let session = world.finished(&request(&id));
    let cut = SessionRow {
        id: "exec_20200101_000000_abcdef".into(),
        kind: "backtest".into(),
        state: "running".into(),
        request: "{}".into(),
        ..SessionRow::default()
    };
    let first = EventSegment { first_seq: 1, lines: "{\"seq\":1,\"event\":\"session_started\"}\n".into() };
    world.store.put_session(&cut, &first).unwrap();
    drop(world);
    let world = World::open(&cli);
    assert_eq!(world.sessions.get(&session.session_id).unwrap(), session);
    let found = world.sessions.get(&cut.id).unwrap();
    assert_eq!((found.status, found.was_orphaned, found.counters), (SessionState::Failed, true, None));
    assert_eq!(found.error_message.as_deref(), Some("the daemon ended while it ran"));
    assert_eq!(world.events(&cut.id).last().unwrap()["event"], "session_failed");
    assert!(world.sessions.stop(&cut.id, LONG).unwrap().was_orphaned);
    assert_eq!(world.sessions.stop(&cut.id, LONG).unwrap_err().code, "session_already_stopped");
    drop(world);
    let world = World::open(&cli);
    assert_eq!(world.sessions.stop(&cut.id, LONG).unwrap_err().code, "session_already_stopped");
    let list = world.sessions.list(&SessionFilter::default(), &page(1)).unwrap();
    assert_eq!((list.total_count, list.items[0].session_id.as_str()), (2, session.session_id.as_str()));
    let failed = SessionFilter { status: Some("failed".into()), ..SessionFilter::default() };
    assert_eq!(world.sessions.list(&failed, &page(10)).unwrap().items[0].session_id, cut.id);
}

#[test]
fn identical_requests_at_the_same_time_make_one_session() {
    let cli = Cli::new();
    let id = prepared(&cli);
    let world = World::open(&cli);
    let slow = with(with(request(&id), "/config/acceleration_factor", json!(1)), "/idempotent", json!(true));
    let together = Barrier::new(6);
    let started: Vec<Started> = std::thread::scope(|scope| {
        let one = || {
            together.wait();
            world.start(&slow).unwrap()
        };
        let all: Vec<_> = (0..6).map(|_| scope.spawn(one)).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(started.iter().all(|one| one.session_id == started[0].session_id));
    assert_eq!(started.iter().filter(|one| !one.idempotent_replay).count(), 1);
    let other = world.start(&with(slow.clone(), "/config/seed", json!(8))).unwrap();
    assert_ne!(other.session_id, started[0].session_id);
    world.sessions.stop(&started[0].session_id, LONG).unwrap();
    assert_ne!(
        world.start(&slow).unwrap().session_id,
        started[0].session_id,
        "an ended session is not given again"
    );
    let mut config = Config::default();
    config.limits.max_sessions = 2;
    let third = with(slow, "/config/seed", json!(9));
    let refused = world.sessions.start(&third, "ann", &config, clock::now()).unwrap_err();
    assert_eq!(
        (refused.code, &refused.details["conflict"]["session_id"]),
        ("session_conflict", &json!(other.session_id))
    );
    let replacing = with(third, "/config/replace_existing", json!(true));
    let replaced = world.sessions.start(&replacing, "ann", &config, clock::now()).unwrap();
    assert!(replaced.warnings.iter().any(|warning| warning.contains(&other.session_id)), "{replaced:?}");
    assert_eq!(world.sessions.get(&other.session_id).unwrap().status, SessionState::Stopped);
    assert!(world.sessions.shutdown(LONG).is_empty());
    assert_eq!(world.sessions.get(&replaced.session_id).unwrap().status, SessionState::Stopped);
    assert_eq!(world.start(&request(&id)).unwrap_err().code, "shutting_down");
}

#[test]
fn a_symbol_switched_off_while_a_session_runs_is_an_event_and_told_in_the_result() {
    let cli = Cli::new();
    let id = prepared(&cli);
    let world = World::open(&cli);
    let started = world.start(&with(request(&id), "/config/acceleration_factor", json!(20))).unwrap();
    let mut config = Config::default();
    config.trading.disabled_symbols = vec!["BTCUSDT".into()];
    world.sessions.apply_config(&config);
    while !world.events(&started.session_id).iter().any(|event| event["event"] == "symbol_table") {
        std::thread::yield_now();
    }
    world.sessions.stop(&started.session_id, LONG).unwrap();
    let events = world.events(&started.session_id);
    let swap = events.iter().find(|event| event["event"] == "symbol_table").unwrap();
    assert_eq!(swap["disabled_symbols"], json!(["BTCUSDT"]));
    let shown = Results::new(Arc::clone(&world.store)).of_session(&started.session_id).unwrap();
    let warnings = shown["assumptions"]["warnings"].to_string();
    assert!(warnings.contains("the configuration changed while it ran"), "{warnings}");
    // Disabled from the start: the session warns and trades nothing.
    let session = world.sessions.start(&request(&id), "ann", &config, clock::now()).unwrap();
    assert!(session.warnings.iter().any(|warning| warning.contains("switched off")), "{session:?}");
    assert!(world.sessions.wait(&session.session_id, LONG));
    assert_eq!(world.counts(&world.sessions.get(&session.session_id).unwrap()).orders, 0);
}

/// Request body, error code, pointers of the problems, words of the message.
type Refused = (Value, &'static str, &'static [&'static str], &'static str);

fn bad_requests(id: &str) -> Vec<Refused> {
    let good = || request(id);
    vec![
        (json!({}), "invalid_session_type", &["/session_type"], "is missing"),
        (json!([]), "invalid_session_type", &[""], "must be an object"),
        (
            with(good(), "/session_type", json!("backtst")),
            "invalid_session_type",
            &["/session_type"],
            "did you mean \"backtest\"?",
        ),
        (
            with(good(), "/symbol", json!(["X_Y"])),
            "invalid_request",
            &["/symbol"],
            "did you mean \"symbols\"?",
        ),
        (
            with(good(), "/config/aceleration_factor", json!(1)),
            "invalid_request",
            &["/config/aceleration_factor"],
            "acceleration_factor",
        ),
        (
            with(good(), "/config/session_id", json!(null)),
            "invalid_request",
            &["/config/session_id"],
            "name the recording",
        ),
        (
            with(good(), "/config/session_id", json!("session_none")),
            "recording_not_found",
            &[],
            "session_none",
        ),
        (with(good(), "/symbols", json!(["b tc"])), "invalid_request", &["/symbols/0"], "white space"),
        (with(good(), "/symbols", json!("BTCUSDT")), "invalid_request", &["/symbols"], "list"),
        (with(good(), "/symbols", json!(["ETH_USDT"])), "symbol_not_found", &[], "ETH_USDT"),
        (
            with(good(), "/strategy_config", json!({"strategies": ["emma"]})),
            "strategy_not_found",
            &["/strategy_config/strategies/0"],
            "ema?",
        ),
        (
            with(good(), "/strategy_config", json!({"strategys": ["BTCUSDT"]})),
            "strategy_not_found",
            &["/strategy_config/strategys"],
            "did you mean strategies?",
        ),
        (
            with(good(), "/strategy_config", json!({"strategies": []})),
            "invalid_request",
            &["/strategy_config"],
            "names no strategy",
        ),
        (
            with(good(), "/config/stop_loss_percent", json!("5")),
            "invalid_request",
            &["/config/stop_loss_percent"],
            "number",
        ),
        (
            with(good(), "/config/acceleration_factor", json!(-1)),
            "invalid_request",
            &["/config/acceleration_factor"],
            "between 0",
        ),
        (
            with(good(), "/config/budget", json!({"global_cap": 1000, "allocations": {"ema": 1001}})),
            "budget_cap_exceeded",
            &["/config/budget/allocations"],
            "1001",
        ),
        (
            with(good(), "/config/budget", json!({"allocations": {"em": "60"}})),
            "invalid_request",
            &["/config/budget/allocations/em"],
            "60%",
        ),
        (with(good(), "/session_type", json!("paper")), "exchange_unavailable", &[], "exchange"),
        (
            with(good(), "/config/global_budget", json!(1)),
            "invalid_request",
            &["/config/global_budget"],
            "did you mean \"budget.global_cap\"?",
        ),
        (
            with(good(), "/config/replay_speed", json!(1)),
            "invalid_request",
            &["/config/replay_speed"],
            "did you mean \"acceleration_factor\"?",
        ),
        // The message contains all problems, for clients that show nothing else.
        (
            with(with(good(), "/symbol", json!(1)), "/config/slippage", json!("much")),
            "invalid_request",
            &["/symbol", "/config/slippage"],
            "/config/slippage must be a number between 0 and 50; /symbol is unknown",
        ),
    ]
}

#[test]
fn a_bad_request_is_told_all_its_problems_and_nothing_starts() {
    let cli = Cli::new();
    let id = prepared(&cli);
    let world = World::open(&cli);
    for (body, code, paths, words) in bad_requests(&id) {
        let body =
            if code == "exchange_unavailable" { with(body, "/symbols", json!(["BTC_USDT"])) } else { body };
        let refused = world.start(&body).unwrap_err();
        assert_eq!(refused.code, code, "{body}: {refused:?}");
        let problems = refused.details["problems"].as_array().cloned().unwrap_or_default();
        for path in paths {
            assert!(
                problems.iter().any(|problem| problem["path"] == *path),
                "{body}: no {path} in {refused:?}"
            );
        }
        assert!(
            format!("{} {}", refused.message, refused.details).contains(&words.replace('"', "\\\""))
                || refused.message.contains(words),
            "{body}: {refused:?}"
        );
    }
    let over =
        with(request(&id), "/config/budget", json!({"global_cap": 1000, "allocations": {"ema": "100%"}}));
    let session = world.finished(&with(over, "/strategy_config", json!({"ema": ["BTCUSDT"]})));
    assert_eq!(session.status, SessionState::Completed);
    assert_eq!(session.request["strategies"][0]["allocation"], 1000.0);
    assert_eq!(world.sessions.list(&SessionFilter::default(), &page(10)).unwrap().total_count, 1);
}

/// The number of pairs is limited because each uses memory while the session runs.
#[test]
fn a_session_has_so_many_pairs_of_strategies_and_symbols() {
    let cli = Cli::new();
    let id = prepared(&cli);
    let world = World::open(&cli);
    let symbols: Vec<String> = (0..200).map(|n| format!("S{n}_USDT")).collect();
    let mut config = Config::default();
    config.trading.default_symbols.clone_from(&symbols);
    let strategies =
        |count: usize| json!({"strategies": (0..count).map(|n| format!("s{n}")).collect::<Vec<_>>()});
    let start = |count: usize| {
        let body = json!({"session_type": "paper", "symbols": symbols, "strategy_config": strategies(count)});
        world.sessions.start(&body, "ann", &config, clock::now()).unwrap_err()
    };
    let refused = start(SESSION_PAIRS / 200 + 1);
    assert_eq!(
        (refused.code, &refused.details["problems"][0]["path"]),
        ("invalid_request", &json!("/strategy_config")),
        "{refused:?}"
    );
    assert_eq!(start(SESSION_PAIRS / 200).code, "strategy_not_found", "as many as there may be");
    // With a single symbol this number of strategies is within the limit, so the unknown strategy is
    // reported.
    let many = with(request(&id), "/strategy_config", strategies(900));
    assert_eq!(world.start(&many).unwrap_err().code, "strategy_not_found");
}

#[test]
fn a_recording_without_rows_is_not_offered_and_not_replayed() {
    let cli = Cli::new();
    prepared(&cli);
    let world = World::open(&cli);
    let new = NewRecording { at: clock::now(), entropy: 7, sources: vec!["mexc, paper session".into()] };
    let live = world.store.begin_recording(new, vec!["BTC_USDT".into()]).unwrap();
    let recordings = Recordings::new(Arc::clone(&world.store), Arc::clone(&world.in_use));
    let listed = |status: Option<&str>| {
        let filter = RecordingFilter { status: status.map(str::to_owned), ..RecordingFilter::default() };
        recordings.list(&filter, &page(10)).unwrap().items
    };
    let making = &listed(Some("recording"))[0];
    assert!(
        making.start_time.is_some() && making.start_time == making.created_at && making.end_time.is_none(),
        "{making:?}"
    );
    assert_eq!(making.exchange.as_deref(), Some("mexc"));
    let id = live.finish(RecordingEnd::default()).unwrap();
    assert_eq!(listed(None).len(), 1, "only the one that was imported");
    assert_eq!(listed(None)[0].exchange, None, "files do not say");
    assert!(listed(Some("completed")).iter().all(|line| line.session_id != id));
    assert_eq!(listed(Some("empty"))[0].session_id, id);
    let refused = world.start(&request(&id)).unwrap_err();
    assert_eq!(
        (refused.code, refused.message.contains("is empty")),
        ("invalid_request", true),
        "{refused:?}"
    );
    assert_eq!(refused.details["problems"][0]["path"], "/config/session_id");
}
