//! The store of the state directory, opened for a command.

use super::{Failure, Global};
use crate::store::{OpenMode, Store, StoreError, store_path};

impl Global {
    /// Opens the store of the state directory.
    ///
    /// # Errors
    /// As [`Store::open`]; a path that can never hold a store is said to be that.
    pub fn store(&self, mode: OpenMode) -> Result<Store, Failure> {
        let dir = self.state();
        Store::open(&dir, mode).map_err(|error| match error {
            StoreError::Io { source, .. } if !dir.is_dir() => Failure::configuration(format!(
                "{} cannot be the state directory ({source}): name a directory that can be written with --state",
                dir.display()
            )),
            other => other.into(),
        })
    }

    /// The store when the state directory holds one.
    ///
    /// # Errors
    /// As [`Global::store`].
    pub fn store_if_any(&self) -> Result<Option<Store>, Failure> {
        if store_path(&self.state()).exists() { self.store(OpenMode::MustExist).map(Some) } else { Ok(None) }
    }
}
