//! The stop that stands at the venue for every position: placed after the first execution, moved with the
//! engine's stop, proven by a question, cancelled only when the venue shows that its position is gone.
//!
//! Invariant: how long a position has been without a proven stop is always known.

use super::backoff::backoff;
use super::positions::Positions;
use super::{Act, PositionFact, PositionKey};
use crate::domain::num::{Price, Qty};
use crate::domain::symbol::SymbolId;
use crate::domain::time::{Span, Timestamp};
use crate::limits::STOP_ORDERS_KNOWN;
use std::collections::{BTreeMap, BTreeSet};

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

/// A position that nobody says a stop for, or whose number the venue does not tell, is closed after this long
/// without one.
const NO_STOP_AFTER: Span = Span::from_seconds(5);

/// A position as the engine has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EnginePosition {
    /// The position.
    pub key: PositionKey,
    /// Its lots.
    pub qty: Qty,
    /// Where it is to end; `None`: the engine has no stop for it.
    pub price: Option<Price>,
}

/// A stop as the venue lists it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StopFact {
    /// The venue's number.
    pub id: u64,
    /// Its symbol.
    pub symbol: SymbolId,
    /// Number of the position it closes.
    pub position: u64,
    /// Where it stands; `None`: not told.
    pub price: Option<StopPrice>,
    /// The order that it made when it fired.
    pub made: Option<u64>,
    /// Whether it has ended.
    pub is_over: bool,
}

/// The price of a stop at the venue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StopPrice {
    /// A whole number of ticks.
    At(Price),
    /// Not a whole number of ticks: somebody else moved it there, so it is moved back.
    BetweenTicks,
}

impl StopPrice {
    /// The price; `None` between two ticks.
    pub fn on_tick(self) -> Option<Price> {
        match self {
            StopPrice::At(price) => Some(price),
            StopPrice::BetweenTicks => None,
        }
    }
}

/// A position of the session at the venue, for whoever looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VenuePosition {
    /// Which one.
    pub key: PositionKey,
    /// What one lot cost on average by the executions, whole ticks.
    pub entry: Price,
    /// What the venue said of it last, and when it was asked or said so by itself; `None`: nothing yet.
    pub told: Option<(Timestamp, PositionFact)>,
    /// Price of the proven stop; `None`: there is none, or it stands between two ticks.
    pub stop: Option<Price>,
    /// Since when it has no stop; `None`: it has one.
    pub unprotected_since: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// None is there, as far as is known.
    Absent,
    /// Placed, and not yet seen.
    Sent { at: Timestamp, asked: Timestamp },
    /// Seen in a list.
    Proven,
}

#[derive(Clone, Debug)]
struct StopState {
    wanted: Option<Price>,
    position: Option<u64>,
    told: Option<(Timestamp, PositionFact)>,
    stage: Stage,
    /// Number and price of the stop as the venue told them last.
    standing: Option<(u64, StopPrice)>,
    /// A move that has not been answered.
    is_moving: bool,
    /// A move was answered, and nobody has looked where the stop is now.
    is_moved: bool,
    placed_at: Timestamp,
    sent_at: Timestamp,
    /// When a list was asked for because of it.
    asked_at: Timestamp,
    tries: u32,
    /// When the position was first seen here.
    since: Timestamp,
    unprotected_since: Option<Timestamp>,
    /// Whether a list that was asked for after the first execution had no stop of it.
    is_absent: bool,
    /// A stop may stand of which nobody knows: none is placed before a list that was asked for after this
    /// moment.
    list_after: Option<Timestamp>,
    /// Moves in a row that were refused.
    refused_moves: u32,
    is_given_up: bool,
}

/// A stop that belongs to no position that is held.
#[derive(Clone, Copy, Debug)]
struct Stray {
    symbol: SymbolId,
    position: u64,
    since: Timestamp,
    /// Whether the venue still had the position when it was asked last; `None`: not asked since.
    has_position: Option<bool>,
    cancelled_at: Timestamp,
    asked_at: Timestamp,
}

