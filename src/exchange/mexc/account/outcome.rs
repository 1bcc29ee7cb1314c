//! What became of a write.

use crate::exchange::ExchangeError;

/// What became of a write: whatever does not prove that the exchange did not do it is unknown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WriteOutcome<T> {
    /// The exchange took it.
    Accepted(T),
    /// The exchange refused it, with a code that proves that nothing was done.
    Refused {
        /// Its code.
        code: i64,
        /// Its words.
        message: String,
    },
    /// Not a byte was sent.
    NotSent(String),
    /// It may have been done.
    Unknown(String),
}

/// Codes that say something about the exchange, not about what it did with the request. 603 is a repeated
/// request: the first one may have been taken.
const PROVES_NOTHING: [i64; 9] = [429, 500, 501, 503, 504, 510, 603, 604, 9_999];

impl<T> WriteOutcome<T> {
    /// From the answer to one attempt.
    pub(in crate::exchange::mexc) fn of(answer: Result<T, ExchangeError>) -> Self {
        match answer {
            Ok(value) => WriteOutcome::Accepted(value),
            Err(ExchangeError::Settings(why)) => WriteOutcome::NotSent(why),
            Err(ExchangeError::Refused { code: Some(code), message, .. })
                if !PROVES_NOTHING.contains(&code) =>
            {
                WriteOutcome::Refused { code, message }
            }
            Err(error) => WriteOutcome::Unknown(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_code_about_the_request_is_a_refusal() {
        let call = || "POST /order/create".to_owned();
        let refused = |code| ExchangeError::Refused { call: call(), code, message: "no".to_owned() };
        for code in [400, 401, 402, 513, 600, 602, 1_002, 2_005, 2_008, 2_011, 2_042] {
            assert_eq!(
                WriteOutcome::<()>::of(Err(refused(Some(code)))),
                WriteOutcome::Refused { code, message: "no".to_owned() }
            );
        }
        let unknown = [
            refused(None),
            ExchangeError::Throttled { call: call() },
            ExchangeError::Unreachable { call: call(), reason: "reset".to_owned() },
            ExchangeError::Unreadable { call: call(), status: 504, reason: "a page".to_owned() },
        ];
        let by_code = PROVES_NOTHING.map(|code| refused(Some(code)));
        for error in unknown.into_iter().chain(by_code) {
            assert!(
                matches!(WriteOutcome::<()>::of(Err(error.clone())), WriteOutcome::Unknown(_)),
                "{error:?}"
            );
        }
        let unsent = ExchangeError::Settings("no keys".to_owned());
        assert!(matches!(WriteOutcome::<()>::of(Err(unsent)), WriteOutcome::NotSent(_)));
    }
}
