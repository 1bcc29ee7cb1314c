//! The route table. `schema/openapi.json` and the permission tests are generated from it; a route that is not
//! in it cannot be reached.

mod analytics;
mod controls;
mod login;
mod operations;
mod recordings;
mod sessions;
mod strategies;

use super::handlers::operations::health;
use super::lanes::Lane;
use super::route::ParamKind::{Integer, Symbol, Text};
use super::route::RunMode::Now;
use super::route::{Access, Answers, Example, Method, Param, Route, Takes};
use crate::auth::Role;
use crate::limits::{HTTP_BODY_BYTES, HTTP_SMALL_BODY_BYTES};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// All groups, in the order of the documentation.
const GROUPS: [&[Route]; 7] = [
    login::ROUTES,
    strategies::ROUTES,
    recordings::ROUTES,
    sessions::ROUTES,
    controls::ROUTES,
    operations::ROUTES,
    analytics::ROUTES,
];

/// All routes.
pub fn routes() -> impl Iterator<Item = &'static Route> {
    GROUPS.into_iter().flatten()
}

const VIEWER: Access = Access::Role(Role::Viewer);
const TRADER: Access = Access::Role(Role::Trader);
const ADMIN: Access = Access::Role(Role::Admin);

/// Defaults of a GET route; table entries override what differs.
const GET: Route = Route {
    method: Method::Get,
    path: "",
    tag: "",
    about: "",
    access: VIEWER,
    query: &[],
    takes: Takes::Nothing,
    body_bytes: HTTP_SMALL_BODY_BYTES,
    success: &[200],
    answers: Answers::Unsaid,
    refusals: &[],
    run: Now(health),
    lane: Lane::Store,
    examples: &[],
};
const POST: Route = Route { method: Method::Post, access: TRADER, ..GET };
const PUT: Route = Route { method: Method::Put, access: TRADER, ..GET };
const DELETE: Route = Route { method: Method::Delete, access: TRADER, ..GET };
/// Routes that accept whole documents.
const POST_DOCUMENT: Route = Route { body_bytes: HTTP_BODY_BYTES, ..POST };
const PUT_DOCUMENT: Route = Route { body_bytes: HTTP_BODY_BYTES, ..PUT };

const LIMIT: Param =
    Param { name: "limit", kind: Integer(1, 200), about: "Entries at most; 50 when it is left out." };
const CURSOR: Param = Param { name: "cursor", kind: Text(256), about: "`next_cursor` of the part before." };
const SYMBOL: Param = Param { name: "symbol", kind: Symbol, about: "Only this symbol." };
const POINTS: Param = Param {
    name: "max_points",
    kind: Integer(2, 10_000),
    about: "Points at most; neighbours are merged keeping extremes.",
};

const fn example(name: &'static str, body: &'static str, status: u16) -> Example {
    Example { name, path: None, body: Some(body), status }
}

const fn ask(name: &'static str, path: &'static str, status: u16) -> Example {
    Example { name, path: Some(path), body: None, status }
}

/// The routes of each path.
pub fn router() -> &'static matchit::Router<Vec<&'static Route>> {
    static ROUTER: LazyLock<matchit::Router<Vec<&'static Route>>> = LazyLock::new(|| {
        let mut paths: BTreeMap<&'static str, Vec<&'static Route>> = BTreeMap::new();
        for route in routes() {
            paths.entry(route.path).or_default().push(route);
        }
        let mut router = matchit::Router::new();
        for (path, routes) in paths {
            router
                .insert(path, routes)
                .expect("the paths of the table do not overlap: a test builds this router");
        }
        router
    });
    &ROUTER
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Strangers share one call to the exchange and never occupy the lane of those who trade.
    #[test]
    fn no_route_that_needs_no_login_waits_in_the_lane_of_the_exchange() {
        let public = || routes().filter(|route| route.access == Access::Public);
        assert!(public().any(|route| route.lane == Lane::Symbols));
        assert!(public().all(|route| route.lane != Lane::Exchange));
        assert_eq!(crate::limits::HTTP_SYMBOL_LISTS, 1);
    }
}
