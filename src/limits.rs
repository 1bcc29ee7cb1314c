//! Every bound of the program, with what happens when it is reached.
//!
//! These are constants; none of them can be configured.

mod analytics;
mod files;
mod http_threads;
mod queues;

pub use analytics::*;
pub use files::*;
pub use http_threads::*;
pub use queues::*;

/// Levels per side of a book snapshot event; deeper levels are not recorded.
pub const BOOK_SNAPSHOT_LEVELS: usize = 20;

/// Levels per side of an order book while it is updated; when full, the worst level is dropped.
pub const BOOK_LEVELS: usize = 2_048;

/// Trades per symbol in the trade buffer ("tape"); when full, the oldest are dropped early, and windows that
/// need them become missing with the reason `window_overflow`.
pub const TAPE_POINTS: usize = 1 << 22;

/// Points of a derived step series; when full, as for the tape.
pub const SERIES_POINTS: usize = 1 << 20;

/// Symbols per session; a session with more is refused at the start.
pub const SESSION_SYMBOLS: usize = 1_000;

/// Pairs of strategy and symbol per session, about 8 KiB each; a session with more is refused at the start.
pub const SESSION_PAIRS: usize = 10_000;

/// Characters of one name in a JSON pointer; longer names are cut.
pub const JSON_STEP_CHARS: usize = 128;

/// Maximum number of duplicate-key errors reported per document; one more problem says that there are others.
pub const JSON_REPEATED: usize = 256;

/// Conditions per strategy document; more are a validation error.
pub const DOCUMENT_CONDITIONS: usize = 64;

/// Nesting of condition groups in one section; deeper is a validation error.
pub const DOCUMENT_GROUP_DEPTH: usize = 3;

/// Bytes of a strategy document; a larger one is refused unread.
pub const DOCUMENT_BYTES: usize = 1 << 20;

/// Nesting of objects and lists in a strategy document; deeper is refused.
pub const DOCUMENT_JSON_DEPTH: usize = 24;

/// Problems reported per strategy document; the rest are only counted.
pub const DOCUMENT_PROBLEMS: usize = 256;

/// Named indicators per strategy document; more are a validation error.
pub const DOCUMENT_INDICATORS: usize = 128;

/// Bytes of a strategy id; the id of a longer name is cut.
pub const STRATEGY_ID_BYTES: usize = 64;

/// Bytes of one line of an imported file; a longer line is refused with its line number.
pub const IMPORT_LINE_BYTES: usize = 64 << 10;

/// Bytes of one line of a JSON file of another maker, such as a whole answer of a REST interface; a longer
/// one is refused.
pub const FOREIGN_LINE_BYTES: usize = 4 << 20;

/// Members of a zip archive; more are refused.
pub const ZIP_MEMBERS: usize = 2_000;

/// Bytes of the directory of a zip archive; a larger one is refused.
pub const ZIP_DIRECTORY_BYTES: u64 = 8 << 20;

/// Largest ratio of decompressed to compressed bytes of a zip or gzip file beyond [`PACKED_FREE_BYTES`];
/// reading ends with an error there. Market data is packed 3 to 30 times.
pub const PACKED_RATIO: u64 = 200;

/// Decompressed bytes of a file for which its ratio does not matter.
pub const PACKED_FREE_BYTES: u64 = 64 << 20;

/// Bytes of rows that sorting holds in memory at once; more are written to temporary files and merged.
pub const SORT_BYTES: usize = 32 << 20;

/// Sorted parts of a file that are merged at once; when there are as many, they are merged into one.
pub const SORT_PARTS: usize = 64;

/// Notes on how files were read that are kept of a symbol; more are left out.
pub const FILE_NOTES: usize = 16;

/// Symbols per imported file; more are refused.
pub const FILE_SYMBOLS: usize = 10_000;

/// Characters of a symbol name; a longer one is refused.
pub const SYMBOL_CHARS: usize = 64;

/// Bytes of a symbol name used as a file name; a longer one is cut and made unique by its hash.
pub const SYMBOL_FILE_NAME_BYTES: usize = 160;

/// Distinct bar distances counted per file and symbol; further ones are ignored.
pub const BAR_DISTANCES: usize = 256;

/// Symbols of a file for each of which a replay reads it anew, where they are not in order of time among each
/// other; of a file with more the rows are sorted into a temporary file and read once.
pub const FILE_PASSES: usize = 16;

