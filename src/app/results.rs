//! `tradingd results`: lists, shows and compares results of backtests and sessions; exports their trades and
//! reports.

use super::table::{Align, grouped, table};
use super::{Failure, Global, backtest, terminal};
use crate::domain::num::Money;
use crate::domain::time::Timestamp;
use crate::service::Records;
use crate::service::results::{Part, Results, currency};
use crate::store::Store;
use crate::store::records::ResultV3;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Options of `tradingd results`.
#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// List all results, newest first.
    List {
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Print a whole result as the JSON document of its run.
    Show {
        /// The result's id.
        id: String,
    },
    /// Print the trades of a result as CSV, with the conditions at their entry and exit.
    Trades(PartOptions),
    /// Print the equity curve of a result as CSV.
    Equity(PartOptions),
    /// Print the signals of a result as CSV.
    Signals(PartOptions),
    /// Write the report of a result: one self-contained HTML page.
    Report {
        /// The result's id.
        id: String,
        /// The file to write.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Show the metrics of several results side by side.
    Compare {
        /// Ids of two to eight results.
        #[arg(required = true, num_args = 2.., value_name = "ID")]
        ids: Vec<String>,
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
struct PartOptions {
    /// The result's id.
    id: String,
    /// Print JSON instead of CSV.
    #[arg(long)]
    json: bool,
}

impl Action {
    /// The records that it reads.
    fn records(&self) -> Vec<Records> {
        match self {
            Action::List { .. } => vec![Records::Results],
            Action::Compare { ids, .. } => ids.iter().cloned().map(Records::Result).collect(),
            Action::Show { id } | Action::Report { id, .. } => vec![Records::Result(id.clone())],
            Action::Trades(part) | Action::Equity(part) | Action::Signals(part) => {
                vec![Records::Result(part.id.clone())]
            }
        }
    }
}

/// Runs one of the actions.
///
/// # Errors
/// An unknown id, a file that cannot be written, or a store that cannot be opened.
pub fn run(global: &Global, options: &Options) -> Result<(), Failure> {
    let store = Arc::new(global.read(&options.action.records())?);
    let results = Results::new(Arc::clone(&store));
    match &options.action {
        Action::List { json } => list(&store, *json),
        Action::Show { id } => {
            let document = store
                .result_document(id)
                .map_err(|error| Failure::from(error).because("`tradingd results list` lists all"))?;
            terminal::print(&format!("{}\n", document.trim_end()));
            Ok(())
        }
        Action::Trades(options) => part(&results, options, Part::Trades),
        Action::Equity(options) => part(&results, options, Part::Equity),
        Action::Signals(options) => part(&results, options, Part::Signals),
        Action::Report { id, out } => report(&results, id, out),
        Action::Compare { ids, json } => compare(&results, ids, *json),
    }
}

fn list(store: &Store, as_json: bool) -> Result<(), Failure> {
    let all = store.results()?;
    if as_json {
        terminal::print(&format!(
            "{:#}\n",
            json!({ "results": all.iter().map(to_json).collect::<Vec<_>>() })
        ));
    } else {
        terminal::print(&to_text(&all));
    }
    Ok(())
}

fn part(results: &Results, options: &PartOptions, part: Part) -> Result<(), Failure> {
    let shown = if options.json {
        let rows = match part {
            Part::Trades => results.trades(&options.id),
            Part::Equity => results.equity(&options.id, usize::MAX),
            Part::Signals => results.signals(&options.id),
        };
        format!("{:#}\n", rows?)
    } else {
        results.csv(&options.id, part, usize::MAX)?
    };
    terminal::print(&shown);
    Ok(())
}

fn report(results: &Results, id: &str, out: &Path) -> Result<(), Failure> {
    backtest::write_whole(out, results.report(id)?.as_bytes())?;
    eprintln!("report: {}", out.display());
    Ok(())
}

fn compare(results: &Results, ids: &[String], as_json: bool) -> Result<(), Failure> {
    let compared = results.compare(ids)?;
    if as_json {
        terminal::print(&format!("{compared:#}\n"));
        return Ok(());
    }
    let mut columns = vec![("metric", Align::Left), ("unit", Align::Left)];
    columns.extend(ids.iter().map(|id| (id.as_str(), Align::Right)));
    let number =
        |value: &Value| value.as_f64().map_or_else(|| "—".to_owned(), |number| format!("{number:.4}"));
    let row = |(name, metric): (&String, &Value)| {
        let mut row = vec![name.clone(), metric["unit"].as_str().unwrap_or("—").to_owned()];
        row.extend(metric["values"].as_array().into_iter().flatten().map(number));
        row
    };
    let strategies = compared["results"].as_array().into_iter().flatten().map(|line| {
        let names = line["strategies"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|strategy| strategy["id"].as_str());
        names.collect::<Vec<_>>().join(",")
    });
    let mut first = vec!["strategy".to_owned(), String::new()];
    first.extend(strategies);
    let mut rows = vec![first];
    rows.extend(compared["metrics"].as_object().into_iter().flatten().map(row));
    let shrinking: Vec<usize> = (2..columns.len()).collect();
    terminal::print(&table(&columns, rows, &shrinking, &[1]));
    Ok(())
}

fn to_text(results: &[ResultV3]) -> String {
    if results.is_empty() {
        return "no results yet; `tradingd backtest --strategy pump_v2 --recording ID` makes one\n"
            .to_owned();
    }
    let columns = [
        ("id", Align::Left),
        ("strategy", Align::Left),
        ("symbols", Align::Left),
        ("source", Align::Left),
        ("trades", Align::Right),
        ("wins", Align::Right),
        ("net", Align::Right),
        ("max drawdown", Align::Right),
    ];
    let row = |result: &ResultV3| {
        let money = |amount: i128| {
            let currency = currency(result).map(|currency| format!(" {currency}")).unwrap_or_default();
            format!("{:.2}{currency}", Money(amount).to_f64())
        };
        vec![
            result.id.clone(),
            result.strategies_line(),
            result.symbols.join(","),
            result.source.clone(),
            grouped(result.trades),
            grouped(result.wins),
            money(result.net_money),
            money(result.max_drawdown_money),
        ]
    };
    table(&columns, results.iter().map(row).collect(), &[3, 2, 1], &[5, 7])
}

fn to_json(result: &ResultV3) -> Value {
    let time = |us: i64| Timestamp::from_micros(us).map(|at| at.to_string());
    json!({
        "id": result.id,
        "session_id": result.session_id,
        "strategy": result.strategies_line(),
        "strategy_version": result.strategies.first().map(|strategy| strategy.version),
        "symbols": result.symbols,
        "source": result.source,
        "from": time(result.from_us),
        "to": time(result.to_us),
        "created": time(result.created_us),
        "digest": result.digest,
        "trades": result.trades,
        "wins": result.wins,
        "currency": currency(result),
        "net": Money(result.net_money).to_f64(),
        "max_drawdown": Money(result.max_drawdown_money).to_f64(),
        "engine_version": result.engine_version,
    })
}
