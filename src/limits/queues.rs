//! Bounds of the queues between a session's thread and those who want something of it or are told by it.

use super::{SESSION_PAIRS, SESSION_SYMBOLS};

/// Rows of the market feed waiting for their session; when full, the newest are dropped: a gap `overflow`.
pub const INBOX_ROWS: usize = 1 << 20;

/// Messages, interruptions and notices of the market feed waiting for their session. When full, rows are
/// dropped as above, notices are too, and a stream that is interrupted or complete again is told of once
/// there is room, as one gap from the first interruption on. Answers about orders are taken all the same:
/// there are no more than the orders under way have, which are at most an entry and an exit of each of
/// [`SESSION_PAIRS`] with their executions, and closes by others.
pub const INBOX_ARRIVALS: usize = 1 << 18;

/// Commands of people (pause, flatten and so on; one a symbol for some) that wait for a session's thread or,
/// applied, for the disk. When full, further ones are refused with 503 `session_busy`; closing everything is
/// taken all the same, and what is asked for again while it waits is one with the request before.
pub const SESSION_COMMANDS: usize = 8 * (SESSION_SYMBOLS + 1);

/// Orders and withdrawals that a live session has decided and its loop has not taken, which it does after
/// every batch. When full, an entry is rejected, which the log says; exits and withdrawals are taken all the
/// same. While a journal is replayed the oldest are forgotten instead: those the journal has.
pub const OUTBOX_ORDERS: usize = 4 * SESSION_PAIRS;

/// Orders, withdrawals and stops on their way from a session to the task that sends them; when full the
/// session waits.
pub const ORDER_COMMANDS: usize = 4_096;

/// Executions of others that closed something of a live session and of which it is not known yet, for a
/// second at most, whether a stop of ours made them; when full the oldest is booked as closed by hand.
pub const UNDECIDED_EXECUTIONS: usize = 1_024;

/// Programs of `alerts.exec` that run at once; further alerts wait for their turn.
pub const ALERT_PROGRAMS: usize = 4;

/// Alerts that wait for such a program; when full it is not told of further ones, which the log says and
/// `tradingd_alerts_dropped_total` counts. They are events all the same.
pub const ALERTS_WAITING: usize = 256;

/// Milliseconds for which a daemon that stops still tells the alerts that wait. After them those left count
/// as dropped, and the log has how many of which kind; programs that run are killed with all they have
/// started.
pub const ALERTS_CLOSE_MS: u64 = 5_000;

/// Milliseconds that such a daemon waits for killed programs to be gone; then it ends without them.
pub const ALERTS_KILL_MS: u64 = 1_000;

/// Milliseconds that the alert of a live session waits for its event to be on disk; then the program is told
/// all the same.
pub const ALERT_WAITS_MS: i64 = 5_000;

/// Lines of the log on their way to standard error; when full further ones are dropped, which the log says
/// and `tradingd_log_lines_dropped_total` counts.
pub const LOG_LINES_WAITING: usize = 4_096;

/// Milliseconds that the end of the process waits until they are written.
pub const LOG_FLUSH_MS: u64 = 2_000;

/// Parts of a file of rows that were parsed and not written yet; when full the parser waits. As many emptied
/// ones wait to be used again; further ones are dropped.
pub const IMPORT_PARTS: usize = 8;