/// Trades with ids remembered per file, of all its symbols together, to notice repeated ones. When full, the
/// oldest are forgotten, and trades that may repeat a forgotten one are counted and told in a note of the
/// recording and of the result.
pub const KNOWN_TRADES: usize = 1 << 17;

/// Trades of a symbol whose id was there with another price, quantity or side; with more, and more than one
/// in a hundred rows, the column holds no ids of trades and the file is refused.
pub const CONTRADICTING_TRADES: u64 = 10;

/// Rows of an overlapping file whose fingerprints are held in memory to be compared; more are in a temporary
/// file.
pub const COMPARED_IN_MEMORY: usize = 1 << 15;

/// Files that later ones were compared with and that are kept open for the next; the least recently used one
/// is closed, and read again should a later file overlap it.
pub const COMPARED_FILES: usize = 32;

/// Rows of one time and symbol that are compared where two files overlap; with more the overlap is refused.
pub const COMPARED_ROWS: usize = 1 << 16;

/// Gaps with price jumps listed in a result; further ones are only counted.
pub const GAP_JUMPS: usize = 512;

/// Nesting of folders below an input directory; deeper is refused.
pub const FOLDER_DEPTH: usize = 32;

/// Maximum price, and price × quantity of one row, in units of the quote currency; a row above it is refused.
pub const ROW_VALUE_UNITS: i64 = 1_000_000_000_000_000;

/// Rows per tick block; the block is closed when full.
pub const BLOCK_ROWS: usize = 4_096;

/// Bytes of one stored record (the largest is a result document); a larger one is refused.
pub const STORE_RECORD_BYTES: usize = 256 << 20;

/// Bytes of the store's page cache; when full, the least recently used pages are evicted.
pub const STORE_CACHE_BYTES: usize = 64 << 20;

/// Bytes of blocks per stored value, closed before it would exceed them: with its key 16 pages of 4 KiB.
pub const STORE_SEGMENT_BYTES: usize = (64 << 10) - 512;

/// Bytes of closed segments that an import holds before it commits them.
pub const IMPORT_COMMIT_BYTES: usize = 4 << 20;

/// Streams (symbol × kind) per recording: every kind of all symbols of a session; more are refused.
pub const RECORDING_STREAMS: usize = 8 * SESSION_SYMBOLS;

/// Rows, gaps and controls of an open recording waiting for a commit, a control as one for every 128 bytes;
/// when full, they are committed immediately.
pub const RECORDING_UNCOMMITTED_ROWS: usize = 1 << 17;

/// Rows of an open recording waiting in memory for full blocks, about 100 bytes each. Above three quarters
/// each commit flushes some of the largest streams ([`RECORDING_SEALED_AT_ONCE`]) to blocks; when full, as
/// many as it takes to free a quarter.
pub const RECORDING_PENDING_ROWS: usize = 1 << 19;

/// Bytes of an open recording's journal before its last chunk. Above three quarters each commit flushes the
/// streams that hold its oldest chunks ([`RECORDING_SEALED_AT_ONCE`]) to blocks; when full, all streams with
/// rows in it.
pub const JOURNAL_BYTES: usize = 64 << 20;

/// Chunks of an open recording's journal; when full, as above.
pub const JOURNAL_CHUNKS: usize = 1 << 16;

/// Streams that one commit flushes to free memory or to shorten the journal: few, so no commit takes long.
pub const RECORDING_SEALED_AT_ONCE: usize = 16;

/// Stored values of a recording removed per transaction, up to 64 KiB each; the next one removes more.
pub const REMOVED_AT_ONCE: usize = 1_024;

/// Levels of one recorded book message; more mean a damaged or foreign recording: the feed ends in an error.
pub const BOOK_MESSAGE_ROWS: usize = 1 << 16;

/// Bytes of a session's checkpoint before compression; of a session with a larger one none is kept, which the
/// log says, and a restart replays its whole journal.
pub const CHECKPOINT_BYTES: usize = 128 << 20;

/// Rows of a session on paper after which a checkpoint of it is made, if an hour is not over before.
pub const CHECKPOINT_ROWS: u64 = 2_000_000;

/// Chunks of a session's journal read before they are applied; when so many wait, their reader waits.
pub const READ_AHEAD_CHUNKS: usize = 4;

