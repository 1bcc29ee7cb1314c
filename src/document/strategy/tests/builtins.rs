//! Tests of the built-in strategies and the schema file.

use super::imports::EXAMPLES;
use crate::document::strategy::problem::Problems;
use crate::document::strategy::tree::Origin;
use crate::document::strategy::{Document, Severity, builtin, document, needs, parse, schema, tree_of};
use crate::engine::indicators::DataKind;

/// Parses the document even if types are not registered.
fn form(text: &str) -> Document {
    let mut problems = Problems::default();
    let value = tree_of(text.as_bytes(), &mut problems).unwrap();
    document(value, Origin::New, &mut problems).unwrap()
}

#[test]
fn they_stand_in_the_canonical_form() {
    for (id, text) in builtin() {
        let document = form(text);
        assert_eq!(document.name(), id);
        assert_eq!(document.to_json(), text, "{id} is not laid out as to_json would");
    }
}

#[test]
fn they_only_lack_types_that_are_not_registered() {
    for (id, text) in builtin() {
        if let Err(problems) = parse(text.as_bytes()) {
            for problem in problems {
                let unregistered = problem.problem.contains("no indicator type")
                    || problem.problem.contains("nor the catalogue");
                assert!(unregistered, "{id}: {problem}");
            }
        }
    }
}

#[test]
fn three_of_them_are_the_originals() {
    for (id, text) in EXAMPLES.into_iter().filter(|(id, _)| *id != "pump_v2") {
        let mut imported = form(text).to_value();
        let shipped = builtin().into_iter().find(|(known, _)| *known == id).unwrap().1;
        let mut shipped = form(shipped).to_value();
        shipped.as_object_mut().unwrap().shift_remove("$schema");
        // Only the name of the group was added.
        if let Some(group) = shipped.pointer_mut("/z1_entry/groups/0") {
            group.as_object_mut().unwrap().shift_remove("id");
        }
        if let Some(group) = imported.pointer_mut("/z1_entry/groups/0") {
            group.as_object_mut().unwrap().shift_remove("id");
        }
        assert_eq!(shipped, imported, "{id}");
    }
}

#[test]
fn they_compile_without_a_warning() {
    for (id, text) in builtin() {
        let (document, warnings) =
            parse(text.as_bytes()).unwrap_or_else(|problems| panic!("{id}: {problems:#?}"));
        assert!(
            warnings.iter().all(|warning| warning.severity == Severity::Warning) && warnings.is_empty(),
            "{id}: {warnings:#?}"
        );
        let needs = needs(&document.compile(id, 1));
        assert_eq!(needs.contains_key(&DataKind::Book), id != "pump_v2", "{id}: {needs:#?}");
    }
}

/// Regenerate the file with `TRADINGD_UPDATE=1 cargo test --lib schema_file`.
#[test]
fn the_schema_file_is_that_of_the_types() {
    const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/strategy.schema.json");
    let fresh = serde_json::to_string_pretty(schema()).unwrap() + "\n";
    if std::env::var_os("TRADINGD_UPDATE").is_some() {
        std::fs::write(PATH, &fresh).unwrap();
    }
    let written = std::fs::read_to_string(PATH).unwrap_or_default();
    assert!(
        written == fresh,
        "schema/strategy.schema.json is old: run TRADINGD_UPDATE=1 cargo test --lib schema_file"
    );
}

#[test]
fn every_field_of_the_schema_is_described() {
    fn walk(node: &serde_json::Value, path: &str) {
        if let Some(fields) = node.get("properties").and_then(|fields| fields.as_object()) {
            for (name, field) in fields {
                let text = field.get("description").and_then(|text| text.as_str()).unwrap_or_default();
                assert!(text.len() > 5, "{path}/{name} has no description");
                walk(field, &format!("{path}/{name}"));
            }
        }
    }
    walk(schema(), "");
    for (name, definition) in schema()["$defs"].as_object().unwrap() {
        walk(definition, name);
    }
}
