//! `z1_entry`: size, price, stop and target.

use super::{Builder, SectionRole, seconds};
use crate::document::strategy::problem::at;
use crate::document::strategy::wire::{
    Basis, OffsetMode, OrderType, PositionSize, RiskAdjustment, RiskScaling, SizeType, StopLoss, TakeProfit,
};
use crate::domain::num::Money;
use crate::domain::strategy::{
    self as domain, EntryOrder, EntrySection, OffsetBase, PriceOffset, SizeAmount,
};
use crate::domain::time::Span;

const PATH: &str = "/z1_entry";

impl<'a> Builder<'a, '_> {
    pub(super) fn entry(&mut self) -> EntrySection {
        let entry = self.strategy.z1_entry.as_ref();
        let section = self.rule(entry, PATH, SectionRole::Entry);
        let size = self.size();
        let timeout = entry.and_then(|entry| entry.timeout_seconds).map_or(Span::from_seconds(5), seconds);
        let price = self.operand(
            entry.and_then(|entry| entry.price_indicator_id.as_ref()),
            "/z1_entry/priceIndicatorId",
            SectionRole::Entry,
        );
        let slippage = entry.and_then(|entry| entry.max_slippage_percent);
        let order = match entry.and_then(|entry| entry.order_type) {
            Some(OrderType::Market) => EntryOrder::Market,
            Some(OrderType::Limit) => EntryOrder::Limit,
            Some(OrderType::LimitIoc) | None => {
                EntryOrder::LimitIoc { max_slippage_pct: slippage.map_or(0.5, |percent| percent.0) }
            }
        };
        if slippage.is_some() && !matches!(order, EntryOrder::LimitIoc { .. }) {
            self.problems.warning("/z1_entry/maxSlippagePercent", "has no effect; only limit_ioc uses it");
        }
        EntrySection {
            section,
            size,
            price,
            order,
            timeout: (timeout > Span::ZERO).then_some(timeout),
            stop: self.offset(
                entry.and_then(|entry| entry.stop_loss.as_ref()).map(Offset::from),
                "/z1_entry/stopLoss",
            ),
            target: self.offset(
                entry.and_then(|entry| entry.take_profit.as_ref()).map(Offset::from),
                "/z1_entry/takeProfit",
            ),
            leverage: entry.and_then(|entry| entry.leverage).map_or(1, |leverage| leverage.u32()),
        }
    }

    fn size(&mut self) -> domain::PositionSize {
        const SIZE: &str = "/z1_entry/positionSize";
        let none = domain::PositionSize {
            amount: SizeAmount::PercentOfEquity(0.0),
            margin_basis: false,
            risk_scaling: None,
        };
        let Some(entry) = &self.strategy.z1_entry else { return none };
        let table = entry.risk_adjustment.as_ref();
        let table =
            table.filter(|table| table.enabled == Some(true)).and_then(|table| self.risk_table(table));
        let Some(size) = &entry.position_size else {
            let base = self.strategy.global_limits.as_ref().and_then(|limits| limits.base_position_pct);
            if base.is_none() {
                self.missing(SIZE, "is required (How much to open)");
            }
            let amount = SizeAmount::PercentOfEquity(base.map_or(0.0, |fraction| fraction.0 * 100.0));
            return domain::PositionSize { amount, risk_scaling: table, ..none };
        };
        let scaling = self.scaling(size.risk_scaling.as_ref(), "/z1_entry/positionSize/riskScaling");
        if table.is_some() && scaling.is_some() {
            self.problems.warning(
                "/z1_entry/positionSize/riskScaling",
                "has no effect because `riskAdjustment` takes its place",
            );
        }
        domain::PositionSize {
            amount: self.amount(size, SIZE),
            margin_basis: size.basis == Some(Basis::Margin),
            risk_scaling: table.or(scaling),
        }
    }

    fn amount(&mut self, size: &PositionSize, path: &str) -> SizeAmount {
        let value = size.value.map_or(0.0, |value| value.0);
        if size.value.is_some() && value == 0.0 {
            self.problems.warning(&at(path, "value"), "is 0: the strategy will never enter");
        }
        if size.r#type == Some(SizeType::Percentage) && value > 100.0 {
            self.problems.warning(&at(path, "value"), format!("is {value} % of equity, more than all of it"));
        }
        if size.r#type == Some(SizeType::Quantity) && size.basis == Some(Basis::Margin) {
            self.problems
                .error(&at(path, "basis"), "cannot be margin for a quantity, which is the position itself");
        }
        match size.r#type {
            Some(SizeType::Fixed) => SizeAmount::Fixed(Money::from_f64(value)),
            Some(SizeType::Quantity) => SizeAmount::Quantity(value),
            Some(SizeType::Percentage) | None => SizeAmount::PercentOfEquity(value),
        }
    }

    fn risk_table(&mut self, table: &'a RiskAdjustment) -> Option<domain::RiskScaling> {
        const TABLE: &str = "/z1_entry/riskAdjustment";
        for (name, given) in
            [("minRiskPercent", table.min_risk_percent), ("maxRiskPercent", table.max_risk_percent)]
        {
            if given.is_some() {
                self.problems.warning(&at(TABLE, name), "has no effect; the points alone decide");
            }
        }
        let path = at(TABLE, "indicatorId");
        if table.indicator_id.is_none() {
            self.missing(&path, "is required when enabled");
        }
        let operand = self.operand(table.indicator_id.as_ref(), &path, SectionRole::Entry);
        let points: Vec<(f64, f64)> = table
            .scaling_points
            .iter()
            .flatten()
            .map(|point| {
                (point.risk_value.unwrap_or_default().0, point.position_size_percent.unwrap_or_default().0)
            })
            .collect();
        let path = at(TABLE, "scalingPoints");
        if points.len() < 2 {
            self.missing(&path, "must have at least two points");
        } else if points.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
            self.missing(&path, "must be ordered by increasing riskValue");
        }
        Some(domain::RiskScaling { operand: operand?, points })
    }

    /// A risk scaling, if enabled.
    pub(super) fn scaling(
        &mut self,
        scaling: Option<&'a RiskScaling>,
        path: &str,
    ) -> Option<domain::RiskScaling> {
        let scaling = scaling.filter(|scaling| scaling.enabled == Some(true))?;
        let numbers = [
            ("lowRiskThreshold", scaling.low_risk_threshold),
            ("lowRiskScale", scaling.low_risk_scale),
            ("highRiskThreshold", scaling.high_risk_threshold),
            ("highRiskScale", scaling.high_risk_scale),
        ];
        for (name, number) in numbers {
            if number.is_none() {
                self.missing(&at(path, name), "is required when enabled");
            }
        }
        let indicator_path = at(path, "riskIndicatorId");
        if scaling.risk_indicator_id.is_none() {
            self.missing(&indicator_path, "is required when enabled");
        }
        let operand = self.operand(scaling.risk_indicator_id.as_ref(), &indicator_path, SectionRole::Entry);
        let [low, low_scale, high, high_scale] = numbers.map(|(_, number)| number.map(|number| number.0));
        let (low, high) = (low?, high?);
        self.ascending(low, high, path);
        Some(domain::RiskScaling { operand: operand?, points: vec![(low, low_scale?), (high, high_scale?)] })
    }

    /// Reports an error unless lowRiskThreshold < highRiskThreshold.
    pub(super) fn ascending(&mut self, low: f64, high: f64, path: &str) {
        if low >= high {
            self.problems.error(
                &at(path, "lowRiskThreshold"),
                format!("must be less than highRiskThreshold ({high}), but is {low}"),
            );
        }
    }

    fn offset(&mut self, offset: Option<Offset<'a>>, path: &str) -> Option<PriceOffset> {
        let offset = offset.filter(|offset| offset.enabled)?;
        if offset.percent.is_none() {
            self.missing(&at(path, "offsetPercent"), "is required when enabled");
        }
        let indicator_path = at(path, "indicatorId");
        if !offset.absolute && offset.indicator.is_some() {
            self.problems.warning(&indicator_path, "has no effect unless calculationMode is ABSOLUTE");
        }
        let base = match (offset.absolute, offset.indicator) {
            (false, _) => OffsetBase::Entry,
            (true, None) => OffsetBase::Reference,
            (true, name) => self
                .operand(name, &indicator_path, SectionRole::Entry)
                .map_or(OffsetBase::Reference, OffsetBase::Indicator),
        };
        let risk_scaling = self.scaling(offset.scaling, &at(path, "riskScaling"));
        Some(PriceOffset { offset_pct: offset.percent.unwrap_or(0.0), base, risk_scaling })
    }
}

/// A stop or a target: they differ only in the bound of the distance.
struct Offset<'a> {
    enabled: bool,
    percent: Option<f64>,
    absolute: bool,
    indicator: Option<&'a String>,
    scaling: Option<&'a RiskScaling>,
}

macro_rules! offset_from {
    ($($kind:ty),*) => { $(
        impl<'a> From<&'a $kind> for Offset<'a> {
            fn from(given: &'a $kind) -> Self {
                Offset {
                    enabled: given.enabled == Some(true),
                    percent: given.offset_percent.map(|percent| percent.0),
                    absolute: given.calculation_mode == Some(OffsetMode::Absolute),
                    indicator: given.indicator_id.as_ref(),
                    scaling: given.risk_scaling.as_ref(),
                }
            }
        }
    )* };
}
offset_from!(StopLoss, TakeProfit);