/// Ticks that a recording's feed returns per call; the next call continues after them.
pub const FEED_CHUNK_TICKS: usize = 4_096;

/// Trades per result whose entry and exit conditions are kept, a few KiB each; later ones have none.
pub const EXPLAINED_TRADES: usize = 10_000;

/// Exit decisions of such a trade that are kept beside its last one; of more, the first and the latest are.
pub const EARLIER_EXITS: usize = 31;

/// Sections that fired, signals among them, listed per result, about 1 KiB each while the result is written;
/// later ones are only counted, and a warning says so.
pub const FIRED_SECTIONS: usize = 50_000;

/// Points of a result's equity curve; above it neighbours are merged, keeping lows and highs.
pub const EQUITY_POINTS: usize = 4_096;

/// Buckets of a result's price chart, per symbol; above it neighbours are merged, keeping lows and highs.
pub const PRICE_POINTS: usize = 2_048;

/// Gaps of a result shown as bands; when full, the oldest are dropped. Their time stays counted.
pub const GAP_BANDS: usize = 512;

/// Names (symbols, strategies) per list of a start request; a longer list is refused.
pub const REQUEST_NAMES: usize = 1_000;

/// Bytes of a name or other text in a start request; a longer one is refused.
pub const REQUEST_TEXT_BYTES: usize = 256;

/// Pumps marked per recording; further labels are refused.
pub const RECORDING_LABELS: u64 = 10_000;

/// Presets per user; a further one is refused.
pub const USER_PRESETS: usize = 100;

/// Bytes of a preset's request; a larger one is refused.
pub const PRESET_BYTES: usize = 64 << 10;

/// Characters of a name, a tag or another short text that a user writes; a longer one is refused.
pub const NAME_CHARS: usize = 128;

/// Characters of notes on a result or a label; longer ones are refused.
pub const NOTES_CHARS: usize = 16 << 10;

/// Tags per result; more are refused.
pub const RESULT_TAGS: usize = 32;

/// Cells (symbol and period) of a recording's coverage; above it the periods are longer.
pub const COVERAGE_CELLS: usize = 20_000;

/// Log lines kept in memory for administrators; when full, the oldest are dropped.
pub const LOG_LINES: usize = 2_000;

/// Bytes of a log line kept there; a longer one is cut.
pub const LOG_LINE_BYTES: usize = 4 << 10;

/// Milliseconds of computing per preview; a longer one ends there and says how far it came.
pub const PREVIEW_MS: i64 = 900;

/// Marks and trades listed per preview; further ones are only counted.
pub const PREVIEW_MARKS: usize = 2_000;

/// Milliseconds of running again for the chart of a trade; a longer one ends there and says so.
pub const CHART_MS: i64 = 5_000;

/// Moments at which the chart of a trade tells its conditions; above it they are further apart.
pub const CHART_SAMPLES: i64 = 1_200;

/// Ticks in the chart of a trade; further ones are only counted.
pub const CHART_TICKS: usize = 20_000;

/// Results per comparison; more are refused.
pub const COMPARED_RESULTS: usize = 8;

/// States of a session in the snapshot that a refused cursor comes with; the rest are read with
/// `GET /sessions/{id}/states`.
pub const SNAPSHOT_STATES: usize = 200;

/// Entries of other sessions that a reader of one session passes over in the event log at once; it goes on
/// behind them.
pub const LOG_ENTRIES_PASSED: usize = 20_000;

/// Events of the log read at once for a WebSocket client that goes on from a position; it gets the next part
/// after them.
pub const MISSED_AT_ONCE: usize = 500;

/// Candles per response; above it neighbours are merged.
pub const CANDLES: usize = 10_000;

/// Bytes of a result's HTML report; a larger one is not stored, and the result says so.
pub const RESULT_REPORT_BYTES: usize = 64 << 20;

/// Bytes of events (JSON lines) per stored segment of a session; it is written before they would exceed them.
pub const SESSION_SEGMENT_BYTES: usize = 1 << 20;

/// Events stored of a backtest; when full, further decisions, orders and fills are only published and counted
/// by kind, which its event `events_not_kept` says, while session lifecycle events are still stored. Sessions
/// on a market have no such bound: `recording.keep_events_mib` is the one of all events.
pub const BACKTEST_EVENTS: u64 = 200_000;

/// Maximum milliseconds before the events of a running session are written.
pub const SESSION_EVENTS_MS: i64 = 1_000;

