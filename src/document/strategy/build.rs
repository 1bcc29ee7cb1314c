//! Compiles a document into the strategy that the engine runs, and checks every rule that involves several
//! fields.

use super::catalogue::Scope;
use super::problem::{Problems, at};
use super::resolve::Resolver;
use super::rules;
use super::tree::{self, Branch, Origin, Tree};
use super::wire::{self, Edge, Operator, Parts, Rule, Strategy};
use crate::domain::strategy::{self as domain, Comparison, Node, Operand, Section, StrategyDef, Threshold};
use crate::domain::time::Span;
use crate::limits::DOCUMENT_CONDITIONS;
use std::collections::BTreeMap;

mod entry;
mod exit;
mod limits;

/// Compiles the definition (id and version still empty) and reports all problems. The result is valid only if
/// `problems` has no errors.
pub(super) fn build(strategy: &Strategy, origin: Origin, problems: &mut Problems) -> StrategyDef {
    let declared = strategy.indicators.clone().unwrap_or_default();
    let resolver = Resolver::new(&declared, problems);
    let mut builder = Builder { strategy, origin, resolver, problems, ids: BTreeMap::new() };
    let def = builder.strategy();
    builder.resolver.report_unused(builder.problems);
    rules::check(strategy, &def, builder.problems);
    def
}

/// The section in which an indicator is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum SectionRole {
    Signal,
    Cancel,
    Entry,
    Close,
    Emergency,
}

struct Builder<'a, 'p> {
    strategy: &'a Strategy,
    origin: Origin,
    resolver: Resolver<'a>,
    problems: &'p mut Problems,
    /// Path of the first condition with each id.
    ids: BTreeMap<&'a str, String>,
}

