//! A recording that tests make up: trades of one symbol up to second 40, and then a gap up to second 160.

use crate::domain::event::{Gap, GapCause};
use crate::domain::record::{RecordedGap, StreamKind};
use crate::domain::time::Timestamp;
use crate::store::blocks::kind_code;
use crate::store::records::{RecordedStreamV1, RecordedSymbolV1, RecordingState, RecordingV1};

/// The recording, whose first trade is at this second, and its gap.
pub fn trades_and_a_gap(first: i64) -> (RecordingV1, [(String, RecordedGap); 1]) {
    let at = Timestamp::from_seconds;
    let trades = RecordedStreamV1 {
        rows: 10,
        first_ns: at(first).nanos(),
        last_ns: at(40).nanos(),
        ..RecordedStreamV1::empty(kind_code(StreamKind::Trades))
    };
    let symbol = RecordedSymbolV1 {
        name: "A_USDT".to_owned(),
        price_scale: 0,
        quantity_scale: 0,
        streams: vec![trades],
    };
    let recording = RecordingV1 {
        id: "session_20260101_000000_abcdef".to_owned(),
        state: RecordingState::Complete,
        sources: Vec::new(),
        created_us: 0,
        symbols: vec![symbol],
    };
    let gap = Gap { from: at(40), to: at(160), cause: GapCause::Disconnect };
    (recording, [("A_USDT".to_owned(), RecordedGap { stream: StreamKind::Trades, gap })])
}
