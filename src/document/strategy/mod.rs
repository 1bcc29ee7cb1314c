//! Strategy documents: parsed, validated with all problems at once, written in one canonical form, compiled
//! for the engine.
//!
//! [`parse`] accepts documents written for tradingd and those of the legacy system it replaces. Invariant: a
//! [`Document`] satisfies every rule, and every problem has a path.

mod build;
mod builtin;
mod catalogue;
mod layout;
mod legacy;
mod look_back;
mod needs;
mod problem;
mod resolve;
mod rules;
mod schema;
#[cfg(test)]
mod tests;
mod tree;
mod variants;
pub mod wire;

pub use builtin::builtin;
pub use look_back::look_back;
pub use needs::{Need, needs};
pub use problem::{Problem, Severity};
pub use schema::schema;

use crate::domain::strategy::StrategyDef;
use crate::json::{self, Bounds};
use crate::limits::{DOCUMENT_BYTES, DOCUMENT_JSON_DEPTH};
use problem::Problems;
use serde_json::Value;
use tree::Origin;
use wire::{Logic, Rule, Strategy};

const BOUNDS: Bounds = Bounds { bytes: DOCUMENT_BYTES, depth: DOCUMENT_JSON_DEPTH };

/// A strategy document that satisfies every rule.
#[derive(Clone, PartialEq, Debug)]
pub struct Document {
    strategy: Strategy,
    /// Compiled, without id and version.
    def: StrategyDef,
}

/// Parses a document: returns it with its warnings, or all its errors and warnings. Legacy documents are
/// recognised and read with their original meaning.
pub fn parse(bytes: &[u8]) -> Result<(Document, Vec<Problem>), Vec<Problem>> {
    read(bytes, Origin::New)
}

/// As [`parse`], for a document known to be a legacy one: a flat list that mixes AND and OR is then read from
/// left to right with a warning, instead of being refused.
pub fn import(bytes: &[u8]) -> Result<(Document, Vec<Problem>), Vec<Problem>> {
    read(bytes, Origin::Imported)
}

fn read(bytes: &[u8], expected: Origin) -> Result<(Document, Vec<Problem>), Vec<Problem>> {
    let mut problems = Problems::default();
    let document = tree_of(bytes, &mut problems).and_then(|value| document(value, expected, &mut problems));
    match document {
        Some(document) if !problems.has_errors() => Ok((document, problems.into_vec())),
        _ => Err(problems.into_vec()),
    }
}

/// Parses the text as JSON.
fn tree_of(bytes: &[u8], problems: &mut Problems) -> Option<Value> {
    json::read(bytes, BOUNDS, &mut |path, problem| problems.error(path, problem))
}

fn document(mut value: Value, expected: Origin, problems: &mut Problems) -> Option<Document> {
    let found = legacy::canonical(&mut value, problems);
    let origin = if expected == Origin::Imported { expected } else { found };
    schema::check(&mut value, problems);
    let strategy: Strategy = match serde_json::from_value(value) {
        Ok(strategy) => strategy,
        Err(error) => {
            problems.error("", format!("is not a strategy document: {error}"));
            return None;
        }
    };
    let def = build::build(&strategy, origin, problems);
    Some(Document { strategy: with_groups(strategy, origin), def })
}

/// Replaces flat lists with connectors by equivalent groups.
fn with_groups(mut strategy: Strategy, origin: Origin) -> Strategy {
    rewrite(&mut strategy.s1_signal, Logic::And, origin);
    rewrite(&mut strategy.o1_cancel, Logic::And, origin);
    rewrite(&mut strategy.z1_entry, Logic::And, origin);
    rewrite(&mut strategy.ze1_close, Logic::And, origin);
    rewrite(&mut strategy.emergency_exit, Logic::Or, origin);
    strategy
}

fn rewrite<R: Rule>(section: &mut Option<R>, default: Logic, origin: Origin) {
    let Some(section) = section else { return };
    let parts = section.parts();
    if !tree::is_flat(parts.conditions, parts.groups) {
        return;
    }
    // Problems were already reported when the section was compiled.
    let tree = tree::section(parts, "", default, origin, &mut Problems::default());
    let mut group = tree::written(&tree);
    let off: Vec<_> = tree::switched_off(parts.conditions).collect();
    group.conditions.get_or_insert_default().extend(off);
    section.set(group);
}

impl Document {
    /// Display name.
    pub fn name(&self) -> &str {
        &self.def.name
    }

    /// The fields of the document.
    pub fn fields(&self) -> &Strategy {
        &self.strategy
    }

    /// Whether it may run.
    pub fn enabled(&self) -> bool {
        self.strategy.enabled.unwrap_or(true)
    }

    /// The canonical text: fields in schema order, shortest numbers, formatted for reading. Parsing it gives
    /// an equal document, which is written as the same bytes.
    pub fn to_json(&self) -> String {
        layout::text(&self.to_value())
    }

    /// The canonical form as a JSON value.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(&self.strategy).unwrap_or_default()
    }

    /// The strategy for the engine, with the id and version it is stored under.
    pub fn compile(&self, id: &str, version: u32) -> StrategyDef {
        StrategyDef { id: id.to_owned(), version, ..self.def.clone() }
    }
}
