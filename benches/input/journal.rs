//! A longer journal for a session that stands on disk: rows as the rehearsal exchange's generator makes them.

use std::path::Path;
use std::sync::Arc;
use tradingd::domain::record::Record;
use tradingd::domain::symbol::SymbolId;
use tradingd::domain::time::{Span, Timestamp};
use tradingd::rehearsal::{Generator, RowSource};
use tradingd::store::{OpenMode, RecordingCommit, Store};

/// Rows of one commit.
const A_COMMIT: u64 = 10_000;

/// Appends rows to the recording of a session that nobody runs, so many a second from the last received one
/// on, each with a receive time of its own; returns the last of these times.
pub fn lengthen(state: &Path, session: &str, rows: u64, a_second: u32) -> Timestamp {
    let store = Arc::new(Store::open(state, OpenMode::MustExist).expect("a store"));
    let row = store.session(session).expect("it was started");
    let open = store.resume_recording(&row.input_recording_id.expect("it records")).expect("nobody makes it");
    let begun = open.last_received().expect("it has rows") + Span::from_seconds(1);
    let mut source = Generator::new(row.symbols.len(), a_second, 8);
    let mut last = begun;
    for made in 1..=rows {
        let (symbol, row) = source.next().expect("it is endless").expect("it makes valid rows");
        let exchange_at = begun + (row.exchange_at - Timestamp::from_nanos(0));
        last = (last + Span::from_nanos(1_000)).max(exchange_at);
        let symbol = SymbolId(u32::try_from(symbol).expect("few symbols"));
        open.push(symbol, &[Record { exchange_at, received_at: Some(last), ..row }]).expect("rows in order");
        if made % A_COMMIT == 0 || made == rows {
            open.commit(RecordingCommit::default()).expect("a disk with room");
        }
    }
    last
}
