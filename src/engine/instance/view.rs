//! Values of the instance itself that rules can read: its position, signal and session.
//!
//! Invariant: a strategy that reads none of these values does not pay for computing them.

use super::{Instance, Turn};
use crate::domain::num::Price;
use crate::domain::order::Side;
use crate::engine::excursion::Excursion;
use crate::engine::own::{OwnView, PositionView};
use crate::engine::position::Position;

impl Instance {
    /// The values for rules; a placeholder for strategies that never read them.
    pub(super) fn own_view(&self, turn: &Turn<'_>) -> OwnView {
        if self.reads_own { self.full_view(turn) } else { OwnView::unread(turn.at) }
    }

    fn full_view(&self, turn: &Turn<'_>) -> OwnView {
        let equity = turn.account.equity().to_f64();
        OwnView {
            now: turn.at,
            signal_at: self.signal_at,
            position: self.position.as_ref().map(|position| self.position_view(position, turn)),
            session_pnl_pct: turn.account.pnl_pct(),
            open_positions: turn.account.occupants(),
            exposure_pct: if equity > 0.0 { 100.0 * turn.account.exposure().to_f64() / equity } else { 0.0 },
        }
    }

    fn position_view(&self, position: &Position, turn: &Turn<'_>) -> PositionView {
        let notional = turn.spec.money(position.opened_cost).to_f64();
        let tick = turn.spec.price_step.to_f64();
        let book = turn.market.touch(turn.at).map(|(bid, ask)| (bid.0 as f64, ask.0 as f64));
        let touch = book.or_else(|| turn.touch().map(|(bid, ask)| (bid / tick, ask / tick)));
        PositionView {
            side: position.side,
            entry: position.opened_cost as f64 / position.opened_lots as f64,
            best: self.best_price(position, turn.excursion).0 as f64,
            closing: touch.map(|(bid, ask)| if position.side == Side::Buy { bid } else { ask }),
            last: turn.market.last.map(|(_, trade)| trade.price.0 as f64),
            leverage: position.leverage,
            opened_at: position.opened_at,
            liquidation: position.liquidation_price(turn.spec) / tick,
            fees_pct: 100.0 * position.fees.to_f64() / notional + turn.spec.taker_fee.percent(),
        }
    }

    pub(super) fn best_price(&self, position: &Position, excursion: &Excursion) -> Price {
        match position.side {
            Side::Buy => highest(position, excursion),
            Side::Sell => lowest(position, excursion),
        }
    }

    pub(super) fn worst_price(&self, position: &Position, excursion: &Excursion) -> Price {
        match position.side {
            Side::Buy => lowest(position, excursion),
            Side::Sell => highest(position, excursion),
        }
    }
}

fn highest(position: &Position, excursion: &Excursion) -> Price {
    excursion
        .highest_since(position.opened_after)
        .map_or(position.first_high, |price| price.max(position.first_high))
}

fn lowest(position: &Position, excursion: &Excursion) -> Price {
    excursion
        .lowest_since(position.opened_after)
        .map_or(position.first_low, |price| price.min(position.first_low))
}
