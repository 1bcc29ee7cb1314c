//! Groups instances with the same kind of S1 so that one check against the loosest thresholds can skip them
//! all.
//!
//! Invariant: a gate never decides an entry. While it stays shut no member's S1 could have become true at an
//! allowed time; when it opens, each member evaluates its own rules. A gate that sleeps would have been shut.

use crate::checkpoint::saved;
use crate::domain::event::Trade;
use crate::domain::strategy::Comparison;
use crate::domain::time::{Span, Timestamp};
use crate::engine::indicators::{IndicatorSet, Look};
use crate::engine::instance::Instance;
use crate::engine::necessary::{GateRight, GateTest};
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

/// Why a gate stays shut.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shut {
    /// Until this is due.
    Until(Wake),
    /// As long as this is not fulfilled.
    By(GateTest),
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
    /// The test that shut the gate last. It is asked first, because most likely it still does, and the values
    /// of the others need not be computed then.
    shut_by: usize,
    /// Until then the test that shut the gate last stays as it is, unless something else than a trade
    /// happens.
    wake: Wake,
    /// Looks until sleeping is tried again.
    sleepless: u32,
}

saved!(RuleGroup {
    tests, watching, next_look, pending, shut_by, wake, sleepless,
} fixed { members, thresholds, interval, on_clock });

/// After a test that could not say how long it stays as it is, so many looks only ask it.
const SLEEPLESS: u32 = 64;

/// The part of an instance's S1 that a gate can test.
fn shape_of(instance: &Instance) -> Vec<GateTest> {
    instance.s1.necessary().unwrap_or_default().into_iter().filter_map(GateTest::of).collect()
}

impl RuleGroup {
    /// Groups the instances of one symbol, keeping their order.
    pub fn sort(instances: &[&Instance]) -> Vec<RuleGroup> {
        let mut groups: Vec<RuleGroup> = Vec::new();
        for instance in instances {
            let tests = shape_of(instance);
            let evaluation = instance.def.evaluation;
            let same = |group: &&mut RuleGroup| {
                group.tests.len() == tests.len()
                    && group.tests.iter().zip(&tests).all(|(one, other)| one.is_like(other))
                    && group.interval == evaluation.entry_min_interval
                    && group.on_clock == evaluation.on_clock
            };
            let thresholds = tests.iter().map(GateTest::threshold);
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
        self.catch_up(at);
        let sleeps = self.sleeps_on(at, cause, look);
        let asked = match cause {
            Cause::Trade | Cause::Event => true,
            Cause::Second => self.on_clock || (self.pending && at >= self.next_look),
            Cause::Timer => self.pending && at >= self.next_look,
        };
        if !asked {
            return Gate::Shut;
        }
        let known = self.pending;
        if self.is_early(at) {
            return if known || self.watching == 0 { Gate::Shut } else { Gate::PutOff };
        }
        if self.watching == 0 {
            return Gate::Shut;
        }
        if sleeps {
            debug_assert!(!self.is_open(set, look), "a gate slept when it would have opened");
            return Gate::Shut;
        }
        let Some(test) = self.tests.get(self.shut_by) else { return Gate::Open };
        match test.ask(set, look) {
            Ok(true) => {
                if self.is_open(set, look) {
                    Gate::Open
                } else {
                    Gate::Shut
                }
            }
            Ok(false) => {
                self.fall_asleep(set, look);
                Gate::Shut
            }
            Err(_) => Gate::Shut,
        }
    }

    /// Asks all tests, and remembers the first that fails.
    #[inline(never)]
    fn is_open(&mut self, set: &mut IndicatorSet, look: Look<'_>) -> bool {
        let fails = |test: &GateTest| !test.ask(set, look).is_ok_and(|fulfilled| fulfilled);
        let failed = self.tests.iter().position(fails);
        self.shut_by = failed.unwrap_or(self.shut_by);
        failed.is_none()
    }

    /// Sleeps as long as the test that shut the gate says it stays as it is. One that cannot say is not asked
    /// at every look.
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
        let GateTest { slot, comparison, right } = self.tests[self.shut_by];
        let wake = match right {
            GateRight::Number(loosest) => set.sleep(slot, (comparison, loosest), look),
            GateRight::Slot(..) => None,
        };
        match wake {
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

    /// Whether looking at each whole second from `next` on leaves it as looking at the last of them alone
    /// would.
    pub(super) fn keeps_pace(&self, next: Timestamp) -> bool {
        let is_asked = self.next_look <= next && self.interval <= Span::SECOND;
        !self.pending && (is_asked || !self.on_clock)
    }

    /// Whether the members are not asked at a whole second that finds these values.
    pub(super) fn is_shut(&mut self, set: &mut IndicatorSet, look: Look<'_>) -> bool {
        self.watching == 0 || !self.on_clock || !self.is_open(set, look)
    }

    /// What keeps the gate shut at the next trades; `None` if it has to be asked at the next one.
    pub(super) fn stays_shut(&self) -> Option<Shut> {
        let asleep = Some(Shut::Until(self.wake)).filter(|_| !self.wake.always);
        match (self.watching, self.has_interval()) {
            (0, _) => Some(Shut::Until(Wake::NEVER)),
            (_, true) => self.pending.then_some(Shut::Until(Wake { at: self.next_look, ..Wake::NEVER })),
            (_, false) => asleep.or_else(|| self.tests.get(self.shut_by).copied().map(Shut::By)),
        }
    }

    /// Trades at which the gate stays shut, for the reason that [`RuleGroup::stays_shut`] gave: what
    /// [`RuleGroup::look`] would keep of them.
    pub(super) fn pass(&mut self, trades: &[(Timestamp, Trade)]) {
        let Some((last, _)) = trades.last() else { return };
        if !self.has_interval() {
            (self.next_look, self.pending) = (*last, false);
        } else if self.watching > 0 {
            let wakes =
                |(at, trade): &(Timestamp, Trade)| self.wake.is_due(*at, Some((trade.price, trade.price)));
            if !self.wake.always && trades.iter().any(wakes) {
                self.wake_up();
            }
        } else {
            for (at, _) in trades {
                self.catch_up(*at);
                self.is_early(*at);
            }
        }
    }

    /// A check that was put off when nobody watched, so that no timer was set, counts as done at its time.
    #[inline(always)]
    fn catch_up(&mut self, at: Timestamp) {
        if self.pending && at > self.next_look {
            self.next_look = self.next_look + self.interval;
            self.pending = false;
        }
    }

    /// Whether it is too early for a check, which is put off then; else the next one is an interval later.
    #[inline(always)]
    fn is_early(&mut self, at: Timestamp) -> bool {
        self.pending = at < self.next_look;
        if !self.pending {
            self.next_look = at + self.interval;
        }
        self.pending
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
                let GateRight::Number(loosest) = &mut test.right else { continue };
                let looser = match test.comparison {
                    Comparison::Greater | Comparison::GreaterOrEqual => *threshold < *loosest,
                    _ => *threshold > *loosest,
                };
                if self.watching == 0 || looser {
                    *loosest = *threshold;
                }
            }
            self.watching += 1;
        }
    }
}
