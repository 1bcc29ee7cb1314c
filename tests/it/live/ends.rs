//! How a session ends or resumes when a stop, a shutdown, a kill and a full disk come in different orders, on
//! a disk that loses unsynced writes.

use super::{Market, config, paper, until};
use crate::session_now::{Folded, questions};
use redb::StorageBackend;
use serde_json::{Value, json};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use tradingd::auth::Keys;
use tradingd::clock;
use tradingd::domain::time::Span;
use tradingd::service::hub::{Cursor, Filter, Start, Update};
use tradingd::service::sessions::SessionState;
use tradingd::service::settings::Settings as InForce;
use tradingd::service::{Parts, Service};
use tradingd::store::Store;

/// An in-memory disk.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<Mutex<Bytes>>);

#[derive(Debug, Default)]
struct Bytes {
    now: Vec<u8>,
    /// Content at the last sync, which survives a kill.
    synced: Vec<u8>,
    is_full: bool,
}

impl Disk {
    fn bytes(&self) -> MutexGuard<'_, Bytes> {
        self.0.lock().unwrap()
    }

    /// The disk as the next process finds it after a kill. Later writes to this one fail.
    fn after_a_kill(&self) -> Disk {
        let mut bytes = self.bytes();
        bytes.is_full = true;
        let synced = bytes.synced.clone();
        Disk(Arc::new(Mutex::new(Bytes { now: synced.clone(), synced, is_full: false })))
    }

    fn write(&self, change: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let mut bytes = self.bytes();
        if bytes.is_full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        change(&mut bytes.now);
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes().now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(offset).unwrap();
        out.copy_from_slice(&self.bytes().now[from..from + out.len()]);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.write(|now| now.resize(usize::try_from(length).unwrap(), 0))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut bytes = self.bytes();
        if bytes.is_full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        bytes.synced = bytes.now.clone();
        Ok(())
    }

    fn write(&self, offset: u64, new: &[u8]) -> io::Result<()> {
        let from = usize::try_from(offset).unwrap();
        Disk::write(self, |now| now[from..from + new.len()].copy_from_slice(new))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// A user stops the session.
    Stop,
    /// The daemon is shut down and restarted.
    Suspend,
    /// The daemon is killed and restarted; the disk has room then.
    Kill,
    /// The disk becomes full.
    Full,
    /// The disk has room again.
    Room,
    /// As [`Step::Room`], while somebody stops the session again and again until that is accepted.
    RoomWhileStopping,
}

use Step::{Full, Kill, Room, RoomWhileStopping, Stop, Suspend};

/// Steps in immediate succession, and the expected final state of the session.
const CELLS: [(&[Step], SessionState); 24] = [
    (&[Full, RoomWhileStopping], SessionState::Stopped),
    (&[Full, RoomWhileStopping, Suspend], SessionState::Stopped),
    (&[], SessionState::Running),
    (&[Stop], SessionState::Stopped),
    (&[Suspend], SessionState::Running),
    (&[Kill], SessionState::Running),
    (&[Full, Room], SessionState::Running),
    (&[Stop, Suspend], SessionState::Stopped),
    (&[Stop, Kill], SessionState::Stopped),
    (&[Stop, Full, Room], SessionState::Stopped),
    (&[Suspend, Stop], SessionState::Stopped),
    (&[Kill, Stop], SessionState::Stopped),
    (&[Full, Room, Stop], SessionState::Stopped),
    // The stop could not be written: it applies only while this daemon runs, and its caller got an error.
    (&[Full, Stop, Room], SessionState::Stopped),
    (&[Full, Stop, Kill], SessionState::Running),
    (&[Full, Kill], SessionState::Running),
    (&[Full, Kill, Stop], SessionState::Stopped),
    (&[Stop, Full, Kill], SessionState::Stopped),
    (&[Stop, Suspend, Suspend], SessionState::Stopped),
    (&[Stop, Kill, Kill], SessionState::Stopped),
    (&[Stop, Suspend, Kill], SessionState::Stopped),
    (&[Suspend, Kill, Suspend], SessionState::Running),
    (&[Full, Room, Full, Room], SessionState::Running),
    (&[Kill, Full, Room, Stop, Suspend], SessionState::Stopped),
];

/// Number of concurrent cells.
const SIDE_BY_SIDE: usize = 11;

