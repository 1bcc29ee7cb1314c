//! Signed calls: account, positions, orders. Each is text ready to be signed and sent; nothing is sent here.

use super::Request;

/// What the account has, all currencies.
pub fn assets() -> Request {
    Request::account("/account/assets", &[])
}
