//! The shape of a strategy document: the types its JSON is read into and its JSON Schema is made from.
//!
//! Every field is optional here, so that what is right can be validated beside what is wrong; the schema says which
//! are required and holds every bound that needs no other field. Unknown fields are kept where they stood.
//! Doc comments become the descriptions of the schema: they are written for the author of a strategy.

mod condition;
mod entry;
mod exit;
mod number;

pub use condition::{Condition, Connector, Edge, Group, Logic, Operator, Sequence, SignalSection};
pub use entry::{
    Basis, EntrySection, OffsetMode, OrderType, PositionSize, RiskAdjustment, RiskScaling, ScalingPoint,
    SizeType, StopLoss, TakeProfit,
};
pub use exit::{Actions, CancelSection, CloseSection, EmergencySection, RiskAdjustedPricing};
pub use number::{Indicator, Indicators, Number, Whole};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Defines objects of the document: every field optional, unknown fields kept.
macro_rules! object {
    (snake_case; $($rest:tt)*) => { $crate::document::strategy::wire::object! { @ "snake_case"; $($rest)* } };
    (@ $case:literal; $( $(#[$meta:meta])* $name:ident { $( $(#[$field_meta:meta])* $field:ident: $type:ty, )* } )*) => { $(
        #[derive(Clone, PartialEq, Debug, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = $case)]
        $(#[$meta])*
        pub struct $name {
            $( $(#[$field_meta])* #[serde(skip_serializing_if = "Option::is_none")] pub $field: Option<$type>, )*
            /// Fields this version does not know; they have no effect and are kept.
            #[serde(flatten)]
            pub unknown: serde_json::Map<String, serde_json::Value>,
        }
    )* };
    ($($rest:tt)*) => { $crate::document::strategy::wire::object! { @ "camelCase"; $($rest)* } };
}

/// The same with the fields that make a rule: logic, conditions, groups, sequence.
macro_rules! section {
    ($( $(#[$meta:meta])* $name:ident { $( $(#[$field_meta:meta])* $field:ident: $type:ty, )* } )*) => { $(
        $crate::document::strategy::wire::object! {
            $(#[$meta])*
            $name {
                /// How conditions and groups combine. AND when absent; OR in emergency_exit.
                logic: Logic,
                /// Conditions of the section.
                conditions: Vec<Condition>,
                /// Groups of conditions, nested at most 3 deep.
                groups: Vec<Group>,
                /// Steps that must become true one after the other; ANDed with the rest.
                sequence: Sequence,
                $( $(#[$field_meta])* $field: $type, )*
            }
        }
        impl $crate::document::strategy::wire::Rule for $name {
            fn parts(&self) -> $crate::document::strategy::wire::Parts<'_> {
                $crate::document::strategy::wire::Parts {
                    logic: self.logic,
                    conditions: self.conditions.as_deref().unwrap_or_default(),
                    groups: self.groups.as_deref().unwrap_or_default(),
                    sequence: self.sequence.as_ref(),
                }
            }
            fn set(&mut self, group: Group) {
                self.logic = group.logic;
                self.conditions = group.conditions;
                self.groups = group.groups;
            }
        }
    )* };
}
pub(super) use {object, section};

/// The parts of a section that make its rule.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// How the children combine, when written.
    pub logic: Option<Logic>,
    /// Conditions.
    pub conditions: &'a [Condition],
    /// Groups.
    pub groups: &'a [Group],
    /// Sequence.
    pub sequence: Option<&'a Sequence>,
}

/// A section with a rule.
pub trait Rule {
    /// The rule as written.
    fn parts(&self) -> Parts<'_>;
    /// Replaces logic, conditions and groups; the sequence stays.
    fn set(&mut self, group: Group);
}

object! {
    snake_case;

    /// A tradingd strategy: when to see a signal (s1_signal), drop it (o1_cancel), enter (z1_entry), take profit
    /// (ze1_close) and get out at any price (emergency_exit). Times are seconds and percentages plain numbers
    /// (5 = 5 %) unless a name says otherwise.
    Strategy {
        /// Where this schema lies, for editors.
        #[serde(rename = "$schema")]
        schema: String,
        /// Name people read, unique among strategies.
        #[schemars(required, length(min = 3, max = 64))]
        strategy_name: String,
        /// Id, given by the server.
        id: String,
        /// What the strategy is after.
        #[schemars(length(max = 2000))]
        description: String,
        /// Which side it trades. BOTH runs as two instances with mirrored formulas, but thresholds are not mirrored.
        #[schemars(extend("default" = "LONG"))]
        direction: Direction,
        /// A disabled strategy is kept but never run.
        #[schemars(extend("default" = true))]
        enabled: bool,
        /// Kind of strategy: momentum, pump_dump, trend_following, mean_reversion, scalping or a word of your own.
        #[schemars(length(max = 64))]
        category: String,
        /// Words to find it by.
        #[schemars(length(max = 32))]
        tags: Vec<String>,
        /// Who made it.
        created_by: String,
        /// Who made it.
        author: String,
        /// Template it came from.
        template_id: String,
        /// Set by the server.
        created_at: String,
        /// Set by the server.
        updated_at: String,
        /// Set by the server.
        last_activated_at: String,
        /// Evaluated and served first when higher.
        #[schemars(range(min = 0, max = 100), extend("default" = 50))]
        priority: Whole,
        /// The indicators of this strategy by the names its conditions use.
        indicators: Indicators,
        /// When a signal is seen. At least one condition.
        #[schemars(required)]
        s1_signal: SignalSection,
        /// When a seen signal is dropped before the entry.
        #[schemars(required)]
        o1_cancel: CancelSection,
        /// When and how to enter. Without conditions it enters as soon as there is a signal.
        #[schemars(required)]
        z1_entry: EntrySection,
        /// False switches ze1_close off. True when absent.
        ze1_enabled: bool,
        /// When and how to leave with a normal exit.
        #[schemars(required)]
        ze1_close: CloseSection,
        /// When to leave at any price. Its conditions combine with OR unless `logic` says otherwise.
        #[schemars(required)]
        emergency_exit: EmergencySection,
        /// Stop that follows the best price.
        #[serde(rename = "trailingStop")]
        trailing_stop: TrailingStop,
        /// Stop moved to the entry once.
        #[serde(rename = "breakEven")]
        break_even: BreakEven,
        /// Partial exits; the shares add up to 100 at most and the rest keeps the other exits.
        #[serde(rename = "takeProfitLadder")]
        #[schemars(length(max = 16))]
        take_profit_ladder: Vec<LadderStep>,
        /// Longest time in a position.
        #[serde(rename = "maxHoldSeconds")]
        #[schemars(range(max = 2_678_400), extend("exclusiveMinimum" = 0))]
        max_hold_seconds: Number,
        /// What to do when the exit rules have no data while in a position.
        #[serde(rename = "onDataLoss")]
        on_data_loss: OnDataLoss,
        /// When rules are looked at.
        evaluation: Evaluation,
        /// Limits of this strategy; the tighter of these and the session's holds.
        global_limits: Limits,
        /// Free space for other programs; kept, never read.
        extensions: Map<String, Value>,
    }

    /// Limits of the strategy. Keys ending in `_pct` are percent, but base, min and max position are fractions.
    Limits {
        /// Size as a fraction of equity; only used when z1_entry has no positionSize.
        #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
        base_position_pct: Number,
        /// Largest position as a fraction of equity.
        #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
        max_position_pct: Number,
        /// Smaller positions, as a fraction of equity, are refused.
        #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
        min_position_pct: Number,
        /// Largest notional in the quote currency.
        #[schemars(range(min = 1, max = 10_000))]
        max_position_size_usdt: Number,
        /// Smaller notionals in the quote currency are refused.
        #[schemars(range(min = 1, max = 1_000))]
        min_position_size_usdt: Number,
        /// Highest leverage; z1_entry.leverage above it is reduced to it.
        #[schemars(range(min = 1, max = 10))]
        max_leverage: Whole,
        /// Of the original; has no effect.
        #[schemars(range(max = 50), extend("exclusiveMinimum" = 0))]
        stop_loss_buffer_pct: Number,
        /// Of the original; has no effect.
        #[schemars(range(min = 1, max = 100))]
        target_profit_pct: Number,
        /// Share of the session budget, percent.
        #[schemars(range(min = 0.1, max = 20))]
        max_allocation_pct: Number,
        /// Of the original; has no effect.
        risk_adjustment_points: Vec<Value>,
        /// Of the original; has no effect.
        close_price_adjustment_points: Vec<Value>,
        /// Wait after a dropped signal when o1_cancel does not say.
        #[schemars(range(min = 0, max = 1440), extend("default" = 5))]
        signal_cancellation_cooldown_minutes: Number,
        /// Wait after a normal exit.
        #[schemars(range(min = 0, max = 1440), extend("default" = 5))]
        normal_exit_cooldown_minutes: Number,
        /// Wait after an emergency exit when emergency_exit does not say.
        #[schemars(range(min = 0, max = 1440), extend("default" = 30))]
        emergency_exit_cooldown_minutes: Number,
        /// Another name of normal_exit_cooldown_minutes.
        #[schemars(range(min = 0, max = 1440))]
        cooldown_minutes: Number,
        /// Entries a UTC day.
        #[schemars(range(min = 1, max = 1_000_000))]
        max_daily_trades: Whole,
        /// Loss in a UTC day, in percent of equity at its start, that blocks entries until the next.
        #[schemars(range(max = 100), extend("exclusiveMinimum" = 0))]
        daily_loss_limit_pct: Number,
        /// Open or opening positions of the strategy.
        #[schemars(range(min = 1, max = 1_000))]
        max_concurrent_positions: Whole,
        /// Sum of notionals in percent of equity.
        #[schemars(range(max = 1000), extend("exclusiveMinimum" = 0))]
        max_portfolio_exposure_pct: Number,
    }
}

object! {
    /// A stop that follows the best price and only tightens.
    TrailingStop {
        /// Switch.
        #[schemars(required)]
        enabled: bool,
        /// Best profit, in price percent, from which it follows.
        #[schemars(range(min = 0, max = 1000))]
        activation_percent: Number,
        /// Distance from the best price in percent.
        #[schemars(range(max = 100), extend("exclusiveMinimum" = 0))]
        distance_percent: Number,
    }

    /// Moves the stop to the entry once.
    BreakEven {
        /// Switch.
        #[schemars(required)]
        enabled: bool,
        /// Best profit, in price percent, that moves the stop.
        #[schemars(range(max = 1000), extend("exclusiveMinimum" = 0))]
        activation_percent: Number,
        /// Where to: percent beyond the entry in the direction of profit.
        #[schemars(range(min = -100, max = 1000), extend("default" = 0))]
        offset_percent: Number,
    }

    /// One partial exit.
    LadderStep {
        /// Profit, in price percent, that triggers it.
        #[schemars(required, range(max = 1000), extend("exclusiveMinimum" = 0))]
        offset_percent: Number,
        /// Share of the opened quantity to close, percent.
        #[schemars(required, range(max = 100), extend("exclusiveMinimum" = 0))]
        close_percent: Number,
    }

    /// What to do when ze1_close or emergency_exit stay unknown in a position.
    OnDataLoss {
        /// How long unknown.
        #[schemars(range(max = 86_400), extend("exclusiveMinimum" = 0, "default" = 20))]
        after_seconds: Number,
        /// alert records it, close also leaves at market.
        #[schemars(required)]
        action: DataLossAction,
    }

    /// When rules are looked at.
    Evaluation {
        /// Entry rules are looked at no more often than this many milliseconds; the last value is never lost.
        #[schemars(range(min = 0, max = 60_000), extend("default" = 100))]
        entry_min_interval_ms: Whole,
        /// Also once a second when nothing happens.
        #[schemars(extend("default" = true))]
        on_clock: bool,
    }
}

/// Side a strategy trades.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Direction {
    /// Buys to open.
    Long,
    /// Sells to open.
    Short,
    /// Both, as two instances.
    Both,
}

/// What to do on data loss.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DataLossAction {
    /// Record it.
    Alert,
    /// Close at market.
    Close,
}
