//! What an answer to `POST /write` means: which rows are in doubt and whether sending again helps.

use std::fmt;
use std::time::Duration;

/// Why a request was not taken. Nothing of it is in the table, except after [`WriteError::Unanswered`], where
/// all of it may be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WriteError {
    /// This line (counted from 0) cannot be taken, however often it is sent.
    Line(usize, String),
    /// A line is too large, but it is not said which.
    TooLarge,
    /// The table is missing or is another one: apply the schema, close connections.
    NoTable(String),
    /// The credentials are missing or wrong.
    Credentials,
    /// This is not a QuestDB, or it does not take this kind of request: a matter of configuration.
    NotThere(String),
    /// The server refuses for now: full, renaming, starting.
    Later(String),
    /// No answer came.
    Unanswered(String),
}

impl WriteError {
    /// The least wait before trying again.
    pub fn wait(&self) -> Duration {
        match self {
            WriteError::Credentials | WriteError::NotThere(_) => Duration::from_secs(60),
            _ => Duration::ZERO,
        }
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WriteError::Line(line, why) => write!(f, "QuestDB refuses line {}: {why}", line + 1),
            WriteError::TooLarge => f.write_str("QuestDB refuses a line as too large"),
            WriteError::NoTable(why) => write!(f, "QuestDB has no such table or column: {why}"),
            WriteError::Credentials => f.write_str(
                "QuestDB refuses the credentials: put the password into the credential questdb-password or the token into questdb-token, \
                 and the user into analytics.questdb.user",
            ),
            WriteError::NotThere(why) => {
                write!(f, "analytics.questdb.url is not that of a QuestDB that takes rows: {why}")
            }
            WriteError::Later(why) => write!(f, "QuestDB takes no rows now: {why}"),
            WriteError::Unanswered(why) => write!(f, "QuestDB does not answer: {why}"),
        }
    }
}

/// Of answers that are about a table or its columns, not about a row.
const SCHEMA: [&str; 3] = ["table does not exist", "non-WAL table", "creating new columns is disabled"];

/// Judges an answer; `Ok` only for 204, which says that all rows are committed.
pub fn judge(status: u16, body: &[u8]) -> Result<(), WriteError> {
    let json: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let text = String::from_utf8_lossy(body);
    let whole = json["message"].as_str().unwrap_or_else(|| text.trim());
    let line = json["line"].as_u64().filter(|line| *line > 0).and_then(|line| usize::try_from(line - 1).ok());
    let what = whole.rsplit_once("error in line").map_or(whole, |(_, what)| what.trim());
    let what: String = what.chars().take(500).collect();
    Err(match (status, line) {
        (204, _) => return Ok(()),
        (401 | 403, _) => WriteError::Credentials,
        (413, _) => WriteError::TooLarge,
        (400, _) if SCHEMA.iter().any(|wrong| whole.contains(wrong)) => WriteError::NoTable(what),
        (400, Some(line)) => WriteError::Line(line, what),
        // A value that the server finds out about too late; any other 500 is about the server.
        (500, Some(line)) if whole.contains("errno: -1") => WriteError::Line(line, what),
        (500..=599, _) => WriteError::Later(format!("{status}: {what}")),
        _ => WriteError::NotThere(format!("{status}: {what}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(code: &str, line: u64, message: &str) -> Vec<u8> {
        let prefix = "failed to parse line protocol:errors encountered on line(s):";
        serde_json::json!({"code": code, "message": format!("{prefix}\nerror in line {line}: {message}"), "line": line})
            .to_string()
            .into_bytes()
    }

    /// Every answer is one that a real server gave (9.3.4 or 9.0.3).
    #[test]
    fn answers_of_real_servers_are_judged() {
        assert_eq!(judge(204, b""), Ok(()));
        let cast = body(
            "invalid",
            3,
            "table: t, column: px; cast error from protocol type: STRING to column type: DOUBLE",
        );
        assert!(matches!(judge(400, &cast), Err(WriteError::Line(2, why)) if why.contains("cast error")));
        let far = "write error: t, errno: -1, error: designated timestamp beyond 9999-12-31 is not allowed";
        assert!(matches!(judge(500, &body("internal error", 7, far)), Err(WriteError::Line(6, _))));
        let full = "write error: f, errno: 28, error: No space left [size=262144]";
        assert!(matches!(judge(500, &body("internal error", 7, full)), Err(WriteError::Later(_))));
        let missing = "table: nope; table does not exist, creating new tables is disabled";
        assert!(matches!(judge(400, &body("invalid", 1, missing)), Err(WriteError::NoTable(_))));
        // About the request, not about a line.
        let precision = body("not supported", 0, "unsupported precision");
        assert!(matches!(judge(400, &precision), Err(WriteError::NotThere(_))));
        assert_eq!(judge(401, b"Unauthorized\r\n"), Err(WriteError::Credentials));
        assert!(matches!(judge(405, b"Method POST not supported"), Err(WriteError::NotThere(_))));
        assert!(matches!(judge(404, b"Not Found"), Err(WriteError::NotThere(_))));
        assert!(matches!(judge(415, b""), Err(WriteError::NotThere(_))));
        assert_eq!(
            judge(413, &body("request too large", 1, "transaction is too large")),
            Err(WriteError::TooLarge)
        );
        let renamed = br#"{"code":"retry operation","message":"table was renamed"}"#;
        assert!(matches!(judge(503, renamed), Err(WriteError::Later(_))));
        assert!(judge(401, b"").unwrap_err().wait() > Duration::ZERO);
        // A redirect is not followed; a 200 of something else is no commit.
        assert!(matches!(judge(302, b""), Err(WriteError::NotThere(_))));
        assert!(matches!(judge(200, b"<html>"), Err(WriteError::NotThere(_))));
    }
}
