//! Requests byte for byte against another implementation, and signatures against test vectors of a third.

use super::fixtures;
use super::fixtures::decimal;
use crate::domain::decimal::Decimal;
use crate::domain::time::Timestamp;
use crate::exchange::mexc::request::account::{self, Filter, Margin, PositionSide};
use crate::exchange::mexc::request::order::{self, Life, NewOrder, NewStop, OrderType, Trigger, Watched};
use crate::exchange::mexc::request::{CallGroup, Method, Request, market};
use crate::exchange::mexc::{Effect, PositionMode};
use crate::exchange::mexc::{Keys, Settings};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

fn new_order(symbol: &str, effect: Effect, kind: OrderType, price: Option<&str>) -> NewOrder {
    NewOrder {
        symbol: symbol.to_owned(),
        effect,
        kind,
        margin: Margin::Cross,
        quantity: Decimal::ONE,
        price: price.map(decimal),
        leverage: None,
        external: None,
        position: None,
        mode: None,
    }
}

fn create(order: &NewOrder) -> Request {
    order::create(&Settings::default().order_path, order)
}

fn of_symbol(symbol: &str) -> Filter {
    Filter { symbol: Some(symbol.to_owned()), ..Filter::default() }
}

#[derive(Deserialize)]
struct Cases<'a> {
    #[serde(borrow)]
    cases: Vec<Case<'a>>,
}

#[derive(Deserialize)]
struct Case<'a> {
    name: &'a str,
    method: &'a str,
    url: &'a str,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

/// Our call for what the other implementation was asked to do.
fn ours(name: &str) -> Request {
    match name {
        "market_buy" => create(&new_order("LTC_USDT", Effect::OpenLong, OrderType::MarketToLimit, None)),
        "limit_sell" => create(&new_order("ADA_USDT", Effect::OpenShort, OrderType::Limit, Some("0.6"))),
        "limit_sell_trigger" => {
            let order = new_order("ADA_USDT", Effect::OpenShort, OrderType::Limit, Some("0.6"));
            order::create_trigger(&order, decimal("0.7"), Trigger::AtOrAbove, Watched::Last, Life::Day)
        }
        "limit_buy_reduce_only" => {
            create(&new_order("ADA_USDT", Effect::CloseShort, OrderType::Limit, Some("0.6")))
        }
        "orders" => account::order_history(&of_symbol("LTC_USDT")),
        "orders_window" => account::order_history(&Filter {
            from_ms: Some(1_704_067_200_000),
            to_ms: Some(1_709_251_200_000),
            page_size: Some(10),
            ..of_symbol("LTC_USDT")
        }),
        "order_by_id" => account::order(129_402_018_493_145_088),
        "open_orders" => account::open_orders(None, 100),
        "closed_orders" => account::order_history(&Filter { state: Some(3), ..of_symbol("LTC_USDT") }),
        "close_all_positions" => order::close_all(),
        "cancel_order" => order::cancel(&[129_402_018_493_145_088]),
        "balance" => account::assets(),
        "positions" => account::open_positions(None),
        "position_mode_hedged" => account::change_position_mode(PositionMode::Hedge),
        "public_trades" => market::deals("BTC_USDT", None),
        "ohlcv" => market::kline("", "LTC_USDT", "Min1", None, None),
        "ohlcv_fair" => market::kline("fair_price/", "LTC_USDT", "Min1", None, None),
        "book" => market::depth("BTC_USDT", None),
        "ticker" => market::ticker(Some("BTC_USDT")),
        "tickers" => market::ticker(None),
        "funding_rate" => market::funding_rate(Some("BTC_USDT")),
        "isolated_margin" => account::change_leverage("ADA_USDT", PositionSide::Short, Margin::Isolated, 20),
        other => panic!("no call for the case {other}"),
    }
}

/// The parameters of a URL in sorted order.
fn sorted(url: &str) -> (String, Vec<String>) {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let mut parts: Vec<String> = query.split('&').map(str::to_owned).collect();
    parts.sort();
    (path.to_owned(), parts)
}

