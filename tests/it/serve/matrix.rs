//! Every changing route × every missing permission: refused with the right code, in the order of the checks.

use super::client::Login;
use super::daemon::Daemon;
use serde_json::Value;
use tradingd::auth::Role;
use tradingd::http::{Access, Method, Route, routes};

/// A request path of the route, with parameters filled in.
fn path(route: &Route) -> String {
    route
        .path
        .split('/')
        .map(|part| if part.starts_with('{') { "nothing" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

/// A request that must be refused.
struct Case {
    name: &'static str,
    status: u16,
    code: &'static str,
}

/// The headers of a case; `None` if the case does not exist on this route.
fn headers(case: &str, route: &Route, logins: &Logins) -> Option<Vec<(&'static str, String)>> {
    let json = || ("Content-Type", "application/json".to_owned());
    let bearer = |login: &Login| ("Authorization", format!("Bearer {}", login.access));
    let csrf = |login: &Login| ("X-CSRF-Token", login.csrf.clone());
    let (right, weaker) = logins.of(route);
    Some(match case {
        "no login" => vec![json(), csrf(&logins.viewer)],
        "bad login" => vec![json(), csrf(&logins.viewer), ("Authorization", "Bearer x.y.z".to_owned())],
        "no csrf" => vec![json(), bearer(right)],
        "made-up csrf" => vec![json(), bearer(right), ("X-CSRF-Token", "made-up".to_owned())],
        "foreign csrf" => vec![json(), ("Cookie", right.cookie.clone()), csrf(&logins.stranger)],
        "wrong role" => {
            let weaker = weaker?;
            vec![json(), bearer(weaker), csrf(weaker)]
        }
        "wrong content type" => vec![("Content-Type", "text/plain".to_owned()), bearer(right), csrf(right)],
        "foreign page" => {
            vec![json(), bearer(right), csrf(right), ("Origin", "http://evil.example".to_owned())]
        }
        "foreign host" => vec![json(), bearer(right), csrf(right), ("Host", "evil.example".to_owned())],
        _ => unreachable!(),
    })
}

struct Logins {
    admin: Login,
    live: Login,
    trader: Login,
    viewer: Login,
    /// Another login of the same admin.
    stranger: Login,
}

impl Logins {
    /// A login with exactly the needed role, and one with the next weaker role.
    fn of(&self, route: &Route) -> (&Login, Option<&Login>) {
        match route.access {
            Access::Role(Role::Admin) => (&self.admin, Some(&self.live)),
            Access::Role(Role::Live) => (&self.live, Some(&self.trader)),
            Access::Role(Role::Trader) => (&self.trader, Some(&self.viewer)),
            _ => (&self.viewer, None),
        }
    }
}

const CASES: [Case; 9] = [
    Case { name: "foreign host", status: 403, code: "host_not_allowed" },
    Case { name: "foreign page", status: 403, code: "origin_not_allowed" },
    Case { name: "no login", status: 401, code: "authentication_required" },
    Case { name: "bad login", status: 401, code: "authentication_required" },
    Case { name: "no csrf", status: 403, code: "csrf_missing" },
    Case { name: "made-up csrf", status: 403, code: "csrf_invalid" },
    Case { name: "foreign csrf", status: 403, code: "csrf_invalid" },
    Case { name: "wrong role", status: 403, code: "permission_denied" },
    Case { name: "wrong content type", status: 415, code: "unsupported_media_type" },
];

#[test]
fn whoever_may_not_is_refused_on_every_route() {
    let daemon = Daemon::start();
    let admin = daemon.admin();
    let [live, trader, viewer] = ["live", "trader", "viewer"].map(|role| daemon.user(&admin, role));
    let logins = Logins { stranger: daemon.log_in("admin"), admin, live, trader, viewer };
    let mut asked = 0;
    for route in routes().filter(|route| route.method != Method::Get) {
        let entrance = route.access == Access::Entrance;
        for case in &CASES {
            // Entrance routes have no login yet, so login, CSRF token and role are not checked.
            if entrance && !matches!(case.name, "foreign host" | "foreign page" | "wrong content type") {
                continue;
            }
            let Some(headers) = headers(case.name, route, &logins) else { continue };
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let answer = daemon.ask(route.method.as_str(), &path(route), &headers, Some(b"{}"));
            let what = format!(
                "{} {} with {}: {}",
                route.method.as_str(),
                route.path,
                case.name,
                String::from_utf8_lossy(&answer.body)
            );
            assert_eq!((answer.status, answer.code().as_str()), (case.status, case.code), "{what}");
            assert_eq!(answer.header("www-authenticate").is_some(), case.status == 401, "{what}");
            asked += 1;
        }
    }
    assert!(asked > 100, "{asked}");
}

#[test]
fn what_is_read_with_a_login_is_not_read_without() {
    let daemon = Daemon::start();
    for route in routes().filter(|route| route.method == Method::Get) {
        let answer = daemon.ask("GET", &path(route), &[], None);
        let public = !matches!(route.access, Access::Role(_));
        assert_eq!(answer.status != 401, public, "{} {}", route.path, answer.status);
        if !public {
            assert_eq!(answer.code(), "authentication_required", "{}", route.path);
        }
    }
}

/// The changing routes that need no login. A new one must be added here deliberately.
#[test]
fn only_entrances_are_open() {
    let open: Vec<String> = routes()
        .filter(|route| route.method != Method::Get && !matches!(route.access, Access::Role(_)))
        .map(|route| format!("{} {}", route.method.as_str(), route.path))
        .collect();
    assert_eq!(open, ["POST /api/v1/auth/login", "POST /api/v1/auth/refresh", "POST /api/v1/auth/setup"]);
}

#[test]
fn methods_that_a_path_lacks_are_named() {
    let daemon = Daemon::start();
    for route in routes() {
        let answer = daemon.ask("PATCH", &path(route), &[], None);
        assert_eq!((answer.status, answer.code().as_str()), (405, "method_not_allowed"), "{}", route.path);
        let allow = answer.header("allow").unwrap();
        assert!(allow.split(", ").any(|method| method == route.method.as_str()), "{} {allow}", route.path);
        let answer = daemon.ask("OPTIONS", &path(route), &[], None);
        assert_eq!((answer.status, answer.header("allow")), (204, Some(allow)), "{}", route.path);
        // Only configured origins get CORS headers; by default there are none.
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
}

/// A role that is sufficient for the route may be insufficient for what the body requests.
#[test]
fn live_sessions_need_the_role_live() {
    let daemon = Daemon::start();
    let admin = daemon.admin();
    let trader = daemon.user(&admin, "trader");
    let live: Value = serde_json::json!({"session_type": "live", "symbols": ["BTC_USDT"], "strategy_config": {"strategies": ["pump_v2"]}});
    let answer = daemon.ask_as(&trader, "POST", "/sessions/start", Some(&live));
    assert_eq!((answer.status, answer.code().as_str()), (403, "permission_denied"));
    let answer = daemon.ask_as(&admin, "POST", "/sessions/start", Some(&live));
    assert_eq!((answer.status, answer.code().as_str()), (400, "live_not_confirmed"));
}

/// Routes restricted to this host are refused when the request came through a proxy on it.
#[test]
fn numbers_are_for_this_host() {
    let daemon = Daemon::start();
    assert_eq!(daemon.ask("GET", "/metrics", &[], None).status, 200);
    for sign in [
        ("X-Forwarded-For", "203.0.113.7"),
        ("Forwarded", "for=203.0.113.7"),
        ("X-Real-IP", "203.0.113.7"),
        ("Via", "1.1 proxy"),
        ("X-Forwarded-Proto", "https"),
    ] {
        let answer = daemon.ask("GET", "/metrics", &[sign], None);
        assert_eq!((answer.status, answer.code().as_str()), (401, "authentication_required"), "{sign:?}");
    }
}
