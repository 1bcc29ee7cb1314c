//! A session: what ran, how it stands, how it ended.

use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};

/// A session.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SessionV1 {
    /// Its id.
    pub id: String,
    /// `backtest`, `paper`, `live` or `collect`.
    pub kind: String,
    /// Word of its state, e.g. `running`, `completed`, `failed`.
    pub state: String,
    /// When it was asked for, microseconds since 1970.
    pub created_us: i64,
    /// When it began to run.
    pub started_us: Option<i64>,
    /// When it ended.
    pub ended_us: Option<i64>,
    /// Why it failed.
    pub error: Option<String>,
    /// Its result.
    pub result_id: Option<String>,
}

impl Stored for SessionV1 {
    const KIND: u16 = 6;
    const VERSION: u16 = 1;
    const NAME: &'static str = "session";
}