impl<'a> Builder<'a, '_> {
    fn strategy(&mut self) -> StrategyDef {
        let strategy = self.strategy;
        let s1 = self.rule(strategy.s1_signal.as_ref(), "/s1_signal", SectionRole::Signal);
        let o1 = self.cancel();
        let z1 = self.entry();
        let ze1 = self.close();
        let e1 = self.emergency();
        self.check_ids();
        StrategyDef {
            id: String::new(),
            version: 0,
            name: strategy.strategy_name.as_deref().unwrap_or_default().trim().to_owned(),
            direction: match strategy.direction {
                None | Some(wire::Direction::Long) => domain::Direction::Long,
                Some(wire::Direction::Short) => domain::Direction::Short,
                Some(wire::Direction::Both) => domain::Direction::Both,
            },
            priority: strategy.priority.map_or(50, |priority| priority.0 as u8),
            s1,
            o1,
            z1,
            ze1,
            e1,
            limits: self.limits(),
            trailing: self.trailing(),
            break_even: self.break_even(),
            ladder: self.ladder(),
            max_hold: strategy.max_hold_seconds.map(seconds),
            on_data_loss: strategy.on_data_loss.as_ref().map(|loss| domain::DataLoss {
                after: loss.after_seconds.map_or(Span::from_seconds(20), seconds),
                close: loss.action == Some(wire::DataLossAction::Close),
            }),
            evaluation: self.evaluation(),
            indicators: std::mem::take(&mut self.resolver.named),
        }
    }

    fn evaluation(&self) -> domain::Evaluation {
        let evaluation = self.strategy.evaluation.as_ref();
        domain::Evaluation {
            entry_min_interval: Span::from_millis(
                evaluation.and_then(|e| e.entry_min_interval_ms).map_or(100, |ms| ms.0 as i64),
            ),
            on_clock: evaluation.and_then(|e| e.on_clock).unwrap_or(true),
        }
    }

    /// The rule of an optional section.
    fn rule<R: Rule>(&mut self, section: Option<&'a R>, path: &str, role: SectionRole) -> Section {
        let default = if role == SectionRole::Emergency { wire::Logic::Or } else { wire::Logic::And };
        let Some(section) = section else {
            return Section { root: domain::Group::empty(logic(default)), sequence: None };
        };
        let parts: Parts<'a> = section.parts();
        let tree = tree::section(parts, path, default, self.origin, self.problems);
        let root = self.group(&tree, role);
        rules::contradictions(&root, &tree, &self.resolver, self.problems);
        let sequence = parts.sequence.map(|sequence| self.sequence(sequence, &at(path, "sequence"), role));
        Section { root, sequence }
    }

    fn sequence(&mut self, sequence: &'a wire::Sequence, path: &str, role: SectionRole) -> domain::Sequence {
        let mut steps = Vec::new();
        for (index, step) in sequence.steps.iter().flatten().enumerate() {
            let tree = tree::group(step, &at(&at(path, "steps"), index), self.origin, self.problems);
            let group = self.group(&tree, role);
            rules::contradictions(&group, &tree, &self.resolver, self.problems);
            steps.push(group);
        }
        let max_gap = sequence.max_gap_seconds.map_or(Span::from_seconds(10), seconds);
        let max_total = sequence.max_total_seconds.map_or(Span::from_seconds(120), seconds);
        if max_gap > max_total {
            self.problems.warning(
                &at(path, "maxGapSeconds"),
                "is longer than maxTotalSeconds, which then is the only limit",
            );
        }
        domain::Sequence { steps, max_gap, max_total }
    }

    /// The group of a tree, with children in the same order; an invalid condition becomes one that never
    /// holds.
    fn group(&mut self, tree: &Tree<'a>, role: SectionRole) -> domain::Group {
        let mut children = Vec::new();
        for branch in &tree.branches {
            children.push(match branch {
                Branch::Condition { path, condition } => {
                    Node::Condition(self.condition(condition, path, role))
                }
                Branch::Group(group) => Node::Group(self.group(group, role)),
            });
        }
        domain::Group { logic: logic(tree.logic), negate: tree.negate, children }
    }

    fn condition(
        &mut self,
        condition: &'a wire::Condition,
        path: &str,
        role: SectionRole,
    ) -> domain::Condition {
        let operand = self.operand(condition.indicator_id.as_ref(), &at(path, "indicatorId"), role);
        let threshold = self.threshold(condition, path, role);
        let (comparison, crossing) = match condition.operator {
            Some(Operator::Greater) | None => (Comparison::Greater, false),
            Some(Operator::CrossesAbove) => (Comparison::Greater, true),
            Some(Operator::GreaterOrEqual) => (Comparison::GreaterOrEqual, false),
            Some(Operator::Less) => (Comparison::Less, false),
            Some(Operator::CrossesBelow) => (Comparison::Less, true),
            Some(Operator::LessOrEqual) => (Comparison::LessOrEqual, false),
            Some(Operator::Equal | Operator::Between) => (Comparison::Equal, false),
            Some(Operator::NotEqual) => (Comparison::NotEqual, false),
        };
        let edge = self.edge(condition, crossing, path);
        domain::Condition {
            id: condition.id.clone().unwrap_or_default(),
            operand: operand.unwrap_or(rules::NOTHING),
            comparison,
            threshold,
            hold: condition.for_seconds.map_or(Span::ZERO, seconds),
            edge,
            edge_window: condition.edge_window_seconds.map_or(Span::ZERO, seconds),
            max_age: condition.max_age_seconds.map(seconds),
        }
    }

    fn edge(&mut self, condition: &wire::Condition, crossing: bool, path: &str) -> domain::Edge {
        if crossing && matches!(condition.edge, Some(Edge::None | Edge::Falling)) {
            self.problems.error(
                &at(path, "edge"),
                "contradicts the operator: crosses_above and crosses_below are rising edges",
            );
        }
        let edge = match condition.edge {
            Some(Edge::Rising) => domain::Edge::Rising,
            Some(Edge::Falling) if !crossing => domain::Edge::Falling,
            _ if crossing => domain::Edge::Rising,
            _ => domain::Edge::None,
        };
        if edge == domain::Edge::None && condition.edge_window_seconds.is_some_and(|window| window.0 > 0.0) {
            self.problems.warning(&at(path, "edgeWindowSeconds"), "has no effect without `edge`");
        }
        edge
    }

    fn threshold(&mut self, condition: &'a wire::Condition, path: &str, role: SectionRole) -> Threshold {
        let value_path = at(path, "value");
        let between = condition.operator == Some(Operator::Between);
        if !between && condition.value_high.is_some() {
            self.problems.warning(&at(path, "valueHigh"), "has no effect; only `between` uses it");
        }
        if let Some(other) = &condition.compare_to {
            let other_path = at(path, "compareTo");
            if between {
                self.problems.error(
                    &other_path,
                    "cannot be used with `between`, which compares with value and valueHigh",
                );
            }
            if condition.value.is_some() {
                self.problems.warning(&value_path, "has no effect because `compareTo` is given");
            }
            let operand = self.operand(Some(other), &other_path, role).unwrap_or(rules::NOTHING);
            let number =
                |number: Option<wire::Number>, default: f64| number.map_or(default, |number| number.0);
            return Threshold::Other {
                operand,
                multiplier: number(condition.multiplier, 1.0),
                offset: number(condition.offset, 0.0),
            };
        }
        for (name, given) in [("multiplier", condition.multiplier), ("offset", condition.offset)] {
            if given.is_some() {
                self.problems.warning(&at(path, name), "has no effect without `compareTo`");
            }
        }
        let value = condition.value.map(|value| value.0);
        if value.is_none() && condition.id.is_some() && !self.problems.broken(&at(path, "compareTo")) {
            self.missing(&value_path, "is required, or `compareTo`");
        }
        if !between {
            return Threshold::Value(value.unwrap_or(f64::INFINITY));
        }
        let high_path = at(path, "valueHigh");
        match (value, condition.value_high) {
            (Some(low), Some(high)) if high.0 < low => {
                self.problems
                    .error(&high_path, format!("must be at least value, which is {low}, but is {}", high.0));
            }
            (_, None) => self.missing(&high_path, "is required for `between`"),
            _ => {}
        }
        let high = condition.value_high.map_or(f64::INFINITY, |high| high.0);
        Threshold::Between(value.unwrap_or(f64::INFINITY), high)
    }

    /// The operand a name refers to, with a warning if it can never have a value in this section.
    fn operand(&mut self, name: Option<&String>, path: &str, role: SectionRole) -> Option<Operand> {
        let operand = self.resolver.operand(name, path, self.problems)?;
        let in_position = matches!(role, SectionRole::Close | SectionRole::Emergency);
        let unknown = match Resolver::scope(operand) {
            Some(Scope::Position) if !in_position => {
                Some("is only known in a position, so this condition stays unknown here")
            }
            Some(Scope::Signal) if role == SectionRole::Signal => {
                Some("is only known after the signal, so this condition stays unknown here")
            }
            _ => None,
        };
        if let Some(why) = unknown {
            self.problems.warning(path, why);
        }
        Some(operand)
    }

    /// An error for a missing field, unless it was removed because it was invalid.
    fn missing(&mut self, path: &str, problem: &str) {
        if !self.problems.broken(path) {
            self.problems.error(path, problem);
        }
    }

    /// Checks that ids are unique and the number of conditions is bounded, including disabled conditions.
    fn check_ids(&mut self) {
        let strategy = self.strategy;
        let mut all: Vec<(String, &'a wire::Condition)> = Vec::new();
        let mut add = |path: &str, parts: Parts<'a>| {
            gather(path, parts.conditions, parts.groups, parts.sequence, &mut all)
        };
        macro_rules! add {
            ($($field:ident),*) => { $( if let Some(section) = &strategy.$field { add(concat!("/", stringify!($field)), section.parts()); } )* };
        }
        add!(s1_signal, o1_cancel, z1_entry, ze1_close, emergency_exit);
        if all.len() > DOCUMENT_CONDITIONS {
            self.problems.error(
                "",
                format!("has {} conditions, at most {DOCUMENT_CONDITIONS} are allowed", all.len()),
            );
        }
        for (path, condition) in all {
            let Some(id) = condition.id.as_deref() else { continue };
            if let Some(first) = self.ids.get(id) {
                self.problems.error(
                    &at(&path, "id"),
                    format!("\"{id}\" is already the id of {first}; ids are unique in a document"),
                );
            } else {
                self.ids.insert(id, path);
            }
        }
    }
}

