//! Payloads have every key of the documented and captured ones.

use super::*;
use std::path::PathBuf;

/// The folder of recorded payloads; prints a note when there is none.
fn fixtures() -> Option<PathBuf> {
    let beside = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/fixtures"));
    let folder = std::env::var_os("TRADINGD_FIXTURES").map_or(beside, PathBuf::from).join("mexc");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("SKIPPED: shapes of payloads; there is no {}, set TRADINGD_FIXTURES", folder.display());
    None
}

/// Keys of objects in `known` that `ours` lacks, except those in `allowed`.
fn missing(known: &Value, ours: &Value, place: &str, allowed: &[&str], found: &mut Vec<String>) {
    match (known, ours) {
        (Value::Object(known), Value::Object(ours)) => {
            for (key, value) in known.iter().filter(|(key, _)| !allowed.contains(&key.as_str())) {
                let place = format!("{place}/{key}");
                match ours.get(key) {
                    Some(ours) => missing(value, ours, &place, allowed, found),
                    None => found.push(place),
                }
            }
        }
        (Value::Array(known), Value::Array(ours)) => {
            let is_level = known.first().is_some_and(Value::is_number) || known.is_empty() || ours.is_empty();
            if !is_level {
                missing(&known[0], &ours[0], &format!("{place}/0"), allowed, found);
            } else if known.len() == 3 && ours.len() != 3 && !ours.is_empty() {
                found.push(format!("{place}: three parts"));
            }
        }
        (known, ours)
            if std::mem::discriminant(known) != std::mem::discriminant(ours)
                && !known.is_null()
                && !ours.is_null() =>
        {
            found.push(format!("{place}: {ours} is of another kind than {known}"));
        }
        _ => {}
    }
}

#[track_caller]
fn same_shape(folder: &std::path::Path, file: &str, ours: &Value, allowed: &[&str]) {
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    let mut known: Value = serde_json::from_str(&text).unwrap();
    if let Value::Array(frames) = &mut known {
        known = frames.remove(0);
    }
    let mut found = Vec::new();
    missing(&known, ours, "", allowed, &mut found);
    assert!(found.is_empty(), "{file}: {found:#?}\nours: {ours}");
}

