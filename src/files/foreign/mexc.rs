//! JSON of MEXC futures: deals and klines, as answers of the REST interface and as pushed lines; and lists of
//! trades as ccxt gives them.

use super::convert::Clock;
use super::mapped::{Mapped, wrong};
use super::symbols;
use super::{Foreign, Opening, Refused, Rows, Translate};
use crate::domain::file_mapping::{ColumnList, TimeUnit};
use crate::domain::record::StreamKind;
use crate::domain::time::Span;
use crate::files::columns::text_of;
use crate::files::error::Problem;
use crate::files::layout::{Layout, SYMBOL, TIME};
use crate::limits::FILE_SYMBOLS;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Slots of a trade and of a bar behind time and symbol.
const TRADE: [usize; 2] = [2, 3];
const SIDE: usize = 4;
const TRADE_ID: usize = 6;
const BAR: [usize; 6] = [2, 3, 4, 5, 6, 7];

const CCXT: &str = "time=timestamp,symbol=symbol,side=side,price=price,quantity=amount,trade_id=id";

/// An answer or a pushed message.
#[derive(Deserialize)]
struct Message<'a> {
    success: Option<bool>,
    code: Option<i64>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    channel: Option<Cow<'a, str>>,
    #[serde(borrow)]
    symbol: Option<Cow<'a, str>>,
}

/// A deal. `T` is 1 where the taker bought and 2 where it sold.
#[derive(Deserialize)]
struct Deal<'a> {
    #[serde(borrow)]
    p: &'a RawValue,
    #[serde(borrow)]
    v: &'a RawValue,
    #[serde(rename = "T")]
    taker: u8,
    t: u64,
    #[serde(borrow)]
    i: Option<&'a RawValue>,
}

/// Klines of the REST interface: a list per column.
#[derive(Deserialize)]
struct Klines<'a> {
    time: Vec<u64>,
    #[serde(borrow)]
    open: Vec<&'a RawValue>,
    #[serde(borrow)]
    high: Vec<&'a RawValue>,
    #[serde(borrow)]
    low: Vec<&'a RawValue>,
    #[serde(borrow)]
    close: Vec<&'a RawValue>,
    #[serde(borrow)]
    vol: Vec<&'a RawValue>,
    #[serde(borrow)]
    amount: Vec<&'a RawValue>,
}

/// A pushed kline: the state of the current bar.
#[derive(Deserialize)]
struct Kline<'a> {
    t: u64,
    #[serde(borrow)]
    o: &'a RawValue,
    #[serde(borrow)]
    h: &'a RawValue,
    #[serde(borrow)]
    l: &'a RawValue,
    #[serde(borrow)]
    c: &'a RawValue,
    #[serde(borrow)]
    q: &'a RawValue,
    #[serde(borrow)]
    a: &'a RawValue,
    #[serde(borrow)]
    interval: Option<Cow<'a, str>>,
}

/// A pushed bar that may still change.
struct Pushed {
    interval: String,
    time: u64,
    /// Prices and volumes.
    values: [String; 6],
}

/// What the lines are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// One deal a line.
    Deal,
    /// Answers with deals.
    Deals,
    PushedDeals,
    Klines,
    PushedKlines,
}

struct Mexc {
    what: What,
    /// Of lines without one.
    symbol: Option<String>,
    is_by_name: bool,
    /// The open bar of each symbol of pushed bars.
    open: BTreeMap<String, Pushed>,
    skipped: u64,
    left_out: bool,
}

/// The layout of a file by its first object.
pub(super) fn of_object(opening: &Opening<'_>) -> Result<Option<Foreign>, Problem> {
    let message = serde_json::from_slice::<Message<'_>>(opening.first).ok();
    message.as_ref().map_or(Ok(()), Message::check)?;
    if let Some(Message { data: Some(data), channel, .. }) = message {
        let what = match channel.as_deref() {
            Some("push.deal") => What::PushedDeals,
            Some("push.kline") => What::PushedKlines,
            Some(_) => return Ok(None),
            None if serde_json::from_str::<Klines<'_>>(data.get()).is_ok() => What::Klines,
            None if serde_json::from_str::<Vec<Deal<'_>>>(data.get()).is_ok() => What::Deals,
            None => return Ok(None),
        };
        return Mexc::of(what, opening).map(Some);
    }
    if serde_json::from_slice::<Deal<'_>>(opening.first).is_ok() {
        return Mexc::of(What::Deal, opening).map(Some);
    }
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(opening.first).unwrap_or_default();
    let is_ccxt =
        ["timestamp", "symbol", "side", "price", "amount", "id"].iter().all(|key| object.contains_key(*key));
    if !is_ccxt {
        return Ok(None);
    }
    let list: ColumnList = CCXT.parse().map_err(Problem::Mapping)?;
    Mapped::by_objects(&list, format!("read as ccxt trades ({list})"), opening).map(Some)
}

