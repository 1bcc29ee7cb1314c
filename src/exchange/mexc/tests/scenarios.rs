//! Scripted book scenarios: frames and answers in, the expected book out. Also a clock step.

use super::fixtures::{data, names, text};
use super::parsing::Reader;
use super::sink::Told;
use crate::domain::event::GapCause;
use crate::domain::order::Side;
use crate::domain::record::StreamKind;
use crate::exchange::mexc::wire::rows;
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Scenario<'a> {
    symbol: &'a str,
    #[serde(borrow)]
    steps: Vec<Step<'a>>,
}

#[derive(Deserialize)]
struct Step<'a> {
    r#do: &'a str,
    #[serde(borrow)]
    frame: Option<&'a RawValue>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    #[serde(default)]
    valid: bool,
    version: Option<u64>,
    #[serde(default)]
    asks: Vec<(String, String)>,
    #[serde(default)]
    bids: Vec<(String, String)>,
}

/// Detecting the step is the watchdog's job; this tests what follows from it.
#[test]
fn a_step_of_the_clock_is_a_gap_for_every_stream() {
    let mut reader = Reader::new(&["BTC_USDT", "ETH_USDT"]);
    let depth = r#"{"symbol":"BTC_USDT","data":{"asks":[],"bids":[[1,1,1]],"version":5},"channel":"push.depth","ts":1700000000000}"#;
    reader.text(depth);
    reader.join(4);
    let memory = reader.memory.clone();
    reader.symbol(0).coverage.regained(&[StreamKind::Marks], &*memory);
    let ticker = r#"{"symbol":"BTC_USDT","data":{"fairPrice":7},"channel":"push.ticker","ts":1700000000000}"#;
    reader.text(ticker);
    let before = memory.told().len();
    reader.step();
    let (changes, marks) = (StreamKind::BookChanges, StreamKind::Marks);
    let gone = Told::Lost(0, vec![changes, marks], Reader::HEARD_AT, GapCause::ClockStep);
    assert_eq!(
        memory.told()[before..],
        [gone, Told::Regained(0, vec![marks])],
        "the other symbol had nothing to lose"
    );
    assert!(reader.is_snapshot_due() && !reader.symbol(0).book.is_synced());
    reader.text(ticker);
    assert_eq!(memory.rows(0, StreamKind::Marks).len(), 2, "a mark is said again behind a gap");
    reader.join(5);
    assert_eq!(memory.told().last(), Some(&Told::Regained(0, vec![changes])));
    assert_eq!(reader.health().clock_steps, 1);
}

#[test]
fn books_follow_their_scripts() {
    let books: usize = names("scenario_book_").iter().map(|name| follow(name, &text(name).unwrap())).sum();
    assert!(books == 6 || names("scenario_book_").is_empty(), "{books} books");
}

/// The project's own scripts, for clones without recorded ones.
#[test]
fn books_follow_made_up_scripts() {
    let straddle = include_str!("../../../../tests/data/mexc/scenario_book_straddle.json");
    let hole = include_str!("../../../../tests/data/mexc/scenario_book_hole.json");
    assert_eq!((follow("straddle", straddle), follow("hole", hole)), (3, 4));
}

/// Plays a script; returns how many books it compared.
fn follow(name: &str, text: &str) -> usize {
    let mut books = 0;
    let scenario: Scenario<'_> = serde_json::from_str(text).unwrap();
    {
        let mut reader = Reader::new(&[scenario.symbol]);
        for (number, step) in scenario.steps.iter().enumerate() {
            let place = format!("{name}, step {number}");
            match step.r#do {
                "expect_ws_send" => {}
                "ws_push" => reader.text(step.frame.unwrap().get()),
                "expect_rest" => assert!(reader.is_snapshot_due(), "{place}"),
                "rest_reply" => reader.snapshot(&rows::depth(data(step.body.unwrap().get())).unwrap()),
                "expect_book" => {
                    books += 1;
                    let book = &reader.symbol(0).book;
                    assert_eq!((book.is_synced(), book.version()), (step.valid, step.version), "{place}");
                    let side = |side| -> Vec<(String, String)> {
                        book.levels(side)
                            .into_iter()
                            .map(|(price, quantity)| (price.to_string(), quantity.to_string()))
                            .collect()
                    };
                    assert_eq!(
                        (side(Side::Sell), side(Side::Buy)),
                        (step.asks.clone(), step.bids.clone()),
                        "{place}"
                    );
                }
                other => panic!("{place}: no step {other}"),
            }
        }
    }
    books
}
