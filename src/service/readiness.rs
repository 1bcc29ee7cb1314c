//! Whether everything the daemon depends on is there, and each part's age: how long ago that was seen.

use super::Service;
use crate::clock;
use crate::domain::time::Timestamp;
use crate::limits::STORE_CHECKED_OPEN_BYTES;
use crate::store::store_path;
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};

/// What reading through a store said that was too large to be checked when it was opened.
#[derive(Default)]
pub(super) struct Scan(Mutex<Option<(Timestamp, Result<(), String>)>>);

impl Service {
    /// Reads through a store that was opened without a check: takes about a second per GiB, on a thread of its own. What it
    /// finds is told by [`Service::ready`].
    pub fn scan_large_store(&self) {
        let length = std::fs::metadata(store_path(&self.state)).map_or(0, |meta| meta.len());
        if length <= STORE_CHECKED_OPEN_BYTES {
            return;
        }
        let found = match self.store.scan() {
            Ok(report) if report.is_sound() => Ok(()),
            Ok(report) => {
                Err(format!("{} problems: stop the daemon and run `tradingd verify`", report.problems.len() as u64 + report.more_problems))
            }
            Err(error) => Err(error.to_string()),
        };
        *self.scan.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((clock::now(), found));
    }

    /// `status` is `ready` or `not_ready`; every part has its own `status` and `age_seconds`.
    pub fn ready(&self, now: Timestamp) -> Value {
        let store = self.store_part(now);
        let ready = store["status"] == "ok";
        json!({
            "status": if ready { "ready" } else { "not_ready" },
            "store": store,
            "config": self.config_part(now),
            "exchange": self.exchange_part(),
            "questdb": {"status": "disabled", "age_seconds": null, "reason": "no copy to QuestDB is configured"},
            "clock": self.clock_part(now),
        })
    }

    fn store_part(&self, now: Timestamp) -> Value {
        let scan = self.scan.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (self.store.check_readable(), &*scan) {
            (Err(error), _) => json!({"status": "failed", "age_seconds": 0, "reason": error.to_string()}),
            (Ok(()), Some((at, Err(why)))) => json!({"status": "damaged", "age_seconds": age(*at, now), "reason": why}),
            (Ok(()), _) => json!({"status": "ok", "age_seconds": 0}),
        }
    }

    /// An exchange that does not answer is no reason not to serve: backtests and results need none.
    fn exchange_part(&self) -> Value {
        let Some(health) = self.market.health() else {
            return json!({"status": "disabled", "age_seconds": null, "reason": "exchange.enabled is false in the configuration"});
        };
        let age_seconds = health.last_frame_age.map(|age| age.seconds_f64());
        let (status, reason) = match (health.refused_for, age_seconds) {
            (Some(span), _) => {
                let why = "it has refused requests as too frequent for";
                let then = "one is tried every few seconds, and all go out again by themselves once it serves";
                ("throttled", Some(format!("{why} {:.0} s; {then}", span.seconds_f64())))
            }
            (None, Some(_)) => ("ok", None),
            (None, None) => ("not_asked", None),
        };
        json!({
            "status": status, "reason": reason, "age_seconds": age_seconds, "frames": health.frames, "rows": health.rows, "reconnects": health.reconnects,
            "malformed": health.malformed, "unknown": health.unknown_channels + health.unknown_fields, "requests": health.requests,
            "throttled": health.throttled,
        })
    }

    fn clock_part(&self, now: Timestamp) -> Value {
        match self.market.clock_offset() {
            Some((offset_ns, at)) => json!({"status": "ok", "age_seconds": age(at, now), "offset_ms": offset_ns as f64 / 1e6}),
            None => {
                json!({"status": "unknown", "age_seconds": null, "reason": "it is compared with the exchange's, which was not asked yet"})
            }
        }
    }

    /// A refused file is no reason not to serve: the last valid one is in force.
    fn config_part(&self, now: Timestamp) -> Value {
        let status = self.settings.status();
        match status.last_error {
            Some(error) => {
                json!({"status": "rejected", "age_seconds": age(error.at, now), "reason": "GET /api/config/status says what is wrong"})
            }
            None => json!({"status": "ok", "age_seconds": age(status.loaded_at, now)}),
        }
    }
}

fn age(at: Timestamp, now: Timestamp) -> f64 {
    (now - at).seconds_f64().max(0.0)
}

/// Resident memory of this process in bytes; `None` where the system does not tell.
pub fn resident_bytes() -> Option<u64> {
    const PAGE_BYTES: u64 = 4_096;
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    statm.split_ascii_whitespace().nth(1)?.parse::<u64>().ok().map(|pages| pages * PAGE_BYTES)
}