/// A daemon on a [`Disk`] with one session.
struct Daemon {
    disk: Disk,
    service: Arc<Service>,
    cursor: Cursor,
    /// Updates of the session's stream, over all restarts.
    updates: Vec<Arc<Update>>,
    /// What was shown of it when somebody looked, likewise.
    shown: Vec<(&'static str, Value)>,
}

fn service(disk: &Disk, folder: &Path, market: &Market) -> Arc<Service> {
    let parts = Parts {
        store: Store::with_backend(disk.clone()).unwrap(),
        state: folder.to_owned(),
        keys: Keys::load(folder, None).unwrap(),
        settings: InForce::new(config(), Path::new("the test's own"), clock::now()),
        exchange: Some(market.client()),
        log: std::sync::Arc::default(),
    };
    Service::open(parts, clock::now()).unwrap()
}

fn follow(service: &Service, id: &str) -> Cursor {
    let topic = format!("session/{id}");
    service.hub.subscribe(&topic, Filter::default(), Start::Now, &Arc::default()).unwrap()
}

impl Daemon {
    /// Does the daemon's periodic check of the disk, and reads pending updates.
    fn look(&mut self) {
        let _ = self.service.look_after_store(clock::now());
        while let Ok(true) = self.read() {}
    }

    fn read(&mut self) -> Result<bool, ()> {
        let before = self.updates.len();
        self.cursor.read(1_000, &mut self.updates).map_err(|_| ())?;
        Ok(self.updates.len() > before)
    }

    /// Looks at account, positions and orders, as far as they are shown now.
    fn ask(&mut self, id: &str, market: &Market) {
        for (name, question) in questions().into_iter().take(3) {
            match market.runtime.block_on(self.service.sessions.look(id, &question)) {
                Ok(look) => {
                    let answer = look.map(|look| look.answer(&question));
                    if self.disk.bytes().is_full {
                        // What the disk does not take is not shown.
                        assert!(answer.iter().all(|answer| answer["stale_reason"].is_string()), "{answer:?}");
                    }
                    self.shown.extend(answer.map(|answer| (name, answer)));
                }
                Err(refusal) => assert_eq!(refusal.code, "snapshot_unavailable", "{refusal}"),
            }
        }
    }

    fn state(&self, id: &str) -> SessionState {
        self.service.sessions.get(id).unwrap().status
    }

    /// Ends this daemon and starts another on the same disk, or on what a kill leaves of it.
    fn restart(self, is_killed: bool, id: &str, folder: &Path, market: &Market) -> Daemon {
        let disk = if is_killed { self.disk.after_a_kill() } else { self.disk.clone() };
        let mut ended = self;
        assert_eq!(ended.service.close(Span::from_seconds(30)), Vec::<String>::new());
        ended.look();
        let Daemon { disk: before, service: old, cursor: _, updates, shown } = ended;
        drop(old);
        // Session threads release the store as their last step.
        let mine = if is_killed { 1 } else { 2 };
        until("the store", || Arc::strong_count(&before.0) == mine);
        let service = service(&disk, folder, market);
        let cursor = follow(&service, id);
        Daemon { disk, service, cursor, updates, shown }
    }

