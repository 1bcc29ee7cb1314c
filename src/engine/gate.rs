//! Groups instances with the same kind of S1 so that one check against the loosest thresholds can skip them
//! all.
//!
//! Invariant: a gate never decides an entry. While it stays shut no member's S1 could have become true at an
//! allowed time; when it opens, each member evaluates its own rules. A gate that sleeps would have been shut.

use crate::domain::strategy::Comparison;
use crate::domain::time::{Span, Timestamp};
use crate::engine::indicators::{IndicatorSet, Look, SlotId};
use crate::engine::instance::Instance;
use crate::engine::rules::{Right, Source};
use crate::engine::value::compare;
use crate::engine::wake::{Cause, Wake};

/// Result of checking a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gate {
    /// Nothing to evaluate: no member can fire, the group is not due, or its postponed check is already
    /// scheduled.
    Shut,
    /// Too early for another check; the next one is due at [`RuleGroup::due`].
    PutOff,
    /// Members must be evaluated.
    Open,
}

/// A comparison that all members make, with the loosest threshold of the members that watch for S1.
#[derive(Clone, Copy, Debug)]
struct GateTest {
    slot: SlotId,
    comparison: Comparison,
    loosest: f64,
}

impl GateTest {
    #[inline]
    fn is_fulfilled(&self, value: f64) -> bool {
        compare(value, self.comparison, self.loosest)
    }
}

/// Instances of one symbol whose S1 makes the same comparisons of the same slots, with different thresholds.
pub struct RuleGroup {
    /// Instance indices in the order of evaluation.
    pub members: Vec<u32>,
    tests: Vec<GateTest>,
    /// Thresholds of all members, `tests.len()` values per member.
    thresholds: Vec<f64>,
    interval: Span,
    on_clock: bool,
    watching: u32,
    /// Earliest time at which the entry rules may be evaluated again.
    next_look: Timestamp,
    /// Whether an event came before `next_look`, so that a check is postponed until then.
    pending: bool,
    /// The test that shut the gate last. It is asked first, because most likely it still does, and the values of the
    /// others need not be computed then.
    shut_by: usize,
    /// Until then the test that shut the gate last stays as it is, unless something else than a trade happens.
    wake: Wake,
    /// Looks until sleeping is tried again.
    sleepless: u32,
}

/// After a test that could not say how long it stays as it is, so many looks only ask it.
const SLEEPLESS: u32 = 64;

/// The part of an instance's S1 that a gate can test: comparisons of one slot with a number.
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
    /// Groups the instances of one symbol, keeping their order.
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
                    shut_by: 0,
                    wake: Wake::ALWAYS,
                    sleepless: 0,
                }),
            }
        }
        groups
    }

    /// Whether members must be evaluated now, at most once per interval. The times of the checks depend only
    /// on the symbol's events, not on who watches; otherwise a strategy's decisions would depend on the other
    /// strategies.
    #[inline(always)]
    pub fn look(&mut self, at: Timestamp, cause: Cause, set: &mut IndicatorSet, look: Look<'_>) -> Gate {
        if self.pending && at > self.next_look {
            // Nobody watched, so no timer was set; the postponed check counts as done at its time.
            self.next_look = self.next_look + self.interval;
            self.pending = false;
        }
        let sleeps = self.sleeps_on(at, cause, look);
        let asked = match cause {
            Cause::Trade | Cause::Event => true,
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
        if sleeps {
            debug_assert!(!self.is_open(set, look), "a gate slept when it would have opened");
            return Gate::Shut;
        }
        let Some(test) = self.tests.get(self.shut_by) else { return Gate::Open };
        match set.value(test.slot, look) {
            Ok(value) if test.is_fulfilled(value) => {
                if self.is_open(set, look) {
                    Gate::Open
                } else {
                    Gate::Shut
                }
            }
            Ok(_) => {
                self.fall_asleep(set, look);
                Gate::Shut
            }
            Err(_) => Gate::Shut,
        }
    }

    /// Asks all tests, and remembers the first that fails.
    #[inline(never)]
    fn is_open(&mut self, set: &mut IndicatorSet, look: Look<'_>) -> bool {
        let fails = |test: &GateTest| !set.value(test.slot, look).is_ok_and(|value| test.is_fulfilled(value));
        let failed = self.tests.iter().position(fails);
        self.shut_by = failed.unwrap_or(self.shut_by);
        failed.is_none()
    }

    /// Sleeps as long as the test that shut the gate says it stays as it is. One that cannot say is not asked at every
    /// look.
    #[inline]
    fn fall_asleep(&mut self, set: &mut IndicatorSet, look: Look<'_>) {
        if self.sleepless > 0 {
            self.sleepless -= 1;
        } else {
            self.try_to_sleep(set, look);
        }
    }

    #[inline(never)]
    fn try_to_sleep(&mut self, set: &mut IndicatorSet, look: Look<'_>) {
        let GateTest { slot, comparison, loosest } = self.tests[self.shut_by];
        match set.sleep(slot, (comparison, loosest), look) {
            Some(wake) => self.wake = wake,
            None => self.sleepless = SLEEPLESS,
        }
    }

    /// Whether the gate sleeps on; from the first event on that wakes it, it does not.
    #[inline]
    fn sleeps_on(&mut self, at: Timestamp, cause: Cause, look: Look<'_>) -> bool {
        if self.wake.always {
            return false;
        }
        let price = look.market.last.map(|(_, trade)| (trade.price, trade.price));
        let wakes = match cause {
            Cause::Trade => self.wake.is_due(at, price),
            Cause::Second | Cause::Timer => self.wake.is_due(at, None),
            Cause::Event => true,
        };
        if wakes {
            self.wake_up();
        }
        !wakes
    }

    /// Something happened of which sleeping knows nothing: the next look asks.
    #[inline]
    pub fn wake_up(&mut self) {
        self.wake = Wake::ALWAYS;
    }

    /// Whether events within an interval put checks off.
    pub fn has_interval(&self) -> bool {
        self.interval > Span::ZERO
    }

    /// Time of the postponed check, if one is scheduled.
    pub fn due(&self) -> Timestamp {
        if self.pending && self.watching > 0 { self.next_look } else { Timestamp::MAX }
    }

    /// Whether looking at each whole second from `next` on leaves it as looking at the last of them alone would.
    pub(super) fn keeps_pace(&self, next: Timestamp) -> bool {
        let is_asked = self.next_look <= next && self.interval <= Span::SECOND;
        !self.pending && (is_asked || !self.on_clock)
    }

    /// Whether the members are not asked at a whole second that finds these values.
    pub(super) fn is_shut(&mut self, set: &mut IndicatorSet, look: Look<'_>) -> bool {
        self.watching == 0 || !self.on_clock || !self.is_open(set, look)
    }

    /// Counts the members that watch for S1 and recomputes their loosest thresholds.
    pub fn refresh(&mut self, instances: &[Instance]) {
        self.watching = 0;
        self.wake_up();
        let width = self.tests.len();
        for (member, index) in self.members.iter().enumerate() {
            if !instances[*index as usize].is_watching() {
                continue;
            }
            for (test, threshold) in self.tests.iter_mut().zip(&self.thresholds[member * width..]) {
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
