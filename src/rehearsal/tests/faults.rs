//! Each fault does what `docs/rehearsal.md` says, and nothing goes wrong without one.

use super::*;
use crate::rehearsal::faults::{Fault, FaultKind, word};

fn buy(vol: i64) -> Value {
    json!({"symbol": "BTC_USDT", "side": 1, "type": 5, "openType": 1, "vol": vol, "leverage": 20})
}

fn reply(world: &mut World, target: &str) -> Reply {
    world.ask(&request("GET", target, "", Vec::new(), ""))
}

#[test]
fn answers_of_rest_are_replaced_as_often_as_asked() {
    let mut world = World::new(PLAIN);
    let ping = "/api/v1/contract/ping";
    let cases = [
        ("throttled", 200, "\"code\":510"),
        ("too_many", 429, "\"code\":429"),
        ("denied", 403, "Access Denied"),
        ("gateway", 504, "504 Gateway"),
        ("empty", 200, ""),
        ("truncated", 200, "{\"success\":true,\"cod"),
        ("maintenance", 200, "announcement"),
        ("maintenance604", 200, "\"code\":604"),
        ("not_allowed", 200, "\"code\":1002"),
        ("internal", 200, "\"code\":500"),
        ("time_window", 200, "\"code\":513"),
    ];
    for (kind, status, part) in cases {
        fault(&mut world, &format!("{{\"fault\": \"{kind}\", \"times\": 2, \"path\": \"/ping\"}}"));
        assert_eq!(reply(&mut world, "/api/v1/contract/ticker").status, 200);
        for _ in 0..2 {
            let spoiled = reply(&mut world, ping);
            let text = String::from_utf8(spoiled.body).unwrap();
            assert!(
                spoiled.status == status && text.contains(part) && !text.ends_with("\"data\":1700000000001}"),
                "{kind}: {text}"
            );
        }
        assert!(
            serde_json::from_slice::<Value>(&reply(&mut world, ping).body).unwrap()["success"] == true,
            "{kind}"
        );
    }
}

