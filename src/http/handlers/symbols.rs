//! Symbols of the configuration and of the exchange.

use crate::clock;
use crate::http::context::AppContext;
use crate::http::error::Failure;
use crate::http::reply::Reply;
use crate::http::request::Call;
use crate::service::market::{AccountNeeds, CheckVerdict, Scope, SymbolQuery};
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

/// `GET /api/exchange/account`.
pub fn account(context: &Arc<AppContext>, _: &mut Call) -> Result<Reply, Failure> {
    let config = context.service.settings.current();
    let symbols = config.trading.live.symbols.iter().map(|name| (name.clone(), None)).collect();
    let fees = (config.exchange.fees.maker_pct, config.exchange.fees.taker_pct);
    let lines = context.service.market.check_account(&AccountNeeds { symbols, budget: None, fees })?;
    let is_ready = lines.iter().all(|line| line.verdict != CheckVerdict::Fail);
    Ok(Reply::data(&json!({"is_ready": is_ready, "enabled": config.trading.live.enabled, "lines": lines})))
}
