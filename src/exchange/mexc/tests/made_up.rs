//! The project's own payloads for clones without recorded ones: answers, messages, orders and calls, read and
//! written. Values are invented; shapes follow the exchange's documentation.

use super::fixtures::{data, decimal, ms, some};
use super::parsing::Reader;
use super::sink::Told;
use crate::domain::decimal::Decimal;
use crate::domain::order::Side;
use crate::domain::record::{RecordBody, StreamKind};
use crate::domain::time::Timestamp;
use crate::exchange::mexc::request::account::{self, Filter, Margin, PositionSide};
use crate::exchange::mexc::request::order::{self, Life, NewOrder, OrderType, Trigger, Watched};
use crate::exchange::mexc::request::{Method, Request};
use crate::exchange::mexc::wire::{envelope, rows};
use crate::exchange::mexc::{Effect, PositionMode};
use crate::exchange::mexc::{Keys, OrderState, Settings};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

macro_rules! made_up {
    ($name:literal) => {
        include_str!(concat!("../../../../tests/data/mexc/", $name))
    };
}

#[test]
fn contracts() {
    let list = rows::contracts(data(made_up!("contracts.json"))).unwrap();
    assert_eq!((list.unknown, list.malformed), (0, 2), "a step of zero is one, and so is its row");
    let [oak, ash, elm] = &list.rows[..] else { panic!("{:?}", list.rows) };
    assert_eq!((oak.symbol.as_str(), oak.base.as_str(), oak.settle.as_str()), ("OAK_USDT", "OAK", "USDT"));
    let steps = [oak.contract_size, oak.price_step, oak.quantity_step, oak.min_quantity, oak.max_quantity];
    assert_eq!(steps, ["0.01", "0.05", "1", "2", "90000"].map(decimal));
    assert_eq!(
        (oak.maker_fee, oak.taker_fee, oak.maintenance),
        (decimal("-0.0001"), decimal("0.0004"), some("0.0065"))
    );
    assert_eq!((oak.max_leverage, oak.listed_ms), (50, Some(1_712_000_000_000)), "the country's cap");
    assert!(oak.is_linear() && oak.is_tradable());
    assert!(
        !ash.is_linear() && !ash.is_tradable() && ash.price_step == decimal("0.5") && ash.max_leverage == 20
    );
    assert_eq!(
        (elm.maintenance, elm.price_step),
        (None, decimal("0.000000001")),
        "listed although it does not say its margin"
    );
}

#[test]
fn tickers_books_and_deals() {
    let list = rows::tickers(data(made_up!("tickers.json"))).unwrap();
    assert_eq!((list.unknown, list.malformed, list.rows.len()), (0, 0, 2));
    let (oak, gone) = (&list.rows[0], &list.rows[1]);
    assert_eq!(
        [oak.last, oak.bid, oak.ask, oak.fair, oak.index],
        ["31.45", "31.4", "31.45", "31.44", "31.437"].map(some)
    );
    assert_eq!((oak.change24, oak.at), (some("-0.0176"), Some(ms(1_751_234_567_890))));
    assert!(
        oak.turnover24.is_some_and(|turnover| (turnover.to_f64() - 38_829.123_456_789).abs() < 1e-6),
        "digits beyond are cut"
    );
    assert_eq!((gone.last, gone.fair, gone.bid), (None, None, None), "zero is no price");
    let book = rows::depth(data(made_up!("depth.json"))).unwrap();
    let levels = |side: &[crate::exchange::mexc::DepthLevel]| -> Vec<(String, String)> {
        side.iter().map(|level| (level.price.to_string(), level.quantity.to_string())).collect()
    };
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    };
    assert_eq!(levels(&book.asks), pairs(&[("31.45", "17"), ("31.5", "4"), ("32", "120")]));
    assert_eq!(levels(&book.bids), pairs(&[("31.4", "9"), ("31.35", "40")]));
    assert_eq!((book.version, book.at), (88_001, Some(ms(1_751_234_567_890))));
    let deals = rows::deals(data(made_up!("deals.json"))).unwrap().rows;
    assert_eq!(
        (deals[0].price, deals[0].taker, deals[0].id),
        (decimal("31.45"), Side::Buy, Some(5_000_000_001))
    );
    assert_eq!((deals[1].quantity, deals[1].taker, deals[1].id), (decimal("12"), Side::Sell, None));
}

