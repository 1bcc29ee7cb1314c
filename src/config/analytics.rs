//! The `analytics` section of `config.json`. Passwords and tokens are not part of it; they are credentials.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Copies for analytics.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Analytics {
    /// The copy in a QuestDB.
    pub questdb: QuestDb,
}

/// The copy in a QuestDB.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct QuestDb {
    /// Whether to copy. Takes effect at once.
    pub enabled: bool,
    /// URL of the server, without a path, e.g. `http://127.0.0.1:9000`. Takes effect at once.
    #[schemars(length(min = 8, max = 256))]
    pub url: String,
    /// Hosts besides this one that may be written to. Takes effect at once.
    #[schemars(length(max = 32), inner(length(min = 1, max = 253)))]
    pub allowed_hosts: Vec<String>,
    /// User of HTTP Basic authentication; the password is the credential `questdb-password`. A token is the
    /// credential `questdb-token` and needs no user. Takes effect at once.
    #[schemars(length(min = 1, max = 128))]
    pub user: Option<String>,
    /// What the names of the tables begin with. Takes effect at once.
    #[schemars(length(min = 1, max = 32), regex(pattern = r"^[a-z][a-z0-9_]*$"))]
    pub prefix: String,
    /// Seconds between two rounds of copying. Takes effect at once.
    #[schemars(range(min = 1, max = 3_600))]
    pub interval_s: u32,
    /// Rows per second at most, so that catching up leaves the disk and the processor to trading. Takes
    /// effect at once.
    #[schemars(range(min = 100, max = 10_000_000))]
    pub rows_per_second: u32,
    /// Whether recorded market data is copied too. Takes effect at once.
    pub market_data: bool,
    /// Days after which the server drops market data; `null` keeps it. Older rows are not sent. Takes effect
    /// at once.
    #[schemars(range(min = 1, max = 36_500))]
    pub keep_days: Option<u32>,
    /// Seconds that the copy may be behind before there is an alert. Takes effect at once.
    #[schemars(range(min = 10, max = 31_536_000))]
    pub alert_lag_s: u32,
}

impl Default for QuestDb {
    fn default() -> Self {
        QuestDb {
            enabled: false,
            url: "http://127.0.0.1:9000".to_owned(),
            allowed_hosts: Vec::new(),
            user: None,
            prefix: "td_".to_owned(),
            interval_s: 10,
            rows_per_second: 50_000,
            market_data: true,
            keep_days: None,
            alert_lag_s: 600,
        }
    }
}
