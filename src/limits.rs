//! Every bound of the program, with what happens when it is reached.
//!
//! Nothing here reads a configuration: these are the walls, not the furniture.

/// Levels per side that a book snapshot event carries; deeper levels are not recorded.
pub const BOOK_SNAPSHOT_LEVELS: usize = 20;

/// Levels per side an order book holds while increments are applied; when full the worst level is dropped.
pub const BOOK_LEVELS: usize = 2_048;

/// Trades a symbol's tape holds at most; when full the oldest leave early and the windows that would need
/// them become missing with the reason `window_overflow`.
pub const TAPE_POINTS: usize = 1 << 22;

/// Points one derived step series holds at most; when full as for the tape.
pub const SERIES_POINTS: usize = 1 << 20;

/// Symbols one session runs at most; more are refused at the start.
pub const SESSION_SYMBOLS: usize = 1_000;

/// Strategies one session runs at most; more are refused at the start.
pub const SESSION_STRATEGIES: usize = 1_000;

/// Pairs of a strategy and a symbol it runs on, over all of a session, some 8 KiB each; more are refused at the start.
pub const SESSION_PAIRS: usize = 10_000;

/// Characters of one name in a JSON pointer; of a longer one only these are said.
pub const JSON_STEP_CHARS: usize = 128;

/// Fields of one JSON text that are reported to stand twice in their object; that there are more is said once.
pub const JSON_REPEATED: usize = 256;

/// Conditions in one strategy document; more are a validation error.
pub const DOCUMENT_CONDITIONS: usize = 64;

/// Depth of condition groups in one section; deeper is a validation error.
pub const DOCUMENT_GROUP_DEPTH: usize = 3;

/// Bytes of one strategy document; longer is refused unread.
pub const DOCUMENT_BYTES: usize = 1 << 20;

/// Depth of objects and lists in one strategy document; deeper is refused.
pub const DOCUMENT_JSON_DEPTH: usize = 24;

/// Problems reported for one strategy document; the rest are counted only.
pub const DOCUMENT_PROBLEMS: usize = 256;

/// Named indicators in one strategy document; more are a validation error.
pub const DOCUMENT_INDICATORS: usize = 128;

/// Bytes of a strategy's id; that of a longer name is cut.
pub const STRATEGY_ID_BYTES: usize = 64;

/// Bytes of one line of an imported file; longer is refused with its line number.
pub const IMPORT_LINE_BYTES: usize = 64 << 10;

/// Symbols one imported file holds; more are refused.
pub const FILE_SYMBOLS: usize = 10_000;

/// Characters of a symbol's name; a longer one is refused.
pub const SYMBOL_CHARS: usize = 64;

/// Bytes of a symbol's name in a file of its own; what is longer is cut and told apart by its hash.
pub const SYMBOL_FILE_NAME_BYTES: usize = 160;

/// Different distances between bars that are counted per file and symbol; further ones are not.
pub const BAR_DISTANCES: usize = 256;

/// Trades of one symbol and one time whose ids are remembered to tell repeated ones; when full further ones are not.
pub const TRADES_OF_ONE_TIME: usize = 1 << 16;

/// Pauses over a minute that are kept per stream to find silence among them; when full the shortest leave.
pub const STREAM_PAUSES: usize = 4_096;

/// Holes in the trade ids of a stream that are kept; when full the shortest leave.
pub const TRADE_HOLES: usize = 4_096;

/// Bytes of a contract file; a larger one is refused.
pub const CONTRACT_FILE_BYTES: u64 = 4 << 20;

/// Gaps with their price jumps that a result lists; further ones are only counted.
pub const GAP_JUMPS: usize = 512;

/// Folders below a directory given as input; deeper is refused.
pub const FOLDER_DEPTH: usize = 32;

/// Highest price, and highest price × quantity of one row, in units of the quote currency; beyond it a row is refused.
pub const ROW_VALUE_UNITS: i64 = 1_000_000_000_000_000;

/// Rows of one tick block; the block is closed when full.
pub const BLOCK_ROWS: usize = 4_096;

/// Bytes of one stored record (a result's document is the largest); a larger one is refused.
pub const STORE_RECORD_BYTES: usize = 256 << 20;

/// Bytes of the store's page cache; when full the pages used longest ago leave.
pub const STORE_CACHE_BYTES: usize = 64 << 20;

/// Bytes of blocks that one stored value gathers; the value is closed before it would exceed them. With its key it
/// just fits 16 pages of 4 KiB, so that the database wastes little.
pub const STORE_SEGMENT_BYTES: usize = (64 << 10) - 512;

/// Bytes of closed segments an import holds before it commits them.
pub const IMPORT_COMMIT_BYTES: usize = 4 << 20;

