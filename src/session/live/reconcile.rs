//! What the venue says of positions and orders, compared with what the executions made of them.
//!
//! Invariants: a difference is acted upon only when it is seen twice, and the executions that could explain
//! it were read in between; a position that nobody is known to have closed is gone only when many reports
//! over a while say so.

use super::PositionKey;
use super::positions::Positions;
use crate::domain::decimal::Decimal;
use crate::domain::num::{Price, Qty};
use crate::domain::symbol::SymbolId;
use crate::domain::time::{Span, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// A position as the venue lists it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PositionFact {
    /// Which one.
    pub key: PositionKey,
    /// The venue's number.
    pub number: u64,
    /// Lots.
    pub qty: Qty,
    /// Margin that backs it, in the currency of settlement; `None`: the venue does not say.
    pub margin: Option<Decimal>,
    /// Price at which the venue liquidates it; `None`: the venue does not say.
    pub liquidation: Option<Decimal>,
}

/// What the venue says of an account at one moment. All of it was read, or there is no report.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Report {
    /// Positions on the session's symbols.
    pub positions: Vec<PositionFact>,
    /// Client ids and numbers of open orders on the session's symbols.
    pub orders: Vec<(Option<String>, u64, SymbolId)>,
}

/// How a position differs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Difference {
    /// The venue has less than the executions that were seen.
    Less { ours: Qty, theirs: Qty },
    /// The venue has more, or one where we have none.
    More { ours: Qty, theirs: Qty },
}

/// For how long a position must be missing that no execution closed until it is gone: a list of the venue may
/// lag.
const GONE_AFTER: Span = Span::from_seconds(20);

/// And in how many reports.
const GONE_REPORTS: u32 = 3;

/// When we asked whose order made an execution.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Asked {
    /// When it was asked first.
    pub since: Timestamp,
    /// When it is asked again; `None`: an answer is awaited.
    pub again: Option<Timestamp>,
}

/// A difference that the last report had.
#[derive(Clone, Copy, Debug)]
struct Seen {
    difference: Difference,
    /// When the first report came that had it, and how many have had it.
    since: Timestamp,
    reports: u32,
}

/// What was booked as closed although no execution closed it: if it shows again, it is ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct WrittenOff {
    pub qty: Qty,
    pub price: Price,
    pub instance: u32,
    /// When the first execution of the position was made.
    pub since: Timestamp,
}

/// Compares report after report.
#[derive(Clone, Default, Debug)]
pub(super) struct Reconciliation {
    /// Differences of the last report.
    seen: BTreeMap<PositionKey, Seen>,
    /// What was booked as closed without an execution.
    pub written_off: BTreeMap<PositionKey, WrittenOff>,
    /// When the last report was asked for.
    compared_asked: Timestamp,
    /// Symbols whose executions were read since a difference was first seen there.
    explained: BTreeSet<SymbolId>,
    /// Whether there was a report since the private socket serves.
    is_compared: bool,
    /// When the last report came that found no difference; none since the private socket was lost.
    pub equal_at: Option<Timestamp>,
    /// When the last report was asked for that found no difference.
    pub equal_asked: Option<Timestamp>,
    /// When the last report came that found nothing but what is not ours.
    pub nothing_of_ours_at: Option<Timestamp>,
}

/// What a report shows.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Found {
    /// Differences for which executions may be missing.
    pub suspected: BTreeSet<SymbolId>,
    /// Differences that were there before, too, and that no execution explains.
    pub proven: BTreeMap<PositionKey, Difference>,
}

impl Reconciliation {
    /// Compares a report with the positions. `has_orders`: whether an order of ours is among those that it
    /// lists.
    pub fn compare(
        &mut self,
        positions: &Positions,
        report: &Report,
        has_orders: bool,
        asked: Timestamp,
        now: Timestamp,
    ) -> Found {
        let differences = differences(positions, report);
        let mut found = Found::default();
        for (key, difference) in &differences {
            if self.seen.get(key).map(|seen| seen.difference) != Some(*difference) {
                self.explained.remove(&key.symbol);
                found.suspected.insert(key.symbol);
            } else if !self.explained.contains(&key.symbol) {
                found.suspected.insert(key.symbol);
            } else {
                found.proven.insert(*key, *difference);
            }
        }
        if differences.is_empty() {
            (self.equal_at, self.equal_asked) = (Some(now), Some(asked));
        }
        let is_theirs = |(key, difference): (&PositionKey, &Difference)| {
            matches!(difference, Difference::More { ours: Qty::ZERO, .. })
                && !self.written_off.contains_key(key)
        };
        if found.suspected.is_empty() && differences.iter().all(is_theirs) && !has_orders {
            self.nothing_of_ours_at = Some(now);
        }
        self.see(differences, now);
        (self.is_compared, self.compared_asked) = (true, asked);
        found
    }