/// All stops of a session.
#[derive(Clone, Default, Debug)]
pub(super) struct Protection {
    stops: BTreeMap<PositionKey, StopState>,
    /// By number, until a list of the venue does not have them any more.
    strays: BTreeMap<u64, Stray>,
    /// Orders that fired stops of ours made.
    made: Vec<u64>,
    asked_positions: Option<Timestamp>,
    /// Whether the stops of the account were listed once: before that nobody knows what stands.
    is_listed: bool,
}

impl Protection {
    /// Where the engine wants its positions to end now.
    pub fn set_engine_positions(&mut self, wanted: &[EnginePosition]) {
        for EnginePosition { key, price, .. } in wanted {
            if let Some(stop) = self.stops.get_mut(key) {
                stop.wanted = *price;
            }
        }
    }

    /// Follows the positions: a new one is unprotected from now on.
    pub fn follow(&mut self, positions: &Positions, now: Timestamp) {
        for (key, _) in positions.iter() {
            self.stops.entry(key).or_insert_with(|| StopState::new(now));
        }
    }

    /// Positions of a process before this one: what stops they have, only a list says that knows their
    /// numbers.
    pub fn resume(&mut self, positions: &Positions, now: Timestamp) {
        self.follow(positions, now);
        self.stops.values_mut().for_each(|stop| stop.list_after = Some(now));
    }

    /// What the venue says of a position, told at a time.
    pub fn on_position(&mut self, fact: &PositionFact, told: Timestamp) {
        let Some(stop) = self.stops.get_mut(&fact.key).filter(|stop| stop.since <= told) else { return };
        if stop.position.is_some_and(|known| known != fact.number) {
            // Another position: the stop of the one before closes nothing any more.
            let left = stop.standing.map(|(id, _)| (id, stop.stray(fact.key.symbol, told)));
            self.strays.extend(left);
            stop.lose(told);
        }
        // An answer that was asked for before the venue said something newer by itself comes later.
        if stop.told.is_none_or(|(known, _)| known <= told) {
            stop.told = Some((told, *fact));
        }
        if stop.position.replace(fact.number).is_none()
            && let Some(after) = &mut stop.list_after
        {
            *after = (*after).max(told);
        }
    }

    /// All positions that the venue has; `asked`: when the question left.
    pub fn on_positions(&mut self, facts: &[PositionFact], asked: Timestamp) {
        let open: BTreeSet<u64> = facts.iter().map(|fact| fact.number).collect();
        facts.iter().for_each(|fact| self.on_position(fact, asked));
        for stray in self.strays.values_mut().filter(|stray| stray.since < asked) {
            stray.has_position = Some(open.contains(&stray.position));
        }
    }

    /// A stop was not taken.
    pub fn on_refused(&mut self, key: PositionKey, now: Timestamp) {
        if let Some(stop) = self.stops.get_mut(&key) {
            stop.stage = if stop.standing.is_some() { Stage::Proven } else { Stage::Absent };
            // The number may be that of a position before.
            stop.position = stop.position.filter(|_| stop.standing.is_some());
            stop.list_after = Some(now);
        }
    }

    /// A move was answered. Where the stop is now, the next list says. Whether it is the first that was
    /// refused, after one that was not.
    pub fn on_move(&mut self, key: PositionKey, is_taken: bool) -> bool {
        let Some(stop) = self.stops.get_mut(&key) else { return !is_taken };
        (stop.is_moving, stop.is_moved) = (false, true);
        stop.refused_moves = if is_taken { 0 } else { stop.refused_moves + 1 };
        stop.refused_moves == 1
    }

