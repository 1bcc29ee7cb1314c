//! A start request that a user saved under a name.

use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};

/// One preset of one user.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct PresetV1 {
    /// User it belongs to.
    pub user: String,
    /// Name, unique per user.
    pub name: String,
    /// The request, JSON; it may be incomplete.
    pub request: String,
    /// Time of the last change, microseconds since 1970.
    pub updated_us: i64,
}

impl Stored for PresetV1 {
    const KIND: u16 = 42;
    const VERSION: u16 = 1;
    const NAME: &'static str = "preset";
}
