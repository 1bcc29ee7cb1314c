//! What is done in a round: a fault with parameters drawn from the seed, whatever makes it bite, and what it may cost.

use std::time::Duration;
use tradingd::domain::rng::Rng;
use tradingd::rehearsal::{Fault, Kind};

/// A symbol's place.
pub type Place = usize;

/// What a fault may cost the recording.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expect {
    /// Nothing: no gap, no resync, no new connection.
    Whole,
    /// Books are fetched anew behind holes, and nothing else happens.
    Hole,
    /// The connection: a gap in everything, and another connection.
    Lost,
    /// A symbol's streams for a while; the connection and the other symbol stay.
    Silenced(Place),
    /// A symbol's streams for good, with a lost connection.
    GivenUp(Place),
}

/// When a fault is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Over {
    /// With its injection.
    AtOnce,
    /// When this has happened so often; what is left of it may stay.
    Struck(Kind, u64),
    /// When it is used up, or its time is.
    Off,
}

/// One round.
#[derive(Clone, Debug)]
pub struct Plan {
    pub faults: Vec<Fault>,
    pub expect: Expect,
    pub over: Over,
    /// Whether funding is paid behind it, which must be recorded.
    pub pays_funding: bool,
}

/// Shorter than the client's patience for pongs and data, and longer.
pub const PATIENCE: Duration = Duration::from_millis(1_500);

impl Plan {
    fn of(faults: Vec<Fault>, expect: Expect, over: Over) -> Plan {
        Plan { faults, expect, over, pays_funding: false }
    }

    pub fn kind(&self) -> Kind {
        self.faults[0].fault
    }

    /// Of a kind: the first fault is of it.
    pub fn draw(kind: Kind, rng: &mut Rng, symbols: &[String]) -> Plan {
        let place = usize::try_from(rng.below(symbols.len() as u64)).unwrap();
        let mut draw = Draw { kind, place, symbol: symbols[place].clone(), rng };
        draw.rest().or_else(|| draw.frames()).or_else(|| draw.sockets()).unwrap_or_else(|| draw.exchange())
    }
}

