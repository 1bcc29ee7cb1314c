//! What the venue says of positions and orders, compared with what the executions made of them.
//!
//! Invariant: a difference is acted upon only when it is seen twice, with the executions in between asked for.

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
    /// When the last report came that found no difference.
    pub equal_at: Option<Timestamp>,
    /// When the last report came that found nothing but what is not ours.
    pub nothing_of_ours_at: Option<Timestamp>,
}

/// What a report shows.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Found {
    /// Differences seen for the first time: executions may be missing.
    pub suspected: BTreeSet<SymbolId>,
    /// Differences that were there before, too.
    pub proven: BTreeMap<Hold, Difference>,
}

impl Reconciliation {
    /// Compares a report with the book.
    pub fn compare(&mut self, book: &Book, report: &Report, now: Timestamp) -> Found {
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
        let mut found = Found::default();
        for (hold, difference) in &differences {
            if self.seen.get(hold) == Some(difference) {
                found.proven.insert(*hold, *difference);
            } else {
                found.suspected.insert(hold.symbol);
            }
        }
        if differences.is_empty() {
            self.equal_at = Some(now);
        }
        let is_theirs =
            |difference: &Difference| matches!(difference, Difference::More { ours: Qty::ZERO, .. });
        if found.suspected.is_empty() && differences.values().all(is_theirs) {
            self.nothing_of_ours_at = Some(now);
        }
        self.seen = differences;
        found
    }
}
