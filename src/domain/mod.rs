//! Values of the trade: prices, money, time, symbols, events, orders, strategies.
//!
//! Never: I/O, a clock, serialization, logging, or a collection whose order differs per run.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod bar_length;
pub mod book;
pub mod contract;
pub mod contract_facts;
pub mod decimal;
pub mod decision;
pub mod event;
pub mod ledger;
pub mod num;
pub mod order;
pub mod quote;
pub mod record;
pub mod rng;
pub mod strategy;
pub mod symbol;
pub mod symbol_name;
pub mod time;
