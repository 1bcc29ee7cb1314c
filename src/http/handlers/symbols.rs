//! Symbols: those of the configuration, and those of the exchange.

use crate::clock;
use crate::http::edge::Edge;
use crate::http::error::Failure;
use crate::http::reply::Reply;
use crate::http::request::Call;
use crate::service::market::{Scope, SymbolQuery};
use serde_json::json;
use std::sync::Arc;

/// `GET /symbols`.
pub fn configured(edge: &Arc<Edge>, _: &mut Call) -> Result<Reply, Failure> {
    Ok(Reply::data(&json!({"symbols": edge.service.settings.current().trading.default_symbols})))
}

/// `GET /api/exchange/symbols`.
pub fn exchange(edge: &Arc<Edge>, call: &mut Call) -> Result<Reply, Failure> {
    let scope = if call.query.text("scope") == Some("all") { Scope::All } else { Scope::Configured };
    let query = SymbolQuery { scope, text: call.query.text("q").map(str::to_owned) };
    let service = &edge.service;
    Ok(Reply::data(&service.market.symbols(&query, &service.settings.current(), clock::now())?))
}