/// Topics of the hub; when full, topics without readers are dropped; if all have some, a new one is refused.
pub const HUB_TOPICS: usize = 1_024;

/// Updates kept by a lossless topic; when full, the oldest go, and a reader that still needs one is closed.
pub const TOPIC_UPDATES: usize = 4_096;

/// Consecutive refused tokens after which a WebSocket client is closed.
pub const STREAM_LOGIN_ATTEMPTS: usize = 3;

/// Bytes of updates kept by a lossless topic; when full, as above.
pub const TOPIC_BYTES: usize = 4 << 20;

/// Values (one per session and symbol) of a conflated topic: all that may run; when full, the oldest is
/// dropped.
pub const TOPIC_VALUES: usize = 64 * SESSION_SYMBOLS;

/// Bytes of one message from a WebSocket client; a larger one closes the client with 1009.
pub const STREAM_IN_BYTES: usize = 64 << 10;

/// Bytes of one message to a WebSocket client; a larger one is a bug and closes the client with 1011.
pub const STREAM_OUT_BYTES: usize = 4 << 20;

/// Nesting of objects and lists in a client message; deeper is refused.
pub const STREAM_JSON_DEPTH: usize = 16;

/// Problems reported per client message; the rest are left out.
pub const STREAM_PROBLEMS: usize = 16;

/// Symbols per subscription; more are refused.
pub const STREAM_SYMBOLS: usize = 200;

/// Concurrent WebSocket clients; a further one is closed with 1013. An idle client costs about 8 KiB.
pub const STREAM_CLIENTS: u32 = 16_384;

/// Subscriptions per client; more are refused.
pub const STREAM_SUBSCRIPTIONS: usize = 32;

/// Updates of one topic sent to a client before its other topics get their turn.
pub const STREAM_BATCH: usize = 64;

/// Concurrent backend calls (tokens, snapshots) for WebSocket clients; others wait.
pub const STREAM_BLOCKING: usize = 8;

/// Average messages per second from one client, including pings; more close the client with 1008.
pub const STREAM_MESSAGES_PER_SECOND: u32 = 50;

/// Messages that one client may send at once after a pause.
pub const STREAM_MESSAGE_BURST: u32 = 200;

/// Fragments per client message; more close the client with 1002.
pub const STREAM_FRAGMENTS: u32 = 64;

/// Bytes of `config.json`; a larger one is refused.
pub const CONFIG_BYTES: usize = 256 << 10;

/// Nesting of objects and lists in `config.json`; deeper is refused.
pub const CONFIG_JSON_DEPTH: usize = 16;

/// Problems reported per `config.json`; the rest are left out.
pub const CONFIG_PROBLEMS: usize = 64;

/// Maximum absolute price in ticks and quantity in lots: exact in an f64, the product far inside an i128.
pub const MAX_TICKS: i64 = 1 << 53;

/// Size up to which a store is checked page by page when opened; a larger one is checked in the background
/// (about a second per GiB). In both cases data is also checked whenever it is read.
pub const STORE_CHECKED_OPEN_BYTES: u64 = 32 << 20;

/// Bytes that must be writable on the disk before writing to a failed store is tried again.
pub const STORE_PROBE_BYTES: usize = 1 << 20;

/// Bytes of the page cache during a full check of an open store; each page is read once.
pub const STORE_SCAN_CACHE_BYTES: usize = 8 << 20;

/// Changes queued for the next group commit; when full, further callers wait.
pub const STORE_COMMIT_QUEUE: usize = 1_024;

/// Users; a further one is refused.
pub const USERS: usize = 256;

/// Logins kept per user; a further one ends the oldest.
pub const USER_LOGINS: usize = 64;

/// Revoked access tokens that have not expired; when full, the one that expires first is dropped. It stays
/// refused, because its login has ended too.
pub const REVOKED_TOKENS: usize = 1 << 16;

/// Bytes of an access token; a longer one is refused unread.
pub const ACCESS_TOKEN_BYTES: usize = 1_024;

/// Addresses, alone and with names, whose failed logins are remembered; when full, the fewest are forgotten.
pub const LOGIN_DELAYS: usize = 4_096;

/// Concurrent password hashes, 19 MiB each; more wait.
pub const PASSWORD_HASHES: usize = 2;

