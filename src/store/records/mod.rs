//! Record types of the store: plain structs of strings and integers, one file per kind, one struct per
//! version.
//!
//! Invariant: a struct that was ever written never changes; a new version is a new struct with an upgrade
//! from the one before. `schema/records.md` lists them all; `tests/golden` holds bytes of each.

mod allowance;
mod checkpoint;
mod contract;
mod gap;
mod idempotency;
mod log_entry;
mod login;
mod order_answer;
mod preset;
mod pump_label;
mod recording;
mod result;
mod result_note;
mod session;
mod session_control;
mod strategy;
mod strategy_statistics;
mod symbol_facts;
mod symbol_spec;
mod sync;
mod ticker_cache;
mod user;

pub use allowance::{AllowanceV1, RealMoneyV1, RiskV1};
pub use checkpoint::CheckpointV1;
pub use contract::{ContractV1, ContractV2};
pub use gap::GapV1;
pub use idempotency::IdempotencyV1;
pub use log_entry::LogEntryV1;
pub use login::{LoginV1, RevokedTokenV1};
pub use order_answer::{AnswerV1, ExecutionV1};
pub use preset::PresetV1;
pub use pump_label::PumpLabelV1;
pub use recording::{RecordedStreamV1, RecordedSymbolV1, RecordingState, RecordingV1};
pub use result::{ResultDocumentV1, ResultReportV1, ResultStrategyV2, ResultV1, ResultV2, ResultV3};
pub use result_note::ResultNoteV1;
pub use session::{
    SessionEventsV1, SessionReachedV2, SessionRow, SessionStrategyV2, SessionV1, SessionV2, SessionV3,
    SessionV4,
};
pub use session_control::{ControlKindV1, IntentV1, SessionControlV1};
pub use strategy::StrategyV1;
pub use strategy_statistics::StrategyStatisticsV1;
pub use symbol_facts::SymbolFactsV1;
pub use symbol_spec::{RiskTierV1, RiskTierV2, SymbolSpecV1, SymbolSpecV2};
pub use sync::{DeadLetterV1, SyncCursorV1, SyncRevisionV1, SyncStateV1, SyncTableV1, UnsentV1};
pub use ticker_cache::TickerCacheV1;
pub use user::UserV1;

/// Engine version of records that do not state one.
const FIRST_ENGINE_VERSION: u32 = 1;

#[cfg(test)]
mod tests;
