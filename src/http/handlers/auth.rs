//! Login and logout. Tokens are returned in the body for programs and as cookies for browsers.

use crate::clock;
use crate::domain::time::Span;
use crate::http::context::AppContext;
use crate::http::error::Failure;
use crate::http::fields::Fields;
use crate::http::key_locks::NoTurn;
use crate::http::lanes::Lane;
use crate::http::reply::Reply;
use crate::http::request::{Call, cookie};
use crate::http::route::Answer;
use crate::service::users::network;
use crate::service::{Caller, Lifetimes, Login, Refusal, RefusalKind};
use hyper::StatusCode;
use hyper::header::{HOST, HeaderMap, SET_COOKIE};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

const ACCESS: &str = "access_token";
const REFRESH: &str = "refresh_token";
/// How long a login may wait in the queue.
const PATIENCE: Duration = Duration::from_secs(10);
/// The refresh cookie is sent only to the paths that use it.
const REFRESH_PATH: &str = "/api/v1/auth";

/// `POST /api/v1/auth/login`.
pub fn login(context: Arc<AppContext>, call: Call) -> Answer {
    Box::pin(async move {
        let [name, password] = credentials(call.json())?.map(str::to_owned);
        checked(context, call, name.clone(), move |context, call| {
            context.service.users.login(&name, &password, lifetimes(context), call.now)
        })
        .await
    })
}

/// `POST /api/v1/auth/setup`: creates the first admin, with the code from the daemon's log.
pub fn setup(context: Arc<AppContext>, call: Call) -> Answer {
    Box::pin(async move {
        let [code, name, password] = first_admin(call.json())?.map(str::to_owned);
        let reply = checked(context, call, String::new(), move |context, call| {
            context.service.users.setup(&code, &name, &password, lifetimes(context), call.now)
        })
        .await?;
        Ok(reply.status(StatusCode::CREATED))
    })
}

/// Username and password of a login.
///
/// # Errors
/// 400 with every problem.
pub fn credentials(body: &Value) -> Result<[&str; 2], Failure> {
    texts(body, ["username", "password"])
}

/// Setup code, username and password of the first admin.
///
/// # Errors
/// 400 with every problem.
pub fn first_admin(body: &Value) -> Result<[&str; 3], Failure> {
    texts(body, ["code", "username", "password"])
}

fn texts<'v, const N: usize>(body: &'v Value, names: [&str; N]) -> Result<[&'v str; N], Failure> {
    let mut fields = Fields::of(body, &names);
    let texts = names.map(|name| fields.text(name));
    fields.finish()?;
    Ok(texts)
}

/// Runs a password check: limited in total and per address, and delayed after failed logins from the address.
async fn checked(
    context: Arc<AppContext>,
    call: Call,
    name: String,
    check: impl FnOnce(&AppContext, &Call) -> Result<Login, Refusal> + Send + 'static,
) -> Result<Reply, Failure> {
    let client = call.client;
    not_delayed(&context, client, &name)?;
    let turn = context.passwords.take(network(client), PATIENCE).await.map_err(no_turn)?;
    // Check again: other logins may have failed while this one waited.
    not_delayed(&context, client, &name)?;
    let shared = Arc::clone(&context);
    let login = context.lanes.run(Lane::Password, move || {
        let _turn = turn;
        let outcome = check(&shared, &call);
        match &outcome {
            Ok(_) => shared.service.users.login_succeeded(client, &name),
            Err(refusal) if refusal.kind == RefusalKind::Unauthenticated => {
                shared.service.users.login_failed(client, &name, clock::now())
            }
            Err(_) => {}
        }
        outcome.map(|login| logged_in(&login, &call.headers))
    });
    Ok(login.await??)
}

/// Refuses while the address is delayed after failed logins.
fn not_delayed(context: &AppContext, client: IpAddr, name: &str) -> Result<(), Refusal> {
    let delay = context.service.users.login_delay(client, name, clock::now());
    if delay <= Span::ZERO {
        return Ok(());
    }
    let seconds = u32::try_from(delay.nanos() / 1_000_000_000 + 1).unwrap_or(u32::MAX);
    let message = "too many failed logins from this address: wait, then try again";
    Err(Refusal {
        retry_after_s: Some(seconds),
        ..Refusal::new(RefusalKind::TooMany, "login_delayed", message)
    })
}

