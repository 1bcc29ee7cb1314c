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

/// Bytes of one line of an imported file; longer is refused with its line number.
pub const IMPORT_LINE_BYTES: usize = 64 << 10;

/// Rows of one tick block; the block is closed when full.
pub const BLOCK_ROWS: usize = 4_096;

/// Points of an equity curve kept for a result; beyond it neighbours are merged, keeping lows and highs.
pub const EQUITY_POINTS: usize = 4_096;

/// Largest absolute price in ticks and quantity in lots: both are exact in an f64, and the money of a
/// price times a quantity stays far inside an i128.
pub const MAX_TICKS: i64 = 1 << 53;

const _: () = assert!(BOOK_SNAPSHOT_LEVELS <= BOOK_LEVELS);
const _: () = assert!(BLOCK_ROWS.is_power_of_two());
