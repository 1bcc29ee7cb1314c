//! How many alerts there were, and a program that is told of those of real money, so that it never halts unheard.
//!
//! Invariants: nobody waits for it; it ends within its time; when too many run at once the next waits for its turn on a thread
//! of its own, and none is left out.

use crate::limits::ALERT_PROGRAMS;
use serde_json::Value;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::Builder;
use std::time::Duration;

/// How often it is looked whether a program has ended.
const LOOK: Duration = Duration::from_millis(20);

/// Runs programs, and counts. Cheap to share.
#[derive(Default)]
pub struct Alerts {
    told: AtomicU64,
    setting: Mutex<Setting>,
    running: Mutex<usize>,
    ended: Condvar,
}

#[derive(Clone, Default)]
struct Setting {
    /// Program and arguments; empty: none.
    exec: Vec<String>,
    timeout: Duration,
}

impl Alerts {
    /// From now on this program is told.
    pub fn apply(&self, exec: &[String], timeout_s: u32) {
        let setting = Setting { exec: exec.to_vec(), timeout: Duration::from_secs(u64::from(timeout_s)) };
        *self.setting.lock().unwrap_or_else(PoisonError::into_inner) = setting;
    }

    /// A session on a market told an alert as an event.
    pub fn count(&self) {
        self.told.fetch_add(1, Ordering::Relaxed);
    }

    /// How many events of sessions on a market were alerts, since the daemon started.
    pub fn counted(&self) -> u64 {
        self.told.load(Ordering::Relaxed)
    }

    /// Tells the program of an alert, as JSON on its standard input.
    pub fn tell(self: &Arc<Self>, alert: &Value) {
        let setting = self.setting.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if setting.exec.is_empty() {
            return;
        }
        let (alerts, text) = (Arc::clone(self), format!("{alert}\n"));
        let spawned = Builder::new().name("alert".to_owned()).spawn(move || {
            alerts.take_turn();
            if let Err(why) = run(&setting, &text) {
                tracing::error!(why, alert = text, "the program of alerts.exec failed to handle an alert");
            }
            *alerts.running.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
            alerts.ended.notify_all();
        });
        if let Err(error) = spawned {
            tracing::error!(%error, %alert, "no thread could be started to send an alert");
        }
    }

    fn take_turn(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let mut running = self
            .ended
            .wait_while(running, |running| *running >= ALERT_PROGRAMS)
            .unwrap_or_else(PoisonError::into_inner);
        *running += 1;
    }
}

fn run(setting: &Setting, text: &str) -> Result<(), String> {
    let (program, arguments) = setting.exec.split_first().ok_or("it is empty")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("{program}: {error}"))?;
    // Less than a pipe holds, so writing does not wait.
    if let Some(mut stdin) = child.stdin.take()
        && let Err(error) = stdin.write_all(text.as_bytes())
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        return Err(error.to_string());
    }
    wait(&mut child, setting.timeout)
}

fn wait(child: &mut Child, timeout: Duration) -> Result<(), String> {
    let mut waited = Duration::ZERO;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("it ended with {status}")),
            Ok(None) if waited >= timeout => {
                // It may have ended meanwhile.
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("it took longer than {} s and was ended", timeout.as_secs()));
            }
            Ok(None) => {
                std::thread::sleep(LOOK);
                waited += LOOK;
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shell(script: &str, seconds: u64) -> Setting {
        let exec = ["sh", "-c", script].map(str::to_owned).to_vec();
        Setting { exec, timeout: Duration::from_secs(seconds) }
    }

    #[test]
    fn a_program_gets_the_alert_and_its_end_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let told = folder.path().join("told");
        run(&shell(&format!("cat > {}", told.display()), 10), "{\"kind\":\"order_unknown\"}\n").unwrap();
        assert_eq!(std::fs::read_to_string(&told).unwrap(), "{\"kind\":\"order_unknown\"}\n");
        assert!(run(&shell("exit 3", 10), "").unwrap_err().contains('3'));
        assert!(run(&shell("exec sleep 60", 0), "").unwrap_err().contains("longer"));
        let missing = Setting { exec: vec!["/no/such/program".to_owned()], timeout: Duration::ZERO };
        assert!(run(&missing, "").unwrap_err().contains("/no/such/program"));
    }

    #[test]
    fn every_alert_is_told_also_when_many_come_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let told = folder.path().join("told");
        let alerts = Arc::new(Alerts::default());
        let exec = ["sh", "-c", &format!("cat >> {}", told.display())].map(str::to_owned);
        alerts.apply(&exec, 30);
        let many = 3 * ALERT_PROGRAMS;
        (0..many).for_each(|number| alerts.tell(&json!({"number": number})));
        let lines = || std::fs::read_to_string(&told).unwrap_or_default().lines().count();
        let running = alerts.running.lock().unwrap();
        let is_open = |running: &mut usize| *running > 0 || lines() < many;
        let (waited, late) =
            alerts.ended.wait_timeout_while(running, Duration::from_secs(30), is_open).unwrap();
        assert!(!late.timed_out(), "{} of {many}", lines());
        assert_eq!((*waited, lines()), (0, many));
    }
}
