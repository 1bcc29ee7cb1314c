//! Effects of the prices inside a bar on an open position, before the bar's end is an event.
//!
//! The order of the prices is unknown, so the worst for the position is assumed. Invariant: no exit is better
//! than its stop, its target, or the bar's open beyond them.

use super::exit::StopKind;
use super::{Instance, Turn};
use crate::domain::decision::{State, Trigger};
use crate::domain::event::Bar;
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
}

impl Instance {
    /// Applies the prices inside a bar to stop, trailing stop, target and ladder. Returns whether another
    /// order of the prices would have ended the position differently.
    pub(crate) fn pass_bar(&mut self, bar: &Bar, turn: &mut Turn<'_>) -> bool {
        let manages = matches!(
            self.state,
            State::PositionActive | State::EntryEvaluation | State::CloseOrderEvaluation
        );
        // Where a mark price is recorded, stops and targets use it.
        if turn.market.mark.is_some() || self.position.is_none_or(|position| position.lots == 0) {
            return false;
        }
        let path = self.path(bar, turn);
        if self.exit.is_some_and(|order| !order.rests || order.cancel_sent) {
            // The exit executes at the close; a stop may have been reached before.
            return self.exits.stop.is_some_and(|(stop, _)| self.is_against(path.worst, stop));
        }
        if !manages {
            return false;
        }
        if self.exits.stop.is_some_and(|(stop, _)| self.is_against(path.first, stop)) {
            self.stop_inside(path.first, path.first, path.first, turn);
            return false;
        }
        if self.take_all_inside(path.first, path, turn) {
            return false;
        }
        let before = self.exits.stop;
        // No price beyond a target is reached before the target itself.
        let target = self.next_target().filter(|target| self.is_in_favour(path.best, *target));
        let best = target.unwrap_or(path.best);
        if self.state == State::PositionActive {
            let best = self.best_so_far(best, turn);
            self.move_stop(best, turn);
        }
        let targets_met = self.next_target().is_some_and(|target| self.is_in_favour(path.furthest, target));
        match self.exits.stop {
            Some((stop, _)) if self.is_against(path.worst, stop) => {
                let moved = before != self.exits.stop;
                let best = if moved { best } else { path.first };
                let worst = if self.is_against(stop, path.first) { stop } else { path.first };
                self.stop_inside(stop, worst, best, turn);
                moved || targets_met
            }
            _ => !self.take_all_inside(path.best, path, turn) && targets_met,
        }
    }

    /// The prices the position met. For a resting entry that filled inside the bar, only the far side and the
    /// close are certain to have come after the fill.
    fn path(&mut self, bar: &Bar, turn: &Turn<'_>) -> Path {
        let (best, worst) = match self.side {
            Side::Buy => (bar.high, bar.low),
            Side::Sell => (bar.low, bar.high),
        };
        let path = Path { first: bar.open, best, worst, furthest: best };
        let Some((_, filled)) = self.bar.rested.filter(|(at, _)| *at == turn.at) else { return path };
        let best = self.more_in_favour(bar.close, filled);
        if let Some(position) = self.position.as_mut().filter(|position| position.opened_at == turn.at) {
            position.first_low = position.first_low.min(best).min(worst);
            position.first_high = position.first_high.max(best).max(worst);
        }
        Path { first: filled, best, ..path }
    }

    /// Ends the inside of a bar. Its prices count for the excursions of positions that were open from its
    /// start, not for a new one.
    pub(crate) fn bar_passed(&mut self, turn: &mut Turn<'_>) {
        self.bar.inside = None;
        if self.position.is_some_and(|position| position.lots > 0) {
            self.bar.extremes = None;
        }
        if let Some(position) = self.position.as_mut().filter(|position| position.opened_at == turn.at) {
            position.opened_after = turn.excursion.moment();
        }
    }

    /// Whether a price is at a level or beyond it in the adverse direction.
    fn is_against(&self, price: Price, level: Price) -> bool {
        if self.side == Side::Buy { price <= level } else { price >= level }
    }

    fn is_in_favour(&self, price: Price, level: Price) -> bool {
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

    fn stop_inside(&mut self, price: Price, worst: Price, best: Price, turn: &mut Turn<'_>) {
        let Some((_, kind)) = self.exits.stop else { return };
        self.meet(price, worst, (self.more_against(price, worst), best), turn);
        self.leave(StopKind::trigger(kind), self.normal_cooldown(), turn, None);
    }

    /// Takes the profit up to a price that was reached; returns whether an order was sent. Ladder steps too
    /// small for a lot are skipped.
    fn take_all_inside(&mut self, reached: Price, path: Path, turn: &mut Turn<'_>) -> bool {
        while self.take_inside(reached, path, turn) {
            if self.exit.is_some() {
                return true;
            }
            (self.bar.inside, self.bar.extremes) = (None, None);
        }
        false
    }

    /// Takes the nearest target or ladder step if the price reached it; returns whether it did. When the bar
    /// opened beyond it, the open is the price paid.
    fn take_inside(&mut self, reached: Price, path: Path, turn: &mut Turn<'_>) -> bool {
        let Some(level) = self.next_target().filter(|level| self.is_in_favour(reached, *level)) else {
            return false;
        };
        let gapped = self.is_in_favour(path.first, level);
        let price = if gapped { path.first } else { level };
        let worst = if gapped { path.first } else { path.worst };
        self.meet(price, worst, (worst, price), turn);
        if self.exits.target == Some(level) {
            self.close(Trigger::TakeProfit, turn, None);
        } else {
            self.climb(turn);
        }
        true
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
