//! Sessions that trade with real money. They are paper sessions whose orders go to the exchange: same loop, same journal.

mod consent;
mod convert;
mod gateway;
mod path;
mod ports;
mod shared;

pub(super) use consent::{check_account, check_consent, check_strategies, wanted};
pub(super) use gateway::Outbox;
pub(super) use ports::LiveTrading;
pub(super) use shared::Exposures;
