//! No number that a schema allows is larger than what holds it inside: every `maximum`, `maxItems` and
//! `maxProperties` of the configuration, of strategy documents and of start requests. Lengths of texts are
//! counted in characters everywhere.

use crate::schema::openapi;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::Semaphore;
use tradingd::limits::*;

/// Whole numbers up to here are exact in an f64.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// Counters of the account, of rates and of connections are a u32; the limit itself is one, too.
const COUNTER: f64 = u32::MAX as f64;
/// A span of this many seconds added to a time of this century is still a time: both are nanoseconds in an
/// i64.
const SECONDS: f64 = i64::MAX as f64 / 1e9 - 4_102_444_800.0;
/// A `Rate` is parts per billion in an i64.
const PERCENT: f64 = i64::MAX as f64 / 1e7;

/// The end of a number's name, and what holds it. The first row that fits counts.
fn rows() -> Vec<(&'static str, f64)> {
    // A recording has room for every kind of their streams: an assertion where it keeps them.
    let symbols = SESSION_SYMBOLS.min(REQUEST_NAMES) as f64;
    vec![
        // What has a bound of its own.
        ("config Limits/max_symbols", symbols),
        ("config Trading/default_symbols", symbols),
        ("config Trading/disabled_symbols", symbols),
        ("config Live/symbols", symbols),
        ("start SessionStart/symbols", symbols),
        // A session has a handful of topics, and a value of each of its symbols in one that keeps the latest.
        ("config Limits/max_sessions", (HUB_TOPICS / 8).min(TOPIC_VALUES / SESSION_SYMBOLS) as f64),
        ("config Exchange/symbols_per_socket", EXCHANGE_SOCKET_SYMBOLS as f64),
        ("/max_concurrent_positions", SESSION_PAIRS as f64),
        ("strategy indicators", DOCUMENT_INDICATORS as f64),
        ("config Http/max_connections", Semaphore::MAX_PERMITS as f64),
        // The account remembers that many entries: `the_largest_order_rate_is_counted_to_its_last_entry`.
        ("config Risk/orders_per_second", COUNTER),
        ("config Risk/orders_per_minute", COUNTER),
        // Lists that are kept as they were read; the document is bounded.
        ("config Http/origins", CONFIG_BYTES as f64),
        ("config Http/trusted_proxies", CONFIG_BYTES as f64),
        ("config QuestDb/allowed_hosts", CONFIG_BYTES as f64),
        ("config Alerts/exec", CONFIG_BYTES as f64),
        ("strategy tags", DOCUMENT_BYTES as f64),
        ("strategy takeProfitLadder", DOCUMENT_BYTES as f64),
        ("strategy Sequence/steps", DOCUMENT_BYTES as f64),
        ("strategy RiskAdjustment/scalingPoints", DOCUMENT_BYTES as f64),
        // What is counted.
        ("/max_connections_per_address", COUNTER),
        ("requests_per_second", COUNTER),
        ("request_burst", COUNTER),
        ("rows_per_second", COUNTER),
        ("/consecutive_losses", COUNTER),
        ("/trades_per_day", COUNTER),
        ("/max_daily_trades", COUNTER),
        ("leverage", COUNTER),
        ("strategy priority", EXACT),
        // Amounts of money: a single row of market data may be worth as much.
        ("_cap", ROW_VALUE_UNITS as f64),
        ("_size_usdt", ROW_VALUE_UNITS as f64),
        ("PositionSize/value", ROW_VALUE_UNITS as f64),
        ("/max_position_size", ROW_VALUE_UNITS as f64),
        ("/initial_balance", ROW_VALUE_UNITS as f64),
        ("/assumed_depth", ROW_VALUE_UNITS as f64),
        // Times and sizes.
        ("_ms", SECONDS * 1e3),
        ("Ms", SECONDS * 1e3),
        ("_s", SECONDS),
        ("Seconds", SECONDS),
        ("inutes", SECONDS / 60.0),
        ("_days", SECONDS / 86_400.0),
        ("_mib", (u64::MAX >> 20) as f64),
        // Shares, and factors of them.
        ("_pct", PERCENT),
        ("ercent", PERCENT),
        ("/fees", PERCENT),
        ("/maker", PERCENT),
        ("/taker", PERCENT),
        ("/slippage", PERCENT),
        ("/assumed_spread", PERCENT),
        ("Threshold", EXACT),
        ("Scale", EXACT),
        ("Adjustment", EXACT),
        ("/riskValue", EXACT),
        ("/scalingFactor", EXACT),
        ("/min_liquidation_to_stop", EXACT),
        ("/acceleration_factor", EXACT),
    ]
}

/// The largest allowed value of every bounded number below a node, by the names of definition and field.
fn largest(node: &Value, name: &str, into: &mut BTreeMap<String, f64>) {
    let Value::Object(fields) = node else {
        for entry in node.as_array().into_iter().flatten() {
            largest(entry, name, into);
        }
        return;
    };
    for keyword in ["maximum", "maxItems", "maxProperties"] {
        if let Some(bound) = fields.get(keyword).and_then(Value::as_f64) {
            let known = into.entry(name.to_owned()).or_insert(bound);
            *known = known.max(bound);
        }
    }
    assert!(!fields.contains_key("exclusiveMaximum"), "{name}: say here what holds it");
    for (key, below) in fields {
        match (key.as_str(), below) {
            ("properties" | "$defs", Value::Object(named)) => {
                for (field, below) in named {
                    let separator = if name.is_empty() || name.ends_with(' ') { "" } else { "/" };
                    largest(below, &format!("{name}{separator}{field}"), into);
                }
            }
            _ => largest(below, name, into),
        }
    }
}

/// A schema of the API with all that it refers to.
fn with_references(name: &str, into: &mut Map<String, Value>) {
    let schema = openapi().named(name);
    if into.insert(name.to_owned(), schema.clone()).is_some() {
        return;
    }
    for reference in schema.to_string().split("#/components/schemas/").skip(1) {
        with_references(reference.split('"').next().unwrap(), into);
    }
}

#[test]
fn nothing_inside_is_smaller_than_what_a_schema_allows() {
    let mut start = Map::new();
    with_references("SessionStart", &mut start);
    let schemas = [
        ("config ", serde_json::from_str(include_str!("../../schema/config.schema.json")).unwrap()),
        ("strategy ", serde_json::from_str(include_str!("../../schema/strategy.schema.json")).unwrap()),
        ("start ", serde_json::json!({ "$defs": start })),
    ];
    let mut allowed = BTreeMap::new();
    for (name, schema) in &schemas {
        let before = allowed.len();
        largest(schema, name, &mut allowed);
        assert!(allowed.len() >= before + 10, "{name}: {} bounded numbers", allowed.len() - before);
    }
    let rows = rows();
    let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
    for (name, most) in &allowed {
        match rows.iter().position(|(end, _)| name.ends_with(end)) {
            None => wrong.push(format!("{name} may be {most}: say here what holds it")),
            Some(row) => {
                used.insert(row);
                let (end, room) = rows[row];
                if *most > room {
                    wrong.push(format!("{name} may be {most}, and there is room for {room} (`{end}`)"));
                }
            }
        }
    }
    let idle = rows.iter().enumerate().filter(|(row, _)| !used.contains(row));
    wrong.extend(idle.map(|(_, (end, _))| format!("no number ends with `{end}`")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
