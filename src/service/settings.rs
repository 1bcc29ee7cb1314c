//! The active configuration and its file.
//!
//! Reading is lock-free. A file that cannot be used changes nothing and is reported with all its problems.
//! Fields that need a restart keep their running value and are listed. Invariant: a version is never mixed
//! from two files.

use crate::config::{self, Config, ConfigChange, Content, Problem, TakesEffect};
use crate::domain::time::{Span, Timestamp};
use crate::engine::risk::RiskLimits;
use arc_swap::ArcSwap;
use serde::{Serialize, Serializer};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Called with every new version once it is active.
type Listener = Box<dyn Fn(&Arc<Config>) + Send + Sync>;

/// Takes an event of the configuration and its fields.
type Log = Box<dyn Fn(&'static str, serde_json::Value) + Send + Sync>;

/// The active configuration, its file and the outcome of the last reload.
pub struct Settings {
    running: ArcSwap<Config>,
    file: Mutex<OnFile>,
    listeners: Mutex<Vec<Listener>>,
    log: OnceLock<Log>,
    path: PathBuf,
}

/// The last valid content of the file, and its status.
struct OnFile {
    wanted: Config,
    status: ConfigStatus,
}

/// Outcome of a reload.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// Nothing differs from the last valid content of the file.
    Unchanged,
    /// It is active, except for fields that need a restart.
    Reloaded {
        /// Version number.
        version: u64,
        /// Differences from the version before.
        changes: Vec<ConfigChange>,
    },
    /// The file cannot be used; nothing changed.
    Rejected(Vec<Problem>),
}

/// Status of the configuration, as shown by the API.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ConfigStatus {
    /// Path of the file.
    pub path: PathBuf,
    /// Version number, counted from 1 at start.
    pub version: u64,
    /// When this version became active.
    #[serde(serialize_with = "millis")]
    pub loaded_at: Timestamp,
    /// Why the current content of the file is not active.
    pub last_error: Option<ConfigError>,
    /// Fields whose new values take effect only after a restart.
    pub restart_needed: Vec<&'static str>,
    /// Differences of this version from the one before.
    pub changes: Vec<ConfigChange>,
}

/// A rejected file.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ConfigError {
    /// When it was rejected.
    #[serde(serialize_with = "millis")]
    pub at: Timestamp,
    /// Everything wrong with it.
    pub problems: Vec<Problem>,
}

impl Settings {
    /// Starts with a configuration read from `path`, active from `now` on.
    pub fn new(config: Config, path: &Path, now: Timestamp) -> Self {
        let status = ConfigStatus {
            path: path.to_owned(),
            version: 1,
            loaded_at: now,
            last_error: None,
            restart_needed: Vec::new(),
            changes: Vec::new(),
        };
        Settings {
            file: Mutex::new(OnFile { wanted: config.clone(), status }),
            running: ArcSwap::from_pointee(config),
            listeners: Mutex::default(),
            log: OnceLock::new(),
            path: path.to_owned(),
        }
    }

    /// The active version. Keep it for one request or one session, not longer.
    pub fn current(&self) -> Arc<Config> {
        self.running.load_full()
    }

    /// Status of the configuration and its file.
    pub fn status(&self) -> ConfigStatus {
        self.locked().status.clone()
    }

