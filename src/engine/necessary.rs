//! Comparisons that must be fulfilled before somebody acts, so that as long as one is not, nobody need be
//! asked.
//!
//! Invariant: a test compares as the condition it comes from does, without that condition's age limit.

use crate::checkpoint::plain;
use crate::domain::strategy::Comparison;
use crate::engine::indicators::{IndicatorSet, Look, Missing, SlotId};
use crate::engine::rules::{Right, Source, Test};
use crate::engine::value::compare;

/// A comparison that must be fulfilled for somebody to act: all members of a group make it, or a rule that
/// can end a position.
#[derive(Clone, Copy, Debug)]
pub(super) struct GateTest {
    pub(super) slot: SlotId,
    pub(super) comparison: Comparison,
    pub(super) right: GateRight,
}

plain!(struct GateTest { slot, comparison, right });

/// What a [`GateTest`] compares with.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum GateRight {
    /// A number: in a group the loosest threshold of the members that watch for S1.
    Number(f64),
    /// Another slot × multiplier + offset.
    Slot(SlotId, f64, f64),
}

plain!(
    enum GateRight {
        Number(number),
        Slot(slot, multiplier, offset),
    }
);

impl GateTest {
    /// The test of a condition that compares a slot with a number or another slot.
    pub(super) fn of(test: &Test) -> Option<GateTest> {
        let Source::Slot(slot) = test.left else { return None };
        let right = match test.right {
            Right::Value(number) => GateRight::Number(number),
            Right::Other(Source::Slot(other), multiplier, offset) => {
                GateRight::Slot(other, multiplier, offset)
            }
            _ => return None,
        };
        let is_ordered = !matches!(test.comparison, Comparison::Equal | Comparison::NotEqual);
        is_ordered.then_some(GateTest { slot, comparison: test.comparison, right })
    }

    /// Whether it is fulfilled now.
    #[inline]
    pub(super) fn ask(&self, set: &mut IndicatorSet, look: Look<'_>) -> Result<bool, Missing> {
        let value = set.value(self.slot, look)?;
        let right = match self.right {
            GateRight::Number(number) => number,
            GateRight::Slot(other, multiplier, offset) => set.value(other, look)? * multiplier + offset,
        };
        Ok(compare(value, self.comparison, right))
    }

    /// Whether both make the same comparison, thresholds aside.
    pub(super) fn is_like(&self, other: &GateTest) -> bool {
        let is_like = match (self.right, other.right) {
            (GateRight::Number(_), GateRight::Number(_)) => true,
            (one, another) => one == another,
        };
        self.slot == other.slot && self.comparison == other.comparison && is_like
    }

    /// The number it compares with; not a number where that is another slot.
    pub(super) fn threshold(&self) -> f64 {
        match self.right {
            GateRight::Number(number) => number,
            GateRight::Slot(..) => f64::NAN,
        }
    }
}
