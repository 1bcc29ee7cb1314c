//! `tradingd` records market data, replays it in backtests and trades it on paper, all with one engine.
//!
//! Modules are listed lowest layer first. A module uses only modules above it in this list; `tests/tidy.rs`
//! holds the exact table and checks it. `ARCHITECTURE.md` is the overview.
#![forbid(unsafe_code)]
// They panic where nobody can read: use `app::terminal`, or the log.
#![deny(clippy::print_stderr, clippy::print_stdout)]

pub mod json;
pub mod limits;
pub mod plant;
pub mod regular_file;

pub mod checkpoint;
pub mod domain;
pub mod engine;
pub mod report;
pub mod sim;

pub mod session;

pub mod analytics;
pub mod auth;
pub mod clock;
pub mod config;
pub mod document;
pub mod exchange;
pub mod files;
pub mod store;
pub mod telemetry;

pub mod rehearsal;
pub mod service;

pub mod http;

pub mod app;
