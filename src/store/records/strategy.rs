//! One version of a strategy document.

use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};

/// A version of a strategy; all versions are kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StrategyV1 {
    /// Slug, stable over edits.
    pub id: String,
    /// 1 and up.
    pub version: u32,
    /// Name people read.
    pub name: String,
    /// The document as its author wrote it, JSON.
    pub document: String,
    /// When the first version was made, microseconds since 1970.
    pub created_us: i64,
    /// When this version was made, microseconds since 1970.
    pub updated_us: i64,
    /// When it was deleted; set on the newest version only.
    pub deleted_us: Option<i64>,
}

impl Stored for StrategyV1 {
    const KIND: u16 = 1;
    const VERSION: u16 = 1;
    const NAME: &'static str = "strategy";
}
