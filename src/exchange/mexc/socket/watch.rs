//! Watchdogs of a connection and of the local clock. Times are arguments.

use crate::domain::time::{Span, Timestamp};

/// How long a socket may be silent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// Interval between pings.
    pub ping: Span,
    /// Timeout of a pong.
    pub pong: Span,
    /// Longest time without market data.
    pub silence: Span,
}

/// What to do with a socket now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SocketVerdict {
    /// Nothing.
    Fine,
    /// Send a ping.
    Ping,
    /// Close it: no pong arrived.
    NoPong,
    /// Close it: no market data arrived.
    Silent,
}

/// Liveness of one connection, on the steady clock.
#[derive(Clone, Copy, Debug)]
pub struct SocketWatch {
    patience: Patience,
    ping_due: Span,
    /// Time of the oldest unanswered ping.
    unanswered_since: Option<Span>,
    served_at: Span,
}

impl SocketWatch {
    /// For a connection that opened now; the first ping is due.
    pub fn new(patience: Patience, now: Span) -> Self {
        SocketWatch { patience, ping_due: now, unanswered_since: None, served_at: now }
    }

    /// Any pong answers all pings: the exchange sends one or two per ping.
    pub fn pong(&mut self) {
        self.unanswered_since = None;
    }

    /// Market data arrived.
    pub fn served(&mut self, now: Span) {
        self.served_at = now;
    }

    /// The action due now. After [`SocketVerdict::Ping`] a ping must be sent.
    pub fn verdict(&mut self, now: Span) -> SocketVerdict {
        let longer = |since: Span, bound: Span| now.nanos() - since.nanos() > bound.nanos();
        if self.unanswered_since.is_some_and(|since| longer(since, self.patience.pong)) {
            return SocketVerdict::NoPong;
        }
        if longer(self.served_at, self.patience.silence) {
            return SocketVerdict::Silent;
        }
        if now < self.ping_due {
            return SocketVerdict::Fine;
        }
        self.ping_due = now + self.patience.ping;
        self.unanswered_since.get_or_insert(now);
        SocketVerdict::Ping
    }
}

/// Detects steps of the wall clock against the steady clock. Slow corrections are not steps.
#[derive(Clone, Copy, Debug)]
pub struct ClockWatch {
    step: Span,
    /// Wall minus steady time at the last check.
    difference: Option<i64>,
}

impl ClockWatch {
    /// `step`: smallest jump that counts as a step.
    pub fn new(step: Span) -> Self {
        ClockWatch { step, difference: None }
    }

    /// Whether the clock jumped since the last check.
    pub fn stepped(&mut self, wall: Timestamp, steady: Span) -> bool {
        let difference = wall.nanos().saturating_sub(steady.nanos());
        let before = self.difference.replace(difference).unwrap_or(difference);
        difference.abs_diff(before) > self.step.nanos().unsigned_abs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        ping: Span::from_seconds(15),
        pong: Span::from_seconds(30),
        silence: Span::from_seconds(30),
    };

    fn s(seconds: i64) -> Span {
        Span::from_seconds(seconds)
    }

    #[test]
    fn pings_go_out_in_time_and_a_late_pong_is_none() {
        let mut watch = SocketWatch::new(PATIENCE, s(0));
        assert_eq!(watch.verdict(s(0)), SocketVerdict::Ping);
        assert_eq!(watch.verdict(s(14)), SocketVerdict::Fine);
        watch.pong();
        watch.pong();
        watch.served(s(15));
        assert_eq!(watch.verdict(s(15)), SocketVerdict::Ping);
        watch.served(s(29));
        assert_eq!(watch.verdict(s(30)), SocketVerdict::Ping);
        watch.served(s(45));
        assert_eq!(watch.verdict(s(45)), SocketVerdict::Ping);
        assert_eq!(watch.verdict(s(46)), SocketVerdict::NoPong, "31 s since the ping at 15 s");
        watch.pong();
        assert_eq!(watch.verdict(s(46)), SocketVerdict::Fine);
    }

    #[test]
    fn a_pong_is_no_market_data() {
        let mut watch = SocketWatch::new(PATIENCE, s(0));
        for second in (0..=30).step_by(15) {
            assert_eq!(watch.verdict(s(second)), SocketVerdict::Ping);
            watch.pong();
        }
        assert_eq!(watch.verdict(s(31)), SocketVerdict::Silent);
    }

    #[test]
    fn a_jump_is_seen_once_and_a_drift_never() {
        let mut watch = ClockWatch::new(Span::from_millis(500));
        let wall = |ms: i64| Timestamp::from_seconds(1_700_000_000) + Span::from_millis(ms);
        assert!(!watch.stepped(wall(0), s(0)));
        for second in 1..1_000 {
            assert!(!watch.stepped(wall(second * 1_100), s(second)), "a tenth fast");
        }
        let here = 999 * 1_100;
        assert!(watch.stepped(wall(here + 1_000 + 501), s(1_000)));
        assert!(!watch.stepped(wall(here + 2_000 + 501), s(1_001)));
        assert!(watch.stepped(wall(here), s(1_002)), "back");
        assert!(!watch.stepped(wall(here + 1_000), s(1_003)));
    }
}
