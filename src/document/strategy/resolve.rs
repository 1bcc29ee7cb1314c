//! Resolves names of a document to operands: declared indicators, types with default parameters, instance
//! values.

use super::catalogue::{self, Meaning, Scope};
use super::problem::{Problems, at};
use super::schema::shown;
use super::variants::is_uuid;
use super::wire::{Indicator, Indicators};
use crate::domain::strategy::{IndicatorSpec, NamedIndicator, Operand};
use crate::engine::indicators::find;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Maximum nesting of indicators that are inputs of indicators.
const UPSTREAM_DEPTH: usize = 4;

/// Resolves names and tracks which indicators are used.
pub(super) struct Resolver<'a> {
    declared: &'a Indicators,
    /// What each declared name refers to; `None` if its declaration is invalid.
    meanings: BTreeMap<&'a str, Option<Declared>>,
    used: BTreeMap<&'a str, ()>,
    /// Market indicators in order of first use.
    pub(super) named: Vec<NamedIndicator>,
}

#[derive(Clone)]
enum Declared {
    Own(Operand),
    Market(Arc<IndicatorSpec>),
}

impl<'a> Resolver<'a> {
    /// Checks all declarations.
    pub(super) fn new(declared: &'a Indicators, problems: &mut Problems) -> Self {
        let mut resolver =
            Resolver { declared, meanings: BTreeMap::new(), used: BTreeMap::new(), named: Vec::new() };
        for (name, indicator) in &declared.0 {
            let path = at("/indicators", name);
            resolver.check_name(name, indicator, &path, problems);
            let meaning = resolver.declaration(indicator, &path, &mut vec![name], problems);
            resolver.meanings.insert(name, meaning);
        }
        resolver
    }

