//! Orders from request to fill: which code refuses what, and what fills when.

use super::*;

fn limit(side: i64, kind: i64, vol: i64, price: f64) -> Value {
    json!({"symbol": "BTC_USDT", "side": side, "type": kind, "openType": 1, "vol": vol, "price": price, "leverage": 20})
}

fn market(side: i64, vol: i64) -> Value {
    json!({"symbol": "BTC_USDT", "side": side, "type": 5, "openType": 1, "vol": vol, "leverage": 20})
}

/// `(state, errorCode, dealVol)`.
fn ended(world: &mut World, id: &str) -> (i64, i64, i64) {
    let order = world.order(id);
    let number = |key: &str| order[key].as_i64().unwrap();
    (number("state"), number("errorCode"), number("dealVol"))
}

#[test]
fn what_cannot_be_an_order_is_refused_with_its_code() {
    let mut world = World::new(PLAIN);
    let with = |key: &str, value: Value| {
        let mut order = limit(1, 1, 1, 100.0);
        order[key] = value;
        order
    };
    let cases = [
        (with("symbol", json!("NOPE_USDT")), 1001),
        (with("side", json!(5)), 2001),
        (with("openType", json!(3)), 2002),
        (with("type", json!(9)), 2029),
        (with("vol", json!(1.5)), 2015),
        (with("vol", json!(0)), 2011),
        (with("price", json!(100.005)), 2015),
        (with("price", json!(120)), 2003),
        (with("vol", json!(2_000_000)), 2028),
        (with("vol", json!(1_000_000)), 2005),
        (with("leverage", json!(500)), 2006),
        (with("externalOid", json!("x".repeat(33))), 2030),
        (with("reduceOnly", json!(true)), 600),
        (limit(3, 1, 1, 80.0), 2004),
        (limit(4, 1, 1, 100.0), 2009),
        (json!({"symbol": "BTC_USDT"}), 600),
        (json!({"symbol": "BTC_USDT", "side": 1, "type": 1, "openType": 1, "vol": 1}), 2007),
    ];
    for (order, code) in cases {
        assert_eq!(world.place(&order), Err(code), "{order}");
    }
    world.exchange.markets[0].contract.state = 4;
    assert_eq!(world.place(&limit(1, 1, 1, 100.0)), Err(1002));
    assert!(world.exchange.trading.accounts[0].open.is_empty());
}

#[test]
fn signatures_keys_and_times_are_checked_over_the_received_bytes() {
    let mut world = World::new(PLAIN);
    let code = |world: &mut World, change: &dyn Fn(&mut Request)| {
        let mut request = world.signed("POST", "order/cancel_all", "{}");
        change(&mut request);
        let reply: Value = serde_json::from_slice(&world.ask(&request).body).unwrap();
        reply["code"].as_i64().unwrap()
    };
    let set = |name: &'static str, value: &'static str| {
        move |request: &mut Request| {
            request.headers.retain(|(known, _)| known != name);
            if !value.is_empty() {
                request.headers.push((name.to_owned(), value.to_owned()));
            }
        }
    };
    assert_eq!(code(&mut world, &|_| {}), 0);
    assert_eq!(code(&mut world, &|request| request.body = b"{ }".to_vec()), 602);
    assert_eq!(code(&mut world, &set("apikey", "")), 401);
    assert_eq!(code(&mut world, &set("apikey", "other")), 402);
    assert_eq!(code(&mut world, &set("request-time", "1600000000000")), 513);
    assert_eq!(code(&mut world, &set("content-type", "")), 600);
    world.exchange.skew_ms = 15_000;
    let late = {
        world.exchange.skew_ms = 0;
        let request = world.signed("GET", "account/assets", "");
        world.exchange.skew_ms = 15_000;
        request
    };
    assert_eq!(serde_json::from_slice::<Value>(&world.ask(&late).body).unwrap()["code"], 513);
}

#[test]
fn a_market_order_walks_the_book_and_its_rest_is_cancelled() {
    let mut world = World::new(&PLAIN.replace("\"quirks\"", "\"deposit\": 100000, \"quirks\""));
    let id = world.place(&market(1, 250)).unwrap();
    world.pass(20);
    assert_eq!(ended(&mut world, &id), (3, 0, 250));
    let order = world.order(&id);
    // 100 at 100.01, 100 at 100.02, 50 at 100.03.
    assert_eq!(order["dealAvgPrice"], json!(100.018));
    assert_eq!(order["takerFee"], json!(20.0036));
    let thin = world.place(&market(1, 1_900)).unwrap();
    world.pass(20);
    // Liquidity taken by the first order stays taken: 1,750 are left on twenty levels.
    assert_eq!(ended(&mut world, &thin), (4, 21, 1_750));
    let positions = world.private("GET", "position/open_positions", "");
    assert_eq!(positions["data"][0]["holdVol"], json!(2_000));
}

