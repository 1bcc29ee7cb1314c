//! Sockets: what is subscribed, what arrives, and what happens when they break.

use super::exchange::{Answer, Order, Stage, ok, refusal};
use super::fixtures::decimal;
use super::sink::{Memory, Told, rows};
use crate::clock;
use crate::domain::decimal::Decimal;
use crate::domain::event::GapCause;
use crate::domain::order::Side;
use crate::domain::record::{Record, RecordBody, StreamKind};
use crate::domain::symbol::SymbolId;
use crate::domain::time::Timestamp;
use crate::exchange::mexc::{Health, Mexc};
use crate::session::ports::Notice;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

pub fn deal(id: u64) -> String {
    format!(r#"[{{"p":80489,"v":{id},"T":1,"O":3,"M":1,"t":1789897547210,"i":"{id}"}}]"#)
}

const DEAL_WITHOUT_ID: &str = r#"{"p":8.04E+4,"v":5,"T":2,"O":3,"M":1,"t":1789897547211}"#;

fn ids(memory: &Memory, symbol: u32) -> Vec<Option<u64>> {
    let id = |row: Record| match row.body {
        RecordBody::Trade { id, .. } => id,
        _ => unreachable!(),
    };
    memory.rows(symbol, StreamKind::Trades).into_iter().map(id).collect()
}

/// Waits until a counter reaches a value.
#[track_caller]
fn until(client: &Mexc, what: &str, reached: impl Fn(&Health) -> bool) {
    for _ in 0..20_000 {
        if reached(&client.health()) {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("waited for {what}: {:?}", client.health());
}

#[track_caller]
pub fn lost(memory: &Memory, symbol: u32) -> (Vec<StreamKind>, Timestamp, GapCause) {
    memory.wait("a loss", |told| {
        told.iter().find_map(|told| match told {
            Told::Lost(id, streams, since, cause) if *id == symbol => Some((streams.clone(), *since, *cause)),
            _ => None,
        })
    })
}

#[track_caller]
fn disconnected(memory: &Memory) -> String {
    memory.wait("a disconnection", |told| {
        told.iter().find_map(|told| match told {
            Told::Notice(Notice::Disconnected { socket: 0, reason }) => Some(reason.clone()),
            _ => None,
        })
    })
}

#[test]
fn rows_of_every_stream_arrive_as_they_were_sent() {
    let mut stage = Stage::new();
    let streams = [StreamKind::Trades, StreamKind::BookSnapshots, StreamKind::Marks];
    let (client, _live, memory) = stage.subscribe(&["BTC_USDT", "ETH_USDT"], &streams);
    let mut peer = stage.peer();
    let sent = peer.subscriptions(&stage.runtime, 6);
    let of = |symbol| ["deal", "depth.full", "ticker"].map(|channel| format!("{channel} {symbol}"));
    assert_eq!(sent, [of("BTC_USDT"), of("ETH_USDT")].concat());
    for _ in 0..2 {
        ["deal", "depth.full"].iter().for_each(|channel| peer.acknowledge(channel));
    }
    peer.push(
        "ticker",
        "BTC_USDT",
        r#"{"symbol":"BTC_USDT","lastPrice":1,"fairPrice":84063.8,"indexPrice":8.4104E+4,"timestamp":1790870036854}"#,
    );
    peer.push("ticker", "ETH_USDT", r#"{"symbol":"ETH_USDT","lastPrice":0,"fairPrice":0,"indexPrice":0}"#);
    memory.wait_for(&Told::Notice(Notice::Connected { socket: 0 }));
    peer.push(
        "ticker",
        "BTC_USDT",
        r#"{"fairPrice":84063.80,"indexPrice":84104.0,"timestamp":1790870039854,"surprise":1}"#,
    );
    peer.push("deal", "ETH_USDT", DEAL_WITHOUT_ID);
    peer.push(
        "depth.full",
        "ETH_USDT",
        r#"{"asks":[[0.080550,48,1],[0.080560,347]],"bids":[[0.080490,12.000000000000000000000000000000,1]],"version":7}"#,
    );
    peer.push("depth.full", "ETH_USDT", r#"{"asks":[[9,9,9]],"bids":[],"version":6}"#);
    peer.push("deal", "BTC_USDT", &deal(16_270_106_116));
    memory.wait("the last trade", |told| (!rows(told, 0, StreamKind::Trades).is_empty()).then_some(()));

    let trade = |price, quantity, taker, ms, id| Record {
        exchange_at: Timestamp::from_millis(ms).unwrap(),
        received_at: None,
        body: RecordBody::Trade { price: decimal(price), quantity: decimal(quantity), taker, id },
    };
    assert_eq!(
        memory.rows(0, StreamKind::Trades),
        [trade("80489", "16270106116", Side::Buy, 1_789_897_547_210, Some(16_270_106_116))]
    );
    assert_eq!(
        memory.rows(1, StreamKind::Trades),
        [trade("80400", "5", Side::Sell, 1_789_897_547_211, None)]
    );
    let level = |side, level, price, quantity| Record {
        exchange_at: Timestamp::from_millis(1_700_000_000_123).unwrap(),
        received_at: None,
        body: RecordBody::SnapshotLevel { side, level, price: decimal(price), quantity: decimal(quantity) },
    };
    let book = [
        level(Side::Buy, 1, "0.08049", "12"),
        level(Side::Sell, 1, "0.08055", "48"),
        level(Side::Sell, 2, "0.08056", "347"),
    ];
    assert_eq!(memory.rows(1, StreamKind::BookSnapshots), book, "version 6 was older");
    let mark = RecordBody::Mark { mark: decimal("84063.8"), index: Some(decimal("84104")) };
    let at = Timestamp::from_millis(1_790_870_036_854).unwrap();
    assert_eq!(
        memory.rows(0, StreamKind::Marks),
        [Record { exchange_at: at, received_at: None, body: mark }],
        "once while it stays"
    );
    assert_eq!(memory.rows(1, StreamKind::Marks), [], "zero is no price");
    let told = memory.told();
    let regained = |symbol| {
        let of_symbol = told.iter().filter_map(move |told| match told {
            Told::Regained(id, streams) if *id == symbol => Some(streams.clone()),
            _ => None,
        });
        of_symbol.flatten().collect::<Vec<_>>()
    };
    assert_eq!((regained(0).len(), regained(1).len()), (3, 3));
    let health = client.health();
    assert_eq!((health.unknown_fields, health.malformed, health.repeated, health.sockets), (1, 0, 1, 1));
    assert!(health.last_frame_age.is_some() && health.rows == 6);
}

#[test]
fn a_lost_connection_is_a_gap_and_comes_back() {
    let mut stage = Stage::new();
    stage.settings.ping_ms = 60_000;
    let (client, live, memory) = stage.subscribe(&["BTC_USDT"], &[StreamKind::Trades, StreamKind::Marks]);
    let mut peer = stage.peer();
    peer.subscriptions(&stage.runtime, 2);
    peer.acknowledge("deal");
    peer.acknowledge("ticker");
    let mark = r#"{"fairPrice":10,"indexPrice":11,"timestamp":1790870036854}"#;
    peer.push("ticker", "BTC_USDT", mark);
    peer.push("deal", "BTC_USDT", &deal(1));
    peer.push("deal", "BTC_USDT", &deal(2));
    memory.wait("two trades", |told| (rows(told, 0, StreamKind::Trades).len() == 2).then_some(()));
    let before = clock::now();
    peer.order(Order::Cut);
    let mut again = stage.peer();
    let (streams, since, cause) = lost(&memory, 0);
    assert_eq!((streams.len(), cause), (2, GapCause::Disconnect));
    assert!(since <= before, "since the last message");
    disconnected(&memory);
    again.subscriptions(&stage.runtime, 2);
    again.acknowledge("deal");
    // The last trades are sent again, one without an id: only an id proves a repetition.
    again.push("deal", "BTC_USDT", &deal(2));
    again.push("deal", "BTC_USDT", DEAL_WITHOUT_ID);
    again.push("deal", "BTC_USDT", &deal(3));
    again.push("ticker", "BTC_USDT", mark);
    memory.wait("a second mark", |told| (rows(told, 0, StreamKind::Marks).len() == 2).then_some(()));
    assert_eq!(ids(&memory, 0), [Some(1), Some(2), None, Some(3)]);
    let told = memory.told();
    let regained = told
        .iter()
        .rposition(|told| matches!(told, Told::Regained(0, streams) if streams.contains(&StreamKind::Trades)))
        .unwrap();
    let gone = told.iter().position(|told| matches!(told, Told::Lost(..))).unwrap();
    assert!(regained > gone);
    assert_eq!(client.health().reconnects, 1);
    live.stop();
    again.closed(&stage.runtime);
    let after = memory.told().len();
    until(&client, "no socket", |health| health.sockets == 0);
    assert_eq!(memory.told().len(), after, "nothing comes behind the end");
}

#[test]
fn a_socket_without_pongs_is_given_up() {
    let mut stage = Stage::new();
    stage.settings.pong_timeout_ms = 100;
    let (_client, _live, memory) = stage.subscribe(&["BTC_USDT"], &[StreamKind::Trades]);
    let mut peer = stage.peer();
    assert_eq!(
        peer.subscriptions(&stage.runtime, 2),
        ["ticker BTC_USDT", "deal BTC_USDT"],
        "a ticker as a sign of life"
    );
    peer.acknowledge("deal");
    peer.push("ticker", "BTC_USDT", "{}");
    memory.wait_for(&Told::Regained(0, vec![StreamKind::Trades]));
    peer.order(Order::Mute);
    assert_eq!(lost(&memory, 0).2, GapCause::Silence);
    assert_eq!(disconnected(&memory), "no pong in time");
    stage.peer();
}

#[test]
fn a_socket_without_market_data_is_given_up_although_it_answers_pings() {
    let mut stage = Stage::new();
    stage.settings.silence_ms = 200;
    let (_client, _live, memory) = stage.subscribe(&["BTC_USDT"], &[StreamKind::Trades]);
    let mut peer = stage.peer();
    peer.subscriptions(&stage.runtime, 2);
    peer.acknowledge("deal");
    let before = clock::now();
    peer.push("deal", "BTC_USDT", &deal(1));
    let (_, since, cause) = lost(&memory, 0);
    assert_eq!(cause, GapCause::Silence);
    assert!(since >= before && (clock::now() - since).nanos() >= 200_000_000, "since the last market data");
    assert_eq!(disconnected(&memory), "no market data in time");
    stage.peer();
}

#[test]
fn one_unknown_symbol_is_given_up_and_the_others_are_served() {
    let mut stage = Stage::new();
    let (_client, _live, memory) =
        stage.subscribe(&["BTC_USDT", "NOPE_USDT", "ETH_USDT"], &[StreamKind::Trades, StreamKind::Marks]);
    let mut peer = stage.peer();
    peer.subscriptions(&stage.runtime, 6);
    let words = "Contract [NOPE_USDT] not exists";
    for channel in ["deal", "ticker"] {
        peer.acknowledge(channel);
        peer.send(&format!(r#"{{"channel":"rs.error","data":"{words}","ts":1}}"#));
        peer.acknowledge(channel);
    }
    memory.wait_for(&Told::Notice(Notice::Refused { symbol: SymbolId(1), reason: words.to_owned() }));
    memory.wait_for(&Told::Notice(Notice::Connected { socket: 0 }));
    peer.push("deal", "ETH_USDT", &deal(5));
    memory.wait("a trade", |told| (!rows(told, 2, StreamKind::Trades).is_empty()).then_some(()));
    assert!(!memory.told().iter().any(|told| matches!(told, Told::Regained(1, _))));
    let refusals =
        memory.told().iter().filter(|told| matches!(told, Told::Notice(Notice::Refused { .. }))).count();
    assert_eq!(refusals, 1, "said once");
    peer.order(Order::Cut);
    let again = stage.peer().subscriptions(&stage.runtime, 4);
    assert!(again.iter().all(|subscription| !subscription.contains("NOPE")));
}

#[test]
fn a_subscription_that_nobody_confirms_is_sent_again() {
    let mut stage = Stage::new();
    stage.settings.confirm_ms = 50;
    let (_client, _live, memory) = stage.subscribe(&["BTC_USDT"], &[StreamKind::Trades, StreamKind::Marks]);
    let mut peer = stage.peer();
    assert_eq!(peer.subscriptions(&stage.runtime, 2), ["deal BTC_USDT", "ticker BTC_USDT"]);
    peer.push("ticker", "BTC_USDT", r#"{"fairPrice":10,"timestamp":1790870036854}"#);
    assert_eq!(peer.subscriptions(&stage.runtime, 1), ["deal BTC_USDT"]);
    peer.push("deal", "BTC_USDT", &deal(1));
    memory.wait_for(&Told::Notice(Notice::Connected { socket: 0 }));
    memory.wait_for(&Told::Regained(0, vec![StreamKind::Trades]));
}

#[test]
fn frames_that_are_none_are_counted_and_change_nothing() {
    let mut stage = Stage::new();
    let (client, _live, memory) = stage.subscribe(&["BTC_USDT"], &[StreamKind::Trades, StreamKind::Marks]);
    let mut peer = stage.peer();
    peer.subscriptions(&stage.runtime, 2);
    let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0];
    for message in [
        Message::text("{\"symbol\":\"BTC_USDT\",\"data\":{\"asks\":[[80468.7,34"),
        Message::text("pong"),
        Message::binary(gzip.to_vec()),
    ] {
        peer.order(Order::Send(message));
    }
    peer.send(r#"{"symbol":"BTC_USDT","data":{"fairPrice":NaN},"channel":"push.ticker","ts":1}"#);
    peer.push("deal", "OTHER_USDT", &deal(1));
    peer.push("deal", "BTC_USDT", r#"[{"p":-1,"v":1,"T":1,"t":1},{"p":1,"v":1,"T":3,"t":1},{"v":1}]"#);
    peer.push("deal", "BTC_USDT", r#"[{"p":1,"v":1,"T":1,"t":1700000000000,"i":"1"},{"p":"#);
    peer.send("");
    peer.send(r#"{"channel":"push.something.new","data":{},"ts":"1587442022003"}"#);
    peer.send(r#"{"channel":"rs.personal.filter","data":"success","ts":"1587442022003"}"#);
    peer.push("deal", "BTC_USDT", &deal(9));
    memory.wait("a trade", |told| (!rows(told, 0, StreamKind::Trades).is_empty()).then_some(()));
    let health = client.health();
    assert_eq!((health.malformed, health.unknown_channels, health.reconnects), (4 + 1 + 3 + 1, 1, 0));
    assert_eq!(ids(&memory, 0), [Some(9)]);
}

#[test]
fn a_frame_without_end_ends_the_connection() {
    let mut stage = Stage::new();
    let (_client, _live, memory) = stage.subscribe(&["BTC_USDT"], &[StreamKind::Trades]);
    let peer = stage.peer();
    peer.order(Order::Send(Message::text("x".repeat(crate::limits::EXCHANGE_FRAME_BYTES + 1))));
    assert!(
        disconnected(&memory).contains("too long") || disconnected(&memory).contains("Space"),
        "{}",
        disconnected(&memory)
    );
    stage.peer();
}

#[test]
fn symbols_are_spread_over_sockets_and_keep_their_places() {
    let mut stage = Stage::new();
    stage.settings.symbols_per_socket = 2;
    let (client, _live, memory) =
        stage.subscribe(&["A_USDT", "B_USDT", "C_USDT", "D_USDT", "E_USDT"], &[StreamKind::Marks]);
    let mut peers: Vec<_> = (0..3).map(|_| stage.peer()).collect();
    let (mut all, mut carried) = (Vec::new(), Vec::new());
    for peer in &mut peers {
        // Sockets open in any order; the last symbol has a socket of its own.
        let mut symbols = peer.subscriptions(&stage.runtime, 1);
        if !symbols[0].contains("E_USDT") {
            symbols.extend(peer.subscriptions(&stage.runtime, 1));
        }
        for name in &symbols {
            let name = name.split_once(' ').unwrap().1;
            peer.push(
                "ticker",
                name,
                &format!(r#"{{"fairPrice":{},"timestamp":1790870036854}}"#, name.as_bytes()[0]),
            );
        }
        carried.push(symbols.len());
        all.extend(symbols);
    }
    all.sort();
    assert_eq!(all.len(), 5);
    for (id, name) in (0..).zip(["A", "B", "C", "D", "E"]) {
        let row = memory.wait("a mark", |told| rows(told, id, StreamKind::Marks).first().copied());
        assert_eq!(
            row.body,
            RecordBody::Mark { mark: decimal(&name.as_bytes()[0].to_string()), index: None }
        );
    }
    assert_eq!((client.health().sockets, client.health().sockets_starting), (3, 0));
    peers.remove(1);
    memory.wait("one socket lost", |told| {
        told.iter().find(|told| matches!(told, Told::Notice(Notice::Disconnected { .. }))).map(|_| ())
    });
    stage.peer();
    assert_eq!(
        memory.told().iter().filter(|told| matches!(told, Told::Lost(..))).count(),
        carried[1],
        "only what it carried"
    );
}

#[test]
fn funding_is_a_row_once_it_is_paid() {
    let mut stage = Stage::new();
    let soon = clock::now().millis() + 400;
    let list = format!(
        r#"[{{"symbol":"OTHER_USDT","fundingRate":1}},{{"symbol":"BTC_USDT","fundingRate":0.0001,"collectCycle":8,"nextSettleTime":{soon}}}]"#
    );
    stage.answer(
        move |seen| if seen.target == "/api/v1/contract/funding_rate" { ok(&list) } else { refusal(1001) },
    );
    let (client, _live, memory) = stage.subscribe(&["BTC_USDT"], &[StreamKind::Funding]);
    let mut peer = stage.peer();
    peer.subscriptions(&stage.runtime, 2);
    until(&client, "the list", |health| health.requests - health.failed_requests > 0);
    peer.send(&format!(
        r#"{{"symbol":"BTC_USDT","data":{{"symbol":"BTC_USDT","rate":-0.00025,"nextSettleTime":{soon}}},"channel":"push.funding.rate","ts":{}}}"#,
        soon - 300
    ));
    let row = memory.wait("the payment", |told| rows(told, 0, StreamKind::Funding).first().copied());
    assert!(clock::now().millis() >= soon);
    assert_eq!(row.body, RecordBody::Funding { rate: decimal("-0.00025") }, "as announced last");
    assert_eq!(row.exchange_at.millis(), soon);
    peer.send(&format!(
        r#"{{"symbol":"BTC_USDT","data":{{"rate":0.0003,"nextSettleTime":{}}},"channel":"push.funding.rate","ts":{}}}"#,
        soon + 28_800_000,
        soon + 5
    ));
    peer.push("ticker", "BTC_USDT", "{}");
    until(&client, "both messages", |health| health.frames >= 3);
    assert_eq!(memory.rows(0, StreamKind::Funding).len(), 1);
}

#[test]
fn a_paused_contract_is_told() {
    let mut stage = Stage::new();
    let (_client, _live, memory) = stage.subscribe(&["BTC_USDT"], &[StreamKind::Trades]);
    let peer = stage.peer();
    for state in [0, 0, 4] {
        peer.send(&format!(
            r#"{{"channel":"push.contract","data":{{"symbol":"BTC_USDT","state":{state}}},"ts":1}}"#
        ));
    }
    memory.wait_for(&Told::Notice(Notice::Contract { symbol: SymbolId(0), is_tradable: false }));
    assert_eq!(
        memory.told().iter().filter(|told| matches!(told, Told::Notice(Notice::Contract { .. }))).count(),
        2
    );
}

/// The book that a reader of the inbox has after all rows.
fn book(memory: &Memory) -> (BTreeMap<(bool, String), String>, Option<u64>) {
    book_of(&memory.told())
}

fn book_of(told: &[Told]) -> (BTreeMap<(bool, String), String>, Option<u64>) {
    let mut book = BTreeMap::new();
    let mut version = None;
    for told in told {
        let Told::Rows(_, batch) = told else { continue };
        for (index, row) in batch.iter().enumerate() {
            let RecordBody::LevelChange { side, price, quantity, snapshot, update_id } = row.body else {
                continue;
            };
            if snapshot && index == 0 {
                book.clear();
            }
            version = update_id;
            let key = (side == Side::Buy, price.to_string());
            if quantity == Decimal::ZERO {
                book.remove(&key)
            } else {
                book.insert(key, quantity.to_string())
            };
        }
    }
    (book, version)
}

#[test]
fn a_book_is_joined_repaired_and_right() {
    let mut stage = Stage::new();
    let snapshot = |version: u64, bid: u64| {
        format!(
            r#"{{"cts":null,"asks":[[0.5,{version},1]],"bids":[[0.080550,{bid},1]],"version":{version},"timestamp":1789498400900}}"#
        )
    };
    let mut answers = [
        ok(&snapshot(98, 1)),
        refusal(510),
        Answer::Body(403, "<html>".to_owned()),
        ok(&snapshot(103, 2)),
        ok(&snapshot(104, 3)),
        ok(&snapshot(110, 4)),
    ]
    .into_iter();
    stage.answer(move |seen| {
        if seen.target.starts_with("/api/v1/contract/depth/") {
            answers.next().unwrap_or(Answer::Reset)
        } else {
            refusal(500)
        }
    });
    let (client, _live, memory) = stage.subscribe(&["RIF_USDT"], &[StreamKind::BookChanges]);
    let mut peer = stage.peer();
    peer.subscriptions(&stage.runtime, 2);
    let push = |begin: u64, end: u64, bids: &str| {
        let data = format!(
            r#"{{"cts":1789498400107,"asks":[],"bids":{bids},"end":{end},"begin":{begin},"version":{end}}}"#
        );
        peer.push("depth", "RIF_USDT", &data);
    };
    push(101, 103, "[[0.08055,48,1]]");
    memory.wait_for(&Told::Regained(0, vec![StreamKind::BookChanges]));
    push(104, 106, "[[0.08055,0,0],[0.08,7]]");
    memory.wait("version 106", |told| (book_of(told).1 == Some(106)).then_some(()));
    let level = |is_bid, price: &str, quantity: &str| ((is_bid, price.to_owned()), quantity.to_owned());
    assert_eq!(book(&memory).0, BTreeMap::from([level(false, "0.5", "103"), level(true, "0.08", "7")]));
    push(105, 106, "[[0.08,9]]");
    push(109, 110, "[[0.0805,7,1]]");
    push(111, 111, "[[0.08055,0.0,0],[0.07,1,1]]");
    let (streams, _, cause) = lost(&memory, 0);
    assert_eq!((streams, cause), (vec![StreamKind::BookChanges], GapCause::VersionHole));
    memory.wait("version 111", |told| (book_of(told).1 == Some(111)).then_some(()));
    assert_eq!(book(&memory).0, BTreeMap::from([level(false, "0.5", "110"), level(true, "0.07", "1")]));
    let health = client.health();
    assert_eq!((health.resyncs, health.repeated, health.throttled), (1, 1, 2), "a page under 403 is a ban");
    assert_eq!(stage.calls("/api/v1/contract/depth/RIF_USDT?limit=1000"), 6);
    peer.push("depth", "RIF_USDT", r#"{"asks":[[80468.7]],"bids":[],"version":112}"#);
    memory.wait("a second loss", |told| {
        (told.iter().filter(|told| matches!(told, Told::Lost(..))).count() == 2).then_some(())
    });
    assert_eq!(client.health().malformed, 1);
}

#[test]
fn a_socket_is_starting_until_its_first_try_ends() {
    let mut stage = Stage::new();
    // Takes the connection, and never answers its handshake.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    stage.settings.ws_url = format!("ws://{}/edge", silent.local_addr().unwrap());
    let (client, _live, _memory) = stage.subscribe(&["BTC_USDT"], &[StreamKind::Trades]);
    until(&client, "a socket that starts", |health| {
        health.sockets_needed == 1 && health.sockets_starting == 1
    });
    let taken = silent.accept().unwrap();
    drop((silent, taken));
    until(&client, "the end of the first try", |health| {
        health.sockets_needed == 1 && health.sockets_starting == 0
    });
}
