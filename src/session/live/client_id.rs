//! Client ids of orders: made from the session and the order alone, so that a process that comes back knows
//! which ids it may have sent.

use crate::domain::order::OrderId;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// How every client id of this program begins.
pub const PREFIX: &str = "td";

/// Hexadecimal digits of the session's hash.
const HASH_DIGITS: usize = 12;

/// The part of client ids that all orders of a session share.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionTag(String);

impl SessionTag {
    /// Of a session's id.
    pub fn of(session: &str) -> Self {
        let hash = Sha256::digest(session.as_bytes());
        let mut tag = PREFIX.to_owned();
        for byte in &hash[..HASH_DIGITS / 2] {
            let _ = write!(tag, "{byte:02x}");
        }
        SessionTag(tag)
    }

    /// How the client ids of the session begin.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The client id of an order: at most 28 of `0-9 a-z -`.
    pub fn client_id(&self, order: OrderId) -> String {
        let mut digits = Vec::new();
        let mut rest = order.0;
        while rest > 0 || digits.is_empty() {
            digits.push(char::from_digit((rest % 36) as u32, 36).unwrap_or('0'));
            rest /= 36;
        }
        let number: String = digits.into_iter().rev().collect();
        format!("{}-{number}", self.0)
    }

    /// The order with a client id; `None`: it is none of this session.
    pub fn order(&self, client: &str) -> Option<OrderId> {
        let number = client.strip_prefix(&self.0)?.strip_prefix('-')?;
        let order = OrderId(u64::from_str_radix(number, 36).ok()?);
        (self.client_id(order) == client).then_some(order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_fits_the_venue_and_names_its_order() {
        let tag = SessionTag::of("exec_20261129_112233_0a1b2c");
        let other = SessionTag::of("exec_20261129_112233_0a1b2d");
        for number in [0, 1, 35, 36, 1_295, 1_296, u64::MAX] {
            let id = tag.client_id(OrderId(number));
            assert!(id.len() <= 28, "{id}");
            assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)), "{id}");
            assert_eq!(tag.order(&id), Some(OrderId(number)));
            assert_eq!(other.order(&id), None, "another session's");
        }
        assert_eq!(tag.client_id(OrderId(1)), "tdfc5c34bea437-1", "updates go on with the ids of before");
        for foreign in ["", "_m_95bc2b72d3784bce", "planorder_1_2", "td", "td0-1"] {
            assert_eq!(tag.order(foreign), None, "{foreign}");
        }
        let id = tag.client_id(OrderId(7));
        assert_eq!(tag.order(&id.replace("-7", "-07")), None, "only as it was written");
    }
}
