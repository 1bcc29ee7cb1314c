//! `o1_cancel`, `ze1_close` and `emergency_exit`.

use super::{Condition, Group, Logic, Number, Sequence, Whole, object, section};

section! {
    /// Cancels a signal before the entry.
    CancelSection {
        /// Age of the signal in seconds at which it is cancelled in any case; 0 = never.
        #[schemars(required, range(min = 0, max = 86_400))]
        timeout_seconds: Whole,
        /// Minutes before the next signal.
        #[schemars(range(min = 0, max = 1440))]
        cooldown_minutes: Number,
    }

    /// Normal exit.
    CloseSection {
        /// Base of the close price; default is the best bid when selling and the best ask when buying.
        #[schemars(length(min = 1, max = 128))]
        price_indicator_id: String,
        /// Adjusts the close price by a risk value.
        risk_adjusted_pricing: RiskAdjustedPricing,
        /// Seconds after which a resting close order is replaced by a marketable one.
        #[schemars(range(min = 0, max = 3600), extend("default" = 10))]
        close_timeout_seconds: Number,
    }

    /// Emergency exit, at any price.
    EmergencySection {
        /// Minutes before the next signal.
        #[schemars(range(min = 0, max = 1440))]
        cooldown_minutes: Number,
        /// Actions of the exit.
        actions: Actions,
    }
}

object! {
    /// Actions of an emergency exit.
    Actions {
        /// Cancel all working orders of the strategy on the symbol.
        #[schemars(extend("default" = true))]
        cancel_pending: bool,
        /// Close the position at market.
        #[schemars(extend("default" = true))]
        close_position: bool,
        /// False suppresses the notification; the event is always recorded.
        #[schemars(extend("default" = true))]
        log_event: bool,
    }

    /// Limit price of a close = base × (1 ± adjustment/100), adjustment = scalingFactor × a line through
    /// (lowRiskThreshold, lowRiskAdjustment) and (highRiskThreshold, highRiskAdjustment), clamped to
    /// minAdjustment and maxAdjustment. A positive adjustment asks for a better price.
    RiskAdjustedPricing {
        /// Whether it is used.
        #[schemars(required)]
        enabled: bool,
        /// Indicator of the risk, 0 to 100.
        #[schemars(length(min = 1, max = 128))]
        risk_indicator_id: String,
        /// Risk up to which lowRiskAdjustment applies.
        #[schemars(range(min = 0, max = 100), extend("default" = 20))]
        low_risk_threshold: Number,
        /// Adjustment at low risk, in percent.
        #[schemars(range(min = -50, max = 50), extend("default" = 5))]
        low_risk_adjustment: Number,
        /// Risk from which highRiskAdjustment applies.
        #[schemars(range(min = 0, max = 100), extend("default" = 80))]
        high_risk_threshold: Number,
        /// Adjustment at high risk, in percent.
        #[schemars(range(min = -50, max = 50), extend("default" = -5))]
        high_risk_adjustment: Number,
        /// Factor on the adjustment.
        #[schemars(range(min = 0.1, max = 2), extend("default" = 1))]
        scaling_factor: Number,
        /// Minimum adjustment, in percent.
        #[schemars(range(min = -50, max = 0), extend("default" = -10))]
        min_adjustment: Number,
        /// Maximum adjustment, in percent.
        #[schemars(range(min = 0, max = 50), extend("default" = 10))]
        max_adjustment: Number,
    }
}
