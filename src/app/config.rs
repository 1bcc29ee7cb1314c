//! `tradingd config`: checks a configuration file and lists all its problems, or writes one with the
//! defaults.

use super::{Failure, output, terminal};
use crate::config::{self, Config, Content, Problem};
use crate::domain::visible::Visible;
use crate::files::whole_file;
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The configuration file when `--config` is not given.
pub const DEFAULT_FILE: &str = "config/config.json";

/// The shipped file: every field at its default.
const DEFAULTS: &str = include_str!("../../config/config.json");

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
        /// The file.
        #[arg(default_value = DEFAULT_FILE)]
        file: PathBuf,
        /// The file, as for `tradingd run`.
        #[arg(long, value_name = "FILE", conflicts_with = "file")]
        config: Option<PathBuf>,
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Write a file with every field at its default. Never overwrites one.
    Init {
        /// The file.
        #[arg(default_value = DEFAULT_FILE)]
        file: PathBuf,
    },
}

/// Runs the command.
///
/// # Errors
/// 78 for a file that cannot be used, 64 for one that is there already.
pub fn run(options: &Options) -> Result<(), Failure> {
    match &options.action {
        Action::Check { file, config, json } => report(config.as_deref().unwrap_or(file), *json),
        Action::Init { file } => init(file),
    }
}

fn report(file: &Path, as_json: bool) -> Result<(), Failure> {
    let found = check(file);
    if as_json {
        let problems = found.as_ref().err().map_or(&[][..], Vec::as_slice);
        terminal::print(&format!(
            "{:#}\n",
            json!({"file": file, "valid": found.is_ok(), "problems": problems})
        ));
    } else if found.is_ok() {
        terminal::print(&format!("{} can be used\n", file.visible()));
    }
    match found {
        Ok(_) => Ok(()),
        Err(problems) if as_json => Err(unusable(file, &problems[..0])),
        Err(problems) if file == Path::new(DEFAULT_FILE) && !file.exists() => Err(unusable(file, &problems)
            .because("without it every setting has its default, and `tradingd config init` writes one")),
        Err(problems) => Err(unusable(file, &problems)),
    }
}

fn init(file: &Path) -> Result<(), Failure> {
    let unwritable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::input(format!("{} exists already and was not changed", file.visible()))
        }
        _ => output::unwritable(file, error),
    };
    if let Some(folder) = output::folder_of(file) {
        std::fs::create_dir_all(folder).map_err(unwritable)?;
    }
    whole_file::write_new(file, defaults().as_bytes()).map_err(unwritable)?;
    terminal::print(&format!("{} written with every field at its default\n", file.visible()));
    Ok(())
}

/// The shipped file without `$schema`: the schema file exists only in the repository.
fn defaults() -> String {
    let kept = DEFAULTS.lines().filter(|line| !line.trim_start().starts_with("\"$schema\""));
    kept.map(|line| format!("{line}\n")).collect()
}

/// A configuration and its origin.
pub struct Found {
    /// The parsed configuration.
    pub config: Config,
    /// Its file, which need not exist when all settings have their defaults.
    pub file: PathBuf,
    /// The file's content as read.
    pub content: Content,
}

/// The configuration of `named`, else of [`DEFAULT_FILE`]. Without either file: the defaults, with a notice
/// on standard error.
///
/// # Errors
/// 78 for a named file that is missing, and for any that cannot be used.
pub fn find(named: Option<&Path>) -> Result<Found, Failure> {
    let file = named.unwrap_or_else(|| Path::new(DEFAULT_FILE)).to_owned();
    if named.is_none() && !file.exists() {
        terminal::notice(&format!(
            "there is no {DEFAULT_FILE}: all settings have their defaults; `tradingd config init` writes a file to change them"
        ));
        return Ok(Found { config: Config::default(), content: Content::of(&file), file });
    }
    let (config, bytes) = check(&file).map_err(|problems| unusable(&file, &problems))?;
    Ok(Found { config, file, content: Content::Bytes(bytes) })
}

fn check(file: &Path) -> Result<(Config, Vec<u8>), Vec<Problem>> {
    let unreadable =
        |error| vec![Problem { path: String::new(), problem: format!("the file cannot be read: {error}") }];
    let bytes = config::read(file).map_err(unreadable)?;
    Ok((config::parse(&bytes)?, bytes))
}

fn unusable(file: &Path, problems: &[Problem]) -> Failure {
    let listed: String = problems.iter().map(|problem| format!("\n  {problem}")).collect();
    Failure::configuration(format!(
        "{} cannot be used{}{listed}",
        file.visible(),
        if listed.is_empty() { "" } else { ":" }
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_to_begin_with_says_what_the_defaults_say() {
        let text = defaults();
        assert!(!text.contains("$schema"));
        assert_eq!(config::parse(text.as_bytes()).unwrap(), Config::default());
    }

    #[test]
    fn a_file_is_written_once_and_then_found() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("new/config.json");
        assert_eq!(find(Some(&file)).map(|_| ()).unwrap_err().code(), 78, "a named file must be there");
        init(&file).unwrap_or_else(|failure| panic!("{failure}"));
        let found = find(Some(&file)).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!((found.config, found.file), (Config::default(), file.clone()));
        std::fs::write(&file, "{\"log\": {\"level\": \"warn\"}}").unwrap();
        assert_eq!(init(&file).unwrap_err().code(), 64);
        assert!(std::fs::read_to_string(&file).unwrap().contains("warn"), "an existing file stays as it is");
    }
}
