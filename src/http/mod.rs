//! The HTTP edge: sockets, routes, the request pipeline, JSON in and out, WebSocket, the console's files.
//!
//! Never: a decision of the program (`service` makes them), or anything that blocks a worker.

pub mod stream;
