//! Login and user routes.

use super::{ADMIN, DELETE, GET, POST, PUT, VIEWER, ask, example};
use crate::http::handlers::{auth, logins, users};
use crate::http::lanes::Lane;
use crate::http::route::Access::{Entrance, Public};
use crate::http::route::Answers::Data;
use crate::http::route::RunMode::{Async, Blocking, Now, Once};
use crate::http::route::{Example, Route, Takes};

/// The routes.
pub const ROUTES: &[Route] = &[
    Route {
        path: "/api/v1/auth/login",
        tag: "login",
        about: "Log in. Tokens come in the body and as cookies.",
        access: Entrance,
        takes: Takes::Json("Login"),
        refusals: &[(401, "authentication_failed"), (429, "login_delayed")],
        answers: Data("LoginTokens"),
        run: Async(auth::login),
        examples: &[
            example("wrong", r#"{"username": "nobody", "password": "not the password"}"#, 401),
            example("misspelt", r#"{"user": "demo", "password": "x"}"#, 400),
        ],
        ..POST
    },
    Route {
        path: "/api/v1/auth/refresh",
        tag: "login",
        about: "New tokens for a refresh token, from the body or its cookie. Each can be used once; using one twice ends its login.",
        access: Entrance,
        takes: Takes::Optional("Refresh"),
        refusals: &[(401, "authentication_required"), (401, "refresh_reused")],
        answers: Data("LoginTokens"),
        run: Blocking(auth::refresh),
        lane: Lane::Urgent,
        examples: &[example("unknown", r#"{"refresh_token": "unknown"}"#, 401)],
        ..POST
    },
    Route {
        path: "/api/v1/auth/setup",
        tag: "login",
        about: "Whether the first admin still has to be created.",
        access: Public,
        answers: Data("SetupNeeded"),
        run: Now(auth::needs_setup),
        examples: &[ask("asked", "/api/v1/auth/setup", 200)],
        ..GET
    },
    Route {
        path: "/api/v1/auth/setup",
        tag: "login",
        about: "Create the first admin, with the code that the daemon printed when it started without users.",
        access: Entrance,
        takes: Takes::Json("Setup"),
        success: &[201],
        refusals: &[(401, "setup_code_invalid"), (409, "setup_completed"), (429, "login_delayed")],
        answers: Data("LoginTokens"),
        run: Async(auth::setup),
        examples: &[example(
            "done before",
            r#"{"code": "0000-0000", "username": "admin", "password": "a long password"}"#,
            409,
        )],
        ..POST
    },
    Route {
        path: "/api/v1/auth/logout",
        tag: "login",
        about: "End this login: its access token and its refresh token are refused from now on.",
        access: VIEWER,
        answers: Data("LoggedOut"),
        run: Blocking(auth::logout),
        lane: Lane::Urgent,
        ..POST
    },
    Route {
        path: "/api/v1/auth/me",
        tag: "login",
        about: "Who is logged in, and what they may do.",
        answers: Data("CurrentUser"),
        run: Now(auth::me),
        examples: &[ask("asked", "/api/v1/auth/me", 200)],
        ..GET
    },
    Route {
        path: "/api/v1/auth/logins",
        tag: "login",
        about: "Your logins that are still valid, newest first.",
        answers: Data("LoginList"),
        run: Blocking(logins::own),
        examples: &[ask("asked", "/api/v1/auth/logins", 200)],
        ..GET
    },
    Route {
        path: "/api/v1/auth/logins/{id}",
        tag: "login",
        about: "End one of your logins; an admin ends anybody's. Its tokens are refused from now on.",
        access: VIEWER,
        refusals: &[(404, "login_not_found")],
        answers: Data("LoginEnded"),
        run: Blocking(logins::end),
        lane: Lane::Urgent,
        examples: &[ask("unknown", "/api/v1/auth/logins/nothing", 404)],
        ..DELETE
    },
    Route {
        path: "/api/users/{name}/logins",
        tag: "users",
        about: "The logins of a user that are still valid, newest first.",
        access: ADMIN,
        refusals: &[(404, "user_not_found")],
        answers: Data("LoginList"),
        run: Blocking(logins::of_user),
        examples: &[ask("unknown", "/api/users/nobody/logins", 404)],
        ..GET
    },
    Route {
        path: "/csrf-token",
        tag: "login",
        about: "A token for the X-CSRF-Token header of requests that change something; bound to the login when there is one.",
        access: Public,
        answers: Data("CsrfToken"),
        run: Now(auth::csrf_token),
        examples: &[ask("asked", "/csrf-token", 200)],
        ..GET
    },
    Route {
        path: "/api/users",
        tag: "users",
        about: "All users.",
        access: ADMIN,
        answers: Data("UserList"),
        run: Blocking(users::list),
        examples: &[ask("all", "/api/users", 200)],
        ..GET
    },
    Route {
        path: "/api/users",
        tag: "users",
        about: "Make a user.",
        access: ADMIN,
        takes: Takes::Json("NewUser"),
        success: &[201],
        refusals: &[(409, "user_exists"), (409, "too_many_users")],
        answers: Data("User"),
        run: Once(users::create),
        examples: &[
            example(
                "a trader",
                r#"{"username": "anna", "password": "correct horse battery", "role": "trader"}"#,
                201,
            ),
            example("weak", r#"{"username": "Anna!", "password": "short", "role": "boss"}"#, 400),
        ],
        ..POST
    },
    Route {
        path: "/api/users/{name}",
        tag: "users",
        about: "Change role, password or whether a user may log in. Fields that are left out keep their values; the user's logins end.",
        access: ADMIN,
        takes: Takes::Json("UserChange"),
        refusals: &[(404, "user_not_found"), (409, "last_admin")],
        answers: Data("User"),
        run: Blocking(users::change),
        examples: &[Example {
            name: "unknown",
            path: Some("/api/users/nobody"),
            body: Some(r#"{"role": "viewer"}"#),
            status: 404,
        }],
        ..PUT
    },
    Route {
        path: "/api/users/{name}",
        tag: "users",
        about: "Remove a user.",
        access: ADMIN,
        refusals: &[(404, "user_not_found"), (409, "last_admin")],
        answers: Data("UserDeleted"),
        run: Blocking(users::delete),
        examples: &[ask("unknown", "/api/users/nobody", 404)],
        ..DELETE
    },
];