impl Message<'_> {
    /// Refuses an answer that says that the request failed.
    fn check(&self) -> Result<(), Problem> {
        match (self.success, self.code) {
            (Some(false), Some(code)) => Err(Problem::Answer(code)),
            _ => Ok(()),
        }
    }
}

/// The length of bars of an interval; `None` where it differs from bar to bar, as that of months does.
fn length_of(interval: &str) -> Option<Span> {
    let units = [("Min", 60), ("Hour", 3_600), ("Day", 86_400), ("Week", 604_800)];
    let (count, seconds) =
        units.iter().find_map(|(unit, seconds)| Some((interval.strip_prefix(unit)?, *seconds)))?;
    count.parse::<u16>().ok().map(|count| Span::from_seconds(i64::from(count) * seconds))
}

impl Mexc {
    fn of(what: What, opening: &Opening<'_>) -> Result<Foreign, Problem> {
        let given = opening.mapping.symbol.clone();
        let is_by_name = given.is_none() && !matches!(what, What::PushedDeals | What::PushedKlines);
        let symbol = if is_by_name { symbols::by_name(opening.path) } else { given };
        if is_by_name && symbol.is_none() {
            return Err(Problem::NoSymbol);
        }
        let kind = match what {
            What::Klines | What::PushedKlines => StreamKind::Bars,
            _ => StreamKind::Trades,
        };
        let mexc = Mexc { what, symbol, is_by_name, open: BTreeMap::new(), skipped: 0, left_out: false };
        Ok(Foreign::new(Layout::full(kind), mexc).starting_with(opening.first))
    }

    fn deals(&self, data: &str, symbol: &str, rows: &mut Rows) -> Result<(), Refused> {
        let is_list = data.starts_with('[');
        let mut deals: Vec<Deal<'_>> = match is_list {
            true => serde_json::from_str(data),
            false => serde_json::from_str(data).map(|deal| vec![deal]),
        }
        .map_err(|_| (None, Problem::Json("a deal is not {p, v, T, t} as MEXC writes it")))?;
        // Answers list the newest first; a stable sort keeps the order of pushed ones.
        if deals.first().zip(deals.last()).is_some_and(|(first, last)| first.t > last.t) {
            deals.reverse();
        }
        deals.sort_by_key(|deal| deal.t);
        for deal in &deals {
            let side: &[u8] = match deal.taker {
                1 => b"buy",
                2 => b"sell",
                other => {
                    return Err(wrong(
                        "side",
                        other.to_string().as_bytes(),
                        "is neither 1 (buy) nor 2 (sell)",
                    ));
                }
            };
            begin(rows, deal.t, symbol)?;
            for (slot, value) in TRADE.iter().zip([deal.p, deal.v]) {
                rows.set(*slot, text_of(value).as_bytes());
            }
            rows.set(SIDE, side);
            if let Some(id) = deal.i {
                rows.set(TRADE_ID, text_of(id).as_bytes());
            }
        }
        Ok(())
    }

    fn klines(data: &str, symbol: &str, rows: &mut Rows) -> Result<(), Refused> {
        let damaged = || {
            (
                None,
                Problem::Json(
                    "klines are not lists of time, open, high, low, close, vol and amount of one length",
                ),
            )
        };
        let all: Klines<'_> = serde_json::from_str(data).map_err(|_| damaged())?;
        let lists = [&all.open, &all.high, &all.low, &all.close, &all.vol, &all.amount];
        if lists.iter().any(|list| list.len() != all.time.len()) {
            return Err(damaged());
        }
        for (index, time) in all.time.iter().enumerate() {
            begin(rows, *time, symbol)?;
            for (slot, list) in BAR.iter().zip(lists) {
                rows.set(*slot, text_of(list[index]).as_bytes());
            }
        }
        Ok(())
    }

    /// A pushed bar replaces the open one of its symbol, or ends it.
    fn pushed_kline(&mut self, data: &str, symbol: &str, rows: &mut Rows) -> Result<(), Refused> {
        let bar: Kline<'_> = serde_json::from_str(data)
            .map_err(|_| (None, Problem::Json("a kline is not {t, o, h, l, c, q, a} as MEXC writes it")))?;
        let interval = bar.interval.unwrap_or_default();
        match self.open.get(symbol) {
            Some(open) if open.interval != interval => {
                let why = "is another interval than that of the bars before; give a file of each";
                return Err(wrong("interval", interval.as_bytes(), why));
            }
            None if self.open.len() == FILE_SYMBOLS => {
                return Err((Some("symbol"), Problem::TooManySymbols(FILE_SYMBOLS)));
            }
            _ => {}
        }
        let values = [bar.o, bar.h, bar.l, bar.c, bar.q, bar.a].map(text_of);
        let next = Pushed { interval: interval.into_owned(), time: bar.t, values };
        if let Some(open) = self.open.insert(symbol.to_owned(), next).filter(|open| open.time != bar.t) {
            begin(rows, open.time, symbol)?;
            for (slot, value) in BAR.iter().zip(&open.values) {
                rows.set(*slot, value.as_bytes());
            }
        }
        Ok(())
    }
}