#[test]
fn funding_candles_and_assets() {
    let rates = rows::funding_rates(data(made_up!("funding_rates.json"))).unwrap().rows;
    assert_eq!(
        (rates[0].rate, rates[0].settles_at, rates[0].cycle_hours),
        (decimal("0.00012"), Some(ms(1_751_241_600_000)), Some(4))
    );
    assert_eq!((rates[1].rate, rates[1].settles_at), (decimal("-0.000015"), None));
    let paid = rows::funding_history(data(made_up!("funding_history.json"))).unwrap().rows;
    let paid: Vec<(Decimal, i64)> = paid.iter().map(|paid| (paid.rate, paid.settled_at.millis())).collect();
    assert_eq!(paid, [(decimal("0.00011"), 1_751_227_200_000), (decimal("-0.00007"), 1_751_212_800_000)]);
    let candles = rows::candles(data(made_up!("candles.json"))).unwrap().rows;
    let last = candles[1];
    assert_eq!(last.opens_at, Timestamp::from_seconds(1_751_234_580));
    assert_eq!(
        [last.open, last.high, last.low, last.close, last.volume],
        ["31.4", "31.45", "31.35", "31.45", "33"].map(decimal)
    );
    let assets = rows::assets(data(made_up!("assets.json"))).unwrap().rows;
    assert_eq!(
        (assets[0].currency.as_str(), assets[0].available, assets[0].equity),
        ("USDT", decimal("987.125"), some("1003.75"))
    );
}

#[derive(Deserialize)]
struct Named<'a> {
    name: &'a str,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    #[serde(borrow)]
    frame: Option<&'a RawValue>,
}

#[test]
fn orders_and_the_success_that_says_there_is_none() {
    let cases: Vec<Named<'_>> = serde_json::from_str(made_up!("orders.json")).unwrap();
    let read = |case: &Named<'_>| {
        let content = envelope::open(case.body.unwrap().get().as_bytes())
            .unwrap_or_else(|error| panic!("{}: {error:?}", case.name));
        content.data.map(|data| rows::order(data).unwrap_or_else(|error| panic!("{}: {error}", case.name)))
    };
    let [resting, cancelled, none] = &cases.iter().map(read).collect::<Vec<_>>()[..] else {
        panic!("three cases")
    };
    let resting = resting.as_ref().unwrap();
    assert_eq!(
        (resting.id, resting.external.as_deref(), resting.state),
        (739_113_577_038_255_616, Some("oak-7"), OrderState::Open)
    );
    assert_eq!(
        (resting.quantity, resting.filled, resting.average_price),
        (decimal("10"), decimal("4"), some("31.35"))
    );
    let cancelled = cancelled.as_ref().unwrap();
    assert_eq!(
        (cancelled.id, cancelled.state, cancelled.filled),
        (739_113_577_038_255_617, OrderState::Cancelled, decimal("6"))
    );
    assert_eq!(*none, None);
}

#[test]
fn refusals_have_their_codes() {
    let cases: Vec<Value> = serde_json::from_str(made_up!("refusals.json")).unwrap();
    for case in &cases {
        match envelope::open(case["body"].to_string().as_bytes()) {
            Err(envelope::NoData::Refused { code, message }) => {
                assert!(code == case["code"].as_i64() && message.len() > 5, "{case}")
            }
            other => panic!("{case}: {other:?}"),
        }
    }
    assert_eq!(cases.len(), 5);
}

#[test]
fn messages() {
    let cases: Vec<Named<'_>> = serde_json::from_str(made_up!("frames.json")).unwrap();
    let read = |name: &str| {
        let mut reader = Reader::new(&["OAK_USDT"]);
        reader.text(cases.iter().find(|case| case.name == name).unwrap().frame.unwrap().get());
        let health = reader.health();
        assert_eq!((health.malformed, health.unknown_fields, health.unknown_channels), (0, 0, 0), "{name}");
        reader
    };
    let trades = |name| {
        read(name).memory.rows(0, StreamKind::Trades).into_iter().map(|row| row.body).collect::<Vec<_>>()
    };
    let trade = |price, quantity, taker, id| RecordBody::Trade {
        price: decimal(price),
        quantity: decimal(quantity),
        taker,
        id,
    };
    assert_eq!(
        trades("deals"),
        [trade("31.45", "3", Side::Buy, Some(5_000_000_001)), trade("31.4", "12", Side::Sell, None)]
    );
    assert_eq!(trades("one deal as an object"), [trade("31.5", "1", Side::Buy, None)]);
    let top = read("top of the book").memory.rows(0, StreamKind::BookSnapshots);
    let level = |side, level, price, quantity| RecordBody::SnapshotLevel {
        side,
        level,
        price: decimal(price),
        quantity: decimal(quantity),
    };
    let expected = [
        level(Side::Buy, 1, "31.4", "9"),
        level(Side::Sell, 1, "31.45", "17"),
        level(Side::Sell, 2, "31.5", "4"),
    ];
    assert_eq!(top.iter().map(|row| row.body).collect::<Vec<_>>(), expected);
    assert_eq!(top[0].exchange_at, ms(1_751_234_567_300));
    let mark = read("ticker").memory.rows(0, StreamKind::Marks)[0];
    assert_eq!(mark.body, RecordBody::Mark { mark: decimal("31.44"), index: some("31.437") });
    let mut funding = read("funding to come");
    assert_eq!(
        funding.symbol(0).funding.settle(ms(1_751_241_600_000)),
        Some((decimal("0.00012"), ms(1_751_241_600_000)))
    );
    for name in ["acknowledgement", "pong", "all tickers, not asked for", "candle, not asked for"] {
        assert_eq!(read(name).memory.told(), Vec::<Told>::new(), "{name}");
    }
    assert_eq!(cases.len(), 9);
}