    /// Path of the configuration file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Hands `config_reloaded` and `config_rejected` with their fields to `log` from now on. Only the first
    /// call counts.
    pub fn log_to(&self, log: impl Fn(&'static str, serde_json::Value) + Send + Sync + 'static) {
        let _ = self.log.set(Box::new(log));
    }

    /// Calls `listener` with every new version, on the reloading thread. It must not reload itself.
    pub fn on_change(&self, listener: impl Fn(&Arc<Config>) + Send + Sync + 'static) {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(listener));
    }

    /// Applies the file's content as reported by [`config::Watch`].
    pub fn reload_from(&self, content: &Content, now: Timestamp) -> Outcome {
        match content {
            Content::Bytes(bytes) => self.reload(bytes, now),
            Content::Unreadable(why) => {
                let problems = vec![Problem { path: String::new(), problem: why.clone() }];
                self.reject(&mut self.locked().status, problems, now)
            }
        }
    }

    /// Parses `bytes` and makes them the active configuration if they are valid.
    pub fn reload(&self, bytes: &[u8], now: Timestamp) -> Outcome {
        let parsed = config::parse(bytes);
        // Held to the end, so that versions, listeners and published events are in the same order.
        let mut file = self.locked();
        let OnFile { wanted, status } = &mut *file;
        let new = match parsed {
            Ok(new) => new,
            Err(problems) => return self.reject(status, problems, now),
        };
        status.last_error = None;
        if new == *wanted {
            return Outcome::Unchanged;
        }
        let before = self.running.load_full();
        let changes = config::diff(&before, &new);
        let needs_restart = |change: &&ConfigChange| change.takes_effect == TakesEffect::Restart;
        status.restart_needed = changes.iter().filter(needs_restart).map(|change| change.path).collect();
        let next = Arc::new(config::keep_running(&before, &new));
        self.running.store(next.clone());
        *wanted = new;
        status.version += 1;
        status.loaded_at = now;
        status.changes.clone_from(&changes);
        for listener in self.listeners.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            listener(&next);
        }
        let data =
            json!({"version": status.version, "changes": changes, "restart_needed": status.restart_needed});
        self.publish("config_reloaded", data);
        Outcome::Reloaded { version: status.version, changes }
    }

    fn reject(&self, status: &mut ConfigStatus, problems: Vec<Problem>, now: Timestamp) -> Outcome {
        status.last_error = Some(ConfigError { at: now, problems: problems.clone() });
        self.publish("config_rejected", json!({"version": status.version, "problems": problems}));
        Outcome::Rejected(problems)
    }

    fn publish(&self, event: &'static str, data: serde_json::Value) {
        if let Some(log) = self.log.get() {
            log(event, data);
        }
    }

