//! Serves the console's files, which are compiled in. The console uses only the public API.

use super::context::AppContext;
use super::error::Failure;
use super::reply::{Content, Reply};
use super::request::Call;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderName};
use std::sync::Arc;

/// Only scripts from this origin run, no page may frame the console, and it connects only to its own daemon.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const REFERRER: HeaderName = HeaderName::from_static("referrer-policy");

struct File {
    name: &'static str,
    media: &'static str,
    bytes: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// All files; the first is the page.
const FILES: &[File] = &[
    File { name: "index.html", media: HTML, bytes: include_bytes!("assets/index.html") },
    File { name: "console.css", media: CSS, bytes: include_bytes!("assets/console.css") },
    File { name: "console.js", media: SCRIPT, bytes: include_bytes!("assets/console.js") },
    File { name: "api.js", media: SCRIPT, bytes: include_bytes!("assets/api.js") },
];

/// `GET /`.
pub fn index(_: &Arc<AppContext>, _: &mut Call) -> Result<Reply, Failure> {
    Ok(shown(&FILES[0]))
}

/// `GET /console/{file}`.
pub fn file(_: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let found = FILES.iter().find(|file| file.name == call.id(0));
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
