//! The envelope around every REST answer: errors come under HTTP 200, and successes may lack a code.

use super::number;
use serde_json::value::RawValue;

object! {
    /// The envelope's fields.
    Envelope { success = "success", code = "code", message = "message", msg = "msg", data = "data", announcement = "announcement" }
    knows ["_extend", "extend"]
}

/// Why an answer has no data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NoData {
    /// The exchange rejected the request.
    Refused {
        /// Error code.
        code: Option<i64>,
        /// Error text.
        message: String,
    },
    /// Not an envelope.
    Unreadable(String),
}

/// Content of a successful envelope.
#[derive(Debug)]
pub struct Content<'a> {
    /// The data; `None`: success without data.
    pub data: Option<&'a RawValue>,
    /// Number of unknown fields.
    pub unknown: u64,
}

/// Opens an envelope.
pub fn open(body: &[u8]) -> Result<Content<'_>, NoData> {
    let envelope: Envelope<'_> =
        serde_json::from_slice(body).map_err(|error| NoData::Unreadable(unreadable(body, &error)))?;
    let code = envelope.code.and_then(number::integer);
    let is_success = match envelope.success.map(number::truth) {
        Some(Some(success)) => success,
        Some(None) => return Err(NoData::Unreadable("`success` is neither true nor false".to_owned())),
        // A maintenance notice has no `success` field.
        None => code == Some(0) && envelope.data.is_some(),
    };
    if is_success {
        return Ok(Content { data: envelope.data, unknown: envelope.unknown });
    }
    if envelope.success.is_none() && code.is_none() {
        return Err(NoData::Unreadable("it has neither `success` nor `code`".to_owned()));
    }
    let reason =
        [envelope.message, envelope.msg, envelope.announcement].into_iter().flatten().find_map(number::text);
    let message = reason.as_deref().map_or_else(|| "no reason given".to_owned(), shortened);
    Err(NoData::Refused { code, message })
}

fn unreadable(body: &[u8], error: &serde_json::Error) -> String {
    let begin = String::from_utf8_lossy(&body[..body.len().min(400)]);
    match begin.trim_start() {
        "" => "it is empty".to_owned(),
        page if page.starts_with('<') => format!("it is a page: {}", shortened(page)),
        json if json.starts_with('{') => format!("it is not whole JSON ({error})"),
        other => format!("it is not JSON: {}", shortened(other)),
    }
}

/// At most 200 characters of untrusted text, on one line.
pub fn shortened(text: &str) -> String {
    text.chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> (Option<i64>, String) {
        match open(body.as_bytes()) {
            Err(NoData::Refused { code, message }) => (code, message),
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn a_success_needs_no_code_and_no_data() {
        assert_eq!(open(br#"{"success":true,"code":0,"data":[1]}"#).unwrap().data.unwrap().get(), "[1]");
        assert_eq!(open(br#"{"success":true,"data":{"a":1}}"#).unwrap().data.unwrap().get(), r#"{"a":1}"#);
        assert!(open(br#"{"success":true,"code":0}"#).unwrap().data.is_none());
        assert!(open(br#"{"code":0,"data":7}"#).unwrap().data.is_some());
        assert_eq!(open(br#"{"success":true,"data":1,"news":2,"_extend":3}"#).unwrap().unknown, 1);
    }

    #[test]
    fn a_refusal_is_seen_in_every_form() {
        assert_eq!(
            refused(r#"{"success":false,"code":510,"message":"slow"}"#),
            (Some(510), "slow".to_owned())
        );
        assert_eq!(
            refused(r#"{"success":false,"code":"1001","msg":"gone"}"#),
            (Some(1001), "gone".to_owned())
        );
        assert_eq!(
            refused(r#"{"code":500,"announcement":"maintenance"}"#),
            (Some(500), "maintenance".to_owned())
        );
        assert_eq!(refused(r#"{"success":false,"code":0,"message":""}"#).0, Some(0));
        assert_eq!(refused(r#"{"success":false}"#), (None, "no reason given".to_owned()));
    }

    #[test]
    fn what_is_no_envelope_says_what_it_is() {
        for (body, word) in [
            ("", "empty"),
            ("  \n", "empty"),
            ("<html>Access Denied</html>", "page"),
            (r#"{"success":true,"data":[1,"#, "not whole"),
            ("[]", "not JSON"),
            ("7", "not JSON"),
            ("{}", "neither"),
            (r#"{"success":1}"#, "neither"),
        ] {
            match open(body.as_bytes()) {
                Err(NoData::Unreadable(reason)) => assert!(reason.contains(word), "{body}: {reason}"),
                other => panic!("{body}: {other:?}"),
            }
        }
    }
}
