//! `tradingd run`: the daemon. Opens the store, keys and configuration, binds, prints the address, serves
//! until SIGTERM or SIGINT, then stops sessions and connections within the drain time.

use super::{Failure, Global, systemd, terminal};
use crate::auth::Keys;
use crate::clock;
use crate::config::{Content, Watch};
use crate::domain::time::Span;
use crate::domain::visible::Visible;
use crate::exchange::mexc::Mexc;
use crate::http::Server;
use crate::limits::HTTP_BLOCKING_THREADS;
use crate::service::market;
use crate::service::settings::{Outcome, Settings};
use crate::service::strategies::Seeded;
use crate::service::{DiskChange, LogTail, Parts, Service, credentials};
use crate::store::OpenMode;
use crate::telemetry::{self, Telemetry};
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Between two scans of a large store while its disk fails.
const SCAN_AGAIN: Duration = Duration::from_secs(60);
/// How often retention removes old recordings.
const PRUNE_EVERY: Duration = Duration::from_secs(600);
/// How often the store checks its disk after a failure.
const LOOK_AFTER_EVERY: Duration = Duration::from_secs(1);
/// Extra time beyond the drain time before shutdown gives up on work that may never end, such as a read from
/// a disk that hangs.
const PATIENCE: Duration = Duration::from_secs(5);

