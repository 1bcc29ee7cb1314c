//! The stop that stands at the venue for every position: placed after the first execution, moved with the engine's stop,
//! proven by a question, cancelled only when the position is gone.
//!
//! Invariant: how long a position has been without a proven stop is always known.

use super::book::Book;
use super::{Act, Hold};
use crate::domain::num::Price;
use crate::domain::symbol::SymbolId;
use crate::domain::time::{Span, Timestamp};
use std::collections::BTreeMap;

/// Tries after which a position that has no stop is closed.
const TRIES: u32 = 3;

/// From a stop that was placed to the question whether it is there, and between two questions.
const ASK_AFTER: Span = Span::from_millis(250);

/// From a stop that was placed to giving up on it.
const GIVE_UP_AFTER: Span = Span::from_millis(1_500);

/// Smallest distance of two moves of a stop.
const MOVE_AFTER: Span = Span::from_seconds(1);

/// From a stop that was cancelled to the next try.
const CANCEL_AGAIN: Span = Span::from_seconds(2);

/// From then on a stop that does not go away keeps entries from its symbol.
const STUCK_AFTER: Span = Span::from_seconds(3);

/// A stop older than this is placed anew before the venue ends it after seven days.
const RENEW_AFTER: Span = Span::from_seconds(6 * 86_400);

/// Where the engine wants a position to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// The position.
    pub hold: Hold,
    /// The stop.
    pub price: Price,
}

/// A stop as the venue lists it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StopFact {
    /// The venue's number.
    pub id: u64,
    /// Number of the position it closes.
    pub position: u64,
    /// Its price.
    pub price: Option<Price>,
    /// The order that it made when it fired.
    pub made: Option<u64>,
    /// Whether it has ended.
    pub is_over: bool,
}

/// How a position is protected, for whoever looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Guarded {
    /// The position.
    pub hold: Hold,
    /// Price of the proven stop.
    pub stop: Option<Price>,
    /// Since when it has none; `None`: it has one.
    pub unprotected_since: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// None is there, as far as is known.
    Absent,
    /// Placed or moved, and not yet seen.
    Sent { at: Timestamp, asked: Timestamp },
    /// Seen in a list.
    Proven,
}

#[derive(Clone, Debug)]
struct Guard {
    wanted: Option<Price>,
    position: Option<u64>,
    stage: Stage,
    standing: Option<(u64, Option<Price>)>,
    placed_at: Timestamp,
    sent_at: Timestamp,
    tries: u32,
    unprotected_since: Option<Timestamp>,
    is_given_up: bool,
}

/// A stop whose position is gone.
#[derive(Clone, Copy, Debug)]
struct Leftover {
    hold: Hold,
    since: Timestamp,
    cancelled_at: Timestamp,
    asked_at: Timestamp,
}

/// All stops of a session.
#[derive(Clone, Default, Debug)]
pub(super) struct Protection {
    guards: BTreeMap<Hold, Guard>,
    /// Stops whose position is gone, by number, until a list of the venue does not have them any more.
    leftovers: BTreeMap<u64, Leftover>,
    /// Orders that fired stops of ours made.
    made: Vec<u64>,
    asked_positions: Option<Timestamp>,
}

/// Orders of fired stops that are remembered.
const MADE_KNOWN: usize = 256;

impl Protection {
    /// Where the engine wants its positions to end now.
    pub fn wanted(&mut self, wanted: &[Wanted]) {
        for Wanted { hold, price } in wanted {
            if let Some(guard) = self.guards.get_mut(hold) {
                guard.wanted = Some(*price);
            }
        }
    }

    /// Follows the positions: a new one is unprotected from now on.
    pub fn follow(&mut self, book: &Book, now: Timestamp) {
        for (hold, _) in book.iter() {
            self.guards.entry(hold).or_insert(Guard {
                wanted: None,
                position: None,
                stage: Stage::Absent,
                standing: None,
                placed_at: now,
                sent_at: Timestamp::MIN,
                tries: 0,
                unprotected_since: Some(now),
                is_given_up: false,
            });
        }
    }

