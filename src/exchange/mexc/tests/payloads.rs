//! Recorded and documented payloads decode to the expected values.

use super::fixtures::{data, decimal, ms, names, some, text};
use super::parsing::Reader;
use crate::domain::contract::{Contract, ContractTier};
use crate::domain::decimal::Decimal;
use crate::domain::order::Side;
use crate::domain::record::{Record, RecordBody, StreamKind};
use crate::domain::time::Timestamp;
use crate::exchange::mexc::wire::{envelope, rows};
use crate::exchange::mexc::{DepthLevel, Ticker};
use serde_json::Value;

/// A fixture's rows; asserts that nothing in them is unknown or malformed.
#[track_caller]
fn clean<T>(
    body: &str,
    parse: impl Fn(&serde_json::value::RawValue) -> Result<rows::Rows<T>, String>,
) -> Vec<T> {
    let rows = parse(data(body)).unwrap();
    assert_eq!((rows.unknown, rows.malformed), (0, 0));
    rows.rows
}

#[test]
fn contracts() {
    let Some(list) = text("rest_public_contract_detail_list.json") else { return };
    let list = clean(&list, rows::contracts);
    let symbols: Vec<&str> = list.iter().map(|contract| contract.symbol.as_str()).collect();
    assert_eq!(symbols, ["BTC_USDT", "ETH_USDT"]);
    let expected = Contract {
        symbol: "ETH_USDT".to_owned(),
        display_name: "ETH_USDT".to_owned(),
        base: "ETH".to_owned(),
        quote: "USDT".to_owned(),
        settle: "USDT".to_owned(),
        contract_size: decimal("0.001"),
        price_step: decimal("0.05"),
        quantity_step: decimal("1"),
        min_quantity: decimal("1"),
        max_quantity: decimal("1000000"),
        max_leverage: 100,
        maker_fee: decimal("0.0002"),
        taker_fee: decimal("0.0006"),
        maintenance: some("0.004"),
        tiers: list[1].tiers.clone(),
        state: 0,
        is_api_allowed: true,
        listed_ms: None,
    };
    assert_eq!(list[1], expected);
    let second =
        ContractTier { max_quantity: decimal("20000"), max_leverage: 83, maintenance: decimal("0.008") };
    assert_eq!(
        (list[1].tiers.len(), list[1].tiers[1]),
        (100, second),
        "levels of 10,000 contracts and 0.4 %"
    );
    assert!(list[1].is_tradable() && list[1].is_linear());

    let one = clean(&text("rest_public_contract_detail_one_2026.json").unwrap(), rows::contracts);
    assert_eq!(one.len(), 1, "an object instead of a list");
    let (name, step, most, leverage) =
        (one[0].display_name.as_str(), one[0].price_step, one[0].max_quantity, one[0].max_leverage);
    assert_eq!((name, step, most, leverage), ("BTC_USDT PERPETUAL", decimal("0.1"), decimal("400000"), 500));
    assert!(!one[0].is_api_allowed && !one[0].is_tradable());
    let old = clean(&text("rest_public_contract_detail_doc_2022.json").unwrap(), rows::contracts);
    assert_eq!(
        (old[0].price_step, old[0].display_name.as_str(), old[0].is_tradable()),
        (decimal("0.5"), "BTC_USDT SWAP", false)
    );
}

#[test]
fn tickers() {
    let Some(all) = text("rest_public_ticker_all.json") else { return };
    let all = clean(&all, rows::tickers);
    let expected = Ticker {
        symbol: "BTC_USDT".to_owned(),
        last: some("31199"),
        bid: some("31198.5"),
        ask: some("31199"),
        volume24: some("40146908"),
        turnover24: some("124905007.4428"),
        change24: some("-0.0176"),
        high: some("33152.5"),
        low: some("27795"),
        index: some("31016.3"),
        fair: some("31199.5"),
        funding_rate: some("0.001"),
        open_interest: some("55102960"),
        at: Some(ms(1_609_831_334_016)),
    };
    assert_eq!((all.len(), &all[0]), (2, &expected));
    assert_eq!(
        (all[1].symbol.as_str(), all[1].index, all[1].funding_rate),
        ("ETH_USDT", some("3580.7852"), some("0.000063"))
    );
    assert_eq!(clean(&text("rest_public_ticker_one_btc.json").unwrap(), rows::tickers), [expected]);
}