    /// One stop, as it is pushed.
    pub fn on_stop(&mut self, fact: &StopFact, now: Timestamp) {
        self.remember(fact);
        if fact.is_over {
            self.strays.remove(&fact.id);
        }
        let stop = self.stops.values_mut().find(|stop| stop.position == Some(fact.position));
        match stop {
            Some(stop) if let Some(price) = fact.price.filter(|_| !fact.is_over) => {
                self.strays.remove(&fact.id);
                stop.prove(fact.id, price);
            }
            Some(stop) if stop.standing.is_some_and(|(id, _)| id == fact.id) => stop.lose(now),
            Some(_) => {}
            None => self.astray(fact, now),
        }
    }

    /// A stop that stands for no position that is held.
    fn astray(&mut self, fact: &StopFact, now: Timestamp) {
        if !fact.is_over {
            self.strays.entry(fact.id).or_insert(Stray {
                symbol: fact.symbol,
                position: fact.position,
                since: now,
                has_position: None,
                cancelled_at: Timestamp::MIN,
                asked_at: now,
            });
        }
    }

    /// All stops that stand. What is not among them is not there, unless it was sent after they were asked
    /// for. Returns whether it is known what each belongs to: one may be of a position whose number was not
    /// told yet.
    pub fn on_list(&mut self, facts: &[StopFact], asked: Timestamp, now: Timestamp) -> bool {
        self.is_listed = true;
        facts.iter().for_each(|fact| self.remember(fact));
        let stands = |id: &u64| facts.iter().any(|fact| fact.id == *id && !fact.is_over);
        self.strays.retain(|id, stray| stray.since.max(stray.cancelled_at) >= asked || stands(id));
        for stop in self.stops.values_mut().filter(|stop| stop.sent_at < asked) {
            stop.list_after = stop.list_after.filter(|after| stop.position.is_none() || *after >= asked);
            match (stop.found(facts), stop.stage) {
                (Some((id, price)), _) => {
                    self.strays.remove(&id);
                    stop.prove(id, price);
                }
                (None, Stage::Sent { at, .. }) if now - at < GIVE_UP_AFTER => {}
                (None, Stage::Absent) => stop.is_absent |= stop.since < asked,
                (None, _) => stop.lose(now),
            }
        }
        let held: BTreeSet<u64> = self.stops.values().filter_map(|stop| stop.position).collect();
        let are_told = self.stops.values().all(|stop| stop.position.is_some());
        let mut others = facts.iter().filter(|fact| !fact.is_over && !held.contains(&fact.position));
        if !are_told {
            return others.next().is_none();
        }
        others.for_each(|fact| self.astray(fact, now));
        true
    }

    fn remember(&mut self, fact: &StopFact) {
        if let Some(made) = fact.made.filter(|made| !self.made.contains(made)) {
            if self.made.len() == STOP_ORDERS_KNOWN {
                self.made.remove(0);
            }
            self.made.push(made);
        }
    }

    /// Whether an order of the venue is one that a stop of ours made.
    pub fn has_made(&self, venue: u64) -> bool {
        self.made.contains(&venue)
    }

    /// What is due now. Gives the positions that must be closed because no stop can be had.
    pub fn due(&mut self, positions: &Positions, now: Timestamp, acts: &mut Vec<Act>) -> Vec<PositionKey> {
        let (mut given_up, mut asks_stops, mut asks_positions) = (Vec::new(), false, false);
        let is_listed = self.is_listed;
        for (key, stop) in &mut self.stops {
            if positions.qty(*key).is_zero() {
                continue;
            }
            match stop.step(*key, positions, is_listed, now, acts) {
                Step::Nothing => {}
                Step::AskStops => asks_stops = true,
                Step::AskPositions => asks_positions = true,
                Step::GiveUp => given_up.push(*key),
            }
        }
        self.end_flat(positions, now);
        let (is_position_unknown, is_list_due) = self.end_strays(now, acts);
        if (asks_positions || is_position_unknown)
            && self.asked_positions.is_none_or(|at| now - at >= ASK_AFTER)
        {
            self.asked_positions = Some(now);
            acts.push(Act::AskPositions);
        }
        if is_list_due || asks_stops {
            acts.push(Act::AskStops);
        }
        given_up
    }

