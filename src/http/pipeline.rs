//! One request from top to bottom, in the documented order of checks: framing and origin, route, method,
//! rate, size, authentication, CSRF, permission, syntax; then the handler, which checks semantics, existence
//! and state.

use super::addresses;
use super::addresses::Counted;
use super::body;
use super::compress;
use super::connection::Connection;
use super::context::AppContext;
use super::error::{Failure, forbidden};
use super::idempotency;
use super::lanes::Lane;
use super::local;
use super::origin;
use super::reply::{Content, Outgoing, Payload, Reply};
use super::request::{self, Body, Call, Query, cookie};
use super::route::{Access, Method, Route, RunMode, Takes};
use super::routes;
use crate::clock::{self, Stopwatch};
use crate::config::Http;
use crate::domain::time::Timestamp;
use crate::limits::HTTP_UPLOAD_BYTES;
use crate::service::users::unauthenticated;
use crate::service::{Caller, Refusal, RefusalKind};
use hyper::body::{Body as _, Incoming};
use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue,
    IF_NONE_MATCH, ORIGIN, TRANSFER_ENCODING, VARY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode, Uri};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const CSRF: &str = "x-csrf-token";

/// Answers any request.
pub async fn answer(
    context: Arc<AppContext>,
    connection: Arc<Connection>,
    request: Request<Incoming>,
) -> Response<Payload> {
    let (watch, now, id) = (Stopwatch::start(), clock::now(), context.request_id());
    let client = match connection.local {
        Some(_) => connection.peer,
        None => context.admission().proxies.client(connection.peer, request.headers()),
    };
    let line = Line {
        method: request.method().clone(),
        uri: request.uri().clone(),
        peer: Peer { client, local: connection.local.as_ref().map(|caller| Arc::clone(&caller.name)) },
        has_token: token(request.headers()).is_some(),
    };
    let encoding = compress::accepted(request.headers());
    let known = request.headers().get(IF_NONE_MATCH).cloned();
    let head = request.method() == hyper::Method::HEAD;
    let cors = cors_origin(&context, request.headers());

    let (parts, body) = request.into_parts();
    let mut body = Some(body);
    let mut received = Received { client, counted: None, id: &id, now };
    let outcome = dispatch(&context, &connection, parts, &mut body, &mut received).await;
    if let Some(unread) = body.filter(|body| outcome.is_err() && !body.is_end_stream()) {
        body::discard(unread).await;
    }
    let refused = outcome.as_ref().err().map(|failure| (failure.code(), internal_cause(failure)));
    let reply = outcome.unwrap_or_else(|failure| failure.into_reply(&id, now));
    let mut response = match &reply.etag {
        Some(etag) if known.is_some_and(|known| etag_matches(&known, etag)) => not_modified(reply, &id, now),
        _ => reply.into_response(&id, now),
    };
    if let Some(encoding) = encoding.filter(|_| compress::worthwhile(&response)) {
        response = packed(&context, response, encoding).await;
    }
    finish(&mut response, &id, cors);
    if head {
        response.body_mut().content = Outgoing::Whole(None);
    }
    response.body_mut().counted = received.counted;
    let class = usize::from(response.status().as_u16() / 100).min(5);
    context.counts.by_class[class].fetch_add(1, Ordering::Relaxed);
    line.log(&id, response.status(), refused, watch);
    response
}

/// Where a request came from, and its id.
struct Received<'r> {
    client: IpAddr,
    /// The counted connection of a client behind a proxy.
    counted: Option<Arc<Counted>>,
    id: &'r str,
    now: Timestamp,
}

/// Counts a request that a proxy forwards as one connection of its client, because the client's own
/// connections are not visible here.
fn count_forwarded(
    context: &AppContext,
    connection: &Connection,
    client: IpAddr,
) -> Result<Option<Arc<Counted>>, Refusal> {
    if client == connection.peer {
        return Ok(None);
    }
    let most = context.service.settings.current().http.max_connections_per_address;
    context
        .connections
        .count(client, most)
        .map(|counted| Some(Arc::new(counted)))
        .ok_or_else(|| too_many_connections(most))
}

