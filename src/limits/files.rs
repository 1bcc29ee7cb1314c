//! Bounds of the small files that commands read whole, and of what is kept of market data to find its gaps.

/// Bytes of a scenario of the rehearsal exchange; a larger one is refused.
pub const SCENARIO_FILE_BYTES: u64 = 1 << 20;

/// Bytes of a mapping file; a larger one is refused.
pub const MAPPING_FILE_BYTES: u64 = 64 << 10;

/// Bytes of a contract file; a larger one is refused.
pub const CONTRACT_FILE_BYTES: u64 = 4 << 20;

/// Pauses longer than a minute kept per stream to detect silence; when full, the shortest are dropped.
pub const STREAM_PAUSES: usize = 4_096;

/// Gaps in the trade ids kept per stream; when full, the shortest are dropped.
pub const TRADE_HOLES: usize = 4_096;

/// Latest gaps in the trade ids of a stream that trades of a later time may still fill; when full, the oldest
/// stays a gap.
pub const OPEN_TRADE_HOLES: usize = 64;
