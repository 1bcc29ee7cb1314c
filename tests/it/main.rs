//! The engine against its reference, from outside: scenarios as text in, decisions as text out.
//!
//! One binary for all subjects keeps link time short. Never: a look inside the crate.

mod account;
mod desk;
mod exits;
mod golden;
mod harness;
mod limits;
mod properties;
mod rules;
mod sizing;
mod states;
mod strategy;
