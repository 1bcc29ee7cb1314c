//! Error responses. The only file that maps service refusals to HTTP statuses.

use super::next_step;
use super::reply::{Content, Reply, close};
use crate::domain::time::Timestamp;
use crate::service::{Caller, Refusal, RefusalKind};
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::{Value, json};
use std::borrow::Cow;

/// Why a request failed.
#[derive(Debug)]
pub enum Failure {
    /// Refused by the service.
    Refused(Refusal),
    /// Refused by the HTTP layer.
    Http {
        /// Status.
        status: StatusCode,
        /// `snake_case`.
        code: &'static str,
        /// One sentence.
        message: String,
        /// Allowed methods, for 405.
        allow: Option<String>,
        /// Close the connection after the response, because the bytes that follow cannot be trusted.
        closes: bool,
    },
}

impl Failure {
    /// A refusal by the HTTP layer.
    pub fn http(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Failure::Http { status, code, message: message.into(), allow: None, closes: false }
    }

    /// Closes the connection after the response.
    pub fn closing(mut self) -> Self {
        if let Failure::Http { closes, .. } = &mut self {
            *closes = true;
        }
        self
    }

    /// Status of the response.
    pub fn status(&self) -> StatusCode {
        match self {
            Failure::Http { status, .. } => *status,
            Failure::Refused(refusal) => match refusal.kind {
                RefusalKind::Invalid => StatusCode::BAD_REQUEST,
                RefusalKind::Unauthenticated => StatusCode::UNAUTHORIZED,
                RefusalKind::Forbidden => StatusCode::FORBIDDEN,
                RefusalKind::NotFound => StatusCode::NOT_FOUND,
                RefusalKind::Conflict => StatusCode::CONFLICT,
                RefusalKind::Stale => StatusCode::PRECONDITION_FAILED,
                RefusalKind::TooMany => StatusCode::TOO_MANY_REQUESTS,
                RefusalKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
                RefusalKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            },
        }
    }

    /// Error code, for the log.
    pub fn code(&self) -> &'static str {
        match self {
            Failure::Http { code, .. } | Failure::Refused(Refusal { code, .. }) => code,
        }
    }

    /// Message for the client. Internal errors are not disclosed; the log has their cause.
    fn public_message(&self) -> Cow<'_, str> {
        match self {
            Failure::Refused(Refusal { kind: RefusalKind::Internal, .. }) => {
                "internal error; search the daemon log for this request_id".into()
            }
            Failure::Http { message, .. } | Failure::Refused(Refusal { message, .. }) => {
                next_step::added(self.code(), message)
            }
        }
    }

    /// The error response.
    pub fn into_reply(self, request_id: &str, at: Timestamp) -> Reply {
        let status = self.status();
        let details = match &self {
            Failure::Refused(Refusal { details, .. }) if !details.is_null() => Some(details),
            _ => None,
        };
        let mut reply = Reply::new(
            status,
            Content::Flat(body(self.code(), &self.public_message(), details, request_id, at)),
        );
        if status == StatusCode::UNAUTHORIZED {
            reply = reply.header(WWW_AUTHENTICATE, "Bearer");
        }
        match &self {
            Failure::Http { allow: Some(allow), .. } => reply.header(ALLOW, allow),
            Failure::Http { closes: true, .. } => reply.header(CONNECTION, "close"),
            Failure::Refused(Refusal { retry_after_s: Some(seconds), .. }) => {
                reply.header(RETRY_AFTER, &seconds.to_string())
            }
            _ => reply,
        }
    }
}

fn body(code: &str, message: &str, details: Option<&Value>, request_id: &str, at: Timestamp) -> Bytes {
    let mut body = Vec::with_capacity(256);
    body.extend_from_slice(b"{\"type\":\"error\",\"error_code\":\"");
    body.extend_from_slice(code.as_bytes());
    body.extend_from_slice(b"\",\"error_message\":");
    body.extend_from_slice(json!(message).to_string().as_bytes());
    if let Some(details) = details {
        body.extend_from_slice(b",\"details\":");
        body.extend_from_slice(details.to_string().as_bytes());
    }
    close(&mut body, request_id, at);
    Bytes::from(body)
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure::Refused(refusal)
    }
}

/// 403 for an insufficient role.
pub fn forbidden(caller: &Caller, needed: crate::auth::Role) -> Failure {
    let message = format!("this needs the role {needed}, {} has {}: ask an admin", caller.name, caller.role);
    Refusal::new(RefusalKind::Forbidden, "permission_denied", message).into()
}