    /// The stop of a position that our executions have closed stands until the venue shows it closed.
    fn end_flat(&mut self, positions: &Positions, now: Timestamp) {
        let strays = &mut self.strays;
        self.stops.retain(|key, stop| {
            let is_held = !positions.qty(*key).is_zero();
            if let Some((id, _)) = stop.standing.filter(|_| !is_held) {
                strays.insert(id, stop.stray(key.symbol, now));
            }
            is_held
        });
    }

    /// Stops whose position is gone are cancelled until the venue lists them no more. Whether nobody knows of
    /// the position of one, and whether it is time to ask for the list.
    fn end_strays(&mut self, now: Timestamp, acts: &mut Vec<Act>) -> (bool, bool) {
        let (mut is_position_unknown, mut is_list_due) = (false, false);
        for (id, stray) in &mut self.strays {
            match stray.has_position {
                None => is_position_unknown = true,
                Some(true) => {}
                Some(false) if stray.cancelled_at < now - CANCEL_AGAIN => {
                    stray.cancelled_at = now;
                    acts.push(Act::CancelStop { id: *id });
                }
                Some(false) if now - stray.asked_at >= ASK_AFTER => {
                    stray.asked_at = now;
                    is_list_due = true;
                }
                Some(false) => {}
            }
        }
        (is_position_unknown, is_list_due)
    }

    /// Whether a stop of a position that is gone is left, or one of which nobody knows.
    pub fn has_leftovers(&self) -> bool {
        self.strays.values().any(|stray| stray.has_position != Some(true))
    }

    /// Symbols on which a stop of a position that is gone does not go away.
    pub fn stuck(&self, now: Timestamp) -> impl Iterator<Item = SymbolId> + '_ {
        let is_stuck =
            move |stray: &&Stray| stray.has_position == Some(false) && now - stray.since >= STUCK_AFTER;
        self.strays.values().filter(is_stuck).map(|stray| stray.symbol)
    }

    /// Price of the stop of a position: where it stands, or where it is wanted when none stands on a tick.
    pub fn stop_of(&self, key: PositionKey) -> Option<Price> {
        let stop = self.stops.get(&key)?;
        stop.standing.and_then(|(_, price)| price.on_tick()).or(stop.wanted)
    }

    /// Whether every position has a proven stop.
    pub fn is_complete(&self) -> bool {
        self.stops.values().all(|stop| stop.unprotected_since.is_none())
    }

    /// A position with its protection.
    pub fn at_venue(&self, key: PositionKey, entry: Price) -> VenuePosition {
        let stop = self.stops.get(&key);
        VenuePosition {
            key,
            entry,
            told: stop.and_then(|stop| stop.told),
            stop: stop.and_then(|stop| stop.standing?.1.on_tick()),
            unprotected_since: stop.and_then(|stop| stop.unprotected_since),
        }
    }
}

enum Step {
    Nothing,
    AskStops,
    AskPositions,
    GiveUp,
}

impl StopState {
    fn new(now: Timestamp) -> Self {
        StopState {
            wanted: None,
            position: None,
            told: None,
            stage: Stage::Absent,
            standing: None,
            is_moving: false,
            is_moved: false,
            placed_at: now,
            sent_at: Timestamp::MIN,
            asked_at: Timestamp::MIN,
            tries: 0,
            since: now,
            unprotected_since: Some(now),
            is_absent: false,
            list_after: None,
            refused_moves: 0,
            is_given_up: false,
        }
    }

    /// Its stop without its position.
    fn stray(&self, symbol: SymbolId, since: Timestamp) -> Stray {
        let position = self.position.unwrap_or_default();
        let (has_position, cancelled_at, asked_at) = (None, Timestamp::MIN, since);
        Stray { symbol, position, since, has_position, cancelled_at, asked_at }
    }

