//! Trigger orders, stop orders and stop prices of orders: what they watch, what they make, how they end.

use super::*;

/// A market order.
fn market(side: i64, vol: i64) -> Value {
    json!({"symbol": "BTC_USDT", "side": side, "type": 5, "openType": 1, "vol": vol, "leverage": 20})
}

fn plan(side: i64, vol: i64, trigger_type: i64, price: f64) -> Value {
    json!({
        "symbol": "BTC_USDT", "side": side, "vol": vol, "openType": 1, "leverage": 20, "triggerPrice": price,
        "triggerType": trigger_type, "executeCycle": 2, "orderType": 5, "trend": 1
    })
}

/// The id, or the code of the refusal.
fn place_plan(world: &mut World, order: &Value) -> Result<String, i64> {
    let reply = world.private("POST", "planorder/place/v2", &order.to_string());
    if reply["success"] == true {
        Ok(reply["data"].as_str().unwrap().to_owned())
    } else {
        Err(reply["code"].as_i64().unwrap())
    }
}

/// The newest trigger order.
fn newest(world: &mut World) -> Value {
    world.private("GET", "planorder/list/orders", "")["data"][0].clone()
}

/// The newest stop order.
fn newest_stop(world: &mut World) -> Value {
    world.private("GET", "stoporder/list/orders", "")["data"][0].clone()
}

fn code(world: &mut World, call: &str, body: &Value) -> i64 {
    world.private("POST", call, &body.to_string())["code"].as_i64().unwrap()
}

fn held(world: &mut World) -> Value {
    world.private("GET", "position/open_positions", "")["data"][0].clone()
}

/// A world with a long of ten lots, bought at 100.01, the last price.
fn long(settings: &str) -> World {
    let mut world = World::new(settings);
    world.trade(0, Side::Buy, 10_001, 1);
    world.place(&market(1, 10)).unwrap();
    world.pass(20);
    world
}

fn with(setting: &str) -> String {
    PLAIN.replace("\"quirks\"", &format!("{setting}, \"quirks\""))
}

#[test]
fn a_trigger_order_waits_for_its_price_and_names_the_order_it_makes() {
    let mut world = World::new(PLAIN);
    world.trade(0, Side::Buy, 10_001, 1);
    let id = place_plan(&mut world, &plan(1, 5, 1, 100.30)).unwrap();
    world.trade(0, Side::Buy, 10_029, 1);
    world.pass(20);
    let waiting = newest(&mut world);
    assert_eq!((&waiting["state"], waiting.get("orderId")), (&json!(1), None));
    assert_eq!(waiting["executeCycle"], 168, "written as 2, read in hours");
    // The price is touched by one trade among others.
    for ticks in [10_031, 10_020] {
        world.trade(0, Side::Buy, ticks, 1);
    }
    world.pass(20);
    let done = newest(&mut world);
    assert_eq!((&done["state"], &done["id"]), (&json!(3), &json!(id)));
    let made = world.order(done["orderId"].as_str().unwrap());
    assert_eq!(
        (&made["state"], &made["dealVol"], &made["externalOid"]),
        (&json!(3), &json!(5), &json!(format!("planorder_{id}_1")))
    );
    assert_eq!(code(&mut world, "planorder/cancel", &json!([{"symbol": "BTC_USDT", "orderId": id}])), 2041);
    assert_eq!(code(&mut world, "planorder/cancel", &json!([{"symbol": "BTC_USDT", "orderId": "77"}])), 2040);
}

