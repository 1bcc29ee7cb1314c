//! Plan of a round: a fault with parameters drawn from the seed, a second fault that makes it take effect
//! where needed, and the expected damage.

use std::time::Duration;
use tradingd::domain::rng::Rng;
use tradingd::rehearsal::{Fault, FaultKind};

/// Index of a symbol.
pub type SymbolIndex = usize;

/// Expected effect of a fault on the recording.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expect {
    /// No gap, no resync, no reconnect.
    Whole,
    /// Only version holes in books, which are fetched again.
    Hole,
    /// A lost connection: a gap in every stream, and a reconnect.
    Lost,
    /// A temporary gap in one symbol's streams; the connection and the other symbol are not affected.
    Silenced(SymbolIndex),
    /// A lost connection after which one symbol stays unsubscribed.
    GivenUp(SymbolIndex),
}

/// When a fault counts as over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Over {
    /// As soon as it is injected.
    AtOnce,
    /// When the kind has happened this many times; further occurrences are allowed.
    Struck(FaultKind, u64),
    /// When its count or its time is used up.
    Off,
}

/// Plan of one round.
#[derive(Clone, Debug)]
pub struct Plan {
    pub faults: Vec<Fault>,
    pub expect: Expect,
    pub over: Over,
    /// Whether funding is paid after the fault, which must be recorded.
    pub pays_funding: bool,
}

/// The client's timeout for pongs and data; faults are drawn shorter or longer than this.
pub const PATIENCE: Duration = Duration::from_millis(1_500);

impl Plan {
    fn of(faults: Vec<Fault>, expect: Expect, over: Over) -> Plan {
        Plan { faults, expect, over, pays_funding: false }
    }

    pub fn kind(&self) -> FaultKind {
        self.faults[0].fault
    }

    /// Draws a plan whose first fault is of `kind`.
    pub fn draw(kind: FaultKind, rng: &mut Rng, symbols: &[String]) -> Plan {
        let index = usize::try_from(rng.below(symbols.len() as u64)).unwrap();
        let mut draw = Draw { kind, index, symbol: symbols[index].clone(), rng };
        draw.rest().or_else(|| draw.frames()).or_else(|| draw.sockets()).unwrap_or_else(|| draw.exchange())
    }
}

/// A plan being drawn.
struct Draw<'a> {
    kind: FaultKind,
    index: SymbolIndex,
    symbol: String,
    rng: &'a mut Rng,
}

