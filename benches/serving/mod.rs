//! Shared by benchmarks of the daemon: a bare hyper server to compare with, a load generator, and
//! measurements of a process from outside.
#![allow(dead_code)] // every benchmark compiles its own copy and uses a part of it

/// Tests check every answer against its schema; benchmarks only measure.
pub mod answers {
    pub fn are_as_documented<A>(_method: &str, _path: &str, _answer: &A) {}
}
pub mod bare;
#[allow(clippy::unwrap_used)]
#[path = "../../tests/it/serve/client.rs"]
pub mod client;
#[allow(clippy::unwrap_used)]
#[path = "../../tests/it/serve/daemon.rs"]
pub mod daemon;
pub mod load;
pub mod market;

use std::fs;
use std::time::Duration;

/// Resident memory of a process in MiB.
pub fn resident_mib(daemon: &daemon::Daemon) -> f64 {
    daemon.resident_bytes() as f64 / f64::from(1 << 20)
}

/// Processor time of all threads of a process so far, in clock ticks of 10 ms.
pub fn cpu_time(pid: u32) -> Duration {
    const TICK_MS: u64 = 10;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    // The name in parentheses may contain blanks; user and system time are the 12th and 13th field after it.
    let (_, fields) = stat.rsplit_once(") ").expect("as proc(5) says");
    let ticks: u64 = fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * TICK_MS)
}

/// Median of the values.
pub fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The value below which `share` of the sorted values lie.
pub fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let index = (sorted.len() as f64 * share) as usize;
    sorted.get(index.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}
