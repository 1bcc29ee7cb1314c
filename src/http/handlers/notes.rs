//! Name, notes, tags and pin of a result, and its deletion.

use crate::http::context::AppContext;
use crate::http::error::Failure;
use crate::http::fields::Fields;
use crate::http::reply::Reply;
use crate::http::request::Call;
use crate::service::results::NoteChange;
use serde_json::{Value, json};
use std::sync::Arc;

/// `GET /results/session/{id}/note`.
pub fn get(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    Ok(Reply::data(&context.service.results.note(call.id(0))?))
}

/// `PUT /results/session/{id}/note`.
pub fn put(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let (change, user) = (change(call.json())?, &call.caller()?.name);
    Ok(Reply::data(&context.service.results.annotate(call.id(0), change, user, call.now)?))
}

/// `DELETE /results/session/{id}`.
pub fn delete(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    context.service.results.delete(call.id(0))?;
    Ok(Reply::data(&json!({"session_id": call.id(0), "status": "deleted"})))
}

fn change(body: &Value) -> Result<NoteChange, Failure> {
    let mut fields = Fields::of(body, &["name", "notes", "tags", "pinned"]);
    let change = NoteChange {
        name: fields.optional_text("name").map(str::to_owned),
        notes: fields.optional_text("notes").map(str::to_owned),
        tags: fields.optional_texts("tags"),
        pinned: fields.optional_flag("pinned"),
    };
    fields.finish()?;
    Ok(change)
}
