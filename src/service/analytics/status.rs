//! What is shown of the copy: state, lag, and rows by table.

use super::SyncError;
use super::connection::Connection;
use crate::analytics::Version;
use crate::config::QuestDb;
use crate::domain::time::{Span, Timestamp};
use crate::store::records::SyncStateV1;
use serde::Serialize;

/// What is known of the copy.
#[derive(Default)]
pub(super) struct Status {
    server: Option<String>,
    running: bool,
    /// When everything that there was had been copied.
    copied_until: Option<Timestamp>,
    /// When the copy was switched on, or the daemon started.
    since: Option<Timestamp>,
    rounds: u64,
    failed_rounds: u64,
    backlog: u64,
    error: Option<(String, &'static str)>,
    has_told: bool,
    rows: u64,
    refused: u64,
}

/// Numbers of the copy since the start.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Counts {
    /// Since everything was copied.
    pub lag: Span,
    /// Rows known to be missing.
    pub lag_rows: u64,
    /// Rows acknowledged.
    pub rows: u64,
    /// Rows refused.
    pub refused: u64,
    /// Rounds.
    pub rounds: u64,
    /// Rounds that failed.
    pub failed_rounds: u64,
}

/// What is shown of the copy.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct View {
    /// Whether it is switched on.
    pub enabled: bool,
    /// `off`, `starting`, `copying`, `idle`, `unreachable` (tried again by itself) or `refused` (needs the
    /// user).
    pub state: &'static str,
    /// Why it is in this state; null when there is nothing to say.
    pub reason: Option<String>,
    /// Address of the server.
    pub url: String,
    /// Version of the server; null before the first connection.
    pub server_version: Option<String>,
    /// Id of this store in the tables; null before the first connection.
    pub instance: Option<String>,
    /// When everything there was had been copied; null before the first time since the start.
    pub copied_until: Option<String>,
    /// Seconds since then (without one, since the start); null while it is off.
    pub lag_seconds: Option<f64>,
    /// Rows that are known to be missing there.
    pub lag_rows: u64,
    /// Rounds so far, those that failed too.
    pub rounds: u64,
    /// Rounds that failed.
    pub failed_rounds: u64,
    /// Rows that QuestDB refused for what they contain.
    pub dead_letters: u64,
    /// By table.
    pub tables: Vec<TableStatus>,
}

/// A table of the copy.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct TableStatus {
    /// Name without the prefix.
    pub name: String,
    /// Rows acknowledged so far; rows that were sent again count again.
    pub rows_sent: u64,
}

impl Status {
    pub(super) fn begin(&mut self) {
        self.running = true;
        self.since.get_or_insert_with(crate::clock::now);
    }

    pub(super) fn connected(&mut self, connection: &Connection) {
        let Version(major, minor, patch) = connection.version;
        self.server = Some(format!("{major}.{minor}.{patch}"));
    }

    pub(super) fn end(&mut self, begun: Timestamp, failed: Option<&SyncError>, backlog: u64) {
        self.running = false;
        self.rounds += 1;
        self.backlog = backlog;
        self.error = failed.map(|failed| {
            let needs_user = matches!(failed, SyncError::Refused(_))
                || matches!(failed, SyncError::Write(error) if !error.wait().is_zero());
            (failed.to_string(), if needs_user { "refused" } else { "unreachable" })
        });
        match failed {
            None => {
                self.copied_until = Some(begun);
                self.has_told = false;
            }
            Some(_) => self.failed_rounds += 1,
        }
    }

    /// Rows of a request or round that the server took or refused.
    pub(super) fn sent(&mut self, rows: u64, refused: u64) {
        self.rows += rows;
        self.refused += refused;
    }

    pub(super) fn counts(&self, now: Timestamp) -> Option<Counts> {
        Some(Counts {
            lag: self.lag(now)?,
            lag_rows: self.backlog,
            rows: self.rows,
            refused: self.refused,
            rounds: self.rounds,
            failed_rounds: self.failed_rounds,
        })
    }

    fn lag(&self, now: Timestamp) -> Option<Span> {
        let since = self.copied_until.or(self.since)?;
        Some(now - since)
    }

    pub(super) fn lag_to_tell(&mut self, config: &QuestDb, now: Timestamp) -> Option<Span> {
        let limit = Span::from_seconds(i64::from(config.alert_lag_s));
        let lag = self.lag(now).filter(|lag| *lag > limit && !self.has_told)?;
        self.has_told = true;
        Some(lag)
    }

    pub(super) fn view(
        &self,
        config: &QuestDb,
        kept: Option<SyncStateV1>,
        dead_letters: u64,
        now: Timestamp,
    ) -> View {
        let (state, reason) = match (&self.error, config.enabled) {
            (_, false) => ("off", Some("analytics.questdb.enabled is false".to_owned())),
            (_, true) if self.running => ("copying", self.error.as_ref().map(|(why, _)| why.clone())),
            (Some((why, state)), true) => (*state, Some(why.clone())),
            (None, true) if self.rounds == 0 => ("starting", None),
            (None, true) => ("idle", None),
        };
        let kept = kept.unwrap_or_default();
        let tables = kept.tables.into_iter().filter(|table| table.name != "schema");
        View {
            enabled: config.enabled,
            state,
            reason,
            url: config.url.clone(),
            server_version: self.server.clone(),
            instance: Some(kept.instance).filter(|instance| !instance.is_empty()),
            copied_until: self.copied_until.map(|at| at.to_string()),
            lag_seconds: self.lag(now).filter(|_| config.enabled).map(Span::seconds_f64),
            lag_rows: self.backlog,
            rounds: self.rounds,
            failed_rounds: self.failed_rounds,
            dead_letters,
            tables: tables.map(|table| TableStatus { name: table.name, rows_sent: table.rows }).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analytics::WriteError;

    #[test]
    fn the_lag_grows_until_everything_is_copied_and_is_told_once() {
        let config = QuestDb { enabled: true, alert_lag_s: 60, ..QuestDb::default() };
        let at = Timestamp::from_seconds;
        let mut status = Status { since: Some(at(1_000)), ..Status::default() };
        let view = |status: &Status, now| status.view(&config, None, 0, at(now));
        assert_eq!(view(&status, 1_010).state, "starting");
        assert_eq!(status.lag_to_tell(&config, at(1_060)), None);
        status.end(at(1_050), Some(&SyncError::Write(WriteError::Unanswered("refused".into()))), 7);
        assert_eq!((view(&status, 1_070).state, view(&status, 1_070).lag_rows), ("unreachable", 7));
        assert_eq!(status.lag_to_tell(&config, at(1_070)), Some(Span::from_seconds(70)));
        assert_eq!(status.lag_to_tell(&config, at(1_080)), None, "told once");
        status.end(at(1_090), Some(&SyncError::Write(WriteError::Credentials)), 7);
        assert_eq!(view(&status, 1_090).state, "refused");
        status.end(at(1_100), None, 0);
        let idle = view(&status, 1_110);
        assert_eq!((idle.state, idle.lag_seconds, idle.reason), ("idle", Some(10.0), None));
        assert_eq!(status.lag_to_tell(&config, at(1_200)), Some(Span::from_seconds(100)));
        let off = status.view(&QuestDb::default(), None, 0, at(1_200));
        assert_eq!((off.state, off.lag_seconds), ("off", None));
    }
}
