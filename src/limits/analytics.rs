//! Bounds of the copy in QuestDB and of the import from one.

/// Rows of one request to QuestDB; more go into the next one.
pub const ANALYTICS_BATCH_ROWS: usize = 10_000;

/// Bytes of one request to QuestDB; a batch that has reached them is sent.
pub const ANALYTICS_BATCH_BYTES: usize = 4 << 20;

/// Differences listed of one table when QuestDB is compared with the store; further ones are only counted.
pub const ANALYTICS_DIFFERENCES_SHOWN: usize = 100;

/// Characters kept of a row that QuestDB refused; the rest is cut off.
pub const DEAD_LETTER_CHARS: usize = 1_000;

/// Bytes of one line for QuestDB; a longer row becomes a dead letter. The server's own limit is 2 MiB.
pub const ANALYTICS_LINE_BYTES: usize = 1 << 20;

/// Bytes of an answer of QuestDB; a longer one is an error.
pub const ANALYTICS_ANSWER_BYTES: usize = 64 << 20;

/// Rows that QuestDB refused and that are kept for the user; when full, the oldest go.
pub const DEAD_LETTERS: u64 = 1_000;

/// Events of the log that are read at once for the copy; the rest come with the next read.
pub const ANALYTICS_EVENTS: usize = 10_000;

/// Rows read at once from a table of QuestDB on import; the rest come with the next query.
pub const ANALYTICS_PAGE_ROWS: usize = 50_000;