#[test]
fn immediate_all_or_nothing_and_post_only() {
    let mut world = World::new(PLAIN);
    let cases = [
        (limit(1, 3, 250, 100.02), (4, 18, 200)),
        (limit(1, 4, 250, 100.02), (4, 19, 0)),
        (limit(1, 2, 1, 100.05), (4, 20, 0)),
    ];
    for (order, expected) in cases {
        let mut world = World::new(PLAIN);
        let id = world.place(&order).unwrap();
        world.pass(20);
        assert_eq!(ended(&mut world, &id), expected, "{order}");
    }
    let id = world.place(&limit(1, 2, 5, 100.00)).unwrap();
    world.pass(20);
    assert_eq!(ended(&mut world, &id), (2, 0, 0));
}

#[test]
fn a_resting_order_waits_its_turn() {
    let mut world = World::new(PLAIN);
    let id = world.place(&limit(1, 1, 10, 100.00)).unwrap();
    world.pass(20);
    // A hundred lots are ahead in the queue.
    world.trade(0, Side::Sell, 10_000, 60);
    world.pass(5);
    assert_eq!(ended(&mut world, &id), (2, 0, 0));
    world.trade(0, Side::Sell, 10_000, 44);
    world.pass(5);
    assert_eq!(ended(&mut world, &id), (2, 0, 4));
    // A trade below its price: it must have been filled before.
    world.trade(0, Side::Sell, 9_999, 50);
    world.pass(5);
    assert_eq!(ended(&mut world, &id), (3, 0, 10));
    assert_eq!(world.order(&id)["makerFee"], json!(0.6));
}

#[test]
fn a_book_that_moves_through_a_resting_order_fills_it() {
    let mut world = World::new(PLAIN);
    let id = world.place(&limit(3, 1, 30, 100.50)).unwrap();
    world.pass(20);
    world.level(0, Side::Buy, 10_051, 20, false);
    world.pass(5);
    assert_eq!(ended(&mut world, &id), (2, 0, 20));
    assert_eq!(world.order(&id)["dealAvgPrice"], json!(100.5));
}

#[test]
fn cancels_say_what_they_did() {
    let mut world = World::new(PLAIN);
    let id = world.place(&limit(1, 1, 10, 99.0)).unwrap();
    world.pass(20);
    let reply = world.private("POST", "order/cancel", &json!([id, 77]).to_string());
    let rows = reply["data"].as_array().unwrap();
    assert_eq!((rows[0]["errorCode"].clone(), rows[1]["errorCode"].clone()), (json!(0), json!(2040)));
    // On the wire these are integers, not strings.
    assert!(rows[0]["orderId"].is_u64());
    assert_eq!(world.private("POST", "order/cancel", &json!([id]).to_string())["data"][0]["errorCode"], 2041);
    assert_eq!(ended(&mut world, &id), (4, 0, 0));
    assert_eq!(world.exchange.trading.accounts[0].available(), world.exchange.trading.accounts[0].balance);
}

