//! What the venue says of positions and orders, compared with what the executions made of them.
//!
//! Invariant: a difference is acted upon only when it is seen twice, and the executions that could explain it were read in between.

use super::Hold;
use super::book::Book;
use crate::domain::num::Qty;
use crate::domain::symbol::SymbolId;
use crate::domain::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// A position as the venue lists it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PositionFact {
    /// Which one.
    pub hold: Hold,
    /// The venue's number.
    pub number: u64,
    /// Lots.
    pub qty: Qty,
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

/// Compares report after report.
#[derive(Clone, Default, Debug)]
pub(super) struct Reconciliation {
    /// Differences of the last report.
    seen: BTreeMap<Hold, Difference>,
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
    pub proven: BTreeMap<Hold, Difference>,
}

impl Reconciliation {
    /// Compares a report with the book. `has_orders`: whether an order of ours is among those that it lists.
    pub fn compare(
        &mut self,
        book: &Book,
        report: &Report,
        has_orders: bool,
        asked: Timestamp,
        now: Timestamp,
    ) -> Found {
        let differences = differences(book, report);
        let mut found = Found::default();
        for (hold, difference) in &differences {
            if self.seen.get(hold) != Some(difference) {
                self.explained.remove(&hold.symbol);
                found.suspected.insert(hold.symbol);
            } else if !self.explained.contains(&hold.symbol) {
                found.suspected.insert(hold.symbol);
            } else {
                found.proven.insert(*hold, *difference);
            }
        }
        if differences.is_empty() {
            (self.equal_at, self.equal_asked) = (Some(now), Some(asked));
        }
        let is_theirs =
            |difference: &Difference| matches!(difference, Difference::More { ours: Qty::ZERO, .. });
        if found.suspected.is_empty() && differences.values().all(is_theirs) && !has_orders {
            self.nothing_of_ours_at = Some(now);
        }
        (self.seen, self.is_compared) = (differences, true);
        found
    }

    /// All executions that could explain a difference on a symbol were read.
    pub fn executions_read(&mut self, symbol: SymbolId) {
        self.explained.insert(symbol);
    }

    /// Whether the venue has more of a position than the session, as far as is known.
    pub fn is_more(&self, hold: Hold) -> bool {
        matches!(self.seen.get(&hold), Some(Difference::More { .. }))
    }

    /// Whether both sides had the same of a position when they were compared last, since the private socket serves.
    pub fn is_equal(&self, hold: Hold) -> bool {
        self.is_compared && !self.seen.contains_key(&hold)
    }

    /// The private socket was lost or is back: what was proven says nothing any more.
    pub fn forget(&mut self) {
        (self.is_compared, self.equal_at, self.nothing_of_ours_at) = (false, None, None);
    }
}

fn differences(book: &Book, report: &Report) -> BTreeMap<Hold, Difference> {
    let mut theirs: BTreeMap<Hold, Qty> = BTreeMap::new();
    for fact in &report.positions {
        *theirs.entry(fact.hold).or_insert(Qty::ZERO) += fact.qty;
    }
    let holds: BTreeSet<Hold> = book.iter().map(|(hold, _)| hold).chain(theirs.keys().copied()).collect();
    let mut differences = BTreeMap::new();
    for hold in holds {
        let (ours, theirs) = (book.qty(hold), theirs.get(&hold).copied().unwrap_or(Qty::ZERO));
        if theirs < ours {
            differences.insert(hold, Difference::Less { ours, theirs });
        } else if theirs > ours {
            differences.insert(hold, Difference::More { ours, theirs });
        }
    }
    differences
}
