//! Recordings in the shapes of the API.

use crate::domain::contract_facts::ContractFacts;
use crate::domain::num::without_noise;
use crate::domain::quote::common_quote_currency;
use crate::domain::record::{RecordedGap, StreamKind};
use crate::domain::time::Timestamp;
use crate::files::contract_json;
use crate::store::records::{RecordedStreamV1, RecordedSymbolV1, RecordingState, RecordingV1, SymbolFactsV1};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// An entry of the list of recordings.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct RecordingLine {
    /// Id.
    pub session_id: String,
    /// Symbols.
    pub symbols: Vec<String>,
    /// Those of `tick_prices`, `orderbook`, `candles`, `mark_prices`, `funding` that have rows.
    pub data_types: Vec<&'static str>,
    /// `completed`, `recording`, or `empty` for a completed recording without rows.
    pub status: &'static str,
    /// Time of the first row or gap, RFC 3339 with milliseconds; without rows the time of creation.
    pub start_time: Option<String>,
    /// Time of the last row or gap.
    pub end_time: Option<String>,
    /// Number of rows.
    pub records_collected: u64,
    /// Like `1h`, `5m43s`.
    pub duration: String,
    /// Duration in seconds.
    pub duration_seconds: f64,
    /// Exchange it was recorded from by this program; for files only when they state it.
    pub exchange: Option<String>,
    /// Number of trade rows.
    pub prices_count: u64,
    /// Number of book rows.
    pub orderbook_count: u64,
    /// Time of creation, RFC 3339 with milliseconds.
    pub created_at: Option<String>,
    /// Size of its blocks in bytes.
    pub bytes: u64,
    /// Share of its time without gaps, percent; `None` without rows.
    pub coverage_pct: Option<f64>,
    /// Number of recorded gaps.
    pub gaps: u64,
    /// Quote currency of all symbols; `None` when they name none or several.
    pub currency: Option<String>,
    /// Counts per symbol and stream, if requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stats: Option<Value>,
}

/// Which recordings are listed; `None` matches all.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct RecordingFilter {
    /// Has this status.
    pub status: Option<String>,
    /// Has this symbol.
    pub symbol: Option<String>,
    /// Include counts per symbol and stream.
    pub include_stats: bool,
}

/// Gaps listed per recording; more are only counted.
const GAPS_SHOWN: usize = 1_000;

/// The API's data types and their streams.
const WORDS: [(&str, &[StreamKind]); 5] = [
    ("tick_prices", &[StreamKind::Trades]),
    ("orderbook", &[StreamKind::BookSnapshots, StreamKind::BookChanges, StreamKind::Quotes]),
    ("candles", &[StreamKind::Bars]),
    ("mark_prices", &[StreamKind::Marks]),
    ("funding", &[StreamKind::Funding]),
];

impl RecordingFilter {
    /// Empty recordings match only when that status is asked for, because there is nothing to replay in them.
    pub(super) fn wants(&self, recording: &RecordingV1) -> bool {
        self.status.as_deref().map_or(status(recording) != EMPTY, |wanted| wanted == status(recording))
            && self.symbol.as_ref().is_none_or(|symbol| recording.spelled(symbol).is_some())
    }
}

/// Status of a recording that ended before its first row.
const EMPTY: &str = "empty";

fn status(recording: &RecordingV1) -> &'static str {
    match recording.state {
        RecordingState::Complete if recording.rows() == 0 => EMPTY,
        RecordingState::Complete => "completed",
        RecordingState::Recording => "recording",
        RecordingState::Importing => "importing",
    }
}

