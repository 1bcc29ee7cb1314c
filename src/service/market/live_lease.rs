//! What a running live session leaves on disk for the watchdog: which symbols it holds, that it lives, and
//! until when it is expected back. One file a session in the state directory.
//!
//! Invariant: a file is replaced as a whole, so whoever reads it sees one moment.

use crate::domain::time::{Span, Timestamp};
use crate::regular_file;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How every name of a file begins.
const PREFIX: &str = "live.lease.";
/// How the name of one ends that is being written.
const NEW: &str = ".new";

/// What a session says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LiveLease {
    /// The session.
    pub session_id: String,
    /// Its symbols, as the exchange writes them: they belong to it alone.
    pub symbols: Vec<String>,
    /// How the client ids of its orders begin.
    pub client_prefix: String,
    /// When it last lived, milliseconds since 1970.
    pub heartbeat_ms: i64,
    /// A planned end of the daemon: until when it is expected back; `None`: it runs.
    pub expected_back_until_ms: Option<i64>,
}

/// A lease that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unreadable {
    /// Its session.
    pub session: String,
    /// What is wrong with it, for people.
    pub why: String,
}

impl LiveLease {
    /// Whether nobody answers for its positions any more, by the wall clock: for whoever looks only once.
    pub fn is_abandoned(&self, now: Timestamp, patience: Span) -> bool {
        now.millis() - self.heartbeat_ms > self.patience_ms(patience)
    }

    /// How long it may stay as it is.
    fn patience_ms(&self, patience: Span) -> i64 {
        let patience_ms = patience.nanos() / 1_000_000;
        self.expected_back_until_ms.map_or(patience_ms, |until| until - self.heartbeat_ms)
    }

    /// Writes it.
    ///
    /// # Errors
    /// What the disk reports.
    pub fn write(&self, state: &Path) -> io::Result<()> {
        let path = path(state, &self.session_id);
        let new = state.join(format!("{PREFIX}{}{NEW}", self.session_id));
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(true).mode(0o600);
        let mut file = regular_file::open_with(&mut options, &new)?;
        file.write_all(serde_json::to_string(self)?.as_bytes())?;
        // A heartbeat that is lost with the host is missed by nobody.
        drop(file);
        fs::rename(new, path)
    }

    /// All leases of a state directory, and those that cannot be read: they may be of open positions.
    ///
    /// # Errors
    /// What the disk reports of the directory.
    pub fn all(state: &Path) -> io::Result<(Vec<LiveLease>, Vec<Unreadable>)> {
        let (mut all, mut unreadable) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(state)? {
            let name = entry?.file_name();
            let name = name.to_string_lossy();
            let Some(session) = name.strip_prefix(PREFIX).filter(|rest| !rest.ends_with(NEW)) else {
                continue;
            };
            let wrong = |error: &dyn std::fmt::Display| Unreadable {
                session: session.to_owned(),
                why: format!("the lease of session {session}: {error}"),
            };
            match regular_file::open(&path(state, session)).and_then(io::read_to_string) {
                Ok(text) => match serde_json::from_str(&text) {
                    Ok(lease) => all.push(lease),
                    Err(error) => unreadable.push(wrong(&error)),
                },
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => unreadable.push(wrong(&error)),
            }
        }
        Ok((all, unreadable))
    }

