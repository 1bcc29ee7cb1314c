//! `tradingd indicators`: the catalogue strategies choose from.

use super::{Failure, terminal};
use crate::engine::indicators::{CatalogueEntry, CatalogueParam, catalogue};
use clap::Args;
use serde_json::{Value, json};

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
    let entries: Vec<CatalogueEntry> = catalogue().into_iter().filter(|entry| entry.kind.contains(&wanted)).collect();
    if entries.is_empty() {
        return Err(Failure::input(format!("no indicator type contains {wanted:?}; `tradingd indicators` lists them all")));
    }
    if options.json {
        let list: Vec<Value> = entries.iter().map(entry_json).collect();
        terminal::print(&format!("{:#}\n", json!({ "indicators": list })));
    } else {
        terminal::print(&entries.iter().map(entry_text).collect::<Vec<_>>().join("\n"));
    }
    Ok(())
}

fn entry_json(entry: &CatalogueEntry) -> Value {
    let params: Vec<Value> = entry.params.iter().map(param_json).collect();
    json!({
        "type": entry.kind, "description": entry.about, "formula": entry.formula, "unit": entry.unit,
        "needs": entry.needs, "range": entry.range, "parameters": params,
    })
}

fn param_json(param: &CatalogueParam) -> Value {
    json!({
        "name": param.name, "type": param.kind, "default": param.default, "min": param.min, "max": param.max,
        "allowed": param.allowed, "description": param.about,
    })
}

fn entry_text(entry: &CatalogueEntry) -> String {
    let mut text = format!("{} [{}]  needs {}\n  {}\n  {}\n", entry.kind, entry.unit, entry.needs.join(", "), entry.about, entry.formula);
    for param in &entry.params {
        let bounds = match (param.min, param.max) {
            (Some(min), Some(max)) => format!("{min}–{max}"),
            _ => param.allowed.join("|"),
        };
        text.push_str(&format!("    {:<18} {:<10} {:<16} {}\n", param.name, param.default, bounds, param.about));
    }
    text
}
