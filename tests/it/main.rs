//! The engine against its reference, from outside: scenarios as text in, decisions as text out. And the binary against
//! its users: files in, files out, bad input, killed at random moments.
//!
//! One binary for all subjects keeps link time short. Never: a look inside the crate.
#![allow(clippy::unwrap_used)] // clippy sees only `#[test]` functions as tests, not what they share

mod account;
mod bars;
mod candles;
mod cli;
mod commands;
mod configuration;
mod crash;
mod damage;
mod digests;
mod exits;
mod fuzz_corpus;
mod golden;
mod harness;
mod limits;
mod live;
mod market_files;
mod properties;
mod pumps;
mod recordings;
mod rehearsal;
mod results;
mod round_trip;
mod rules;
mod serve;
mod sessions;
mod sizing;
mod states;
mod strategy;
mod symbol_table;
mod tokens;
mod users;
