//! `tradingd config`: is a configuration file usable, and if not, everything that is wrong with it.

use super::{Failure, Global};
use crate::config::{self, Config, Problem};
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Options of `tradingd config`.
#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Check a file and print everything that is wrong with it.
    Check {
        /// The file [default: that of --config].
        file: Option<PathBuf>,
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command.
///
/// # Errors
/// 78 for a file that cannot be used.
pub fn run(global: &Global, options: &Options) -> Result<(), Failure> {
    let Action::Check { file, json } = &options.action;
    let file = file.as_deref().unwrap_or_else(|| global.config_path());
    let found = check(file);
    if *json {
        let problems = found.as_ref().err().map_or(&[][..], Vec::as_slice);
        println!("{:#}", json!({"file": file, "valid": found.is_ok(), "problems": problems}));
    } else if found.is_ok() {
        println!("{} can be used", file.display());
    }
    match found {
        Ok(_) => Ok(()),
        Err(problems) if *json => Err(unusable(file, &problems[..0])),
        Err(problems) => Err(unusable(file, &problems)),
    }
}

/// The configuration in a file, with the bytes it was read from.
///
/// # Errors
/// 78 with every problem.
pub fn load(file: &Path) -> Result<(Config, Vec<u8>), Failure> {
    check(file).map_err(|problems| unusable(file, &problems))
}

fn check(file: &Path) -> Result<(Config, Vec<u8>), Vec<Problem>> {
    let unreadable = |error| vec![Problem { path: String::new(), problem: format!("the file cannot be read: {error}") }];
    let bytes = config::read(file).map_err(unreadable)?;
    Ok((config::parse(&bytes)?, bytes))
}

fn unusable(file: &Path, problems: &[Problem]) -> Failure {
    let listed: String = problems.iter().map(|problem| format!("\n  {problem}")).collect();
    Failure::configuration(format!("{} cannot be used{}{listed}", file.display(), if listed.is_empty() { "" } else { ":" }))
}
