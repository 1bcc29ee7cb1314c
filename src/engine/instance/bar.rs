//! Effects of the prices inside a bar on an open position, before the bar's end is an event.
//!
//! The order of the prices is unknown, so the worst for the position is assumed. Invariant: an exit is at a
//! price of the bar, and not better than its stop, its target, or the bar's open beyond them.

use super::{Instance, Turn};
use crate::checkpoint::plain;
use crate::domain::decision::{State, Trigger};
use crate::domain::event::Bar;
use crate::domain::exit_level::MetBy;
use crate::domain::num::Price;
use crate::domain::order::{InsideBar, Side};
use crate::domain::time::Timestamp;

/// State kept while a bar is processed.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct BarMemory {
    /// Price at which the next exit order executes inside the bar that ends at the given time.
    pub inside: Option<(Timestamp, InsideBar)>,
    /// Worst and best price of a position that ends inside a bar; kept until it is flat.
    pub extremes: Option<(Price, Price)>,
    /// Time and price of the last fill of a resting entry.
    pub rested: Option<(Timestamp, Price)>,
}

plain!(struct BarMemory { inside, extremes, rested });

/// Prices that a position met inside a bar.
#[derive(Clone, Copy, Debug)]
struct Path {
    /// First price while the position was open.
    first: Price,
    /// Most favourable price.
    best: Price,
    /// Most adverse price.
    worst: Price,
    /// Most favourable price of the whole bar, perhaps before the position was opened.
    furthest: Price,
    /// Whether the most adverse price may have come after the most favourable one.
    may_fall_back: bool,
}

impl Instance {
    /// Applies the prices inside a bar to stop, trailing stop, target and ladder. Returns whether another
    /// order of the prices would have ended the position differently.
    pub(crate) fn pass_bar(&mut self, bar: &Bar, turn: &mut Turn<'_>) -> bool {
        let manages = match self.state {
            State::PositionActive | State::EntryEvaluation | State::CloseOrderEvaluation => true,
            // What was refused inside this bar is tried again later.
            State::EmergencyExit => self.exit.is_some() || self.retry_at <= turn.at,
            _ => false,
        };
        // A stop that was met already waits for the end of another exit.
        let is_met = self.bar.inside.is_some_and(|(ends, _)| ends == turn.at);
        if is_met || !manages || !self.follows_bars(turn) {
            return false;
        }
        let (path, earlier) = self.path(bar, turn);
        let is_active = self.state == State::PositionActive;
        if is_active {
            // The stop is where the prices before these have moved it, also when nobody could move it then.
            let before = if earlier.is_some() { bar.open } else { path.first };
            let best = self.best_so_far(before, turn);
            self.move_stop(best, turn);
        }
        if self.stop_met(path.first).is_some() {
            self.stop_inside(path.first, path.first, path.first, path.first, turn);
            return false;
        }
        if let Some(furthest) = earlier.filter(|_| is_active) {
            let best = self.best_so_far(furthest, turn);
            if self.moved_stop_met(path.first, best, turn) {
                // Either the furthest price came before the fill, and the position ends with it, or the stop
                // from before was met.
                if let Some(stop) = self.stop_met(path.worst) {
                    self.stop_inside(path.worst, stop, stop, path.first, turn);
                } else {
                    self.move_stop(best, turn);
                    self.stop_inside(path.first, path.first, path.first, furthest, turn);
                }
                return true;
            }
        }
        if is_active { self.pass_active(path, turn) } else { self.pass_stop(path, turn) }
    }

    /// The stop as it stands: the entry still works, or another exit rests or is on its way. The stop is
    /// assumed to be met before that exit.
    fn pass_stop(&mut self, path: Path, turn: &mut Turn<'_>) -> bool {
        let Some(stop) = self.stop_met(path.worst) else { return false };
        let matters = self.exit.is_some_and(|order| {
            let rests_at = order.limit.filter(|_| !order.cancel_sent);
            rests_at.is_none_or(|limit| !self.is_against(path.furthest, limit))
        });
        self.stop_inside(path.worst, stop, stop, path.first, turn);
        matters
    }

