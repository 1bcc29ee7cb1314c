//! The HTTP context: sockets, routes, the request pipeline, JSON in and out, WebSocket, the console's files.
//!
//! Read it in this order: `server` accepts, `pipeline` is the way of one request from top to bottom, `routes` is the one
//! table of everything that can be asked, `handlers` do what a route says, `reply` and `error` make the answer. What keeps
//! one client from taking what all need is in `lanes` (threads), `turns` (password checks, large bodies), `addresses`
//! (connections), `rate` (requests) and `write_deadline` (sockets that nobody reads).
//! Never: a decision of the program (`service` makes them), or anything that blocks a worker.

mod addresses;
mod chunks;
mod compress;
mod connection;
mod console;
mod context;
mod error;
mod fields;
mod handlers;
mod idempotency;
mod key_locks;
mod lanes;
mod openapi;
mod origin;
mod pipeline;
mod rate;
mod reply;
mod request;
mod route;
mod routes;
mod server;
mod stream;
pub mod validate;
mod write_deadline;

pub use context::AppContext;
pub use openapi::document as openapi;
pub use route::{Access, Example, Method, Route};
pub use routes::routes;
pub use server::{Server, Stop};
