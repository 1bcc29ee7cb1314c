//! A gap in a recorded stream.

use crate::domain::event::{Gap, GapCause};
use crate::domain::record::RecordedGap;
use crate::domain::time::Timestamp;
use crate::store::blocks::{kind_code, kind_from_code};
use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};

/// A time span without data in one symbol's stream.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GapV1 {
    /// The symbol's name.
    pub symbol: String,
    /// Code of the stream kind, as in blocks.
    pub stream: u8,
    /// Last moment before the gap, nanoseconds since 1970.
    pub from_ns: i64,
    /// First moment after the gap, nanoseconds since 1970.
    pub to_ns: i64,
    /// Name of the cause.
    pub cause: String,
}

impl Stored for GapV1 {
    const KIND: u16 = 4;
    const VERSION: u16 = 1;
    const NAME: &'static str = "gap";
}

impl GapV1 {
    /// The stored form of a gap.
    pub fn new(symbol: &str, gap: &RecordedGap) -> Self {
        GapV1 {
            symbol: symbol.to_owned(),
            stream: kind_code(gap.stream),
            from_ns: gap.gap.from.nanos(),
            to_ns: gap.gap.to.nanos(),
            cause: gap.gap.cause.as_str().to_owned(),
        }
    }

    /// The gap; `None` if this version does not know its stream or cause.
    pub fn gap(&self) -> Option<RecordedGap> {
        let (cause, _) = GapCause::ALL.iter().find(|(_, word)| *word == self.cause)?;
        let (from, to) = (Timestamp::from_nanos(self.from_ns), Timestamp::from_nanos(self.to_ns));
        Some(RecordedGap { stream: kind_from_code(self.stream)?, gap: Gap { from, to, cause: *cause } })
    }
}
