//! REST calls to MEXC: rate limited, bounded, signed where needed. Reads are retried, writes never.

pub(super) mod budget;
mod client;
mod line;
pub mod request;
pub(super) mod sign;

pub(super) use client::Rest;