#[test]
fn each_trend_watches_its_own_price() {
    for (trend, fault_text) in [
        (2, r#"{"fault": "fair_price", "symbol": "BTC_USDT", "price": 99.0, "for_ms": 20}"#),
        (3, r#"{"fault": "index_price", "symbol": "BTC_USDT", "price": 99.0, "for_ms": 20}"#),
    ] {
        let mut world = long(PLAIN);
        for watched in 1..=3 {
            let mut order = plan(4, 1, 2, 99.5);
            order["trend"] = json!(watched);
            place_plan(&mut world, &order).unwrap();
        }
        fault(&mut world, fault_text);
        world.pass(50);
        let rows = world.private("GET", "planorder/list/orders?states=3", "")["data"].clone();
        // The index is the fair price where none is recorded.
        let trends: Vec<i64> =
            rows.as_array().unwrap().iter().map(|row| row["trend"].as_i64().unwrap()).collect();
        let expected = if trend == 2 { vec![3, 2] } else { vec![3] };
        assert_eq!(trends, expected, "{fault_text}");
        world.trade(0, Side::Sell, 9_950, 1);
        world.pass(20);
        assert_eq!(held(&mut world)["holdVol"], 10 - expected.len() - 1, "the last price has its own");
    }
}

#[test]
fn what_cannot_be_a_trigger_order_is_refused_with_its_code() {
    let mut world = long(PLAIN);
    let change = |key: &str, value: Value| {
        let mut order = plan(4, 1, 2, 99.0);
        order[key] = value;
        order
    };
    for (order, expected) in [
        (change("triggerPrice", json!(0)), 3004),
        (change("triggerPrice", json!(99.005)), 2015),
        (change("triggerType", json!(3)), 3002),
        (change("executeCycle", json!(3)), 3003),
        (change("trend", json!(4)), 3001),
        (change("orderType", json!(9)), 2029),
        (change("vol", json!(0)), 2011),
        (change("symbol", json!("NOPE_USDT")), 1001),
        (change("positionId", json!(5)), 2043),
    ] {
        assert_eq!(place_plan(&mut world, &order), Err(expected), "{order}");
    }
    // ccxt sends the trigger price as text.
    assert!(place_plan(&mut world, &change("triggerPrice", json!("99"))).is_ok());
    let number = world.private("POST", "planorder/place", &plan(4, 1, 2, 99.0).to_string());
    assert!(number["data"].is_u64(), "the old call answers with a number: {number}");
}

#[test]
fn a_trigger_order_is_changed_cancelled_and_ends_with_its_life() {
    let mut world = long(PLAIN);
    let id = place_plan(&mut world, &plan(4, 10, 2, 99.0)).unwrap();
    let change =
        json!({"symbol": "BTC_USDT", "orderId": id, "triggerPrice": 99.5, "triggerType": 2, "trend": 1});
    assert_eq!(code(&mut world, "planorder/change_price", &change), 0);
    world.trade(0, Side::Sell, 9_960, 1);
    world.pass(20);
    assert_eq!(
        (&newest(&mut world)["state"], &newest(&mut world)["triggerPrice"]),
        (&json!(1), &json!(99.5))
    );
    assert_eq!(code(&mut world, "planorder/cancel", &json!([{"symbol": "BTC_USDT", "orderId": id}])), 0);
    assert_eq!(newest(&mut world)["state"], 2);
    let mut short_lived = plan(4, 10, 2, 99.0);
    short_lived["executeCycle"] = json!(1);
    place_plan(&mut world, &short_lived).unwrap();
    place_plan(&mut world, &plan(4, 10, 2, 99.0)).unwrap();
    world.now_ms += 24 * 3_600_000;
    world.pass(5);
    let states: Vec<Value> = world.private("GET", "planorder/list/orders", "")["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["state"].clone())
        .collect();
    assert_eq!(states, [1, 4, 2], "seven days, one day, cancelled");
    assert_eq!(code(&mut world, "planorder/cancel_all", &json!({"symbol": "BTC_USDT"})), 0);
    assert_eq!(world.private("GET", "order/open_order_total_count", "")["data"]["planOrderCount"], 0);
}

#[test]
fn a_stop_on_a_position_closes_it_at_either_price() {
    for (ticks, triggered) in [(9_899, 2), (10_101, 1)] {
        let mut world = long(PLAIN);
        let position = held(&mut world)["positionId"].clone();
        let stop =
            json!({"positionId": position, "volType": 2, "stopLossPrice": 99.0, "takeProfitPrice": 101.0});
        let reply = world.private("POST", "stoporder/place", &stop.to_string());
        assert_eq!((&reply["success"], reply.get("data")), (&json!(true), None));
        world.place(&market(1, 5)).unwrap();
        world.pass(20);
        let row = world.private("GET", "stoporder/open_orders", "")["data"][0].clone();
        assert_eq!(
            (&row["state"], &row["vol"]),
            (&json!(1), &json!(15)),
            "the whole position follows its size"
        );
        world.trade(0, Side::Buy, ticks, 1);
        world.pass(20);
        let row = newest_stop(&mut world);
        assert_eq!(
            (&row["state"], &row["triggerSide"], &row["realityVol"], &row["isFinished"]),
            (&json!(3), &json!(triggered), &json!(15), &json!(1))
        );
        let made = world.order(row["placeOrderId"].as_str().unwrap());
        assert_eq!((&made["side"], &made["dealVol"]), (&json!(4), &json!(15)));
        assert!(made["externalOid"].as_str().unwrap().starts_with("stoporder_"));
        assert_eq!(held(&mut world), Value::Null);
    }
}

#[test]
fn what_cannot_be_a_stop_is_refused_and_a_change_removes_what_it_leaves_out() {
    let mut world = long(PLAIN);
    let position = held(&mut world)["positionId"].clone();
    let stop = |extra: Value| {
        let mut stop = json!({"positionId": position, "vol": 10, "stopLossPrice": 99.0});
        extra.as_object().unwrap().iter().for_each(|(key, value)| stop[key.as_str()] = value.clone());
        stop
    };
    for (body, expected) in [
        (stop(json!({"stopLossPrice": 0})), 5001),
        (stop(json!({"stopLossPrice": 100.5})), 5003),
        (stop(json!({"takeProfitPrice": 99.5})), 5003),
        (stop(json!({"vol": 11})), 5004),
        (stop(json!({"positionId": 5})), 2009),
        (stop(json!({"stopLossReverse": 1})), 801),
        (stop(json!({"takeProfitPrice": 101.0})), 0),
    ] {
        assert_eq!(code(&mut world, "stoporder/place", &body), expected, "{body}");
    }
    let id = newest_stop(&mut world)["id"].clone();
    let change = json!({"stopPlanOrderId": id, "stopLossPrice": 99.5});
    assert_eq!(code(&mut world, "stoporder/change_plan_price", &change), 0);
    let row = newest_stop(&mut world);
    assert_eq!((&row["stopLossPrice"], row.get("takeProfitPrice")), (&json!(99.5), None));
    assert_eq!(code(&mut world, "stoporder/cancel", &json!([{"stopPlanOrderId": id}])), 0);
    assert_eq!(code(&mut world, "stoporder/cancel", &json!([{"stopPlanOrderId": id}])), 5002);
    assert_eq!(code(&mut world, "stoporder/place", &stop(json!({}))), 0);
    assert_eq!(code(&mut world, "stoporder/cancel_all", &json!({"positionId": position})), 0);
    assert_eq!(world.private("GET", "stoporder/open_orders", "")["data"], json!([]));
}

#[test]
fn stop_prices_of_an_order_come_into_force_with_its_fills() {
    let mut world = World::new(PLAIN);
    world.trade(0, Side::Sell, 10_000, 1);
    let order = json!({
        "symbol": "BTC_USDT", "side": 1, "type": 1, "openType": 1, "vol": 10, "price": 99.9, "leverage": 20,
        "stopLossPrice": 99.0, "takeProfitPrice": 102.0, "lossTrend": 2
    });
    let mut wrong = order.clone();
    wrong["stopLossPrice"] = json!(99.95);
    assert_eq!(world.place(&wrong), Err(5003));
    let id = world.place(&order).unwrap();
    world.pass(20);
    assert_eq!(world.order(&id)["stopLossPrice"], json!(99));
    assert_eq!(world.private("GET", "stoporder/open_orders", "")["data"], json!([]));
    let change = json!({"orderId": id, "stopLossPrice": 99.2, "takeProfitPrice": 102.0, "lossTrend": 2});
    assert_eq!(code(&mut world, "stoporder/change_price", &change), 0);
    for filled in [4, 10] {
        world.trade(0, Side::Sell, 9_989, if filled == 4 { 4 } else { 6 });
        world.pass(20);
        let rows = world.private("GET", "stoporder/open_orders", "")["data"].clone();
        assert_eq!(rows.as_array().unwrap().len(), 1);
        assert_eq!(
            (&rows[0]["vol"], &rows[0]["orderId"], &rows[0]["stopLossPrice"], &rows[0]["lossTrend"]),
            (&json!(filled), &json!(id), &json!(99.2), &json!(2))
        );
    }
    fault(&mut world, r#"{"fault": "fair_price", "symbol": "BTC_USDT", "price": 99.1}"#);
    world.pass(20);
    assert_eq!(held(&mut world), Value::Null);
    let mut late = World::new(&with("\"attached_stop\": \"at_end\""));
    let id = late.place(&order).unwrap();
    late.pass(20);
    late.trade(0, Side::Sell, 9_989, 4);
    late.pass(20);
    assert_eq!(late.private("GET", "stoporder/open_orders", "")["data"], json!([]), "not before its end");
    late.private("POST", "order/cancel", &json!([id]).to_string());
    assert_eq!(late.private("GET", "stoporder/open_orders", "")["data"][0]["vol"], 4);
}

#[test]
fn a_trigger_gives_its_stop_prices_to_the_order_it_makes() {
    let mut world = World::new(PLAIN);
    world.trade(0, Side::Buy, 10_001, 1);
    let mut entry = plan(1, 5, 1, 100.30);
    entry["stopLossPrice"] = json!(100.5);
    assert_eq!(place_plan(&mut world, &entry), Err(5003), "a loss above the trigger price");
    entry["stopLossPrice"] = json!(99.0);
    let id = place_plan(&mut world, &entry).unwrap();
    let change = json!({"symbol": "BTC_USDT", "orderId": id, "stopLossPrice": 98.5, "lossTrend": 2});
    assert_eq!(code(&mut world, "planorder/change_stop_order", &change), 0);
    world.trade(0, Side::Buy, 10_030, 1);
    world.pass(20);
    let row = newest_stop(&mut world);
    assert_eq!((&row["stopLossPrice"], &row["vol"], &row["lossTrend"]), (&json!(98.5), &json!(5), &json!(2)));
    let details = format!("stoporder/order_details/{}", row["id"]);
    assert_eq!(world.private("GET", &details, "")["data"], row);
    assert_eq!(world.private("GET", "stoporder/order_details/7", "")["code"], 5002);
    assert_eq!(code(&mut world, "planorder/change_stop_order", &change), 2041);
}

#[test]
fn settings_say_what_nobody_knows_about_triggers() {
    let stop = |world: &mut World| place_plan(world, &plan(4, 10, 2, 99.0)).unwrap();
    // Whether they freeze what they would close.
    for (freezes, answer) in [(false, Ok(())), (true, Err(2008))] {
        let mut world = long(&with(&format!("\"trigger_freezes\": {freezes}")));
        stop(&mut world);
        assert_eq!(held(&mut world)["frozenVol"], if freezes { 10 } else { 0 });
        assert_eq!(world.place(&market(4, 10)).map(|_| ()), answer, "freezes: {freezes}");
    }
    // What is too much is cut, or fails.
    for (oversized, state, left) in [("cut", 3, Value::Null), ("fails", 5, json!(4))] {
        let mut world = long(&with(&format!("\"trigger_oversized\": \"{oversized}\"")));
        stop(&mut world);
        world.place(&market(4, 6)).unwrap();
        world.pass(20);
        world.trade(0, Side::Sell, 9_900, 1);
        world.pass(20);
        assert_eq!((&newest(&mut world)["state"], &held(&mut world)["holdVol"]), (&json!(state), &left));
    }
    // Whether they end with their position.
    for (ends, before, after) in [(true, 2, 2), (false, 1, 5)] {
        let mut world = long(&with(&format!("\"trigger_ends\": {ends}")));
        stop(&mut world);
        world.pass(20);
        world.place(&market(4, 10)).unwrap();
        world.pass(20);
        assert_eq!(newest(&mut world)["state"], before, "ends: {ends}");
        world.trade(0, Side::Sell, 9_900, 1);
        world.pass(20);
        assert_eq!(newest(&mut world)["state"], after, "ends: {ends}");
    }
}

#[test]
fn triggers_wait_while_nothing_is_traded_and_act_on_the_price_after_it() {
    let mut world = long(PLAIN);
    place_plan(&mut world, &plan(4, 10, 2, 97.0)).unwrap();
    fault(&mut world, r#"{"fault": "paused", "symbol": "BTC_USDT"}"#);
    fault(&mut world, r#"{"fault": "fair_price", "symbol": "BTC_USDT", "price": 97.5, "for_ms": 5}"#);
    world.pass(50);
    assert_eq!(newest(&mut world)["state"], 1);
    fault(&mut world, r#"{"fault": "resumed", "symbol": "BTC_USDT", "rate": -0.04}"#);
    world.pass(50);
    assert_eq!(newest(&mut world)["state"], 3);
    let fill = world.private("GET", "order/list/order_deals", "")["data"][0].clone();
    assert_eq!(fill["price"], 96, "the book has jumped by four percent: {fill}");
}

#[test]
fn triggers_are_pushed_with_every_change() {
    let mut world = long(PLAIN);
    let mut client = world.connect();
    let sign = signature("s", &format!("k{}", world.now_ms));
    let param = json!({"apiKey": "k", "reqTime": world.now_ms.to_string(), "signature": sign});
    world.say(&client, &json!({"method": "login", "param": param}));
    place_plan(&mut world, &plan(4, 10, 2, 99.0)).unwrap();
    let position = held(&mut world)["positionId"].clone();
    let stop = json!({"positionId": position, "vol": 10, "stopLossPrice": 98.0});
    assert_eq!(code(&mut world, "stoporder/place", &stop), 0);
    let mut carrying = market(1, 1);
    carrying["stopLossPrice"] = json!(98.0);
    world.place(&carrying).unwrap();
    world.pass(20);
    world.trade(0, Side::Sell, 9_900, 1);
    world.pass(20);
    let frames = world.frames(&mut client);
    let states = |channel: &str| -> Vec<i64> {
        let fitting = frames.iter().filter(|frame| frame["channel"] == channel);
        fitting.map(|frame| frame["data"]["state"].as_i64().unwrap_or(0)).collect()
    };
    assert_eq!(states("push.personal.plan.order"), [1, 3]);
    assert_eq!(states("push.personal.stop.planorder"), [1, 1]);
    assert_eq!(states("push.personal.stop.order").len(), 1);
}
