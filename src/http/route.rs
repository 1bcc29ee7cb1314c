//! What a route is: access, input, responses and handler. The table is in `routes`.

pub use super::input::{Method, Param, ParamKind, Takes};

use super::context::AppContext;
use super::error::Failure;
use super::lanes::Lane;
use super::reply::Reply;
use super::request::Call;
use crate::auth::Role;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// One entry of the route table.
pub struct Route {
    /// HTTP method.
    pub method: Method,
    /// Path; `{name}` matches one segment.
    pub path: &'static str,
    /// Group in the API documentation.
    pub tag: &'static str,
    /// One-sentence summary.
    pub about: &'static str,
    /// Required access.
    pub access: Access,
    /// Accepted query parameters.
    pub query: &'static [Param],
    /// Accepted body.
    pub takes: Takes,
    /// Maximum bytes of a JSON body.
    pub body_bytes: usize,
    /// Statuses of a successful response.
    pub success: &'static [u16],
    /// What a successful response holds.
    pub answers: Answers,
    /// Refusals of the handler: status and code. Those of the pipeline follow from the other fields.
    pub refusals: &'static [(u16, &'static str)],
    /// Handler.
    pub run: RunMode,
    /// Threads for a blocking handler.
    pub lane: Lane,
    /// Sample requests, each with its status on a fresh demo store.
    pub examples: &'static [Example],
}

/// Who may call a route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Everybody.
    Public,
    /// Everybody, without a CSRF token: there is no login yet for it to belong to.
    Entrance,
    /// Everybody on this host; others need a login.
    Local,
    /// Users with at least this role.
    Role(Role),
}

/// What a route answers when it succeeds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answers {
    /// It does not say; a test refuses that.
    Unsaid,
    /// JSON in the envelope; the name of the schema of its data.
    Data(&'static str),
    /// The same, or CSV where the query asks for it.
    DataOrCsv(&'static str),
    /// JSON without an envelope; the name of its schema.
    Flat(&'static str),
    /// Text or bytes of one of these media types.
    Media(&'static [&'static str]),
    /// Nothing; the connection becomes a WebSocket.
    Socket,
}

/// A handler that answers on the calling thread.
pub type Handler = fn(&Arc<AppContext>, &mut Call) -> Result<Reply, Failure>;

/// How a handler runs.
#[derive(Clone, Copy)]
pub enum RunMode {
    /// On the async worker: it only reads memory.
    Now(Handler),
    /// On a blocking thread, because it uses the store. It runs to completion even if the client disconnects.
    Blocking(Handler),
    /// Like `Blocking`, with the first response to an `Idempotency-Key` stored: a retry with the same key
    /// gets the same response.
    Once(Handler),
    /// An async handler, for waiting on anything else.
    Async(fn(Arc<AppContext>, Call) -> Answer),
}

/// The future of a [`RunMode::Async`] handler.
pub type Answer = Pin<Box<dyn Future<Output = Result<Reply, Failure>> + Send>>;

/// A sample request for the documentation.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// Short description.
    pub name: &'static str,
    /// Path with query, if it differs from the route's path.
    pub path: Option<&'static str>,
    /// JSON body.
    pub body: Option<&'static str>,
    /// Expected status.
    pub status: u16,
}

impl Answers {
    /// The name of the schema of what is in the envelope, if there is one.
    pub const fn data(self) -> Option<&'static str> {
        match self {
            Answers::Data(name) | Answers::DataOrCsv(name) => Some(name),
            _ => None,
        }
    }
}

impl Route {
    /// Whether it changes state: every method but GET.
    pub fn mutates(&self) -> bool {
        self.method != Method::Get
    }

    /// Whether the handler reads the body itself.
    pub fn takes_bytes(&self) -> bool {
        matches!(self.takes, Takes::Upload(_) | Takes::Bytes)
    }

    /// Whether a CSRF token is required.
    pub fn needs_csrf(&self) -> bool {
        self.mutates() && self.access != Access::Entrance
    }

    /// Whether a login is required, also from this host.
    pub fn needs_login(&self) -> bool {
        matches!(self.access, Access::Role(_))
    }
}
