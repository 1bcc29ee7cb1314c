//! The store of the state directory, opened for a command.

use super::{Failure, Global};
use crate::store::records::RecordingV1;
use crate::store::{OpenMode, Store, StoreError, store_path};

/// Space of the file that no recording uses, in parts of what they use, above which giving it back is worth the writing.
const SPARE_PARTS: u64 = 2;
/// Spare bytes that are never worth it.
const SPARE_BYTES: u64 = 16 << 20;

impl Global {
    /// Opens the store of the state directory.
    ///
    /// # Errors
    /// As [`Store::open`]; a path that can never hold a store is said to be that.
    pub fn store(&self, mode: OpenMode) -> Result<Store, Failure> {
        let dir = self.state();
        let opened = Store::open(&dir, mode).map_err(|error| match error {
            StoreError::Io { source, .. } if !dir.is_dir() => Failure::configuration(format!(
                "{} cannot be the state directory ({source}): name a directory that can be written with --state",
                dir.display()
            )),
            other => other.into(),
        });
        opened.inspect(|store| store.narrowed().iter().for_each(|narrowed| eprintln!("warning: {narrowed}")))
    }

    /// The store when the state directory holds one.
    ///
    /// # Errors
    /// As [`Global::store`].
    pub fn store_if_any(&self) -> Result<Option<Store>, Failure> {
        if store_path(&self.state()).exists() { self.store(OpenMode::MustExist).map(Some) } else { Ok(None) }
    }
    /// Makes the store smaller when much of it is unused. What went before is done: a failure is only a warning.
    pub fn give_space_back(&self, store: &mut Store, done: &str) {
        let spare = || -> Result<bool, StoreError> {
            let used: u64 = store.recordings()?.iter().map(RecordingV1::bytes).sum();
            let file = std::fs::metadata(store_path(&self.state())).map_or(0, |meta| meta.len());
            Ok(file.saturating_sub(used) > SPARE_BYTES.max(used / SPARE_PARTS))
        };
        let compacted = spare().and_then(|worthwhile| if worthwhile { store.compact() } else { Ok(()) });
        if let Err(error) = compacted {
            eprintln!("warning: {done}, but the store could not be made smaller: {error}");
        }
    }
}
