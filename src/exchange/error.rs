//! Errors of calls to an exchange.

use std::fmt;

/// Why an exchange call gave no usable answer. `call` is the method and path and never holds a key or a
/// signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ExchangeError {
    /// A setting or an argument is wrong; nothing was sent.
    Settings(String),
    /// No complete answer: connection failed or was reset, or the call timed out.
    Unreachable {
        /// Method and path.
        call: String,
        /// What happened.
        reason: String,
    },
    /// The answer is not in the documented format: an HTML page, truncated, too large, or with other fields.
    Unreadable {
        /// Method and path.
        call: String,
        /// HTTP status.
        status: u16,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The exchange rejected the request.
    Refused {
        /// Method and path.
        call: String,
        /// The exchange's code; `None` when it gave none.
        code: Option<i64>,
        /// The exchange's error text.
        message: String,
    },
    /// Too many calls: rejected by the exchange's rate limit, or our own budget is used up.
    Throttled {
        /// Method and path.
        call: String,
    },
}

impl ExchangeError {
    /// Whether the same call may succeed later.
    pub fn is_temporary(&self) -> bool {
        match self {
            ExchangeError::Settings(_) => false,
            ExchangeError::Refused { code, .. } => code.is_none_or(is_busy),
            _ => true,
        }
    }

    /// The exchange's error code when the request was rejected.
    pub fn code(&self) -> Option<i64> {
        match self {
            ExchangeError::Refused { code, .. } => *code,
            _ => None,
        }
    }
}

/// Codes about the state of the exchange rather than the request. 513 is a clock error, which can be
/// corrected.
fn is_busy(code: i64) -> bool {
    matches!(code, 500 | 501 | 503 | 504 | 513 | 604 | 801 | 9_999)
}

impl fmt::Display for ExchangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExchangeError::Settings(reason) => f.write_str(reason),
            ExchangeError::Unreachable { call, reason } => {
                write!(
                    f,
                    "{call}: the exchange did not answer ({reason}); check the network, exchange.rest_url and exchange.ws_url of the configuration, then try again"
                )
            }
            ExchangeError::Unreadable { call, status, reason } => {
                write!(
                    f,
                    "{call}: the exchange's answer (status {status}) cannot be used: {reason}; try again later"
                )
            }
            ExchangeError::Refused { call, code: Some(code), message } => {
                write!(f, "{call}: the exchange refused with code {code}: {message}")
            }
            ExchangeError::Refused { call, code: None, message } => {
                write!(f, "{call}: the exchange refused: {message}")
            }
            ExchangeError::Throttled { call } => {
                write!(f, "{call}: too many calls to the exchange; try again in a minute")
            }
        }
    }
}

impl std::error::Error for ExchangeError {}
