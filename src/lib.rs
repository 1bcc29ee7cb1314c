//! `tradingd`: market data recorded, replayed and traded by one engine.
//!
//! Modules in reading order, lowest layer first. An arrow between them only points up this list;
//! `tests/tidy.rs` keeps it so. `ARCHITECTURE.md` tells the whole on one page.
#![forbid(unsafe_code)]

pub mod json;
pub mod limits;

pub mod domain;
pub mod engine;
pub mod report;
pub mod sim;

pub mod session;

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