/// 429 for an address that has the maximum number of connections.
pub fn too_many_connections(most: u32) -> Refusal {
    let message = format!(
        "this address has {most} connections already: close some, or raise http.max_connections_per_address"
    );
    Refusal { retry_after_s: Some(1), ..Refusal::new(RefusalKind::TooMany, "too_many_connections", message) }
}

async fn dispatch(
    context: &Arc<AppContext>,
    connection: &Connection,
    parts: Parts,
    body: &mut Option<Incoming>,
    received: &mut Received<'_>,
) -> Result<Reply, Failure> {
    let now = received.now;
    origin::framing(&parts)?;
    received.counted = count_forwarded(context, connection, received.client)?;
    match connection.local {
        Some(_) => local::refuse_browser(&parts.headers)?,
        None => context.admission().origins.check(&parts.headers)?,
    }

    let found = routes::router().at(parts.uri.path());
    let found = found.map_err(|_| {
        Failure::http(
            StatusCode::NOT_FOUND,
            "not_found",
            "there is nothing at this path: /openapi.json lists what there is",
        )
    })?;
    if parts.method == hyper::Method::OPTIONS {
        return Ok(options(found.value));
    }
    let method = Method::of(&parts.method);
    let route = found
        .value
        .iter()
        .copied()
        .find(|route| Some(route.method) == method)
        .ok_or_else(|| not_allowed(found.value))?;
    let ids = request::ids(found.params.iter());

    let config = context.service.settings.current();
    take_token(context, connection, received, &config.http)?;
    let has_body = check_size(route, &parts.headers)?;

    let Identity { caller, family } = authenticate(context, connection, route, &parts.headers, now)?;
    // Only browsers send requests on behalf of foreign pages, and none reaches the local socket.
    if route.needs_csrf() && connection.local.is_none() {
        let token = parts.headers.get(CSRF).map(|token| token.to_str().unwrap_or("not text"));
        context.service.users.verify_csrf(token, now, family.as_deref())?;
    }
    permit(route, caller.as_deref())?;

    let upload = body::media(route, &parts.headers, has_body)?;
    let ids = ids?;
    let query = Query::read(parts.uri.query(), route.query)?;
    let body = match (body.take(), route.takes) {
        (_, Takes::Socket) => Body::Socket(Box::new(Request::from_parts(parts.clone(), ()))),
        (Some(body), _) if upload => Body::Upload(body),
        (Some(body), _) if route.mutates() => {
            let timeout = Duration::from_millis(config.http.body_timeout_ms);
            body::read_json(context, route, caller.as_deref(), body, timeout).await?
        }
        _ => Body::Nothing,
    };
    let (client, counted) = (received.client, received.counted.clone());
    let call = Call {
        method: route.method,
        path: route.path,
        request_id: received.id.to_owned(),
        now,
        client,
        counted,
        caller,
        ids,
        query,
        headers: parts.headers,
        body,
    };
    run(context, route, call).await
}

/// Takes a token of the address's rate limit. A local connection has a bucket of its own, so nothing on the
/// network can take the command line's share.
fn take_token(
    context: &AppContext,
    connection: &Connection,
    received: &Received<'_>,
    config: &Http,
) -> Result<(), Refusal> {
    let bucket = if received.client == connection.peer {
        Arc::clone(&connection.bucket)
    } else {
        context.rates.bucket(received.client)
    };
    bucket.take(received.now, config.requests_per_second, config.request_burst).map_err(|seconds| Refusal {
        retry_after_s: Some(seconds),
        ..Refusal::new(RefusalKind::TooMany, "rate_limited", "too many requests from this address: slow down")
    })
}

async fn run(context: &Arc<AppContext>, route: &Route, mut call: Call) -> Result<Reply, Failure> {
    match route.run {
        RunMode::Now(handler) => handler(context, &mut call),
        RunMode::Async(handler) => handler(Arc::clone(context), call).await,
        RunMode::Blocking(handler) => on_thread(context, route.lane, call, handler).await,
        RunMode::Once(handler) => {
            on_thread(context, route.lane, call, move |context, call| {
                idempotency::once(context, call, handler)
            })
            .await
        }
    }
}

