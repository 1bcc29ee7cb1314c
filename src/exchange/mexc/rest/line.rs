//! Queue of calls in front of one budget: first come, first served, for a bounded time.

use super::budget::{Budget, CallTurn, RateVerdict, Shift, Ticket};
use crate::clock::{self, TaskClock};
use crate::domain::time::Span;
use crate::limits;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};

/// A queue in front of a budget. A call that leaves before its turn costs nothing.
pub struct Line {
    budget: Mutex<Budget>,
    /// Held by the first in the queue. The mutex is fair, so the others follow in order of arrival.
    first: tokio::sync::Mutex<()>,
    permits: Semaphore,
    /// Signalled when a call is answered: the trial may be over.
    answered: Notify,
}

impl Line {
    pub fn new(budget: Budget) -> Self {
        let permits = Semaphore::new(limits::EXCHANGE_WAITING_CALLS);
        Line {
            budget: Mutex::new(budget),
            first: tokio::sync::Mutex::new(()),
            permits,
            answered: Notify::new(),
        }
    }

    /// Waits until a call may be sent; `None` when that takes longer than `patience` or too many calls wait.
    pub async fn turn<'a>(
        &'a self,
        clock: &'a TaskClock,
        is_depth: bool,
        patience: Span,
    ) -> Option<Sent<'a>> {
        let _permit = self.permits.try_acquire().ok()?;
        let patience = Duration::from_nanos(patience.nanos().max(0).unsigned_abs());
        tokio::time::timeout(patience, self.reach(clock, is_depth)).await.ok()
    }

    async fn reach<'a>(&'a self, clock: &'a TaskClock, is_depth: bool) -> Sent<'a> {
        let _first = self.first.lock().await;
        loop {
            let now = clock.steady();
            let turn = self.budget().take(now, is_depth);
            match turn {
                CallTurn::Now(ticket) => return Sent { line: self, clock, ticket, is_answered: false },
                CallTurn::At(at) => {
                    tokio::time::sleep(Duration::from_nanos((at.nanos() - now.nanos()).max(0).unsigned_abs()))
                        .await
                }
                CallTurn::AfterTrial => self.answered.notified().await,
            }
        }
    }

    fn budget(&self) -> MutexGuard<'_, Budget> {
        // No code that can panic leaves the budget half changed.
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call whose turn has come. Dropped without an answer, it counts as [`RateVerdict::Unknown`].
pub struct Sent<'a> {
    line: &'a Line,
    clock: &'a TaskClock,
    ticket: Ticket,
    is_answered: bool,
}

impl Sent<'_> {
    /// Records the outcome of the call.
    pub fn validate(mut self, verdict: RateVerdict) -> Shift {
        self.is_answered = true;
        self.answer(verdict)
    }

    fn answer(&self, verdict: RateVerdict) -> Shift {
        let shift = self.line.budget().validate(self.ticket, verdict, self.clock.steady(), jitter());
        // Wakes the first in the queue; when nobody waits, the stored permit costs the next one an extra
        // check.
        self.line.answered.notify_one();
        shift
    }
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.answer(RateVerdict::Unknown);
        }
    }
}

/// A value from 0 to 1, different for every call.
pub fn jitter() -> f64 {
    f64::from(clock::entropy()) / f64::from(1 << 24)
}
