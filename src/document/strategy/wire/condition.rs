//! Conditions, groups of them, sequences, and the section that has nothing else.

use super::{Number, object, section};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

object! {
    /// One comparison.
    Condition {
        /// Unique in the document.
        #[schemars(required, length(min = 1, max = 64))]
        id: String,
        /// What is looked at: a name of `indicators`, a type name (with its defaults), or an own value such as
        /// UNREALIZED_PNL_PCT or POSITION_AGE_SECONDS.
        #[schemars(required, length(min = 1, max = 128))]
        indicator_id: String,
        /// Comparison.
        #[schemars(required)]
        operator: Operator,
        /// What it is compared with.
        value: Number,
        /// Upper bound of `between`.
        value_high: Number,
        /// Another indicator to compare with, instead of `value`.
        #[schemars(length(min = 1, max = 128))]
        compare_to: String,
        /// Factor on `compareTo`.
        #[schemars(extend("default" = 1))]
        multiplier: Number,
        /// Added to `compareTo` × `multiplier`.
        #[schemars(extend("default" = 0))]
        offset: Number,
        /// Must have been true for this many seconds.
        #[schemars(range(min = 0, max = 3600), extend("default" = 0))]
        for_seconds: Number,
        /// True only around the moment it changes.
        #[schemars(extend("default" = "none"))]
        edge: Edge,
        /// How long after the edge it stays true, seconds.
        #[schemars(range(min = 0, max = 600), extend("default" = 0))]
        edge_window_seconds: Number,
        /// A value whose newest input is older than this many seconds counts as missing.
        #[schemars(range(max = 86_400), extend("exclusiveMinimum" = 0))]
        max_age_seconds: Number,
        /// A condition that is not enabled is left out.
        #[schemars(extend("default" = true))]
        enabled: bool,
        /// Connector to the next condition of a flat list, evaluated left to right; NOT negates this condition and
        /// continues with AND. Only for documents of the original: write groups instead.
        logic: Connector,
        /// Short text for people.
        #[schemars(length(max = 200))]
        label: String,
        /// Text for people.
        #[schemars(length(max = 2000))]
        description: String,
    }

    /// Conditions and groups combined by one logic.
    Group {
        /// Name of the group.
        #[schemars(length(min = 1, max = 64))]
        id: String,
        /// How the children combine.
        #[schemars(extend("default" = "AND"))]
        logic: Logic,
        /// True turns the result around.
        #[schemars(extend("default" = false))]
        negate: bool,
        /// Conditions of the group.
        conditions: Vec<Condition>,
        /// Nested groups.
        groups: Vec<Group>,
    }

    /// Steps that must become true one after the other.
    Sequence {
        /// At least two groups.
        #[schemars(required, length(min = 2, max = 16))]
        steps: Vec<Group>,
        /// Longest time from one step to the next, seconds.
        #[schemars(range(max = 3600), extend("exclusiveMinimum" = 0, "default" = 10))]
        max_gap_seconds: Number,
        /// Longest time from the first step to the last, seconds.
        #[schemars(range(max = 86_400), extend("exclusiveMinimum" = 0, "default" = 120))]
        max_total_seconds: Number,
    }
}

section! {
    /// When a signal is seen.
    SignalSection {}
}

/// How children combine.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Logic {
    /// All must be true.
    And,
    /// One must be true.
    Or,
}

/// Connector of a flat list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Connector {
    /// AND the next.
    And,
    /// OR the next.
    Or,
    /// Negated, AND the next.
    Not,
}

/// Comparison of a condition.
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
    /// Equal, with a tolerance of 1e-9 relative.
    #[serde(rename = "==")]
    Equal,
    /// Not equal, with the same tolerance.
    #[serde(rename = "!=")]
    NotEqual,
    /// From `value` to `valueHigh`, both included.
    #[serde(rename = "between")]
    Between,
    /// Greater with a rising edge.
    #[serde(rename = "crosses_above")]
    CrossesAbove,
    /// Less with a rising edge.
    #[serde(rename = "crosses_below")]
    CrossesBelow,
}

/// Edge of a condition.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Edge {
    /// The level counts.
    None,
    /// The moment it becomes true.
    Rising,
    /// The moment it becomes false.
    Falling,
}
