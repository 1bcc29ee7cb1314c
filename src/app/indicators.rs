//! `tradingd indicators`: prints the catalogue of indicator types that strategies can use.

use super::{Failure, terminal};
use crate::engine::indicators::{CatalogueEntry, catalogue};
use crate::service::indicator_catalogue;
use clap::Args;

/// Options of `tradingd indicators`.
#[derive(Args)]
pub struct Options {
    /// Show only types whose name contains this.
    name: Option<String>,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// Prints the catalogue.
///
/// # Errors
/// When no type matches.
pub fn run(options: &Options) -> Result<(), Failure> {
    let wanted = options.name.as_deref().unwrap_or("").to_uppercase();
    let entries: Vec<CatalogueEntry> =
        catalogue().into_iter().filter(|entry| entry.kind.contains(&wanted)).collect();
    if entries.is_empty() {
        return Err(Failure::input(format!(
            "no indicator type contains {:?}; `tradingd indicators` lists them all",
            options.name.as_deref().unwrap_or("")
        )));
    }
    if options.json {
        terminal::print(&format!("{:#}\n", indicator_catalogue(&wanted)));
    } else {
        terminal::print(&entries.iter().map(entry_text).collect::<Vec<_>>().join("\n"));
    }
    Ok(())
}

fn entry_text(entry: &CatalogueEntry) -> String {
    let mut text = format!(
        "{} [{}]  needs {}\n  {}\n  {}\n",
        entry.kind,
        entry.unit,
        entry.needs.join(", "),
        entry.about,
        entry.formula
    );
    for param in &entry.params {
        let bounds = match (param.min, param.max) {
            (Some(min), Some(max)) => format!("{min}–{max}"),
            _ => param.allowed.join("|"),
        };
        text.push_str(&format!(
            "    {:<18} {:<10} {:<16} {}\n",
            param.name, param.default, bounds, param.about
        ));
    }
    text
}
