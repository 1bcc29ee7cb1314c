//! Symbols of the configuration and of the exchange.

use crate::clock;
use crate::http::context::AppContext;
use crate::http::error::Failure;
use crate::http::reply::Reply;
use crate::http::request::Call;
use crate::service::market::{Scope, SymbolQuery};
use serde_json::json;
use std::sync::Arc;

/// `GET /symbols`.
pub fn configured(context: &Arc<AppContext>, _: &mut Call) -> Result<Reply, Failure> {
    Ok(Reply::data(&json!({"symbols": context.service.settings.current().trading.default_symbols})))
}

/// `GET /api/exchange/symbols`.
pub fn exchange(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let scope = if call.query.text("scope") == Some("all") { Scope::All } else { Scope::Configured };
    let query = SymbolQuery { scope, text: call.query.text("q").map(str::to_owned) };
    let service = &context.service;
    Ok(Reply::data(&service.market.symbols(&query, &service.settings.current(), clock::now())?))
}
