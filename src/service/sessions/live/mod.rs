//! Sessions that trade with real money. They are paper sessions whose orders go to the exchange: same loop, same journal.

mod consent;
mod convert;
mod gateway;
mod order_task;
mod ports;
mod shared;

pub(super) use consent::{account_needs, check_account, check_consent, check_strategies};
pub(super) use gateway::Outbox;
pub(super) use ports::LiveTrading;
pub(super) use shared::Exposures;