/// Begins a row at a time in seconds or milliseconds.
fn begin(rows: &mut Rows, time: u64, symbol: &str) -> Result<(), Refused> {
    let text = time.to_string();
    let micros = Clock::of(TimeUnit::Any)
        .micros(text.as_bytes())
        .ok_or_else(|| wrong("timestamp_us", text.as_bytes(), "is not a time between 2000 and 2200"))?;
    rows.begin();
    rows.set(TIME, micros.to_string().as_bytes());
    rows.set(SYMBOL, symbol.as_bytes());
    Ok(())
}

impl Translate for Mexc {
    fn line(&mut self, line: &[u8], rows: &mut Rows) -> Result<(), Refused> {
        let damaged = |_| (None, Problem::Json("the JSON is damaged"));
        if self.what == What::Deal {
            let text = std::str::from_utf8(line).map_err(|_| (None, Problem::Unsupported("not text")))?;
            return self.deals(text, self.symbol.as_deref().unwrap_or_default(), rows);
        }
        let message: Message<'_> = serde_json::from_slice(line).map_err(damaged)?;
        message.check().map_err(|problem| (None, problem))?;
        let channel = match self.what {
            What::PushedDeals => Some("push.deal"),
            What::PushedKlines => Some("push.kline"),
            _ => None,
        };
        let (Some(data), true) = (message.data, message.channel.as_deref() == channel) else {
            self.skipped += 1;
            return Ok(());
        };
        let own = self.symbol.clone();
        let symbol =
            message.symbol.as_deref().or(own.as_deref()).ok_or((Some("symbol"), Problem::EmptyField))?;
        match self.what {
            What::Klines => Mexc::klines(data.get(), symbol, rows),
            What::PushedKlines => self.pushed_kline(data.get(), symbol, rows),
            _ => self.deals(data.get(), symbol, rows),
        }
    }

    fn bar_length(&self, symbol: &str) -> Option<Span> {
        length_of(&self.open.get(symbol)?.interval)
    }

    fn end(&mut self, _rows: &mut Rows) {
        self.left_out = !self.open.is_empty();
    }

    fn notes(&self) -> Vec<String> {
        let name = match self.what {
            What::Deal | What::Deals => "read as MEXC deals of the REST interface",
            What::PushedDeals => "read as pushed MEXC deals",
            What::Klines => {
                "read as MEXC klines of the REST interface; the last one of an answer may not have been over"
            }
            What::PushedKlines => "read as pushed MEXC klines: the last state of each bar",
        };
        let mut notes = vec![name.to_owned(), "quantities are contracts".to_owned()];
        if self.is_by_name {
            notes.push("the symbol is from the file's name".to_owned());
        }
        if self.left_out {
            notes.push(
                "the last bar of each symbol is left out, because it may not have been over".to_owned(),
            );
        }
        if self.skipped > 0 {
            notes.push("messages of other channels are left out".to_owned());
        }
        notes
    }
}
