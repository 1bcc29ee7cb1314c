//! The alerts of sessions on a market: how many there were, and a program that is told of them, so that none
//! halts unheard.
//!
//! Invariants: nobody who raises an alert waits for its program; a program ends within its time and never
//! outlives the daemon, nor does what it has started if it is ended early (what it leaves in the background
//! when it ends by itself is left alone); an alert that the program is not told of, or failed on, is in the
//! log.

use crate::limits::{ALERT_PROGRAMS, ALERTS_CLOSE_MS, ALERTS_KILL_MS, ALERTS_WAITING};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

/// How often it is looked whether a program has ended.
const LOOK: Duration = Duration::from_millis(20);

/// Counts alerts, and runs programs. Cheap to share.
#[derive(Default)]
pub struct Alerts {
    raised: AtomicU64,
    dropped: AtomicU64,
    setting: Mutex<Setting>,
    queue: Mutex<Queue>,
    /// Notified when a thread that runs programs ends.
    ended: Condvar,
    /// The daemon has waited long enough: no program is started, and those that run are killed.
    closed: AtomicBool,
}

#[derive(Clone, Default)]
struct Setting {
    /// Program and arguments; empty: none.
    exec: Vec<String>,
    timeout: Duration,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Value>,
    /// Threads that run programs until nothing waits.
    threads: usize,
}

impl Alerts {
    /// From now on this program is told.
    pub fn apply(&self, exec: &[String], timeout_s: u32) {
        let setting = Setting { exec: exec.to_vec(), timeout: Duration::from_secs(u64::from(timeout_s)) };
        *self.setting.lock().unwrap_or_else(PoisonError::into_inner) = setting;
    }

    /// How many there were since the daemon started.
    pub fn raised(&self) -> u64 {
        self.raised.load(Ordering::Relaxed)
    }

    /// Of how many of them the program was not told: too many waited, or the daemon stopped.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Counts an alert and has the program told of it, as JSON on its standard input.
    pub fn raise(self: &Arc<Self>, alert: &Value) {
        self.raised.fetch_add(1, Ordering::Relaxed);
        if self.setting().exec.is_empty() {
            return;
        }
        let mut queue = self.queue();
        let why = match (self.is_closed(), queue.waiting.len() == ALERTS_WAITING) {
            (true, _) => "the daemon stops",
            (_, true) => "too many alerts wait for it",
            (false, false) => {
                queue.waiting.push_back(alert.clone());
                return self.start_thread(&mut queue);
            }
        };
        self.dropped.fetch_add(1, Ordering::Relaxed);
        tracing::error!(%alert, why, "the program of alerts.exec is not told of an alert");
    }

    /// The last step of a daemon. Alerts that wait are told for some seconds more; then the programs that run
    /// are killed, and the alerts left are written to the log by kind and counted as dropped.
    pub fn close(self: &Arc<Self>) {
        let mut queue = self.queue();
        if !queue.waiting.is_empty() {
            self.start_thread(&mut queue);
        }
        let mut queue = self.wait_for_threads(queue, ALERTS_CLOSE_MS);
        self.closed.store(true, Ordering::Relaxed);
        let left = std::mem::take(&mut queue.waiting);
        self.dropped.fetch_add(left.len() as u64, Ordering::Relaxed);
        let mut kinds = BTreeMap::<&str, usize>::new();
        for alert in &left {
            *kinds.entry(kind(alert)).or_default() += 1;
        }
        for (kind, alerts) in kinds {
            tracing::error!(
                kind,
                alerts,
                "the daemon stops before the program of alerts.exec was told of these alerts"
            );
        }
        drop(self.wait_for_threads(queue, ALERTS_KILL_MS));
    }

