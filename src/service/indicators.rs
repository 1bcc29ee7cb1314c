//! The catalogue of indicators as JSON.

use crate::engine::indicators::{CatalogueEntry, CatalogueParam, catalogue};
use serde_json::{Value, json};

/// `{"indicators": […]}`: every type whose name contains `containing` (upper case; empty for all), with
/// description, formula, unit, inputs and parameters.
pub fn indicator_catalogue(containing: &str) -> Value {
    let chosen = catalogue().into_iter().filter(|entry| entry.kind.contains(containing));
    json!({ "indicators": chosen.map(|entry| entry_json(&entry)).collect::<Vec<_>>() })
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