    /// The venue's number of a position.
    pub fn position(&mut self, hold: Hold, number: u64) {
        if let Some(guard) = self.guards.get_mut(&hold) {
            if guard.position.is_some_and(|known| known != number) {
                // Another position: the stop of the one before closes nothing any more.
                if let Some((id, _)) = guard.standing {
                    let at = guard.placed_at;
                    let left = Leftover { hold, since: at, cancelled_at: Timestamp::MIN, asked_at: at };
                    self.leftovers.insert(id, left);
                }
                guard.lose(guard.placed_at);
            }
            guard.position = Some(number);
        }
    }

    /// A stop was not taken.
    pub fn refused(&mut self, hold: Hold) {
        if let Some(guard) = self.guards.get_mut(&hold) {
            guard.stage = if guard.standing.is_some() { Stage::Proven } else { Stage::Absent };
        }
    }

    /// One stop, as it is pushed.
    pub fn told(&mut self, fact: &StopFact, now: Timestamp) {
        self.remember(fact);
        if fact.is_over {
            self.leftovers.remove(&fact.id);
        }
        let guard = self.guards.values_mut().find(|guard| guard.position == Some(fact.position));
        let Some(guard) = guard else { return };
        if !fact.is_over && fact.price.is_some() {
            guard.prove(fact.id, fact.price);
        } else if guard.standing.is_some_and(|(id, _)| id == fact.id) {
            guard.lose(now);
        }
    }

    /// All stops that stand. What is not among them is not there, unless it was sent after they were asked for.
    pub fn listed(&mut self, facts: &[StopFact], asked: Timestamp, now: Timestamp) {
        facts.iter().for_each(|fact| self.remember(fact));
        let stands = |id: &u64| facts.iter().any(|fact| fact.id == *id && !fact.is_over);
        self.leftovers.retain(|id, left| left.cancelled_at >= asked || stands(id));
        for guard in self.guards.values_mut().filter(|guard| guard.sent_at < asked) {
            let found = facts
                .iter()
                .find(|fact| !fact.is_over && fact.price.is_some() && guard.position == Some(fact.position));
            match (found, guard.stage) {
                (Some(fact), _) => guard.prove(fact.id, fact.price),
                (None, Stage::Sent { at, .. }) if now - at < GIVE_UP_AFTER => {}
                (None, Stage::Absent) => {}
                (None, _) => guard.lose(now),
            }
        }
    }

    fn remember(&mut self, fact: &StopFact) {
        if let Some(made) = fact.made.filter(|made| !self.made.contains(made)) {
            if self.made.len() == MADE_KNOWN {
                self.made.remove(0);
            }
            self.made.push(made);
        }
    }

    /// Whether an order of the venue is one that a stop of ours made.
    pub fn made(&self, venue: u64) -> bool {
        self.made.contains(&venue)
    }

    /// What is due now. Gives the symbols that must be closed because no stop can be had.
    pub fn due(&mut self, book: &Book, now: Timestamp, acts: &mut Vec<Act>) -> Vec<Hold> {
        let (mut given_up, mut asks_stops, mut asks_positions) = (Vec::new(), false, false);
        for (hold, guard) in &mut self.guards {
            if book.qty(*hold).is_zero() {
                continue;
            }
            match guard.step(*hold, book, now, acts) {
                Step::Nothing => {}
                Step::AskStops => asks_stops = true,
                Step::AskPositions => asks_positions = true,
                Step::GiveUp => given_up.push(*hold),
            }
        }
        if asks_positions && self.asked_positions.is_none_or(|at| now - at >= ASK_AFTER) {
            self.asked_positions = Some(now);
            acts.push(Act::AskPositions);
        }
        if self.end_flat(book, now, acts) || asks_stops {
            acts.push(Act::AskStops);
        }
        given_up
    }

