//! The wire to QuestDB: lines of its ingestion protocol, its HTTP endpoints, its tables, and checksums that
//! both sides compute. What is sent when is decided in `service::analytics`.
//!
//! Invariant: a row is encoded from its values alone, so the same values always give the same bytes.

mod batch;
mod checksum;
mod client;
mod status;
mod tables;
mod target;

pub use batch::{Amount, Batch, Row, Unsendable};
pub use checksum::{Checksum, same};
pub use client::{Client, QueryError, QueryResult};
pub use status::{WriteError, judge};
pub use tables::{Column, ColumnKind, SCHEMA_VERSION, Table, Tables, Version};
pub use target::{Secret, Target};
