//! Events of the daemon itself, which no session has: in the event log like those of one.

use super::error::during;
use super::event_segment::EventSegment;
use super::sessions::EncodedSession;
use super::tables::META;
use super::{Store, StoreError};
use redb::ReadableTable;

/// What stands in the place of a session for events of the daemon itself.
pub const DAEMON: &str = "daemon";
/// Number of the last of them, in the table of numbers.
const DAEMON_EVENTS: &str = "daemon_events";
const WRITING: &str = "writing the event log";

impl Store {
    /// Keeps an event of the daemon and returns its number; `line` makes the JSON object from that number.
    ///
    /// # Errors
    /// What the disk reports.
    pub fn log_daemon_event(&self, line: impl Fn(u64) -> String + Send + 'static) -> Result<u64, StoreError> {
        self.write(move |txn| {
            let mut meta = txn.open_table(META).map_err(during(WRITING))?;
            // Kept by itself: the events may all have been removed.
            let first_seq =
                meta.get(DAEMON_EVENTS).map_err(during(WRITING))?.map_or(0, |last| last.value()) + 1;
            meta.insert(DAEMON_EVENTS, first_seq).map_err(during(WRITING))?;
            let lines = line(first_seq) + "\n";
            EncodedSession::of_events(DAEMON, &EventSegment { first_seq, lines })?.write(txn)?;
            Ok(first_seq)
        })
    }
}