fn no_turn(why: NoTurn) -> Refusal {
    let message = match why {
        NoTurn::TooMany => "too many logins from this address at once: try again in a moment",
        NoTurn::TooLong => "too many logins at once: try again in a moment",
    };
    Refusal { retry_after_s: Some(1), ..Refusal::new(RefusalKind::TooMany, "rate_limited", message) }
}

/// `POST /api/v1/auth/refresh`.
pub fn refresh(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let token = refresh_token(call.json())?.or_else(|| cookie(&call.headers, REFRESH)).unwrap_or_default();
    let login = context.service.users.refresh(token, lifetimes(context), call.now)?;
    Ok(logged_in(&login, &call.headers))
}

/// The refresh token of a body, if present.
///
/// # Errors
/// 400 with every problem.
pub fn refresh_token(body: &Value) -> Result<Option<&str>, Failure> {
    let mut fields = Fields::of(if body.is_null() { &EMPTY } else { body }, &[REFRESH]);
    let given = fields.optional_text(REFRESH);
    fields.finish()?;
    Ok(given)
}

static EMPTY: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| json!({}));

/// `POST /api/v1/auth/logout`.
pub fn logout(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    context.service.users.logout(call.caller()?, call.now)?;
    let secure = secure(&call.headers);
    Ok(Reply::data(&json!({"status": "logged_out"}))
        .header(SET_COOKIE, &cookie_text(ACCESS, "", "/", 0, secure))
        .header(SET_COOKIE, &cookie_text(REFRESH, "", REFRESH_PATH, 0, secure)))
}

/// `GET /api/v1/auth/me`.
pub fn me(_: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let caller = call.caller()?;
    let mut data = user(caller);
    data["expires_at"] = json!(caller.expires.rfc3339_millis());
    Ok(Reply::data(&data))
}

/// `GET /csrf-token`.
pub fn csrf_token(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let ttl = context.service.settings.current().auth.csrf_ttl_s;
    let family = call.caller.as_ref().map(|caller| &*caller.family);
    let token = context.service.users.csrf_token(call.now, Span::from_seconds(i64::from(ttl)), family);
    Ok(Reply::data(&json!({"token": token, "expires_in": ttl})))
}

/// `GET /api/v1/auth/setup`: whether the first admin still has to be created.
pub fn needs_setup(context: &Arc<AppContext>, _: &mut Call) -> Result<Reply, Failure> {
    Ok(Reply::data(&json!({"needed": context.service.users.setup_code().is_some()})))
}

fn lifetimes(context: &AppContext) -> Lifetimes {
    Lifetimes::from(&context.service.settings.current().auth)
}

fn user(caller: &Caller) -> Value {
    // The name is the id, because it never changes; existing clients expect a `user_id`.
    json!({"user_id": &*caller.name, "username": &*caller.name, "role": caller.role.as_str(), "permissions": caller.role.permissions()})
}

fn logged_in(login: &Login, headers: &HeaderMap) -> Reply {
    let secure = secure(headers);
    let data = json!({
        "access_token": login.access_token,
        "token_type": "bearer",
        "expires_in": login.expires_in,
        "refresh_token": login.refresh_token,
        "user": user(&login.caller),
    });
    Reply::data(&data)
        .header(SET_COOKIE, &cookie_text(ACCESS, &login.access_token, "/", login.expires_in, secure))
        .header(
            SET_COOKIE,
            &cookie_text(REFRESH, &login.refresh_token, REFRESH_PATH, login.refresh_expires_in, secure),
        )
}

fn cookie_text(name: &str, value: &str, path: &str, max_age_s: u32, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{name}={value}; Path={path}; Max-Age={max_age_s}; HttpOnly; SameSite=Strict{secure}")
}

/// Whether the browser used another host name than this machine's own: then a TLS proxy is in front.
fn secure(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
        .map_or(host, |(name, _)| name);
    !["localhost", "127.0.0.1", "[::1]"].iter().any(|local| name.eq_ignore_ascii_case(local))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_secure_but_on_this_host() {
        let of = |host: &str| secure(&[(HOST, host.parse().unwrap())].into_iter().collect());
        assert!(!of("localhost:8080") && !of("127.0.0.1:9") && !of("[::1]:8080") && !of("localhost"));
        assert!(of("trade.example.org") && of("trade.example.org:443") && of("localhost.example.org"));
    }
}
