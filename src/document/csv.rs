//! Parts of a stored result as CSV (RFC 4180): one line per trade, equity point or signal.
//!
//! Numbers are written as in JSON. Invariant: no cell can be executed as a formula by a spreadsheet.

use serde_json::Value;

/// A list within a result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// Round trips, with the conditions of their signal, entry and exit.
    Trades,
    /// Points of the equity curve.
    Equity,
    /// Signals.
    Signals,
}

const TRADES: [&str; 24] = [
    "symbol",
    "strategy",
    "side",
    "entry_time",
    "exit_time",
    "entry_price",
    "exit_price",
    "quantity",
    "entry_notional",
    "gross",
    "fees",
    "funding",
    "slippage",
    "net",
    "net_pct",
    "initial_risk",
    "outcome",
    "reason",
    "mae_pct",
    "mfe_pct",
    "duration_seconds",
    "fills",
    "leverage",
    "currency",
];
const WHY: [&str; 3] = ["signal", "entry", "exit"];
/// The level that ended the trade: columns, each with its field in JSON.
const LEVEL: [(&str, &str); 3] =
    [("exit_level", "price"), ("exit_level_met_by", "met_by"), ("exit_level_met_by_kind", "met_by_kind")];
const EQUITY: [&str; 6] = ["time", "equity", "low", "high", "drawdown_pct", "currency"];
const SIGNALS: [&str; 5] = ["time", "section", "symbol", "strategy", "price"];

impl Part {
    /// The name of the list in JSON.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Part::Trades => "trades",
            Part::Equity => "equity",
            Part::Signals => "signals",
        }
    }

    fn fields(self) -> &'static [&'static str] {
        match self {
            Part::Trades => &TRADES,
            Part::Equity => &EQUITY,
            Part::Signals => &SIGNALS,
        }
    }
}

/// The header line of a part.
pub fn head(part: Part) -> String {
    let mut names: Vec<String> = part.fields().iter().map(|name| (*name).to_owned()).collect();
    if part == Part::Trades {
        names.insert(0, "number".to_owned());
        names.extend(WHY.iter().map(|step| format!("{step}_conditions")));
        names.extend(LEVEL.iter().map(|(column, _)| (*column).to_owned()));
    }
    names.join(",") + "\n"
}

/// The line of a row; `currency` is that of all amounts, if the result has one. Trades are numbered from
/// `index` + 1.
pub fn line(part: Part, index: usize, row: &Value, currency: Option<&str>) -> String {
    let one = |name: &&str| match *name {
        "currency" => text(currency.unwrap_or_default()),
        name => cell(&row[name]),
    };
    let mut cells: Vec<String> = part.fields().iter().map(one).collect();
    if part == Part::Trades {
        cells.insert(0, (index + 1).to_string());
        cells.extend(WHY.iter().map(|step| text(&conditions(&row["why"][*step]["conditions"]))));
        cells.extend(LEVEL.iter().map(|(_, field)| cell(&row["why"]["exit"]["level"][*field])));
    }
    cells.join(",") + "\n"
}

/// A cell: a value as in JSON; empty for null.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(words) => text(words),
        other => other.to_string(),
    }
}

/// Text, quoted where CSV requires it. Text that a spreadsheet would take for a formula is prefixed with an
/// apostrophe.
pub fn text(words: &str) -> String {
    let guarded = if words.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{words}")
    } else {
        words.to_owned()
    };
    if guarded.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", guarded.replace('"', "\"\""))
    } else {
        guarded
    }
}

/// For example `s1_price 9.125 >= 8 met; s1_rush none (warm_up) >= 10 unknown`.
fn conditions(conditions: &Value) -> String {
    let one = |(id, checked): (&String, &Value)| {
        let value = match checked["value"].is_null() {
            true => format!("none ({})", checked["missing"].as_str().unwrap_or("unknown")),
            false => checked["value"].to_string(),
        };
        let met = match checked["met"].as_bool() {
            Some(true) => "met",
            Some(false) => "not met",
            None => "unknown",
        };
        let high = if checked["threshold_high"].is_null() {
            String::new()
        } else {
            format!(" and {}", checked["threshold_high"])
        };
        format!(
            "{id} {value} {} {}{high} {met}",
            checked["operator"].as_str().unwrap_or("?"),
            checked["threshold"]
        )
    };
    let all: Vec<String> = conditions.as_object().into_iter().flatten().map(one).collect();
    all.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::result;
    use crate::report::sample;
    use serde_json::json;

    fn table(part: Part, rows: &[Value], currency: Option<&str>) -> String {
        let lines = rows.iter().enumerate().map(|(index, row)| line(part, index, row, currency));
        head(part) + &lines.collect::<String>()
    }

    #[test]
    fn trades_have_a_line_each_with_their_numbers_and_conditions() {
        let shown = result::result(&sample::result());
        let csv = table(Part::Trades, shown["trades"].as_array().unwrap(), Some("USDT"));
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines.len(), 24);
        let names: Vec<&str> = lines[0].split(',').collect();
        let row: Vec<&str> = lines[1].split(',').collect();
        assert_eq!(names.len(), row.len(), "{}", lines[1]);
        let of = |name: &str| row[names.iter().position(|known| *known == name).unwrap()];
        assert_eq!((of("number"), of("symbol"), of("currency")), ("1", "PUMP_USDT", "USDT"));
        assert_eq!(of("net"), shown["trades"][0]["net"].to_string());
        assert_eq!(
            of("signal_conditions"),
            "s1_price 9.125 >= 8.0 met; s1_rush none (warm_up) >= 8.0 unknown"
        );
        let stop = lines.iter().find(|line| line.contains(",SL,")).unwrap();
        assert!(stop.ends_with(",9.7,9.69,last"), "{stop}");
        let rule = lines.iter().find(|line| line.contains(",ZE1,")).unwrap();
        assert!(rule.ends_with(",,,"), "{rule}");
    }

    #[test]
    fn equity_names_its_currency() {
        let row = json!({"time": "t", "equity": 9.5, "low": 9.0, "high": 10.0, "drawdown_pct": 5.0});
        assert_eq!(table(Part::Equity, &[row], Some("BTC")).lines().nth(1), Some("t,9.5,9.0,10.0,5.0,BTC"));
    }

    #[test]
    fn every_field_of_a_row_is_a_column() {
        let shown = result::result(&sample::result());
        for (part, apart) in [(Part::Trades, vec!["why"]), (Part::Equity, vec![]), (Part::Signals, vec![])] {
            let row = shown[part.as_str()][0].as_object().unwrap();
            let missing: Vec<&String> = row
                .keys()
                .filter(|name| !part.fields().contains(&name.as_str()) && !apart.contains(&name.as_str()))
                .collect();
            assert!(missing.is_empty(), "{part:?} {missing:?}");
        }
    }

    #[test]
    fn a_symbol_can_neither_break_a_line_nor_become_a_formula() {
        let rows = [
            json!({"symbol": "=HYPERLINK(\"http://x\",\"y\")", "section": "S1", "price": -1.5}),
            json!({"symbol": "A,B\nC"}),
        ];
        let csv = table(Part::Signals, &rows, None);
        let lines: Vec<&str> = csv.splitn(3, '\n').collect();
        assert_eq!(lines[1], r#",S1,"'=HYPERLINK(""http://x"",""y"")",,-1.5"#);
        assert_eq!(lines[2], ",,\"A,B\nC\",,\n");
    }
}
