//! Detects changes of `config.json`, whether written in place, replaced by a rename or reached through a
//! symlink.
//!
//! It watches the folder, because a watch on a file ends when a rename replaces it. The file is also read
//! every second, for changes without an event. Invalid content is read again before it is reported: an editor
//! may be between truncating and writing the file. Unchanged content is reported only after [`Watch::poke`].

use super::parse::{parse, read};
use crate::domain::visible::Visible;
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// How long to wait after a write that may not be the last.
const QUIET: Duration = Duration::from_millis(200);

/// Interval of reads without an event.
const POLL: Duration = Duration::from_secs(1);

/// How often invalid content is read again before it is reported.
const REREADS: usize = 3;

/// Content of the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content {
    /// Its bytes, not necessarily valid.
    Bytes(Vec<u8>),
    /// Reading failed, with the reason.
    Unreadable(String),
}

impl Content {
    /// Reads a file.
    pub fn of(path: &Path) -> Content {
        match read(path) {
            Ok(bytes) => Content::Bytes(bytes),
            Err(error) => Content::Unreadable(format!("{} cannot be read: {error}", path.visible())),
        }
    }

    fn is_valid(&self) -> bool {
        matches!(self, Content::Bytes(bytes) if parse(bytes).is_ok())
    }
}

/// A watched file; dropping it ends the watch.
#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// Kept alive: events stop when it is dropped.
    _events: Option<RecommendedWatcher>,
    problem: Option<String>,
}

#[derive(Debug, Default)]
struct Shared {
    pending: Mutex<Pending>,
    changed: Condvar,
}

/// Events since the thread last looked.
#[derive(Debug, Default, Clone, Copy)]
struct Pending {
    /// The file was written; more writes may follow.
    written: bool,
    /// A writer closed the file, or another file was renamed to its name.
    finished: bool,
    poked: bool,
    stop: bool,
}

impl Watch {
    /// Calls `changed` on its own thread whenever the file differs from `known` or from what was reported
    /// last.
    ///
    /// # Errors
    /// The thread could not be started.
    pub fn start(
        path: &Path,
        known: Content,
        changed: impl FnMut(Content) + Send + 'static,
    ) -> io::Result<Watch> {
        let shared = Arc::<Shared>::default();
        let (events, problem) = match events(path, &shared) {
            Ok(events) => (Some(events), None),
            // Nothing is wrong: there is no file yet, and the read every second finds one.
            Err(_) if !folder_of(path).exists() => (None, None),
            Err(error) => (
                None,
                Some(format!(
                    "{} is only read every second, as the system reports no changes of files: {error}",
                    path.visible()
                )),
            ),
        };
        let (path, watched) = (path.to_owned(), shared.clone());
        let thread =
            Builder::new().name("config".to_owned()).spawn(move || run(&path, &watched, known, changed))?;
        Ok(Watch { shared, thread: Some(thread), _events: events, problem })
    }

    /// Reads the file now and reports it even if unchanged.
    pub fn poke(&self) {
        self.shared.notify(|pending| pending.poked = true);
    }

    /// Why file events are not available here, if so.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.notify(|pending| pending.stop = true);
        if let Some(thread) = self.thread.take() {
            // A panic has already been logged by the panic hook.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn notify(&self, set: impl FnOnce(&mut Pending)) {
        set(&mut self.locked());
        self.changed.notify_one();
    }

    fn locked(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the events as soon as `until` holds or the time is up.
    fn wait(&self, limit: Duration, until: impl Fn(&Pending) -> bool) -> Pending {
        let (mut pending, _) = self
            .changed
            .wait_timeout_while(self.locked(), limit, |pending| !until(pending))
            .unwrap_or_else(PoisonError::into_inner);
        let taken = *pending;
        *pending = Pending { stop: taken.stop, ..Pending::default() };
        taken
    }
}

fn run(path: &Path, shared: &Shared, known: Content, mut changed: impl FnMut(Content)) {
    let mut reported = known;
    loop {
        let pending =
            shared.wait(POLL, |pending| pending.written || pending.finished || pending.poked || pending.stop);
        if pending.stop {
            return;
        }
        let mut poked = pending.poked;
        if pending.written && !pending.finished {
            poked |= shared.wait(QUIET, |pending| pending.finished || pending.stop).poked;
        }
        let mut content = Content::of(path);
        if content == reported && !poked {
            continue;
        }
        for _ in 0..REREADS {
            if content.is_valid() {
                break;
            }
            let pending = shared.wait(QUIET, |pending| pending.finished || pending.stop);
            if pending.stop {
                return;
            }
            poked |= pending.poked;
            content = Content::of(path);
        }
        if content != reported || poked {
            reported = content.clone();
            changed(content);
        }
    }
}

/// Events of the folder, filtered by the file's name.
fn events(path: &Path, shared: &Arc<Shared>) -> notify::Result<RecommendedWatcher> {
    let name: OsString = path.file_name().unwrap_or_default().to_owned();
    let shared = shared.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // The read every second covers lost events.
        let Ok(event) = event else { return };
        if event.paths.iter().any(|path| path.file_name() == Some(&name)) {
            match event.kind {
                EventKind::Access(AccessKind::Close(AccessMode::Write))
                | EventKind::Modify(ModifyKind::Name(_)) => {
                    shared.notify(|pending| pending.finished = true);
                }
                EventKind::Access(_) => {}
                _ => shared.notify(|pending| pending.written = true),
            }
        }
    })?;
    watcher.watch(folder_of(path), RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
