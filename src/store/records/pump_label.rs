//! A pump that a person marked in a recording.

use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};

/// One marked pump. Times are microseconds since 1970, exchange time.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct PumpLabelV1 {
    /// Number within the recording.
    pub number: u64,
    /// Symbol, as the recording spells it.
    pub symbol: String,
    /// How sure the onset is: `A` (clear) to `D` (announced only), or `W` (weak).
    pub grade: String,
    /// Where the pump begins.
    pub onset_us: i64,
    /// The highest price.
    pub peak_us: Option<i64>,
    /// Where it is over.
    pub end_us: Option<i64>,
    /// When it was announced.
    pub announced_us: Option<i64>,
    /// Remark, plain text.
    pub note: String,
    /// User of the last change.
    pub user: String,
    /// Time of the last change, microseconds since 1970.
    pub updated_us: i64,
}

impl Stored for PumpLabelV1 {
    const KIND: u16 = 41;
    const VERSION: u16 = 1;
    const NAME: &'static str = "pump_label";
}
