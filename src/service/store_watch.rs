//! What was last seen of the store and its disk.

use crate::domain::time::Timestamp;
use std::sync::Mutex;

/// Result of [`super::Service::scan_large_store`] and when it was found.
#[derive(Default)]
pub(super) struct Scan(pub(super) Mutex<Option<(Timestamp, Result<(), String>)>>);

/// When the disk was first seen to refuse writes.
#[derive(Default)]
pub(super) struct DiskFailed(pub(super) Mutex<Option<Timestamp>>);
