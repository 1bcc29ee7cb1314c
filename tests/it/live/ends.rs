//! How a session ends or resumes when a stop, a shutdown, a kill, a failure and a full disk come in different
//! orders, on a disk that loses unsynced writes. What comes of each order is the table of `docs/ends.md`.

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
    /// The session fails. One that is short of room does so by itself after a second. Any other one because
    /// the daemon is shut down (killed when the disk is full) and comes back without an exchange.
    Fail,
}

use Step::{Fail, Full, Kill, Room, RoomWhileStopping, Stop, Suspend};

impl Step {
    fn words(self) -> &'static str {
        match self {
            Stop => "stop",
            Suspend => "restart",
            Kill => "kill",
            Full => "disk full",
            Room => "room",
            RoomWhileStopping => "room, stop until accepted",
            Fail => "failure",
        }
    }
}

/// Kinds of sessions: [`SHORT`] is a collect session whose `recording.min_free_mib` is more than there is.
const KINDS: [&str; 3] = ["paper", "collect", SHORT];
const SHORT: &str = "collect, short of room";

/// Steps in immediate succession, and the expected final state of the session.
const CELLS: [(&[Step], SessionState); 34] = [
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
    (&[Fail], SessionState::Failed),
    (&[Fail, Stop], SessionState::Failed),
    (&[Fail, Kill], SessionState::Failed),
    (&[Fail, Suspend, Stop], SessionState::Failed),
    (&[Kill, Fail], SessionState::Failed),
    (&[Full, Room, Fail], SessionState::Failed),
    (&[Fail, Full, Room, Kill], SessionState::Failed),
    // What was told to stop needs no market to end.
    (&[Stop, Fail], SessionState::Stopped),
    (&[Stop, Fail, Kill], SessionState::Stopped),
    (&[Full, Fail], SessionState::Failed),
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
    /// What each step reported.
    said: Vec<String>,
}