/// Runs a handler on a blocking thread, to completion even if the client disconnects.
async fn on_thread(
    context: &Arc<AppContext>,
    lane: Lane,
    mut call: Call,
    handler: impl FnOnce(&Arc<AppContext>, &mut Call) -> Result<Reply, Failure> + Send + 'static,
) -> Result<Reply, Failure> {
    let shared = Arc::clone(context);
    let user = call.caller.as_ref().map(|caller| Arc::clone(&caller.name));
    let (reply, turn) = context.lanes.run_for(lane, user, move || handler(&shared, &mut call)).await?;
    Ok(Reply { turn, ..reply? })
}

/// Checks the announced size; returns whether there is a body.
fn check_size(route: &Route, headers: &HeaderMap) -> Result<bool, Failure> {
    let length = match headers.get(CONTENT_LENGTH) {
        None => return Ok(headers.contains_key(TRANSFER_ENCODING)),
        Some(length) => {
            length.to_str().ok().and_then(|length| length.parse::<u64>().ok()).unwrap_or(u64::MAX)
        }
    };
    let most = if route.takes_bytes() { HTTP_UPLOAD_BYTES } else { route.body_bytes as u64 };
    if length > most { Err(body::too_large(route.body_bytes)) } else { Ok(length > 0) }
}

/// Who sent the request.
struct Identity {
    caller: Option<Arc<Caller>>,
    /// The login that a CSRF token must belong to. Only set for cookies: browsers send those from foreign
    /// pages too.
    family: Option<Arc<str>>,
}

fn authenticate(
    context: &AppContext,
    connection: &Connection,
    route: &Route,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<Identity, Failure> {
    if let Some(caller) = &connection.local {
        return Ok(Identity { caller: Some(Arc::clone(caller)), family: None });
    }
    let token = token(headers);
    // A proxy on this host forwards requests of remote clients.
    let local =
        route.access == Access::Local && connection.peer.is_loopback() && !addresses::is_forwarded(headers);
    let caller = match token {
        Some(token) => match connection.authenticate(&context.service.users, token, now) {
            Ok(caller) => Some(caller),
            // A stale cookie must not lock anyone out of a public route.
            Err(refusal) if route.needs_login() || (route.access == Access::Local && !local) => {
                return Err(refusal.into());
            }
            Err(_) => None,
        },
        None if route.needs_login() || (route.access == Access::Local && !local) => {
            return Err(unauthenticated().into());
        }
        None => None,
    };
    let by_cookie = !headers.contains_key(AUTHORIZATION);
    let family = caller.as_ref().filter(|_| by_cookie).map(|caller| Arc::clone(&caller.family));
    Ok(Identity { caller, family })
}

fn permit(route: &Route, caller: Option<&Caller>) -> Result<(), Failure> {
    match (route.access, caller) {
        (Access::Role(needed), Some(caller)) if caller.role < needed => Err(forbidden(caller, needed)),
        _ => Ok(()),
    }
}

/// The access token of a request: from its Authorization header when it has one, else from its cookie.
fn token(headers: &HeaderMap) -> Option<&str> {
    let bearer =
        headers.get(AUTHORIZATION).map(|value| value.to_str().ok().and_then(bearer).unwrap_or_default());
    bearer.or_else(|| cookie(headers, "access_token"))
}

/// The token of an Authorization header.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn allow(routes: &[&Route]) -> String {
    let mut words: Vec<&str> = routes.iter().map(|route| route.method.as_str()).collect();
    if words.contains(&"GET") {
        words.push("HEAD");
    }
    words.push("OPTIONS");
    words.join(", ")
}

fn not_allowed(routes: &[&Route]) -> Failure {
    let allow = allow(routes);
    let message = format!("this path accepts {allow}");
    Failure::Http {
        status: StatusCode::METHOD_NOT_ALLOWED,
        code: "method_not_allowed",
        message,
        allow: Some(allow),
        closes: false,
    }
}

