//! Calls of one budget that wait for their turn: first come, first served, for a bounded time.

use super::budget::{Budget, Shift, Ticket, Turn, Verdict};
use crate::clock::{self, TaskClock};
use crate::domain::time::Span;
use crate::limits;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};

/// A line in front of a budget. Who leaves it before the turn comes has cost nothing.
pub struct Line {
    budget: Mutex<Budget>,
    /// Held by the first in line. Fair: the others follow in the order in which they came.
    first: tokio::sync::Mutex<()>,
    places: Semaphore,
    /// A trial was answered.
    answered: Notify,
}

impl Line {
    pub fn new(budget: Budget) -> Self {
        let places = Semaphore::new(limits::EXCHANGE_WAITING_CALLS);
        Line {
            budget: Mutex::new(budget),
            first: tokio::sync::Mutex::new(()),
            places,
            answered: Notify::new(),
        }
    }

    /// Waits until a call may be sent; `None` when that is not within `patience`, or too many wait.
    pub async fn turn<'a>(
        &'a self,
        clock: &'a TaskClock,
        is_depth: bool,
        patience: Span,
    ) -> Option<Sent<'a>> {
        let _place = self.places.try_acquire().ok()?;
        let patience = Duration::from_nanos(patience.nanos().max(0).unsigned_abs());
        tokio::time::timeout(patience, self.reach(clock, is_depth)).await.ok()
    }

    async fn reach<'a>(&'a self, clock: &'a TaskClock, is_depth: bool) -> Sent<'a> {
        let _first = self.first.lock().await;
        loop {
            let now = clock.steady();
            let turn = self.budget().take(now, is_depth);
            match turn {
                Turn::Now(ticket) => return Sent { line: self, clock, ticket, is_judged: false },
                Turn::At(at) => {
                    tokio::time::sleep(Duration::from_nanos((at.nanos() - now.nanos()).max(0).unsigned_abs()))
                        .await
                }
                Turn::AfterTrial => self.answered.notified().await,
            }
        }
    }

    fn budget(&self) -> MutexGuard<'_, Budget> {
        // Every change is complete before anything can panic.
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call whose turn has come. Given up unanswered, it says nothing about the pace.
pub struct Sent<'a> {
    line: &'a Line,
    clock: &'a TaskClock,
    ticket: Ticket,
    is_judged: bool,
}

impl Sent<'_> {
    /// The answer came.
    pub fn validate(mut self, verdict: Verdict) -> Shift {
        self.is_judged = true;
        self.answer(verdict)
    }

    fn answer(&self, verdict: Verdict) -> Shift {
        let shift = self.line.budget().validate(self.ticket, verdict, self.clock.steady(), jitter());
        // Whoever is first in line looks again; when nobody waits the next one finds a permit and looks twice.
        self.line.answered.notify_one();
        shift
    }
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        if !self.is_judged {
            self.answer(Verdict::Unknown);
        }
    }
}

/// 0 to 1, different for every call.
pub fn jitter() -> f64 {
    f64::from(clock::entropy()) / f64::from(1 << 24)
}
