//! The copy in QuestDB: how it stands, and what its user asks of it.

use crate::config::QuestDb;
use crate::http::context::AppContext;
use crate::http::error::Failure;
use crate::http::reply::Reply;
use crate::http::request::Call;
use crate::service::Refusal;
use crate::service::analytics::Analytics;
use hyper::StatusCode;
use serde_json::json;
use std::sync::Arc;

/// `GET /api/analytics/status`.
pub fn status(context: &Arc<AppContext>, _: &mut Call) -> Result<Reply, Failure> {
    let config = context.service.settings.current();
    Ok(Reply::data(&context.service.analytics.view(&config.analytics.questdb)?))
}

/// `POST /api/analytics/sync`.
pub fn sync(context: &Arc<AppContext>, _: &mut Call) -> Result<Reply, Failure> {
    let config = switched_on(context)?;
    let view = context.service.analytics.view(&config)?;
    context.service.analytics.wake();
    Ok(Reply::data(&view).status(StatusCode::ACCEPTED))
}

/// `POST /api/analytics/verify`.
pub fn verify(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let config = switched_on(context)?;
    let repair = call.query.flag("repair").unwrap_or(false);
    let verified = context.service.analytics.verify(&config, repair).map_err(Refusal::from)?;
    if repair {
        context.service.analytics.wake();
    }
    Ok(Reply::data(&json!(verified)))
}

/// `POST /api/analytics/rebuild`.
pub fn rebuild(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    switched_on(context)?;
    context.service.analytics.rebuild(call.query.text("table"))?;
    Ok(Reply::data(&json!({"status": "queued"})).status(StatusCode::ACCEPTED))
}

/// `GET /api/analytics/dead-letters`.
pub fn dead_letters(context: &Arc<AppContext>, _: &mut Call) -> Result<Reply, Failure> {
    let all = context.service.analytics.dead_letters()?;
    let shown = all.iter().map(|(number, letter)| letter.shown(*number)).collect::<Vec<_>>();
    Ok(Reply::data(&json!({"dead_letters": shown})))
}

/// `DELETE /api/analytics/dead-letters`.
pub fn forget_dead_letters(context: &Arc<AppContext>, _: &mut Call) -> Result<Reply, Failure> {
    Ok(Reply::data(&json!({"forgotten": context.service.analytics.forget_dead_letters()?})))
}

fn switched_on(context: &AppContext) -> Result<QuestDb, Refusal> {
    let config = context.service.settings.current().analytics.questdb.clone();
    Analytics::switched_on(&config)?;
    Ok(config)
}
