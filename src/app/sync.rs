//! `tradingd sync`: the copy in QuestDB. Asks the daemon that holds the store, or copies by itself without
//! one.

use super::state::Holder;
use super::table::{Align, grouped, table};
use super::{Failure, Global, daemon::Daemon, daemon::encoded, terminal};
use crate::clock::Stopwatch;
use crate::config::QuestDb;
use crate::domain::time::Span;
use crate::service::Refusal;
use crate::service::analytics::Analytics;
use crate::store::OpenMode;
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

/// How often a command looks whether the daemon's round is over.
const LOOK_EVERY: Span = Span::from_millis(100);

/// Options of `tradingd sync`.
#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    action: Action,
    /// Configuration file, for a copy without a daemon [default: config/config.json where there is one].
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Action {
    /// Copy everything that QuestDB does not have yet.
    Now,
    /// Show state, lag and rows by table.
    Status,
    /// Compare QuestDB with the store by table, source and day.
    Verify {
        /// Send again what differs.
        #[arg(long)]
        repair: bool,
    },
    /// Send a table again from the start; rows that are there already do not change.
    Rebuild {
        /// Its name without the prefix, e.g. `trades`; `all` for all of them.
        #[arg(value_name = "TABLE|all")]
        table: String,
    },
    /// Show rows that QuestDB rejected because of their content, each with the reason.
    DeadLetters {
        /// Forget them.
        #[arg(long)]
        forget: bool,
    },
}

/// Runs one of the actions.
///
/// # Errors
/// QuestDB or the daemon cannot be reached (69), rows that differ (1), a store or configuration that cannot
/// be used.
pub fn run(global: &Global, options: &Options) -> Result<(), Failure> {
    match global.holder(OpenMode::MustExist)? {
        Holder::Daemon(daemon) => ask(&daemon, options),
        Holder::Command(store) => {
            let config = super::config::find(options.config.as_deref())?.config.analytics.questdb;
            alone(&Analytics::new(Arc::new(*store), &global.state()), &config, options)
        }
    }
}

fn ask(daemon: &Daemon, options: &Options) -> Result<(), Failure> {
    match &options.action {
        Action::Now => {
            let before = daemon.ask(Method::POST, "/api/analytics/sync", None)?;
            // A round under way may have passed what is wanted.
            let wanted = number(&before, "rounds") + if before["state"] == "copying" { 2 } else { 1 };
            let watch = Stopwatch::start();
            let view = loop {
                let view = daemon.get("/api/analytics/status")?;
                if number(&view, "rounds") >= wanted && view["state"] != "copying" {
                    break view;
                }
                watch.sleep_until(watch.elapsed() + LOOK_EVERY);
            };
            show_status(&view, options.json);
            failed(&view)
        }
        Action::Status => {
            show_status(&daemon.get("/api/analytics/status")?, options.json);
            Ok(())
        }
        Action::Verify { repair } => {
            let path = format!("/api/analytics/verify?repair={repair}");
            show_comparison(&daemon.ask(Method::POST, &path, None)?, *repair, options.json)
        }
        Action::Rebuild { table } => {
            let table = wanted(table).map(|table| format!("?table={}", encoded(table))).unwrap_or_default();
            daemon.ask(Method::POST, &format!("/api/analytics/rebuild{table}"), None)?;
            terminal::print("it is sent again from the start: `tradingd sync status` shows how far it is\n");
            Ok(())
        }
        Action::DeadLetters { forget: false } => {
            show_dead_letters(&daemon.get("/api/analytics/dead-letters")?, options.json);
            Ok(())
        }
        Action::DeadLetters { forget: true } => {
            let answer = daemon.ask(Method::DELETE, "/api/analytics/dead-letters", None)?;
            terminal::print(&format!("forgot {}\n", number(&answer, "forgotten")));
            Ok(())
        }
    }
}

/// Copies from a store that no daemon holds.
fn alone(analytics: &Analytics, config: &QuestDb, options: &Options) -> Result<(), Failure> {
    let unavailable = |failed: crate::service::analytics::SyncError| Failure::from(Refusal::from(failed));
    let view = || -> Result<Value, Failure> { Ok(json!(analytics.view(config)?)) };
    match &options.action {
        Action::Now => {
            switched_on(config)?;
            analytics.round(config).map_err(unavailable)?;
            show_status(&view()?, options.json);
            Ok(())
        }
        Action::Status => {
            show_status(&view()?, options.json);
            Ok(())
        }
        Action::Verify { repair } => {
            switched_on(config)?;
            let verified = analytics.verify(config, *repair).map_err(unavailable)?;
            if *repair && !verified.equal {
                analytics.round(config).map_err(unavailable)?;
            }
            show_comparison(&json!(verified), *repair, options.json)
        }
        Action::Rebuild { table } => {
            switched_on(config)?;
            analytics.rebuild(wanted(table))?;
            analytics.round(config).map_err(unavailable)?;
            show_status(&view()?, options.json);
            Ok(())
        }
        Action::DeadLetters { forget: false } => {
            let all = analytics.dead_letters()?;
            let all: Vec<Value> = all.iter().map(|(number, letter)| letter.shown(*number)).collect();
            show_dead_letters(&json!({ "dead_letters": all }), options.json);
            Ok(())
        }
        Action::DeadLetters { forget: true } => {
            terminal::print(&format!("forgot {}\n", analytics.forget_dead_letters()?));
            Ok(())
        }
    }
}

