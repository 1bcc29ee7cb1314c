//! Readiness of everything the daemon depends on, with the age of each observation.

use super::Service;
use super::sessions::CatchingUp;
use crate::clock;
use crate::domain::time::Timestamp;
use crate::exchange::mexc::Health;
use crate::limits::STORE_CHECKED_OPEN_BYTES;
use crate::store::{DiskState, StoreError, store_path};
use serde_json::{Value, json};
use std::sync::PoisonError;

/// Change of the store's disk since the last check.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DiskChange {
    /// The store has become read-only, for this reason.
    ReadOnly(String),
    /// The disk had failed, for this reason, and accepts writes again.
    SoundAgain(String),
}

impl Service {
    /// Reopens the store for writing once a failed disk accepts writes again; call it every second. Each
    /// change is returned once.
    ///
    /// # Errors
    /// What the store reports while users are reloaded.
    pub fn look_after_store(&self, now: Timestamp) -> Result<Option<DiskChange>, StoreError> {
        let failure = self.store.failure();
        let mut since = self.disk_failed.0.lock().unwrap_or_else(PoisonError::into_inner);
        let why = match self.store.look_after() {
            DiskState::Sound => return Ok(None),
            DiskState::ReadOnly(why) => {
                let is_new = since.is_none();
                since.get_or_insert(now);
                return Ok(is_new.then_some(DiskChange::ReadOnly(why)));
            }
            DiskState::SoundAgain => failure.unwrap_or_default(),
        };
        *since = None;
        drop(since);
        // A change that was answered with an error may be on disk all the same.
        self.strategies.refresh();
        self.users.reload()?;
        Ok(Some(DiskChange::SoundAgain(why)))
    }

    /// Checks all pages of a store that was too large to check when it was opened. Takes about a second per
    /// GiB; run it on a thread of its own. [`Service::ready`] reports the result.
    ///
    /// Returns `false` when the disk failed meanwhile, so that nothing is known of it.
    pub fn scan_large_store(&self) -> bool {
        let length = std::fs::metadata(store_path(&self.state)).map_or(0, |meta| meta.len());
        if length <= STORE_CHECKED_OPEN_BYTES {
            return true;
        }
        let found = match self.store.scan() {
            Ok(report) if report.is_sound() => Ok(()),
            Ok(report) => Err(format!(
                "{} problems: stop the daemon and run `tradingd verify`",
                report.problems.len() as u64 + report.more_problems
            )),
            Err(error @ StoreError::Damaged { .. }) => Err(error.to_string()),
            // The disk failed during the scan, so the result is unknown.
            Err(_) => return false,
        };
        *self.scan.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((clock::now(), found));
        true
    }

    /// Why the store is read-only; `None` while it is not.
    pub fn store_failure(&self) -> Option<String> {
        self.store.failure()
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
            "questdb": self.analytics.readiness(&self.settings.current().analytics.questdb),
            "clock": self.clock_part(now),
            "sessions": self.sessions_part(),
        })
    }

    /// A session that catches up does not make the daemon unready: everything else is served meanwhile.
    fn sessions_part(&self) -> Value {
        let catching_up = self.sessions.catching_up();
        let status = if catching_up.is_empty() { "ok" } else { "catching_up" };
        let told = |(id, figures): (String, CatchingUp)| {
            json!({
                "session_id": id, "rows": figures.rows, "rows_done": figures.rows_done, "eta_seconds": figures.eta_seconds,
            })
        };
        let reason = (!catching_up.is_empty()).then(|| {
            let all: Vec<String> = catching_up.iter().map(how_far).collect();
            format!("replaying their journals, and deciding nothing yet: {}", all.join("; "))
        });
        let catching_up: Vec<Value> = catching_up.into_iter().map(told).collect();
        json!({"status": status, "age_seconds": 0, "reason": reason, "catching_up": catching_up})
    }

    fn store_part(&self, now: Timestamp) -> Value {
        if let Some(why) = self.store.failure() {
            let since = *self.disk_failed.0.lock().unwrap_or_else(PoisonError::into_inner);
            return json!({"status": "read_only", "age_seconds": age(since.unwrap_or(now), now), "reason": why});
        }
        let scan = self.scan.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (self.store.check_readable(), &*scan) {
            (Err(error), _) => json!({"status": "failed", "age_seconds": 0, "reason": error.to_string()}),
            (Ok(()), Some((at, Err(why)))) => {
                json!({"status": "damaged", "age_seconds": age(*at, now), "reason": why})
            }
            (Ok(()), _) => json!({"status": "ok", "age_seconds": 0}),
        }
    }

    /// An unreachable exchange does not make the daemon unready: backtests and results do not need it.
    fn exchange_part(&self) -> Value {
        let Some(health) = self.market.health() else {
            return json!({"status": "disabled", "age_seconds": null, "reason": "exchange.enabled is false in the configuration"});
        };
        let age_seconds = health.last_frame_age.map(|age| age.seconds_f64());
        let (status, reason) = exchange_status(&health);
        json!({
            "status": status, "reason": reason, "age_seconds": age_seconds, "frames": health.frames, "rows": health.rows, "reconnects": health.reconnects,
            "malformed": health.malformed, "unknown": health.unknown_channels + health.unknown_fields, "requests": health.requests,
            "throttled": health.throttled,
        })
    }

    fn clock_part(&self, now: Timestamp) -> Value {
        match self.market.clock_offset() {
            Some((offset_ns, at)) => {
                json!({"status": "ok", "age_seconds": age(at, now), "offset_ms": offset_ns as f64 / 1e6})
            }
            None => {
                json!({"status": "unknown", "age_seconds": null, "reason": "it is compared with the exchange's, which was not asked yet"})
            }
        }
    }

    /// A rejected file does not make the daemon unready: the last valid configuration stays active.
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

