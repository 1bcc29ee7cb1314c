//! Price levels of an open position: the stop, target or ladder step that this event's price meets, and the
//! exit that follows.
//!
//! Invariant: an exit at a level is recorded with the level and the price that met it.

use super::{Instance, Turn};
use crate::domain::decision::Trigger;
use crate::domain::exit_level::{ExitLevel, MetBy};
use crate::domain::num::{Price, Qty};
use crate::domain::order::{OrderKind, Side};
use crate::domain::symbol::SymbolSpec;

impl Instance {
    /// The prices to compare stops and targets with: the mark price while one counts, else this event's
    /// prices.
    fn trigger_prices(&self, turn: &Turn<'_>) -> Option<(Price, Price)> {
        turn.market.mark(turn.at).map(|mark| (mark, mark)).or(turn.prices)
    }

    /// Leaves if the stop is met; returns whether it is.
    pub(super) fn stop_hit(&mut self, turn: &mut Turn<'_>) -> bool {
        let (Some((stop, kind)), Some((low, high))) = (self.exits.stop, self.trigger_prices(turn)) else {
            return false;
        };
        let worst = if self.side == Side::Buy { low } else { high };
        let hit = self.is_against(worst, stop);
        if hit {
            self.meet_level(stop, MetBy::of(turn.market.mark(turn.at), worst));
            self.leave(kind.trigger(), self.normal_cooldown(), turn, None);
        }
        hit
    }

    /// Takes the target or a ladder step if it is met; returns whether it is.
    pub(super) fn target_hit(&mut self, turn: &mut Turn<'_>) -> bool {
        let Some((low, high)) = self.trigger_prices(turn) else { return false };
        let best = if self.side == Side::Buy { high } else { low };
        let met_by = MetBy::of(turn.market.mark(turn.at), best);
        if let Some(target) = self.exits.target.filter(|target| self.is_in_favour(best, *target)) {
            self.meet_level(target, met_by);
            self.close(Trigger::TakeProfit, turn, None);
            return true;
        }
        if self.ladder_price().is_some_and(|price| self.is_in_favour(best, price)) {
            self.climb(met_by, turn);
            return true;
        }
        false
    }

    /// Keeps the level for the record of the exit that follows.
    pub(super) fn meet_level(&mut self, price: Price, met_by: MetBy) {
        self.met_level = Some(ExitLevel { price, met_by: Some(met_by) });
    }

    /// Price of the next ladder step.
    pub(super) fn ladder_price(&self) -> Option<Price> {
        self.ladder_ticks
    }

    /// Executes a ladder step: closes its share; the rest keeps the other exits.
    pub(super) fn climb(&mut self, met_by: MetBy, turn: &mut Turn<'_>) {
        let (Some(step), Some(position), Some(price)) = (self.ladder(), self.position, self.ladder_price())
        else {
            return;
        };
        self.exits.next_ladder += 1;
        let share = (position.opened_lots as f64 * step.close_pct / 100.0).round() as i64;
        self.place_ladder(turn);
        if share > 0 {
            self.meet_level(price, met_by);
            self.start_close(Trigger::Ladder, turn, None);
            self.submit_exit(OrderKind::Market, Some(Qty(share)), turn);
        }
    }

    /// Puts the next ladder step where the average entry so far says.
    pub(super) fn place_ladder(&mut self, turn: &Turn<'_>) {
        let entry = self.position.map(|position| position.entry_price(turn.spec));
        self.ladder_ticks =
            self.ladder().zip(entry).map(|(step, entry)| self.step_price(entry, step.offset_pct, turn.spec));
    }

    /// Price of a ladder step.
    pub(super) fn step_price(&self, entry: f64, offset_pct: f64, spec: &SymbolSpec) -> Price {
        let dir = self.side.sign() as f64;
        self.target_tick(entry * (1.0 + dir * offset_pct / 100.0), spec)
    }
}
