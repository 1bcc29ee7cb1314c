//! `global_limits`.

use super::{Builder, minutes};
use crate::document::strategy::problem::at;
use crate::document::strategy::wire::Number;
use crate::domain::num::Money;
use crate::domain::strategy::StrategyLimits;

const PATH: &str = "/global_limits";

impl Builder<'_, '_> {
    pub(super) fn limits(&mut self) -> StrategyLimits {
        let Some(limits) = &self.strategy.global_limits else { return StrategyLimits::default() };
        let number = |given: Option<Number>| given.map(|number| number.0);
        self.at_most(
            ("min_position_pct", number(limits.min_position_pct)),
            ("max_position_pct", number(limits.max_position_pct)),
        );
        self.at_most(
            ("min_position_size_usdt", number(limits.min_position_size_usdt)),
            ("max_position_size_usdt", number(limits.max_position_size_usdt)),
        );
        self.report_without_effect();
        StrategyLimits {
            max_position_fraction: number(limits.max_position_pct),
            min_position_fraction: number(limits.min_position_pct),
            max_position: number(limits.max_position_size_usdt).map(Money::from_f64),
            min_position: number(limits.min_position_size_usdt).map(Money::from_f64),
            max_allocation_pct: number(limits.max_allocation_pct),
            max_leverage: limits.max_leverage.map(|leverage| leverage.u32()),
            normal_cooldown: limits.normal_exit_cooldown_minutes.or(limits.cooldown_minutes).map(minutes),
            max_daily_trades: limits.max_daily_trades.map(|trades| trades.u32()),
            daily_loss_pct: number(limits.daily_loss_limit_pct),
            max_concurrent: limits.max_concurrent_positions.map(|positions| positions.u32()),
            max_exposure_pct: number(limits.max_portfolio_exposure_pct),
        }
    }

    fn at_most(&mut self, (low_name, low): (&str, Option<f64>), (high_name, high): (&str, Option<f64>)) {
        if let (Some(low), Some(high)) = (low, high)
            && low >= high
        {
            self.problems
                .error(&at(PATH, low_name), format!("must be less than {high_name} ({high}), but is {low}"));
        }
    }

    fn report_without_effect(&mut self) {
        let Some(limits) = &self.strategy.global_limits else { return };
        let sized = self.strategy.z1_entry.as_ref().is_some_and(|entry| entry.position_size.is_some());
        let fields = [
            (
                "base_position_pct",
                limits.base_position_pct.is_some() && sized,
                "z1_entry.positionSize is used",
            ),
            ("stop_loss_buffer_pct", limits.stop_loss_buffer_pct.is_some(), "set z1_entry.stopLoss"),
            ("target_profit_pct", limits.target_profit_pct.is_some(), "set z1_entry.takeProfit"),
            (
                "risk_adjustment_points",
                limits.risk_adjustment_points.is_some(),
                "set z1_entry.riskAdjustment",
            ),
            (
                "close_price_adjustment_points",
                limits.close_price_adjustment_points.is_some(),
                "set ze1_close.riskAdjustedPricing",
            ),
            (
                "cooldown_minutes",
                limits.cooldown_minutes.is_some() && limits.normal_exit_cooldown_minutes.is_some(),
                "normal_exit_cooldown_minutes is used",
            ),
        ];
        for (name, given, instead) in fields {
            if given {
                self.problems.warning(&at(PATH, name), format!("has no effect; {instead}"));
            }
        }
    }
}
