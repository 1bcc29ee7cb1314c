//! `config.json`: what it may say, whether it is usable, what changed, and when a change takes effect.
//!
//! Never: a secret, a half-read file, or a value that was guessed.

mod types;

pub use types::{Auth, Config, Fees, Format, Http, Import, Level, Limits, Log, Risk, Trading};