#[test]
fn an_external_name_is_found_and_is_not_used_twice() {
    let mut world = World::new(PLAIN);
    let mut order = limit(1, 1, 10, 99.0);
    order["externalOid"] = json!("daemon-1");
    let id = world.place(&order).unwrap();
    assert_eq!(world.place(&order), Err(2042));
    assert_eq!(world.private("GET", "order/external/BTC_USDT/daemon-1", "")["data"]["orderId"], json!(id));
    let unknown = world.private("GET", "order/external/BTC_USDT/daemon-2", "");
    assert_eq!(
        (&unknown["success"], unknown.get("data")),
        (&json!(true), None),
        "a success that says nothing: {unknown}"
    );
    let mut repeated = World::new(r#"{"settings": {"duplicate_external": "repeated"}}"#);
    repeated.place(&order).unwrap();
    assert_eq!(repeated.place(&order), Err(603));
    let mut same = World::new(r#"{"settings": {"duplicate_external": "same"}}"#);
    let first = same.place(&order).unwrap();
    assert_eq!(same.place(&order), Ok(first));
}

#[test]
fn the_fees_of_the_api_stand_beside_those_of_the_web() {
    let mut world = World::new(PLAIN);
    let fees = world.private("GET", "account/tiered_fee_rate/v2?symbol=BTC_USDT", "");
    assert_eq!(
        (&fees["data"]["realMakerFee"], &fees["data"]["realTakerFee"]),
        (&json!(0.0006), &json!(0.0008)),
        "{fees}"
    );
    assert_eq!(world.private("GET", "account/transfer_record", "")["data"]["totalCount"], 0);
}

#[test]
fn in_one_way_mode_the_other_side_is_closed_first() {
    let mut world = World::new(PLAIN);
    world.private("POST", "position/change_position_mode", r#"{"positionMode": 2}"#);
    world.place(&market(1, 50)).unwrap();
    world.pass(20);
    world.place(&market(3, 80)).unwrap();
    world.pass(20);
    let positions = world.private("GET", "position/open_positions", "")["data"].clone();
    assert_eq!(
        (
            positions.as_array().unwrap().len(),
            positions[0]["positionType"].clone(),
            positions[0]["holdVol"].clone()
        ),
        (1, json!(2), json!(30))
    );
    assert_eq!(
        world.private("POST", "position/change_position_mode", r#"{"positionMode": 1}"#)["code"],
        2019
    );
}

#[test]
fn a_position_without_margin_is_liquidated_and_funding_is_paid() {
    let mut world = World::new(PLAIN);
    world.place(&market(1, 100)).unwrap();
    world.pass(20);
    fault(&mut world, r#"{"fault": "funding", "symbol": "BTC_USDT", "rate": 0.001, "count": 8}"#);
    fault(&mut world, r#"{"fault": "settle", "symbol": "BTC_USDT"}"#);
    let paid = world.private("GET", "position/funding_records", "")["data"]["resultList"][0]["funding"]
        .as_f64()
        .unwrap();
    assert!((-10.01..=-9.99).contains(&paid), "{paid}");
    world.row(0, RecordBody::Mark { mark: Decimal::new(95, 0).unwrap(), index: None });
    world.pass(5);
    assert!(world.exchange.trading.accounts[0].positions.is_empty());
    let history = world.private("GET", "order/list/history_orders", "");
    assert_eq!(
        (history["data"][0]["category"].clone(), history["data"][0]["side"].clone()),
        (json!(2), json!(4))
    );
}

#[test]
fn private_pushes_follow_the_login_and_the_filter() {
    let mut world = World::new(PLAIN);
    let mut client = world.connect();
    let mut other = world.connect();
    let login = |time: i64, secret: &str| {
        let sign = signature(secret, &format!("k{time}"));
        json!({"method": "login", "param": {"apiKey": "k", "reqTime": time.to_string(), "signature": sign}})
    };
    world.say(&other, &login(BEGIN_MS, "wrong"));
    world.say(&client, &login(BEGIN_MS, "s"));
    world.say(
        &client,
        &json!({"method": "personal.filter", "param": {"filters": [{"filter": "order"}, {"filter": "order.deal", "rules": ["ETH_USDT"]}]}}),
    );
    let id = world.place(&market(1, 10)).unwrap();
    world.pass(20);
    let channels: Vec<String> =
        world.frames(&mut client).iter().map(|frame| frame["channel"].as_str().unwrap().to_owned()).collect();
    assert_eq!(channels, ["rs.login", "rs.personal.filter", "push.personal.order"]);
    assert_eq!(world.frames(&mut other)[0]["channel"], "rs.error");
    world.say(&client, &json!({"method": "personal.filter", "param": {"filters": []}}));
    world.place(&market(4, 10)).unwrap();
    world.pass(20);
    let frames = world.frames(&mut client);
    let names =
        ["push.personal.order.deal", "push.personal.order", "push.personal.position", "push.personal.asset"];
    for name in names {
        assert!(frames.iter().any(|frame| frame["channel"] == name), "{name}");
    }
    let closed = frames.iter().rfind(|frame| frame["channel"] == "push.personal.position").unwrap();
    assert_eq!((closed["data"]["state"].clone(), closed["data"]["holdVol"].clone()), (json!(3), json!(0)));
    assert_ne!(world.order(&id), Value::Null);
}
