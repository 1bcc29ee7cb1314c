//! Formulas for the position size, the stop and the target.

use super::{Instance, Turn};
use crate::domain::decision::{Guard, Warning};
use crate::domain::num::{Money, Price, Qty};
use crate::domain::order::Side;
use crate::domain::strategy::{OffsetBase, PriceOffset, RiskScaling, SizeAmount};
use crate::domain::symbol::SymbolSpec;
use crate::engine::own::OwnView;
use crate::engine::risk::RiskRefusal;

/// Linear interpolation between the points, constant beyond them.
pub(super) fn interpolate(x: f64, points: &[(f64, f64)]) -> f64 {
    let Some(&(first_x, first_y)) = points.first() else { return 100.0 };
    if x <= first_x {
        return first_y;
    }
    for pair in points.windows(2) {
        let ((x1, y1), (x2, y2)) = (pair[0], pair[1]);
        if x <= x2 {
            return y1 + (y2 - y1) * (x - x1) / (x2 - x1);
        }
    }
    points.last().map_or(first_y, |point| point.1)
}

impl Instance {
    /// The factor of a risk scaling; 1 with a warning when the risk value is missing.
    pub(super) fn scale(&self, scaling: Option<&RiskScaling>, turn: &mut Turn<'_>, own: &OwnView) -> f64 {
        let Some(scaling) = scaling else { return 1.0 };
        match self.operand(scaling.operand, turn, own) {
            Ok(risk) => interpolate(risk, &scaling.points) / 100.0,
            Err(_) => {
                self.warn(Warning::RiskValueMissing, turn);
                1.0
            }
        }
    }

    /// Lots to open at a reference price, before the limits in `shrink`.
    ///
    /// # Errors
    /// `BelowMinimum` or `Budget`, with the notional and the smallest allowed one.
    pub(super) fn wanted_lots(
        &self,
        reference: f64,
        tick: Price,
        turn: &mut Turn<'_>,
        own: &OwnView,
    ) -> Result<Qty, RiskRefusal> {
        let size = &self.def.z1.size;
        let limits = &self.def.limits;
        let equity = turn.account.equity();
        let scale = self.scale(size.risk_scaling.as_ref(), turn, own);
        let leverage = if size.margin_basis { f64::from(self.leverage()) } else { 1.0 };
        let share = |pct: f64| Money((equity.0 / 1_000_000_000) * (pct * 1e7).round() as i128);
        let scaled = |money: Money| {
            if scale == 1.0 && leverage == 1.0 {
                money
            } else {
                Money::from_f64(money.to_f64() * scale * leverage)
            }
        };
        let wanted = match size.amount {
            SizeAmount::Fixed(amount) => scaled(amount),
            SizeAmount::PercentOfEquity(pct) => scaled(share(pct)),
            SizeAmount::Quantity(base_units) => {
                let lots =
                    (base_units * scale * leverage / turn.spec.lot_f64() * (1.0 + 1e-12)).floor() as i64;
                turn.spec.notional(tick, Qty(lots))
            }
        };
        let caps = [
            limits.max_position,
            turn.account.config.max_position,
            limits.max_position_fraction.map(|f| share(100.0 * f)),
            turn.account.remaining_budget(self.strategy, limits),
        ];
        let capped = caps.into_iter().flatten().fold(wanted, Money::min);
        let floors = [limits.min_position, limits.min_position_fraction.map(|f| share(100.0 * f))];
        let floor = floors.into_iter().flatten().max().unwrap_or(Money::ZERO);
        let lots = match size.amount {
            // A size in base units is converted to money and back only when a cap applies.
            SizeAmount::Quantity(_) if capped == wanted => {
                Qty((wanted.0 / turn.spec.notional(tick, Qty(1)).0) as i64)
            }
            _ => lots_at(turn.spec, capped, reference, tick),
        };
        if capped < floor || lots < turn.spec.min_quantity {
            let guard =
                if capped < wanted && capped <= Money::ZERO { Guard::Budget } else { Guard::BelowMinimum };
            let smallest = floor.max(turn.spec.notional(tick, turn.spec.min_quantity));
            return Err(RiskRefusal::new(guard, capped.to_f64(), smallest.to_f64()));
        }
        Ok(if turn.account.config.minimum_lots { turn.spec.min_quantity } else { lots })
    }

