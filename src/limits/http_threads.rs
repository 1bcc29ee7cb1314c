//! Shares of the threads on which requests may block; `limits` proves that they add up.

/// Threads for blocking work. Each kind of work has its own share (below), so that none can starve another.
pub const HTTP_BLOCKING_THREADS: usize = 86;

/// Concurrent requests that use the store; more wait.
pub const HTTP_STORE_THREADS: usize = 20;

/// Concurrent requests that read a whole result or all rows of a recorded symbol, up to about 100 MB each;
/// more wait.
pub const HTTP_HEAVY_READS: usize = 3;

/// Of those, requests per user.
pub const HTTP_HEAVY_READS_PER_USER: usize = 1;

/// Further such requests per user that wait; one more is refused with 429, and so is one that waits for 30 s.
pub const HTTP_HEAVY_READS_WAITING_PER_USER: usize = 16;

/// Concurrent session starts, which may wait for the exchange; more wait.
pub const HTTP_STARTS: usize = 4;

/// Threads for short work that must never be blocked: stopping a session, readiness, renewing and ending a
/// login. More requests wait.
pub const HTTP_URGENT_THREADS: usize = 8;

/// Concurrent controls of single sessions (pause, flatten and so on), which wait for the session; more wait.
/// Those of all sessions with real money are urgent.
pub const HTTP_CONTROLS: usize = 8;

/// Concurrent exports; a further one is refused with 429.
pub const HTTP_EXPORTS: usize = 4;

/// Milliseconds without a byte to a client that has ended its half of the connection; then it counts as left,
/// and what only its answer needs ends. A longer `http.write_timeout_ms` is used instead.
pub const HTTP_HALF_CLOSED_MS: u64 = 30_000;

/// Concurrent copies of records for commands; more wait.
pub const HTTP_COPIES: usize = 4;

/// Concurrent lists of records for commands; more wait. They wait for no copy, which may be long.
pub const HTTP_LISTS: usize = 4;

/// Concurrent strategy previews, each at most `PREVIEW_MS` long; more wait, one per user.
pub const HTTP_PREVIEWS: usize = 2;

/// Concurrent session replays; a further one is refused with 429.
pub const HTTP_REPLAYS: usize = 2;

/// Concurrent imports; more wait.
pub const HTTP_IMPORTS: usize = 2;

/// Concurrent requests waiting for the exchange; more wait.
pub const HTTP_EXCHANGE_CALLS: usize = 4;

/// Concurrent lists of the exchange's symbols; others wait, and then find the list or the failure of the one
/// before.
pub const HTTP_SYMBOL_LISTS: usize = 1;

/// Threads kept free for the runtime itself: DNS lookups, files, shutdown.
pub const HTTP_SPARE_THREADS: usize = 8;