/// Password hashes waiting; a further one is refused.
pub const PASSWORD_HASHES_WAITING: usize = 64;

/// Responses stored per user for idempotency keys; a further one drops the oldest.
pub const USER_IDEMPOTENCY_KEYS: usize = 1_000;

/// Addresses whose request rate is tracked; when full, the one idle for longest is forgotten.
pub const HTTP_ADDRESSES: usize = 4_096;

/// Header fields per request; more are refused with 431.
pub const HTTP_HEADERS: usize = 64;

/// Bytes of a request head; more are refused with 431.
pub const HTTP_HEAD_BYTES: usize = 16 << 10;

/// Bytes of a JSON body on routes that accept documents; more are refused with 413.
pub const HTTP_BODY_BYTES: usize = 1 << 20;

/// Bytes of any other JSON body: names, passwords, a few fields. Anonymous clients cannot send larger ones.
pub const HTTP_SMALL_BODY_BYTES: usize = 4 << 10;

/// Concurrent bodies above [`HTTP_SMALL_BODY_BYTES`] (parsed, 15 times their bytes); more wait unread.
pub const HTTP_LARGE_BODIES: usize = 8;

/// Of those, bodies per user.
pub const HTTP_LARGE_BODIES_PER_USER: usize = 2;

/// Requests per user waiting to send a large body; a further one is refused with 429.
pub const HTTP_LARGE_BODIES_WAITING_PER_USER: usize = 64;

/// Nesting of a JSON request body; deeper is refused.
pub const HTTP_JSON_DEPTH: usize = 64;

/// Problems listed per refusal; the rest are only counted.
pub const REFUSAL_PROBLEMS: usize = 256;

/// Bytes of an uploaded recording; more are refused with 413.
pub const HTTP_UPLOAD_BYTES: u64 = 16 << 30;

/// Minimum size of a response that is compressed; smaller ones gain nothing.
pub const HTTP_COMPRESS_BYTES: usize = 1 << 10;

/// Chunks of a streamed response queued for a slow client; when full, the producer waits.
pub const HTTP_STREAM_CHUNKS: usize = 8;

/// Bytes of one such chunk.
pub const HTTP_STREAM_CHUNK_BYTES: usize = 64 << 10;

/// Milliseconds a client may let the writer of a streamed response wait before it is cut off.
pub const HTTP_STREAM_CHUNK_MS: u64 = 30_000;

/// Bytes that such a client must read per second of that waiting; a slower one uses it up and is cut off.
pub const HTTP_STREAM_BYTES_PER_S: usize = 16 << 10;

/// Milliseconds that a command may let the sender of its copy wait before it is cut off: a copy keeps the
/// pages of the store that it reads.
pub const HTTP_COPY_WAIT_MS: u64 = 10_000;

/// As [`HTTP_STREAM_BYTES_PER_S`], of a copy: a command on this host reads it to a disk or memory without
/// looking at it.
pub const HTTP_COPY_BYTES_PER_S: usize = 256 << 10;

/// Concurrent password checks of requests; more wait for a moment.
pub const HTTP_PASSWORD_CHECKS: usize = 4;

/// Password checks per address that run or wait for other addresses. An attack from many addresses thus
/// queues one check per address, and everyone else's turn comes soon.
pub const HTTP_PASSWORD_CHECKS_PER_ADDRESS: usize = 1;

/// Further requests per address waiting for a password check; one more is refused with 429.
pub const HTTP_PASSWORD_WAITING_PER_ADDRESS: usize = 8;

/// Concurrent connections over the local socket; a further one waits.
pub const LOCAL_CONNECTIONS: usize = 32;

/// Bytes of an exchange response (the contract list has about 2.3 MB); a larger one is aborted.
pub const EXCHANGE_BODY_BYTES: usize = 16 << 20;

/// Bytes of one message from an exchange socket; a larger one closes the connection, which is opened again.
pub const EXCHANGE_FRAME_BYTES: usize = 4 << 20;

/// Margin tiers of a contract. A longer list is not read: the contract keeps its first rates.
pub const RISK_TIERS: usize = 100;

/// Symbols per exchange socket; a configuration with more is refused.
pub const EXCHANGE_SOCKET_SYMBOLS: usize = 150;

/// Addresses of an exchange host that are tried; further ones are ignored.
pub const EXCHANGE_ADDRESSES: usize = 8;