/// Streams (symbol × kind) of one recording; more are refused.
pub const RECORDING_STREAMS: usize = 4_096;

/// Rows and gaps of a live recording that may wait for a commit; then they are committed on the spot.
pub const RECORDING_UNCOMMITTED_ROWS: usize = 1 << 17;

/// Rows of a live recording that wait in memory for full blocks, some 100 bytes each; from three quarters on each commit
/// seals some of the largest streams ([`RECORDING_SEALED_AT_ONCE`]), and when it is full so many that a quarter is free.
pub const RECORDING_PENDING_ROWS: usize = 1 << 19;

/// Bytes of a live recording's journal before its last chunk; from three quarters on each commit seals the streams that
/// hold its oldest chunks ([`RECORDING_SEALED_AT_ONCE`]), and when it is full all that have rows in it.
pub const JOURNAL_BYTES: usize = 64 << 20;

/// Chunks of a live recording's journal; when full as above.
pub const JOURNAL_CHUNKS: usize = 1 << 16;

/// Streams that a commit seals to free memory or to shorten the journal: few, so that no commit takes long.
pub const RECORDING_SEALED_AT_ONCE: usize = 16;

/// Stored values of a recording that one transaction removes, of up to 64 KiB each; the rest goes with the next.
pub const REMOVED_AT_ONCE: usize = 1_024;

/// Levels of one recorded book message; more are a damaged or foreign recording and end the feed with an error.
pub const BOOK_MESSAGE_ROWS: usize = 1 << 16;

/// Ticks a recording's feed hands over at once; the next call goes on behind them.
pub const FEED_CHUNK_TICKS: usize = 4_096;

/// Trades of one result whose conditions at entry and exit are kept, some KiB each; of later ones only the trade is.
pub const EXPLAINED_TRADES: usize = 10_000;

/// Points of an equity curve kept for a result; beyond it neighbours are merged, keeping lows and highs.
pub const EQUITY_POINTS: usize = 4_096;

/// Buckets of the price series kept for a result's chart, per symbol; beyond it neighbours are merged, keeping
/// lows and highs.
pub const PRICE_POINTS: usize = 2_048;

/// Gaps of a result shown as bands; when full the oldest leave. Their time stays counted.
pub const GAP_BANDS: usize = 512;

/// Names (symbols, strategies) read of one list of a start request; a longer list is refused.
pub const REQUEST_NAMES: usize = 1_000;

/// Bytes of a name or other text in a start request; a longer one is refused.
pub const REQUEST_TEXT_BYTES: usize = 256;

/// Results compared in one call; more are refused.
pub const COMPARED_RESULTS: usize = 8;

/// Candles of one answer; neighbours are merged where there would be more.
pub const CANDLES: usize = 10_000;

/// Bytes of a result's page as HTML; a longer one is not kept and the result says so.
pub const RESULT_REPORT_BYTES: usize = 64 << 20;

/// Bytes of events (JSON lines) that one stored segment of a session's stream gathers; it is written when the next
/// event would exceed them.
pub const SESSION_SEGMENT_BYTES: usize = 1 << 20;

/// Events kept of one session; when full, further decisions, orders and fills are only counted (they are still sent to
/// whoever watches), those of the session's life are still kept.
pub const SESSION_EVENTS: u64 = 200_000;

/// Milliseconds after which events of a running session are written, however few there are.
pub const SESSION_EVENTS_MS: i64 = 1_000;

/// Topics of the hub that are kept; when full those that nobody reads go, and when all are read a new one is refused.
pub const HUB_TOPICS: usize = 1_024;

/// Updates a lossless topic keeps for readers that are behind and for those that come back; when full the oldest leave,
/// and a reader that still needed one is closed.
pub const TOPIC_UPDATES: usize = 4_096;

/// Tokens in a row a client may be refused before it is closed.
pub const STREAM_LOGIN_ATTEMPTS: usize = 3;

/// Bytes of updates a lossless topic keeps; when full as above.
pub const TOPIC_BYTES: usize = 4 << 20;

/// Values (one per session and symbol) a conflated topic keeps; when full the one that changed longest ago leaves.
pub const TOPIC_VALUES: usize = 8_192;

/// Bytes of one message from a WebSocket client; a larger one closes it with 1009.
pub const STREAM_IN_BYTES: usize = 64 << 10;

/// Bytes of one message to a WebSocket client; a larger one is our defect and closes it with 1011.
pub const STREAM_OUT_BYTES: usize = 4 << 20;

/// Depth of objects and lists in a message from a client; deeper is refused.
pub const STREAM_JSON_DEPTH: usize = 16;

/// Problems told about one message; the rest are left out.
pub const STREAM_PROBLEMS: usize = 16;

