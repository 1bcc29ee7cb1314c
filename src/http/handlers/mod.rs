//! Route handlers: from a validated request to the service and back. One file per group of the documentation.
//!
//! Invariant: checks that apply to all routes are in the pipeline, business rules are in the service.

pub mod analytics;
pub mod auth;
pub mod controls;
pub mod labels;
pub mod logins;
pub mod metrics;
pub mod notes;
pub mod operations;
pub mod presets;
pub mod preview;
pub mod recordings;
pub mod records;
pub mod results;
pub mod session_now;
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

/// Default page size.
const LIMIT: usize = 50;

/// The requested page of a list.
fn page(call: &Call) -> PageRequest {
    PageRequest {
        limit: call.query.count("limit").unwrap_or(LIMIT),
        cursor: call.query.text("cursor").map(str::to_owned),
    }
}

/// One page of a list, with its entries under `name`.
fn listed<T: Serialize>(name: &str, page: Page<T>, limit: usize) -> Reply {
    let mut data = json!({name: page.items, "total_count": page.total_count, "limit": limit});
    if let Some(next) = page.next {
        data["next_cursor"] = json!(next);
    }
    Reply::data(&data)
}