/// Exchange calls waiting for the request budget; a further one is refused as throttled.
pub const EXCHANGE_WAITING_CALLS: usize = 256;

/// Concurrent book snapshot requests; others wait, so that other calls get through between them.
pub const EXCHANGE_SNAPSHOT_CALLS: usize = 2;

/// Trade ids remembered per symbol to detect repeated trades; when full, the oldest are forgotten.
pub const EXCHANGE_DEAL_IDS: usize = 1_024;

/// Funding payments requested after a lost connection; after a longer outage only the newest are fetched.
pub const EXCHANGE_FUNDING_PAYMENTS: u32 = 100;

/// Book changes buffered while waiting for a snapshot; when full, the oldest are dropped and a newer snapshot
/// is needed.
pub const EXCHANGE_BOOK_BUFFER: usize = 1 << 15;

const _: () = assert!(
    HTTP_STORE_THREADS
        + HTTP_HEAVY_READS
        + HTTP_SYMBOL_LISTS
        + HTTP_URGENT_THREADS
        + HTTP_CONTROLS
        + HTTP_PASSWORD_CHECKS
        + HTTP_EXPORTS
        + HTTP_COPIES
        + HTTP_LISTS
        + HTTP_REPLAYS
        + HTTP_PREVIEWS
        + HTTP_IMPORTS
        + HTTP_EXCHANGE_CALLS
        + HTTP_STARTS
        + STREAM_BLOCKING
        + HTTP_SPARE_THREADS
        <= HTTP_BLOCKING_THREADS
);
const _: () = assert!(HTTP_PASSWORD_CHECKS_PER_ADDRESS < HTTP_PASSWORD_CHECKS);
const _: () = assert!(BOOK_SNAPSHOT_LEVELS <= BOOK_LEVELS);
const _: () = assert!(BLOCK_ROWS.is_power_of_two());

/// Pages of a list of an account that are read, of 100 rows each; a longer list is an error.
pub const ACCOUNT_PAGES: u32 = 50;

/// Messages of a private socket that wait for their session; what finds no room is asked for.
pub const ACCOUNT_NEWS: usize = 16_384;

/// Unreadable things of a live session's account that were told; when full all are forgotten, and may be told
/// again.
pub const UNREADABLE_TOLD: usize = 64;

/// Orders of fired stops, and numbers of positions, that a live session remembers; when full the oldest is
/// forgotten, and what it closed counts as closed by others. Its other lists (exits that wait, closes that
/// are due, what was written off, orders of others in the last report, answers in its inbox) have no more
/// entries than its open orders, its symbols and the pages of a report ([`ACCOUNT_PAGES`]).
pub const STOP_ORDERS_KNOWN: usize = 256;

/// Ended orders known of a venue whose answers are inputs; an execution of an older one is unassigned and
/// halts its symbol.
pub const ENDED_ORDERS_KNOWN: usize = 4_096;

/// Executions of one order that are known by their number; of further ones, how much has filled says which
/// are new.
pub const ORDER_EXECUTIONS_KNOWN: usize = 1_024;

/// Milliseconds between two journal commits of a session on a market feed; later input waits for the next.
pub const JOURNAL_COMMIT_MS: i64 = 8;

/// Axes of a sweep; more are refused.
pub const SWEEP_AXES: usize = 16;

/// Values of one axis of a sweep; more are refused.
pub const SWEEP_VALUES: usize = 10_000;

/// Trials (variants of the document) of a sweep; a grid with more is refused, and can be sampled instead.
pub const SWEEP_TRIALS: usize = 10_000;

/// Runs of a sweep: trials times symbols of the sources; more are refused.
pub const SWEEP_RUNS: usize = 200_000;

/// Shards of a sweep; more are refused.
pub const SWEEP_SHARDS: u32 = 10_000;

/// Bytes of market data that a sweep holds in memory for all its workers; what does not fit is read again for
/// each trial.
pub const SWEEP_SHARED_BYTES: usize = 1 << 30;

/// Finished runs of a sweep that wait to be written; when full, workers wait.
pub const SWEEP_QUEUE: usize = 64;

/// Bytes of a sweep's plan; a larger one is refused.
pub const SWEEP_PLAN_BYTES: usize = 64 << 20;

/// Bytes of a line of a sweep's log; a longer one counts as damaged.
pub const SWEEP_LINE_BYTES: usize = 64 << 10;
