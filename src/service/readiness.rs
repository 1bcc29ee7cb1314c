//! Whether everything the daemon depends on is there.

use super::Service;
use crate::domain::time::Timestamp;
use serde_json::{Value, json};

impl Service {
    /// `status` is `ready` or `not_ready`; every part has its own `status` and `age_seconds`, how long ago that was seen.
    pub fn ready(&self, now: Timestamp) -> Value {
        let store = match self.store.check_readable() {
            Ok(()) => json!({"status": "ok", "age_seconds": 0}),
            Err(error) => json!({"status": "failed", "age_seconds": 0, "reason": error.to_string()}),
        };
        let sound = store["status"] == "ok";
        json!({
            "status": if sound { "ready" } else { "not_ready" },
            "store": store,
            "config": {"status": "ok", "age_seconds": (now - self.started).seconds_f64()},
            "exchange": {"status": "not_connected", "age_seconds": null, "reason": "this version does not connect to an exchange yet"},
            "questdb": {"status": "disabled", "age_seconds": null, "reason": "no copy to QuestDB is configured"},
            "clock": {"status": "unknown", "age_seconds": null, "reason": "it is compared with the exchange's, which is not connected"},
        })
    }
}

/// Resident memory of this process in bytes; `None` where the system does not tell.
pub fn resident_bytes() -> Option<u64> {
    const PAGE_BYTES: u64 = 4_096;
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    statm.split_ascii_whitespace().nth(1)?.parse::<u64>().ok().map(|pages| pages * PAGE_BYTES)
}
