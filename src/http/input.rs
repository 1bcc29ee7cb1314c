//! What a request may bring: its method, the parameters of its query, the kind of its body.

/// Supported methods. HEAD is answered as GET without a body, OPTIONS from the table.
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

/// The body a route accepts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Takes {
    /// No body.
    Nothing,
    /// JSON; the name of its schema.
    Json(&'static str),
    /// JSON or no body.
    Optional(&'static str),
    /// No body; the connection becomes a WebSocket.
    Socket,
    /// JSON, or `application/octet-stream` that the handler reads itself.
    Upload(&'static str),
    /// `application/octet-stream` that the handler reads itself.
    Bytes,
}

/// A query parameter.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Name.
    pub name: &'static str,
    /// Accepted values.
    pub kind: ParamKind,
    /// One-sentence description.
    pub about: &'static str,
}

/// Accepted values of a query parameter.
#[derive(Clone, Copy, Debug)]
pub enum ParamKind {
    /// An integer from, to (both inclusive).
    Integer(i64, i64),
    /// Text of at most this many characters.
    Text(usize),
    /// One of these words.
    Word(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// RFC 3339 time.
    Time,
    /// A symbol name.
    Symbol,
}

impl Method {
    /// As written in the request line.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        }
    }

    /// The method of a request; HEAD counts as GET.
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