    /// Stops whose position is gone are cancelled until the venue lists them no more. Whether it is time to ask for the list.
    fn end_flat(&mut self, book: &Book, now: Timestamp, acts: &mut Vec<Act>) -> bool {
        let leftovers = &mut self.leftovers;
        self.guards.retain(|hold, guard| {
            let is_held = !book.qty(*hold).is_zero();
            if let Some((id, _)) = guard.standing.filter(|_| !is_held) {
                let left = Leftover { hold: *hold, since: now, cancelled_at: Timestamp::MIN, asked_at: now };
                leftovers.insert(id, left);
            }
            is_held
        });
        let mut asks = false;
        for (id, left) in leftovers {
            if left.cancelled_at < now - CANCEL_AGAIN {
                left.cancelled_at = now;
                acts.push(Act::CancelStop { hold: left.hold, id: *id });
            } else if now - left.asked_at >= ASK_AFTER {
                left.asked_at = now;
                asks = true;
            }
        }
        asks
    }

    /// Whether a stop of a position that is gone is left.
    pub fn has_leftovers(&self) -> bool {
        !self.leftovers.is_empty()
    }

    /// Symbols on which a stop of a position that is gone does not go away.
    pub fn stuck(&self, now: Timestamp) -> impl Iterator<Item = SymbolId> + '_ {
        let stuck = self.leftovers.values().filter(move |left| now - left.since >= STUCK_AFTER);
        stuck.map(|left| left.hold.symbol)
    }

    /// Every position with its protection.
    pub fn guarded(&self) -> impl Iterator<Item = Guarded> + '_ {
        self.guards.iter().map(|(hold, guard)| Guarded {
            hold: *hold,
            stop: guard.standing.and_then(|(_, price)| price),
            unprotected_since: guard.unprotected_since,
        })
    }
}

enum Step {
    Nothing,
    AskStops,
    AskPositions,
    GiveUp,
}

impl Guard {
    fn prove(&mut self, id: u64, price: Option<Price>) {
        (self.stage, self.standing, self.tries, self.unprotected_since) =
            (Stage::Proven, Some((id, price)), 0, None);
    }

    fn lose(&mut self, now: Timestamp) {
        (self.stage, self.standing) = (Stage::Absent, None);
        self.unprotected_since.get_or_insert(now);
    }

    fn step(&mut self, hold: Hold, book: &Book, now: Timestamp, acts: &mut Vec<Act>) -> Step {
        match &mut self.stage {
            Stage::Sent { asked, .. } if now - *asked >= ASK_AFTER => {
                *asked = now;
                Step::AskStops
            }
            Stage::Sent { .. } => Step::Nothing,
            Stage::Proven => {
                self.adjust(hold, now, acts);
                Step::Nothing
            }
            Stage::Absent if self.is_given_up => Step::Nothing,
            Stage::Absent if self.tries >= TRIES => {
                self.is_given_up = true;
                Step::GiveUp
            }
            Stage::Absent => {
                let Some(price) = self.wanted else { return Step::Nothing };
                let Some(position) = self.position else { return Step::AskPositions };
                self.tries += 1;
                (self.stage, self.sent_at, self.placed_at) = (Stage::Sent { at: now, asked: now }, now, now);
                acts.push(Act::PlaceStop { hold, position, qty: book.qty(hold), price });
                Step::Nothing
            }
        }
    }

    /// Moves a stop that stands elsewhere than the engine wants it.
    fn adjust(&mut self, hold: Hold, now: Timestamp, acts: &mut Vec<Act>) {
        let (Some(price), Some((id, standing))) = (self.wanted, self.standing) else { return };
        let is_old = now - self.placed_at >= RENEW_AFTER;
        if (standing == Some(price) && !is_old) || self.sent_at + MOVE_AFTER > now {
            return;
        }
        // What stands goes on to protect while it is moved.
        (self.sent_at, self.placed_at) = (now, now);
        self.standing = Some((id, Some(price)));
        acts.push(Act::MoveStop { hold, id, price });
    }
}