    /// Waits until no program runs, for at most so many milliseconds.
    fn wait_for_threads<'q>(&self, queue: MutexGuard<'q, Queue>, ms: u64) -> MutexGuard<'q, Queue> {
        let waited =
            self.ended.wait_timeout_while(queue, Duration::from_millis(ms), |queue| queue.threads > 0);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn start_thread(self: &Arc<Self>, queue: &mut Queue) {
        if queue.threads < ALERT_PROGRAMS {
            let alerts = Arc::clone(self);
            match Builder::new().name("alert".to_owned()).spawn(move || alerts.tell_all()) {
                Ok(_) => queue.threads += 1,
                Err(error) => {
                    tracing::error!(%error, "no thread could be started for the program of alerts.exec: alerts wait for the next one");
                }
            }
        }
    }

    /// Runs programs, one after the other, until no alert waits.
    fn tell_all(&self) {
        while let Some(alert) = self.next() {
            if let Err(why) = run(&self.setting(), &format!("{alert}\n"), &|| self.is_closed()) {
                tracing::error!(why, %alert, "the program of alerts.exec failed to handle an alert");
            }
        }
    }

    /// The next alert; without one the thread that asks is none of those that run programs any more.
    fn next(&self) -> Option<Value> {
        let mut queue = self.queue();
        let next = queue.waiting.pop_front();
        if next.is_none() {
            queue.threads -= 1;
            self.ended.notify_all();
        }
        next
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    fn setting(&self) -> Setting {
        self.setting.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Every change is complete before anything can panic.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an alert is about, for a count of many.
fn kind(alert: &Value) -> &str {
    let named = ["kind", "warning", "event"].iter().find_map(|field| alert[*field].as_str());
    named.unwrap_or("other")
}

fn run(setting: &Setting, text: &str, is_closed: &dyn Fn() -> bool) -> Result<(), String> {
    // It was taken out of the configuration meanwhile.
    let Some((program, arguments)) = setting.exec.split_first() else { return Ok(()) };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // A group of its own, so that what a script has started ends with it.
        .process_group(0)
        .spawn()
        .map_err(|error| format!("{program}: {error}"))?;
    // Less than a pipe holds, so writing does not wait.
    if let Some(mut stdin) = child.stdin.take()
        && let Err(error) = stdin.write_all(text.as_bytes())
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        kill(&mut child);
        return Err(error.to_string());
    }
    wait(&mut child, setting.timeout, is_closed)
}

fn wait(child: &mut Child, timeout: Duration, is_closed: &dyn Fn() -> bool) -> Result<(), String> {
    let mut waited = Duration::ZERO;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("it ended with {status}")),
            Ok(None) if waited >= timeout => {
                kill(child);
                return Err(format!("it took longer than {} s and was ended", timeout.as_secs()));
            }
            Ok(None) if is_closed() => {
                kill(child);
                return Err("it still ran when the daemon stopped and was ended".to_owned());
            }
            Ok(None) => {
                std::thread::sleep(LOOK);
                waited += LOOK;
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// Ends a program and what it has started. It may have ended by itself meanwhile; its number stays its own
/// until it is waited for.
fn kill(child: &mut Child) {
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::fs;

    fn shell(script: &str, seconds: u64) -> Setting {
        let exec = ["sh", "-c", script].map(str::to_owned).to_vec();
        Setting { exec, timeout: Duration::from_secs(seconds) }
    }

    #[test]
    fn a_program_gets_the_alert_and_its_end_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let told = folder.path().join("told");
        let run = |setting: &Setting, text: &str| super::run(setting, text, &|| false);
        run(&shell(&format!("cat > {}", told.display()), 10), "{\"kind\":\"order_unknown\"}\n").unwrap();
        assert_eq!(fs::read_to_string(&told).unwrap(), "{\"kind\":\"order_unknown\"}\n");
        assert!(run(&shell("exit 3", 10), "").unwrap_err().contains('3'));
        assert!(run(&shell("exec sleep 60", 0), "").unwrap_err().contains("longer"));
        let missing = Setting { exec: vec!["/no/such/program".to_owned()], timeout: Duration::ZERO };
        assert!(run(&missing, "").unwrap_err().contains("/no/such/program"));
    }

    #[test]
    fn every_alert_that_finds_room_is_told_and_the_others_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let (told, gate) = (folder.path().join("told"), folder.path().join("gate"));
        let alerts = Arc::new(Alerts::default());
        let script =
            format!("until [ -e {} ]; do sleep 0.02; done; cat >> {}", gate.display(), told.display());
        alerts.apply(&["sh", "-c", &script].map(str::to_owned), 60);
        let raise = |number: usize| alerts.raise(&json!({"number": number}));
        (0..ALERT_PROGRAMS).for_each(raise);
        let begun = crate::clock::Stopwatch::start();
        let wait_for = |what: &str, is_so: &dyn Fn() -> bool| {
            while !is_so() {
                assert!(begun.elapsed() < crate::domain::time::Span::from_seconds(60), "{what}");
                std::thread::yield_now();
            }
        };
        wait_for("the first were not taken", &|| alerts.queue().waiting.is_empty());
        (0..ALERTS_WAITING + 3).for_each(raise);
        assert_eq!((alerts.raised() as usize, alerts.dropped()), (ALERT_PROGRAMS + ALERTS_WAITING + 3, 3));
        fs::write(&gate, "").unwrap();
        wait_for("threads are left", &|| alerts.queue().threads == 0);
        let lines = fs::read_to_string(&told).unwrap_or_default().lines().count();
        assert_eq!(lines, ALERT_PROGRAMS + ALERTS_WAITING);
    }
}
