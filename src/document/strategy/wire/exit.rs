//! o1_cancel, ze1_close and emergency_exit.

use super::{Condition, Group, Logic, Number, Sequence, Whole, object, section};

section! {
    /// When a seen signal is dropped before the entry.
    CancelSection {
        /// Age in seconds at which the signal is dropped anyway; 0 = never.
        #[schemars(required, range(min = 0, max = 86_400))]
        timeout_seconds: Whole,
        /// Wait before the next signal.
        #[schemars(range(min = 0, max = 1440))]
        cooldown_minutes: Number,
    }

    /// When and how to leave with a normal exit.
    CloseSection {
        /// Base of the close price; best bid when selling and best ask when buying if absent.
        #[schemars(length(min = 1, max = 128))]
        price_indicator_id: String,
        /// Asks for more or less depending on a risk value.
        risk_adjusted_pricing: RiskAdjustedPricing,
        /// After this many seconds a resting close is replaced by a marketable one.
        #[schemars(range(min = 0, max = 3600), extend("default" = 10))]
        close_timeout_seconds: Number,
    }

    /// When to leave at any price.
    EmergencySection {
        /// Wait before the next signal.
        #[schemars(range(min = 0, max = 1440))]
        cooldown_minutes: Number,
        /// What is done.
        actions: Actions,
    }
}

object! {
    /// What an emergency does.
    Actions {
        /// Cancels all working orders of the strategy on the symbol.
        #[schemars(extend("default" = true))]
        cancel_pending: bool,
        /// Closes the position at market.
        #[schemars(extend("default" = true))]
        close_position: bool,
        /// False suppresses the notification; the record is always written.
        #[schemars(extend("default" = true))]
        log_event: bool,
    }

    /// Limit price of a close = base × (1 ± adjustment/100), adjustment = scalingFactor × a line through
    /// (lowRiskThreshold, lowRiskAdjustment) and (highRiskThreshold, highRiskAdjustment), kept between
    /// minAdjustment and maxAdjustment. Positive asks for more.
    RiskAdjustedPricing {
        /// Switch.
        #[schemars(required)]
        enabled: bool,
        /// Risk value, 0 to 100.
        #[schemars(length(min = 1, max = 128))]
        risk_indicator_id: String,
        /// Risk up to which the low adjustment holds.
        #[schemars(range(min = 0, max = 100), extend("default" = 20))]
        low_risk_threshold: Number,
        /// Adjustment at low risk, percent.
        #[schemars(range(min = -50, max = 50), extend("default" = 5))]
        low_risk_adjustment: Number,
        /// Risk from which the high adjustment holds.
        #[schemars(range(min = 0, max = 100), extend("default" = 80))]
        high_risk_threshold: Number,
        /// Adjustment at high risk, percent.
        #[schemars(range(min = -50, max = 50), extend("default" = -5))]
        high_risk_adjustment: Number,
        /// Factor on the adjustment.
        #[schemars(range(min = 0.1, max = 2), extend("default" = 1))]
        scaling_factor: Number,
        /// Lowest adjustment, percent.
        #[schemars(range(min = -50, max = 0), extend("default" = -10))]
        min_adjustment: Number,
        /// Highest adjustment, percent.
        #[schemars(range(min = 0, max = 50), extend("default" = 10))]
        max_adjustment: Number,
    }
}
