//! The records of the state directory for a command: its own store, or that of the daemon that holds it.

use super::daemon::Daemon;
use super::{Failure, Global, terminal};
use crate::domain::visible::Visible;
use crate::service::Records;
use crate::store::records::RecordingV1;
use crate::store::{OpenMode, Store, StoreError, store_path};

/// The store is compacted when its unused bytes exceed the bytes of all recordings divided by this.
const SPARE_PARTS: u64 = 2;
/// The store is never compacted for fewer unused bytes than this.
const SPARE_BYTES: u64 = 16 << 20;

/// Who holds the store of the state directory.
pub enum Holder {
    /// This command.
    Command(Box<Store>),
    /// A running daemon, which is asked instead.
    Daemon(Daemon),
}

impl Global {
    /// Opens the store, or finds the daemon that holds it.
    ///
    /// # Errors
    /// As [`Global::store`], and a daemon that does not answer or has another version.
    pub fn holder(&self, mode: OpenMode) -> Result<Holder, Failure> {
        match Daemon::find(&self.state())? {
            Some(daemon) => Ok(Holder::Daemon(daemon)),
            None => Ok(Holder::Command(Box::new(self.store(mode)?))),
        }
    }

    /// A store with these records to read: the one of the state directory, or copies from the daemon that
    /// holds it.
    ///
    /// # Errors
    /// As [`Global::holder`].
    pub fn read(&self, records: &[Records]) -> Result<Store, Failure> {
        match self.holder(OpenMode::MustExist)? {
            Holder::Command(store) => Ok(*store),
            Holder::Daemon(daemon) => daemon.copy(records),
        }
    }

    /// As [`Global::read`]; `None` if the state directory has no store.
    ///
    /// # Errors
    /// As [`Global::holder`].
    pub fn read_if_any(&self, records: &[Records]) -> Result<Option<Store>, Failure> {
        if store_path(&self.state()).exists() { self.read(records).map(Some) } else { Ok(None) }
    }

    /// Opens the store of the state directory, and says so when it made a new one: a directory that was moved
    /// or misspelt would look like one whose records are gone.
    ///
    /// # Errors
    /// As [`Store::open`]; a state directory that cannot be created is a configuration error (78).
    pub fn store(&self, mode: OpenMode) -> Result<Store, Failure> {
        let dir = self.state();
        let is_new = !store_path(&dir).exists();
        let opened = Store::open(&dir, mode).map_err(|error| match error {
            StoreError::Io { source, .. } if !dir.is_dir() => Failure::configuration(format!(
                "{} cannot be the state directory ({source}): name a directory that can be written with --state",
                dir.visible()
            )),
            other => other.into(),
        });
        opened.inspect(|store| {
            if is_new {
                terminal::notice(&format!("created a new store: {}", store_path(&dir).visible()));
            }
            if !store.narrowed().is_empty() {
                terminal::notice(&format!("warning: {}", store.narrowed().join("; ")));
            }
        })
    }

    /// Compacts the store when much of it is unused. A failure is only a warning, because the command that
    /// calls it has already committed its work; `done` names that work.
    pub fn give_space_back(&self, store: &mut Store, done: &str) {
        let spare = || -> Result<bool, StoreError> {
            let used: u64 = store.recordings()?.iter().map(RecordingV1::bytes).sum();
            let file = std::fs::metadata(store_path(&self.state())).map_or(0, |meta| meta.len());
            Ok(file.saturating_sub(used) > SPARE_BYTES.max(used / SPARE_PARTS))
        };
        let compacted = spare().and_then(|worthwhile| if worthwhile { store.compact() } else { Ok(()) });
        if let Err(error) = compacted {
            terminal::notice(&format!("warning: {done}, but the store could not be made smaller: {error}"));
        }
    }
}
