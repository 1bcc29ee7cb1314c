//! Domain values: prices, money, time, symbols, events, orders, strategies.
//!
//! Invariant: no I/O, clock, serialization, logging or collection whose iteration order differs between runs.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod bar_length;
pub mod book;
pub mod contract;
pub mod contract_facts;
pub mod decimal;
pub mod decision;
pub mod event;
pub mod exit_level;
pub mod file_mapping;
pub mod intent;
pub mod ledger;
pub mod mark;
pub mod num;
pub mod order;
pub mod position_key;
pub mod quote;
pub mod record;
pub mod rng;
pub mod strategy;
pub mod symbol;
pub mod symbol_name;
pub mod time;
pub mod visible;