    fn locked(&self) -> MutexGuard<'_, OnFile> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The engine's risk limits from the configuration.
pub fn risk_limits(risk: &config::Risk) -> RiskLimits {
    RiskLimits {
        max_position_pct: risk.max_position_pct,
        risk_per_trade_pct: risk.risk_per_trade_pct,
        max_concurrent: risk.max_concurrent_positions,
        symbol_exposure_pct: risk.symbol_exposure_pct,
        total_exposure_pct: risk.total_exposure_pct,
        margin_pct: risk.margin_utilisation_pct,
        daily_loss_pct: risk.daily_loss_pct,
        drawdown_pct: risk.max_drawdown_pct,
        consecutive_losses: risk.consecutive_losses,
        loss_pause: Span::from_seconds(i64::from(risk.loss_pause_s)),
        trades_per_day: risk.trades_per_day,
        orders_per_second: risk.orders_per_second,
        orders_per_minute: risk.orders_per_minute,
        max_leverage: risk.max_leverage,
        max_spread_pct: risk.max_spread_pct,
        max_slippage_pct: risk.max_slippage_pct,
        max_depth_share_pct: risk.max_depth_share_pct,
        price_band_pct: risk.price_band_pct,
        min_liquidation_to_stop: risk.min_liquidation_to_stop,
        exclusive_symbols: risk.exclusive_symbols,
    }
}

fn millis<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.rfc3339_millis())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::hub::{Filter, Hub, ReaderWakeup, Start};
    use proptest::prelude::*;
    use serde_json::Value;

    fn settings() -> Settings {
        Settings::new(Config::default(), Path::new("config.json"), at(1))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second)
    }

    #[test]
    fn the_engine_and_the_file_have_the_same_defaults() {
        assert_eq!(risk_limits(&config::Risk::default()), RiskLimits::default());
    }

    #[test]
    fn a_change_is_in_force_and_told() {
        let (settings, hub) = (settings(), Arc::new(Hub::new(at(0))));
        let log = hub.clone();
        settings.log_to(move |event, fields| log.publish("sessions", event, None, None, fields));
        let mut cursor = hub
            .subscribe("sessions", Filter::default(), Start::Now, &Arc::<ReaderWakeup>::default())
            .unwrap();
        let seen = Arc::<Mutex<Vec<u32>>>::default();
        let sees = seen.clone();
        settings.on_change(move |config| sees.lock().unwrap().push(config.limits.max_sessions));
        let outcome = settings.reload(br#"{"limits": {"max_sessions": 3}}"#, at(2));
        assert!(
            matches!(outcome, Outcome::Reloaded { version: 2, ref changes } if changes.len() == 1),
            "{outcome:?}"
        );
        assert_eq!(settings.reload(br#" {"limits": {"max_sessions": 3}} "#, at(3)), Outcome::Unchanged);
        let outcome = settings.reload(br#"{"limits": {"max_sessions": 0, "x": 1}}"#, at(4));
        assert!(matches!(outcome, Outcome::Rejected(problems) if problems.len() == 2));
        assert_eq!((settings.current().limits.max_sessions, &*seen.lock().unwrap()), (3, &vec![3]));
        let status = settings.status();
        assert_eq!(
            (status.version, status.loaded_at, status.last_error.as_ref().map(|error| error.at)),
            (2, at(2), Some(at(4)))
        );
        let shown = serde_json::to_value(&status).unwrap();
        assert_eq!(shown["last_error"]["at"], "1970-01-01T00:00:04.000Z");
        assert_eq!(shown["changes"][0]["takes_effect"], "live");
        let mut told = Vec::new();
        cursor.read(10, &mut told).unwrap();
        assert_eq!(
            told.iter().map(|update| update.event).collect::<Vec<_>>(),
            ["config_reloaded", "config_rejected"]
        );
        let rejected: Value = serde_json::from_str(&told[1].json).unwrap();
        assert_eq!(rejected["problems"][0]["path"], "/limits/max_sessions");
        assert!(matches!(
            settings.reload_from(&Content::Unreadable("gone".to_owned()), at(5)),
            Outcome::Rejected(_)
        ));
        assert_eq!(settings.reload(br#"{"limits": {"max_sessions": 3}}"#, at(6)), Outcome::Unchanged);
        assert_eq!(settings.status().last_error, None, "a good file takes the error back");
    }

    #[test]
    fn what_needs_a_restart_waits_for_it() {
        let settings = settings();
        settings.reload(br#"{"http": {"listen": "127.0.0.1:9999", "request_burst": 7}}"#, at(2));
        let now = settings.current();
        assert_eq!((now.http.listen.as_str(), now.http.request_burst), ("127.0.0.1:8080", 7));
        assert_eq!(settings.status().restart_needed, ["/http/listen"]);
        assert_eq!(
            settings.reload(br#"{"http": {"listen": "127.0.0.1:9999", "request_burst": 7}}"#, at(3)),
            Outcome::Unchanged
        );
        settings.reload(br#"{"http": {"listen": "127.0.0.1:9998", "request_burst": 7}}"#, at(4));
        assert_eq!(settings.status().changes[0].new, "127.0.0.1:9998");
        settings.reload(br#"{"http": {"request_burst": 7}}"#, at(5));
        assert_eq!(settings.status().restart_needed, [""; 0], "the file says again what runs");
    }

    proptest! {
        #[test]
        fn whatever_comes_some_whole_version_is_in_force(
            files in prop::collection::vec((1_u32..64, 0_usize..200, prop::option::of(0_usize..60)), 1..40)
        ) {
            let settings = settings();
            let (mut expected, mut versions) = (Config::default(), 1);
            for (second, (sessions, symbols, cut)) in files.into_iter().enumerate() {
                let mut config = Config::default();
                config.limits.max_sessions = sessions;
                config.trading.disabled_symbols = (0..symbols).map(|n| format!("S{n}_USDT")).collect();
                let text = serde_json::to_string(&config).unwrap();
                let bytes = &text.as_bytes()[..text.len() - cut.unwrap_or(0).min(text.len())];
                let outcome = settings.reload(bytes, at(second as i64));
                match outcome {
                    Outcome::Reloaded { version, .. } => {
                        versions += 1;
                        prop_assert_eq!(version, versions);
                        expected = config;
                    }
                    Outcome::Unchanged => prop_assert_eq!(&expected, &config),
                    Outcome::Rejected(_) => prop_assert!(cut.is_some_and(|cut| cut > 0)),
                }
                prop_assert_eq!(&*settings.current(), &expected);
            }
        }
    }
}