#[test]
fn a_ticker_without_a_price_has_none() {
    let body = r#"{"success":true,"data":[{"symbol":"MX_USDT","lastPrice":0,"amount24":233.740269343644737245,"news":1},{"lastPrice":1},{"symbol":"X","bid1":"z"},7]}"#;
    let rows = rows::tickers(data(body)).unwrap();
    assert_eq!((rows.unknown, rows.malformed, rows.rows.len()), (1, 3, 2));
    assert_eq!((rows.rows[0].last, rows.rows[0].bid, rows.rows[0].at), (None, None, None));
    assert_eq!(rows.rows[0].turnover24, some("233.7402693436447372"), "21 digits do not fit");
}

#[test]
fn books_and_trades() {
    let Some(eth) = text("rest_public_depth_eth.json") else { return };
    let level = |price, quantity| DepthLevel { price: decimal(price), quantity: decimal(quantity) };
    let eth = rows::depth(data(&eth)).unwrap();
    assert_eq!(eth.asks, [level("3445.72", "48379"), level("3445.75", "34994")]);
    assert_eq!(eth.bids, [level("3445.55", "44081"), level("3445.51", "24857")]);
    assert_eq!((eth.version, eth.at), (2_827_730_444, Some(ms(1_634_117_846_232))));
    let rif = rows::depth(data(&text("rest_public_depth_rif_snapshot.json").unwrap())).unwrap();
    assert_eq!((rif.version, rif.at), (5_220_571_685, Some(ms(1_789_498_322_165))), "`cts` is null");
    assert_eq!((rif.asks.len(), rif.bids[2]), (3, level("0.08047", "420")));
    let deals = clean(&text("rest_public_deals.json").unwrap(), rows::deals);
    let shown: Vec<_> =
        deals.iter().map(|deal| (deal.price, deal.quantity, deal.taker, deal.at, deal.id)).collect();
    let expected = [
        (decimal("31199"), decimal("18"), Side::Buy, ms(1_609_831_235_985), None),
        (decimal("31199"), decimal("15"), Side::Sell, ms(1_609_831_234_759), None),
    ];
    assert_eq!(shown, expected);
    let commits: Vec<Value> =
        serde_json::from_str(data(&text("rest_public_depth_commits.json").unwrap()).get()).unwrap();
    let commit = rows::depth(&serde_json::value::to_raw_value(&commits[0]).unwrap()).unwrap();
    assert_eq!(
        (commit.version, commit.bids.len(), commit.asks[0]),
        (1_481_763_378, 0, level("31792", "59105"))
    );
}

#[test]
fn funding_and_candles() {
    let Some(now) = text("rest_public_funding_rate_2026.json") else { return };
    let now = clean(&now, rows::funding_rates);
    assert_eq!(
        (now[0].rate, now[0].settles_at, now[0].cycle_hours),
        (decimal("0.0001"), Some(ms(1_789_920_000_000)), Some(8))
    );
    let old = clean(&text("rest_public_funding_rate_doc.json").unwrap(), rows::funding_rates);
    assert_eq!((old[0].rate, old[0].settles_at), (decimal("-0.000489"), Some(ms(1_609_833_600_000))));
    let paid = clean(&text("rest_public_funding_rate_history.json").unwrap(), rows::funding_history);
    let paid: Vec<_> = paid.iter().map(|paid| (paid.rate, paid.settled_at)).collect();
    assert_eq!(
        paid,
        [(decimal("0.000266"), ms(1_609_804_800_000)), (decimal("0.00029"), ms(1_609_776_000_000))]
    );

    let minutes = clean(&text("rest_public_kline_min1.json").unwrap(), rows::candles);
    let last = minutes[2];
    assert_eq!((minutes.len(), last.opens_at), (3, Timestamp::from_seconds(1_634_052_420)));
    let shown = [last.open, last.high, last.low, last.close, last.volume, last.turnover];
    assert_eq!(shown, ["3495.65", "3499.4", "3494.2", "3495.2", "314", "10983.1375"].map(decimal));
    assert_eq!(clean(&text("rest_public_kline_the_usdt.json").unwrap(), rows::candles).len(), 10);
    let index = clean(&text("rest_public_kline_index_price.json").unwrap(), rows::candles);
    assert_eq!((index[0].high, index[0].volume), (decimal("33352.3"), Decimal::ZERO));
}

