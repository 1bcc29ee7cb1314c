//! The types of a strategy document; its JSON Schema is generated from them.
//!
//! All fields are optional here, so that valid parts can be checked although others are invalid. The schema
//! states which fields are required and all bounds of single fields. Unknown fields are kept.
//! Doc comments become descriptions of the schema, written for authors of strategies.

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
            /// Fields unknown to this version; kept without effect.
            #[serde(flatten)]
            pub unknown: serde_json::Map<String, serde_json::Value>,
        }
    )* };
    ($($rest:tt)*) => { $crate::document::strategy::wire::object! { @ "camelCase"; $($rest)* } };
}

/// As `object!`, with the fields of a rule: logic, conditions, groups, sequence.
macro_rules! section {
    ($( $(#[$meta:meta])* $name:ident { $( $(#[$field_meta:meta])* $field:ident: $type:ty, )* } )*) => { $(
        $crate::document::strategy::wire::object! {
            $(#[$meta])*
            $name {
                /// How conditions and groups are combined. Default is AND; OR in emergency_exit.
                logic: Logic,
                /// Conditions of the section.
                conditions: Vec<Condition>,
                /// Groups of conditions, nested at most 3 levels deep.
                groups: Vec<Group>,
                /// Steps that must become true one after another; ANDed with the rest.
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

/// The fields of a section that form its rule.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// How the children are combined, if stated.
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
    /// The rule as in the document.
    fn parts(&self) -> Parts<'_>;
    /// Replaces logic, conditions and groups, but not the sequence.
    fn set(&mut self, group: Group);
}

object! {
    snake_case;

    /// A tradingd strategy: when to detect a signal (s1_signal), cancel it (o1_cancel), enter (z1_entry),
    /// exit normally (ze1_close) and exit at any price (emergency_exit). Times are seconds and percentages
    /// plain numbers (5 = 5 %) unless a name says otherwise.
    Strategy {
        /// Location of this schema, for editors.
        #[serde(rename = "$schema")]
        schema: String,
        /// Display name, unique among strategies; no control, invisible or text-direction characters, and 3
        /// characters besides white space at its ends.
        #[schemars(required, length(min = 3, max = 64))]
        strategy_name: String,
        /// Id, assigned by the server.
        id: String,
        /// What the strategy does.
        #[schemars(length(max = 2000))]
        description: String,
        /// Side to trade. BOTH runs two instances with mirrored formulas, but thresholds are not mirrored.
        #[schemars(extend("default" = "LONG"))]
        direction: Direction,
        /// A disabled strategy is stored but never run.
        #[schemars(extend("default" = true))]
        enabled: bool,
        /// Kind of strategy: momentum, pump_dump, trend_following, mean_reversion, scalping or any other
        /// word.
        #[schemars(length(max = 64))]
        category: String,
        /// Search keywords.
        #[schemars(length(max = 32))]
        tags: Vec<String>,
        /// Author.
        created_by: String,
        /// Author.
        author: String,
        /// Template it was created from.
        template_id: String,
        /// Set by the server.
        created_at: String,
        /// Set by the server.
        updated_at: String,
        /// Set by the server.
        last_activated_at: String,
        /// A higher priority is evaluated and served first.
        #[schemars(range(min = 0, max = 100), extend("default" = 50))]
        priority: Whole,
        /// Indicators of this strategy by the names that its conditions use.
        indicators: Indicators,
        /// Detects a signal. Needs at least one condition.
        #[schemars(required)]
        s1_signal: SignalSection,
        /// Cancels a signal before the entry.
        #[schemars(required)]
        o1_cancel: CancelSection,
        /// When and how to enter. Without conditions it enters as soon as there is a signal.
        #[schemars(required)]
        z1_entry: EntrySection,
        /// False disables ze1_close. Default is true.
        ze1_enabled: bool,
        /// Normal exit.
        #[schemars(required)]
        ze1_close: CloseSection,
        /// Emergency exit, at any price. Its conditions are combined with OR unless `logic` says otherwise.
        #[schemars(required)]
        emergency_exit: EmergencySection,
        /// Stop that follows the best price.
        #[serde(rename = "trailingStop")]
        trailing_stop: TrailingStop,
        /// Moves the stop to the entry price once.
        #[serde(rename = "breakEven")]
        break_even: BreakEven,
        /// Partial exits; the shares add up to at most 100, and the rest is left to the other exits.
        #[serde(rename = "takeProfitLadder")]
        #[schemars(length(max = 16))]
        take_profit_ladder: Vec<LadderStep>,
        /// Maximum seconds in a position.
        #[serde(rename = "maxHoldSeconds")]
        #[schemars(range(max = 2_678_400), extend("exclusiveMinimum" = 0))]
        max_hold_seconds: Number,
        /// What to do when exit rules have no data during a position.
        #[serde(rename = "onDataLoss")]
        on_data_loss: OnDataLoss,
        /// When rules are evaluated.
        evaluation: Evaluation,
        /// Limits of this strategy; the stricter of these and the session's limits apply.
        global_limits: Limits,
        /// Data of other programs; stored but not read.
        extensions: Map<String, Value>,
    }

    /// Limits of the strategy. Keys ending in `_pct` are percent, except base, min and max position, which
    /// are fractions.
    Limits {
        /// Size as a fraction of equity; used only if z1_entry has no positionSize.
        #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
        base_position_pct: Number,
        /// Maximum position as a fraction of equity.
        #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
        max_position_pct: Number,
        /// Minimum position as a fraction of equity; smaller ones are refused.
        #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
        min_position_pct: Number,
        /// Maximum notional in the quote currency.
        #[schemars(range(min = 1, max = 10_000))]
        max_position_size_usdt: Number,
        /// Minimum notional in the quote currency; smaller ones are refused.
        #[schemars(range(min = 1, max = 1_000))]
        min_position_size_usdt: Number,
        /// Maximum leverage; a higher z1_entry.leverage is reduced to it.
        #[schemars(range(min = 1, max = 10))]
        max_leverage: Whole,
        /// Legacy field without effect.
        #[schemars(range(max = 50), extend("exclusiveMinimum" = 0))]
        stop_loss_buffer_pct: Number,
        /// Legacy field without effect.
        #[schemars(range(min = 1, max = 100))]
        target_profit_pct: Number,
        /// Share of the session budget, in percent.
        #[schemars(range(min = 0.1, max = 20))]
        max_allocation_pct: Number,
        /// Legacy field without effect.
        risk_adjustment_points: Vec<Value>,
        /// Legacy field without effect.
        close_price_adjustment_points: Vec<Value>,
        /// Minutes before the next signal after a cancelled one, unless o1_cancel says otherwise.
        #[schemars(range(min = 0, max = 1440), extend("default" = 5))]
        signal_cancellation_cooldown_minutes: Number,
        /// Minutes before the next signal after a normal exit.
        #[schemars(range(min = 0, max = 1440), extend("default" = 5))]
        normal_exit_cooldown_minutes: Number,
        /// Minutes before the next signal after an emergency exit, unless emergency_exit says otherwise.
        #[schemars(range(min = 0, max = 1440), extend("default" = 30))]
        emergency_exit_cooldown_minutes: Number,
        /// Alias of normal_exit_cooldown_minutes.
        #[schemars(range(min = 0, max = 1440))]
        cooldown_minutes: Number,
        /// Maximum entries per UTC day.
        #[schemars(range(min = 1, max = 1_000_000))]
        max_daily_trades: Whole,
        /// Loss of the UTC day, in percent of equity at its start, that blocks entries until the next day.
        #[schemars(range(max = 100), extend("exclusiveMinimum" = 0))]
        daily_loss_limit_pct: Number,
        /// Maximum positions of the strategy that are open or being opened.
        #[schemars(range(min = 1, max = 1_000))]
        max_concurrent_positions: Whole,
        /// Maximum sum of notionals, in percent of equity.
        #[schemars(range(max = 1000), extend("exclusiveMinimum" = 0))]
        max_portfolio_exposure_pct: Number,
    }
}

object! {
    /// A stop that follows the best price and only tightens.
    TrailingStop {
        /// Whether it is used.
        #[schemars(required)]
        enabled: bool,
        /// Best profit, in percent of price, from which the stop follows.
        #[schemars(range(min = 0, max = 1000))]
        activation_percent: Number,
        /// Distance from the best price, in percent.
        #[schemars(range(max = 100), extend("exclusiveMinimum" = 0))]
        distance_percent: Number,
    }

    /// Moves the stop to the entry price once.
    BreakEven {
        /// Whether it is used.
        #[schemars(required)]
        enabled: bool,
        /// Best profit, in percent of price, at which the stop moves.
        #[schemars(range(max = 1000), extend("exclusiveMinimum" = 0))]
        activation_percent: Number,
        /// New stop, in percent beyond the entry price in the direction of profit.
        #[schemars(range(min = -100, max = 1000), extend("default" = 0))]
        offset_percent: Number,
    }

    /// A partial exit.
    LadderStep {
        /// Profit, in percent of price, that triggers it.
        #[schemars(required, range(max = 1000), extend("exclusiveMinimum" = 0))]
        offset_percent: Number,
        /// Share of the opened quantity to close, in percent.
        #[schemars(required, range(max = 100), extend("exclusiveMinimum" = 0))]
        close_percent: Number,
    }

    /// What to do when ze1_close or emergency_exit stays unknown during a position.
    OnDataLoss {
        /// Seconds for which it must be unknown.
        #[schemars(range(max = 86_400), extend("exclusiveMinimum" = 0, "default" = 20))]
        after_seconds: Number,
        /// `alert` records it, `close` also closes at market.
        #[schemars(required)]
        action: DataLossAction,
    }

    /// When rules are evaluated.
    Evaluation {
        /// Minimum milliseconds between two evaluations of entry rules; the last value is always evaluated.
        #[schemars(range(min = 0, max = 60_000), extend("default" = 100))]
        entry_min_interval_ms: Whole,
        /// Also evaluate once a second when nothing happens.
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
    /// Both sides, as two instances.
    Both,
}

/// Action on data loss.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DataLossAction {
    /// Record it.
    Alert,
    /// Close at market.
    Close,
}