fn service(disk: &Disk, folder: &Path, market: Option<&Market>, kind: &str) -> Arc<Service> {
    let mut config = config();
    if kind == SHORT {
        config.recording.min_free_mib = 1 << 40;
    }
    let parts = Parts {
        store: Store::with_backend(disk.clone()).unwrap(),
        state: folder.to_owned(),
        keys: Keys::load(folder, None).unwrap(),
        settings: InForce::new(config, Path::new("the test's own"), clock::now()),
        exchange: market.map(Market::client),
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
    fn restart(
        self,
        is_killed: bool,
        (kind, id): (&str, &str),
        folder: &Path,
        market: Option<&Market>,
    ) -> Daemon {
        let disk = if is_killed { self.disk.after_a_kill() } else { self.disk.clone() };
        let mut ended = self;
        assert_eq!(ended.service.close(Span::from_seconds(30)), Vec::<String>::new());
        ended.look();
        let Daemon { disk: before, service: old, cursor: _, updates, shown, said } = ended;
        drop(old);
        // Session threads release the store as their last step.
        let mine = if is_killed { 1 } else { 2 };
        until("the store", || Arc::strong_count(&before.0) == mine);
        let service = service(&disk, folder, market, kind);
        let cursor = follow(&service, id);
        Daemon { disk, service, cursor, updates, shown, said }
    }

    /// Takes a step; `before` are those taken already.
    fn step(
        mut self,
        step: Step,
        before: &[Step],
        (kind, id): (&str, &str),
        folder: &Path,
        market: &Market,
    ) -> Daemon {
        let was_stopped = before.contains(&Stop);
        match step {
            Stop => {
                let answer = self.service.sessions.stop(id, Span::ZERO);
                let is_full = self.disk.bytes().is_full;
                let has_failed = before.contains(&Fail) && !was_stopped;
                let refused = answer.as_ref().err().map(|refusal| refusal.code);
                let expected = is_full.then_some("store_unavailable");
                assert_eq!(refused, expected.or(has_failed.then_some("session_already_stopped")));
                self.said.push(format!("stop: {}", refused.unwrap_or("accepted")));
                let over = answer.is_ok_and(|stopped| !stopped.still_stopping);
                assert!(!over || self.state(id).is_final(), "it was called stopped and is not");
            }
            Suspend | Kill => return self.restart(step == Kill, (kind, id), folder, Some(market)),
            Fail if kind != SHORT => {
                let is_full = self.disk.bytes().is_full;
                self = self.restart(is_full, (kind, id), folder, None);
                self.fail(id);
            }
            Fail => self.fail(id),
            Full => {
                self.disk.bytes().is_full = true;
                until("the session to stand still", || {
                    self.look();
                    let session = self.service.sessions.get(id).unwrap();
                    session.error_message.is_some() || session.status.is_final()
                });
                let session = self.service.sessions.get(id).unwrap();
                let is_over = was_stopped || before.contains(&Fail);
                assert!(is_over || session.error_message.unwrap().contains("is stalled"));
                self.said.extend((!is_over).then(|| "it stands still".to_owned()));
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
                self.said.push("stop: accepted".to_owned());
            }
        }
        self
    }

    /// Waits for the end of a session that cannot go on.
    fn fail(&mut self, id: &str) {
        until("its failure", || {
            self.look();
            self.state(id).is_final()
        });
        let why = self.service.sessions.get(id).unwrap().error_message;
        self.said.push(why.map_or("no failure".to_owned(), |why| format!("failed: {}", reason(&why))));
    }
}

/// The part of a failure's message that tells what is missing.
fn reason(message: &str) -> &str {
    let known = ["recording.min_free_mib", "exchange.enabled"];
    known.into_iter().find(|part| message.contains(part)).unwrap_or(message)
}

/// Runs one cell: the session reaches the expected state, every published event is stored, whatever was shown
/// follows from stored events, and a replay gives equal decisions. Returns what was reported.
fn run(kind: &str, steps: &[Step], expected: SessionState) -> String {
    let market = &Market::new(2, 300, 17);
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let first = service(&disk, folder.path(), Some(market), kind);
    first.strategies.create(super::STRATEGY.to_string().as_bytes(), clock::now()).unwrap();
    let mut body = paper(&market.symbols);
    let settings = first.settings.current();
    if kind != "paper" {
        body = json!({"session_type": "collect", "symbols": market.symbols});
    } else {
        // A latency so long that a stop comes while orders or positions are open.
        body["config"]["latency_ms"] = json!(700);
    }
    let now = clock::now();
    let id = first.sessions.start(&body, "ann", &settings, now).unwrap().session_id;
    let cursor = follow(&first, &id);
    let (updates, shown, said) = (Vec::new(), Vec::new(), Vec::new());
    let mut daemon = Daemon { disk, service: first, cursor, updates, shown, said };
    until("the first rows", || {
        daemon.look();
        let counters = daemon.service.sessions.get(&id).unwrap().counters.unwrap();
        // One that is short of room has a second.
        let enough = if kind == SHORT { 20 } else { 200 };
        counters.ticks > enough && (kind != "paper" || counters.fills >= 3)
    });
    for (place, step) in steps.iter().enumerate() {
        if kind == "paper" {
            daemon.ask(&id, market);
        }
        daemon = daemon.step(*step, &steps[..place], (kind, &id), folder.path(), market);
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
    let ends = if expected == SessionState::Failed { SessionState::Failed } else { SessionState::Stopped };
    assert_eq!(
        (session.status, session.error_message.is_some()),
        (ends, ends == SessionState::Failed),
        "{session:?}"
    );
    let stored = daemon.service.sessions.events(&id, 0, usize::MAX).unwrap().events;
    check_published(&daemon.updates, &stored);
    let failures = stored.iter().filter(|event| event["event"] == "session_failed").count();
    assert_eq!(failures, usize::from(ends == SessionState::Failed), "it is told once that it failed");
    for (name, answer) in &daemon.shown {
        Folded::new(&stored, answer["seq"].as_u64().unwrap(), 1_000_000.0).agrees(name, answer);
    }
    if kind == "paper" && ends == SessionState::Stopped {
        let replayed = daemon.service.sessions.replay(&id, &|| true).unwrap();
        assert!(replayed.equal && replayed.digest_recorded.is_some(), "{replayed:?}");
    }
    daemon.service.close(Span::from_seconds(30));
    if daemon.said.is_empty() { "—".to_owned() } else { daemon.said.join("; ") }
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
    let failures = updates.iter().filter(|update| update.event == "session_failed").count();
    assert!(failures <= stored.iter().filter(|event| event["event"] == "session_failed").count());
}

/// Whether a kind of session can come to these steps: one that is short of room fails within a second, and on
/// a full disk it cannot.
fn is_possible(kind: &str, steps: &[Step]) -> bool {
    let fails_soon = |place| place <= 1 && !steps[..place].contains(&Full);
    kind != SHORT || steps.iter().position(|step| *step == Fail).is_some_and(fails_soon)
}

/// Writes `docs/ends.md` with `BLESS=1`.
#[test]
fn a_session_comes_to_what_was_said_whatever_happens_between() {
    let all = CELLS.iter().flat_map(|cell| KINDS.map(|kind| (kind, cell)));
    let cells: Vec<_> = all.filter(|(kind, (steps, _))| is_possible(kind, steps)).collect();
    let (mut failed, mut rows) = (Vec::new(), Vec::new());
    for some in cells.chunks(SIDE_BY_SIDE) {
        std::thread::scope(|scope| {
            let start = |(kind, (steps, expected)): &(&'static str, &(&'static [Step], SessionState))| {
                let (kind, steps, expected) = (*kind, *steps, *expected);
                (kind, steps, expected, scope.spawn(move || run(kind, steps, expected)))
            };
            let runs: Vec<_> = some.iter().map(start).collect();
            for (kind, steps, expected, run) in runs {
                let words: Vec<&str> = steps.iter().map(|step| step.words()).collect();
                match run.join() {
                    Ok(said) => {
                        let words =
                            if words.is_empty() { "nothing".to_owned() } else { words.join(", then ") };
                        let state =
                            if expected == SessionState::Running { "runs on" } else { expected.as_str() };
                        rows.push((words, kind, state, said));
                    }
                    Err(_) => failed.push(format!("{kind} {words:?}")),
                }
            }
        });
    }
    assert!(failed.is_empty(), "{} of {}: {failed:#?}", failed.len(), cells.len());
    assert_is_documented(&table(&rows));
}

/// A line for every order of steps; kinds to which the same happened share it.
fn table(rows: &[(String, &str, &str, String)]) -> String {
    let mut lines: Vec<(String, Vec<&str>, String)> = Vec::new();
    for (words, kind, state, said) in rows {
        let rest = format!("{state} | {said}");
        match lines.iter_mut().find(|(known, _, same)| known == words && *same == rest) {
            Some((_, kinds, _)) => kinds.push(kind),
            None => lines.push((words.clone(), vec![kind], rest)),
        }
    }
    let line = |(words, kinds, rest): &(String, Vec<&str>, String)| {
        format!("| {words} | {} | {rest} |\n", kinds.join("; "))
    };
    let table: String = lines.iter().map(line).collect();
    print!("{table}");
    table
}

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ends.md");
const HEAD: &str = "| what happens | to a session | it | what was reported |\n| --- | --- | --- | --- |\n";

#[track_caller]
fn assert_is_documented(table: &str) {
    let text = std::fs::read_to_string(DOCUMENT).unwrap();
    let (front, written) = text.split_once(HEAD).unwrap();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(DOCUMENT, format!("{front}{HEAD}{table}")).unwrap();
        return;
    }
    assert_eq!(
        written, table,
        "docs/ends.md is old: run BLESS=1 cargo test --test it a_session_comes_to_what_was_said"
    );
}

/// A failure is stored in one transaction with the rows and events before it.
#[test]
fn a_session_that_fails_keeps_what_it_failed_on() {
    let market = Market::new(2, 300, 19);
    let folder = tempfile::tempdir().unwrap();
    let service = service(&Disk::default(), folder.path(), Some(&market), "collect");
    let mut config = config();
    let body = json!({"session_type": "collect", "symbols": market.symbols});
    let id = service.sessions.start(&body, "ann", &config, clock::now()).unwrap().session_id;
    // Of the session that runs, not only of the next one.
    config.recording.min_free_mib = 1 << 40;
    service.sessions.apply_config(&config);
    until("its end", || service.sessions.get(&id).unwrap().status.is_final());
    let session = service.sessions.get(&id).unwrap();
    assert_eq!(session.status, SessionState::Failed);
    assert!(session.error_message.unwrap().contains("recording.min_free_mib"));
    let recording = service.recordings.get(&id).unwrap();
    let rows: u64 = serde_json::to_value(&recording).unwrap()["records_collected"].as_u64().unwrap();
    assert!(rows > 0 && session.counters.unwrap().ticks == rows, "{rows} of {:?}", session.counters);
    service.close(Span::from_seconds(30));
}