    /// Its session has nothing open any more.
    ///
    /// # Errors
    /// What the disk reports.
    pub fn remove(state: &Path, session: &str) -> io::Result<()> {
        match fs::remove_file(path(state, session)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Leases as somebody who watches them saw them change, by a clock that is never set: what the wall clock
/// says of a heartbeat is wrong after a step.
#[derive(Default)]
pub struct LeaseHistory {
    /// As they were read last, and when they changed.
    read: BTreeMap<String, (LiveLease, Span)>,
    /// Since when others cannot be read.
    unreadable: BTreeMap<String, Span>,
}

impl LeaseHistory {
    /// Looks at all leases at a time of the steady clock; gives those that have not changed for longer than
    /// they may. One that cannot be read is as it was read last.
    pub fn abandoned(
        &mut self,
        leases: &[LiveLease],
        unreadable: &[Unreadable],
        now: Span,
        patience: Span,
    ) -> Vec<LiveLease> {
        self.read.retain(|session, _| {
            leases.iter().any(|lease| lease.session_id == *session)
                || unreadable.iter().any(|lease| lease.session == *session)
        });
        for lease in leases {
            let seen = self.read.entry(lease.session_id.clone()).or_insert_with(|| (lease.clone(), now));
            if seen.0 != *lease {
                *seen = (lease.clone(), now);
            }
        }
        let is_late =
            |lease: &LiveLease, since: Span| (now - since).nanos() / 1_000_000 > lease.patience_ms(patience);
        self.read
            .values()
            .filter(|(lease, since)| is_late(lease, *since))
            .map(|(lease, _)| lease.clone())
            .collect()
    }

    /// Sessions whose leases could not be read for longer than a session may be silent.
    pub fn unreadable_for_long(
        &mut self,
        unreadable: &[Unreadable],
        now: Span,
        patience: Span,
    ) -> Vec<String> {
        self.unreadable.retain(|session, _| unreadable.iter().any(|lease| lease.session == *session));
        for lease in unreadable {
            self.unreadable.entry(lease.session.clone()).or_insert(now);
        }
        let late = self.unreadable.iter().filter(|(_, since)| now - **since > patience);
        late.map(|(session, _)| session.clone()).collect()
    }
}

/// The lease of one running session.
pub struct LiveLeaseholder {
    state: PathBuf,
    /// `None` once its last word is written.
    lease: Mutex<Option<LiveLease>>,
}

impl LiveLeaseholder {
    /// Writes nothing yet.
    pub fn new(state: &Path, lease: LiveLease) -> Self {
        LiveLeaseholder { state: state.to_owned(), lease: Mutex::new(Some(lease)) }
    }

    /// The session lives.
    pub fn beat(&self, now: Timestamp) {
        self.say(|lease| lease.heartbeat_ms = now.millis());
    }

    /// The daemon ends as planned: its positions wait for it, with their stops, until a moment. Its last
    /// word.
    pub fn plan(&self, now: Timestamp, until: Timestamp) {
        self.say(|lease| {
            (lease.heartbeat_ms, lease.expected_back_until_ms) = (now.millis(), Some(until.millis()));
        });
        self.lock().take();
    }

    /// Nothing is open any more. Its last word.
    pub fn end(&self) {
        if let Some(lease) = self.lock().take()
            && let Err(error) = LiveLease::remove(&self.state, &lease.session_id)
        {
            tracing::warn!(%error, "the lease of a session that has ended cannot be removed: a watchdog will look at its symbols");
        }
    }

    /// Nothing more is said: whoever watches acts.
    pub fn abandon(&self) {
        self.lock().take();
    }

    fn say(&self, change: impl FnOnce(&mut LiveLease)) {
        if let Some(lease) = self.lock().as_mut() {
            change(lease);
            if let Err(error) = lease.write(&self.state) {
                tracing::warn!(%error, "the heartbeat of a live session cannot be written: a watchdog will close its positions");
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<LiveLease>> {
        self.lease.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn path(state: &Path, session: &str) -> PathBuf {
    state.join(format!("{PREFIX}{session}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(heartbeat_ms: i64, expected_back_until_ms: Option<i64>) -> LiveLease {
        LiveLease {
            session_id: "exec_1".to_owned(),
            symbols: Vec::new(),
            client_prefix: "td0".to_owned(),
            heartbeat_ms,
            expected_back_until_ms,
        }
    }

    #[test]
    fn a_session_that_is_silent_is_abandoned_unless_it_said_until_when() {
        let folder = tempfile::tempdir().unwrap();
        let at = |ms| Timestamp::from_millis(ms).unwrap();
        let lease = LiveLease { symbols: vec!["A_USDT".to_owned()], ..lease(1_000_000, None) };
        let patience = Span::from_seconds(10);
        assert!(!lease.is_abandoned(at(1_010_000), patience) && lease.is_abandoned(at(1_010_001), patience));
        let planned = LiveLease { expected_back_until_ms: Some(1_300_000), ..lease.clone() };
        assert!(
            !planned.is_abandoned(at(1_300_000), patience) && planned.is_abandoned(at(1_300_001), patience)
        );
        lease.write(folder.path()).unwrap();
        planned.write(folder.path()).unwrap();
        fs::write(folder.path().join("live.lease.exec_2"), "{").unwrap();
        let (read, unreadable) = LiveLease::all(folder.path()).unwrap();
        assert_eq!(read, [planned], "one that cannot be read hides no other");
        assert!(unreadable.len() == 1 && unreadable[0].session == "exec_2", "{unreadable:?}");
        LiveLease::remove(folder.path(), "exec_2").unwrap();
        LiveLease::remove(folder.path(), "exec_1").unwrap();
        assert_eq!(LiveLease::all(folder.path()).unwrap(), (Vec::new(), Vec::new()));
    }

    #[test]
    fn a_step_of_the_wall_clock_abandons_nothing_and_hides_nothing() {
        let (patience, at) = (Span::from_seconds(10), Span::from_millis);
        let mut seen = LeaseHistory::default();
        let mut is_abandoned =
            |lease: LiveLease, now| !seen.abandoned(&[lease], &[], at(now), patience).is_empty();
        // An hour lies between the clocks of whoever wrote it and of whoever reads it, and then between two
        // heartbeats.
        assert!(!is_abandoned(lease(0, None), 1_000));
        assert!(!is_abandoned(lease(3_600_000, None), 10_900));
        assert!(!is_abandoned(lease(1_000, None), 20_800), "it changes, so somebody lives");
        assert!(!is_abandoned(lease(1_000, None), 30_800));
        assert!(is_abandoned(lease(1_000, None), 30_801), "it is silent for more than ten seconds");
        let planned = || lease(2_000, Some(902_000));
        assert!(!is_abandoned(planned(), 40_000) && !is_abandoned(planned(), 940_000));
        assert!(is_abandoned(planned(), 940_001), "longer than it said");
    }

    #[test]
    fn a_lease_that_cannot_be_read_for_a_look_is_not_forgotten_and_for_long_is_told() {
        let (patience, at) = (Span::from_seconds(10), Span::from_millis);
        let lease = lease(0, None);
        let torn = [Unreadable { session: "exec_1".to_owned(), why: "torn".to_owned() }];
        let mut seen = LeaseHistory::default();
        assert_eq!(seen.abandoned(std::slice::from_ref(&lease), &[], at(0), patience), []);
        assert_eq!(seen.abandoned(&[], &torn, at(9_000), patience), []);
        let leases = std::slice::from_ref(&lease);
        assert_eq!(seen.abandoned(leases, &[], at(10_001), patience), leases, "silent since the first look");
        assert_eq!(seen.abandoned(&[], &torn, at(11_000), patience), leases, "its symbols are known");
        assert!(seen.unreadable_for_long(&torn, at(11_000), patience).is_empty());
        assert!(seen.unreadable_for_long(&torn, at(21_000), patience).is_empty());
        assert_eq!(seen.unreadable_for_long(&torn, at(21_001), patience), ["exec_1"]);
        assert!(seen.unreadable_for_long(&[], at(21_002), patience).is_empty());
    }

    #[test]
    fn a_planned_end_is_a_heartbeat_too() {
        let folder = tempfile::tempdir().unwrap();
        let at = |ms| Timestamp::from_millis(ms).unwrap();
        let lease = lease(0, None);
        LiveLeaseholder::new(folder.path(), lease).plan(at(2_000_000), at(2_900_000));
        let (leases, _) = LiveLease::all(folder.path()).unwrap();
        assert_eq!((leases[0].heartbeat_ms, leases[0].expected_back_until_ms), (2_000_000, Some(2_900_000)));
        assert_eq!(leases[0].patience_ms(Span::from_seconds(10)), 900_000);
    }
}