fn how_far((id, figures): &(String, CatchingUp)) -> String {
    let share = figures.rows.map_or(0, |rows| figures.rows_done * 100 / rows.max(1));
    match figures.eta_seconds {
        Some(seconds) => format!("{id} {share} %, about {seconds:.0} s left"),
        None => format!("{id} {share} %"),
    }
}

fn age(at: Timestamp, now: Timestamp) -> f64 {
    (now - at).seconds_f64().max(0.0)
}

/// Resident memory of this process in bytes; `None` where the system does not report it.
pub fn resident_bytes() -> Option<u64> {
    const PAGE_BYTES: u64 = 4_096;
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    statm.split_ascii_whitespace().nth(1)?.parse::<u64>().ok().map(|pages| pages * PAGE_BYTES)
}

/// How the connection to the exchange stands, and why it is not in order.
fn exchange_status(health: &Health) -> (&'static str, Option<String>) {
    if let Some(span) = health.refused_for {
        let why = "it has refused requests as too frequent for";
        let then = "one is tried every few seconds, and all go out again by themselves once it serves";
        return ("throttled", Some(format!("{why} {:.0} s; {then}", span.seconds_f64())));
    }
    let (open, needed) = (health.sockets, health.sockets_needed);
    if open < needed && open + health.sockets_starting >= needed {
        let why = format!("{open} of {needed} sockets are connected; the others are being opened");
        return ("connecting", Some(why));
    }
    if open < needed {
        let then = "it is tried again by itself; is the network up, and is exchange.ws_url right?";
        return ("disconnected", Some(format!("{open} of {needed} sockets are connected; {then}")));
    }
    if health.last_frame_age.is_some() { ("ok", None) } else { ("not_asked", None) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Keys;
    use crate::config::Config;
    use crate::domain::time::Span;
    use crate::service::Parts;
    use crate::service::settings::Settings;
    use crate::store::{OpenMode, Store};

    #[test]
    fn an_exchange_without_its_sockets_is_not_ok() {
        let health = Health { last_frame_age: Some(Span::SECOND), ..Health::default() };
        assert_eq!(exchange_status(&health), ("ok", None), "nobody needs a socket");
        let health = Health { sockets: 1, sockets_needed: 2, ..health };
        assert_eq!(exchange_status(&Health { sockets_starting: 1, ..health }).0, "connecting");
        assert_eq!(exchange_status(&Health { sockets: 0, sockets_starting: 1, ..health }).0, "disconnected");
        let (status, reason) = exchange_status(&health);
        assert_eq!(status, "disconnected");
        assert!(reason.unwrap().starts_with("1 of 2 sockets are connected"));
        assert_eq!(exchange_status(&Health { sockets: 2, ..health }).0, "ok");
    }

    #[test]
    fn a_store_that_only_reads_is_not_ready_until_its_disk_takes_writes() {
        let dir = tempfile::tempdir().unwrap();
        let now = Timestamp::from_seconds(1_723_161_256);
        let store = Store::open(dir.path(), OpenMode::CreateIfNew).unwrap();
        let settings = Settings::new(Config::default(), &dir.path().join("config.json"), now);
        let state = dir.path().to_owned();
        let service = Service::open(
            Parts {
                store,
                state,
                keys: Keys::ephemeral(),
                settings,
                exchange: None,
                log: std::sync::Arc::default(),
            },
            now,
        )
        .unwrap();
        let stands = |at: Timestamp| {
            let ready = service.ready(at);
            (ready["status"].as_str().unwrap().to_owned(), ready["store"].clone())
        };
        assert_eq!(stands(now), ("ready".to_owned(), json!({"status": "ok", "age_seconds": 0})));
        assert_eq!(service.look_after_store(now).unwrap(), None);

        // The file that probes for writability cannot be written.
        let probe = dir.path().join("tradingd.redb.probe");
        std::fs::create_dir(&probe).unwrap();
        service.store.blame_the_disk("writing failed: no space left");
        let (status, part) = stands(now);
        assert_eq!((status.as_str(), &part["status"]), ("not_ready", &json!("read_only")));
        assert_eq!(part["reason"], "writing failed: no space left");
        assert!(matches!(service.look_after_store(now).unwrap(), Some(DiskChange::ReadOnly(_))));
        assert_eq!(service.look_after_store(now).unwrap(), None, "it is told once");
        assert_eq!(stands(now + Span::from_seconds(5)).1["age_seconds"], 5.0);
        let refused = service.strategies.delete("pump_v2", None, now).unwrap_err();
        assert_eq!(
            (refused.kind, refused.code),
            (crate::service::RefusalKind::Unavailable, "store_unavailable")
        );

        std::fs::remove_dir(&probe).unwrap();
        assert!(matches!(service.look_after_store(now).unwrap(), Some(DiskChange::SoundAgain(_))));
        assert_eq!(stands(now).0, "ready");
        service.strategies.delete("pump_v2", None, now).unwrap();

        // A file that is gone is noticed without a failed write.
        let (path, away) = (store_path(dir.path()), dir.path().join("away"));
        std::fs::rename(&path, &away).unwrap();
        assert!(matches!(service.look_after_store(now).unwrap(), Some(DiskChange::ReadOnly(_))));
        assert_eq!(stands(now).0, "not_ready");
        std::fs::rename(&away, &path).unwrap();
        assert!(matches!(service.look_after_store(now).unwrap(), Some(DiskChange::SoundAgain(_))));
    }
}
