//! Which rules of a symbol can be left alone: S1 of many instances answered by one look at the loosest thresholds.
//!
//! A gate never decides: shut means that no member's S1 can be true, open means that they must be asked.

use crate::domain::strategy::Comparison;
use crate::domain::time::{Span, Timestamp};
use crate::engine::indicators::{IndicatorSet, Look, SlotId};
use crate::engine::instance::Instance;
use crate::engine::rules::{Right, Source, compare};

/// Why instances are looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// Something happened on the symbol's market.
    Event,
    /// A whole second is over.
    Second,
    /// Somebody asked to be looked at now; nobody else is.
    Timer,
}

/// What a look at a group found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gate {
    /// Nobody's S1 can be true now.
    Shut,
    /// Too early for another look; there will be one at [`RuleGroup::due`].
    PutOff,
    /// Members must be asked.
    Open,
}

/// A comparison all members make, with the loosest of the thresholds of those that watch.
#[derive(Clone, Copy, Debug)]
struct GateTest {
    slot: SlotId,
    comparison: Comparison,
    loosest: f64,
}

/// Instances of one symbol whose S1 asks the same slots the same way, with thresholds of their own.
pub struct RuleGroup {
    /// Indices of the instances, in the order they are evaluated.
    pub members: Vec<u32>,
    tests: Vec<GateTest>,
    /// Thresholds of every member, one run of `tests.len()` each.
    thresholds: Vec<f64>,
    interval: Span,
    on_clock: bool,
    watching: u32,
    /// Earliest time the entry rules may be looked at again.
    next_look: Timestamp,
    /// Something happened since the last look.
    pending: bool,
}

/// The gateable part of an instance's S1: comparisons of one slot with a number.
fn shape_of(instance: &Instance) -> Vec<GateTest> {
    let gateable = |comparison| !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
    let tests = instance.s1.necessary().unwrap_or_default();
    let plain = tests.iter().filter_map(|test| match (test.left, test.right) {
        (Source::Slot(slot), Right::Value(loosest)) if gateable(test.comparison) => {
            Some(GateTest { slot, comparison: test.comparison, loosest })
        }
        _ => None,
    });
    plain.collect()
}

impl RuleGroup {
    /// Sorts instances of one symbol into groups, keeping their order.
    pub fn sort(instances: &[&Instance]) -> Vec<RuleGroup> {
        let mut groups: Vec<RuleGroup> = Vec::new();
        for instance in instances {
            let tests = shape_of(instance);
            let evaluation = instance.def.evaluation;
            let key = |tests: &[GateTest]| {
                tests.iter().map(|test| (test.slot, test.comparison)).collect::<Vec<_>>()
            };
            let same = |group: &&mut RuleGroup| {
                key(&group.tests) == key(&tests)
                    && group.interval == evaluation.entry_min_interval
                    && group.on_clock == evaluation.on_clock
            };
            let thresholds = tests.iter().map(|test| test.loosest);
            match groups.iter_mut().find(same) {
                Some(group) => {
                    group.members.push(instance.index);
                    group.thresholds.extend(thresholds);
                }
                None => groups.push(RuleGroup {
                    members: vec![instance.index],
                    thresholds: thresholds.collect(),
                    tests,
                    interval: evaluation.entry_min_interval,
                    on_clock: evaluation.on_clock,
                    watching: 0,
                    next_look: Timestamp::MIN,
                    pending: false,
                }),
            }
        }
        groups
    }

    /// Whether members must be asked now; looks no more often than the interval allows. When looks happen depends on
    /// the symbol's events alone, not on who watches, or a strategy would decide otherwise beside another.
    #[inline(always)]
    pub fn look(&mut self, at: Timestamp, cause: Cause, set: &mut IndicatorSet, look: Look<'_>) -> Gate {
        if self.pending && at > self.next_look {
            // Nobody watched, so no timer was set: the look that was put off happened at its time all the same.
            self.next_look = self.next_look + self.interval;
            self.pending = false;
        }
        let asked = match cause {
            Cause::Event => true,
            Cause::Second => self.on_clock || (self.pending && at >= self.next_look),
            Cause::Timer => self.pending && at >= self.next_look,
        };
        if !asked {
            return Gate::Shut;
        }
        if at < self.next_look {
            let known = std::mem::replace(&mut self.pending, true);
            return if known || self.watching == 0 { Gate::Shut } else { Gate::PutOff };
        }
        self.next_look = at + self.interval;
        self.pending = false;
        if self.watching == 0 {
            return Gate::Shut;
        }
        for test in &self.tests {
            match set.value(test.slot, look) {
                Ok(value) if compare(value, test.comparison, test.loosest) => {}
                _ => return Gate::Shut,
            }
        }
        Gate::Open
    }

    /// When the look that was put off is due.
    pub fn due(&self) -> Timestamp {
        if self.pending && self.watching > 0 { self.next_look } else { Timestamp::MAX }
    }

    /// A member changed its state: counts who watches and finds their loosest thresholds.
    pub fn refresh(&mut self, instances: &[Instance]) {
        self.watching = 0;
        let width = self.tests.len();
        for (place, index) in self.members.iter().enumerate() {
            if !instances[*index as usize].is_watching() {
                continue;
            }
            for (test, threshold) in self.tests.iter_mut().zip(&self.thresholds[place * width..]) {
                let looser = match test.comparison {
                    Comparison::Greater | Comparison::GreaterOrEqual => *threshold < test.loosest,
                    _ => *threshold > test.loosest,
                };
                if self.watching == 0 || looser {
                    test.loosest = *threshold;
                }
            }
            self.watching += 1;
        }
    }
}