fn switched_on(config: &QuestDb) -> Result<(), Failure> {
    Analytics::switched_on(config).map_err(|refusal| Failure::configuration(refusal.message))
}

fn wanted(table: &str) -> Option<&str> {
    Some(table).filter(|table| *table != "all")
}

fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_default()
}

/// A round that did not bring everything there.
fn failed(view: &Value) -> Result<(), Failure> {
    match (view["state"].as_str(), view["reason"].as_str()) {
        (Some("unreachable" | "refused"), Some(reason)) => Err(Failure::unavailable(reason.to_owned())),
        _ => Ok(()),
    }
}

fn show_status(view: &Value, as_json: bool) {
    if as_json {
        return terminal::print(&format!("{view:#}\n"));
    }
    let text = |name: &str| view[name].as_str().unwrap_or("—").to_owned();
    let version =
        view["server_version"].as_str().map(|version| format!(" (QuestDB {version})")).unwrap_or_default();
    let mut shown = format!("{} {}{version}, instance {}\n", text("state"), text("url"), text("instance"));
    if let Some(reason) = view["reason"].as_str() {
        shown.push_str(&format!("  {reason}\n"));
    }
    if let Some(lag) = view["lag_seconds"].as_f64() {
        shown.push_str(&format!(
            "  {lag:.0} s behind, {} rows known to be missing, {} refused\n",
            grouped(number(view, "lag_rows")),
            grouped(number(view, "dead_letters"))
        ));
    }
    let columns = [("table", Align::Left), ("rows sent", Align::Right)];
    let rows: Vec<Vec<String>> = view["tables"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| {
            vec![row["name"].as_str().unwrap_or_default().to_owned(), grouped(number(row, "rows_sent"))]
        })
        .collect();
    if !rows.is_empty() {
        shown.push_str(&table(&columns, rows, &[], &[]));
    }
    terminal::print(&shown);
}

fn show_comparison(answer: &Value, repaired: bool, as_json: bool) -> Result<(), Failure> {
    if as_json {
        terminal::print(&format!("{answer:#}\n"));
    } else {
        let columns = [
            ("table", Align::Left),
            ("rows", Align::Right),
            ("groups", Align::Right),
            ("different", Align::Right),
        ];
        let tables = || answer["tables"].as_array().into_iter().flatten();
        let row = |of: &Value| {
            let count = |name| grouped(number(of, name));
            vec![
                of["table"].as_str().unwrap_or_default().to_owned(),
                count("rows"),
                count("compared"),
                count("different_count"),
            ]
        };
        let mut shown = table(&columns, tables().map(row).collect(), &[], &[]);
        for (name, of) in tables().flat_map(|of| {
            let differences = of["different"].as_array().into_iter().flatten();
            differences.map(|different| (of["table"].as_str().unwrap_or_default(), different))
        }) {
            shown.push_str(&format!(
                "{name}: {} of {} has {} rows here and {} there, or other values\n",
                of["source"].as_str().unwrap_or_default(),
                of["day"].as_str().unwrap_or_default(),
                number(of, "rows_here"),
                number(of, "rows_there")
            ));
        }
        terminal::print(&shown);
    }
    match (answer["equal"].as_bool(), repaired) {
        (Some(true), _) => Ok(()),
        (_, true) => Err(Failure::other("QuestDB differed; what differs is sent again: verify once more")),
        (_, false) => {
            Err(Failure::other("QuestDB differs: `tradingd sync verify --repair` sends again what differs"))
        }
    }
}

fn show_dead_letters(answer: &Value, as_json: bool) {
    if as_json {
        return terminal::print(&format!("{answer:#}\n"));
    }
    let all = answer["dead_letters"].as_array().map_or(&[][..], Vec::as_slice);
    let mut shown = if all.is_empty() { "QuestDB has refused no row\n".to_owned() } else { String::new() };
    for letter in all {
        let text = |name: &str| letter[name].as_str().unwrap_or_default();
        shown.push_str(&format!(
            "{} {}: {}\n  {}\n",
            text("at"),
            text("table"),
            text("reason"),
            text("line")
        ));
    }
    terminal::print(&shown);
}