/// Options of `tradingd run`.
#[derive(Args)]
pub struct Options {
    /// Configuration file [default: config/config.json where there is one, else every setting has its
    /// default].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// A configuration, key or store that cannot be used (78, 65, 69), an address that is taken (69).
pub fn run(global: &Global, options: &Options) -> Result<(), Failure> {
    let found = super::config::find(options.config.as_deref())?;
    let settings = Settings::new(found.config, &found.file, clock::now());
    let (telemetry, tail) = log(&settings)?;
    let runtime = runtime()?;
    let service = open(global, settings, tail, runtime.handle())?;
    log_seeded(&service.seeded);
    service.settings.on_change(move |config| telemetry.set_level(config.log.level));
    let watch = watch(&service, found.content)?;
    let scanned = Arc::downgrade(&service);
    let scan = std::thread::Builder::new().name("scan".to_owned()).spawn(move || scan_loop(&scanned));
    scan.map_err(|error| Failure::other(format!("no thread could be started: {error}")))?;
    let pruned = Arc::downgrade(&service);
    let prune = std::thread::Builder::new().name("retention".to_owned()).spawn(move || prune_loop(&pruned));
    prune.map_err(|error| Failure::other(format!("no thread could be started: {error}")))?;
    let copied = Arc::downgrade(&service);
    let copy = std::thread::Builder::new().name("analytics".to_owned()).spawn(move || copy_loop(&copied));
    copy.map_err(|error| Failure::other(format!("no thread could be started: {error}")))?;
    serve(runtime, service, Some(&watch), |_| {})
}

fn log_seeded(seeded: &Seeded) {
    if !seeded.updated.is_empty() {
        tracing::info!(
            strategies = seeded.updated.join(", "),
            "new versions of built-in strategies were stored"
        );
    }
    if !seeded.left.is_empty() {
        let strategies = seeded.left.join(", ");
        tracing::warn!(
            strategies,
            "this version of tradingd changes built-in strategies that were edited or deleted here; those were left unchanged"
        );
    }
}

/// Loop of the thread that resumes writing once a failed disk works again. Ends with the service.
fn recover_store(service: &Weak<Service>) {
    while let Some(service) = service.upgrade() {
        match service.look_after_store(clock::now()) {
            Ok(None) => {}
            Ok(Some(DiskChange::ReadOnly(reason))) => {
                tracing::error!(reason, "store is read-only until its disk takes writes again")
            }
            Ok(Some(DiskChange::SoundAgain(reason))) => {
                tracing::warn!(reason, "the disk of the store failed and can be written again")
            }
            Err(error) => {
                tracing::error!(%error, "users could not be read again after the disk of the store failed")
            }
        }
        drop(service);
        std::thread::park_timeout(LOOK_AFTER_EVERY);
    }
}

/// Scans a large store until its result is known: a disk that fails meanwhile says nothing about the pages.
/// Ends with the service.
fn scan_loop(service: &Weak<Service>) {
    while let Some(service) = service.upgrade() {
        if service.scan_large_store() {
            return;
        }
        drop(service);
        std::thread::park_timeout(SCAN_AGAIN);
    }
}

/// Loop of the retention thread: removes old recordings and events. Ends with the service.
fn prune_loop(service: &Weak<Service>) {
    while let Some(service) = service.upgrade() {
        match service.recordings.prune(&service.settings.current().recording, clock::now()) {
            Ok(removed) if removed.is_empty() => {}
            Ok(removed) => tracing::info!(
                recordings = removed.join(", "),
                "removed by recording.keep_days or recording.keep_mib"
            ),
            Err(refusal) => tracing::error!(%refusal, "old recordings could not be removed"),
        }
        match service.events.trim(service.settings.current().recording.keep_events_mib << 20) {
            Ok(0) => {}
            Ok(entries) => tracing::info!(entries, "old events removed by recording.keep_events_mib"),
            Err(refusal) => tracing::error!(%refusal, "old events could not be removed"),
        }
        drop(service);
        std::thread::park_timeout(PRUNE_EVERY);
    }
}

/// Loop of the thread that copies to QuestDB. Ends with the service.
fn copy_loop(service: &Weak<Service>) {
    let mut failures = 0;
    while let Some(service) = service.upgrade() {
        let config = service.settings.current().analytics.questdb.clone();
        let analytics = Arc::clone(&service.analytics);
        let wait = analytics.scheduled_round(&config, &service.events, &mut failures);
        drop(service);
        if analytics.is_stopping() {
            return;
        }
        analytics.wait(wait);
    }
}

/// Starts logging, to standard error and to memory.
///
/// # Errors
/// When this process has a logger already.
pub fn log(settings: &Settings) -> Result<(Telemetry, Arc<LogTail>), Failure> {
    let (log, tail) = (&settings.current().log, Arc::new(LogTail::default()));
    let lines = Arc::clone(&tail);
    let telemetry = telemetry::init(log.level, log.format, Some(Arc::new(move |line| lines.push(line))));
    Ok((telemetry.map_err(|_| Failure::other("logging is already set up in this process"))?, tail))
}

/// Watches the configuration file and applies valid changes.
fn watch(service: &Arc<Service>, known: Content) -> Result<Watch, Failure> {
    let reloading = Arc::clone(service);
    let watch = Watch::start(service.settings.path(), known, move |content| {
        match reloading.settings.reload_from(&content, clock::now()) {
            Outcome::Reloaded { version, .. } => tracing::info!(version, "configuration reloaded"),
            Outcome::Rejected(problems) => {
                let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
                tracing::error!(
                    problems = problems.join("; "),
                    "configuration rejected: the last valid one stays in force"
                );
            }
            Outcome::Unchanged => tracing::info!("configuration unchanged"),
        }
    });
    let watch =
        watch.map_err(|error| Failure::other(format!("the configuration cannot be watched: {error}")))?;
    if let Some(problem) = watch.problem() {
        tracing::warn!("{problem}");
    }
    Ok(watch)
}

/// Opens the service without binding a port.
///
/// # Errors
/// As [`run`].
pub fn open(
    global: &Global,
    settings: Settings,
    log: Arc<LogTail>,
    runtime: &Handle,
) -> Result<Arc<Service>, Failure> {
    let exchange = exchange(&settings, runtime)?;
    let state = global.state();
    let store = global.store(OpenMode::CreateIfNew)?;
    if !store.narrowed().is_empty() {
        tracing::warn!(rights = store.narrowed().join("; "), "rights in the state directory were narrowed");
    }
    let keys = Keys::load(&state, credentials().as_deref())
        .map_err(|error| Failure::configuration(error.to_string()))?;
    Ok(Service::open(Parts { store, state, keys, settings, exchange, log }, clock::now())?)
}

/// The exchange client, unless `exchange.enabled` is false. Sends nothing until it is used.
fn exchange(settings: &Settings, runtime: &Handle) -> Result<Option<Arc<Mexc>>, Failure> {
    let config = &settings.current().exchange;
    let open = || {
        Mexc::new(market::settings(config), runtime.clone())
            .map_err(|error| Failure::configuration(error.to_string()))
    };
    config.enabled.then(open).transpose()
}

/// The tokio runtime for sockets and blocking work.
///
/// # Errors
/// When the system cannot start the threads.
pub fn runtime() -> Result<Runtime, Failure> {
    let built = Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(HTTP_BLOCKING_THREADS)
        .thread_name("tradingd-http")
        .build();
    built.map_err(|error| Failure::other(format!("threads could not be started: {error}")))
}

/// Binds and serves until SIGTERM or SIGINT; SIGHUP reloads the configuration at once. Calls `bound` with the
/// bound address. Returns even if a blocking thread of the runtime never finishes.
///
/// # Errors
/// An address that cannot be bound.
pub fn serve(
    runtime: Runtime,
    service: Arc<Service>,
    watch: Option<&Watch>,
    bound: impl FnOnce(std::net::SocketAddr),
) -> Result<(), Failure> {
    let kept = Arc::downgrade(&service);
    let keep = std::thread::Builder::new().name("store".to_owned()).spawn(move || recover_store(&kept));
    keep.map_err(|error| Failure::other(format!("no thread could be started: {error}")))?;
    let served = serve_until_signal(&runtime, service, watch, bound);
    runtime.shutdown_background();
    served
}

fn serve_until_signal(
    runtime: &Runtime,
    service: Arc<Service>,
    watch: Option<&Watch>,
    bound: impl FnOnce(std::net::SocketAddr),
) -> Result<(), Failure> {
    runtime.block_on(async {
        // Before readiness is announced: whoever sees it may send a signal at once.
        let mut signals = Signals::listen()?;
        let listen = service.settings.current().http.listen.clone();
        let (server, stop) = Server::bind(Arc::clone(&service)).await.map_err(|error| {
            Failure::unavailable(format!(
                "cannot listen on {listen} ({error}): free that address, or choose another {}",
                how_to_listen(service.settings.path())
            ))
        })?;
        let address = server.address();
        terminal::notice(&format!("tradingd listens on http://{address}"));
        if let Some(code) = service.users.setup_code() {
            terminal::notice(&format!("there is no user yet: open http://{address} and make the first admin with the setup code {code}"));
        }
        bound(address);
        let serving = tokio::spawn(server.run());
        terminal::notice("tradingd is ready");
        systemd::ready();
        let signal = signals.wait_for_stop(watch).await;
        tracing::info!(signal, "stopping");
        systemd::stopping();
        stop.stop();
        let drain_ms = service.settings.current().http.drain_timeout_ms;
        let (closed, closing) = tokio::sync::oneshot::channel();
        // A thread of its own: all blocking threads of the runtime may be busy.
        let close = std::thread::Builder::new().name("close".to_owned()).spawn({
            let service = Arc::clone(&service);
            move || {
                service.close(Span::from_millis(drain_ms as i64));
                let _ = closed.send(());
            }
        });
        close.map_err(|error| Failure::other(format!("no thread could be started: {error}")))?;
        // Both finish within the drain time unless a disk hangs.
        let ended = tokio::time::timeout(Duration::from_millis(drain_ms) + PATIENCE, async { tokio::join!(serving, closing) });
        let ended = ended.await;
        // Sessions raise alerts until they have ended. Nothing else runs in this task, so it may wait.
        service.sessions.alerts().close();
        if ended.is_err() {
            tracing::error!("a task did not finish in time; the process exits without waiting for it");
        } else {
            tracing::info!("stopped");
        }
        Ok(())
    })
}

/// How to make the daemon listen elsewhere.
fn how_to_listen(file: &Path) -> String {
    let (name, field) = (file.visible(), r#""http": {"listen": "127.0.0.1:8081"}"#);
    match file.exists() {
        true => format!("with {field} in {name}"),
        false => format!("with {field} in {name}, which `tradingd config init` writes"),
    }
}

/// Signal handlers. Once installed, none of these signals ends the process by default.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| Failure::other(format!("signals cannot be received: {error}")))
        };
        Ok(Signals {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// Waits for SIGTERM or SIGINT and tells which; serves SIGHUP and the systemd watchdog meanwhile.
    async fn wait_for_stop(&mut self, watch: Option<&Watch>) -> &'static str {
        let patience = systemd::watchdog();
        // Sent from the runtime that serves: if it hangs, the watchdog expires and systemd restarts the
        // daemon.
        let mut alive = tokio::time::interval(patience.unwrap_or(Duration::from_secs(3_600)));
        loop {
            tokio::select! {
                _ = alive.tick(), if patience.is_some() => systemd::alive(),
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.hang_up.recv() => {
                    systemd::reloading();
                    if let Some(watch) = watch {
                        watch.poke();
                    }
                    systemd::ready();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn the_unit_of_systemd_waits_longer_than_a_stop_can_take() {
        use crate::limits::{ALERTS_CLOSE_MS, ALERTS_KILL_MS};
        let longest_drain =
            crate::config::schema()["$defs"]["Http"]["properties"]["drain_timeout_ms"]["maximum"]
                .as_u64()
                .unwrap();
        let longest = Duration::from_millis(longest_drain + ALERTS_CLOSE_MS + ALERTS_KILL_MS) + PATIENCE;
        let unit = include_str!("../../systemd/tradingd.service");
        let waits = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")).unwrap();
        assert!(Duration::from_secs(waits.parse().unwrap()) > longest, "{waits} s, {longest:?}");
    }

    #[test]
    fn it_ends_although_a_thread_never_does() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.http.listen = "127.0.0.1:0".to_owned();
        let settings = Settings::new(config, &dir.path().join("config.json"), clock::now());
        let store = crate::store::Store::open(dir.path(), OpenMode::CreateIfNew).unwrap();
        let (state, keys, log) = (dir.path().to_owned(), Keys::ephemeral(), Arc::default());
        let parts = Parts { store, state, keys, settings, exchange: None, log };
        let service = Service::open(parts, clock::now()).unwrap();
        let runtime = runtime().unwrap();
        runtime.spawn_blocking(|| {
            loop {
                std::thread::park();
            }
        });
        // The signal handlers are installed before `bound` is called.
        let terminate = |_| {
            assert!(
                std::process::Command::new("kill")
                    .arg(std::process::id().to_string())
                    .status()
                    .unwrap()
                    .success()
            )
        };
        serve(runtime, service, None, terminate).unwrap();
    }
}