impl Draw<'_> {
    fn fault(&self) -> Fault {
        Fault::new(self.kind)
    }

    fn times(&mut self, most: i64) -> Option<u32> {
        u32::try_from(self.rng.between(1, most)).ok()
    }

    fn maybe_symbol(&mut self) -> Option<String> {
        self.rng.once_in(2).then(|| self.symbol.clone())
    }

    fn skip(&mut self) -> Fault {
        let count = Some(self.rng.between(1, 50));
        Fault { symbol: Some(self.symbol.clone()), count, ..Fault::new(FaultKind::SkipVersions) }
    }

    /// Faults of REST answers. They take effect when a book is fetched: after a hole or on a new connection.
    fn rest(&mut self) -> Option<Plan> {
        let mut fault = self.fault();
        fault.times = self.times(3);
        match self.kind {
            FaultKind::SnapshotStale | FaultKind::SnapshotBack => fault.symbol = Some(self.symbol.clone()),
            FaultKind::Throttled
            | FaultKind::TooMany
            | FaultKind::Denied
            | FaultKind::Gateway
            | FaultKind::Empty
            | FaultKind::Truncated
            | FaultKind::Maintenance
            | FaultKind::Maintenance604
            | FaultKind::NotAllowed
            | FaultKind::Internal
            | FaultKind::TimeWindow
            | FaultKind::ResetBefore => {
                fault.path = Some("/depth/".to_owned()).filter(|_| !self.rng.once_in(3))
            }
            FaultKind::Late | FaultKind::ResetAfter => {
                fault.path = Some("/depth/".to_owned());
                fault.ms = Some(self.rng.between(50, 1_200));
            }
            FaultKind::FundingMissing => {
                fault.times = self.times(2);
                let faults = vec![fault, Fault::new(FaultKind::Disconnect)];
                return Some(Plan {
                    pays_funding: true,
                    ..Plan::of(faults, Expect::Lost, Over::Struck(self.kind, 1))
                });
            }
            _ => return None,
        }
        let (second, expect) = if self.rng.once_in(2) {
            (Fault::new(FaultKind::Disconnect), Expect::Lost)
        } else {
            (self.skip(), Expect::Hole)
        };
        // With this fault the first fetched book may be the current one, so it need not be noticed.
        let over =
            if self.kind == FaultKind::SnapshotBack { Over::AtOnce } else { Over::Struck(self.kind, 1) };
        Some(Plan::of(vec![fault, second], expect, over))
    }

    /// Faults of WebSocket frames and of clocks.
    fn frames(&mut self) -> Option<Plan> {
        let mut fault = self.fault();
        let (expect, over) = match self.kind {
            FaultKind::SkipVersions => {
                fault = self.skip();
                fault.symbol = self.maybe_symbol();
                (Expect::Hole, Over::AtOnce)
            }
            FaultKind::DepthRepeated
            | FaultKind::DealsRepeated
            | FaultKind::DealObject
            | FaultKind::DealsWithoutId => {
                fault.symbol = self.maybe_symbol();
                fault.times = self.times(10);
                (Expect::Whole, Over::Off)
            }
            FaultKind::DepthReordered | FaultKind::DealsReordered => {
                fault.symbol = self.maybe_symbol();
                fault.times = self.times(3);
                (if self.kind == FaultKind::DepthReordered { Expect::Hole } else { Expect::Whole }, Over::Off)
            }
            FaultKind::DepthLate => {
                fault.ms = Some(self.rng.between(50, 700));
                fault.for_ms = Some(self.rng.between(200, 900));
                (Expect::Whole, Over::Off)
            }
            FaultKind::DealsTwin => {
                fault.symbol = self.maybe_symbol();
                (Expect::Whole, Over::AtOnce)
            }
            FaultKind::Burst => {
                fault.symbol = Some(self.symbol.clone());
                fault.count = Some(self.rng.between(50, 600));
                (Expect::Whole, Over::AtOnce)
            }
            FaultKind::TsShifted | FaultKind::TsText | FaultKind::TsMissing => {
                fault.times = self.times(30);
                fault.ms = Some(self.rng.between(-90_000, 90_000));
                (Expect::Whole, Over::Off)
            }
            FaultKind::ClockSkew => {
                fault.ms = Some(self.rng.between(-15_000, 15_000));
                (Expect::Whole, Over::AtOnce)
            }
            _ => return None,
        };
        Some(Plan::of(vec![fault], expect, over))
    }

    fn sockets(&mut self) -> Option<Plan> {
        let mut fault = self.fault();
        let disconnect = || Fault::new(FaultKind::Disconnect);
        Some(match self.kind {
            FaultKind::Disconnect | FaultKind::GoingAway => {
                // Sometimes again while the connection is still being restored.
                let again = Fault { at_ms: self.rng.between(200, 3_000), ..fault.clone() };
                let faults = if self.rng.once_in(3) { vec![fault, again] } else { vec![fault] };
                let count = faults.len() as u64;
                Plan::of(faults, Expect::Lost, Over::Struck(self.kind, count))
            }
            FaultKind::HalfOpen => Plan::of(vec![fault], Expect::Lost, Over::AtOnce),
            FaultKind::Malformed => {
                let form = self.rng.between(0, 13);
                fault.count = Some(form);
                let expect = match form {
                    6 | 7 => Expect::Lost,
                    1 | 11 | 12 => Expect::Hole,
                    _ => Expect::Whole,
                };
                Plan::of(vec![fault], expect, Over::AtOnce)
            }
            FaultKind::PongLate | FaultKind::PongDouble => {
                fault.ms = Some(self.rng.between(50, 700));
                fault.times = self.times(3);
                Plan::of(vec![fault], Expect::Whole, Over::Off)
            }
            FaultKind::PongMissing if self.rng.once_in(3) => {
                fault.times = self.times(2);
                Plan::of(vec![fault], Expect::Whole, Over::Off)
            }
            FaultKind::PongMissing => {
                fault.for_ms = Some(self.rng.between(2_600, 3_000));
                Plan::of(vec![fault], Expect::Lost, Over::Off)
            }
            FaultKind::Silent => {
                fault.for_ms = Some(self.rng.between(2_600, 3_400));
                fault.symbol = self.maybe_symbol();
                let expect = if fault.symbol.is_some() { Expect::Silenced(self.index) } else { Expect::Lost };
                Plan::of(vec![fault], expect, Over::Off)
            }
            FaultKind::AckLost => {
                fault.times = self.times(8);
                Plan::of(vec![fault, disconnect()], Expect::Lost, Over::Struck(self.kind, 1))
            }
            FaultKind::RefuseSymbol => {
                fault.symbol = Some(self.symbol.clone());
                Plan::of(vec![fault, disconnect()], Expect::GivenUp(self.index), Over::Struck(self.kind, 1))
            }
            _ => return None,
        })
    }

    /// Faults of the whole exchange, and faults that do not affect a recording.
    fn exchange(&mut self) -> Plan {
        let mut fault = self.fault();
        match self.kind {
            FaultKind::Restart => {
                fault.ms = Some(self.rng.between(100, 2_500));
                Plan::of(vec![fault], Expect::Lost, Over::AtOnce)
            }
            FaultKind::RestartSilent => {
                fault.ms = Some(self.rng.between(100, 500));
                fault.for_ms = Some(self.rng.between(500, 2_800));
                Plan::of(vec![fault], Expect::Lost, Over::AtOnce)
            }
            FaultKind::Delisted => {
                fault.symbol = self.maybe_symbol();
                let back = Fault { at_ms: self.rng.between(100, 900), ..Fault::new(FaultKind::Relisted) };
                Plan::of(vec![fault, back], Expect::Whole, Over::Struck(FaultKind::Relisted, 1))
            }
            FaultKind::Funding => {
                fault.rate = Some(self.rng.between(-300, -1) as f64 / 100_000.0);
                fault.count = Some(4);
                Plan { pays_funding: true, ..Plan::of(vec![fault], Expect::Whole, Over::AtOnce) }
            }
            _ => {
                fault.symbol = self.maybe_symbol();
                // For faults of sockets `count` is the number of a socket.
                let is_of_sockets = matches!(self.kind, FaultKind::UnknownFrames | FaultKind::SessionLost);
                fault.count = Some(self.rng.between(1, 5)).filter(|_| !is_of_sockets);
                fault.ms = Some(self.rng.between(1, 2_000));
                fault.times = self.times(5);
                Plan::of(vec![fault], Expect::Whole, Over::AtOnce)
            }
        }
    }
}
