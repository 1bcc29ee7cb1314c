//! Recordings: list, view, export, import, delete.

use super::page;
use crate::domain::time::Span;
use crate::http::chunks::{Chunks, Pace};
use crate::http::context::AppContext;
use crate::http::error::Failure;
use crate::http::fields::Fields;
use crate::http::lanes::Lane;
use crate::http::reply::{Content, Reply};
use crate::http::request::{Body, Call, invalid};
use crate::http::route::Answer;
use crate::limits::{HTTP_STREAM_BYTES_PER_S, HTTP_STREAM_CHUNK_MS, HTTP_STREAM_CHUNKS, HTTP_UPLOAD_BYTES};
use crate::service::recordings::{CandleRequest, ExportRequest, RecordingFilter};
use crate::service::{Refusal, RefusalKind, Upload};
use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_DISPOSITION, LOCATION};
use serde_json::json;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Pace of an export.
const PACE: Pace = Pace { wait_ms: HTTP_STREAM_CHUNK_MS, bytes_per_s: HTTP_STREAM_BYTES_PER_S };

/// Default number of candles.
const CANDLES: usize = 1_000;

/// `GET /api/data-collection/sessions`. Flat, without envelope, for compatibility with existing clients.
pub fn list(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let filter = RecordingFilter {
        status: call
            .query
            .text("status")
            .map(|status| if status == "running" { "recording" } else { status }.to_owned()),
        symbol: call.query.text("symbol").map(str::to_owned),
        include_stats: call.query.flag("include_stats").unwrap_or(false),
    };
    let request = page(call);
    let found = context.service.recordings.list(&filter, &request)?;
    let mut flat = json!({"sessions": found.items, "total_count": found.total_count, "limit": request.limit});
    if let Some(next) = found.next {
        flat["next_cursor"] = json!(next);
    }
    Ok(Reply::new(StatusCode::OK, Content::Flat(Bytes::from(flat.to_string()))))
}

/// `GET /api/data-collection/{id}`.
pub fn get(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    Ok(Reply::data(&context.service.recordings.get(call.id(0))?))
}

/// `GET /api/data-collection/{id}/candles`.
pub fn candles(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let interval = interval(call.query.text("interval").unwrap_or("1m"));
    let (Some(interval), Some(symbol)) = (interval, call.query.text("symbol")) else {
        return Err(invalid(
            "choose the candles: ?symbol=BTC_USDT&interval=1m",
            vec![("/query/symbol".to_owned(), "is required".to_owned())],
        ));
    };
    let request = CandleRequest {
        symbol: symbol.to_owned(),
        interval,
        from: call.query.time("from"),
        to: call.query.time("to"),
        max_points: call.query.count("max_points").unwrap_or(CANDLES),
    };
    Ok(Reply::data(&context.service.recordings.candles(call.id(0), &request)?))
}

/// `GET /api/data-collection/{id}/coverage`.
pub fn coverage(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    Ok(Reply::data(&context.service.recordings.coverage(call.id(0), call.query.text("symbol"))?))
}

/// `GET /api/data-collection/{id}/uses`.
pub fn uses(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    Ok(Reply::data(&context.service.recordings.uses(call.id(0))?))
}

/// Accepted values of the `interval` parameter.
pub const INTERVALS: &[&str] =
    &["1s", "5s", "10s", "15s", "30s", "1m", "3m", "5m", "15m", "30m", "1h", "4h", "1d"];

