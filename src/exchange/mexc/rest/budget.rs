//! Rate limiting: when the next call of a kind may be sent. Time is an argument; nothing waits here.
//!
//! A call is counted when it is sent, so one that stops waiting costs nothing. The exchange counts in fixed
//! windows; calls are counted over any span of a window's length, so unused capacity is not carried over.

use crate::domain::time::Span;
use std::collections::VecDeque;

/// Kinds of calls. Market data, account reads, orders and cancels have separate budgets, so market data
/// cannot delay an order; books and tickers share the market data budget and have a tighter limit besides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallGroup {
    /// Public market data.
    Market,
    /// Books and tickers: market data with an additional limit.
    Depth,
    /// Signed reads.
    Account,
    /// Orders that open or enlarge a position.
    Order,
    /// Orders that close a position, and stops that are placed: entries never delay them.
    Exit,
    /// Moves of stops: they delay no exit.
    Move,
    /// Changes of leverage, of which the exchange allows few: they delay no cancel.
    Leverage,
    /// Cancels and other signed writes.
    Cancel,
}

/// Longest pause after "too frequent", before jitter adds up to half. The first call after a ban of any
/// length comes within nine seconds of its end.
const LONGEST_STOP: Span = Span::from_seconds(6);

/// After this long without "too frequent" the next pause starts short again.
const CLEAN: Span = Span::from_seconds(60);

/// Sliding window: at most `calls` calls in any span of `length`.
#[derive(Clone, Debug)]
pub struct CallWindow {
    calls: usize,
    length: Span,
    /// Send times of the most recent calls, oldest first; at most `calls`.
    sent: VecDeque<Span>,
}

impl CallWindow {
    /// An empty window; `calls` is at least 1.
    pub fn new(calls: u32, length: Span) -> Self {
        CallWindow { calls: calls.max(1) as usize, length, sent: VecDeque::new() }
    }

    /// When there is room for one more call.
    fn free_at(&self) -> Span {
        if self.sent.len() < self.calls { Span::ZERO } else { self.sent[0] + self.length }
    }

    fn add(&mut self, now: Span) {
        if self.sent.len() == self.calls {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
    }
}

/// Rate limit of one budget. While the exchange rejects calls as too frequent, only one call at a time is
/// tried.
#[derive(Clone, Debug)]
pub struct Budget {
    all: CallWindow,
    depth: CallWindow,
    refusal: Option<RateLimited>,
    first_stop: Span,
    next_stop: Span,
    /// Number of pauses so far.
    stops: u64,
    /// End of the last pause.
    stopped_until: Span,
}

/// The exchange is rejecting calls as too frequent.
#[derive(Clone, Copy, Debug)]
struct RateLimited {
    since: Span,
    /// A trial call is in flight that shows whether it still does.
    is_tried: bool,
}

/// Whether a call may be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallTurn {
    /// Now; the call is counted as sent.
    Now(Ticket),
    /// Not before this time.
    At(Span),
    /// Not before the trial call in flight is answered.
    AfterTrial,
}

/// A sent call; handed back with its outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket {
    /// Number of pauses when it was sent.
    stops: u64,
    is_trial: bool,
}

/// What an answer says about the rate limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RateVerdict {
    /// The exchange served the call.
    Served,
    /// The exchange answered "too frequent", or its network denied access.
    TooFrequent,
    /// No answer, or one that says nothing about the rate limit.
    Unknown,
}

/// What an answer changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shift {
    /// Nothing.
    None,
    /// The exchange began to reject calls.
    Refused,
    /// It accepts calls again after this long.
    Served(Span),
}

impl Budget {
    /// `all` limits every call, `depth` additionally those of [`CallGroup::Depth`]; `first_stop`: pause after
    /// the first "too frequent".
    pub fn new(all: CallWindow, depth: CallWindow, first_stop: Span) -> Self {
        Budget {
            all,
            depth,
            refusal: None,
            first_stop,
            next_stop: first_stop,
            stops: 0,
            stopped_until: Span::ZERO,
        }
    }

    /// Whether a call may be sent now. After [`CallTurn::Now`] it must be sent, and its outcome passed to
    /// [`Budget::validate`].
    pub fn take(&mut self, now: Span, is_depth: bool) -> CallTurn {
        let free_at =
            if is_depth { self.all.free_at().max(self.depth.free_at()) } else { self.all.free_at() };
        let at = free_at.max(self.stopped_until);
        if now < at {
            return CallTurn::At(at);
        }
        let is_trial = match &mut self.refusal {
            Some(refusal) if refusal.is_tried => return CallTurn::AfterTrial,
            Some(refusal) => {
                refusal.is_tried = true;
                true
            }
            None => false,
        };
        self.all.add(now);
        if is_depth {
            self.depth.add(now);
        }
        CallTurn::Now(Ticket { stops: self.stops, is_trial })
    }

    /// Outcome of a call. After "too frequent" nothing is sent for a while, longer each time; `jitter`, from
    /// 0 to 1, adds up to half.
    pub fn validate(&mut self, ticket: Ticket, verdict: RateVerdict, now: Span, jitter: f64) -> Shift {
        // Calls sent together are rejected together, which counts once; an answer to a call from before the
        // last pause proves nothing.
        if ticket.stops != self.stops {
            return Shift::None;
        }
        match (verdict, &mut self.refusal) {
            (RateVerdict::TooFrequent, _) => self.stop(now, jitter),
            (RateVerdict::Served, refusal) => refusal.take().map_or(Shift::None, |over| {
                Shift::Served(Span::from_nanos(now.nanos() - over.since.nanos()))
            }),
            (RateVerdict::Unknown, Some(refusal)) => {
                refusal.is_tried &= !ticket.is_trial;
                Shift::None
            }
            (RateVerdict::Unknown, None) => Shift::None,
        }
    }

