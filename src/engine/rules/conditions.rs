//! The conditions of a rule as they stand now, for whoever looks.
//!
//! Invariant: looking changes no memory of the rule, so it changes no decision.

use super::{Rule, Test, Values};
use crate::domain::decision::{Evidence, SectionName};
use crate::domain::strategy::Comparison;
use crate::domain::time::Timestamp;

/// The reason of a value whose newest input is older than its condition allows.
pub const TOO_OLD: &str = "too_old";

/// A condition at one time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ConditionStatus {
    /// Value, threshold and whether it is met, as a decision would record them.
    pub evidence: Evidence,
    /// How far the value must still move for the condition to be met, in the unit of the value; 0 or less: it
    /// is met, by this margin. `None` without a value, and for `!=`.
    pub distance: Option<f64>,
    /// Since when a condition that must hold for some time has been met; `None` for others.
    pub met_since: Option<Timestamp>,
}

impl Rule {
    /// Appends every condition in document order.
    pub fn conditions(&self, section: SectionName, values: &mut Values<'_>, into: &mut Vec<ConditionStatus>) {
        into.extend(self.tests.iter().enumerate().map(|(index, test)| {
            let met_since = test.memory.and_then(|memory| self.memory[memory].true_since);
            test.status(section, index as u16, met_since, values)
        }));
    }
}

impl Test {
    fn status(
        &self,
        section: SectionName,
        condition: u16,
        met_since: Option<Timestamp>,
        values: &mut Values<'_>,
    ) -> ConditionStatus {
        let is_old = self.max_age.is_some_and(|limit| values.is_older(self.left, limit));
        let value = values.get(self.left).map_err(|missing| missing.as_str());
        let value = if is_old { value.and(Err(TOO_OLD)) } else { value };
        let bounds = self.bounds(values).ok();
        let known = value.ok().zip(bounds);
        let evidence = Evidence {
            section,
            condition,
            value,
            threshold: bounds.map(|(low, _)| low),
            met: known.map(|(left, (low, high))| self.raw(left, low, high)),
        };
        let distance = known.and_then(|(left, (low, high))| self.distance(left, low, high));
        ConditionStatus { evidence, distance, met_since }
    }

    fn distance(&self, left: f64, low: f64, high: f64) -> Option<f64> {
        if let super::Right::Between(..) = self.right {
            return Some((low - left).max(left - high));
        }
        match self.comparison {
            Comparison::Greater | Comparison::GreaterOrEqual => Some(low - left),
            Comparison::Less | Comparison::LessOrEqual => Some(left - low),
            Comparison::Equal => Some((left - low).abs()),
            Comparison::NotEqual => None,
        }
    }
}
