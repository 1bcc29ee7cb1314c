//! Results of sessions.

use super::{listed, page};
use crate::domain::time::Span;
use crate::http::context::AppContext;
use crate::http::error::Failure;
use crate::http::reply::{Content, Reply};
use crate::http::request::{Call, invalid};
use crate::limits::COMPARED_RESULTS;
use crate::service::results::{Part, ResultFilter};
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY};
use serde::Serialize;
use std::sync::Arc;

/// Default number of points of an equity curve.
const EQUITY_POINTS: usize = 1_000;
/// Default number of orders in one answer.
const ORDERS: usize = 1_000;
/// Seconds that the chart of a trade shows before the entry and after the exit.
const CHART_MARGIN_S: i64 = 60;
/// The report is one self-contained file with inline style and script; it loads nothing.
const REPORT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// `GET /results`.
pub fn list(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let filter = ResultFilter {
        strategy: call.query.text("strategy").map(str::to_owned),
        symbol: call.query.text("symbol").map(str::to_owned),
        tag: call.query.text("tag").map(str::to_owned),
        pinned: call.query.flag("pinned"),
        source: call.query.text("source").map(str::to_owned),
    };
    let request = page(call);
    Ok(listed("results", context.service.results.list(&filter, &request)?, request.limit))
}

/// `GET /results/session/{id}`.
pub fn get(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let result = context.service.results.of_session(call.id(0))?;
    Ok(tagged(&result, call.id(0)))
}

/// `GET /results/session/{id}/trades`.
pub fn trades(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    if is_csv(call) {
        return csv(context, call, Part::Trades);
    }
    Ok(tagged(&context.service.results.trades(call.id(0))?, call.id(0)))
}

/// `GET /results/session/{id}/trades/{trade}/chart`.
pub fn trade_chart(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let margin = Span::from_seconds(call.query.integer("margin_seconds").unwrap_or(CHART_MARGIN_S));
    let shown = context.service.results.trade_chart(call.id(0), call.id(1), margin)?;
    Ok(Reply::data(&shown))
}

/// `GET /results/session/{id}/equity`.
pub fn equity(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    if is_csv(call) {
        return csv(context, call, Part::Equity);
    }
    let points = points(call);
    Ok(tagged(&context.service.results.equity(call.id(0), points)?, &format!("{}-{points}", call.id(0))))
}

/// `GET /results/session/{id}/signals`.
pub fn signals(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    if is_csv(call) {
        return csv(context, call, Part::Signals);
    }
    Ok(tagged(&context.service.results.signals(call.id(0))?, call.id(0)))
}

/// `GET /results/session/{id}/orders`.
pub fn orders(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let limit = call.query.count("limit").unwrap_or(ORDERS);
    let behind = match call.query.text("cursor") {
        None => None,
        Some(cursor) => Some(cursor.parse::<u64>().map_err(|_| {
            let problem = "must be the `next_cursor` of the part before";
            invalid("cursor", vec![("/query/cursor".to_owned(), problem.to_owned())])
        })?),
    };
    let tag = format!(
        "{}limit{limit}{}",
        call.id(0),
        behind.map_or_else(String::new, |behind| format!("behind{behind}"))
    );
    Ok(tagged(&context.service.results.orders(call.id(0), behind, limit)?, &tag))
}

/// `GET /results/session/{id}/report`.
pub fn report(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let page = context.service.results.report(call.id(0))?;
    let reply = Reply::new(StatusCode::OK, Content::File("text/html; charset=utf-8", Bytes::from(page)));
    Ok(reply.header(CONTENT_SECURITY_POLICY, REPORT_POLICY).tagged(&tag(call.id(0))))
}

/// `GET /results/compare`.
pub fn compare(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let ids: Vec<String> = call
        .query
        .text("ids")
        .unwrap_or_default()
        .split(',')
        .filter(|id| !id.is_empty())
        .map(str::to_owned)
        .collect();
    if !(2..=COMPARED_RESULTS).contains(&ids.len()) {
        let problem = format!("name 2 to {COMPARED_RESULTS} session ids with commas between them");
        return Err(invalid(
            "the results to compare are not named",
            vec![("/query/ids".to_owned(), problem)],
        ));
    }
    Ok(Reply::data(&context.service.results.compare(&ids)?))
}

fn points(call: &Call) -> usize {
    call.query.count("max_points").unwrap_or(EQUITY_POINTS)
}

fn is_csv(call: &Call) -> bool {
    call.query.text("format") == Some("csv")
}

/// A part of a result as a CSV file.
fn csv(context: &Arc<AppContext>, call: &Call, part: Part) -> Result<Reply, Failure> {
    let (id, points) = (call.id(0), points(call));
    let rows = context.service.results.csv(id, part, points)?;
    let name = format!(
        "attachment; filename=\"{}_{}.csv\"",
        id.replace(|c: char| !c.is_ascii_alphanumeric(), "_"),
        part.as_str()
    );
    let reply = Reply::new(StatusCode::OK, Content::File("text/csv; charset=utf-8", Bytes::from(rows)));
    Ok(reply.header(CONTENT_DISPOSITION, &name).tagged(&tag(&format!("{id}-{}-{points}-csv", part.as_str()))))
}

/// The tag depends only on the request, because a stored result never changes.
fn tagged(data: &impl Serialize, id: &str) -> Reply {
    Reply::data(data).tagged(&tag(id))
}

fn tag(id: &str) -> String {
    id.chars().filter(char::is_ascii_alphanumeric).collect()
}