    fn stop(&mut self, now: Span, jitter: f64) -> Shift {
        if self.refusal.is_none() && now.nanos() - self.stopped_until.nanos() > CLEAN.nanos() {
            self.next_stop = self.first_stop;
        }
        let length =
            Span::from_nanos((self.next_stop.nanos() as f64 * (1.0 + jitter.clamp(0.0, 1.0) / 2.0)) as i64);
        self.stopped_until = now + length;
        self.next_stop = (self.next_stop + self.next_stop).min(LONGEST_STOP);
        self.stops += 1;
        let shift = if self.refusal.is_none() { Shift::Refused } else { Shift::None };
        let since = self.refusal.map_or(now, |refusal| refusal.since);
        self.refusal = Some(RateLimited { since, is_tried: false });
        shift
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: i64) -> Span {
        Span::from_millis(ms)
    }

    fn budget() -> Budget {
        Budget::new(CallWindow::new(8, ms(2_000)), CallWindow::new(3, ms(2_000)), ms(1_000))
    }

    /// Sends one call as soon as it is allowed, starting at `now`.
    #[track_caller]
    fn send(budget: &mut Budget, now: &mut i64, is_depth: bool) -> Ticket {
        loop {
            match budget.take(ms(*now), is_depth) {
                CallTurn::Now(ticket) => return ticket,
                CallTurn::At(at) => *now = at.nanos() / 1_000_000,
                CallTurn::AfterTrial => panic!("a trial is under way"),
            }
        }
    }

    #[test]
    fn no_span_of_a_window_holds_more_than_its_calls_even_after_a_quiet_time() {
        let mut budget = budget();
        let mut sent = Vec::new();
        for quiet in [0, 60_000, 61_999, 62_001, 500_000] {
            let mut now = quiet;
            for _ in 0..30 {
                let ticket = send(&mut budget, &mut now, false);
                sent.push(now);
                assert_eq!(budget.validate(ticket, RateVerdict::Served, ms(now), 0.0), Shift::None);
            }
        }
        assert!(
            sent.iter()
                .all(|at| sent.iter().filter(|other| (*at..*at + 2_000).contains(*other)).count() <= 8)
        );
        assert_eq!(sent[..9], [0, 0, 0, 0, 0, 0, 0, 0, 2_000]);
    }

    #[test]
    fn books_are_bounded_besides_and_leave_room_for_others() {
        let mut budget = budget();
        let books: Vec<bool> = (0..5).map(|_| matches!(budget.take(ms(0), true), CallTurn::Now(_))).collect();
        assert_eq!(books, [true, true, true, false, false]);
        let others = (0..8).filter(|_| matches!(budget.take(ms(0), false), CallTurn::Now(_))).count();
        assert_eq!(others, 5);
    }

    #[test]
    fn asking_without_sending_costs_nothing() {
        let mut budget = budget();
        let mut now = 0;
        for _ in 0..8 {
            send(&mut budget, &mut now, false);
        }
        for at in 0..2_000 {
            assert_eq!(budget.take(ms(at), false), CallTurn::At(ms(2_000)));
        }
        assert!(matches!(budget.take(ms(2_000), false), CallTurn::Now(_)));
    }

    #[test]
    fn too_frequent_stops_longer_each_time_and_one_call_tries() {
        let mut budget = budget();
        let mut now = 0;
        let together = [send(&mut budget, &mut now, false), send(&mut budget, &mut now, false)];
        assert_eq!(budget.validate(together[0], RateVerdict::TooFrequent, ms(100), 0.0), Shift::Refused);
        assert_eq!(
            budget.validate(together[1], RateVerdict::TooFrequent, ms(150), 0.0),
            Shift::None,
            "of the same burst"
        );
        assert_eq!(
            budget.validate(together[1], RateVerdict::Served, ms(150), 0.0),
            Shift::None,
            "sent before the refusal"
        );
        for stop in [1_000, 2_000, 4_000, 6_000, 6_000] {
            let begun = if stop == 1_000 { 100 } else { now };
            assert_eq!(budget.take(ms(begun), false), CallTurn::At(ms(begun + stop)));
            now = begun;
            let trial = send(&mut budget, &mut now, false);
            assert_eq!((now, budget.take(ms(now), false)), (begun + stop, CallTurn::AfterTrial));
            assert_eq!(budget.validate(trial, RateVerdict::TooFrequent, ms(now), 0.0), Shift::None);
        }
        let trial = send(&mut budget, &mut now, false);
        assert_eq!(budget.validate(trial, RateVerdict::Unknown, ms(now), 0.0), Shift::None);
        let trial = send(&mut budget, &mut now, false);
        assert_eq!(budget.validate(trial, RateVerdict::Served, ms(now), 0.0), Shift::Served(ms(now - 100)));
        let next = send(&mut budget, &mut now, false);
        assert_eq!(budget.validate(next, RateVerdict::TooFrequent, ms(now), 1.0), Shift::Refused);
        assert_eq!(
            budget.take(ms(now), false),
            CallTurn::At(ms(now + 9_000)),
            "not clean for long enough, and with all the jitter"
        );
        now += 200_000;
        let trial = send(&mut budget, &mut now, false);
        budget.validate(trial, RateVerdict::Served, ms(now), 0.0);
        let next = send(&mut budget, &mut now, false);
        budget.validate(next, RateVerdict::TooFrequent, ms(now), 0.0);
        assert_eq!(budget.take(ms(now), false), CallTurn::At(ms(now + 1_000)), "short again");
    }
}
