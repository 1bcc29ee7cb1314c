//! What people wrote about a result. The result itself never changes.

use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};

/// Name, notes and tags of a result.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct ResultNoteV1 {
    /// Id of the result.
    pub result_id: String,
    /// Name given by a user.
    pub name: Option<String>,
    /// Notes, plain text.
    pub notes: String,
    /// Tags, sorted, none twice.
    pub tags: Vec<String>,
    /// Whether it is protected from deletion.
    pub pinned: bool,
    /// User of the last change.
    pub user: String,
    /// Time of the last change, microseconds since 1970.
    pub updated_us: i64,
}

impl Stored for ResultNoteV1 {
    const KIND: u16 = 40;
    const VERSION: u16 = 1;
    const NAME: &'static str = "result_note";
}