fn gather<'a>(
    path: &str,
    conditions: &'a [wire::Condition],
    groups: &'a [wire::Group],
    sequence: Option<&'a wire::Sequence>,
    all: &mut Vec<(String, &'a wire::Condition)>,
) {
    let list = at(path, "conditions");
    all.extend(conditions.iter().enumerate().map(|(index, condition)| (at(&list, index), condition)));
    let steps = sequence.and_then(|sequence| sequence.steps.as_deref()).unwrap_or_default();
    let nested = [(at(path, "groups"), groups), (at(&at(path, "sequence"), "steps"), steps)];
    for (path, groups) in nested {
        for (index, group) in groups.iter().enumerate() {
            let (conditions, groups) = (group.conditions.as_deref(), group.groups.as_deref());
            gather(&at(&path, index), conditions.unwrap_or_default(), groups.unwrap_or_default(), None, all);
        }
    }
}

fn logic(logic: wire::Logic) -> domain::Logic {
    match logic {
        wire::Logic::And => domain::Logic::And,
        wire::Logic::Or => domain::Logic::Or,
    }
}

fn seconds(number: wire::Number) -> Span {
    Span::from_seconds_f64(number.0)
}

fn minutes(number: wire::Number) -> Span {
    Span::from_seconds_f64(number.0 * 60.0)
}
