//! Integration tests: the engine on scenarios written as text, and the binary with files, bad input, attacks
//! and kills at random moments.
//!
//! One binary for all subjects keeps link time short. Invariant: only public items of the crate are used.
#![allow(clippy::unwrap_used)] // clippy exempts only `#[test]` functions, not the functions they share

mod account;
mod bar_exits;
mod bars;
mod candles;
mod capacities;
mod checkpoint_layout;
mod cli;
mod commands;
mod configuration;
mod crash;
mod damage;
mod digests;
mod exit_levels;
mod exits;
mod foreign_files;
mod fuzz_corpus;
mod golden;
mod harness;
#[path = "../../benches/input/mod.rs"]
mod input;
mod limits;
mod live;
mod market_files;
mod misspelt;
mod mix;
mod mixed_streams;
mod outputs;
mod properties;
mod pumps;
mod recordings;
mod rehearsal;
mod repeated_rows;
mod results;
mod round_trip;
mod rules;
mod runs;
mod schema;
mod serve;
mod session_now;
mod sessions;
mod silences;
mod sizing;
mod snapshots;
mod states;
mod strategy;
mod sweep;
mod symbol_table;
mod tokens;
mod unsuitable_files;
mod users;
mod values;