#[test]
fn calls_are_those_of_another_implementation() {
    let Some(text) = fixtures::text("req_ccxt_swap.json") else { return };
    let cases: Cases<'_> = serde_json::from_str(&text).unwrap();
    assert_eq!(cases.cases.len(), 22);
    for case in cases.cases {
        let request = ours(case.name);
        let method = if request.method == Method::Get { "GET" } else { "POST" };
        assert_eq!(method, case.method, "{}", case.name);
        let url = match case.name {
            // The symbol is not a parameter of this call, and what is not needed is not signed.
            "order_by_id" => case.url.split_once('?').unwrap().0,
            _ => case.url,
        };
        assert_eq!(
            sorted(&format!("https://api.mexc.com{}", request.target())),
            sorted(url),
            "{}",
            case.name
        );
        let body = match case.name {
            // `type` beside `orderType` is undocumented, and prices are numbers.
            "limit_sell_trigger" => {
                let mut theirs: Value = serde_json::from_str(case.body.unwrap().get()).unwrap();
                theirs.as_object_mut().unwrap().shift_remove("type");
                theirs["triggerPrice"] = json!(0.7);
                Some(theirs.to_string())
            }
            _ => case.body.map(|body| body.get().to_owned()),
        };
        assert_eq!(request.body, body, "{}", case.name);
        let is_public = case.url.contains("/api/v1/contract/");
        assert_eq!(!request.is_signed(), is_public, "{}", case.name);
    }
}

#[derive(Deserialize)]
struct Vectors {
    api_key: String,
    api_secret: String,
    request_time_ms: i64,
    cases: Vec<Vector>,
    ws_login: Value,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    target: String,
    body: Option<String>,
    headers: Value,
}

fn signed(name: &str) -> Request {
    match name {
        "get_no_params" => account::assets(),
        "get_one_param" => account::open_positions(Some("BTC_USDT")),
        "get_path_params_not_signed" => account::order_by_external("BTC_USDT", "daemon-0001"),
        "post_limit_order" => {
            create(&new_order("ADA_USDT", Effect::OpenShort, OrderType::Limit, Some("0.60")))
        }
        "post_market_order_external_oid" => create(&NewOrder {
            margin: Margin::Isolated,
            quantity: decimal("5"),
            leverage: Some(3),
            external: Some("daemon-0002".to_owned()),
            ..new_order("BTC_USDT", Effect::OpenLong, OrderType::Market, None)
        }),
        "post_array_of_ids" => order::cancel(&[129_402_018_493_145_088]),
        "post_empty_object" => order::close_all(),
        "post_cancel_all_symbol" => order::cancel_all(Some("LTC_USDT")),
        other => panic!("no call for the vector {other}"),
    }
}

#[test]
fn signatures_are_those_of_the_vectors() {
    let Some(text) = fixtures::text("sign_vectors.json") else { return };
    let vectors: Vectors = serde_json::from_str(&text).unwrap();
    let keys = Keys::new(&vectors.api_key, &vectors.api_secret);
    let at = Timestamp::from_millis(vectors.request_time_ms).unwrap();
    assert_eq!(vectors.cases.len(), 8);
    for vector in &vectors.cases {
        let request = signed(&vector.name);
        assert_eq!(
            (request.target(), &request.body),
            (vector.target.clone(), &vector.body),
            "{}",
            vector.name
        );
        assert_eq!(keys.signature(at, request.parameters()), vector.headers["Signature"], "{}", vector.name);
    }
    let login: Value = serde_json::from_str(&keys.login(at)).unwrap();
    assert_eq!(
        (&login["method"], &login["param"]),
        (&vectors.ws_login["frame"]["method"], &vectors.ws_login["frame"]["param"])
    );
}

#[test]
fn queries_are_sorted_and_encoded_and_bodies_escaped() {
    let filter = Filter { state: Some(2), page: Some(1), from_ms: Some(5), ..of_symbol("A B,C") };
    assert_eq!(account::order_history(&filter).query, "page_num=1&start_time=5&states=2&symbol=A%20B%2CC");
    assert_eq!(market::depth("A/../B", Some(5)).target(), "/api/v1/contract/depth/A%2F..%2FB?limit=5");
    assert_eq!(order::cancel_all(None).body.as_deref(), Some("{}"));
    assert_eq!(order::cancel_all(Some("a\"b")).body.as_deref(), Some(r#"{"symbol":"a\"b"}"#));
}

#[test]
fn keys_do_not_show_themselves() {
    let shown = format!("{:?}", Keys::new("my-access", "my-secret"));
    assert_eq!(shown, "Keys");
}

#[test]
fn neither_an_entry_nor_a_move_of_a_stop_delays_an_exit() {
    let group = |effect| create(&new_order("A_USDT", effect, OrderType::Market, None)).group;
    assert_eq!([group(Effect::OpenLong), group(Effect::OpenShort)], [CallGroup::Order; 2]);
    assert_eq!([group(Effect::CloseLong), group(Effect::CloseShort)], [CallGroup::Exit; 2]);
    assert_eq!(order::change_stop(5, Decimal::ONE, Watched::Fair).group, CallGroup::Move);
    let stop = NewStop { position: 9, quantity: Decimal::ONE, price: Decimal::ONE, watched: Watched::Fair };
    assert_eq!(order::create_stop(&stop).group, CallGroup::Exit, "a position without one is as urgent");
}
