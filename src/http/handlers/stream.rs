//! `GET /ws`: from a request to an open WebSocket.

use crate::http::edge::Edge;
use crate::http::error::Failure;
use crate::http::request::Call;
use crate::http::route::Answer;
use hyper::StatusCode;
use std::sync::Arc;

/// Opens the WebSocket.
pub fn upgrade(_: Arc<Edge>, _: Call) -> Answer {
    Box::pin(async move { Err(Failure::http(StatusCode::BAD_REQUEST, "upgrade_required", "open this path as a WebSocket")) })
}
