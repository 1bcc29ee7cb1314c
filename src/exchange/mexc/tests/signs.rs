//! Liveness: what proves that a stream is served, a symbol silent, a book unchanged, a list complete.

use super::exchange::{Stage, ok, refusal};
use super::feed::{deal, lost};
use super::sink::{Told, rows};
use crate::clock;
use crate::domain::event::GapCause;
use crate::domain::record::StreamKind;
use crate::session::ports::Notice;
use std::time::Duration;

#[test]
fn an_acknowledgement_without_data_is_no_stream() {
    let mut stage = Stage::new();
    let (client, _live, memory) = stage.subscribe(&["BTC_USDT", "ETH_USDT"], &[StreamKind::Trades]);
    let mut peer = stage.peer();
    peer.subscriptions(&stage.runtime, 3);
    ["ticker", "deal", "deal"].iter().for_each(|channel| peer.acknowledge(channel));
    memory.wait_for(&Told::Notice(Notice::Connected { socket: 0 }));
    assert!(!memory.told().iter().any(|told| matches!(told, Told::Regained(..))), "nothing came yet");
    peer.push("ticker", "BTC_USDT", "{}");
    memory.wait_for(&Told::Regained(0, vec![StreamKind::Trades]));
    memory.wait_for(&Told::Regained(1, vec![StreamKind::Trades]));
    assert_eq!(client.health().reconnects, 0);
}

#[test]
fn a_symbol_of_which_nothing_comes_is_lost_and_subscribed_anew() {
    let mut stage = Stage::new();
    stage.settings.silence_ms = 200;
    let (client, _live, memory) =
        stage.subscribe(&["BTC_USDT", "ETH_USDT"], &[StreamKind::Trades, StreamKind::Marks]);
    let mut peer = stage.peer();
    peer.subscriptions(&stage.runtime, 4);
    let before = clock::now();
    peer.push("deal", "ETH_USDT", &deal(1));
    peer.push("ticker", "ETH_USDT", "{}");
    let gone = || memory.told().iter().any(|told| matches!(told, Told::Lost(1, ..)));
    while !gone() {
        peer.push("ticker", "BTC_USDT", "{}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let (streams, since, cause) = lost(&memory, 1);
    assert_eq!((streams, cause), (vec![StreamKind::Trades, StreamKind::Marks], GapCause::Silence));
    assert!(since >= before && (clock::now() - since).nanos() >= 200_000_000, "since it came last");
    assert_eq!(peer.subscriptions(&stage.runtime, 2), ["deal ETH_USDT", "ticker ETH_USDT"]);
    peer.push("deal", "ETH_USDT", &deal(2));
    memory.wait("a second beginning", |told| {
        (told
            .iter()
            .filter(
                |told| matches!(told, Told::Regained(1, streams) if streams.contains(&StreamKind::Trades)),
            )
            .count()
            == 2)
            .then_some(())
    });
    assert!(
        !memory.told().iter().any(|told| matches!(told, Told::Lost(0, ..)))
            && client.health().reconnects == 0
    );
}

#[test]
fn a_book_without_messages_is_good_since_its_snapshot_and_no_longer() {
    let mut stage = Stage::new();
    let snapshot =
        r#"{"cts":null,"asks":[[0.5,1,1]],"bids":[[0.08,1,1]],"version":98,"timestamp":1789498400900}"#;
    stage.answer(move |seen| {
        if seen.target.starts_with("/api/v1/contract/depth/") { ok(snapshot) } else { refusal(500) }
    });
    let (_client, _live, memory) = stage.subscribe(&["RIF_USDT"], &[StreamKind::BookChanges]);
    let mut peer = stage.peer();
    peer.subscriptions(&stage.runtime, 2);
    peer.acknowledge("depth");
    memory.wait_for(&Told::Regained(0, vec![StreamKind::BookChanges]));
    let joined_at = clock::now();
    peer.push(
        "depth",
        "RIF_USDT",
        r#"{"cts":1789498400907,"asks":[],"bids":[],"end":120,"begin":110,"version":120}"#,
    );
    let (_, since, cause) = lost(&memory, 0);
    assert!(since <= joined_at && cause == GapCause::VersionHole, "what is missing is missing since then");
}

#[test]
fn a_list_of_funding_rates_is_asked_for_until_it_is_whole() {
    let mut stage = Stage::new();
    let soon = clock::now().millis() + 500;
    let row = |name: &str| {
        format!(r#"{{"symbol":"{name}","fundingRate":0.0001,"collectCycle":8,"nextSettleTime":{soon}}}"#)
    };
    let whole = ok(&format!("[{},{}]", row("ETH_USDT"), row("BTC_USDT")));
    let mut answers = [refusal(1002), ok(&format!("[{}]", row("ETH_USDT")))].into_iter();
    stage.answer(move |seen| match seen.target.as_str() {
        "/api/v1/contract/funding_rate" => answers.next().unwrap_or_else(|| whole.clone()),
        _ => refusal(1001),
    });
    let (_client, _live, memory) = stage.subscribe(&["BTC_USDT", "ETH_USDT"], &[StreamKind::Funding]);
    let _peer = stage.peer();
    let paid =
        |symbol| memory.wait("the payment", |told| rows(told, symbol, StreamKind::Funding).first().copied());
    assert_eq!([paid(0), paid(1)].map(|row| row.exchange_at.millis()), [soon, soon]);
    assert_eq!(stage.calls("/api/v1/contract/funding_rate"), 3);
}
