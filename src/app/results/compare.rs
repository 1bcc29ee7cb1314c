//! The text of results side by side: what each ran on, its metrics, and why some have no value.

use crate::app::table::{Align, table};
use crate::report::definitions::Unit;
use crate::report::text;
use serde_json::Value;

const NONE: &str = "—";

/// The text of a comparison as [`crate::service::results::Results::compare`] gives it.
pub fn text(compared: &Value) -> String {
    let results = list(&compared["results"]);
    let numbers: Vec<String> = (1..=results.len()).map(|number| format!("#{number}")).collect();
    let mut columns = vec![("", Align::Left)];
    columns.extend(numbers.iter().map(|number| (number.as_str(), Align::Right)));
    let about = |name: &str, of: &dyn Fn(&Value) -> String| -> Vec<String> {
        [name.to_owned()].into_iter().chain(results.iter().map(of)).collect()
    };
    let mut rows = vec![
        about("result", &|it| word(&it["result_id"])),
        about("strategy", &strategies),
        about("symbols", &|it| list(&it["symbols"]).iter().map(word).collect::<Vec<_>>().join(",")),
        about("source", &|it| word(&it["source"])),
        about("from", &|it| word(&it["from"])),
        about("to", &|it| word(&it["to"])),
        about("currency", &|it| word(&it["currency"])),
    ];
    let metrics = || compared["metrics"].as_object().into_iter().flatten();
    rows.extend(metrics().map(|(id, metric)| row(id, metric, results)));
    let shrinking: Vec<usize> = (1..columns.len()).collect();
    table(&columns, rows, &shrinking, &[])
        + &undefined(metrics(), &numbers)
        + &assumptions(list(&compared["differing_assumptions"]), &numbers)
}

/// The assumptions that explain why results of the same data differ; a line for each value, with its results.
fn assumptions(differing: &[Value], numbers: &[String]) -> String {
    if differing.is_empty() {
        return "All compared assumptions are the same (clock, fees, latency, limits and so on).\n"
            .to_owned();
    }
    let mut text = "Assumptions that differ:\n".to_owned();
    for assumption in differing {
        let mut values: Vec<(String, Vec<&str>)> = Vec::new();
        for (value, number) in list(&assumption["values"]).iter().map(word).zip(numbers) {
            match values.iter_mut().find(|(known, _)| *known == value) {
                Some((_, all)) => all.push(number),
                None => values.push((value, vec![number])),
            }
        }
        let values: Vec<String> =
            values.iter().map(|(value, of)| format!("{} {value}", of.join(" "))).collect();
        text += &format!("  {}: {}\n", word(&assumption["name"]).replace('_', " "), values.join("; "));
    }
    text
}

fn row(id: &str, metric: &Value, results: &[Value]) -> Vec<String> {
    let unit = metric["unit"].as_str().and_then(Unit::from_name).unwrap_or(Unit::Ratio);
    let values = list(&metric["values"]).iter().zip(results).map(|(value, result)| {
        value
            .as_f64()
            .map_or_else(|| NONE.to_owned(), |it| text::figure(it, unit, result["currency"].as_str()))
    });
    [id.to_owned()].into_iter().chain(values).collect()
}

/// A line for each reason and the results it holds for, with the metrics that have no value.
fn undefined<'m>(metrics: impl Iterator<Item = (&'m String, &'m Value)>, numbers: &[String]) -> String {
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for (id, metric) in metrics {
        let mut of_metric: Vec<(&str, Vec<&str>)> = Vec::new();
        for (reason, number) in list(&metric["reasons"]).iter().zip(numbers) {
            let Some(reason) = reason.as_str() else { continue };
            match of_metric.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, all)) => all.push(number),
                None => of_metric.push((reason, vec![number])),
            }
        }
        for (reason, of) in of_metric {
            let line = format!("{NONE} {} {reason}", of.join(" "));
            match reasons.iter_mut().find(|(known, _)| *known == line) {
                Some((_, ids)) => ids.push(id),
                None => reasons.push((line, vec![id])),
            }
        }
    }
    reasons.iter().map(|(line, ids)| format!("{line}: {}\n", ids.join(", "))).collect()
}

fn strategies(result: &Value) -> String {
    let one = |it: &Value| match it["version"].as_u64() {
        Some(version) if version > 0 => format!("{} v{version}", word(&it["id"])),
        _ => word(&it["id"]),
    };
    list(&result["strategies"]).iter().map(one).collect::<Vec<_>>().join(",")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[][..], Vec::as_slice)
}

/// A text, or a dash for none.
fn word(value: &Value) -> String {
    value.as_str().unwrap_or(NONE).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_each_result_ran_on_and_why_a_metric_has_no_value_are_shown() {
        let result = |id: &str, symbol: &str, currency: &str| {
            json!({
                "result_id": id, "strategies": [{"id": "pump_v2", "version": 3, "name": "Pump"}], "symbols": [symbol],
                "source": "X.trades", "from": "2024-08-08T00:00:00.000Z", "to": null, "currency": currency,
            })
        };
        let shown = text(&json!({
            "results": [result("exec_1", "BTC_USDT", "USDT"), result("exec_2", "GVTBTC", "BTC")],
            "metrics": {
                "net_profit": {"unit": "quote", "values": [-1234.5, 0.0125], "reasons": [null, null]},
                "win_rate": {"unit": "percent", "values": [40, 100], "reasons": [null, null]},
                "profit_factor": {"unit": "ratio", "values": [0.5, null], "reasons": [null, "no losses"]},
                "sharpe": {"unit": "ratio", "values": [null, null], "reasons": ["too short", "too short"]},
                "sortino": {"unit": "ratio", "values": [null, null], "reasons": ["too short", "too short"]},
            },
            "differing_assumptions": [{"name": "clock", "values": ["received", "exchange"]}, {"name": "latency_ms", "values": [null, "100"]}],
        }));
        let row = |name: &str| {
            let line = shown
                .lines()
                .find(|line| line.starts_with(name))
                .unwrap_or_else(|| panic!("{name}\n{shown}"));
            line.split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(row("symbols"), ["symbols", "BTC_USDT", "GVTBTC"]);
        assert_eq!(row("strategy"), ["strategy", "pump_v2 v3", "pump_v2 v3"]);
        assert_eq!(row("net_profit"), ["net_profit", "-1,234.50 USDT", "0.012500 BTC"]);
        assert_eq!(row("win_rate"), ["win_rate", "40.00 %", "100.00 %"]);
        assert_eq!(row("profit_factor"), ["profit_factor", "0.50", "—"]);
        let reasons: Vec<&str> = shown.lines().filter(|line| line.starts_with(NONE)).collect();
        assert_eq!(
            reasons,
            ["— #2 no losses: profit_factor", "— #1 #2 too short: sharpe, sortino"],
            "{shown}"
        );
        assert!(
            shown.ends_with(
                "Assumptions that differ:\n  clock: #1 received; #2 exchange\n  latency ms: #1 —; #2 100\n"
            ),
            "{shown}"
        );
    }
}
