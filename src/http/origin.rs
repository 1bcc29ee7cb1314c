//! Checks made before routing: request framing (smuggling), the Host header (DNS rebinding) and the Origin
//! header.

use super::error::Failure;
use hyper::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, ORIGIN, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::{StatusCode, Version};
use std::net::SocketAddr;

/// Allowed origins and the host names under which this server is known.
#[derive(Debug)]
pub struct Origins {
    /// `scheme://host[:port]`, lower case.
    allowed: Vec<String>,
    /// `host[:port]`, lower case.
    hosts: Vec<String>,
}

impl Origins {
    /// The bound address, as IP and as `localhost`, and the configured origins.
    pub fn new(bound: SocketAddr, configured: &[String]) -> Self {
        let port = bound.port();
        let mut allowed: Vec<String> =
            ["localhost", "127.0.0.1", "[::1]"].iter().map(|host| format!("http://{host}:{port}")).collect();
        if !bound.ip().is_unspecified() {
            allowed.push(format!("http://{bound}"));
        }
        allowed.extend(configured.iter().map(|origin| origin.trim_end_matches('/').to_ascii_lowercase()));
        let mut hosts: Vec<String> = allowed
            .iter()
            .filter_map(|origin| origin.split_once("://"))
            .map(|(_, authority)| authority.to_owned())
            .collect();
        // Clients omit the scheme's default port.
        if port == 80 {
            hosts.extend(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
        }
        Origins { allowed, hosts }
    }

    /// Whether pages of this origin may call the API.
    pub fn allows(&self, origin: &HeaderValue) -> bool {
        origin
            .to_str()
            .is_ok_and(|origin| self.allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin)))
    }

    /// Whether the page comes from another host than the request's; only then are CORS headers needed.
    pub fn is_cross(&self, headers: &HeaderMap) -> bool {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        match headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()) {
            Some(origin) => {
                !origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host))
            }
            None => false,
        }
    }

    /// Refuses a request with an unknown Host or a foreign Origin.
    ///
    /// # Errors
    /// 400 unless there is exactly one Host header, 403 for an unknown host or origin.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), Failure> {
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next().and_then(|host| host.to_str().ok()), hosts.next()) else {
            return Err(Failure::http(
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "send exactly one Host header",
            ));
        };
        if !self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host)) {
            let message = "this host name is not served here: use the address the daemon printed, or add the origin to http.origins";
            return Err(Failure::http(StatusCode::FORBIDDEN, "host_not_allowed", message));
        }
        let foreign = || {
            let message = "pages of this origin may not use this API: add it to http.origins if it is yours";
            Err(Failure::http(StatusCode::FORBIDDEN, "origin_not_allowed", message))
        };
        match headers.get(ORIGIN) {
            Some(origin) if !self.allows(origin) => foreign(),
            Some(_) => Ok(()),
            None => Ok(()),
        }
    }
}

/// Refuses requests that two parsers could read differently.
///
/// # Errors
/// 400, and the connection is closed: the bytes that follow could belong to this request or to the next one.
pub fn framing(request: &Parts) -> Result<(), Failure> {
    let headers = &request.headers;
    let refuse =
        |message: &str| Err(Failure::http(StatusCode::BAD_REQUEST, "invalid_request", message).closing());
    if headers.contains_key(TRANSFER_ENCODING) {
        if headers.contains_key(CONTENT_LENGTH) || request.version < Version::HTTP_11 {
            return refuse("send either Content-Length or Transfer-Encoding");
        }
        let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
        if codings.next().is_none_or(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked"))
            || codings.next().is_some()
        {
            return refuse("chunked is the only Transfer-Encoding that is read");
        }
    }
    if headers.get_all(CONTENT_LENGTH).iter().count() > 1 {
        return refuse("send one Content-Length");
    }
    if request.uri.scheme().is_some() || request.uri.path().is_empty() || !request.uri.path().starts_with('/')
    {
        return refuse("ask for a path, such as /health");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (hyper::header::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
            })
            .collect()
    }

    #[test]
    fn only_own_and_configured_names() {
        let origins =
            Origins::new("127.0.0.1:8080".parse().unwrap(), &["https://Trade.example.org/".to_owned()]);
        for host in ["127.0.0.1:8080", "localhost:8080", "LOCALHOST:8080", "[::1]:8080", "trade.example.org"]
        {
            assert!(origins.check(&headers(&[("host", host)])).is_ok(), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1",
            "127.0.0.1:8081",
            "localhost.evil.example:8080",
            "",
            "trade.example.org:8080",
        ] {
            assert_eq!(
                origins.check(&headers(&[("host", host)])).unwrap_err().code(),
                "host_not_allowed",
                "{host}"
            );
        }
        for origin in ["http://localhost:8080", "https://trade.example.org"] {
            assert!(
                origins.check(&headers(&[("host", "localhost:8080"), ("origin", origin)])).is_ok(),
                "{origin}"
            );
        }
        for origin in [
            "null",
            "https://localhost:8080",
            "http://localhost",
            "http://evil.example",
            "https://trade.example.org.evil.example",
        ] {
            let refused =
                origins.check(&headers(&[("host", "localhost:8080"), ("origin", origin)])).unwrap_err();
            assert_eq!(refused.code(), "origin_not_allowed", "{origin}");
        }
        assert_eq!(origins.check(&HeaderMap::new()).unwrap_err().code(), "invalid_request");
    }

    #[test]
    fn two_ways_to_read_a_length_are_refused() {
        let request = |pairs: &[(&'static str, &str)]| {
            let mut request = hyper::Request::new(()).into_parts().0;
            request.headers = headers(pairs);
            request
        };
        assert!(framing(&request(&[("content-length", "3")])).is_ok());
        assert!(framing(&request(&[("transfer-encoding", "chunked")])).is_ok());
        for pairs in [
            &[("content-length", "3"), ("transfer-encoding", "chunked")][..],
            &[("transfer-encoding", "gzip, chunked")],
            &[("transfer-encoding", "xchunked")],
        ] {
            assert!(framing(&request(pairs)).is_err(), "{pairs:?}");
        }
    }
}