    /// Stop, trailing stop, target and ladder of a position without an order.
    fn pass_active(&mut self, path: Path, turn: &mut Turn<'_>) -> bool {
        loop {
            let target = self.next_target();
            if target.is_some_and(|target| self.is_in_favour(path.first, target)) {
                // The open is the price paid.
                if self.take_inside(path.first, path.first, path.first, turn) {
                    return false;
                }
                continue;
            }
            // No price beyond a target is reached before the target itself.
            let reached = target.filter(|target| self.is_in_favour(path.best, *target));
            let best = reached.unwrap_or(path.best);
            let best_so_far = self.best_so_far(best, turn).filter(|_| path.may_fall_back);
            let targets_met = target.is_some_and(|target| self.is_in_favour(path.furthest, target));
            // The stop from before is further away than one that these prices move.
            if let Some(stop) = self.stop_met(path.worst) {
                let moves = self.would_tighten(best_so_far, turn);
                self.stop_inside(path.worst, stop, stop, path.first, turn);
                return moves || targets_met;
            }
            self.move_stop(best_so_far, turn);
            if let Some(stop) = self.stop_met(path.worst) {
                // One that is met where it arises was met on the way there.
                let price = if self.is_against(best, stop) { path.first } else { stop };
                self.stop_inside(path.worst, price, self.more_against(path.first, price), best, turn);
                return true;
            }
            let Some(level) = reached else { return targets_met };
            if self.take_inside(path.best, level, path.worst, turn) {
                return false;
            }
        }
    }

    /// The stop at the close of a bar, after what acts there: an order that ended there may have brought a
    /// stop into force that the close has passed. No later price is as bad for certain.
    pub(crate) fn end_bar(&mut self, bar: &Bar, turn: &mut Turn<'_>) {
        let manages = matches!(self.state, State::PositionActive | State::EntryEvaluation);
        if !manages || !self.follows_bars(turn) {
            return;
        }
        if self.state == State::PositionActive {
            let best = self.best_so_far(bar.close, turn);
            self.move_stop(best, turn);
        }
        if self.stop_met(bar.close).is_some() {
            self.stop_inside(bar.close, bar.close, bar.close, bar.close, turn);
        }
    }

    /// Whether there are lots whose exits follow the prices of bars: no mark price counts.
    fn follows_bars(&self, turn: &Turn<'_>) -> bool {
        self.position.is_some_and(|position| position.lots > 0) && turn.market.mark(turn.at).is_none()
    }

    /// The prices the position met, and the best of this bar that it may have met before them. For a resting
    /// entry that filled inside the bar, only the far side and the close are certain to have come after the
    /// fill, in this order.
    fn path(&self, bar: &Bar, turn: &Turn<'_>) -> (Path, Option<Price>) {
        let (best, worst) = match self.side {
            Side::Buy => (bar.high, bar.low),
            Side::Sell => (bar.low, bar.high),
        };
        let path = Path { first: bar.open, best, worst, furthest: best, may_fall_back: true };
        let Some((_, filled)) = self.bar.rested.filter(|(at, _)| *at == turn.at) else { return (path, None) };
        let best = self.more_in_favour(bar.close, filled);
        let is_older = self.position.is_some_and(|position| position.opened_at < turn.at);
        (Path { first: filled, best, may_fall_back: false, ..path }, is_older.then_some(path.furthest))
    }

    /// Ends the inside of a bar. Its prices count for the excursions of positions that were open from its
    /// start, not for a new one.
    pub(crate) fn bar_passed(&mut self, bar: &Bar, turn: &mut Turn<'_>) {
        self.bar.inside = None;
        if self.position.is_some_and(|position| position.lots > 0) {
            self.bar.extremes = None;
        }
        let (path, _) = self.path(bar, turn);
        if let Some(position) = self.position.as_mut().filter(|position| position.opened_at == turn.at) {
            if !path.may_fall_back {
                position.first_low = position.first_low.min(path.best).min(path.worst);
                position.first_high = position.first_high.max(path.best).max(path.worst);
            }
            position.opened_after = turn.excursion.moment();
        }
    }