#[derive(Deserialize)]
struct Calls {
    access: String,
    secret: String,
    time_ms: i64,
    login_signature: String,
    calls: Vec<Call>,
}

#[derive(Deserialize)]
struct Call {
    name: String,
    method: String,
    target: String,
    body: Option<String>,
    signature: String,
}

/// Our call for a named case.
fn ours(name: &str) -> Request {
    let order = |effect, kind, quantity, price: Option<&str>| NewOrder {
        symbol: "OAK_USDT".to_owned(),
        effect,
        kind,
        margin: Margin::Isolated,
        quantity: decimal(quantity),
        price: price.map(decimal),
        leverage: None,
        external: None,
        position: None,
        mode: None,
    };
    let create = |order: NewOrder| order::create(&Settings::default().order_path, &order);
    let external = |external: &str| Some(external.to_owned());
    match name {
        "assets" => account::assets(),
        "positions of a contract" => account::open_positions(Some("OAK_USDT")),
        "orders of a span" => account::order_history(&Filter {
            symbol: Some("OAK_USDT".to_owned()),
            state: Some(3),
            from_ms: Some(1_751_148_167_000),
            to_ms: Some(1_751_234_567_000),
            page: Some(2),
            page_size: Some(50),
        }),
        "order by our id" => account::order_by_external("OAK_USDT", "oak-7"),
        "limit, opens a long" => create(NewOrder {
            leverage: Some(5),
            external: external("oak-7"),
            ..order(Effect::OpenLong, OrderType::Limit, "10", Some("31.350"))
        }),
        "post-only, opens a short" => create(NewOrder {
            margin: Margin::Cross,
            ..order(Effect::OpenShort, OrderType::PostOnly, "4", Some("31.5"))
        }),
        "market, closes a long" => create(NewOrder {
            external: external("oak-9"),
            position: Some(77),
            mode: Some(PositionMode::Hedge),
            ..order(Effect::CloseLong, OrderType::Market, "10", None)
        }),
        "immediate, closes a short" => {
            create(order(Effect::CloseShort, OrderType::ImmediateOrCancel, "3", Some("31.6")))
        }
        "trigger" => {
            let order =
                NewOrder { leverage: Some(5), ..order(Effect::CloseLong, OrderType::Market, "10", None) };
            order::create_trigger(&order, decimal("30.5"), Trigger::AtOrBelow, Watched::Fair, Life::Week)
        }
        "cancel by ids" => order::cancel(&[739_113_577_038_255_616, 739_113_577_038_255_617]),
        "cancel by our id" => order::cancel_by_external("OAK_USDT", "oak-7"),
        "cancel all of a contract" => order::cancel_all(Some("OAK_USDT")),
        "close everything" => order::close_all(),
        "leverage of a side" => account::change_leverage("OAK_USDT", PositionSide::Long, Margin::Isolated, 5),
        other => panic!("no call for the case {other}"),
    }
}

#[test]
fn calls_are_written_and_signed() {
    let calls: Calls = serde_json::from_str(made_up!("calls.json")).unwrap();
    let (keys, at) = (Keys::new(&calls.access, &calls.secret), ms(calls.time_ms));
    for call in &calls.calls {
        let request = ours(&call.name);
        let method = if request.method == Method::Get { "GET" } else { "POST" };
        assert_eq!(
            (method, request.target(), &request.body),
            (call.method.as_str(), call.target.clone(), &call.body),
            "{}",
            call.name
        );
        assert!(request.is_signed(), "{}", call.name);
        assert_eq!(keys.signature(at, request.parameters()), call.signature, "{}", call.name);
    }
    assert_eq!(calls.calls.len(), 14);
    let login: Value = serde_json::from_str(&keys.login(at)).unwrap();
    assert_eq!(login["param"]["signature"], Value::from(calls.login_signature));
}