    /// Number and price of its position's stop among those that stand: the one that was seen before, or the
    /// last one that was placed.
    fn found(&self, facts: &[StopFact]) -> Option<(u64, StopPrice)> {
        let is_its = |fact: &&StopFact| !fact.is_over && self.position == Some(fact.position);
        let is_known = |id: u64| self.standing.is_some_and(|(known, _)| known == id);
        let its = facts.iter().filter(is_its).filter_map(|fact| Some((fact.id, fact.price?)));
        its.max_by_key(|(id, _)| (is_known(*id), *id))
    }

    fn prove(&mut self, id: u64, price: StopPrice) {
        (self.stage, self.standing, self.tries, self.unprotected_since) =
            (Stage::Proven, Some((id, price)), 0, None);
        (self.is_moved, self.is_absent) = (false, false);
    }

    fn lose(&mut self, now: Timestamp) {
        (self.stage, self.standing) = (Stage::Absent, None);
        self.unprotected_since.get_or_insert(now);
    }

    fn step(
        &mut self,
        key: PositionKey,
        positions: &Positions,
        is_listed: bool,
        now: Timestamp,
        acts: &mut Vec<Act>,
    ) -> Step {
        match &mut self.stage {
            Stage::Sent { asked, .. } if now - *asked >= ASK_AFTER => {
                *asked = now;
                Step::AskStops
            }
            Stage::Sent { .. } => Step::Nothing,
            // Where it is now, only a list says that was asked for after the move.
            Stage::Proven if self.is_moved => self.ask(now),
            Stage::Proven => {
                self.adjust(key, now, acts);
                Step::Nothing
            }
            Stage::Absent if self.is_given_up => Step::Nothing,
            Stage::Absent if self.tries >= TRIES => self.give_up(),
            Stage::Absent => match (self.wanted, self.position) {
                (Some(price), Some(position)) if is_listed && self.list_after.is_none() => {
                    self.tries += 1;
                    (self.stage, self.sent_at, self.placed_at) =
                        (Stage::Sent { at: now, asked: now }, now, now);
                    acts.push(Act::PlaceStop { key, position, qty: positions.qty(key), price });
                    Step::Nothing
                }
                // Whether one stands already, a list says.
                (Some(_), Some(_)) => self.ask(now),
                _ => self.wait(now),
            },
        }
    }

    /// What a stop takes is not known: it is asked for, for a while. What cannot be asked is no reason to
    /// close.
    fn wait(&mut self, now: Timestamp) -> Step {
        let is_late = self.unprotected_since.is_some_and(|since| now - since >= NO_STOP_AFTER);
        if is_late && self.is_absent {
            self.give_up()
        } else if self.position.is_none() {
            Step::AskPositions
        } else if is_late {
            self.ask(now)
        } else {
            Step::Nothing
        }
    }

    fn ask(&mut self, now: Timestamp) -> Step {
        if self.asked_at + ASK_AFTER > now {
            return Step::Nothing;
        }
        self.asked_at = now;
        Step::AskStops
    }

    fn give_up(&mut self) -> Step {
        self.is_given_up = true;
        Step::GiveUp
    }

    /// Moves a stop that stands elsewhere than the engine wants it, one move at a time: the next goes to
    /// where it is wanted then.
    fn adjust(&mut self, key: PositionKey, now: Timestamp, acts: &mut Vec<Act>) {
        let (Some(price), Some((id, standing))) = (self.wanted, self.standing) else { return };
        let is_old = now - self.placed_at >= RENEW_AFTER;
        let wait = backoff(MOVE_AFTER, self.refused_moves);
        if (standing == StopPrice::At(price) && !is_old) || self.is_moving || self.sent_at + wait > now {
            return;
        }
        // What stands goes on to protect while it is moved.
        (self.sent_at, self.placed_at, self.is_moving) = (now, now, true);
        acts.push(Act::MoveStop { key, id, price });
    }
}
