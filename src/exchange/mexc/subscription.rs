//! What a subscription asks for.

use crate::domain::record::StreamKind;
use crate::domain::time::Timestamp;

/// The streams MEXC offers.
pub const STREAMS: [StreamKind; 5] = [
    StreamKind::BookSnapshots,
    StreamKind::BookChanges,
    StreamKind::Trades,
    StreamKind::Marks,
    StreamKind::Funding,
];

/// What to subscribe to. `SymbolId(i)` of the rows is the index in `symbols`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subscription {
    /// Names as the exchange writes them, each once.
    pub symbols: Vec<String>,
    /// A subset of [`STREAMS`]; each symbol gets all of them.
    pub streams: Vec<StreamKind>,
    /// End of the previous subscription; funding paid since then is looked up. `None`: there was none.
    pub heard_until: Option<Timestamp>,
}