    fn check_name(&self, name: &str, indicator: &Indicator, path: &str, problems: &mut Problems) {
        if name.trim().is_empty() || name.trim() != name || name.chars().count() > 64 {
            problems.error(path, "a name must have 1 to 64 characters and no space at its ends");
        }
        let own_kind = indicator.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case(name));
        if !own_kind && catalogue::type_names().any(|kind| kind.eq_ignore_ascii_case(name)) {
            problems.warning(
                path,
                format!("hides the type of the same name; conditions that say {name} mean this one"),
            );
        }
    }

    fn declaration(
        &mut self,
        indicator: &Indicator,
        path: &str,
        above: &mut Vec<&'a str>,
        problems: &mut Problems,
    ) -> Option<Declared> {
        let name = indicator.kind.as_deref()?;
        match catalogue::meaning(name, &indicator.params) {
            Some(Meaning::Own(own)) => catalogue::own_value(own, &indicator.params, path, problems)
                .map(|value| Declared::Own(Operand::Own(value))),
            Some(Meaning::Market(kind)) => {
                let mut upstream = |value: &Value, path: &str, problems: &mut Problems| {
                    self.upstream(value, path, above, problems)
                };
                let spec = catalogue::spec_of(kind, &indicator.params, path, problems, &mut upstream)?;
                Some(Declared::Market(Arc::new(spec)))
            }
            None => {
                let near = problems.suggestion(name, catalogue::type_names());
                problems.error(
                    &at(path, "type"),
                    format!("there is no indicator type {}{near}", shown(&Value::from(name))),
                );
                None
            }
        }
    }

    /// Resolves a parameter that is another indicator: a declared name, a type name, or an inline {"type":
    /// …}.
    fn upstream(
        &mut self,
        value: &Value,
        path: &str,
        above: &mut Vec<&'a str>,
        problems: &mut Problems,
    ) -> Option<IndicatorSpec> {
        if above.len() > UPSTREAM_DEPTH {
            problems.error(path, format!("indicators feed indicators more than {UPSTREAM_DEPTH} deep"));
            return None;
        }
        let declared = self.declared;
        let (step, indicator) = match value {
            Value::String(name) => match declared.0.iter().find(|(known, _)| known == name.trim()) {
                Some((known, indicator)) => (known.as_str(), indicator.clone()),
                None => ("", Indicator { kind: Some(name.trim().to_owned()), params: Map::new() }),
            },
            Value::Object(fields) => {
                let mut params = fields.clone();
                let kind = params.shift_remove("type").and_then(|kind| kind.as_str().map(str::to_owned));
                if kind.is_none() {
                    problems.error(&at(path, "type"), "is required (Type name)");
                }
                ("", Indicator { kind, params })
            }
            other => {
                problems.error(
                    path,
                    format!("must be the name of an indicator or {{\"type\": …}}, but is {}", shown(other)),
                );
                return None;
            }
        };
        if !step.is_empty() && above.contains(&step) {
            problems.error(path, format!("{step} would be computed from itself"));
            return None;
        }
        if !step.is_empty() {
            self.used.insert(step, ());
        }
        above.push(step);
        // Errors of a declared indicator are reported at its declaration.
        let mut elsewhere = Problems::default();
        let report = if step.is_empty() { &mut *problems } else { &mut elsewhere };
        let found = self.declaration(&indicator, path, above, report);
        above.pop();
        match found {
            Some(Declared::Market(spec)) => Some(Arc::unwrap_or_clone(spec)),
            Some(Declared::Own(_)) => {
                problems.error(
                    path,
                    "must be a market indicator; position and session values cannot feed another",
                );
                None
            }
            None if !step.is_empty() => {
                problems.error(path, format!("{step} cannot be computed, see its declaration"));
                None
            }
            None => None,
        }
    }

    /// Resolves a name. `None` if it is absent or invalid; the latter is then in `problems`.
    pub(super) fn operand(
        &mut self,
        name: Option<&String>,
        path: &str,
        problems: &mut Problems,
    ) -> Option<Operand> {
        let name = name?.trim();
        if name.is_empty() {
            return None;
        }
        let declared = self.declared.0.iter().find(|(known, _)| known == name);
        if let Some((known, _)) = declared {
            self.used.insert(known, ());
            return match self.meanings.get(known.as_str()).cloned().flatten() {
                Some(Declared::Own(operand)) => Some(operand),
                Some(Declared::Market(spec)) => Some(self.market_operand(known, spec)),
                None => None,
            };
        }
        let none = Map::new();
        match catalogue::meaning(name, &none) {
            Some(Meaning::Own(own)) => catalogue::own_value(own, &none, path, problems).map(Operand::Own),
            Some(Meaning::Market(kind)) => {
                let mut no_upstream = |_: &Value, _: &str, _: &mut Problems| None;
                let spec = catalogue::spec_of(kind, &none, path, problems, &mut no_upstream)?;
                Some(self.market_operand(kind.name, Arc::new(spec)))
            }
            None => {
                let problem = self.unknown(name, problems);
                problems.error(path, problem);
                None
            }
        }
    }

    fn unknown(&self, name: &str, problems: &Problems) -> String {
        let shown = shown(&Value::from(name));
        if is_uuid(name) {
            return format!(
                "no indicator has the id {shown}: documents of other systems name indicators by the ids of a list kept there, and \
                 only those of pump_v2, dump_v2, flash_pump_scalper and ema_cross_trend are known here; declare it in `indicators` with its type and parameters and use that name"
            );
        }
        let mut known: Vec<&str> = Vec::new();
        for (declared, _) in &self.declared.0 {
            known.push(declared);
        }
        for kind in catalogue::type_names() {
            known.push(kind);
        }
        let near = problems.suggestion(name, known);
        format!("neither `indicators` nor the catalogue has {shown}{near}")
    }

    fn market_operand(&mut self, name: &str, spec: Arc<IndicatorSpec>) -> Operand {
        let known = self.named.iter().position(|named| named.name == name);
        Operand::Market(known.unwrap_or_else(|| {
            self.named.push(NamedIndicator { name: name.to_owned(), spec });
            self.named.len() - 1
        }))
    }

    /// Name and value range of an operand.
    pub(super) fn range(&self, operand: Operand) -> (&str, Option<(f64, f64)>) {
        match operand {
            Operand::Own(value) => {
                let own = catalogue::own_of(value);
                (own.name, own.range)
            }
            Operand::Market(index) => {
                let named = &self.named[index];
                (&named.name, find(&named.spec.kind).and_then(|kind| kind.range))
            }
        }
    }

    /// Where an instance value is defined; market values are defined everywhere.
    pub(super) fn scope(operand: Operand) -> Option<Scope> {
        match operand {
            Operand::Own(value) => Some(catalogue::own_of(value).scope),
            Operand::Market(_) => None,
        }
    }

    /// Warns about declarations that are not used.
    pub(super) fn report_unused(&self, problems: &mut Problems) {
        for (name, _) in &self.declared.0 {
            if !self.used.contains_key(name.as_str()) {
                problems.warning(&at("/indicators", name), "is never used");
            }
        }
    }
}
