//! The limit on the size of files, as `ulimit -f` sets it.

use super::Failure;
use rustix::process::Signal;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// From now on a write beyond the limit fails with an error, as one to a full disk does. Without a handler
/// its signal, SIGXFSZ, ends the process.
///
/// # Errors
/// When the system allows no handler.
pub fn is_an_error() -> Result<(), Failure> {
    let install = || {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let _entered = runtime.enter();
        // The handler stays for the life of the process, without the runtime and without a reader.
        signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map(drop)
    };
    install().map_err(|error| Failure::other(format!("signals cannot be received: {error}")))
}
