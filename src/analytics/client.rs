//! The HTTP endpoints of a QuestDB. Calls block the thread that owns the client.

use super::status::{WriteError, judge};
use super::{Target, Version};
use crate::limits::ANALYTICS_ANSWER_BYTES;
use reqwest::{Method, Url};
use serde_json::Value;
use std::fmt;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A day change may cost the server seconds.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
const QUERY_TIMEOUT: Duration = Duration::from_secs(120);

/// A connection to one server, for one thread.
pub struct Client {
    target: Target,
    runtime: Runtime,
    http: reqwest::Client,
}

/// Rows of a query.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct QueryResult {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Cells by row, as JSON.
    pub rows: Vec<Vec<Value>>,
}

/// Why a query has no answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum QueryError {
    /// The server refuses it.
    Refused(String),
    /// The credentials are missing or wrong.
    Credentials,
    /// There is no answer, or none of a QuestDB.
    Unanswered(String),
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            QueryError::Refused(why) => write!(f, "QuestDB refuses a query: {why}"),
            QueryError::Credentials => write!(f, "{}", WriteError::Credentials),
            QueryError::Unanswered(why) => write!(f, "{}", WriteError::Unanswered(why.clone())),
        }
    }
}

impl std::error::Error for QueryError {}

impl From<QueryError> for WriteError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Refused(why) => WriteError::Later(why),
            QueryError::Credentials => WriteError::Credentials,
            QueryError::Unanswered(why) => WriteError::Unanswered(why),
        }
    }
}

impl Client {
    /// Connects with the first call.
    ///
    /// # Errors
    /// A system that gives no HTTP client.
    pub fn new(target: Target) -> Result<Client, String> {
        // Fails when another part of the program has installed it already, which is fine.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("no thread for QuestDB: {error}"))?;
        let http = http()?;
        Ok(Client { target, runtime, http })
    }

    /// Closes all connections: the first request on one that was kept open while a table was made anew is
    /// lost.
    pub fn close_connections(&mut self) {
        if let Ok(http) = http() {
            self.http = http;
        }
    }

    /// Version of the server.
    ///
    /// # Errors
    /// No answer, or none of a QuestDB.
    pub fn version(&self) -> Result<Version, QueryError> {
        let (status, body) = self.call(Method::GET, "/settings", &[], None, QUERY_TIMEOUT)?;
        let json: Value = serde_json::from_slice(&body).unwrap_or_default();
        let version = json["config"]["release.version"].as_str().and_then(Version::parse);
        match (status, version) {
            (401 | 403, _) => Err(QueryError::Credentials),
            (200, Some(version)) => Ok(version),
            _ => Err(QueryError::Unanswered(format!("/settings answers {status}, not with a version"))),
        }
    }

    /// Runs one statement.
    ///
    /// # Errors
    /// What the server refuses, or no answer.
    pub fn query(&self, sql: &str) -> Result<QueryResult, QueryError> {
        let query = [("query", sql), ("quoteLargeNum", "true")];
        let (status, body) = self.call(Method::GET, "/exec", &query, None, QUERY_TIMEOUT)?;
        if matches!(status, 401 | 403) {
            return Err(QueryError::Credentials);
        }
        let mut json: Value = serde_json::from_slice(&body).map_err(|error| {
            QueryError::Unanswered(format!("/exec answers {status} and not with JSON: {error}"))
        })?;
        if status != 200 {
            let why = json["error"].as_str().unwrap_or("without a reason");
            return Err(QueryError::Refused(format!("{why} ({status})")));
        }
        let columns = json["columns"].as_array().into_iter().flatten();
        let columns = columns.map(|column| column["name"].as_str().unwrap_or_default().to_owned()).collect();
        let rows = match json["dataset"].take() {
            Value::Array(rows) => rows,
            _ => Vec::new(),
        };
        let cells = |row| match row {
            Value::Array(cells) => cells,
            other => vec![other],
        };
        Ok(QueryResult { columns, rows: rows.into_iter().map(cells).collect() })
    }

    /// Sends lines of one table as one transaction.
    ///
    /// # Errors
    /// As [`WriteError`] says.
    pub fn write(&self, lines: &[u8]) -> Result<(), WriteError> {
        let timeout = WRITE_TIMEOUT + Duration::from_millis(lines.len() as u64 / 100);
        let (status, body) = self.call(Method::POST, "/write", &[], Some(lines), timeout)?;
        judge(status, &body)
    }

    fn call(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&[u8]>,
        timeout: Duration,
    ) -> Result<(u16, Vec<u8>), QueryError> {
        let unanswered = |error: reqwest::Error| QueryError::Unanswered(chain(&error.without_url()));
        let mut url = Url::parse(&format!("{}{path}", self.target.url))
            .map_err(|error| QueryError::Unanswered(error.to_string()))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = self.http.request(method, url).timeout(timeout);
        if let Some(authorization) = self.target.authorization() {
            request = request.header("Authorization", authorization);
        }
        if let Some(body) = body {
            request = request.header("Content-Type", "text/plain; charset=utf-8").body(body.to_vec());
        }
        self.runtime.block_on(async {
            let mut response = request.send().await.map_err(unanswered)?;
            let status = response.status().as_u16();
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(unanswered)? {
                if body.len() + chunk.len() > ANALYTICS_ANSWER_BYTES {
                    return Err(QueryError::Refused("the answer is too long".to_owned()));
                }
                body.extend_from_slice(&chunk);
            }
            Ok((status, body))
        })
    }
}

fn http() -> Result<reqwest::Client, String> {
    reqwest::Client::builder()
        .user_agent(concat!("tradingd/", env!("CARGO_PKG_VERSION")))
        // Credentials and rows go to the configured address only.
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .tcp_nodelay(true)
        .connect_timeout(CONNECT_TIMEOUT)
        .build()
        .map_err(|error| format!("no HTTP client: {}", chain(&error)))
}

/// An error with all its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

impl QueryResult {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// A text cell; empty for null.
    pub fn text(&self, row: usize, column: usize) -> &str {
        self.cell(row, column).and_then(Value::as_str).unwrap_or_default()
    }

    /// A whole number, also one that is quoted.
    pub fn whole(&self, row: usize, column: usize) -> Option<i64> {
        match self.cell(row, column)? {
            Value::String(text) => text.parse().ok(),
            other => other.as_i64(),
        }
    }

    /// A boolean.
    pub fn flag(&self, row: usize, column: usize) -> bool {
        self.cell(row, column).and_then(Value::as_bool).unwrap_or(false)
    }

    fn cell(&self, row: usize, column: usize) -> Option<&Value> {
        self.rows.get(row)?.get(column)
    }
}