pub(super) fn line(
    recording: &RecordingV1,
    gaps: &[(String, RecordedGap)],
    exchange: Option<String>,
    with_stats: bool,
) -> RecordingLine {
    let span = recording.span_with_gaps_ns(gaps);
    let nanos = span.map_or(0, |(first, last)| last.saturating_sub(first));
    let created_at = Timestamp::from_micros(recording.created_us).map(Timestamp::rfc3339_millis);
    let word =
        |(word, kinds): &(&'static str, &[StreamKind])| (rows_of(recording, kinds) > 0).then_some(*word);
    RecordingLine {
        session_id: recording.id.clone(),
        symbols: recording.symbols.iter().map(|symbol| symbol.name.clone()).collect(),
        currency: common_quote_currency(recording.symbols.iter().map(|symbol| symbol.name.as_str()))
            .map(str::to_owned),
        data_types: WORDS.iter().filter_map(word).collect(),
        status: status(recording),
        start_time: span.map(|(first, _)| time(first)).or_else(|| created_at.clone()),
        end_time: span.map(|(_, last)| time(last)),
        records_collected: recording.rows(),
        duration: duration(nanos / 1_000_000_000),
        duration_seconds: nanos as f64 / 1e9,
        exchange: exchange.or_else(|| recorded_from(recording)),
        prices_count: rows_of(recording, WORDS[0].1),
        orderbook_count: rows_of(recording, WORDS[1].1),
        created_at,
        bytes: recording.bytes(),
        coverage_pct: coverage(recording, gaps),
        gaps: gaps.len() as u64,
        stats: with_stats.then(|| recording.symbols.iter().map(symbol).collect::<Value>()),
    }
}

/// The exchange of a recording made by a session of this program: `mexc` from `mexc, paper session`.
fn recorded_from(recording: &RecordingV1) -> Option<String> {
    let [source] = &recording.sources[..] else { return None };
    let (exchange, made_by) = source.split_once(", ")?;
    made_by.ends_with(" session").then(|| exchange.to_owned())
}

pub(super) fn detail(
    recording: &RecordingV1,
    gaps: &[(String, RecordedGap)],
    contracts: Vec<Value>,
) -> Value {
    let venue = contracts.first().and_then(|contract| contract["venue"].as_str()).map(str::to_owned);
    let mut value = serde_json::to_value(line(recording, gaps, venue, true)).unwrap_or_default();
    let listed: Vec<Value> = gaps.iter().take(GAPS_SHOWN).map(gap).collect();
    if let Some(fields) = value.as_object_mut() {
        fields.insert("sources".to_owned(), json!(recording.sources));
        fields.insert("contracts".to_owned(), contracts.into());
        fields.insert("bytes_per_row".to_owned(), json!(per_row(recording.bytes(), recording.rows())));
        fields.insert("gap_list".to_owned(), json!(listed));
        fields.insert("gap_list_complete".to_owned(), json!(gaps.len() <= GAPS_SHOWN));
    }
    value
}

/// Contract facts of a symbol; null where unknown.
pub(super) fn contract(symbol: &str, contract: &ContractFacts, kept: &SymbolFactsV1) -> Value {
    let mut value = contract_json(symbol, contract);
    value["bar_source"] = json!(kept.bar_source);
    value["repeated_trades"] = json!(kept.repeated);
    value["notes"] = json!(kept.notes);
    value
}

pub(super) fn gap((symbol, known): &(String, RecordedGap)) -> Value {
    let gap = known.gap;
    json!({
        "symbol": symbol, "stream": known.stream.as_str(), "cause": gap.cause.as_str(),
        "from": gap.from.to_string(), "to": gap.to.to_string(), "seconds": (gap.to - gap.from).seconds_f64(),
    })
}

fn symbol(symbol: &RecordedSymbolV1) -> Value {
    let stream = |stream: &RecordedStreamV1| {
        json!({
            "stream": stream.kind().map_or("unknown", |it| it.as_str()),
            "rows": stream.rows,
            "bytes": stream.bytes,
            "bytes_per_row": per_row(stream.bytes, stream.rows),
            "from": time(stream.first_ns),
            "to": time(stream.last_ns),
            "has_receive_times": stream.has_receive_times,
        })
    };
    json!({"symbol": symbol.name, "streams": symbol.streams.iter().map(stream).collect::<Vec<_>>()})
}

fn rows_of(recording: &RecordingV1, kinds: &[StreamKind]) -> u64 {
    let streams = recording.symbols.iter().flat_map(|symbol| &symbol.streams);
    streams
        .filter(|stream| stream.kind().is_some_and(|kind| kinds.contains(&kind)))
        .map(|stream| stream.rows)
        .sum()
}

/// Share of the streams' time without gaps, percent. A stream lasts from its first row or gap to its last.
fn coverage(recording: &RecordingV1, gaps: &[(String, RecordedGap)]) -> Option<f64> {
    if recording.rows() == 0 {
        return None;
    }
    let mut spans: BTreeMap<(&str, StreamKind), (i64, i64)> = BTreeMap::new();
    for symbol in &recording.symbols {
        for stream in symbol.streams.iter().filter(|stream| stream.rows > 0) {
            let Some(kind) = stream.kind() else { continue };
            spans.insert((&symbol.name, kind), (stream.first_ns, stream.last_ns));
        }
    }
    for (symbol, known) in gaps {
        let (from, to) = (known.gap.from.nanos(), known.gap.to.nanos());
        let span = spans.entry((symbol, known.stream)).or_insert((from, to));
        *span = (span.0.min(from), span.1.max(to));
    }
    let whole: i128 = spans.values().map(|(first, last)| i128::from(*last) - i128::from(*first)).sum();
    let missing: i128 =
        gaps.iter().map(|(_, known)| i128::from((known.gap.to - known.gap.from).nanos())).sum();
    if whole <= 0 {
        return Some(100.0);
    }
    Some(without_noise(100.0 * (whole - missing) as f64 / whole as f64).clamp(0.0, 100.0))
}

/// Bytes per row, rounded to two decimals; `None` without rows and while none is in a block yet.
pub fn per_row(bytes: u64, rows: u64) -> Option<f64> {
    (rows > 0 && bytes > 0).then(|| (bytes as f64 / rows as f64 * 100.0).round() / 100.0)
}

fn time(ns: i64) -> String {
    Timestamp::from_nanos(ns).rfc3339_millis()
}

/// A duration such as `1h`, `5m43s`, `2d3h`; units that are zero are left out.
fn duration(seconds: i64) -> String {
    let mut text = String::new();
    let mut left = seconds.max(0);
    for (length, unit) in [(86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')] {
        if left >= length {
            text.push_str(&format!("{}{unit}", left / length));
            left %= length;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::super::made_up::trades_and_a_gap;
    use super::*;

    #[test]
    fn bytes_per_row_are_unknown_before_the_first_block() {
        assert_eq!((per_row(0, 0), per_row(0, 9), per_row(25, 9)), (None, None, Some(2.78)));
    }

    #[test]
    fn the_length_includes_the_gaps_that_the_coverage_counts() {
        let (recording, gaps) = trades_and_a_gap(0);
        let line = line(&recording, &gaps, None, false);
        assert_eq!((line.duration_seconds, line.coverage_pct), (160.0, Some(25.0)));
        assert_eq!(line.end_time.as_deref(), Some("1970-01-01T00:02:40.000Z"));
    }

    #[test]
    fn durations_have_the_units_that_are_not_zero() {
        for (seconds, text) in
            [(0, "0s"), (59, "59s"), (3_600, "1h"), (343, "5m43s"), (90_061, "1d1h1m1s"), (-5, "0s")]
        {
            assert_eq!(duration(seconds), text);
        }
    }
}
