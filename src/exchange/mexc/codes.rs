//! Codes of the exchange that decide something here.

/// An order of quantity zero, from somebody who may trade.
pub const NO_QUANTITY: i64 = 2_011;

/// There is no order of that number or client id.
pub const NO_SUCH_ORDER: i64 = 2_040;

/// There is an order of that client id already.
pub const ORDER_EXISTS: i64 = 2_042;