    /// Distance of the stop from the entry in percent, as known before the fill; `None` without a stop.
    pub(super) fn planned_stop_pct(&self, turn: &mut Turn<'_>, own: &OwnView, reference: f64) -> Option<f64> {
        let own_stop = self.def.z1.stop.as_ref().map(|stop| {
            let offset = stop.offset_pct * self.scale(stop.risk_scaling.as_ref(), turn, own);
            match stop.base {
                OffsetBase::Entry | OffsetBase::Reference => offset,
                OffsetBase::Indicator(operand) => match self.operand(operand, turn, own) {
                    Ok(value) => {
                        let price = value * (1.0 - self.side.sign() as f64 * offset / 100.0);
                        let distance = self.side.sign() as f64 * 100.0 * (reference - price) / reference;
                        if distance > 0.0 { distance } else { offset }
                    }
                    Err(_) => offset,
                },
            }
        });
        self.session_or(own_stop, turn.account.config.stop_loss_pct, turn)
    }

    /// The strategy's percentage, else the session's; the smaller one when session stops are forced.
    pub(super) fn session_or(&self, own: Option<f64>, session: Option<f64>, turn: &Turn<'_>) -> Option<f64> {
        match (own, session) {
            (Some(own), Some(session)) if turn.account.config.force_session_stops => Some(own.min(session)),
            (Some(own), _) => Some(own),
            (None, session) => session,
        }
    }

    /// Price of a stop (`away` −1) or target (`away` +1) for an average entry price, and whether its base was
    /// missing or on the wrong side so that the entry was used.
    pub(super) fn offset_price(
        &self,
        offset: &PriceOffset,
        frozen: Option<f64>,
        entry: f64,
        scale: f64,
        away: f64,
    ) -> (f64, bool) {
        let dir = self.side.sign() as f64 * away;
        let share = 1.0 + dir * offset.offset_pct * scale / 100.0;
        let from_entry = entry * share;
        let base = match offset.base {
            OffsetBase::Entry => return (from_entry, false),
            OffsetBase::Reference => Some(self.reference),
            OffsetBase::Indicator(_) => frozen,
        };
        match base.map(|base| base * share) {
            // A stop above (or a target below) the entry of a long would end the position at once.
            Some(price) if dir * (price - entry) > 0.0 => (price, false),
            _ => (from_entry, true),
        }
    }

    /// A stop price rounded to a tick in the direction of loss.
    pub(super) fn stop_tick(&self, price: f64, turn: &Turn<'_>) -> Price {
        match self.side {
            Side::Buy => turn.spec.price_floor(price),
            Side::Sell => turn.spec.price_ceil(price),
        }
    }

    /// A target price rounded to a tick in the direction of profit.
    pub(super) fn target_tick(&self, price: f64, spec: &SymbolSpec) -> Price {
        match self.side {
            Side::Buy => spec.price_ceil(price),
            Side::Sell => spec.price_floor(price),
        }
    }
}

/// Lots for a notional at a price. `tick` is the highest tick at or below it; exact when they are equal.
fn lots_at(spec: &SymbolSpec, notional: Money, price: f64, tick: Price) -> Qty {
    let at_tick = spec.lots_for(notional, tick);
    if spec.price_f64(tick) >= price {
        return at_tick;
    }
    Qty((notional.to_f64() / (price * spec.lot_f64()) * (1.0 + 1e-12)).floor() as i64).min(at_tick)
}

#[cfg(test)]
mod tests {
    use super::interpolate;

    #[test]
    fn scales_like_the_reference_table() {
        let points = [(20.0, 120.0), (80.0, 60.0)];
        for (risk, scale) in [(10.0, 120.0), (50.0, 90.0), (65.0, 75.0), (95.0, 60.0)] {
            assert_eq!(interpolate(risk, &points), scale);
        }
    }
}
