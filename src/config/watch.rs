//! Sees when `config.json` changes, however it was written: in place, renamed over, behind a link.
//!
//! The folder is watched, not the file: a watch on a file ends with the first rename over it. Every second the file is
//! also read and compared, for what gives no event. Broken content is read again before it is reported, because an
//! editor may be between emptying the file and writing it. Never: a file reported twice, or half of one as valid.

use super::parse::{parse, read};
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// How long it must be quiet after a write that may not have been the last.
const QUIET: Duration = Duration::from_millis(200);

/// Between two readings without an event.
const POLL: Duration = Duration::from_secs(1);

/// How often broken content is read again before it is reported.
const REREADS: usize = 3;

/// What the file holds now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content {
    /// Its bytes, valid or not.
    Bytes(Vec<u8>),
    /// It cannot be read; why.
    Unreadable(String),
}

impl Content {
    /// What is in a file at this moment.
    pub fn of(path: &Path) -> Content {
        match read(path) {
            Ok(bytes) => Content::Bytes(bytes),
            Err(error) => Content::Unreadable(format!("{} cannot be read: {error}", path.display())),
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
    /// Kept: events stop when it is dropped.
    _events: Option<RecommendedWatcher>,
    problem: Option<String>,
}

#[derive(Debug, Default)]
struct Shared {
    signs: Mutex<Signs>,
    changed: Condvar,
}

/// What happened since the thread looked last.
#[derive(Debug, Default, Clone, Copy)]
struct Signs {
    /// Something was written; more may follow.
    written: bool,
    /// A writer closed the file, or another file took its name.
    finished: bool,
    poked: bool,
    stop: bool,
}

impl Watch {
    /// Calls `changed` on a thread of its own whenever the file no longer holds `known` or what was reported last.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(
        path: &Path,
        known: Content,
        changed: impl FnMut(Content) + Send + 'static,
    ) -> io::Result<Watch> {
        let shared = Arc::<Shared>::default();
        let (events, problem) = match events(path, &shared) {
            Ok(events) => (Some(events), None),
            Err(error) => {
                (None, Some(format!("changes of {} are seen every second only: {error}", path.display())))
            }
        };
        let (path, sees) = (path.to_owned(), shared.clone());
        let thread =
            Builder::new().name("config".to_owned()).spawn(move || look(&path, &sees, known, changed))?;
        Ok(Watch { shared, thread: Some(thread), _events: events, problem })
    }

    /// Reads the file now and reports it even when it is the same.
    pub fn poke(&self) {
        self.shared.sign(|signs| signs.poked = true);
    }

    /// Why events do not work here, when they do not.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.sign(|signs| signs.stop = true);
        if let Some(thread) = self.thread.take() {
            // A panic in there has been reported by itself.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn sign(&self, set: impl FnOnce(&mut Signs)) {
        set(&mut self.locked());
        self.changed.notify_one();
    }

    fn locked(&self) -> MutexGuard<'_, Signs> {
        self.signs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the signs as soon as the condition holds or the time is up.
    fn wait(&self, limit: Duration, until: impl Fn(&Signs) -> bool) -> Signs {
        let (mut signs, _) = self
            .changed
            .wait_timeout_while(self.locked(), limit, |signs| !until(signs))
            .unwrap_or_else(PoisonError::into_inner);
        let taken = *signs;
        *signs = Signs { stop: taken.stop, ..Signs::default() };
        taken
    }
}

fn look(path: &Path, shared: &Shared, known: Content, mut changed: impl FnMut(Content)) {
    let mut reported = known;
    loop {
        let signs = shared.wait(POLL, |signs| signs.written || signs.finished || signs.poked || signs.stop);
        if signs.stop {
            return;
        }
        let mut poked = signs.poked;
        if signs.written && !signs.finished {
            poked |= shared.wait(QUIET, |signs| signs.finished || signs.stop).poked;
        }
        let mut content = Content::of(path);
        if content == reported && !poked {
            continue;
        }
        for _ in 0..REREADS {
            if content.is_valid() {
                break;
            }
            let signs = shared.wait(QUIET, |signs| signs.finished || signs.stop);
            if signs.stop {
                return;
            }
            poked |= signs.poked;
            content = Content::of(path);
        }
        if content != reported || poked {
            reported = content.clone();
            changed(content);
        }
    }
}

/// Events of the folder, those of the file's name only.
fn events(path: &Path, shared: &Arc<Shared>) -> notify::Result<RecommendedWatcher> {
    let name: OsString = path.file_name().unwrap_or_default().to_owned();
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let shared = shared.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // Events that were lost are found by reading every second.
        let Ok(event) = event else { return };
        if event.paths.iter().any(|path| path.file_name() == Some(&name)) {
            match event.kind {
                EventKind::Access(AccessKind::Close(AccessMode::Write))
                | EventKind::Modify(ModifyKind::Name(_)) => {
                    shared.sign(|signs| signs.finished = true);
                }
                EventKind::Access(_) => {}
                _ => shared.sign(|signs| signs.written = true),
            }
        }
    })?;
    watcher.watch(&folder, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}