fn options(routes: &[&Route]) -> Reply {
    let allow = allow(routes);
    Reply::new(StatusCode::NO_CONTENT, Content::Empty)
        .header(ALLOW, &allow)
        .header(ACCESS_CONTROL_ALLOW_METHODS, &allow)
        .header(
            ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type, idempotency-key, if-match, x-csrf-token",
        )
}

/// The origin to allow by CORS headers, when the request comes from a configured page on another host.
fn cors_origin(context: &AppContext, headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(ORIGIN)?;
    let admission = context.admission();
    (admission.origins.allows(origin) && admission.origins.is_cross(headers)).then(|| origin.clone())
}

fn finish(response: &mut Response<Payload>, id: &str, cors: Option<HeaderValue>) {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(origin) = cors {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        headers.append(VARY, HeaderValue::from_static("origin"));
    }
}

/// Whether an If-None-Match header matches a tag.
fn etag_matches(header: &HeaderValue, etag: &HeaderValue) -> bool {
    fn bare(tag: &str) -> &str {
        tag.trim().trim_start_matches("W/").trim_matches('"')
    }
    let (Ok(header), Ok(etag)) = (header.to_str(), etag.to_str()) else { return false };
    header.trim() == "*" || header.split(',').any(|tag| bare(tag) == bare(etag))
}

fn not_modified(reply: Reply, id: &str, now: Timestamp) -> Response<Payload> {
    Reply { status: StatusCode::NOT_MODIFIED, content: Content::Empty, ..reply }.into_response(id, now)
}

/// Compresses a response; a large one on a blocking thread.
async fn packed(
    context: &AppContext,
    response: Response<Payload>,
    encoding: compress::Encoding,
) -> Response<Payload> {
    const AT_ONCE_BYTES: usize = 32 << 10;
    match &response.body().content {
        Outgoing::Whole(Some(bytes)) if bytes.len() > AT_ONCE_BYTES => {
            let packed = context.lanes.run(Lane::Store, move || compress::compress(response, encoding)).await;
            packed.unwrap_or_else(|_| Response::new(Payload::whole(None)))
        }
        _ => compress::compress(response, encoding),
    }
}

/// The cause of an internal error, for the log only.
fn internal_cause(failure: &Failure) -> Option<String> {
    match failure {
        Failure::Refused(refusal) if refusal.kind == RefusalKind::Internal => Some(refusal.message.clone()),
        _ => None,
    }
}

/// Who sent a request, for the log: the address of the client, or the user of the local socket.
struct Peer {
    client: IpAddr,
    local: Option<Arc<str>>,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.local {
            Some(name) => f.write_str(name),
            None => self.client.fmt(f),
        }
    }
}

/// One line of the access log.
struct Line {
    method: hyper::Method,
    uri: Uri,
    peer: Peer,
    /// Whether it came with a token, valid or not.
    has_token: bool,
}

impl Line {
    /// Internal errors are logged as errors, refusals and changes as info, reads as debug. So is a refusal
    /// because there was no token: every page asks once whether it is logged in.
    fn log(
        &self,
        id: &str,
        status: StatusCode,
        refused: Option<(&'static str, Option<String>)>,
        watch: Stopwatch,
    ) {
        let (status, micros) = (status.as_u16(), watch.elapsed().nanos() / 1_000);
        let Line { method, uri, peer, has_token } = self;
        let path = uri.path();
        match refused {
            Some((code, Some(cause))) => {
                tracing::error!(%id, %method, path, status, code, cause, %peer, micros, "request failed")
            }
            Some((code @ "authentication_required", None)) if !has_token => {
                tracing::debug!(%id, %method, path, status, code, %peer, micros, "request refused")
            }
            Some((code, None)) => {
                tracing::info!(%id, %method, path, status, code, %peer, micros, "request refused")
            }
            None if *method == hyper::Method::GET => {
                tracing::debug!(%id, %method, path, status, %peer, micros, "request")
            }
            None => tracing::info!(%id, %method, path, status, %peer, micros, "request"),
        }
    }
}