/// Rng, and what it chose already.
struct Draw<'a> {
    kind: Kind,
    place: Place,
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
        Fault { symbol: Some(self.symbol.clone()), count, ..Fault::new(Kind::SkipVersions) }
    }

    /// Faults of answers bite when a book is fetched: behind a hole, or on a new connection.
    fn rest(&mut self) -> Option<Plan> {
        let mut fault = self.fault();
        fault.times = self.times(3);
        match self.kind {
            Kind::SnapshotStale | Kind::SnapshotBack => fault.symbol = Some(self.symbol.clone()),
            Kind::Throttled
            | Kind::TooMany
            | Kind::Denied
            | Kind::Gateway
            | Kind::Empty
            | Kind::Truncated
            | Kind::Maintenance
            | Kind::Maintenance604
            | Kind::NotAllowed
            | Kind::Internal
            | Kind::TimeWindow
            | Kind::ResetBefore => fault.path = Some("/depth/".to_owned()).filter(|_| !self.rng.once_in(3)),
            Kind::Late | Kind::ResetAfter => {
                fault.path = Some("/depth/".to_owned());
                fault.ms = Some(self.rng.between(50, 1_200));
            }
            Kind::FundingMissing => {
                fault.times = self.times(2);
                let faults = vec![fault, Fault::new(Kind::Disconnect)];
                return Some(Plan {
                    pays_funding: true,
                    ..Plan::of(faults, Expect::Lost, Over::Struck(self.kind, 1))
                });
            }
            _ => return None,
        }
        let (second, expect) = if self.rng.once_in(2) {
            (Fault::new(Kind::Disconnect), Expect::Lost)
        } else {
            (self.skip(), Expect::Hole)
        };
        // The first book that is asked for may be the current one.
        let over = if self.kind == Kind::SnapshotBack { Over::AtOnce } else { Over::Struck(self.kind, 1) };
        Some(Plan::of(vec![fault, second], expect, over))
    }

    /// Faults of frames and of time.
    fn frames(&mut self) -> Option<Plan> {
        let mut fault = self.fault();
        let (expect, over) = match self.kind {
            Kind::SkipVersions => {
                fault = self.skip();
                fault.symbol = self.maybe_symbol();
                (Expect::Hole, Over::AtOnce)
            }
            Kind::DepthRepeated | Kind::DealsRepeated | Kind::DealObject | Kind::DealsWithoutId => {
                fault.symbol = self.maybe_symbol();
                fault.times = self.times(10);
                (Expect::Whole, Over::Off)
            }
            Kind::DepthReordered | Kind::DealsReordered => {
                fault.symbol = self.maybe_symbol();
                fault.times = self.times(3);
                (if self.kind == Kind::DepthReordered { Expect::Hole } else { Expect::Whole }, Over::Off)
            }
            Kind::DepthLate => {
                fault.ms = Some(self.rng.between(50, 700));
                fault.for_ms = Some(self.rng.between(200, 900));
                (Expect::Whole, Over::Off)
            }
            Kind::DealsTwin => {
                fault.symbol = self.maybe_symbol();
                (Expect::Whole, Over::AtOnce)
            }
            Kind::Burst => {
                fault.symbol = Some(self.symbol.clone());
                fault.count = Some(self.rng.between(50, 600));
                (Expect::Whole, Over::AtOnce)
            }
            Kind::TsShifted | Kind::TsText | Kind::TsMissing => {
                fault.times = self.times(30);
                fault.ms = Some(self.rng.between(-90_000, 90_000));
                (Expect::Whole, Over::Off)
            }
            Kind::ClockSkew => {
                fault.ms = Some(self.rng.between(-15_000, 15_000));
                (Expect::Whole, Over::AtOnce)
            }
            _ => return None,
        };
        Some(Plan::of(vec![fault], expect, over))
    }

    fn sockets(&mut self) -> Option<Plan> {
        let mut fault = self.fault();
        let disconnect = || Fault::new(Kind::Disconnect);
        Some(match self.kind {
            Kind::Disconnect | Kind::GoingAway => {
                // Now and then once more, while it is still being repaired.
                let again = Fault { at_ms: self.rng.between(200, 3_000), ..fault.clone() };
                let faults = if self.rng.once_in(3) { vec![fault, again] } else { vec![fault] };
                let count = faults.len() as u64;
                Plan::of(faults, Expect::Lost, Over::Struck(self.kind, count))
            }
            Kind::HalfOpen => Plan::of(vec![fault], Expect::Lost, Over::AtOnce),
            Kind::Malformed => {
                let form = self.rng.between(0, 13);
                fault.count = Some(form);
                let expect = match form {
                    6 | 7 => Expect::Lost,
                    1 | 11 | 12 => Expect::Hole,
                    _ => Expect::Whole,
                };
                Plan::of(vec![fault], expect, Over::AtOnce)
            }
            Kind::PongLate | Kind::PongDouble => {
                fault.ms = Some(self.rng.between(50, 700));
                fault.times = self.times(3);
                Plan::of(vec![fault], Expect::Whole, Over::Off)
            }
            Kind::PongMissing if self.rng.once_in(3) => {
                fault.times = self.times(2);
                Plan::of(vec![fault], Expect::Whole, Over::Off)
            }
            Kind::PongMissing => {
                fault.for_ms = Some(self.rng.between(2_600, 3_000));
                Plan::of(vec![fault], Expect::Lost, Over::Off)
            }
            Kind::Silent => {
                fault.for_ms = Some(self.rng.between(2_600, 3_400));
                fault.symbol = self.maybe_symbol();
                let expect = if fault.symbol.is_some() { Expect::Silenced(self.place) } else { Expect::Lost };
                Plan::of(vec![fault], expect, Over::Off)
            }
            Kind::AckLost => {
                fault.times = self.times(8);
                Plan::of(vec![fault, disconnect()], Expect::Lost, Over::Struck(self.kind, 1))
            }
            Kind::RefuseSymbol => {
                fault.symbol = Some(self.symbol.clone());
                Plan::of(vec![fault, disconnect()], Expect::GivenUp(self.place), Over::Struck(self.kind, 1))
            }
            _ => return None,
        })
    }

    /// The exchange as a whole, and everything that is nothing to a recording.
    fn exchange(&mut self) -> Plan {
        let mut fault = self.fault();
        match self.kind {
            Kind::Restart => {
                fault.ms = Some(self.rng.between(100, 2_500));
                Plan::of(vec![fault], Expect::Lost, Over::AtOnce)
            }
            Kind::RestartSilent => {
                fault.ms = Some(self.rng.between(100, 500));
                fault.for_ms = Some(self.rng.between(500, 2_800));
                Plan::of(vec![fault], Expect::Lost, Over::AtOnce)
            }
            Kind::Delisted => {
                fault.symbol = self.maybe_symbol();
                let back = Fault { at_ms: self.rng.between(100, 900), ..Fault::new(Kind::Relisted) };
                Plan::of(vec![fault, back], Expect::Whole, Over::Struck(Kind::Relisted, 1))
            }
            Kind::Funding => {
                fault.rate = Some(self.rng.between(-300, -1) as f64 / 100_000.0);
                fault.count = Some(4);
                Plan { pays_funding: true, ..Plan::of(vec![fault], Expect::Whole, Over::AtOnce) }
            }
            _ => {
                fault.symbol = self.maybe_symbol();
                // Of sockets it is the number of one.
                let is_of_sockets = matches!(self.kind, Kind::UnknownFrames | Kind::SessionLost);
                fault.count = Some(self.rng.between(1, 5)).filter(|_| !is_of_sockets);
                fault.ms = Some(self.rng.between(1, 2_000));
                fault.times = self.times(5);
                Plan::of(vec![fault], Expect::Whole, Over::AtOnce)
            }
        }
    }
}
