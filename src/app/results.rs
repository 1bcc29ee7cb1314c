//! `tradingd results`: lists, shows and compares results of backtests and sessions; exports their trades and
//! reports.

mod compare;

use super::output::Replace;
use super::table::{Align, grouped, table};
use super::{Failure, Global, terminal};
use crate::domain::num::Money;
use crate::domain::time::Timestamp;
use crate::domain::visible::Visible;
use crate::report::text;
use crate::service::Records;
use crate::service::results::{Part, Results, currency};
use crate::store::Store;
use crate::store::records::ResultV3;
use clap::builder::RangedU64ValueParser;
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
    /// Print the trades of results as CSV, with the conditions at their entry and exit.
    Trades(PartOptions),
    /// Print the equity curves of results as CSV.
    Equity(PartOptions),
    /// Print the signals of results as CSV.
    Signals(PartOptions),
    /// Write the report of a result: one self-contained HTML page.
    Report {
        /// The result's id.
        id: String,
        /// The file to write.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        replace: Replace,
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
    /// Ids of results; with several, each row begins with the id of its result.
    #[arg(required_unless_present = "last", num_args = 1.., value_name = "ID")]
    ids: Vec<String>,
    /// The newest results, instead of naming their ids: as many as a backtest has just stored, for example.
    #[arg(long, value_name = "COUNT", conflicts_with = "ids",
        value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    last: Option<usize>,
    /// Print JSON instead of CSV.
    #[arg(long)]
    json: bool,
    /// Write to this file instead of printing.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    replace: Replace,
}

impl Action {
    /// The records that it reads.
    fn records(&self) -> Vec<Records> {
        match self {
            Action::List { .. } => vec![Records::Results],
            Action::Compare { ids, .. } => ids.iter().cloned().map(Records::Result).collect(),
            Action::Show { id } | Action::Report { id, .. } => vec![Records::Result(id.clone())],
            Action::Trades(part) | Action::Equity(part) | Action::Signals(part) => part.records(&part.ids),
        }
    }
}

impl PartOptions {
    fn records(&self, ids: &[String]) -> Vec<Records> {
        if ids.is_empty() {
            vec![Records::Results]
        } else {
            ids.iter().cloned().map(Records::Result).collect()
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
            terminal::print(&format!("{}\n", results.stored(id)?));
            Ok(())
        }
        Action::Trades(options) => part((global, &store, &results), options, Part::Trades),
        Action::Equity(options) => part((global, &store, &results), options, Part::Equity),
        Action::Signals(options) => part((global, &store, &results), options, Part::Signals),
        Action::Report { id, out, replace } => report(&results, id, out, *replace),
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

fn part(
    (global, store, results): (&Global, &Store, &Results),
    options: &PartOptions,
    part: Part,
) -> Result<(), Failure> {
    let Some(last) = options.last else { return part_of(results, &options.ids, options, part) };
    let mut newest: Vec<String> = store.results()?.into_iter().take(last).map(|result| result.id).collect();
    newest.reverse();
    if newest.len() < last {
        let all = newest.len();
        return Err(Failure::input(format!(
            "--last {last}: there are only {all} results; `tradingd results list` lists them"
        )));
    }
    // Beside a daemon only what is asked for is copied: first the list, now what it named.
    let store = Arc::new(global.read(&options.records(&newest))?);
    part_of(&Results::new(store), &newest, options, part)
}

fn part_of(results: &Results, ids: &[String], options: &PartOptions, part: Part) -> Result<(), Failure> {
    if let Some((_, id)) = ids.iter().enumerate().find(|(index, id)| ids[..*index].contains(id)) {
        return Err(Failure::input(format!("result {id} is named twice, so its rows would count twice")));
    }
    if let Some(out) = &options.out {
        options.replace.check(out)?;
    }
    let shown = match (ids, options.json) {
        ([id], true) => format!("{:#}\n", json!(results.rows(id, part, usize::MAX)?)),
        ([id], false) => results.csv(id, part, usize::MAX)?,
        (several, true) => {
            let one = |id: &String| {
                let mut rows = json!(results.rows(id, part, usize::MAX)?);
                rows["result_id"] = id.as_str().into();
                Ok(rows)
            };
            format!(
                "{:#}\n",
                json!({ "results": several.iter().map(one).collect::<Result<Vec<_>, Failure>>()? })
            )
        }
        (several, false) => results.csv_of_several(several, part)?,
    };
    match &options.out {
        Some(out) => options.replace.write(out, shown.as_bytes())?,
        None => terminal::print(&shown),
    }
    Ok(())
}

fn report(results: &Results, id: &str, out: &Path, replace: Replace) -> Result<(), Failure> {
    replace.check(out)?;
    replace.write(out, results.report(id)?.as_bytes())?;
    terminal::notice(&format!("report: {}", out.visible()));
    Ok(())
}

fn compare(results: &Results, ids: &[String], as_json: bool) -> Result<(), Failure> {
    let compared = results.compare(ids)?;
    terminal::print(&if as_json { format!("{compared:#}\n") } else { compare::text(&compared) });
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
        ("from", Align::Left),
        ("trades", Align::Right),
        ("wins", Align::Right),
        ("net", Align::Right),
        ("max drawdown", Align::Right),
    ];
    let row = |result: &ResultV3| {
        let currency = currency(result);
        let money = |amount: i128| text::money(Money(amount), currency.as_deref());
        vec![
            result.id.clone(),
            result.strategies_line(),
            result.symbols.join(","),
            result.source.clone(),
            Timestamp::from_micros(result.from_us)
                .filter(|_| result.had_events())
                .map_or_else(|| "—".to_owned(), text::second),
            grouped(result.trades),
            grouped(result.wins),
            money(result.net_money),
            money(result.max_drawdown_money),
        ]
    };
    table(&columns, results.iter().map(row).collect(), &[3, 2, 1], &[6, 8, 3, 2, 4])
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
        "from": time(result.from_us).filter(|_| result.had_events()),
        "to": time(result.to_us).filter(|_| result.had_events()),
        "created": time(result.created_us),
        "digest": result.digest,
        "trades": result.trades,
        "wins": result.wins,
        "currency": currency(result),
        "net": Money(result.net_money).shown(),
        "max_drawdown": Money(result.max_drawdown_money).shown(),
        "engine_version": result.engine_version,
    })
}