    fn see(&mut self, differences: BTreeMap<PositionKey, Difference>, now: Timestamp) {
        let before = std::mem::take(&mut self.seen);
        let see = |(key, difference)| {
            let again = before.get(&key).filter(|seen| seen.difference == difference);
            let (since, reports) = again.map_or((now, 0), |seen| (seen.since, seen.reports));
            (key, Seen { difference, since, reports: reports + 1 })
        };
        self.seen = differences.into_iter().map(see).collect();
    }

    /// Whether what is missing has been missing for so long that it is gone.
    pub fn is_gone(&self, key: PositionKey, now: Timestamp) -> bool {
        self.seen.get(&key).is_some_and(|seen| now - seen.since >= GONE_AFTER && seen.reports >= GONE_REPORTS)
    }

    /// Symbols of which the venue shows less than the session has.
    pub fn missing(&self) -> impl Iterator<Item = SymbolId> + '_ {
        let is_less = |seen: &Seen| matches!(seen.difference, Difference::Less { .. });
        self.seen.iter().filter(move |(_, seen)| is_less(seen)).map(|(key, _)| key.symbol)
    }

    /// Lots that the venue has of a position; `None`: they were not compared since the private socket serves.
    pub fn theirs(&self, key: PositionKey, positions: &Positions) -> Option<Qty> {
        let theirs = match self.seen.get(&key).map(|seen| seen.difference) {
            Some(Difference::Less { theirs, .. } | Difference::More { theirs, .. }) => theirs,
            None => positions.qty(key),
        };
        self.is_compared.then_some(theirs)
    }

    /// Takes back lots of a position that were booked as closed and that the venue has.
    pub fn take_back(&mut self, key: PositionKey, more: Qty) -> Option<WrittenOff> {
        let mut back = self.written_off.remove(&key)?;
        let rest = back.qty - more.min(back.qty);
        if !rest.is_zero() {
            self.written_off.insert(key, WrittenOff { qty: rest, ..back });
        }
        back.qty -= rest;
        Some(back)
    }

    /// What was booked as closed without an execution.
    pub fn write_off(&mut self, key: PositionKey, off: WrittenOff) {
        self.written_off.entry(key).and_modify(|known| known.qty += off.qty).or_insert(off);
    }

    /// All executions that could explain a difference on a symbol were read.
    pub fn executions_read(&mut self, symbol: SymbolId) {
        self.explained.insert(symbol);
    }

    /// Whether the venue has more of a position than the session, as far as is known.
    pub fn is_more(&self, key: PositionKey) -> bool {
        matches!(self.seen.get(&key), Some(Seen { difference: Difference::More { .. }, .. }))
    }

    /// Whether both sides had the same of a position in a report that was asked for after a moment, since the
    /// private socket serves.
    pub fn is_equal(&self, key: PositionKey, after: Timestamp) -> bool {
        self.is_compared && self.compared_asked > after && !self.seen.contains_key(&key)
    }

    /// Whether there was a report since the private socket serves.
    pub fn is_compared(&self) -> bool {
        self.is_compared
    }

    /// The private socket was lost or is back: what was proven says nothing any more.
    pub fn forget(&mut self) {
        (self.is_compared, self.equal_at, self.nothing_of_ours_at) = (false, None, None);
        self.seen.clear();
        self.explained.clear();
    }
}

fn differences(positions: &Positions, report: &Report) -> BTreeMap<PositionKey, Difference> {
    let mut theirs: BTreeMap<PositionKey, Qty> = BTreeMap::new();
    for fact in &report.positions {
        *theirs.entry(fact.key).or_insert(Qty::ZERO) += fact.qty;
    }
    let keys: BTreeSet<PositionKey> =
        positions.iter().map(|(key, _)| key).chain(theirs.keys().copied()).collect();
    let mut differences = BTreeMap::new();
    for key in keys {
        let (ours, theirs) = (positions.qty(key), theirs.get(&key).copied().unwrap_or(Qty::ZERO));
        if theirs < ours {
            differences.insert(key, Difference::Less { ours, theirs });
        } else if theirs > ours {
            differences.insert(key, Difference::More { ours, theirs });
        }
    }
    differences
}
