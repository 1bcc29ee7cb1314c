//! `tradingd verify`: checks every record and block of the store.

use super::table::grouped;
use super::{Failure, Global, terminal};
use crate::store::{Problem, VerifyReport, verify};
use clap::Args;
use serde_json::{Value, json};

/// Options of `tradingd verify`.
#[derive(Args)]
pub struct Options {
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// Checks the store and prints each problem with its location and what to do.
///
/// # Errors
/// Damage (65), or nothing to check.
pub fn run(global: &Global, options: &Options) -> Result<(), Failure> {
    let report = verify(&global.state())?;
    terminal::print(&if options.json { format!("{:#}\n", to_json(&report)) } else { to_text(&report) });
    if report.is_sound() {
        return Ok(());
    }
    let count = report.problems.len() as u64 + report.more_problems;
    Err(Failure::damaged(format!(
        "the store is damaged in {count} places: keep the file and do what is advised for each"
    )))
}

fn to_json(report: &VerifyReport) -> Value {
    let problem = |problem: &Problem| json!({ "place": problem.place, "problem": problem.what, "advice": problem.advice });
    json!({
        "sound": report.is_sound(),
        "records": report.records,
        "blocks": report.blocks,
        "rows": report.rows,
        "problems": report.problems.iter().map(problem).collect::<Vec<_>>(),
        "more_problems": report.more_problems,
    })
}

fn to_text(report: &VerifyReport) -> String {
    let mut text = format!(
        "checked {} records and {} blocks with {} rows: {}\n",
        grouped(report.records),
        grouped(report.blocks),
        grouped(report.rows),
        if report.is_sound() { "all sound" } else { "damaged" }
    );
    for problem in &report.problems {
        text.push_str(&format!("  {}: {}; {}\n", problem.place, problem.what, problem.advice));
    }
    if report.more_problems > 0 {
        text.push_str(&format!("  {} more problems are not listed\n", report.more_problems));
    }
    text
}