#[test]
fn a_lost_answer_may_hide_an_order_that_was_executed() {
    let order = buy(1).to_string();
    for (text, executed, is_reset) in [
        (r#"{"fault": "reset_after", "path": "create"}"#, 1, true),
        (r#"{"fault": "reset_before", "path": "create"}"#, 0, true),
        (r#"{"fault": "gateway", "path": "create"}"#, 0, false),
        (r#"{"fault": "gateway", "path": "create", "count": 1}"#, 1, false),
        (r#"{"fault": "truncated", "path": "create"}"#, 1, false),
    ] {
        let mut world = World::new(PLAIN);
        fault(&mut world, text);
        let request = world.signed("POST", "order/create", &order);
        let reply = world.ask(&request);
        assert_eq!(
            (world.exchange.trading.accounts[0].open.len(), reply.is_reset),
            (executed, is_reset),
            "{text}"
        );
    }
    let mut world = World::new(PLAIN);
    fault(&mut world, r#"{"fault": "late", "ms": 30000}"#);
    assert!(reply(&mut world, "/api/v1/contract/ping").after_ms == 30_000);
    fault(&mut world, r#"{"fault": "ack_late"}"#);
    let request = world.signed("POST", "order/create", &order);
    assert!(world.ask(&request).after_ms >= 500);
}

#[test]
fn orders_go_wrong_after_they_were_accepted() {
    let mut world = World::new(PLAIN);
    let end = |world: &mut World, text: &str, order: &Value| {
        fault(world, text);
        let id = world.place(order).unwrap();
        world.pass(20);
        let order = world.order(&id);
        (
            order["state"].as_i64().unwrap(),
            order["errorCode"].as_i64().unwrap(),
            order["dealVol"].as_i64().unwrap(),
            id,
        )
    };
    let (state, code, filled, _) = end(&mut world, r#"{"fault": "rejected_later"}"#, &buy(10));
    assert_eq!((state, code, filled), (5, 2, 0));
    assert_eq!(world.exchange.trading.accounts[0].reserved().0, 0);
    let (state, code, filled, _) = end(&mut world, r#"{"fault": "partial", "count": 30}"#, &buy(10));
    assert_eq!((state, code, filled), (4, 21, 3));
    let mut limit = buy(10);
    (limit["type"], limit["price"]) = (json!(1), json!(100.02));
    let (state, _, filled, id) = end(&mut world, r#"{"fault": "partial"}"#, &limit);
    assert_eq!((state, filled), (2, 5));
    fault(&mut world, r#"{"fault": "cancel_crossed"}"#);
    assert_eq!(world.private("POST", "order/cancel", &format!("[\"{id}\"]"))["data"][0]["errorCode"], 2041);
    assert_eq!(
        (world.order(&id)["state"].clone(), world.order(&id)["dealVol"].clone()),
        (json!(3), json!(10))
    );
    fault(&mut world, r#"{"fault": "unknown_order", "times": 1}"#);
    assert_eq!(world.private("GET", &format!("order/get/{id}"), "")["code"], 2040);
}

#[test]
fn reads_lag_behind_fills() {
    let mut world = World::new(PLAIN);
    fault(&mut world, r#"{"fault": "hide_positions", "for_ms": 2000}"#);
    fault(&mut world, r#"{"fault": "stale_balance", "for_ms": 2000}"#);
    world.place(&buy(10)).unwrap();
    world.pass(20);
    assert_eq!(world.private("GET", "position/open_positions", "")["data"], json!([]));
    assert_eq!(world.private("GET", "account/asset/USDT", "")["data"]["availableBalance"], 10_000);
    world.pass(2_000);
    assert_eq!(world.private("GET", "position/open_positions", "")["data"][0]["holdVol"], 10);
    assert!(
        world.private("GET", "account/asset/USDT", "")["data"]["availableBalance"].as_f64().unwrap()
            < 10_000.0
    );
}

#[test]
fn somebody_else_acts_on_the_account() {
    for (kind, category) in [("liquidate", 2), ("adl", 4), ("web_close", 1)] {
        let mut world = World::new(PLAIN);
        world.place(&buy(10)).unwrap();
        world.pass(20);
        fault(&mut world, &format!("{{\"fault\": \"{kind}\", \"symbol\": \"BTC_USDT\"}}"));
        let last = world.private("GET", "order/list/history_orders", "")["data"][0].clone();
        assert_eq!(
            (last["category"].clone(), last["side"].clone(), last["dealVol"].clone()),
            (json!(category), json!(4), json!(10)),
            "{kind}"
        );
        assert!(
            last["externalOid"].as_str().unwrap().starts_with("_m_")
                && world.exchange.trading.accounts[0].positions.is_empty()
        );
    }
    let mut world = World::new(PLAIN);
    fault(&mut world, r#"{"fault": "web_order", "symbol": "BTC_USDT", "count": 3}"#);
    fault(&mut world, r#"{"fault": "leverage", "symbol": "ETH_USDT", "count": 5}"#);
    fault(&mut world, r#"{"fault": "position_mode", "count": 2}"#);
    world.pass(20);
    assert_eq!(world.private("GET", "position/open_positions", "")["data"][0]["holdVol"], 3);
    assert_eq!(world.private("GET", "position/leverage?symbol=ETH_USDT", "")["data"][0]["leverage"], 5);
    assert_eq!(world.private("GET", "position/position_mode", "")["data"], 2);
}

#[test]
fn pushes_come_twice_and_out_of_order() {
    let mut world = World::seeded(
        r#"{"settings": {"quirks": false, "rate_limits": "off", "push_ms": [1, 1]}, "faults": [{"fault": "pushes_twice", "for_ms": 100000}, {"fault": "pushes_reordered", "for_ms": 100000}]}"#,
        3,
    );
    let mut client = world.connect();
    let sign = signature("s", &format!("k{BEGIN_MS}"));
    world.say(&client, &json!({"method": "login", "param": {"apiKey": "k", "reqTime": BEGIN_MS.to_string(), "signature": sign}}));
    world.pass(10);
    world.place(&buy(250)).unwrap();
    world.pass(100);
    let ids: Vec<String> = world
        .of(&mut client, "push.personal.order.deal")
        .iter()
        .map(|frame| frame["data"]["id"].as_str().unwrap().to_owned())
        .collect();
    let distinct: std::collections::BTreeSet<&String> = ids.iter().collect();
    assert_eq!((ids.len(), distinct.len()), (6, 3));
    assert!(!ids.is_sorted(), "{ids:?}");
}

/// Frames of a channel after a fault, with an event every 50 ms for 2 s.
fn after(text: &str, method: &str, channel: &str, seed: u64) -> (World, Vec<Value>) {
    let mut world = World::seeded(PLAIN, seed);
    let mut client = world.connect();
    world.subscribe(&client, method, json!({"symbol": "BTC_USDT", "interval": "Min1"}));
    world.frames(&mut client);
    if !text.is_empty() {
        fault(&mut world, text);
    }
    for step in 0..40 {
        world.level(0, Side::Buy, 9_990, 1 + step, false);
        world.trade(0, Side::Buy, 10_001, 1 + step);
        world.pass(50);
    }
    let frames = world.of(&mut client, channel);
    (world, frames)
}

/// Number of frames that begin after the version following the newest one so far.
fn holes(frames: &[Value]) -> usize {
    let mut newest = None;
    let mut count = 0;
    for frame in frames {
        let version = frame["data"]["version"].as_u64().unwrap();
        let begin = frame["data"]["begin"].as_u64().unwrap_or(version);
        count += usize::from(newest.is_some_and(|newest| begin > newest + 1));
        newest = newest.max(Some(version));
    }
    count
}

#[test]
fn books_have_holes_repetitions_and_the_wrong_order_only_when_asked() {
    let backs = |frames: &[Value]| {
        frames
            .windows(2)
            .filter(|pair| pair[1]["data"]["version"].as_u64() <= pair[0]["data"]["version"].as_u64())
            .count()
    };
    let run = |text: &str| after(text, "sub.depth", "push.depth", 5).1;
    let calm = run("");
    assert_eq!((holes(&calm), backs(&calm), calm.len()), (0, 0, 10));
    let skipped = run(r#"{"fault": "skip_versions", "symbol": "BTC_USDT", "at_ms": 700, "count": 3}"#);
    assert_eq!((holes(&skipped), skipped.len()), (1, 9));
    let repeated = run(r#"{"fault": "depth_repeated", "times": 3}"#);
    assert_eq!((holes(&repeated), repeated.len()), (0, 15));
    assert_eq!(backs(&repeated), 5);
    let reordered = run(r#"{"fault": "depth_reordered"}"#);
    assert_eq!((backs(&reordered), reordered.len()), (1, 10));
    let late = run(r#"{"fault": "depth_late", "ms": 500, "times": 1}"#);
    assert_eq!((backs(&late), holes(&late)), (0, 0));
    let each = after(r#"{"fault": "skip_versions", "count": 7}"#, "sub.depth", "push.depth", 5).1;
    assert!(each.len() < calm.len());
}

#[test]
fn snapshots_are_old_or_go_back() {
    let mut world = World::new(PLAIN);
    let version =
        |world: &mut World| world.get("/api/v1/contract/depth/BTC_USDT")["data"]["version"].as_u64().unwrap();
    let old = version(&mut world);
    fault(&mut world, r#"{"fault": "snapshot_stale", "symbol": "BTC_USDT", "times": 2}"#);
    world.level(0, Side::Buy, 9_990, 7, false);
    assert_eq!([version(&mut world), version(&mut world), version(&mut world)], [old, old, old + 1]);
    fault(&mut world, r#"{"fault": "snapshot_back", "symbol": "BTC_USDT", "times": 4}"#);
    world.level(0, Side::Buy, 9_990, 8, false);
    assert_eq!(
        [version(&mut world), version(&mut world), version(&mut world), version(&mut world)],
        [old + 2, old + 1, old + 2, old + 1]
    );
}

#[test]
fn a_burst_is_a_burst_and_its_book_is_true() {
    let mut world = World::new(PLAIN);
    let mut client = world.connect();
    world.subscribe(&client, "sub.depth", json!({"symbol": "BTC_USDT"}));
    fault(&mut world, r#"{"fault": "burst", "symbol": "BTC_USDT", "count": 2000}"#);
    let frames = world.of(&mut client, "push.depth");
    assert!(frames.len() > 1_500, "{}", frames.len());
    assert_eq!(holes(&frames), 0);
    assert_eq!(
        frames.last().unwrap()["data"]["version"].as_u64().unwrap(),
        world.exchange.markets[0].version
    );
    world.subscribe(&client, "sub.tickers", json!({}));
    fault(&mut world, r#"{"fault": "huge_ticker"}"#);
    let huge = world.of(&mut client, "push.tickers").last().unwrap().to_string();
    assert!(huge.len() > 350_000, "{}", huge.len());
}

#[test]
fn deals_are_repeated_twins_without_number_or_alone() {
    let run = |text: &str| after(text, "sub.deal", "push.deal", 5).1;
    let ids = |frames: &[Value]| -> Vec<Option<String>> {
        let rows = frames.iter().flat_map(|frame| {
            frame["data"].as_array().cloned().unwrap_or_else(|| vec![frame["data"].clone()])
        });
        rows.map(|row| row["i"].as_str().map(str::to_owned)).collect()
    };
    let distinct = |ids: &[Option<String>]| ids.iter().collect::<std::collections::BTreeSet<_>>().len();
    let calm = ids(&run(""));
    assert_eq!((calm.len(), distinct(&calm)), (40, 40));
    let repeated = ids(&run(r#"{"fault": "deals_repeated", "times": 2}"#));
    assert_eq!((repeated.len(), distinct(&repeated)), (43, 40));
    let reordered = ids(&run(r#"{"fault": "deals_reordered"}"#));
    assert!(reordered.len() == 40 && !reordered.is_sorted());
    let without = ids(&run(r#"{"fault": "deals_without_id", "times": 3}"#));
    assert_eq!(without.iter().filter(|id| id.is_none()).count(), 3);
    let objects = run(r#"{"fault": "deal_object", "times": 4}"#);
    assert_eq!(objects.iter().filter(|frame| frame["data"].is_object()).count(), 4);
    let twins = run(r#"{"fault": "deals_twin", "symbol": "BTC_USDT", "at_ms": 200}"#);
    let rows: Vec<Value> = twins.iter().flat_map(|frame| frame["data"].as_array().unwrap().clone()).collect();
    let is_twin = |pair: &[Value]| {
        ["p", "v", "T", "t"].iter().all(|key| pair[0][*key] == pair[1][*key]) && pair[0]["i"] != pair[1]["i"]
    };
    assert_eq!(rows.windows(2).filter(|pair| is_twin(pair)).count(), 1);
}

#[test]
fn time_stamps_lie_or_are_missing() {
    let run = |text: &str| after(text, "sub.deal", "push.deal", 5).1;
    let texts = run(r#"{"fault": "ts_text", "times": 2}"#);
    assert_eq!(texts.iter().filter(|frame| frame["ts"].is_string()).count(), 2);
    let missing = run(r#"{"fault": "ts_missing", "times": 2}"#);
    assert_eq!(missing.iter().filter(|frame| frame.get("ts").is_none()).count(), 2);
    let shifted = run(r#"{"fault": "ts_shifted", "ms": -90000, "times": 2}"#);
    assert_eq!(shifted.iter().filter(|frame| frame["ts"].as_i64().unwrap() < BEGIN_MS - 80_000).count(), 2);
    let mut world = World::new(PLAIN);
    fault(&mut world, r#"{"fault": "clock_skew", "ms": -15000}"#);
    assert_eq!(world.get("/api/v1/contract/ping")["data"], json!(world.now_ms - 15_000));
    fault(&mut world, r#"{"fault": "clock_skew", "ms": 15000}"#);
    assert_eq!(world.get("/api/v1/contract/ping")["data"], json!(world.now_ms + 15_000));
}

#[test]
fn candles_go_back_in_time() {
    for (kind, more) in [("klines_reordered", 1), ("klines_two", 2)] {
        let mut world = World::new(PLAIN);
        let mut client = world.connect();
        world.subscribe(&client, "sub.kline", json!({"symbol": "BTC_USDT", "interval": "Min1"}));
        for minute in 0..3 {
            world.trade(0, Side::Buy, 10_001, 1 + minute);
            world.pass(60_000);
            world.say(&client, &json!({"method": "ping"}));
        }
        world.frames(&mut client);
        fault(&mut world, &format!("{{\"fault\": \"{kind}\"}}"));
        world.trade(0, Side::Buy, 10_001, 9);
        world.pass(1_000);
        let times: Vec<i64> = world
            .of(&mut client, "push.kline")
            .iter()
            .map(|frame| frame["data"]["t"].as_i64().unwrap())
            .collect();
        assert_eq!(times.len(), 1 + more, "{kind}");
        assert!(times[1] < times[0]);
    }
}

#[test]
fn pongs_come_late_double_or_never() {
    let mut world = World::new(PLAIN);
    let mut client = world.connect();
    let pongs = |world: &mut World, client: &mut Client, text: &str| {
        if !text.is_empty() {
            fault(world, text);
        }
        world.say(client, &json!({"method": "ping"}));
        world.of(client, "pong").len()
    };
    assert_eq!(pongs(&mut world, &mut client, ""), 1);
    assert_eq!(pongs(&mut world, &mut client, r#"{"fault": "pong_double"}"#), 2);
    assert_eq!(pongs(&mut world, &mut client, r#"{"fault": "pong_missing"}"#), 0);
    assert_eq!(pongs(&mut world, &mut client, r#"{"fault": "pong_late", "ms": 3000}"#), 0);
    world.pass(2_990);
    assert_eq!(world.of(&mut client, "pong").len(), 0);
    world.pass(20);
    assert_eq!(world.of(&mut client, "pong").len(), 1);
}

#[test]
fn a_subscription_is_silent_unanswered_or_refused() {
    let mut world = World::new(PLAIN);
    let mut client = world.connect();
    fault(&mut world, r#"{"fault": "ack_lost"}"#);
    world.subscribe(&client, "sub.deal", json!({"symbol": "BTC_USDT"}));
    assert!(world.frames(&mut client).is_empty());
    fault(&mut world, r#"{"fault": "refuse_symbol", "symbol": "ETH_USDT"}"#);
    world.subscribe(&client, "sub.deal", json!({"symbol": "ETH_USDT"}));
    assert_eq!(world.frames(&mut client)[0]["data"], "Contract [ETH_USDT] not exists");
    fault(&mut world, r#"{"fault": "silent", "symbol": "BTC_USDT", "for_ms": 1000}"#);
    world.trade(0, Side::Buy, 10_001, 1);
    world.pass(1_000);
    assert!(world.frames(&mut client).is_empty());
    world.trade(0, Side::Buy, 10_001, 1);
    world.pass(10);
    assert_eq!(world.of(&mut client, "push.deal").len(), 1);
}

#[test]
fn sockets_end_in_every_way() {
    for (text, expected) in [
        (r#"{"fault": "disconnect"}"#, "Drop"),
        (r#"{"fault": "going_away"}"#, "Close(Some(1001))"),
        (r#"{"fault": "half_open"}"#, "Freeze"),
    ] {
        let mut world = World::new(PLAIN);
        let (mut client, mut other) = (world.connect(), world.connect());
        fault(&mut world, &text.replace('}', &format!(", \"count\": {}}}", client.id)));
        assert_eq!(format!("{:?}", said(&mut client)[0]), expected);
        assert!(said(&mut other).is_empty());
        assert_eq!(world.exchange.sockets.ids(), [other.id]);
    }
}

#[test]
fn who_does_not_ping_is_told_and_closed_even_while_data_flows() {
    let mut world = World::new(PLAIN);
    let (mut idle, mut streaming, mut alive) = (world.connect(), world.connect(), world.connect());
    world.subscribe(&streaming, "sub.depth", json!({"symbol": "BTC_USDT"}));
    for _ in 0..70 {
        world.level(0, Side::Buy, 9_990, world.now_ms % 97, false);
        world.pass(1_000);
        world.say(&alive, &json!({"method": "ping"}));
    }
    let last = |outs: Vec<Out>| format!("{:?}", outs.last().unwrap());
    let idle = said(&mut idle);
    assert_eq!(idle.len(), 2);
    assert_eq!(last(idle), "Drop");
    assert_eq!(last(said(&mut streaming)), "Close(None)");
    assert!(said(&mut alive).iter().all(|out| matches!(out, Out::Frame(_))));
}

#[test]
fn malformed_frames_come_in_every_form() {
    let mut world = World::new(PLAIN);
    let mut client = world.connect();
    for _ in 0..crate::rehearsal::malformed::FORMS {
        fault(&mut world, r#"{"fault": "malformed"}"#);
    }
    fault(&mut world, r#"{"fault": "unknown_frames"}"#);
    let outs = said(&mut client);
    assert_eq!(outs.len(), usize::try_from(crate::rehearsal::malformed::FORMS).unwrap() + 3);
    let kinds = outs.iter().map(|out| match out {
        Out::Frame(Message::Text(text)) if text.len() > 4 << 20 => "large",
        Out::Frame(Message::Text(text)) if serde_json::from_str::<Value>(text.as_str()).is_err() => "no json",
        Out::Frame(Message::Text(_)) => "json",
        Out::Frame(Message::Binary(_)) => "binary",
        _ => "raw",
    });
    let kinds: Vec<&str> = kinds.collect();
    for (kind, count) in [("large", 1), ("binary", 1), ("raw", 1), ("no json", 6)] {
        assert_eq!(kinds.iter().filter(|known| **known == kind).count(), count, "{kind}: {kinds:?}");
    }
}

#[test]
fn contracts_pause_and_vanish_and_funding_changes() {
    let mut world = World::new(PLAIN);
    world.trade(0, Side::Buy, 10_001, 1);
    world.pass(5);
    let mut client = world.connect();
    world.subscribe(&client, "sub.contract", json!({}));
    world.subscribe(&client, "sub.funding.rate", json!({"symbol": "BTC_USDT"}));
    fault(&mut world, r#"{"fault": "paused", "symbol": "BTC_USDT"}"#);
    assert_eq!(world.place(&buy(1)), Err(1002));
    fault(&mut world, r#"{"fault": "delisted", "symbol": "BTC_USDT"}"#);
    let states: Vec<Value> =
        world.of(&mut client, "push.contract").iter().map(|frame| frame["data"]["state"].clone()).collect();
    assert_eq!(states, [4, 3]);
    assert_eq!(world.get("/api/v1/contract/detail?symbol=BTC_USDT")["code"], 1001);
    assert_eq!(world.get("/api/v1/contract/depth/BTC_USDT")["data"]["bids"], json!([]));
    assert_eq!(world.get("/api/v1/contract/ticker")["data"][0]["lastPrice"], 0);
    fault(&mut world, r#"{"fault": "relisted", "symbol": "BTC_USDT"}"#);
    assert!(world.place(&buy(1)).is_ok());
    fault(&mut world, r#"{"fault": "funding", "symbol": "BTC_USDT", "rate": -0.0005, "count": 4}"#);
    assert_eq!(world.of(&mut client, "push.funding.rate").last().unwrap()["data"]["rate"], -0.0005);
    let funding = world.get("/api/v1/contract/funding_rate/BTC_USDT")["data"].clone();
    assert_eq!((funding["fundingRate"].clone(), funding["collectCycle"].clone()), (json!(-0.0005), json!(4)));
    fault(&mut world, r#"{"fault": "funding_missing", "symbol": "BTC_USDT"}"#);
    assert_eq!(world.get("/api/v1/contract/funding_rate")["data"].as_array().unwrap().len(), 1);
}

#[test]
fn logins_are_refused_in_both_forms_and_sessions_get_lost() {
    let mut world = World::new(PLAIN);
    let mut client = world.connect();
    let sign = signature("s", &format!("k{BEGIN_MS}"));
    let login = json!({"subscribe": false, "method": "login", "param": {"apiKey": "k", "reqTime": BEGIN_MS, "signature": sign}});
    fault(&mut world, r#"{"fault": "login_refused"}"#);
    world.say(&client, &login);
    fault(&mut world, r#"{"fault": "login_refused_object"}"#);
    world.say(&client, &login);
    world.say(&client, &login);
    let frames = world.frames(&mut client);
    assert_eq!(
        (frames[0]["channel"].clone(), frames[1]["data"]["code"].clone(), frames[2]["data"].clone()),
        (json!("rs.error"), json!(602), json!("success"))
    );
    fault(&mut world, r#"{"fault": "session_lost"}"#);
    world.place(&buy(1)).unwrap();
    world.pass(50);
    assert!(world.frames(&mut client).is_empty());
    let mut strict = World::new(r#"{"settings": {"login_closes": true}}"#);
    let mut closed = strict.connect();
    fault(&mut strict, r#"{"fault": "login_refused"}"#);
    strict.say(&closed, &login);
    assert_eq!(format!("{:?}", said(&mut closed)[1]), "Close(Some(1000))");
}

#[test]
fn a_restart_drops_everybody_and_begins_with_lower_versions() {
    let mut world = World::new(PLAIN);
    let mut client = world.connect();
    for vol in 1..=20 {
        world.place(&json!({"symbol": "BTC_USDT", "side": 1, "type": 1, "openType": 1, "vol": vol, "price": 99, "leverage": 20})).unwrap();
    }
    world.pass(20);
    let (version, last) = (
        world.exchange.markets[0].version,
        world.exchange.trading.accounts[0].open.keys().last().copied().unwrap(),
    );
    fault(&mut world, r#"{"fault": "restart", "ms": 60000}"#);
    world.pass(6_000);
    assert_eq!(format!("{:?}", said(&mut client)[0]), "Drop");
    assert_eq!(reply(&mut world, "/api/v1/contract/ping").status, 504);
    world.pass(54_000);
    assert_eq!(reply(&mut world, "/api/v1/contract/ping").status, 200);
    assert!(world.exchange.markets[0].version < version);
    let left = world.exchange.trading.accounts[0].open.len();
    assert!((1..20).contains(&left), "{left}");
    let gone = world.private("GET", "order/list/history_orders?page_size=100", "")["data"].clone();
    assert!(
        gone.as_array().unwrap().len() == 20 - left && gone[0]["errorCode"] == 8 && gone[0]["state"] == 4
    );
    assert!(world.place(&buy(1)).unwrap().parse::<u64>().unwrap() > last);
    fault(&mut world, r#"{"fault": "restart_silent", "ms": 1000, "for_ms": 20000}"#);
    world.pass(1_005);
    let mut client = world.connect();
    world.subscribe(&client, "sub.deal", json!({"symbol": "BTC_USDT"}));
    world.trade(0, Side::Buy, 10_001, 1);
    world.pass(10_000);
    assert_eq!(
        world.frames(&mut client).iter().map(|frame| frame["channel"].clone()).collect::<Vec<_>>(),
        ["rs.sub.deal"]
    );
    world.pass(10_000);
    world.trade(0, Side::Buy, 10_001, 1);
    world.pass(10);
    assert_eq!(world.of(&mut client, "push.deal").len(), 1);
}

#[test]
fn every_fault_is_documented_with_an_example_that_works() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rehearsal.md")).unwrap();
    let examples: Vec<Fault> = text
        .lines()
        .filter_map(|line| line.split('`').find(|part| part.starts_with("{\"fault\"")))
        .map(|example| Fault::parse(example).unwrap_or_else(|error| panic!("{example}: {error}")))
        .collect();
    let documented: std::collections::BTreeSet<FaultKind> =
        examples.iter().map(|fault| fault.fault).collect();
    let mut known = std::collections::BTreeSet::new();
    for line in include_str!("../faults.rs")
        .lines()
        .skip_while(|line| !line.contains("pub enum FaultKind"))
        .skip(1)
        .take_while(|line| *line != "}")
    {
        if let Some(name) = line.trim().strip_suffix(',') {
            known.insert(name.to_owned());
        }
    }
    let documented: std::collections::BTreeSet<String> =
        documented.into_iter().map(|kind| format!("{kind:?}")).collect();
    assert_eq!(documented, known);
    for fault in examples {
        let mut world = World::new(PLAIN);
        let name = word(fault.fault);
        assert!(world.exchange.inject(fault).is_ok(), "{name}");
        world.pass(10);
    }
}
