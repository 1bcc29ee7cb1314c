//! The HTTP layer: sockets, routes, the request pipeline, JSON, WebSocket and the console's files.
//!
//! Read it in this order: `server` accepts connections, over TCP and over the Unix socket of `local`,
//! `pipeline` handles one request from top to bottom, `routes` is the table of all endpoints, `handlers` do
//! the work of a route, `reply` and `error` build the response. Shared resources are protected by `lanes`
//! (threads), `key_locks` (password checks, large bodies), `addresses` (connections), `rate` (requests),
//! `write_deadline` (clients that do not read) and `half_closed` (clients that left). Invariant: decisions
//! are made in `service`, not here, and nothing blocks an async worker.

mod addresses;
mod asyncapi;
mod body;
mod chunks;
mod compress;
mod connection;
mod console;
mod context;
mod error;
mod fields;
mod half_closed;
mod handlers;
mod idempotency;
mod input;
mod key_locks;
mod lanes;
mod local;
pub mod next_step;
mod openapi;
mod origin;
mod pipeline;
mod rate;
mod reply;
mod request;
mod route;
mod routes;
mod schemas;
mod server;
mod stream;
pub mod validate;
mod write_deadline;

pub use asyncapi::document as asyncapi;
pub use context::AppContext;
pub use local::Address;
pub use openapi::document as openapi;
pub use route::{Access, Answers, Example, Method, Route};
pub use routes::routes;
pub use server::{Server, Stop};
