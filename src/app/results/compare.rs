//! The text of results side by side: what each ran on, its metrics, and why some have no value.

use crate::app::table::{Align, table};
use crate::report::definitions::{self, Definition, Unit};
use crate::report::metrics::is_thin;
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
    let metrics = metrics(&compared["metrics"]);
    rows.extend(metrics.iter().map(|metric| row(metric, results)));
    let shrinking: Vec<usize> = (1..columns.len()).collect();
    table(&columns, rows, &shrinking, &[])
        + &undefined(&metrics, &numbers)
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

/// A metric of all results, with the name that a single result shows.
struct Compared<'v> {
    name: &'v str,
    /// `None` for a metric that only another version knows.
    definition: Option<&'static Definition>,
    values: &'v Value,
}

/// The metrics in the order of a single result; those of other versions last.
fn metrics(of: &Value) -> Vec<Compared<'_>> {
    let Some(of) = of.as_object() else { return Vec::new() };
    let known = definitions::ALL.iter().filter_map(|definition| {
        Some(Compared { name: definition.name, definition: Some(definition), values: of.get(definition.id)? })
    });
    let is_known = |id: &str| definitions::ALL.iter().any(|definition| definition.id == id);
    let others = of.iter().filter(|(id, _)| !is_known(id));
    known.chain(others.map(|(id, values)| Compared { name: id, definition: None, values })).collect()
}

/// The values of a metric; those from few observations with their number, as in a single result.
fn row(metric: &Compared<'_>, results: &[Value]) -> Vec<String> {
    let unit = metric.values["unit"].as_str().and_then(Unit::from_name).unwrap_or(Unit::Ratio);
    let values =
        list(&metric.values["values"]).iter().zip(results).enumerate().map(|(index, (value, result))| {
            let Some(value) = value.as_f64() else { return NONE.to_owned() };
            let shown = text::figure(value, unit, result["currency"].as_str());
            let observations = metric.values["observations"][index].as_u64();
            match metric.definition.zip(observations).filter(|(definition, n)| is_thin(definition, *n)) {
                Some((_, n)) => format!("{shown} (n {n})"),
                None => shown,
            }
        });
    [metric.name.to_owned()].into_iter().chain(values).collect()
}

/// A line for each reason and the results it holds for, with the metrics that have no value.
fn undefined(metrics: &[Compared<'_>], numbers: &[String]) -> String {
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for metric in metrics {
        let mut of_metric: Vec<(&str, Vec<&str>)> = Vec::new();
        for (reason, number) in list(&metric.values["reasons"]).iter().zip(numbers) {
            let Some(reason) = reason.as_str() else { continue };
            match of_metric.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, all)) => all.push(number),
                None => of_metric.push((reason, vec![number])),
            }
        }
        for (reason, of) in of_metric {
            let line = format!("{NONE} {} {reason}", of.join(" "));
            match reasons.iter_mut().find(|(known, _)| *known == line) {
                Some((_, names)) => names.push(metric.name),
                None => reasons.push((line, vec![metric.name])),
            }
        }
    }
    reasons.iter().map(|(line, names)| format!("{line}: {}\n", names.join("; "))).collect()
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
                "an_older_metric": {"unit": "count", "values": [3, null], "reasons": [null, "unknown"]},
                "net_profit": {"unit": "quote", "values": [-1234.5, 0.0125], "observations": [4, 40], "reasons": [null, null]},
                "sqn": {"unit": "ratio", "values": [1.5, 1.5], "observations": [4, 40], "reasons": [null, null]},
                "win_rate": {"unit": "percent", "values": [40, 100], "observations": [40, 1], "reasons": [null, null]},
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
        assert_eq!(row("Net profit"), ["Net profit", "-1,234.50 USDT", "0.012500 BTC"]);
        assert_eq!(row("Win rate"), ["Win rate", "40.00 %", "100.00 % (n 1)"]);
        assert_eq!(row("System quality"), ["System quality number", "1.50 (n 4)", "1.50"]);
        assert_eq!(row("Profit factor"), ["Profit factor", "0.50", "—"]);
        assert_eq!(row("an_older_metric"), ["an_older_metric", "3", "—"]);
        let places = ["Net profit", "Win rate", "System quality", "an_older"].map(|name| shown.find(name));
        assert!(places.is_sorted(), "in the order of a single result\n{shown}");
        let reasons: Vec<&str> = shown.lines().filter(|line| line.starts_with(NONE)).collect();
        assert_eq!(
            reasons,
            [
                "— #1 #2 too short: Sharpe; Sortino",
                "— #2 no losses: Profit factor",
                "— #2 unknown: an_older_metric"
            ],
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
