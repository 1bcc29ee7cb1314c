//! A session that records a live market and does nothing else.
//!
//! Never: a row changed or left out without a gap; recording on when the disk has no room for what matters more.

use super::inbox::{Batch, Inbox};
use super::journal::Journal;
use super::paper::Ended;
use super::running::{Running, Watcher};
use crate::clock::Stopwatch;
use crate::domain::time::{Span, Timestamp};
use crate::session::backtest::Progress;
use crate::store::StoreError;

/// How often the room on the disk is looked at.
const LOOK_AT_DISK_EVERY: Span = Span::SECOND;

/// Records until `until`, or until it is stopped or the daemon ends.
///
/// # Errors
/// A sentence that says why it could not go on; what was recorded stays.
pub(super) fn record(
    session: &Running,
    journal: &mut Journal,
    queue: &Inbox,
    until: Option<Timestamp>,
    min_free_mib: u64,
    free_mib: &dyn Fn() -> Option<u64>,
) -> Result<Ended, String> {
    let mut free = Stopwatch::start();
    let said = |error: StoreError| format!("the recording ended, what was recorded before is kept: {error}");
    let mut batch = Batch::default();
    let mut watcher = Watcher::new(session, true);
    loop {
        queue.take(&mut batch);
        journal.take_down(&batch, session).map_err(said)?;
        let ended = if session.is_suspending() {
            Some(Ended::Suspended)
        } else if session.control.is_stopped() {
            Some(Ended::Stopped)
        } else {
            until.filter(|until| batch.until >= *until).map(|_| Ended::ByItself)
        };
        if let Some(ended) = ended {
            if ended != Ended::Suspended {
                queue.close(&mut batch);
                journal.take_down(&batch, session).map_err(said)?;
            }
            journal.commit(session, batch.until).map_err(said)?;
            return Ok(ended);
        }
        if free.elapsed() >= LOOK_AT_DISK_EVERY {
            free = Stopwatch::start();
            if let Some(left) = free_mib().filter(|left| *left < min_free_mib) {
                return Err(format!(
                    "the recording ended, what was recorded before is kept: the disk has {left} MiB left and {min_free_mib} MiB are to stay \
                     free (recording.min_free_mib)"
                ));
            }
        }
        journal.commit_if_due(session, batch.until).map_err(said)?;
        watcher.show(Progress { ticks: journal.rows(), at: batch.until });
    }
}