fn interval(word: &str) -> Option<Span> {
    let (count, unit) = word.split_at_checked(word.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    count.parse::<i64>().ok().map(|count| Span::from_seconds(count * unit))
}

/// `DELETE /api/data-collection/sessions/{id}`.
pub fn delete(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    context.service.recordings.delete(call.id(0))?;
    Ok(Reply::data(&json!({"session_id": call.id(0), "status": "deleted"})))
}

/// `GET /api/data-collection/{id}/export`: streamed from the store, without a size limit.
pub fn export(context: Arc<AppContext>, call: Call) -> Answer {
    Box::pin(async move {
        let request = ExportRequest {
            format: call.query.text("format").unwrap_or("csv").to_owned(),
            symbol: call.query.text("symbol").map(str::to_owned),
            kind: call.query.text("kind").unwrap_or("trades").to_owned(),
        };
        let permit = context.lanes.enter(Lane::Export).await?;
        let planner = Arc::clone(&context);
        let export =
            permit.run(move || planner.service.recordings.plan_export(call.id(0), &request)).await??;
        let (media, name) = (export.media_type, export.file_name.clone());
        let (chunks, body) = mpsc::channel(HTTP_STREAM_CHUNKS);
        let sink = Chunks::new(chunks, PACE);
        permit.start(move || {
            // The status has already been sent: an error can only end the stream early, which the client
            // notices by the missing last chunk.
            if let Err(error) = context.service.recordings.export(&export, Box::new(sink)) {
                tracing::warn!(%error, "export cut short");
            }
        });
        Ok(Reply::new(StatusCode::OK, Content::Stream(media, body))
            .header(CONTENT_DISPOSITION, &format!("attachment; filename=\"{name}\"")))
    })
}

/// `POST /api/data-collection/import`: a file of the import folder, or the request body.
pub fn import(context: Arc<AppContext>, mut call: Call) -> Answer {
    Box::pin(async move {
        let body = std::mem::replace(&mut call.body, Body::Nothing);
        let upload = match body {
            Body::Upload(incoming) => Some(receive(&context, &call, incoming).await?),
            body => {
                call.body = body;
                None
            }
        };
        let shared = Arc::clone(&context);
        context.lanes.run(Lane::Import, move || imported(&shared, &call, upload)).await?
    })
}

fn imported(context: &AppContext, call: &Call, upload: Option<Upload>) -> Result<Reply, Failure> {
    let recordings = &context.service.recordings;
    let data = match upload {
        Some(upload) => recordings.import_file(upload.path(), call.now)?,
        None => {
            let mut fields = Fields::of(call.json(), &["path"]);
            let path = fields.text("path");
            fields.finish()?;
            let config = context.service.settings.current();
            recordings.import(config.import.folder.as_deref().map(Path::new), path, call.now)?
        }
    };
    let location = format!("/api/data-collection/{}", data["session_id"].as_str().unwrap_or_default());
    Ok(Reply::data(&data).status(StatusCode::CREATED).header(LOCATION, &location))
}

/// Writes a body into a temporary file of the state directory, deleted when the value is dropped.
async fn receive(context: &Arc<AppContext>, call: &Call, mut body: Incoming) -> Result<Upload, Failure> {
    let name = call.query.text("name").unwrap_or_default().to_owned();
    let mut upload = context.service.begin_upload(&name)?;
    let patience = Duration::from_millis(context.service.settings.current().http.body_timeout_ms);
    let mut received = 0_u64;
    loop {
        let frame = tokio::time::timeout(patience, body.frame()).await.map_err(|_| {
            Failure::http(StatusCode::REQUEST_TIMEOUT, "body_timeout", "the upload stalled: send it again")
                .closing()
        })?;
        let Some(frame) = frame else { return Ok(upload) };
        let frame = frame.map_err(|_| {
            Failure::http(StatusCode::BAD_REQUEST, "invalid_request", "the upload ended before it was whole")
        })?;
        let Ok(bytes) = frame.into_data() else { continue };
        received += bytes.len() as u64;
        if received > HTTP_UPLOAD_BYTES {
            let message =
                format!("an upload has at most {HTTP_UPLOAD_BYTES} bytes: import it with the command line");
            return Err(Failure::http(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message));
        }
        let written =
            context.lanes.run(Lane::Store, move || upload.write_all(&bytes).map(|()| upload)).await?;
        upload = written.map_err(|error| {
            Refusal::new(
                RefusalKind::Unavailable,
                "store_unavailable",
                format!("the upload could not be saved: {error}"),
            )
        })?;
    }
}
