//! Calls to MEXC: paced, bounded, signed where needed. Reads are tried again; writes never.

pub(super) mod budget;
mod client;
mod line;
pub mod request;
pub(super) mod sign;

pub(super) use client::Rest;
