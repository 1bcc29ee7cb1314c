//! Serves the console's files, which are compiled in. The console uses only the public API.
//!
//! Invariant: every file below `assets` is in the table of `files`, and no page asks another host for
//! anything.

mod files;

use super::context::AppContext;
use super::error::Failure;
use super::reply::{Content, Reply};
use super::request::Call;
use files::{FILES, File};
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderName};
use std::sync::Arc;

/// Scripts, styles and fonts come from this origin only, none of them inline; no page may frame the console.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const REFERRER: HeaderName = HeaderName::from_static("referrer-policy");

/// `GET /`.
pub fn index(_: &Arc<AppContext>, _: &mut Call) -> Result<Reply, Failure> {
    found("index.html")
}

/// `GET /console/{file}`.
pub fn file(_: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    found(call.id(0))
}

/// `GET /console/{folder}/{file}`.
pub fn file_in_folder(_: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    found(&format!("{}/{}", call.id(0), call.id(1)))
}

fn found(name: &str) -> Result<Reply, Failure> {
    let found = FILES.iter().find(|file| file.name == name);
    found
        .map(shown)
        .ok_or_else(|| Failure::http(StatusCode::NOT_FOUND, "not_found", "the console has no such file"))
}

fn shown(file: &File) -> Reply {
    Reply::new(StatusCode::OK, Content::File(file.media, Bytes::from_static(file.bytes)))
        .header(CONTENT_SECURITY_POLICY, POLICY)
        .header(REFERRER, "no-referrer")
        .tagged(&format!("{:08x}", crc32c::crc32c(file.bytes)))
}
