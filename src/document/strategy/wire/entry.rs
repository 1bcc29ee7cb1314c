//! `z1_entry`: size, reference price, stop, target.

use super::{Condition, Group, Logic, Number, Sequence, Whole, object, section};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

section! {
    /// When and how to enter.
    EntrySection {
        /// How much to open.
        position_size: PositionSize,
        /// Reference price of the entry order; default is the best ask when buying and the best bid when
        /// selling.
        #[schemars(length(min = 1, max = 128))]
        price_indicator_id: String,
        /// Type of the entry order.
        #[schemars(extend("default" = "limit_ioc"))]
        order_type: OrderType,
        /// Limit price of limit_ioc: reference × (1 ± this percent).
        #[schemars(range(min = 0, max = 10), extend("default" = 0.5))]
        max_slippage_percent: Number,
        /// Seconds after which the unfilled rest of the entry order is cancelled; 0 = never.
        #[schemars(range(min = 0, max = 86_400), extend("default" = 5))]
        timeout_seconds: Number,
        /// Stop loss.
        stop_loss: StopLoss,
        /// Take profit.
        take_profit: TakeProfit,
        /// Leverage of the position.
        #[schemars(range(min = 1, max = 10), extend("default" = 1))]
        leverage: Whole,
        /// Size from a table by a risk value; replaces positionSize.riskScaling.
        risk_adjustment: RiskAdjustment,
    }
}

object! {
    /// How much to open.
    PositionSize {
        /// Unit of `value`.
        #[schemars(required)]
        r#type: SizeType,
        /// Size in that unit.
        #[schemars(required, range(min = 0, max = 1_000_000_000))]
        value: Number,
        /// Whether the size is the notional or the margin.
        #[schemars(extend("default" = "notional"))]
        basis: Basis,
        /// Scales the size by a risk value.
        risk_scaling: RiskScaling,
    }

    /// Scales a value by a risk value: lowRiskScale percent up to lowRiskThreshold, highRiskScale percent
    /// from highRiskThreshold, linear in between. 100 = unchanged.
    RiskScaling {
        /// Whether it is used.
        #[schemars(required)]
        enabled: bool,
        /// Indicator of the risk, 0 to 100.
        #[schemars(length(min = 1, max = 128))]
        risk_indicator_id: String,
        /// Risk up to which lowRiskScale applies.
        #[schemars(range(min = 0, max = 100))]
        low_risk_threshold: Number,
        /// Scale at low risk, in percent.
        #[schemars(range(min = 10, max = 200))]
        low_risk_scale: Number,
        /// Risk from which highRiskScale applies.
        #[schemars(range(min = 0, max = 100))]
        high_risk_threshold: Number,
        /// Scale at high risk, in percent.
        #[schemars(range(min = 10, max = 200))]
        high_risk_scale: Number,
    }

    /// Size from a table by a risk value, linear between the points and constant beyond them.
    RiskAdjustment {
        /// Whether it is used.
        #[schemars(required)]
        enabled: bool,
        /// Indicator of the risk, 0 to 100.
        #[schemars(length(min = 1, max = 128))]
        indicator_id: String,
        /// Legacy field without effect.
        min_risk_percent: Number,
        /// Legacy field without effect.
        max_risk_percent: Number,
        /// At least two points, by ascending risk.
        #[schemars(length(max = 32))]
        scaling_points: Vec<ScalingPoint>,
    }

    /// A point of the size table.
    ScalingPoint {
        /// Risk value.
        #[schemars(required, range(min = 0, max = 100))]
        risk_value: Number,
        /// Size in percent of positionSize.
        #[schemars(required, range(min = 0, max = 200))]
        position_size_percent: Number,
    }

    /// Stop loss.
    StopLoss {
        /// Whether it is used.
        #[schemars(required)]
        enabled: bool,
        /// Distance in percent of price, not of margin.
        #[schemars(range(min = 0, max = 100))]
        offset_percent: Number,
        /// Base price of the distance.
        #[schemars(extend("default" = "RELATIVE_TO_ENTRY"))]
        calculation_mode: OffsetMode,
        /// Base price for ABSOLUTE, read once at the first fill; default is the reference price of the order.
        #[schemars(length(min = 1, max = 128))]
        indicator_id: String,
        /// Scales the distance by a risk value.
        risk_scaling: RiskScaling,
    }

    /// Take profit.
    TakeProfit {
        /// Whether it is used.
        #[schemars(required)]
        enabled: bool,
        /// Distance in percent of price, not of margin.
        #[schemars(range(min = 0, max = 1000))]
        offset_percent: Number,
        /// Base price of the distance.
        #[schemars(extend("default" = "RELATIVE_TO_ENTRY"))]
        calculation_mode: OffsetMode,
        /// Base price for ABSOLUTE, read once at the first fill; default is the reference price of the order.
        #[schemars(length(min = 1, max = 128))]
        indicator_id: String,
        /// Scales the distance by a risk value.
        risk_scaling: RiskScaling,
    }
}

/// Unit of a size.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SizeType {
    /// In the quote currency.
    Fixed,
    /// Percent of session equity.
    Percentage,
    /// In base units.
    Quantity,
}

/// Meaning of a size.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// The position's notional; leverage does not change it.
    Notional,
    /// The margin: notional = amount × leverage.
    Margin,
}

/// Type of the entry order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderType {
    /// Market order.
    Market,
    /// Limit order at the reference price.
    Limit,
    /// Immediate-or-cancel limit order, at most maxSlippagePercent worse than the reference price.
    LimitIoc,
}

/// Base price of a stop or target.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OffsetMode {
    /// The value of `indicatorId`.
    Absolute,
    /// The average fill price.
    RelativeToEntry,
}
