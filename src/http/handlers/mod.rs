//! What the routes run: from a checked request to the service and back. One file for each group of the documentation.
//!
//! Never: a check that belongs to all routes (the pipeline has those), or a rule of the program (the service has them).

pub mod auth;
pub mod metrics;
pub mod operations;
pub mod recordings;
pub mod results;
pub mod sessions;
pub mod strategies;
pub mod stream;
pub mod symbols;
pub mod users;

use super::reply::Reply;
use super::request::Call;
use crate::service::page::{Page, PageRequest};
use serde::Serialize;
use serde_json::json;

/// Entries of a list when the caller names no limit.
const LIMIT: usize = 50;

/// The part of a list that a request asks for.
fn page(call: &Call) -> PageRequest {
    PageRequest {
        limit: call.query.count("limit").unwrap_or(LIMIT),
        cursor: call.query.text("cursor").map(str::to_owned),
    }
}

/// A part of a list, under its name.
fn listed<T: Serialize>(name: &str, page: Page<T>, limit: usize) -> Reply {
    let mut data = json!({name: page.items, "total_count": page.total_count, "limit": limit});
    if let Some(next) = page.next {
        data["next_cursor"] = json!(next);
    }
    Reply::data(&data)
}