    /// The stop, if a price meets it.
    fn stop_met(&self, price: Price) -> Option<Price> {
        self.exits.stop.map(|(stop, _)| stop).filter(|stop| self.is_against(price, *stop))
    }

    /// Whether a price is at a level or beyond it in the adverse direction.
    pub(super) fn is_against(&self, price: Price, level: Price) -> bool {
        if self.side == Side::Buy { price <= level } else { price >= level }
    }

    /// Whether a price is at a level or beyond it in favour of the position.
    pub(super) fn is_in_favour(&self, price: Price, level: Price) -> bool {
        if self.side == Side::Buy { price >= level } else { price <= level }
    }

    fn more_in_favour(&self, one: Price, other: Price) -> Price {
        if self.is_in_favour(one, other) { one } else { other }
    }

    fn more_against(&self, one: Price, other: Price) -> Price {
        if self.is_against(one, other) { one } else { other }
    }

    fn best_so_far(&self, also: Price, turn: &Turn<'_>) -> Option<Price> {
        self.position.map(|position| self.more_in_favour(self.best_price(&position, turn.excursion), also))
    }

    /// The nearest target or ladder step.
    fn next_target(&self) -> Option<Price> {
        if self.state != State::PositionActive {
            return None;
        }
        [self.exits.target, self.ladder_price()]
            .into_iter()
            .flatten()
            .reduce(|one, other| self.more_against(one, other))
    }

    /// Leaves at `price` inside the bar, because another price of it met the stop; every other exit is
    /// cancelled.
    fn stop_inside(&mut self, met_by: Price, price: Price, worst: Price, best: Price, turn: &mut Turn<'_>) {
        let Some((stop, kind)) = self.exits.stop else { return };
        self.meet(price, worst, (self.more_against(price, worst), best), turn);
        let other = self.exit.filter(|order| !order.rests || order.cancel_sent);
        if self.state != State::EmergencyExit {
            self.meet_level(stop, MetBy::Last(met_by));
            self.leave(kind.trigger(), self.normal_cooldown(), turn, None);
        } else if self.exit.is_none() {
            self.retry_at = turn.at;
            self.keep_leaving(turn);
        }
        if let Some(order) = other {
            self.cancel_exit(order.id, turn);
        }
    }

    /// Takes the nearest target or ladder step at `price`, because another price of the bar met it; returns
    /// whether an order was sent, which is not so for a ladder step too small for a lot.
    fn take_inside(&mut self, met_by: Price, price: Price, worst: Price, turn: &mut Turn<'_>) -> bool {
        self.meet(price, worst, (worst, price), turn);
        let met_by = MetBy::Last(met_by);
        match self.exits.target.filter(|target| Some(*target) == self.next_target()) {
            Some(target) => {
                self.meet_level(target, met_by);
                self.close(Trigger::TakeProfit, turn, None);
            }
            None => self.climb(met_by, turn),
        }
        if self.exit.is_none() {
            (self.bar.inside, self.bar.extremes) = (None, None);
        }
        self.exit.is_some()
    }

    /// Makes the next exit order execute at `price`; if it ends the position, its extremes are at most `met`
    /// (worst, best).
    fn meet(&mut self, price: Price, worst: Price, met: (Price, Price), turn: &Turn<'_>) {
        let Some(position) = self.position else { return };
        let before =
            (self.worst_price(&position, turn.excursion), self.best_price(&position, turn.excursion));
        self.bar.inside = Some((turn.at, InsideBar { price, worst }));
        self.bar.extremes = Some((self.more_against(before.0, met.0), self.more_in_favour(before.1, met.1)));
    }
}
