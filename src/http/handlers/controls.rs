//! What a person does to running sessions: pause, resume, cancel, flatten.

use crate::auth::Role;
use crate::http::context::AppContext;
use crate::http::error::{Failure, forbidden};
use crate::http::reply::Reply;
use crate::http::request::Call;
use crate::service::sessions::SessionControl;
use serde_json::json;
use std::sync::Arc;

/// `POST /sessions/{id}/pause` and its like.
pub fn one(context: &Arc<AppContext>, call: &mut Call, control: SessionControl) -> Result<Reply, Failure> {
    let caller = call.caller()?;
    let sessions = &context.service.sessions;
    let id = call.id(0);
    if caller.role < Role::Live && sessions.get(id).is_ok_and(|session| session.session_type == "live") {
        return Err(forbidden(caller, Role::Live));
    }
    Ok(Reply::data(&sessions.control(id, control)?))
}

/// `POST /api/control/pause` and its like: every session with real money.
pub fn all(context: &Arc<AppContext>, _: &mut Call, control: SessionControl) -> Result<Reply, Failure> {
    Ok(Reply::data(&json!({"sessions": context.service.sessions.control_all_live(control)?})))
}

/// `POST /api/control/lock`.
pub fn lock(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let name = call.caller()?.name.clone();
    Ok(Reply::data(&json!({"locked": true, "sessions": context.service.sessions.lock(&name)?})))
}

/// `POST /api/control/unlock`.
pub fn unlock(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let name = call.caller()?.name.clone();
    Ok(Reply::data(&json!({"locked": false, "was_locked": context.service.sessions.unlock(&name)?})))
}
