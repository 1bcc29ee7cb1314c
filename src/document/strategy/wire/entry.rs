//! z1_entry: size, reference price, stop, target.

use super::{Condition, Group, Logic, Number, Sequence, Whole, object, section};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

section! {
    /// When and how to enter.
    EntrySection {
        /// How much to open.
        position_size: PositionSize,
        /// Reference price of the entry order; best ask when buying and best bid when selling if absent.
        #[schemars(length(min = 1, max = 128))]
        price_indicator_id: String,
        /// How the entry order fills.
        #[schemars(extend("default" = "limit_ioc"))]
        order_type: OrderType,
        /// Limit of limit_ioc: reference × (1 ± this percent).
        #[schemars(range(min = 0, max = 10), extend("default" = 0.5))]
        max_slippage_percent: Number,
        /// Life of the entry order in seconds, 0 = no limit; the unfilled rest is then cancelled.
        #[schemars(range(min = 0, max = 86_400), extend("default" = 5))]
        timeout_seconds: Number,
        /// Protective stop.
        stop_loss: StopLoss,
        /// Target.
        take_profit: TakeProfit,
        /// Leverage of the position.
        #[schemars(range(min = 1, max = 10), extend("default" = 1))]
        leverage: Whole,
        /// Size that follows a risk value through a table; takes the place of positionSize.riskScaling.
        risk_adjustment: RiskAdjustment,
    }
}

object! {
    /// How much to open.
    PositionSize {
        /// What `value` is.
        #[schemars(required)]
        r#type: SizeType,
        /// Amount.
        #[schemars(required, range(min = 0, max = 1_000_000_000))]
        value: Number,
        /// Whether the amount is the notional or the margin.
        #[schemars(extend("default" = "notional"))]
        basis: Basis,
        /// Scales the size with a risk value.
        risk_scaling: RiskScaling,
    }

    /// Scales a base value: lowRiskScale percent up to lowRiskThreshold, highRiskScale from highRiskThreshold on,
    /// linear between. 100 = unchanged.
    RiskScaling {
        /// Switch.
        #[schemars(required)]
        enabled: bool,
        /// Risk value, 0 to 100.
        #[schemars(length(min = 1, max = 128))]
        risk_indicator_id: String,
        /// Risk up to which the low scale holds.
        #[schemars(range(min = 0, max = 100))]
        low_risk_threshold: Number,
        /// Scale in percent at low risk.
        #[schemars(range(min = 10, max = 200))]
        low_risk_scale: Number,
        /// Risk from which the high scale holds.
        #[schemars(range(min = 0, max = 100))]
        high_risk_threshold: Number,
        /// Scale in percent at high risk.
        #[schemars(range(min = 10, max = 200))]
        high_risk_scale: Number,
    }

    /// Size that follows a risk value, linear between the points and flat beyond them.
    RiskAdjustment {
        /// Switch.
        #[schemars(required)]
        enabled: bool,
        /// Risk value, 0 to 100.
        #[schemars(length(min = 1, max = 128))]
        indicator_id: String,
        /// Of the original; has no effect.
        min_risk_percent: Number,
        /// Of the original; has no effect.
        max_risk_percent: Number,
        /// At least two, by growing risk.
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

    /// Protective stop.
    StopLoss {
        /// Switch.
        #[schemars(required)]
        enabled: bool,
        /// Distance in price percent, not percent of margin.
        #[schemars(range(min = 0, max = 100))]
        offset_percent: Number,
        /// Where the distance starts.
        #[schemars(extend("default" = "RELATIVE_TO_ENTRY"))]
        calculation_mode: OffsetMode,
        /// Price for ABSOLUTE, read once at the first fill; the reference price of the order when absent.
        #[schemars(length(min = 1, max = 128))]
        indicator_id: String,
        /// Scales the distance with a risk value.
        risk_scaling: RiskScaling,
    }

    /// Target.
    TakeProfit {
        /// Switch.
        #[schemars(required)]
        enabled: bool,
        /// Distance in price percent, not percent of margin.
        #[schemars(range(min = 0, max = 1000))]
        offset_percent: Number,
        /// Where the distance starts.
        #[schemars(extend("default" = "RELATIVE_TO_ENTRY"))]
        calculation_mode: OffsetMode,
        /// Price for ABSOLUTE, read once at the first fill; the reference price of the order when absent.
        #[schemars(length(min = 1, max = 128))]
        indicator_id: String,
        /// Scales the distance with a risk value.
        risk_scaling: RiskScaling,
    }
}

/// What the amount of a size is.
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

/// What the amount measures.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// The position's notional; leverage does not change it.
    Notional,
    /// The margin: notional = amount × leverage.
    Margin,
}

/// How the entry order fills.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderType {
    /// At any price.
    Market,
    /// Resting at the reference price.
    Limit,
    /// Immediate or cancelled, at most maxSlippagePercent worse than the reference price.
    LimitIoc,
}

/// Where the distance of a stop or target starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OffsetMode {
    /// At the value of `indicatorId`.
    Absolute,
    /// At the average fill price.
    RelativeToEntry,
}
