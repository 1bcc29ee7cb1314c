//! Notifications to systemd: ready, reloading, stopping, watchdog. No-ops when `$NOTIFY_SOCKET` is not set.

use sd_notify::NotifyState;
use std::time::Duration;

/// Reports that the port is open, or that a reload has finished.
pub fn ready() {
    notify(&[NotifyState::Ready]);
}

/// Reports that the configuration is being reloaded; [`ready`] ends the reload.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "systemd could not be notified of the reload"),
    }
}

/// Reports that shutdown has begun.
pub fn stopping() {
    notify(&[NotifyState::Stopping]);
}

/// How often to call [`alive`]: half of the watchdog timeout; `None` without a watchdog.
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|patience| patience / 2)
}

/// Resets the watchdog. Call it from the serving runtime, not from a thread that would outlive a hang.
pub fn alive() {
    notify(&[NotifyState::Watchdog]);
}

fn notify(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "systemd could not be notified");
    }
}
