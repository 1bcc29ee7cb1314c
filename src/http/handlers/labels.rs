//! Pumps that people mark in recordings.

use crate::domain::time::Timestamp;
use crate::http::context::AppContext;
use crate::http::error::Failure;
use crate::http::fields::Fields;
use crate::http::reply::{Content, Reply};
use crate::http::request::Call;
use crate::service::recordings::NewLabel;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{CONTENT_DISPOSITION, LOCATION};
use serde_json::{Value, json};
use std::sync::Arc;

/// `GET /api/data-collection/{id}/labels`.
pub fn list(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let (recordings, symbol) = (&context.service.recordings, call.query.text("symbol"));
    if call.query.text("format") == Some("csv") {
        let rows = recordings.labels_csv(call.id(0), symbol)?;
        let stem = call.id(0).replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let reply = Reply::new(StatusCode::OK, Content::File("text/csv; charset=utf-8", Bytes::from(rows)));
        return Ok(reply.header(CONTENT_DISPOSITION, &format!("attachment; filename=\"{stem}_labels.csv\"")));
    }
    let labels = recordings.labels(call.id(0), symbol)?;
    Ok(Reply::data(&json!({"total_count": labels.len(), "labels": labels})))
}

/// `POST /api/data-collection/{id}/labels`.
pub fn add(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let (new, user) = (label(call.json())?, &call.caller()?.name);
    let added = context.service.recordings.add_label(call.id(0), &new, user, call.now)?;
    let location = format!("/api/data-collection/{}/labels/{}", call.id(0), added["label_id"]);
    Ok(Reply::data(&added).status(StatusCode::CREATED).header(LOCATION, &location))
}

/// `PUT /api/data-collection/{id}/labels/{label}`.
pub fn change(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let (new, user) = (label(call.json())?, &call.caller()?.name);
    let recordings = &context.service.recordings;
    Ok(Reply::data(&recordings.change_label(call.id(0), call.id(1), &new, user, call.now)?))
}

/// `DELETE /api/data-collection/{id}/labels/{label}`.
pub fn delete(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    context.service.recordings.delete_label(call.id(0), call.id(1))?;
    Ok(Reply::data(&json!({"label_id": call.id(1), "status": "deleted"})))
}

fn label(body: &Value) -> Result<NewLabel, Failure> {
    let mut fields = Fields::of(body, &["symbol", "grade", "onset", "peak", "end", "announced", "note"]);
    let onset = fields.optional_time("onset");
    if onset.is_none() && body.get("onset").is_none_or(Value::is_null) {
        fields.refuse("onset", "is required, as an RFC 3339 time");
    }
    let label = NewLabel {
        symbol: fields.text("symbol").to_owned(),
        grade: fields.optional_text("grade").unwrap_or("A").to_owned(),
        onset: onset.unwrap_or(Timestamp::MIN),
        peak: fields.optional_time("peak"),
        end: fields.optional_time("end"),
        announced: fields.optional_time("announced"),
        note: fields.optional_text("note").unwrap_or_default().to_owned(),
    };
    fields.finish()?;
    Ok(label)
}