#[test]
fn small_answers() {
    let Some(ping) = text("rest_public_ping.json") else { return };
    assert_eq!(data(&ping).get(), "1789455551670");
    for (name, field, expected) in [
        ("rest_public_fair_price.json", "fairPrice", "31103.4"),
        ("rest_public_index_price.json", "indexPrice", "31104.6"),
    ] {
        let value: Value = serde_json::from_str(data(&text(name).unwrap()).get()).unwrap();
        assert_eq!(value[field].to_string(), expected, "{name}");
    }
    let assets = clean(&text("rest_private_assets.json").unwrap(), rows::assets);
    let body: Value = serde_json::from_str(data(&text("rest_private_assets.json").unwrap()).get()).unwrap();
    assert_eq!(assets.len(), body.as_array().unwrap().len());
    for (asset, row) in assets.iter().zip(body.as_array().unwrap()) {
        assert_eq!(
            (asset.currency.as_str(), asset.available.to_f64()),
            (row["currency"].as_str().unwrap(), row["availableBalance"].as_f64().unwrap())
        );
        assert_eq!(asset.equity.map(Decimal::to_f64), row["equity"].as_f64());
    }
    assert_eq!(clean(&text("rest_private_asset_usdt.json").unwrap(), rows::assets).len(), 1);
}

