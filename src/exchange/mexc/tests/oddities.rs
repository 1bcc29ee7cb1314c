//! Well-formed but odd messages: books without levels, versions that restart, names that differ inside and
//! outside.

use super::exchange::Stage;
use super::parsing::Reader;
use super::sink::Told;
use crate::domain::event::GapCause;
use crate::domain::record::{RecordBody, StreamKind};
use crate::domain::symbol::SymbolId;
use crate::session::ports::Notice;

fn top(version: u64, bids: &str, asks: &str) -> String {
    format!(
        r#"{{"symbol":"BTC_USDT","data":{{"asks":{asks},"bids":{bids},"version":{version}}},"channel":"push.depth.full","ts":1700000000000}}"#
    )
}

/// A reader whose top of the book is complete.
fn reader() -> Reader {
    let mut reader = Reader::new(&["BTC_USDT", "ETH_USDT"]);
    let memory = reader.memory.clone();
    reader.symbol(0).coverage.regained(&[StreamKind::BookSnapshots], &*memory);
    reader
}

fn best_bids(reader: &Reader) -> Vec<String> {
    let best = |row: crate::domain::record::Record| match row.body {
        RecordBody::SnapshotLevel { price, level: 1, .. } => Some(price.to_string()),
        _ => None,
    };
    reader.memory.rows(0, StreamKind::BookSnapshots).into_iter().filter_map(best).collect()
}

/// How often the last top was reported as no longer valid.
fn forgotten(reader: &Reader, cause: GapCause) -> usize {
    let told = reader.memory.told();
    let top = vec![StreamKind::BookSnapshots];
    let is_gap = |pair: &&[Told]| matches!(pair, [Told::Lost(0, lost, _, why), Told::Regained(0, regained)] if *lost == top && *regained == top && *why == cause);
    told.windows(2).filter(is_gap).count()
}

#[test]
fn a_book_without_levels_ends_the_last_one() {
    let mut reader = reader();
    reader.text(&top(1, "[[10,1,1]]", "[]"));
    assert_eq!(forgotten(&reader, GapCause::EmptyBook), 0, "one side is a book");
    reader.text(&top(2, "[]", "[]"));
    reader.text(&top(3, "[]", "[]"));
    assert_eq!(forgotten(&reader, GapCause::EmptyBook), 1, "once, however long it stays empty");
    reader.text(&top(4, "[[11,1,1]]", "[]"));
    reader.text(&top(5, "[]", "[]"));
    assert_eq!(forgotten(&reader, GapCause::EmptyBook), 2);
    assert_eq!((best_bids(&reader), reader.health().malformed), (vec!["10".to_owned(), "11".to_owned()], 0));
}

#[test]
fn versions_that_start_again_on_one_connection_do_not_freeze_the_top() {
    let mut reader = reader();
    for version in [1_000, 1_001] {
        reader.text(&top(version, "[[10,1,1]]", "[]"));
    }
    for version in 1..=50 {
        reader.text(&top(version, &format!("[[{},1,1]]", 100 + version), "[]"));
    }
    let bids = best_bids(&reader);
    assert_eq!(bids.last().map(String::as_str), Some("150"));
    assert_eq!((bids.len(), reader.health().repeated), (2 + 43, 7), "eight in a row are no repetition");
    assert_eq!(forgotten(&reader, GapCause::VersionHole), 1);
}

#[test]
fn what_is_inside_must_be_about_the_symbol_outside() {
    let mut reader = reader();
    let frame = |channel: &str, data: &str| {
        format!(r#"{{"symbol":"BTC_USDT","data":{data},"channel":"push.{channel}","ts":1700000000000}}"#)
    };
    for (channel, data) in [
        ("ticker", r#"{"symbol":"ETH_USDT","fairPrice":7}"#),
        ("funding.rate", r#"{"symbol":"ETH_USDT","rate":0.01,"nextSettleTime":1800000000000}"#),
        ("depth.full", r#"{"symbol":"ETH_USDT","asks":[],"bids":[[1,1,1]],"version":9}"#),
        ("depth", r#"{"symbol":"ETH_USDT","asks":[],"bids":[[1,1,1]],"version":9}"#),
    ] {
        let before = reader.health().malformed;
        reader.text(&frame(channel, data));
        assert_eq!(reader.health().malformed, before + 1, "{channel}");
    }
    assert_eq!(
        reader.memory.told().len(),
        1,
        "nothing but what was said at first: {:?}",
        reader.memory.told()
    );
    assert!(!reader.symbol(0).funding.is_announced());
    reader.text(&frame("ticker", r#"{"symbol":"BTC_USDT","fairPrice":7}"#));
    assert_eq!(reader.memory.rows(0, StreamKind::Marks).len(), 1);
}

#[test]
fn news_of_a_contract_reach_the_socket_that_carries_it() {
    let mut stage = Stage::new();
    stage.settings.symbols_per_socket = 1;
    let (_client, _live, memory) = stage.subscribe(&["A_USDT", "B_USDT"], &[StreamKind::Marks]);
    let mut peers = [stage.peer(), stage.peer()];
    for peer in &mut peers {
        let asks_for_news = (0..2)
            .map(|_| peer.next(&stage.runtime))
            .filter(|frame| frame["method"] == "sub.contract")
            .count();
        assert_eq!(asks_for_news, 1);
        for symbol in ["A_USDT", "B_USDT"] {
            peer.send(&format!(
                r#"{{"channel":"push.contract","data":{{"symbol":"{symbol}","state":4}},"ts":1}}"#
            ));
        }
    }
    for id in [0, 1] {
        memory.wait_for(&Told::Notice(Notice::Contract { symbol: SymbolId(id), is_tradable: false }));
    }
}

#[test]
fn a_changed_step_is_news_though_the_state_stays() {
    let mut reader = Reader::new(&["BTC_USDT"]);
    let news = |step: &str| {
        format!(
            r#"{{"channel":"push.contract","data":{{"symbol":"BTC_USDT","state":0,"priceUnit":{step}}},"ts":1}}"#
        )
    };
    for step in ["0.1", "0.10", "0.01", "0.01"] {
        reader.text(&news(step));
    }
    let told = Told::Notice(Notice::Contract { symbol: SymbolId(0), is_tradable: true });
    assert_eq!(reader.memory.told(), [told.clone(), told]);
}