#[test]
fn replies_have_the_keys_of_the_recorded_ones() {
    let Some(folder) = fixtures() else { return };
    let mut world = World::new(PLAIN);
    for minute in 1..4 {
        world.trade(0, Side::Buy, 10_001, minute);
        world.level(0, Side::Buy, 9_990, minute, false);
        world.pass(60_000);
    }
    fault(&mut world, r#"{"fault": "settle"}"#);
    for (file, target) in [
        ("rest_public_ping.json", "ping"),
        ("rest_public_ticker_one_btc.json", "ticker?symbol=BTC_USDT"),
        ("rest_public_depth_eth.json", "depth/BTC_USDT"),
        ("rest_public_depth_rif_snapshot.json", "depth/BTC_USDT?limit=3"),
        ("rest_public_deals.json", "deals/BTC_USDT"),
        ("rest_public_depth_commits.json", "depth_commits/BTC_USDT/20"),
        ("rest_public_funding_rate_2026.json", "funding_rate/BTC_USDT"),
        ("rest_public_funding_rate_history.json", "funding_rate/history?symbol=BTC_USDT"),
        ("rest_public_index_price.json", "index_price/BTC_USDT"),
        ("rest_public_fair_price.json", "fair_price/BTC_USDT"),
        ("rest_public_kline_the_usdt.json", "kline/BTC_USDT?interval=Min1"),
        ("rest_public_contract_detail_one_2026.json", "detail?symbol=BTC_USDT"),
        ("rest_error_contract_not_exist_1001.json", "depth/NOPE_USDT"),
    ] {
        let ours = world.get(&format!("/api/v1/contract/{target}"));
        same_shape(&folder, file, &ours, &[]);
    }
    let buy = json!({"symbol": "BTC_USDT", "side": 1, "type": 5, "openType": 1, "vol": 10, "leverage": 20, "externalOid": "a"});
    let created = world.private("POST", "order/create", &buy.to_string());
    same_shape(&folder, "rest_private_order_create_ok.json", &created, &[]);
    let id = created["data"]["orderId"].as_str().unwrap().to_owned();
    world.pass(50);
    fault(&mut world, r#"{"fault": "settle"}"#);
    let named = |external: &str| {
        let mut order = buy.clone();
        order["externalOid"] = json!(external);
        order
    };
    let submitted = world.private("POST", "order/submit", &named("b").to_string());
    same_shape(&folder, "rest_private_order_submit_ok_number.json", &submitted, &[]);
    let cancelled = world.private("POST", "order/cancel", &json!([id]).to_string());
    same_shape(&folder, "rest_private_order_cancel_mixed.json", &cancelled, &[]);
    let batch = world.private("POST", "order/submit_batch", &json!([named("c")]).to_string());
    same_shape(&folder, "rest_private_submit_batch_mixed.json", &batch, &[]);
    let stop = json!({"symbol": "BTC_USDT", "side": 4, "vol": 1, "openType": 1, "leverage": 20, "triggerPrice": 90,
        "triggerType": 2, "executeCycle": 2, "orderType": 1, "price": 89, "trend": 1});
    let placed = world.private("POST", "planorder/place/v2", &stop.to_string());
    same_shape(&folder, "rest_private_planorder_place_ok.json", &placed, &[]);
    let position = world.private("GET", "position/open_positions", "")["data"][0]["positionId"].clone();
    let stop = json!({"positionId": position, "vol": 1, "stopLossPrice": 90, "takeProfitPrice": 110});
    let placed = world.private("POST", "stoporder/place", &stop.to_string());
    same_shape(&folder, "rest_private_ok_no_data.json", &placed, &[]);
    for (file, target) in [
        ("rest_private_planorder_list.json", "planorder/list/orders?states=1".to_owned()),
        ("rest_private_stoporder_open.json", "stoporder/open_orders".to_owned()),
        ("rest_private_assets.json", "account/assets".to_owned()),
        ("rest_private_asset_usdt.json", "account/asset/USDT".to_owned()),
        ("rest_private_order_get.json", format!("order/get/{id}")),
        ("rest_private_order_external.json", "order/external/BTC_USDT/a".to_owned()),
        ("rest_private_history_orders.json", "order/list/history_orders".to_owned()),
        ("rest_private_deal_details.json", format!("order/deal_details/{id}")),
        ("rest_private_order_deals_v3.json", "order/list/order_deals/v3?symbol=BTC_USDT".to_owned()),
        ("rest_private_open_positions.json", "position/open_positions".to_owned()),
        ("rest_private_leverage.json", "position/leverage?symbol=BTC_USDT".to_owned()),
        ("rest_private_funding_records.json", "position/funding_records".to_owned()),
        ("rest_private_position_mode.json", "position/position_mode".to_owned()),
        ("rest_private_open_order_count.json", "order/open_order_total_count".to_owned()),
        ("rest_private_tiered_fee_rate.json", "account/tiered_fee_rate?symbol=BTC_USDT".to_owned()),
        ("rest_private_risk_limit.json", "account/risk_limit?symbol=BTC_USDT".to_owned()),
    ] {
        let ours = world.private("GET", &target, "");
        same_shape(&folder, file, &ours, &[]);
    }
}

/// A trigger order, a stop order, and an order with stop prices.
fn place_triggers(world: &mut World) {
    let plan = json!({"symbol": "BTC_USDT", "side": 1, "vol": 1, "openType": 1, "leverage": 20, "triggerPrice": 90,
        "triggerType": 2, "executeCycle": 2, "orderType": 5, "trend": 2});
    world.private("POST", "planorder/place/v2", &plan.to_string());
    let position = world.private("GET", "position/open_positions", "")["data"][0]["positionId"].clone();
    let stop = json!({"positionId": position, "vol": 1, "stopLossPrice": 90, "takeProfitPrice": 110});
    world.private("POST", "stoporder/place", &stop.to_string());
    let carrying = json!({"symbol": "BTC_USDT", "side": 1, "type": 1, "openType": 1, "vol": 1, "price": 95,
        "leverage": 20, "stopLossPrice": 90, "takeProfitPrice": 110});
    world.place(&carrying).unwrap();
}

#[test]
fn pushes_have_the_keys_of_the_recorded_ones() {
    let Some(folder) = fixtures() else { return };
    let mut world = World::new(PLAIN);
    let (mut client, mut each) = (world.connect(), world.connect());
    let sign = signature("s", &format!("k{}", world.now_ms));
    world.say(&client, &json!({"method": "login", "param": {"apiKey": "k", "reqTime": world.now_ms.to_string(), "signature": sign}}));
    for word in
        ["deal", "depth", "depth.full", "ticker", "kline", "funding.rate", "index.price", "fair.price"]
    {
        world.subscribe(&client, &format!("sub.{word}"), json!({"symbol": "BTC_USDT", "interval": "Min1"}));
    }
    world.subscribe(&client, "sub.tickers", json!({}));
    world.subscribe(&client, "sub.nothing", json!({"symbol": "NOPE"}));
    world.subscribe(&client, "sub.deal", json!({"symbol": "NOPE_USDT"}));
    world.say(&client, &json!({"method": "ping"}));
    world.subscribe(&each, "sub.depth", json!({"symbol": "BTC_USDT", "compress": false}));
    world.level(0, Side::Buy, 9_990, 3, false);
    world.level(0, Side::Sell, 10_020, 3, false);
    world.trade(0, Side::Buy, 10_001, 3);
    world.private(
        "POST",
        "order/create",
        r#"{"symbol":"BTC_USDT","side":1,"type":5,"openType":1,"vol":10,"leverage":20}"#,
    );
    world.pass(50);
    place_triggers(&mut world);
    world.pass(5_000);
    world.row(0, RecordBody::Mark { mark: Decimal::new(9_555, 2).unwrap(), index: None });
    world.pass(5_000);
    let frames = world.frames(&mut client);
    for (file, channel) in [
        ("ws_public_deal_2026_batch.json", "push.deal"),
        ("ws_public_depth_merged_doge.json", "push.depth"),
        ("ws_public_depth_full_rif.json", "push.depth.full"),
        ("ws_public_ticker_2026.json", "push.ticker"),
        ("ws_public_tickers_2026.json", "push.tickers"),
        ("ws_public_kline_2022.json", "push.kline"),
        ("ws_public_funding_rate_2026.json", "push.funding.rate"),
        ("ws_public_index_price.json", "push.index.price"),
        ("ws_public_fair_price.json", "push.fair.price"),
        ("ws_control_ack_sub_depth.json", "rs.sub.depth"),
        ("ws_control_error_unknown_contract.json", "rs.error"),
        ("ws_control_login_ok.json", "rs.login"),
        ("ws_control_pong.json", "pong"),
        ("ws_private_order_2026.json", "push.personal.order"),
        ("ws_private_order_deal_2026.json", "push.personal.order.deal"),
        ("ws_private_position_2026.json", "push.personal.position"),
        ("ws_private_asset.json", "push.personal.asset"),
        ("ws_private_plan_order_2026.json", "push.personal.plan.order"),
        ("ws_private_liquidate_risk.json", "push.personal.liquidate.risk"),
        ("ws_private_stop_order.json", "push.personal.stop.order"),
        ("ws_private_stop_planorder_2026.json", "push.personal.stop.planorder"),
    ] {
        let ours = frames.iter().rfind(|frame| frame["channel"] == channel && frame["data"] != json!([]));
        let ours = ours.unwrap_or_else(|| panic!("no {channel}"));
        // Only some rows of deals have a matching time.
        let allowed: &[&str] = if channel == "push.deal" { &["cts"] } else { &[] };
        same_shape(&folder, file, ours, allowed);
        if channel == "push.tickers" {
            assert!(ours["data"][0].get("bid1").is_none() && ours.get("symbol").is_none());
        }
    }
    let single = world.of(&mut each, "push.depth");
    same_shape(&folder, "ws_public_depth_unmerged_pair.json", &single[0], &[]);
    assert!(single[0]["data"].get("begin").is_none());
}

#[test]
fn recorded_requests_of_an_independent_client_are_accepted() {
    let Some(folder) = fixtures() else { return };
    let vectors: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("sign_vectors.json")).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let keys = [TestKey { key: text(&vectors["api_key"]), secret: text(&vectors["api_secret"]) }];
    let begin = vectors["request_time_ms"].as_i64().unwrap();
    let scenario = Scenario::parse(PLAIN).unwrap();
    let mut exchange =
        Exchange::new(vec![contract("BTC"), contract("ADA")], &keys, &scenario, 1, begin).unwrap();
    let mut count = 0;
    for case in vectors["cases"].as_array().unwrap().iter().filter(|case| case["target"].is_string()) {
        let target = text(&case["target"]);
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let headers = case["headers"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), text(value)));
        let request = request(&text(&case["method"]), path, query, headers.collect(), &text(&case["body"]));
        let reply: Value = serde_json::from_slice(&exchange.ask(&request, begin).body).unwrap();
        assert!(
            ![401, 402, 513, 602].contains(&reply["code"].as_i64().unwrap()),
            "{}: {reply}",
            case["name"]
        );
        count += 1;
    }
    assert!(count >= 6, "{count}");
}
