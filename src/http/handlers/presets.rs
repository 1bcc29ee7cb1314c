//! Saved start requests of the caller.

use crate::http::context::AppContext;
use crate::http::error::Failure;
use crate::http::fields::Fields;
use crate::http::reply::Reply;
use crate::http::request::Call;
use hyper::StatusCode;
use serde_json::json;
use std::sync::Arc;

/// `GET /api/presets`.
pub fn list(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let presets = context.service.presets(&call.caller()?.name)?;
    Ok(Reply::data(&json!({"total_count": presets.len(), "presets": presets})))
}

/// `PUT /api/presets/{name}`.
pub fn put(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let mut fields = Fields::of(call.json(), &["request"]);
    let request = fields.object("request");
    fields.finish()?;
    let user = &call.caller()?.name;
    let (preset, is_new) = context.service.put_preset(user, call.id(0), request, call.now)?;
    Ok(Reply::data(&preset).status(if is_new { StatusCode::CREATED } else { StatusCode::OK }))
}

/// `DELETE /api/presets/{name}`.
pub fn delete(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    context.service.delete_preset(&call.caller()?.name, call.id(0))?;
    Ok(Reply::data(&json!({"name": call.id(0), "status": "deleted"})))
}
