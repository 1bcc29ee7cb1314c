//! A session that records the market as it happens and does nothing else.
//!
//! Never: a row changed or left out without a gap; recording on when the disk has no room for what matters
//! more.

use super::inbox::Inbox;
use super::journal::Journal;
use crate::clock::Stopwatch;
use crate::domain::time::{Span, Timestamp};
use crate::service::sessions::run::outcome::Failure;
use crate::service::sessions::run::running::Running;
use crate::service::sessions::run::watcher::Watcher;
use crate::session::driver::Progress;
use crate::session::inputs::Batch;
use crate::session::market_loop::Ended;

/// How often the room on the disk is looked at.
const LOOK_AT_DISK_EVERY: Span = Span::SECOND;

/// Records until `until`, or until it is stopped or the daemon ends. `short_of_room`: MiB that are free and
/// MiB that must stay free, when there is less.
///
/// # Errors
/// Why it could not go on; what was recorded stays.
pub(super) fn record(
    session: &Running,
    journal: &mut Journal,
    inbox: &Inbox,
    until: Option<Timestamp>,
    short_of_room: &dyn Fn() -> Option<(u64, u64)>,
) -> Result<Ended, Failure> {
    let mut free = Stopwatch::start();
    let mut batch = Batch::default();
    let mut watcher = Watcher::new(session, true);
    loop {
        inbox.take(&mut batch);
        journal.append(&batch)?;
        watcher.show(Progress { ticks: journal.rows(), at: batch.until });
        let ended = if session.control.is_stopped() {
            Some(Ended::Stopped)
        } else if session.is_suspending() {
            Some(Ended::Suspended)
        } else {
            until.filter(|until| batch.until >= *until).map(|_| Ended::ByItself)
        };
        if let Some(ended) = ended {
            if ended != Ended::Suspended {
                inbox.close(&mut batch);
                journal.append(&batch)?;
                watcher.last(Progress { ticks: journal.rows(), at: batch.until });
            }
            journal.commit(batch.until)?;
            return Ok(ended);
        }
        if free.elapsed() >= LOOK_AT_DISK_EVERY {
            free = Stopwatch::start();
            if let Some((left, min_free_mib)) = short_of_room() {
                return Err(Failure::Other(format!(
                    "the recording ended, what was recorded before is kept: the disk has {left} MiB left and {min_free_mib} MiB are to stay \
                     free (recording.min_free_mib)"
                )));
            }
        }
        journal.commit_if_due(batch.until)?;
    }
}
