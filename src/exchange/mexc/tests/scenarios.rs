//! Scripts for books: frames and answers in, the book that must follow.

use super::fixtures::{data, names, text};
use super::parsing::Reader;
use crate::domain::order::Side;
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

#[test]
fn books_follow_their_scripts() {
    let mut books = 0;
    for name in names("scenario_book_") {
        let text = text(&name).unwrap();
        let scenario: Scenario<'_> = serde_json::from_str(&text).unwrap();
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
                    assert_eq!((book.is_live(), book.version()), (step.valid, step.version), "{place}");
                    let side = |side| -> Vec<(String, String)> {
                        book.levels(side).into_iter().map(|(price, quantity)| (price.to_string(), quantity.to_string())).collect()
                    };
                    assert_eq!((side(Side::Sell), side(Side::Buy)), (step.asks.clone(), step.bids.clone()), "{place}");
                }
                other => panic!("{place}: no step {other}"),
            }
        }
    }
    assert!(books == 6 || names("scenario_book_").is_empty(), "{books} books");
}
