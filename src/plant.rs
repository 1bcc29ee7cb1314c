//! Defects that the simulation test plants into the program, to show that it finds them
//! ([ADR 27](../docs/adr/027-one-driver-and-its-ports.md)).
//!
//! Invariant: a build without debug assertions, as every release is, has neither the defects nor a way to
//! choose one.

/// A defect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Plant {
    /// An execution that the venue reports again is counted again.
    ExecutionCountedTwice,
    /// An order is handed to the gateway twice.
    OrderSentTwice,
    /// A restart goes on from the last row instead of the last commit, so timers in between are lost.
    TimerLostOverARestart,
    /// After a restart entries are allowed where an execution fits no order.
    HaltLostOverARestart,
    /// A command of a person is carried out and not written down.
    CommandNotJournaled,
    /// Funding is shown with the position and does not reach the cash.
    FundingNotBooked,
}

impl Plant {
    /// All, with the names under which `tests/world/plant` chooses them.
    pub const ALL: [(Plant, &'static str); 6] = [
        (Plant::ExecutionCountedTwice, "execution_counted_twice"),
        (Plant::OrderSentTwice, "order_sent_twice"),
        (Plant::TimerLostOverARestart, "timer_lost_over_a_restart"),
        (Plant::HaltLostOverARestart, "halt_lost_over_a_restart"),
        (Plant::CommandNotJournaled, "command_not_journaled"),
        (Plant::FundingNotBooked, "funding_not_booked"),
    ];
}

#[cfg(debug_assertions)]
thread_local! {
    static CHOSEN: std::cell::Cell<Option<Plant>> = const { std::cell::Cell::new(None) };
}

/// Plants a defect into what this thread does from here on, in place of the one before.
#[cfg(debug_assertions)]
pub fn choose(plant: Option<Plant>) {
    CHOSEN.set(plant);
}

/// Whether a defect is planted here.
#[cfg(debug_assertions)]
pub(crate) fn is_planted(plant: Plant) -> bool {
    CHOSEN.get() == Some(plant)
}

/// None is.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub(crate) const fn is_planted(_: Plant) -> bool {
    false
}
