//! User administration.

use crate::auth::Role;
use crate::http::context::AppContext;
use crate::http::error::Failure;
use crate::http::fields::Fields;
use crate::http::reply::Reply;
use crate::http::request::Call;
use crate::service::User;
use crate::service::users::Alteration;
use hyper::StatusCode;
use hyper::header::LOCATION;
use serde_json::{Value, json};
use std::sync::Arc;

/// `GET /api/users`.
pub fn list(context: &Arc<AppContext>, _: &mut Call) -> Result<Reply, Failure> {
    let users: Vec<Value> = context.service.users.list()?.iter().map(to_json).collect();
    Ok(Reply::data(&json!({"total_count": users.len(), "users": users})))
}

/// `POST /api/users`.
pub fn create(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let (name, password, role) = new_user(call.json())?;
    let user = context.service.users.create(name, role, password, call.now)?;
    Ok(Reply::data(&to_json(&user))
        .status(StatusCode::CREATED)
        .header(LOCATION, &format!("/api/users/{name}")))
}

/// Name, password and role of a new user.
///
/// # Errors
/// 400 with every problem.
pub fn new_user(body: &Value) -> Result<(&str, &str, Role), Failure> {
    let mut fields = Fields::of(body, &["username", "password", "role"]);
    let (name, password, role) = (fields.text("username"), fields.text("password"), role(&mut fields, true));
    fields.finish()?;
    Ok((name, password, role.unwrap_or(Role::Viewer)))
}

/// `PUT /api/users/{name}`: role, password, disabled; omitted fields stay unchanged.
pub fn change(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let user = context.service.users.alter(call.id(0), &alteration(call.json())?, call.now)?;
    Ok(Reply::data(&to_json(&user)))
}

/// The requested change of a user.
///
/// # Errors
/// 400 with every problem.
pub fn alteration(body: &Value) -> Result<Alteration<'_>, Failure> {
    let mut fields = Fields::of(body, &["password", "role", "disabled"]);
    let (password, role, disabled) =
        (fields.optional_text("password"), role(&mut fields, false), fields.optional_flag("disabled"));
    fields.finish()?;
    Ok(Alteration { password, role, disabled })
}

/// `DELETE /api/users/{name}`.
pub fn delete(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    context.service.users.delete(call.id(0))?;
    Ok(Reply::data(&json!({"username": call.id(0), "status": "deleted"})))
}

fn role(fields: &mut Fields<'_>, needed: bool) -> Option<Role> {
    let word = if needed { Some(fields.text("role")) } else { fields.optional_text("role") }?;
    let role = Role::from_name(word);
    if role.is_none() && !word.is_empty() {
        fields.refuse("role", "must be viewer, trader, live or admin");
    }
    role
}

fn to_json(user: &User) -> Value {
    json!({
        "username": user.name,
        "role": user.role.as_str(),
        "permissions": user.role.permissions(),
        "disabled": user.disabled,
        "created_at": user.created.rfc3339_millis(),
        "updated_at": user.updated.rfc3339_millis(),
    })
}
