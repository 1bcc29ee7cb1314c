//! Faults of live trading: what happens to accounts, orders and markets on a bad day.

use super::*;

fn buy(vol: i64) -> Value {
    json!({"symbol": "BTC_USDT", "side": 1, "type": 5, "openType": 1, "vol": vol, "leverage": 20})
}

fn login(world: &mut World) -> Client {
    let client = world.connect();
    let sign = signature("s", &format!("k{}", world.now_ms));
    let param = json!({"apiKey": "k", "reqTime": world.now_ms.to_string(), "signature": sign});
    world.say(&client, &json!({"method": "login", "param": param}));
    client
}

fn holds(world: &mut World) -> i64 {
    world.private("GET", "position/open_positions", "")["data"][0]["holdVol"].as_i64().unwrap_or(0)
}

#[test]
fn a_fault_begins_with_the_nth_request_to_a_path() {
    let mut world = World::new(PLAIN);
    fault(&mut world, r#"{"fault": "reset_after", "path": "order/create", "nth": 2}"#);
    world.place(&buy(1)).unwrap();
    world.private("GET", "account/assets", "");
    let request = world.signed("POST", "order/create", &buy(1).to_string());
    assert!(world.ask(&request).is_reset, "the second one");
    world.place(&buy(1)).unwrap();
    world.pass(20);
    assert_eq!(holds(&mut world), 3, "the one without an answer was executed");
    // The request tells the moment; what happens has nothing to do with its path.
    fault(
        &mut world,
        r#"{"fault": "web_close", "count": 2, "symbol": "BTC_USDT", "nth": 1, "at_path": "order/get"}"#,
    );
    world.private("GET", "position/open_positions", "");
    assert_eq!(holds(&mut world), 3);
    world.private("GET", "order/get/1", "");
    assert_eq!(holds(&mut world), 1, "two of three lots were closed on the website");
}

#[test]
fn a_refused_key_executes_nothing_and_logs_nobody_in() {
    let mut world = World::new(PLAIN);
    fault(&mut world, r#"{"fault": "key_refused", "for_ms": 1000}"#);
    assert_eq!(world.place(&buy(1)), Err(402));
    assert_eq!(world.private("GET", "account/assets", "")["code"], 402);
    let mut client = login(&mut world);
    assert_eq!(world.frames(&mut client)[0]["channel"], "rs.error");
    assert_eq!(world.get("/api/v1/contract/ping")["code"], 0);
    world.pass(1_000);
    fault(&mut world, r#"{"fault": "refused", "path": "order/create", "count": 704}"#);
    assert_eq!(world.place(&buy(1)), Err(704));
    assert!(world.exchange.trading.accounts[0].open.is_empty());
    fault(&mut world, r#"{"fault": "unknown_order", "path": "order/external", "for_ms": 100}"#);
    let mut named = buy(1);
    named["externalOid"] = json!("x");
    world.place(&named).unwrap();
    let look = |world: &mut World| world.private("GET", "order/external/BTC_USDT/x", "");
    assert_eq!(
        (look(&mut world)["success"].clone(), look(&mut world).get("data").is_some()),
        (json!(true), false)
    );
    world.pass(100);
    assert!(look(&mut world)["data"].is_object(), "it existed all the time");
    let resting = json!({"symbol": "BTC_USDT", "side": 1, "type": 1, "openType": 1, "vol": 1, "price": 99, "leverage": 20});
    world.place(&resting).unwrap();
    fault(&mut world, r#"{"fault": "hide_orders"}"#);
    let open = |world: &mut World| {
        world.private("GET", "order/list/open_orders", "")["data"].as_array().unwrap().len()
    };
    assert_eq!((open(&mut world), open(&mut world)), (0, 1));
}

#[test]
fn pushes_are_held_back_or_lost_and_fills_follow_the_final_state() {
    let mut world = World::new(PLAIN);
    let mut client = login(&mut world);
    fault(&mut world, r#"{"fault": "fills_late", "ms": 500, "for_ms": 100}"#);
    let id = world.place(&buy(1)).unwrap();
    world.pass(50);
    let deals = |world: &mut World| world.private("GET", "order/list/order_deals", "")["data"].clone();
    assert_eq!((world.order(&id)["state"].clone(), deals(&mut world)), (json!(3), json!([])));
    let channels = |world: &mut World, client: &mut Client| -> Vec<String> {
        let frames = world.frames(client).into_iter();
        let names = frames.map(|frame| frame["channel"].as_str().unwrap().to_owned());
        names.filter(|name| name.starts_with("push.personal")).collect()
    };
    assert!(!channels(&mut world, &mut client).contains(&"push.personal.order.deal".to_owned()));
    world.pass(500);
    assert_eq!(channels(&mut world, &mut client), ["push.personal.order.deal"]);
    assert_eq!(deals(&mut world).as_array().unwrap().len(), 1);
    fault(&mut world, r#"{"fault": "pushes_late", "ms": 3000, "for_ms": 100}"#);
    world.place(&buy(1)).unwrap();
    world.pass(2_900);
    assert_eq!(channels(&mut world, &mut client), [] as [&str; 0]);
    world.pass(200);
    assert!(channels(&mut world, &mut client).len() >= 3);
    fault(&mut world, r#"{"fault": "pushes_lost", "for_ms": 100}"#);
    world.place(&buy(1)).unwrap();
    world.pass(10_000);
    assert_eq!(channels(&mut world, &mut client), [] as [&str; 0]);
}

#[test]
fn positions_are_closed_in_part_by_others() {
    for (kind, category) in [("adl", 4), ("liquidate", 2), ("web_close", 1)] {
        let mut world = World::new(PLAIN);
        world.place(&buy(10)).unwrap();
        world.pass(20);
        fault(&mut world, &format!("{{\"fault\": \"{kind}\", \"symbol\": \"BTC_USDT\", \"count\": 4}}"));
        assert_eq!(holds(&mut world), 6, "{kind}");
        let last = world.private("GET", "order/list/history_orders", "")["data"][0].clone();
        assert_eq!((&last["category"], &last["dealVol"]), (&json!(category), &json!(4)));
        assert!(last["externalOid"].as_str().unwrap().starts_with("_m_"));
    }
    let mut world = World::new(PLAIN);
    fault(
        &mut world,
        r#"{"fault": "web_order", "symbol": "BTC_USDT", "count": 3, "side": 3, "price": 101.0}"#,
    );
    world.pass(20);
    let open = world.private("GET", "order/list/open_orders", "")["data"][0].clone();
    assert_eq!((&open["side"], &open["price"], &open["vol"]), (&json!(3), &json!(101), &json!(3)));
}

#[test]
fn money_moves_and_fees_may_be_paid_in_another_coin() {
    let mut world = World::new(PLAIN);
    fault(&mut world, r#"{"fault": "transfer", "rate": -250}"#);
    let assets = world.private("GET", "account/asset/USDT", "");
    assert_eq!(assets["data"]["availableBalance"], 9_750);
    let rows = world.private("GET", "account/transfer_record", "")["data"].clone();
    assert_eq!((&rows["totalCount"], &rows["resultList"][0]["type"]), (&json!(1), &json!("OUT")));
    fault(&mut world, r#"{"fault": "fee_coin", "coin": "MX", "rate": 2.5, "for_ms": 100}"#);
    world.place(&buy(10)).unwrap();
    world.pass(200);
    let deal = world.private("GET", "order/list/order_deals", "")["data"][0].clone();
    // 10 at 100.01, 0.08 percent of it, at 2.5 the coin.
    assert_eq!((&deal["feeCurrency"], &deal["fee"]), (&json!("MX"), &json!(0.320_032)));
    let account = &world.exchange.trading.accounts[0];
    assert_eq!((account.balance, account.ledger.fees.0), (account.ledger.balance(), 0));
}

#[test]
fn terms_change_in_mid_session_pushed_or_not() {
    let mut world = World::new(PLAIN);
    let mut client = world.connect();
    world.subscribe(&client, "sub.contract", json!({}));
    world.frames(&mut client);
    let change = r#"{"fault": "terms", "symbol": "BTC_USDT", "count": 0, "terms": {"vol_unit": "5", "min_vol": "10", "price_unit": "0.05"}}"#;
    fault(&mut world, change);
    assert_eq!(world.of(&mut client, "push.contract").len(), 0);
    let limit = |vol: i64, price: f64| json!({"symbol": "BTC_USDT", "side": 1, "type": 1, "openType": 1, "vol": vol, "price": price, "leverage": 20});
    assert_eq!(world.place(&limit(12, 99.0)), Err(2015));
    assert_eq!(world.place(&limit(5, 99.0)), Err(2011));
    assert_eq!(world.place(&limit(10, 99.01)), Err(2015));
    let id = world.place(&limit(15, 99.05)).unwrap();
    assert_eq!(
        (world.order(&id)["vol"].clone(), world.order(&id)["price"].clone()),
        (json!(15), json!(99.05))
    );
    fault(&mut world, &change.replace("\"count\": 0", "\"count\": 1"));
    let pushed = world.of(&mut client, "push.contract");
    assert_eq!(pushed[0]["data"]["volUnit"], 5);
}

#[test]
fn bids_vanish_for_a_while_and_the_recording_goes_on_behind_them() {
    let mut world = World::new(PLAIN);
    world.place(&buy(10)).unwrap();
    world.pass(20);
    fault(&mut world, r#"{"fault": "bids_empty", "symbol": "BTC_USDT", "for_ms": 1000}"#);
    let book = |world: &mut World| world.get("/api/v1/contract/depth/BTC_USDT")["data"].clone();
    assert_eq!(
        (book(&mut world)["bids"].clone(), book(&mut world)["asks"].as_array().unwrap().len()),
        (json!([]), 30)
    );
    let sale = json!({"symbol": "BTC_USDT", "side": 4, "type": 5, "openType": 1, "vol": 10, "leverage": 20});
    let id = world.place(&sale).unwrap();
    world.level(0, Side::Buy, 10_000, 7, false);
    world.pass(50);
    assert_eq!(
        (world.order(&id)["state"].clone(), holds(&mut world)),
        (json!(4), 10),
        "an exit finds nobody"
    );
    world.pass(1_000);
    assert_eq!(book(&mut world)["bids"][0][1], 7);
    world.place(&sale).unwrap();
    world.pass(20);
    assert_eq!(holds(&mut world), 0);
}

#[test]
fn a_settlement_is_late_and_its_rate_moves_at_the_instant() {
    let mut world = World::new(PLAIN);
    world.place(&buy(10)).unwrap();
    world.pass(20);
    fault(&mut world, r#"{"fault": "settle_late", "symbol": "BTC_USDT", "ms": 15000, "rate": 0.002}"#);
    let due_ms = world.exchange.markets[0].funding.next_ms;
    world.now_ms = due_ms - 5;
    world.pass(14_995);
    let paid = |world: &mut World| world.private("GET", "position/funding_records", "")["data"].clone();
    assert_eq!(paid(&mut world)["totalCount"], 0, "fourteen seconds late, and nothing is paid");
    world.pass(10);
    let row = paid(&mut world)["resultList"][0].clone();
    assert_eq!((&row["rate"], row["settleTime"].as_i64()), (&json!(0.002), Some(due_ms + 15_000)));
    assert_eq!(world.exchange.markets[0].funding.next_ms, due_ms + 8 * 3_600_000);
    let mut drawn = World::new(&PLAIN.replace("\"quirks\"", "\"settle_late_ms\": [3000, 9000], \"quirks\""));
    drawn.now_ms = due_ms;
    drawn.pass(10_000);
    let at_ms = drawn.exchange.markets[0].settlements[0].0;
    assert!((due_ms + 3_000..=due_ms + 9_000).contains(&at_ms), "{}", at_ms - due_ms);
}

#[test]
fn a_delisted_contract_is_frozen_and_positions_are_closed_later() {
    let mut world = World::new(PLAIN);
    world.place(&buy(10)).unwrap();
    let resting = json!({"symbol": "BTC_USDT", "side": 1, "type": 1, "openType": 1, "vol": 1, "price": 99.9, "leverage": 20});
    let resting = world.place(&resting).unwrap();
    world.pass(20);
    fault(&mut world, r#"{"fault": "delisted", "symbol": "BTC_USDT", "ms": 60000}"#);
    world.trade(0, Side::Sell, 9_900, 500);
    world.pass(59_000);
    assert_eq!(
        (holds(&mut world), world.order(&resting)["dealVol"].clone()),
        (10, json!(0)),
        "nothing matches"
    );
    world.pass(1_100);
    assert_eq!(holds(&mut world), 0);
    let closing = world.private("GET", "order/list/history_orders", "")["data"][0].clone();
    assert_eq!((&closing["category"], &closing["dealVol"]), (&json!(3), &json!(10)));
}

#[test]
fn calm_ends_what_lasts_on_markets_too() {
    let mut world = World::new(PLAIN);
    fault(&mut world, r#"{"fault": "fair_price", "symbol": "BTC_USDT", "price": 50.0}"#);
    fault(&mut world, r#"{"fault": "bids_empty", "symbol": "BTC_USDT", "for_ms": 600000}"#);
    fault(&mut world, r#"{"fault": "refused", "path": "ping", "nth": 1}"#);
    assert_eq!(world.get("/api/v1/contract/fair_price/BTC_USDT")["data"]["fairPrice"], 50);
    world.exchange.calm();
    assert_eq!(world.get("/api/v1/contract/ping")["code"], 0);
    assert_eq!(world.get("/api/v1/contract/fair_price/BTC_USDT")["data"]["fairPrice"], 100);
}