#[test]
fn every_refusal_has_its_code() {
    for name in names("rest_error_") {
        let code: i64 = name.rsplit_once('_').unwrap().1.trim_end_matches(".json").parse().unwrap();
        match envelope::open(text(&name).unwrap().as_bytes()) {
            Err(envelope::NoData::Refused { code: found, message }) => {
                assert!(found == Some(code) && message.len() > 5, "{name}")
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    for name in names("rest_public_").into_iter().chain(names("rest_private_")) {
        let body = text(&name).unwrap();
        let content = envelope::open(body.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(
            (content.unknown, content.data.is_none()),
            (0, name == "rest_private_ok_no_data.json"),
            "{name}"
        );
    }
}

/// The result of one frame, or a list of frames, of a fixture.
fn read(name: &str, symbol: &str) -> Option<Reader> {
    let text = text(name)?;
    let mut reader = Reader::new(&[symbol]);
    match text.trim_start().starts_with('[') {
        true => {
            let frames: Vec<&serde_json::value::RawValue> = serde_json::from_str(&text).unwrap();
            frames.into_iter().for_each(|frame| reader.text(frame.get()));
        }
        false => reader.text(&text),
    }
    let health = reader.health();
    assert_eq!((health.malformed, health.unknown_fields, health.unknown_channels), (0, 0, 0), "{name}");
    Some(reader)
}

fn record(at: i64, body: RecordBody) -> Record {
    Record { exchange_at: ms(at), received_at: None, body }
}

#[test]
fn deal_frames() {
    let Some(old) = read("ws_public_deal_2025.json", "BTC_USDT") else { return };
    let trade = |price, quantity, taker, id| RecordBody::Trade {
        price: decimal(price),
        quantity: decimal(quantity),
        taker,
        id,
    };
    let rows = |reader: &Reader| reader.memory.rows(0, StreamKind::Trades);
    assert_eq!(rows(&old), [record(1_763_645_012_047, trade("91847.4", "49", Side::Sell, None))]);
    let new = read("ws_public_deal_2026_batch.json", "BTC_USDT").unwrap();
    let expected = [
        record(1_789_897_547_210, trade("80489", "11", Side::Buy, Some(16_270_106_116))),
        record(1_789_897_547_211, trade("80488.5", "2", Side::Sell, Some(16_270_106_117))),
    ];
    assert_eq!(rows(&new), expected);
    assert_eq!(new.memory.told().len(), 1, "one batch");
}

#[test]
fn top_of_book_frames() {
    let Some(rif) = read("ws_public_depth_full_rif.json", "RIF_USDT") else { return };
    let level = |side, level, price, quantity| {
        record(
            1_789_498_322_165,
            RecordBody::SnapshotLevel { side, level, price: decimal(price), quantity: decimal(quantity) },
        )
    };
    let expected = [
        level(Side::Buy, 1, "0.08049", "46"),
        level(Side::Buy, 2, "0.08048", "489"),
        level(Side::Buy, 3, "0.08047", "420"),
        level(Side::Sell, 1, "0.08055", "48"),
        level(Side::Sell, 2, "0.08056", "347"),
        level(Side::Sell, 3, "0.08057", "149"),
    ];
    assert_eq!(rif.memory.rows(0, StreamKind::BookSnapshots), expected);
    let btc = read("ws_public_depth_full_btc.json", "BTC_USDT").unwrap();
    assert_eq!(btc.memory.rows(0, StreamKind::BookSnapshots).len(), 3, "two asks and one bid");
}

/// Change frames are published once a snapshot joins them.
#[test]
fn change_frames() {
    for (name, symbol, begin, changes) in [
        ("ws_public_depth_merged_doge.json", "DOGE_USDT", 8_752_807_948_u64, 16),
        ("ws_public_depth_merged_2022.json", "BTC_USDT", 4_895_965_271, 2),
        ("ws_public_depth_doc_2020.json", "BTC_USDT", 96_801_927, 1),
        ("ws_public_depth_unmerged_pair.json", "ETH_USDT", 37_723_308_980, 2),
    ] {
        let Some(mut reader) = read(name, symbol) else { return };
        reader.join(begin - 1);
        let rows = reader.memory.rows(0, StreamKind::BookChanges);
        assert_eq!(rows.len(), changes, "{name}");
        let deleted = |row: &&Record| matches!(row.body, RecordBody::LevelChange { quantity, .. } if quantity == Decimal::ZERO);
        assert_eq!(rows.iter().filter(deleted).count(), if symbol == "DOGE_USDT" { 2 } else { 0 }, "{name}");
    }
    let Some(mut doge) = read("ws_public_depth_merged_doge.json", "DOGE_USDT") else { return };
    doge.join(8_752_807_947);
    let change = |side, price, quantity| {
        let body = RecordBody::LevelChange {
            side,
            price: decimal(price),
            quantity: decimal(quantity),
            snapshot: false,
            update_id: Some(8_752_808_003),
        };
        record(1_789_498_405_531, body)
    };
    let rows = doge.memory.rows(0, StreamKind::BookChanges);
    assert!(
        rows.contains(&change(Side::Sell, "0.0801", "2868"))
            && rows.contains(&change(Side::Buy, "0.07969", "0"))
    );
}

#[test]
fn mark_and_funding_frames() {
    let Some(new) = read("ws_public_ticker_2026.json", "BTC_USDT") else { return };
    let mark = |mark, index| RecordBody::Mark { mark: decimal(mark), index: some(index) };
    assert_eq!(new.memory.rows(0, StreamKind::Marks), [record(1_790_870_036_854, mark("84063.8", "84104"))]);
    let old = read("ws_public_ticker_doc_2020.json", "BTC_USDT").unwrap();
    assert_eq!(old.memory.rows(0, StreamKind::Marks), [record(1_587_442_022_003, mark("6867.4", "6861.6"))]);
    let mut funding = read("ws_public_funding_rate_2026.json", "BTC_USDT").unwrap();
    assert_eq!(funding.symbol(0).funding.settle(ms(1_789_516_799_999)), None);
    assert_eq!(
        funding.symbol(0).funding.settle(ms(1_789_516_800_000)),
        Some((decimal("0.000081"), ms(1_789_516_800_000)))
    );
    let mut undated = read("ws_public_funding_rate_doc_2020.json", "BTC_USDT").unwrap();
    assert_eq!(undated.symbol(0).funding.settle(Timestamp::MAX), None);
}

#[test]
fn frames_nobody_asked_for_are_let_pass() {
    for name in names("ws_public_").into_iter().chain(names("ws_control_")) {
        if ["tickers", "kline", "index", "fair", "control"].iter().any(|word| name.contains(word)) {
            assert_eq!(read(&name, "BTC_USDT").unwrap().memory.told(), [], "{name}");
        }
    }
}

#[test]
fn malformed_frames_are_counted() {
    let Some(text) = text("ws_malformed_frames.json") else { return };
    let file: Value = serde_json::from_str(&text).unwrap();
    for frame in file["frames"].as_array().unwrap().iter().filter(|frame| frame["opcode"] == "text") {
        let mut reader = Reader::new(&["BTC_USDT"]);
        reader.text(frame["payload_text"].as_str().unwrap());
        let expected = u64::from(frame["name"] != "empty_text");
        assert_eq!(reader.health().malformed, expected, "{}", frame["name"]);
        assert_eq!(reader.memory.told(), [], "{}", frame["name"]);
    }
}
