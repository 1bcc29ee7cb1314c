//! `tradingd verify`: checks every record and block of the store.

use super::daemon::Daemon;
use super::table::grouped;
use super::{Failure, Global, terminal};
use crate::domain::visible::Visible;
use crate::service::verified;
use crate::store::verify;
use clap::Args;
use serde_json::Value;

/// Options of `tradingd verify`.
#[derive(Args)]
pub struct Options {
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// Checks the store, or has the daemon that holds it check it, and prints each problem with its location and
/// what to do.
///
/// # Errors
/// Damage (65), or nothing to check.
pub fn run(global: &Global, options: &Options) -> Result<(), Failure> {
    let report = match Daemon::find(&global.state())? {
        Some(daemon) => daemon.get("/api/store/verify")?,
        None => verified(&verify(&global.state())?),
    };
    terminal::print(&if options.json { format!("{report:#}\n") } else { to_text(&report) });
    if report["sound"] == true {
        return Ok(());
    }
    let count = problems(&report).len() as u64 + number(&report, "more_problems");
    Err(Failure::damaged(format!(
        "the store is damaged in {count} places: keep the file and do what is advised for each"
    )))
}

fn number(report: &Value, name: &str) -> u64 {
    report[name].as_u64().unwrap_or_default()
}

fn problems(report: &Value) -> &[Value] {
    report["problems"].as_array().map_or(&[], Vec::as_slice)
}

fn to_text(report: &Value) -> String {
    let count = |name: &str| match number(report, name) {
        1 => format!("1 {}", name.trim_end_matches('s')),
        several => format!("{} {name}", grouped(several)),
    };
    let mut text = format!(
        "checked {}, {} and {}: {}\n",
        count("records"),
        count("blocks"),
        count("rows"),
        if report["sound"] == true { "all sound" } else { "damaged" }
    );
    for problem in problems(report) {
        let word = |name: &str| problem[name].as_str().unwrap_or_default().visible();
        text.push_str(&format!("  {}: {}; {}\n", word("place"), word("problem"), word("advice")));
    }
    let more = number(report, "more_problems");
    if more > 0 {
        text.push_str(&format!("  {more} more problems are not listed\n"));
    }
    text
}