/// Symbols one subscription names; more are refused.
pub const STREAM_SYMBOLS: usize = 200;

/// WebSocket clients at once; a further one is closed with 1013. Each costs some 8 KiB while it is idle.
pub const STREAM_CLIENTS: u32 = 16_384;

/// Subscriptions of one client; more are refused.
pub const STREAM_SUBSCRIPTIONS: usize = 32;

/// Updates of one topic a client is sent before its other topics have their turn.
pub const STREAM_BATCH: usize = 64;

/// Clients whose tokens or snapshots are worked on at once; others wait.
pub const STREAM_BLOCKING: usize = 8;

/// Messages a second from one client, on average, pings included; more close it with 1008.
pub const STREAM_MESSAGES_PER_SECOND: u32 = 50;

/// Messages one client may send at once after a pause.
pub const STREAM_MESSAGE_BURST: u32 = 200;

/// Fragments of one message from a client; more close it with 1002.
pub const STREAM_FRAGMENTS: u32 = 64;

/// Bytes of `config.json`; a larger one is refused.
pub const CONFIG_BYTES: usize = 256 << 10;

/// Depth of objects and lists in `config.json`; deeper is refused.
pub const CONFIG_JSON_DEPTH: usize = 16;

/// Problems told about one `config.json`; the rest are left out.
pub const CONFIG_PROBLEMS: usize = 64;

/// Largest absolute price in ticks and quantity in lots: both are exact in an f64, and the money of a
/// price times a quantity stays far inside an i128.
pub const MAX_TICKS: i64 = 1 << 53;

/// Bytes of a store that is checked page by page when it is opened; a larger one is opened at once and checked in the
/// background (about a second per GiB). Everything is checked when it is read, either way.
pub const STORE_CHECKED_OPEN_BYTES: u64 = 32 << 20;

/// Bytes that the disk must take before a store that could not be written is tried again.
pub const STORE_PROBE_BYTES: usize = 1 << 20;

/// Bytes of the page cache while every page of a store in use is checked; each is read once.
pub const STORE_SCAN_CACHE_BYTES: usize = 8 << 20;

/// Changes that wait for the commit under way; one more waits too and is committed with the next group.
pub const STORE_COMMIT_QUEUE: usize = 1_024;

/// Users; one more is refused.
pub const USERS: usize = 256;

/// Logins of one user that are kept; with one more the oldest ends.
pub const USER_LOGINS: usize = 64;

/// Access tokens that are refused one by one although they have not expired; when full the one that expires first
/// leaves. Its login ended with it, so it stays refused.
pub const REVOKED_TOKENS: usize = 1 << 16;

/// Bytes of an access token; a longer one is refused unread.
pub const ACCESS_TOKEN_BYTES: usize = 1_024;

/// Addresses, and pairs of an address and a name, whose failed logins are remembered; when full the one with the fewest
/// failures is forgotten.
pub const LOGIN_DELAYS: usize = 4_096;

/// Password hashes worked out at once, each in 19 MiB; more wait.
pub const PASSWORD_HASHES: usize = 2;

/// Password hashes that wait; one more is refused.
pub const PASSWORD_HASHES_WAITING: usize = 64;

/// Answers kept for one user's idempotency keys; with one more the oldest leaves.
pub const USER_IDEMPOTENCY_KEYS: usize = 1_000;

/// Addresses whose request rate is watched; when full the one that was quiet for longest is forgotten.
pub const HTTP_ADDRESSES: usize = 4_096;

/// Header fields of one request; more are refused with 431.
pub const HTTP_HEADERS: usize = 64;

/// Bytes of the head of one request; more are refused with 431.
pub const HTTP_HEAD_BYTES: usize = 16 << 10;

/// Bytes of one JSON request body where a route takes documents; more are refused with 413.
pub const HTTP_BODY_BYTES: usize = 1 << 20;

/// Bytes of any other JSON request body: names, passwords, a few fields. Strangers can send no larger one.
pub const HTTP_SMALL_BODY_BYTES: usize = 4 << 10;

/// Bodies of more than [`HTTP_SMALL_BODY_BYTES`] held at once, from their first byte until they are answered (a tree of
/// one takes some 15 times its bytes); more wait unread.
pub const HTTP_LARGE_BODIES: usize = 8;

/// Of those, bodies of one user.
pub const HTTP_LARGE_BODIES_PER_USER: usize = 2;

/// Requests of one user that wait to send a large body; one more is refused with 429.
pub const HTTP_LARGE_BODIES_WAITING_PER_USER: usize = 64;

/// Depth of one JSON request body; deeper is refused.
pub const HTTP_JSON_DEPTH: usize = 64;

