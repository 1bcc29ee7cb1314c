//! What a route is: who may ask, what it takes, what it answers, what runs. The table itself is in `routes`.

use super::context::AppContext;
use super::error::Failure;
use super::lanes::Lane;
use super::reply::Reply;
use super::request::Call;
use crate::auth::Role;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// One line of the table.
pub struct Route {
    /// Method.
    pub method: Method,
    /// Path; `{name}` stands for one segment.
    pub path: &'static str,
    /// Group in the documentation.
    pub tag: &'static str,
    /// What it is for, one sentence.
    pub about: &'static str,
    /// Who may ask.
    pub access: Access,
    /// What may stand behind `?`.
    pub query: &'static [Param],
    /// What the body is.
    pub takes: Takes,
    /// Bytes of a JSON body at most.
    pub body_bytes: usize,
    /// Statuses of an answer that is not refused.
    pub success: &'static [u16],
    /// What the handler may refuse: status and code. What the pipeline refuses follows from the other fields.
    pub refusals: &'static [(u16, &'static str)],
    /// What runs.
    pub run: Run,
    /// On which threads, where it may wait.
    pub lane: Lane,
    /// Requests with the status they are answered with on a fresh demo store.
    pub examples: &'static [Example],
}

/// Methods that are served. HEAD is answered as GET without a body, OPTIONS from the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates or starts.
    Post,
    /// Replaces.
    Put,
    /// Removes.
    Delete,
}

/// Who may ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Everybody.
    Public,
    /// Everybody, and the CSRF token is not asked for: there is no login yet that it could belong to.
    Entrance,
    /// Everybody on this host; elsewhere whoever is logged in.
    Local,
    /// Whoever has at least this role.
    Role(Role),
}

/// What the body is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Takes {
    /// There is none.
    Nothing,
    /// JSON; the name is its schema's.
    Json(&'static str),
    /// JSON or none.
    Optional(&'static str),
    /// None, and the connection becomes a WebSocket.
    Socket,
    /// JSON, or any bytes as `application/octet-stream`, which the handler reads.
    Upload(&'static str),
}

/// What may stand behind `?`.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Name.
    pub name: &'static str,
    /// What it may be.
    pub kind: ParamKind,
    /// What it does, one sentence.
    pub about: &'static str,
}

/// What a query parameter may be.
#[derive(Clone, Copy, Debug)]
pub enum ParamKind {
    /// A whole number from, to.
    Integer(i64, i64),
    /// Any text up to this many bytes.
    Text(usize),
    /// One of these words.
    Word(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// RFC 3339.
    Time,
    /// A symbol name.
    Symbol,
}

/// What runs.
#[derive(Clone, Copy)]
pub enum Run {
    /// On the spot: it only reads memory.
    Now(fn(&Arc<AppContext>, &mut Call) -> Result<Reply, Failure>),
    /// On a thread that may wait: it reads or writes the store. Whoever asked may go away; it runs to its end.
    Blocking(fn(&Arc<AppContext>, &mut Call) -> Result<Reply, Failure>),
    /// As the first answer to a key, which is kept: a retry with the same `Idempotency-Key` gets the same answer.
    Once(fn(&Arc<AppContext>, &mut Call) -> Result<Reply, Failure>),
    /// It waits for something else than the store.
    Async(fn(Arc<AppContext>, Call) -> Answer),
}

/// What an [`Run::Async`] handler gives.
pub type Answer = Pin<Box<dyn Future<Output = Result<Reply, Failure>> + Send>>;

/// A documented request.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// What it shows.
    pub name: &'static str,
    /// Path with its query, when it is not the route's own path.
    pub path: Option<&'static str>,
    /// JSON body.
    pub body: Option<&'static str>,
    /// Status of the answer.
    pub status: u16,
}

impl Method {
    /// As in the request line.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        }
    }

    /// The method of a request; HEAD is read as GET.
    pub fn of(method: &hyper::Method) -> Option<Method> {
        match *method {
            hyper::Method::GET | hyper::Method::HEAD => Some(Method::Get),
            hyper::Method::POST => Some(Method::Post),
            hyper::Method::PUT => Some(Method::Put),
            hyper::Method::DELETE => Some(Method::Delete),
            _ => None,
        }
    }
}

impl Route {
    /// Whether it changes something: then a CSRF token is asked for.
    pub fn mutates(&self) -> bool {
        self.method != Method::Get
    }

    /// Whether the CSRF token is asked for.
    pub fn needs_csrf(&self) -> bool {
        self.mutates() && self.access != Access::Entrance
    }

    /// Whether a login is asked for wherever the request comes from.
    pub fn needs_login(&self) -> bool {
        matches!(self.access, Access::Role(_))
    }
}
