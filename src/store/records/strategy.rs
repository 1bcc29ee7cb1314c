//! One version of a strategy document.

use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};

/// A version of a strategy; all versions stay in the store.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StrategyV1 {
    /// Slug; does not change with edits.
    pub id: String,
    /// Version number, from 1.
    pub version: u32,
    /// Display name.
    pub name: String,
    /// The document, JSON.
    pub document: String,
    /// Creation time of the first version, microseconds since 1970.
    pub created_us: i64,
    /// Creation time of this version, microseconds since 1970.
    pub updated_us: i64,
    /// Time of deletion, microseconds since 1970; set on the newest version only.
    pub deleted_us: Option<i64>,
}

impl Stored for StrategyV1 {
    const KIND: u16 = 1;
    const VERSION: u16 = 1;
    const NAME: &'static str = "strategy";
}
