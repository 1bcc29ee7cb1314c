//! Sessions that trade with real money. They are paper sessions whose orders go to the exchange: same loop,
//! same journal.

mod consent;
mod convert;
mod gateway;
mod order_task;
mod ports;
mod shared;

pub(in crate::service::sessions) use consent::{
    account_needs, check_account, check_consent, check_strategies,
};
pub(in crate::service::sessions) use gateway::Outbox;
pub(in crate::service::sessions) use ports::LiveTrading;
pub(in crate::service::sessions) use shared::Exposures;
