//! Symbols: those of the configuration, and those of the exchange.

use crate::http::edge::Edge;
use crate::http::error::Failure;
use crate::http::reply::Reply;
use crate::http::request::Call;
use crate::service::{Kind, Refusal};
use serde_json::json;
use std::sync::Arc;

/// `GET /symbols`.
pub fn configured(edge: &Arc<Edge>, _: &mut Call) -> Result<Reply, Failure> {
    Ok(Reply::data(&json!({"symbols": edge.service.settings.current().trading.default_symbols})))
}

/// `GET /api/exchange/symbols`.
pub fn exchange(_: &Arc<Edge>, _: &mut Call) -> Result<Reply, Failure> {
    let message = "the exchange is not connected, so there are no live prices: GET /symbols lists the configured symbols";
    Err(Refusal::new(Kind::Unavailable, "exchange_unavailable", message).into())
}
