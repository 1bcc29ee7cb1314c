//! Which rules of a symbol can be left alone: S1 of many instances answered by one look at the loosest thresholds.
//!
//! A gate never decides: shut means that no member's S1 can be true, open means that they must be asked.

use crate::domain::strategy::Comparison;
use crate::domain::time::{Span, Timestamp};
use crate::engine::indicators::{IndicatorSet, Look};
use crate::engine::instance::Instance;
use crate::engine::rules::{Right, Source, compare};

/// Instances of one symbol whose S1 asks the same sources the same way, with thresholds of their own.
pub struct RuleGroup {
    /// Indices of the instances, in the order they are evaluated.
    pub members: Vec<u32>,
    shape: Vec<(Source, Comparison)>,
    interval: Span,
    on_clock: bool,
    /// Loosest threshold per entry of the shape among the watching members.
    loosest: Vec<f64>,
    watching: u32,
    /// Earliest time the entry rules may be looked at again.
    next_look: Timestamp,
    /// Something happened since the last look.
    pending: bool,
    stale: bool,
}

/// The gateable part of an instance's S1: comparisons of one source with a number.
fn shape_of(instance: &Instance) -> Vec<(Source, Comparison, f64)> {
    let gateable = |comparison| !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
    let tests = instance.s1.necessary().unwrap_or_default();
    let plain = tests.iter().filter_map(|test| match (test.left, test.right) {
        (Source::Slot(_), Right::Value(value)) if gateable(test.comparison) => Some((test.left, test.comparison, value)),
        _ => None,
    });
    plain.collect()
}

impl RuleGroup {
    /// Sorts instances of one symbol into groups, keeping their order.
    pub fn sort(instances: &[&Instance]) -> Vec<RuleGroup> {
        let mut groups: Vec<RuleGroup> = Vec::new();
        for instance in instances {
            let shape: Vec<(Source, Comparison)> =
                shape_of(instance).into_iter().map(|(source, comparison, _)| (source, comparison)).collect();
            let evaluation = instance.def.evaluation;
            let same = |group: &&mut RuleGroup| {
                group.shape == shape && group.interval == evaluation.entry_min_interval && group.on_clock == evaluation.on_clock
            };
            match groups.iter_mut().find(same) {
                Some(group) => group.members.push(instance.index),
                None => groups.push(RuleGroup {
                    members: vec![instance.index],
                    loosest: vec![0.0; shape.len()],
                    shape,
                    interval: evaluation.entry_min_interval,
                    on_clock: evaluation.on_clock,
                    watching: 0,
                    next_look: Timestamp::MIN,
                    pending: false,
                    stale: true,
                }),
            }
        }
        groups
    }

    /// A member changed its state.
    pub fn mark_stale(&mut self) {
        self.stale = true;
    }

    /// Whether members may be asked now; rate-limits the looks. `clock` is true when only time has passed.
    #[inline]
    pub fn opens(&mut self, at: Timestamp, clock: bool, instances: &[Instance], set: &mut IndicatorSet, look: Look<'_>) -> bool {
        if self.stale {
            self.refresh(instances);
        }
        if self.watching == 0 || (clock && !self.on_clock && !self.pending) {
            return false;
        }
        if at < self.next_look {
            self.pending = true;
            return false;
        }
        self.next_look = at + self.interval;
        self.pending = false;
        self.shape.iter().zip(&self.loosest).all(|((source, comparison), threshold)| match source {
            Source::Slot(id) => set.value(*id, look).is_ok_and(|value| compare(value, *comparison, *threshold)),
            Source::Own(_) => true,
        })
    }

    /// When the look that was put off is due.
    pub fn due(&self) -> Timestamp {
        if self.pending && self.watching > 0 { self.next_look } else { Timestamp::MAX }
    }

    #[cold]
    fn refresh(&mut self, instances: &[Instance]) {
        self.stale = false;
        self.watching = 0;
        for index in &self.members {
            let instance = &instances[*index as usize];
            if !instance.is_watching() {
                continue;
            }
            for (place, (_, comparison, value)) in shape_of(instance).into_iter().enumerate() {
                let known = &mut self.loosest[place];
                let looser = match comparison {
                    Comparison::Greater | Comparison::GreaterOrEqual => value < *known,
                    _ => value > *known,
                };
                if self.watching == 0 || looser {
                    *known = value;
                }
            }
            self.watching += 1;
        }
    }
}
