//! Results side by side: their metrics, and the assumptions in which they differ, without which a paper
//! session and a backtest of its recording would seem to contradict each other.

use super::{Results, StoredResult, shown};
use crate::limits::COMPARED_RESULTS;
use crate::service::Refusal;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Assumptions that are compared beside the risk limits; the others count what happened or describe the data.
const COMPARED: [&str; 9] = [
    "clock",
    "fees",
    "latency_ms",
    "feed_latency_ms",
    "slippage",
    "book",
    "funding",
    "initial_balance",
    "seed",
];

impl Results {
    /// `{"results":
    /// [line…], "currency", "differing_assumptions": [{"name", "values": […]}], "metrics": {id: {"unit",
    /// "values": […], "observations": […], "reasons":
    /// […]}}}`,
    /// values, the numbers of observations behind them, and the reasons of those that are null in the order
    /// of `ids`. The currency is null where the results have several.
    ///
    /// # Errors
    /// `invalid_request` for fewer than two or too many ids, `result_not_found`.
    pub fn compare(&self, ids: &[String]) -> Result<Value, Refusal> {
        if !(2..=COMPARED_RESULTS).contains(&ids.len()) {
            let problem = format!("names {} results; 2 to {COMPARED_RESULTS} can be compared", ids.len());
            return Err(Refusal::invalid(
                "invalid_request",
                format!("ids {problem}"),
                vec![("/ids".to_owned(), problem)],
            ));
        }
        let mut lines = Vec::with_capacity(ids.len());
        let mut assumptions = Vec::with_capacity(ids.len());
        let mut metrics: Map<String, Value> = Map::new();
        for (index, id) in ids.iter().enumerate() {
            let line = self.line(id)?;
            lines.push(shown(&line, self.store.result_note(&line.id)?.as_ref()));
            let text = self.store.result_document(id)?;
            let stored = StoredResult::read(id, &text)?;
            assumptions.push(stored.value("assumptions")?);
            for (name, metric) in stored.value("metrics")?.as_object().into_iter().flatten() {
                let row = metrics.entry(name.clone()).or_insert_with(|| unknown(&metric["unit"], ids.len()));
                row["values"][index] = metric["value"].clone();
                row["observations"][index] = metric["n"].clone();
                row["reasons"][index] = metric["reason"].clone();
            }
        }
        let first = lines.first().and_then(|line| line.currency.clone());
        let currency = first.filter(|first| lines.iter().all(|line| line.currency.as_ref() == Some(first)));
        Ok(json!({
            "results": lines,
            "currency": currency,
            "differing_assumptions": differing(&assumptions),
            "metrics": metrics,
        }))
    }
}

/// A metric of `count` results before any has told its value.
fn unknown(unit: &Value, count: usize) -> Value {
    json!({
        "unit": unit,
        "values": vec![Value::Null; count],
        "observations": vec![Value::Null; count],
        "reasons": vec!["this result was stored before the metric existed"; count],
    })
}

/// The assumptions that not all results share, with the text of each result's; null where it has none.
fn differing(assumptions: &[Value]) -> Vec<Value> {
    let mut names: Vec<(String, Vec<Option<String>>)> = Vec::new();
    for (index, of) in assumptions.iter().enumerate() {
        for (name, text) in texts(of) {
            let position = names.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
                names.push((name, vec![None; assumptions.len()]));
                names.len() - 1
            });
            names[position].1[index] = Some(text);
        }
    }
    names.retain(|(_, values)| values.iter().any(|value| *value != values[0]));
    names.iter().map(|(name, values)| json!({"name": name, "values": values})).collect()
}

fn texts(assumptions: &Value) -> Vec<(String, String)> {
    let told = |name: &str| assumptions.get(name).filter(|value| !value.is_null());
    let mut texts: Vec<(String, String)> = COMPARED
        .into_iter()
        .filter_map(|name| {
            Some((name.to_owned(), if name == "fees" { fees(told(name)?) } else { text(told(name)?) }))
        })
        .collect();
    for (name, limit) in told("risk_limits").and_then(Value::as_object).into_iter().flatten() {
        let limit = if limit.is_null() { "none".to_owned() } else { text(limit) };
        texts.push((format!("risk limit {name}"), limit));
    }
    texts
}

/// Rates, with their symbols where these pay different ones. Their source is left out: equal rates cost the
/// same.
fn fees(by_symbol: &Value) -> String {
    let mut symbols: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (symbol, terms) in by_symbol.as_object().into_iter().flatten() {
        let rates = format!("maker {} %, taker {} %", text(&terms["maker_pct"]), text(&terms["taker_pct"]));
        symbols.entry(rates).or_default().push(symbol);
    }
    if symbols.len() <= 1 {
        return symbols.into_keys().collect();
    }
    symbols.iter().map(|(rates, of)| format!("{}: {rates}", of.join(", "))).collect::<Vec<_>>().join("; ")
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| match name.as_str() {
                "source" => text(value),
                _ => format!("{} {}", name.replace('_', " "), text(value)),
            };
            fields.iter().map(field).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assumed(clock: &str, fees: Value, cap: Value) -> Value {
        json!({
            "clock": clock, "fees": fees, "latency_ms": 100, "slippage": "walks the recorded book", "book": {"source": "real"},
            "risk_limits": {"daily_loss_limit_pct": cap}, "warnings": [clock],
        })
    }

    #[test]
    fn only_assumptions_that_differ_are_named_and_fees_count_by_their_rates() {
        let rates =
            |taker: f64, source: &str| json!({"maker_pct": 0.02, "taker_pct": taker, "source": source});
        let backtest = assumed("exchange", json!({"BTCUSDT": rates(0.06, "default")}), json!(null));
        let same = assumed("exchange", json!({"BTC_USDT": rates(0.06, "given")}), json!(null));
        assert_eq!(differing(&[backtest.clone(), same]), [] as [Value; 0]);
        let paper = assumed(
            "received",
            json!({"A_USDT": rates(0.0, "contract"), "B_USDT": rates(0.04, "contract")}),
            json!(3),
        );
        assert_eq!(
            differing(&[backtest, paper]),
            [
                json!({"name": "clock", "values": ["exchange", "received"]}),
                json!({"name": "fees", "values": [
                    "maker 0.02 %, taker 0.06 %",
                    "A_USDT: maker 0.02 %, taker 0.0 %; B_USDT: maker 0.02 %, taker 0.04 %",
                ]}),
                json!({"name": "risk limit daily_loss_limit_pct", "values": ["none", "3"]}),
            ]
        );
    }

    #[test]
    fn what_is_compared_is_in_a_result() {
        let assumptions =
            crate::document::result::result(&crate::report::sample::result())["assumptions"].clone();
        for name in COMPARED.into_iter().chain(["risk_limits"]) {
            assert!(assumptions.get(name).is_some(), "{name} is no assumption of a result: {assumptions}");
        }
    }

    #[test]
    fn an_assumption_that_an_older_result_lacks_is_null() {
        let older = json!({"clock": "exchange"});
        let newer = json!({"clock": "exchange", "book": {"source": "synthetic", "assumed_spread_bps": 5}});
        assert_eq!(
            differing(&[older, newer]),
            [json!({"name": "book", "values": [null, "synthetic, assumed spread bps 5"]})]
        );
    }
}
