//! Logins that are still good, and ending one.

use crate::auth::Role;
use crate::http::context::AppContext;
use crate::http::error::Failure;
use crate::http::reply::Reply;
use crate::http::request::Call;
use crate::service::users::LoginLine;
use serde_json::{Value, json};
use std::sync::Arc;

/// `GET /api/v1/auth/logins`.
pub fn own(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let name = Arc::clone(&call.caller()?.name);
    listed(context, call, &name)
}

/// `GET /api/users/{name}/logins`.
pub fn of_user(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    context.service.users.user(call.id(0))?;
    listed(context, call, call.id(0))
}

/// `DELETE /api/v1/auth/logins/{id}`.
pub fn end(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let caller = call.caller()?;
    let owner = (caller.role != Role::Admin).then_some(&*caller.name);
    context.service.users.end_login(call.id(0), owner, call.now)?;
    Ok(Reply::data(&json!({"login_id": call.id(0), "status": "ended"})))
}

fn listed(context: &AppContext, call: &Call, user: &str) -> Result<Reply, Failure> {
    let current = &call.caller()?.family;
    let show = |login: &LoginLine| -> Value {
        json!({
            "login_id": login.id,
            "username": login.user,
            "created_at": login.created.rfc3339_millis(),
            "expires_at": login.expires.rfc3339_millis(),
            "current": login.id == **current,
        })
    };
    let logins: Vec<Value> = context.service.users.logins(Some(user), call.now)?.iter().map(show).collect();
    Ok(Reply::data(&json!({"total_count": logins.len(), "logins": logins})))
}
