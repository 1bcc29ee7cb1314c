//! Strategies and the indicator catalogue.

use crate::http::context::AppContext;
use crate::http::error::Failure;
use crate::http::lanes::Lane;
use crate::http::reply::{Ready, Reply, etag, json_bytes};
use crate::http::request::Call;
use crate::http::route::Answer;
use crate::service::strategies::{self, StrategyDetail, StrategyFilter, StrategyList, StrategySummary};

use crate::service::{Refusal, indicator_catalogue};
use hyper::StatusCode;
use hyper::header::{IF_MATCH, LOCATION};
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;

/// Response of the strategy list.
#[derive(Serialize)]
struct Listed<'a> {
    strategies: Vec<&'a StrategySummary>,
}

/// `GET /api/strategies`: from memory, except for the first request after a change.
pub fn list(context: Arc<AppContext>, call: Call) -> Answer {
    Box::pin(async move {
        let list = match context.service.strategies.listed() {
            Some(list) => list,
            None => {
                let reader = Arc::clone(&context);
                context.lanes.run(Lane::Store, move || reader.service.strategies.list()).await??
            }
        };
        let filter = StrategyFilter {
            enabled: call.query.flag("enabled"),
            category: call.query.text("category").map(str::to_owned),
            text: call.query.text("q").map(str::to_owned),
        };
        if filter == StrategyFilter::default() {
            return Ok(whole(&context, &list));
        }
        let strategies = list
            .strategies
            .iter()
            .map(|strategy| &**strategy)
            .filter(|strategy| filter.takes(strategy))
            .collect();
        Ok(Reply::data(&Listed { strategies }))
    })
}

/// The unfiltered list, serialized once per change.
fn whole(context: &AppContext, list: &StrategyList) -> Reply {
    let known = context.strategies.load();
    if let Some(ready) = known.as_ref().filter(|ready| ready.revision == list.revision) {
        return ready.reply();
    }
    let json =
        json_bytes(&Listed { strategies: list.strategies.iter().map(|strategy| &**strategy).collect() });
    let tag = etag(&format!("strategies-{}-{}", context.run(), list.revision));
    let ready = Arc::new(Ready { revision: list.revision, json, etag: tag });
    context.strategies.store(Some(Arc::clone(&ready)));
    ready.reply()
}

/// `GET /api/strategies/{id}`.
pub fn get(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    shown(&context.service.strategies.get(call.id(0))?)
}

/// `POST /api/strategies`.
pub fn create(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let strategies = &context.service.strategies;
    let made = match call.query.text("id") {
        Some(id) => strategies.create_as(id, call.text(), call.now)?,
        None => strategies.create(call.text(), call.now)?,
    };
    let location = format!("/api/strategies/{}", made.summary.id);
    Ok(shown(&made)?.status(StatusCode::CREATED).header(LOCATION, &location))
}

/// `PUT /api/strategies/{id}`.
pub fn update(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    shown(&context.service.strategies.update(call.id(0), call.text(), if_version(call)?, call.now)?)
}

/// `DELETE /api/strategies/{id}`.
pub fn delete(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    context.service.strategies.delete(call.id(0), if_version(call)?, call.now)?;
    Ok(Reply::data(&json!({"id": call.id(0), "status": "deleted"})))
}

/// `POST /api/strategies/validate`.
pub fn validate(_: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    Ok(Reply::data(&strategies::validate(call.text())))
}

/// `GET /api/strategies/{id}/versions`.
pub fn versions(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    Ok(Reply::data(&json!({ "versions": context.service.strategies.versions(call.id(0))? })))
}

/// `GET /api/strategies/{id}/versions/{n}`.
pub fn version(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let n = call
        .id(1)
        .parse::<u32>()
        .map_err(|_| Refusal::not_found("version_not_found", format!("{:?} is not a version", call.id(1))))?;
    shown(&context.service.strategies.version(call.id(0), n)?)
}

/// `GET /api/indicators`.
pub fn indicators(_: &Arc<AppContext>, _: &mut Call) -> Result<Reply, Failure> {
    Ok(Reply::data(&indicator_catalogue("")))
}

fn shown(strategy: &StrategyDetail) -> Result<Reply, Failure> {
    Ok(Reply::data(strategy).tagged(&strategy.summary.version.to_string()))
}

/// The version named by `If-Match`; `None` for any version.
fn if_version(call: &Call) -> Result<Option<u32>, Failure> {
    let Some(header) = call.headers.get(IF_MATCH) else { return Ok(None) };
    let text = header.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let version = text.trim_start_matches("W/").trim_matches('"').parse().ok();
    // An unknown tag must match no version; versions start at 1.
    Ok(Some(version.unwrap_or(0)))
}
