//! `tradingd results`: what backtests and sessions were worth.

use super::table::{Align, grouped, table};
use super::{Failure, Global, terminal};
use crate::domain::num::Money;
use crate::domain::time::Timestamp;
use crate::store::OpenMode;
use crate::store::records::ResultV3;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

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
    /// Print one whole result as the JSON document it was shown as.
    Show {
        /// The result's id.
        id: String,
    },
}

/// Lists results or shows one.
///
/// # Errors
/// An unknown id, or a store that cannot be opened.
pub fn run(global: &Global, options: &Options) -> Result<(), Failure> {
    let store = global.store(OpenMode::MustExist)?;
    match &options.action {
        Action::List { json: true } => {
            let all: Vec<Value> = store.results()?.iter().map(to_json).collect();
            terminal::print(&format!("{:#}\n", json!({ "results": all })));
        }
        Action::List { json: false } => terminal::print(&to_text(&store.results()?)),
        Action::Show { id } => {
            let document = store.result_document(id).map_err(|error| Failure::from(error).because("`tradingd results list` lists all"))?;
            terminal::print(&format!("{}\n", document.trim_end()));
        }
    }
    Ok(())
}

fn to_text(results: &[ResultV3]) -> String {
    if results.is_empty() {
        return "no results yet; `tradingd backtest --strategy pump_v2 --recording ID` makes one\n".to_owned();
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
        vec![
            result.id.clone(),
            result.strategies_line(),
            result.symbols.join(","),
            result.source.clone(),
            grouped(result.trades),
            grouped(result.wins),
            format!("{:.2}", Money(result.net_money).to_f64()),
            format!("{:.2}", Money(result.max_drawdown_money).to_f64()),
        ]
    };
    table(&columns, &results.iter().map(row).collect::<Vec<_>>())
}

fn to_json(result: &ResultV3) -> Value {
    let time = |us: i64| Timestamp::from_micros(us).map(|at| at.to_string());
    json!({
        "id": result.id,
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
        "net": Money(result.net_money).to_f64(),
        "max_drawdown": Money(result.max_drawdown_money).to_f64(),
        "engine_version": result.engine_version,
    })
}
