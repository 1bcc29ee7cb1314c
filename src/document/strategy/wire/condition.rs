//! Conditions, groups, sequences, and the signal section.

use super::{Number, object, section};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

object! {
    /// A comparison.
    Condition {
        /// Unique in the document.
        #[schemars(required, length(min = 1, max = 64))]
        id: String,
        /// Left side of the comparison: a name of `indicators`, a type name (with its default parameters), or
        /// a value of the instance such as UNREALIZED_PNL_PCT or POSITION_AGE_SECONDS.
        #[schemars(required, length(min = 1, max = 128))]
        indicator_id: String,
        /// Comparison operator.
        #[schemars(required)]
        operator: Operator,
        /// Right side of the comparison.
        value: Number,
        /// Upper bound of `between`.
        value_high: Number,
        /// Another indicator as the right side, instead of `value`.
        #[schemars(length(min = 1, max = 128))]
        compare_to: String,
        /// Factor on `compareTo`.
        #[schemars(extend("default" = 1))]
        multiplier: Number,
        /// Added to `compareTo` × `multiplier`.
        #[schemars(extend("default" = 0))]
        offset: Number,
        /// Seconds for which the comparison must have been true.
        #[schemars(range(min = 0, max = 3600), extend("default" = 0))]
        for_seconds: Number,
        /// Makes the condition true only when the comparison changes.
        #[schemars(extend("default" = "none"))]
        edge: Edge,
        /// Seconds for which the condition stays true after the edge.
        #[schemars(range(min = 0, max = 600), extend("default" = 0))]
        edge_window_seconds: Number,
        /// Maximum age of the newest input in seconds; an older value counts as missing.
        #[schemars(range(max = 86_400), extend("exclusiveMinimum" = 0))]
        max_age_seconds: Number,
        /// Disabled conditions are ignored.
        #[schemars(extend("default" = true))]
        enabled: bool,
        /// Connector to the next condition of a flat list, evaluated from left to right; NOT negates this
        /// condition and continues with AND. Only for legacy documents; use groups instead.
        logic: Connector,
        /// Short display text.
        #[schemars(length(max = 200))]
        label: String,
        /// Long display text.
        #[schemars(length(max = 2000))]
        description: String,
    }

    /// Conditions and groups combined by one operator.
    Group {
        /// Name of the group.
        #[schemars(length(min = 1, max = 64))]
        id: String,
        /// How the conditions and groups are combined.
        #[schemars(extend("default" = "AND"))]
        logic: Logic,
        /// Negates the result.
        #[schemars(extend("default" = false))]
        negate: bool,
        /// Conditions of the group.
        conditions: Vec<Condition>,
        /// Nested groups.
        groups: Vec<Group>,
    }

    /// Steps that must become true one after another.
    Sequence {
        /// The steps, at least two groups.
        #[schemars(required, length(min = 2, max = 16))]
        steps: Vec<Group>,
        /// Maximum seconds from one step to the next.
        #[schemars(range(max = 3600), extend("exclusiveMinimum" = 0, "default" = 10))]
        max_gap_seconds: Number,
        /// Maximum seconds from the first step to the last.
        #[schemars(range(max = 86_400), extend("exclusiveMinimum" = 0, "default" = 120))]
        max_total_seconds: Number,
    }
}

section! {
    /// Detects a signal.
    SignalSection {}
}

/// How conditions and groups are combined.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Logic {
    /// All must be true.
    And,
    /// One must be true.
    Or,
}

/// Connector between conditions of a flat list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Connector {
    /// AND with the next.
    And,
    /// OR with the next.
    Or,
    /// Negate this one, AND with the next.
    Not,
}

/// Comparison operator.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub enum Operator {
    /// Greater.
    #[serde(rename = ">")]
    Greater,
    /// Greater or equal.
    #[serde(rename = ">=")]
    GreaterOrEqual,
    /// Less.
    #[serde(rename = "<")]
    Less,
    /// Less or equal.
    #[serde(rename = "<=")]
    LessOrEqual,
    /// Equal, with a relative tolerance of 1e-9.
    #[serde(rename = "==")]
    Equal,
    /// Not equal, with the same tolerance.
    #[serde(rename = "!=")]
    NotEqual,
    /// From `value` to `valueHigh`, both inclusive.
    #[serde(rename = "between")]
    Between,
    /// Becomes greater (rising edge).
    #[serde(rename = "crosses_above")]
    CrossesAbove,
    /// Becomes less (rising edge).
    #[serde(rename = "crosses_below")]
    CrossesBelow,
}

/// Edge of a comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Edge {
    /// No edge: true as long as the comparison is.
    None,
    /// When the comparison becomes true.
    Rising,
    /// When the comparison becomes false.
    Falling,
}
