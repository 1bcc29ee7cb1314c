//! Previews of strategy documents on recorded data.

use crate::http::context::AppContext;
use crate::http::error::Failure;
use crate::http::fields::Fields;
use crate::http::lanes::Lane;
use crate::http::reply::Reply;
use crate::http::request::Call;
use crate::http::route::Answer;
use crate::service::PreviewRequest;
use serde_json::Value;
use std::sync::Arc;

/// `POST /api/preview`. The user's preview before this one ends at once, also while it waits for a thread.
pub fn preview(context: Arc<AppContext>, call: Call) -> Answer {
    Box::pin(async move {
        let request = request(call.json())?;
        let user = Arc::clone(&call.caller()?.name);
        let turn = context.service.previews.begin(&user);
        let worker = Arc::clone(&context);
        let shown =
            context.lanes.run(Lane::Preview, move || worker.service.preview(&turn, &request)).await??;
        Ok(Reply::data(&shown))
    })
}

fn request(body: &Value) -> Result<PreviewRequest, Failure> {
    let mut fields = Fields::of(body, &["document", "recording_id", "symbol", "from"]);
    let document = fields.object("document");
    let request = PreviewRequest {
        document: document.to_string().into_bytes(),
        recording: fields.text("recording_id").to_owned(),
        symbol: fields.text("symbol").to_owned(),
        from: fields.optional_time("from"),
    };
    fields.finish()?;
    Ok(request)
}