/// Problems that one refusal lists; more are counted.
pub const REFUSAL_PROBLEMS: usize = 256;

/// Bytes of an uploaded recording; more are refused with 413.
pub const HTTP_UPLOAD_BYTES: u64 = 16 << 30;

/// Bodies smaller than this are sent as they are: compressing them gains nothing.
pub const HTTP_COMPRESS_BYTES: usize = 1 << 10;

/// Chunks of a streamed answer that wait for a slow client; when full the producer waits.
pub const HTTP_STREAM_CHUNKS: usize = 8;

/// Bytes of one of them.
pub const HTTP_STREAM_CHUNK_BYTES: usize = 64 << 10;

/// Milliseconds a client may take for one chunk of a streamed answer; whoever is slower is cut off.
pub const HTTP_STREAM_CHUNK_MS: u64 = 30_000;

/// Passwords checked at once for requests; more wait for a moment.
pub const HTTP_PASSWORD_CHECKS: usize = 4;

/// Passwords of one address that are checked, or wait behind other addresses, at once: so an attack from many addresses
/// is a queue of that many, and everybody else's turn comes soon.
pub const HTTP_PASSWORD_CHECKS_PER_ADDRESS: usize = 1;

/// Requests of one address that wait for a password check beside those; one more is refused with 429.
pub const HTTP_PASSWORD_WAITING_PER_ADDRESS: usize = 8;

/// Bytes of one answer of an exchange (the list of contracts has some 2.3 MB); a larger one is given up.
pub const EXCHANGE_BODY_BYTES: usize = 16 << 20;

/// Bytes of one message from an exchange's socket; a larger one ends the connection, which is opened again.
pub const EXCHANGE_FRAME_BYTES: usize = 4 << 20;

/// Symbols one socket to an exchange carries; more in the settings are refused.
pub const EXCHANGE_SOCKET_SYMBOLS: usize = 150;

/// Addresses of an exchange's host that are tried; the others are not.
pub const EXCHANGE_ADDRESSES: usize = 8;

/// Calls to an exchange that wait for a place in their budget; one more is refused as throttled.
pub const EXCHANGE_WAITING_CALLS: usize = 256;

/// Snapshots of books that are fetched at once; the others wait, so that other calls find a place between them.
pub const EXCHANGE_SNAPSHOT_CALLS: usize = 2;

/// Trade ids remembered per symbol to tell repeated trades; when full the oldest are forgotten.
pub const EXCHANGE_DEAL_IDS: usize = 1_024;

/// Payments of funding that are asked for after a connection was lost; of a longer loss only the newest are caught up.
pub const EXCHANGE_FUNDING_PAYMENTS: u32 = 100;

/// Level changes of one book that wait for its snapshot; when full the oldest messages leave and a newer snapshot is needed.
pub const EXCHANGE_BOOK_BUFFER: usize = 1 << 15;

/// Threads for work that blocks. Each kind of work has its own share of them, below, so that none can take another's.
pub const HTTP_BLOCKING_THREADS: usize = 64;

/// Threads for requests that read or write the store; more requests wait.
pub const HTTP_STORE_THREADS: usize = 20;

/// Sessions that are being started at once, which may wait for the exchange; more wait.
pub const HTTP_STARTS: usize = 4;

/// Threads for what must always work: stopping a session, readiness, renewing and ending a login. Each is needed for
/// moments only; more requests wait.
pub const HTTP_URGENT_THREADS: usize = 8;

/// Exports under way at once; one more is refused with 429.
pub const HTTP_EXPORTS: usize = 4;

/// Replays of sessions under way at once; one more is refused with 429.
pub const HTTP_REPLAYS: usize = 2;

/// Imports under way at once; more wait.
pub const HTTP_IMPORTS: usize = 2;

/// Requests of anybody that wait for the exchange at once; more wait.
pub const HTTP_EXCHANGE_CALLS: usize = 4;

/// Threads that stay free for the runtime itself: names of hosts, files, the end of the daemon.
pub const HTTP_SPARE_THREADS: usize = 8;

const _: () = assert!(
    HTTP_STORE_THREADS
        + HTTP_URGENT_THREADS
        + HTTP_PASSWORD_CHECKS
        + HTTP_EXPORTS
        + HTTP_REPLAYS
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

/// Rows of a live market that wait for their session; when full the newest are dropped and leave a gap `overflow`.
pub const INBOX_ROWS: usize = 1 << 20;

/// Messages of a live market that wait for their session; when full as for the rows.
pub const INBOX_ARRIVALS: usize = 1 << 18;

/// Milliseconds between two commits of a live session's journal; what comes meanwhile waits for the next.
pub const JOURNAL_COMMIT_MS: i64 = 8;
