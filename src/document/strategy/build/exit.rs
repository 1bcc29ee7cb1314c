//! `o1_cancel`, `ze1_close`, `emergency_exit`, trailing stop, break-even and ladder.

use super::{Builder, SectionRole, minutes, seconds};
use crate::document::strategy::problem::at;
use crate::document::strategy::wire::{Number, RiskAdjustedPricing};
use crate::domain::strategy::{
    self as domain, BreakEven, CancelSection, CloseSection, EmergencySection, LadderStep, RiskPricing,
    Section, Trailing,
};
use crate::domain::time::Span;

impl<'a> Builder<'a, '_> {
    pub(super) fn cancel(&mut self) -> CancelSection {
        let cancel = self.strategy.o1_cancel.as_ref();
        let section = self.rule(cancel, "/o1_cancel", SectionRole::Cancel);
        let timeout = cancel.and_then(|cancel| cancel.timeout_seconds).map_or(0, |timeout| timeout.0 as i64);
        let own = cancel.and_then(|cancel| cancel.cooldown_minutes);
        let global = self
            .strategy
            .global_limits
            .as_ref()
            .and_then(|limits| limits.signal_cancellation_cooldown_minutes);
        CancelSection {
            section,
            timeout: (timeout > 0).then(|| Span::from_seconds(timeout)),
            cooldown: minutes(own.or(global).unwrap_or(Number(5.0))),
        }
    }

    pub(super) fn emergency(&mut self) -> EmergencySection {
        let emergency = self.strategy.emergency_exit.as_ref();
        let section = self.rule(emergency, "/emergency_exit", SectionRole::Emergency);
        let own = emergency.and_then(|emergency| emergency.cooldown_minutes);
        let global =
            self.strategy.global_limits.as_ref().and_then(|limits| limits.emergency_exit_cooldown_minutes);
        let actions = emergency.and_then(|emergency| emergency.actions.as_ref());
        EmergencySection {
            section,
            cooldown: minutes(own.or(global).unwrap_or(Number(30.0))),
            cancel_pending: actions.and_then(|actions| actions.cancel_pending).unwrap_or(true),
            close_position: actions.and_then(|actions| actions.close_position).unwrap_or(true),
        }
    }

    pub(super) fn close(&mut self) -> CloseSection {
        let close = self.strategy.ze1_close.as_ref();
        let mut section = self.rule(close, "/ze1_close", SectionRole::Close);
        if self.strategy.ze1_enabled == Some(false) {
            if !section.is_empty() {
                self.problems.warning("/ze1_enabled", "is false: the conditions of ze1_close have no effect");
            }
            section = Section { root: domain::Group::empty(domain::Logic::And), sequence: None };
        }
        let pricing = close.and_then(|close| close.risk_adjusted_pricing.as_ref());
        CloseSection {
            section,
            price: self.operand(
                close.and_then(|close| close.price_indicator_id.as_ref()),
                "/ze1_close/priceIndicatorId",
                SectionRole::Close,
            ),
            pricing: pricing
                .filter(|pricing| pricing.enabled == Some(true))
                .and_then(|pricing| self.pricing(pricing)),
            close_timeout: close
                .and_then(|close| close.close_timeout_seconds)
                .map_or(Span::from_seconds(10), seconds),
        }
    }

    fn pricing(&mut self, pricing: &'a RiskAdjustedPricing) -> Option<RiskPricing> {
        const PATH: &str = "/ze1_close/riskAdjustedPricing";
        let number = |given: Option<Number>, default: f64| given.map_or(default, |number| number.0);
        let (low, high) =
            (number(pricing.low_risk_threshold, 20.0), number(pricing.high_risk_threshold, 80.0));
        self.ascending(low, high, PATH);
        let path = at(PATH, "riskIndicatorId");
        if pricing.risk_indicator_id.is_none() {
            self.missing(&path, "is required when enabled");
        }
        let operand = self.operand(pricing.risk_indicator_id.as_ref(), &path, SectionRole::Close)?;
        let points = vec![
            (low, number(pricing.low_risk_adjustment, 5.0)),
            (high, number(pricing.high_risk_adjustment, -5.0)),
        ];
        Some(RiskPricing {
            scaling: domain::RiskScaling { operand, points },
            factor: number(pricing.scaling_factor, 1.0),
            min_pct: number(pricing.min_adjustment, -10.0),
            max_pct: number(pricing.max_adjustment, 10.0),
        })
    }

    pub(super) fn trailing(&mut self) -> Option<Trailing> {
        let trailing =
            self.strategy.trailing_stop.as_ref().filter(|trailing| trailing.enabled == Some(true))?;
        let numbers = [
            ("activationPercent", trailing.activation_percent),
            ("distancePercent", trailing.distance_percent),
        ];
        for (name, _) in numbers.iter().filter(|(_, number)| number.is_none()) {
            self.missing(&at("/trailingStop", name), "is required when enabled");
        }
        Some(Trailing {
            activation_pct: trailing.activation_percent?.0,
            distance_pct: trailing.distance_percent?.0,
        })
    }

    pub(super) fn break_even(&mut self) -> Option<BreakEven> {
        let break_even =
            self.strategy.break_even.as_ref().filter(|break_even| break_even.enabled == Some(true))?;
        if break_even.activation_percent.is_none() {
            self.missing("/breakEven/activationPercent", "is required when enabled");
        }
        let (activation_pct, offset_pct) =
            (break_even.activation_percent?.0, break_even.offset_percent.unwrap_or_default().0);
        if offset_pct >= activation_pct {
            let problem = format!(
                "must be less than activationPercent ({activation_pct}), or the stop is hit at once, but is {offset_pct}"
            );
            self.problems.error("/breakEven/offsetPercent", problem);
        }
        Some(BreakEven { activation_pct, offset_pct })
    }

    pub(super) fn ladder(&mut self) -> Vec<LadderStep> {
        let mut steps: Vec<LadderStep> = self
            .strategy
            .take_profit_ladder
            .iter()
            .flatten()
            .filter_map(|step| {
                Some(LadderStep { offset_pct: step.offset_percent?.0, close_pct: step.close_percent?.0 })
            })
            .collect();
        let sum: f64 = steps.iter().map(|step| step.close_pct).sum();
        if sum > 100.0 + 1e-9 {
            self.problems
                .error("/takeProfitLadder", format!("closes {sum} % of the position in all; at most 100 %"));
        }
        steps.sort_by(|a, b| a.offset_pct.total_cmp(&b.offset_pct));
        if steps.windows(2).any(|pair| pair[0].offset_pct == pair[1].offset_pct) {
            self.problems.warning("/takeProfitLadder", "two steps have the same offsetPercent");
        }
        steps
    }
}
