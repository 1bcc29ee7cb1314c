//! Untrusted bytes: nothing panics, and what is read is what was written.

use super::sink::Memory;
use crate::domain::decimal::Decimal;
use crate::domain::record::{RecordBody, StreamKind};
use crate::domain::symbol::SymbolId;
use crate::domain::time::{Span, Timestamp};
use crate::exchange::mexc::health::Counters;
use crate::exchange::mexc::socket::{Dispatch, Received, Symbol, pace};
use crate::exchange::mexc::subscription::STREAMS;
use crate::exchange::mexc::wire::{envelope, rows};
use crate::exchange::mexc::{DepthSnapshot, Health, Settings};
use proptest::prelude::*;
use serde_json::value::RawValue;
use std::sync::Arc;

/// A dispatch of one socket with these symbols, and its output.
pub struct Reader {
    dispatch: Dispatch,
    counters: Arc<Counters>,
    pub memory: Arc<Memory>,
}

impl Reader {
    pub fn new(symbols: &[&str]) -> Reader {
        let pace = pace(&Settings::default());
        let symbols = (0..)
            .zip(symbols)
            .map(|(id, name)| Symbol::new(SymbolId(id), (*name).to_owned(), pace))
            .collect();
        let (counters, memory) = (Arc::new(Counters::default()), Arc::new(Memory::default()));
        Reader {
            dispatch: Dispatch::new(symbols, STREAMS.to_vec(), counters.clone(), memory.clone()),
            counters,
            memory,
        }
    }

    pub fn text(&mut self, text: &str) {
        self.dispatch.text(
            text,
            Received { at: Timestamp::from_seconds(1_700_000_000), steady: Span::from_seconds(1) },
        );
    }

    pub fn symbol(&mut self, index: usize) -> &mut Symbol {
        &mut self.dispatch.symbols[index]
    }

    /// Passes an empty snapshot of a version to the first symbol's book.
    pub fn join(&mut self, version: u64) {
        self.snapshot(&DepthSnapshot {
            bids: Vec::new(),
            asks: Vec::new(),
            version,
            at: Some(Timestamp::from_seconds(1)),
        });
    }

    /// Passes a snapshot to the first symbol's book.
    pub fn snapshot(&mut self, depth: &DepthSnapshot) {
        self.dispatch.join(
            0,
            depth,
            Received { at: Timestamp::from_seconds(1), steady: Span::from_seconds(2) },
        );
    }

    /// Time of the last message before a clock step.
    pub const HEARD_AT: Timestamp = Timestamp::from_seconds(1_700_000_000);

    /// The local clock jumps by an hour.
    pub fn step(&mut self) {
        let at = Timestamp::from_seconds(1_700_003_600);
        self.dispatch.clock_stepped(Received { at, steady: Span::from_seconds(3) }, Self::HEARD_AT);
    }

    /// Whether the first symbol's book requests a snapshot within 100 seconds.
    pub fn is_snapshot_due(&mut self) -> bool {
        self.symbol(0).book.take_due(Span::from_seconds(100))
    }

    pub fn health(&self) -> Health {
        self.counters.health(Timestamp::from_seconds(1_700_000_000))
    }
}

/// JSON that resembles the exchange's, with surprises.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        "-?[0-9]{1,3}(\\.[0-9]{1,30})?(E[+-][0-9]{1,2})?",
        "\"[a-zA-Z_\\\\\\\\n\"]{0,3}\"",
        Just("\"BTC_USDT\"".to_owned()),
        Just("\"push.depth\"".to_owned()),
        Just("\"push.deal\"".to_owned()),
        Just("\"push.depth.full\"".to_owned()),
        Just("\"push.ticker\"".to_owned()),
        Just("\"push.funding.rate\"".to_owned()),
        Just("\"push.contract\"".to_owned()),
        Just("\"rs.error\"".to_owned()),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        let key = prop_oneof![
            Just("channel"),
            Just("symbol"),
            Just("data"),
            Just("ts"),
            Just("asks"),
            Just("bids"),
            Just("version"),
            Just("begin"),
            Just("end"),
            Just("cts"),
            Just("p"),
            Just("v"),
            Just("T"),
            Just("t"),
            Just("i"),
            Just("fairPrice"),
            Just("rate"),
            Just("nextSettleTime"),
            Just("success"),
            Just("code"),
            Just("message"),
            Just("lastPrice"),
            Just("time"),
            Just("x"),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((key, inner), 0..8).prop_map(|fields| {
                let fields: Vec<String> =
                    fields.into_iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

fn read_everything(text: &str) {
    let mut reader = Reader::new(&["BTC_USDT"]);
    reader.text(text);
    let Ok(content) = envelope::open(text.as_bytes()) else { return };
    let Some(data) = content.data else { return };
    read_all_rows(data);
}

fn read_all_rows(data: &RawValue) {
    let _ = rows::contracts(data);
    let _ = rows::tickers(data);
    let _ = rows::depth(data);
    let _ = rows::deals(data);
    let _ = rows::funding_rates(data);
    let _ = rows::funding_history(data);
    let _ = rows::candles(data);
    let _ = rows::assets(data);
    let _ = rows::contract_news(data);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = envelope::open(&bytes);
        read_everything(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn no_json_makes_it_panic(json in json(), channel in 0_usize..6, cut in 0.0_f64..1.2) {
        let channel = ["deal", "depth", "depth.full", "ticker", "funding.rate", "contract"][channel];
        let frame = format!(r#"{{"channel":"push.{channel}","symbol":"BTC_USDT","data":{json},"ts":1700000000000}}"#);
        let length = ((frame.len() as f64 * cut) as usize).min(frame.len());
        read_everything(&frame[..frame.floor_char_boundary(length)]);
        read_everything(&json);
        if let Ok(data) = serde_json::from_str::<&RawValue>(&json) {
            read_all_rows(data);
        }
    }

    /// A number in any of the exchange's notations is read exactly.
    #[test]
    fn numbers_are_exact_in_every_spelling(mantissa in 1_i64..1_000_000_000, scale in 0_u8..12, padding in 0_usize..30) {
        let value = Decimal::new(mantissa, scale).unwrap();
        let plain = value.to_string();
        let padded = if plain.contains('.') { format!("{plain}{}", "0".repeat(padding)) } else { format!("{plain}.{}", "0".repeat(padding + 1)) };
        let scientific = if scale == 0 { format!("{mantissa}E+0") } else { format!("{mantissa}E-{scale}") };
        for spelling in [plain.clone(), padded, scientific] {
            let mut reader = Reader::new(&["BTC_USDT"]);
            let row = format!(r#"{{"p":{spelling},"v":{spelling},"T":2,"t":1700000000000}}"#);
            reader.text(&format!(r#"{{"symbol":"BTC_USDT","data":[{row}],"channel":"push.deal","ts":"1700000000000"}}"#));
            let rows = reader.memory.rows(0, StreamKind::Trades);
            prop_assert_eq!(rows.len(), 1, "{}", spelling);
            match rows[0].body {
                RecordBody::Trade { price, quantity, .. } => prop_assert_eq!((price, quantity), (value, value), "{}", spelling),
                _ => prop_assert!(false),
            }
        }
    }
}