    fn step(mut self, step: Step, id: &str, folder: &Path, market: &Market) -> Daemon {
        match step {
            Stop => {
                let answer = self.service.sessions.stop(id, Span::ZERO);
                let is_full = self.disk.bytes().is_full;
                assert_eq!(
                    answer.as_ref().err().map(|refusal| refusal.code),
                    is_full.then_some("store_unavailable")
                );
                let over = answer.is_ok_and(|stopped| !stopped.still_stopping);
                assert!(!over || self.state(id).is_final(), "it was called stopped and is not");
            }
            Suspend | Kill => return self.restart(step == Kill, id, folder, market),
            Full => {
                self.disk.bytes().is_full = true;
                until("the session to stand still", || {
                    self.look();
                    let session = self.service.sessions.get(id).unwrap();
                    session.error_message.is_some() || session.status.is_final()
                });
            }
            Room => {
                self.disk.bytes().is_full = false;
                until("the store to take writes", || {
                    self.look();
                    self.service.store_failure().is_none()
                });
            }
            RoomWhileStopping => {
                self.disk.bytes().is_full = false;
                until("the stop to be accepted", || {
                    self.look();
                    match self.service.sessions.stop(id, Span::ZERO) {
                        Ok(_) => true,
                        Err(refusal) => refusal.code == "session_already_stopped",
                    }
                });
            }
        }
        self
    }
}

/// Runs one cell: the session reaches the expected state, every published event is stored, whatever was shown
/// follows from stored events, and a replay gives equal decisions.
fn run(kind: &str, steps: &[Step], expected: SessionState) {
    let market = &Market::new(2, 300, 17);
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let first = service(&disk, folder.path(), market);
    first.strategies.create(super::STRATEGY.to_string().as_bytes(), clock::now()).unwrap();
    let mut body = paper(&market.symbols);
    if kind == "collect" {
        body = json!({"session_type": "collect", "symbols": market.symbols});
    } else {
        // A latency so long that a stop comes while orders or positions are open.
        body["config"]["latency_ms"] = json!(700);
    }
    let now = clock::now();
    let id = first.sessions.start(&body, "ann", &first.settings.current(), now).unwrap().session_id;
    let cursor = follow(&first, &id);
    let mut daemon = Daemon { disk, service: first, cursor, updates: Vec::new(), shown: Vec::new() };
    until("the first rows", || {
        daemon.look();
        let counters = daemon.service.sessions.get(&id).unwrap().counters.unwrap();
        counters.ticks > 200 && (kind == "collect" || counters.fills >= 3)
    });
    for step in steps {
        if kind == "paper" {
            daemon.ask(&id, market);
        }
        daemon = daemon.step(*step, &id, folder.path(), market);
    }
    if kind == "paper" {
        daemon.ask(&id, market);
    }
    if expected == SessionState::Running {
        let ticks = |daemon: &Daemon| daemon.service.sessions.get(&id).unwrap().counters.unwrap().ticks;
        let before = ticks(&daemon);
        until("more rows", || {
            daemon.look();
            assert!(!daemon.state(&id).is_final(), "{:?}", daemon.service.sessions.get(&id));
            ticks(&daemon) > before + 100
        });
        let session = daemon.service.sessions.get(&id).unwrap();
        assert_eq!((session.status, session.error_message), (SessionState::Running, None));
        assert!(!daemon.service.sessions.stop(&id, Span::from_seconds(30)).unwrap().still_stopping);
    }
    until("its end", || {
        daemon.look();
        daemon.state(&id).is_final()
    });
    daemon.look();
    let session = daemon.service.sessions.get(&id).unwrap();
    assert_eq!((session.status, session.error_message), (SessionState::Stopped, None));
    let stored = daemon.service.sessions.events(&id, 0, usize::MAX).unwrap().events;
    check_published(&daemon.updates, &stored);
    for (name, answer) in &daemon.shown {
        Folded::new(&stored, answer["seq"].as_u64().unwrap(), 1_000_000.0).agrees(name, answer);
    }
    if kind == "paper" {
        let replayed = daemon.service.sessions.replay(&id).unwrap();
        assert!(replayed.equal && replayed.digest_recorded.is_some(), "{replayed:?}");
    }
    daemon.service.close(Span::from_seconds(30));
}

/// Checks that stored events are numbered without holes and that each published event equals the stored one.
fn check_published(updates: &[Arc<Update>], stored: &[Value]) {
    for (number, event) in (1_u64..).zip(stored) {
        assert_eq!(event["seq"], number);
    }
    let mut numbered = 0;
    for update in updates {
        let published: Value = serde_json::from_str(&update.json).unwrap();
        let Some(number) =
            published["seq"].as_u64().filter(|_| published.get("status") != Some(&json!("progress")))
        else {
            continue;
        };
        let event = &stored[usize::try_from(number).unwrap() - 1];
        numbered += 1;
        for (name, value) in event.as_object().unwrap() {
            assert_eq!(&published[name], value, "{published} was published as {event}");
        }
    }
    assert!(numbered > 0, "something was published");
    assert!(updates.iter().all(|update| update.event != "session_failed"));
}

#[test]
fn a_session_comes_to_what_was_said_whatever_happens_between() {
    let cells: Vec<_> = CELLS.iter().flat_map(|cell| ["paper", "collect"].map(|kind| (kind, cell))).collect();
    let mut failed = Vec::new();
    for some in cells.chunks(SIDE_BY_SIDE) {
        std::thread::scope(|scope| {
            let start = |(kind, (steps, expected)): &(&'static str, &(&'static [Step], SessionState))| {
                let (kind, steps, expected) = (*kind, *steps, *expected);
                (format!("{kind} {steps:?}"), scope.spawn(move || run(kind, steps, expected)))
            };
            let runs: Vec<_> = some.iter().map(start).collect();
            failed.extend(runs.into_iter().filter_map(|(name, run)| run.join().is_err().then_some(name)));
        });
    }
    assert!(failed.is_empty(), "{} of {}: {failed:#?}", failed.len(), 2 * CELLS.len());
}

/// A failure is stored in one transaction with the rows and events before it.
#[test]
fn a_session_that_fails_keeps_what_it_failed_on() {
    let market = Market::new(2, 300, 19);
    let folder = tempfile::tempdir().unwrap();
    let service = service(&Disk::default(), folder.path(), &market);
    let mut config = config();
    config.recording.min_free_mib = 1 << 40;
    let body = json!({"session_type": "collect", "symbols": market.symbols});
    let id = service.sessions.start(&body, "ann", &config, clock::now()).unwrap().session_id;
    until("its end", || service.sessions.get(&id).unwrap().status.is_final());
    let session = service.sessions.get(&id).unwrap();
    assert_eq!(session.status, SessionState::Failed);
    assert!(session.error_message.unwrap().contains("recording.min_free_mib"));
    let recording = service.recordings.get(&id).unwrap();
    let rows: u64 = serde_json::to_value(&recording).unwrap()["records_collected"].as_u64().unwrap();
    assert!(rows > 0 && session.counters.unwrap().ticks == rows, "{rows} of {:?}", session.counters);
    service.close(Span::from_seconds(30));
}
