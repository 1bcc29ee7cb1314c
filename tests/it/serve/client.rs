//! A raw HTTP client: sends exactly the bytes of a test, valid or not, and parses the answer.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Read timeout, far longer than any answer should take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A parsed answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The `data` of an envelope.
    #[track_caller]
    pub fn data(&self) -> Value {
        let json = self.json();
        assert_eq!(json["type"], "response", "{json}");
        json["data"].clone()
    }

    /// The `error_code` of a refusal; empty for anything else.
    pub fn code(&self) -> String {
        serde_json::from_slice::<Value>(&self.body)
            .ok()
            .and_then(|json| json["error_code"].as_str().map(str::to_owned))
            .unwrap_or_default()
    }
}

/// A kept-alive connection.
pub struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
}

impl Connection {
    /// Connects; panics on failure.
    pub fn open(address: SocketAddr) -> Self {
        Connection::try_open(address).unwrap()
    }

    /// Connects, or returns the error.
    pub fn try_open(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream: BufReader::new(stream), host: address.to_string() })
    }

    /// Sends a request, with `Content-Length` if it has a body, and reads the answer.
    pub fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Option<Answer> {
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str(&format!("Host: {}\r\n", self.host));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = body {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body.unwrap_or_default());
        // A body that is refused by its size may find the connection closed; the answer was sent before.
        let _ = self.raw(&bytes);
        self.answer(method == "HEAD")
    }

    /// Sends bytes; `None` if the connection is closed.
    pub fn raw(&mut self, bytes: &[u8]) -> Option<()> {
        self.stream.get_mut().write_all(bytes).ok()
    }

    /// Reads one answer; `None` if the connection closes instead. With `headless` no body follows (`HEAD`).
    pub fn answer(&mut self, headless: bool) -> Option<Answer> {
        let mut line = String::new();
        self.stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let status = line.split(' ').nth(1)?.trim().parse().ok()?;
        let mut headers = Vec::new();
        loop {
            line.clear();
            self.stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
            match line.trim_end().split_once(':') {
                None => break,
                Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.trim().to_owned())),
            }
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        if headless || status == 304 || status == 204 || status < 200 {
            return Some(answer);
        }
        if answer.header("transfer-encoding") == Some("chunked") {
            answer.body = self.chunks()?;
        } else {
            let length: usize = answer.header("content-length").and_then(|length| length.parse().ok())?;
            answer.body = vec![0; length];
            self.stream.read_exact(&mut answer.body).ok()?;
        }
        Some(answer)
    }

    fn chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).ok()?;
            let length = usize::from_str_radix(line.trim(), 16).ok()?;
            let start = body.len();
            body.resize(start + length, 0);
            self.stream.read_exact(&mut body[start..]).ok()?;
            self.stream.read_line(&mut line).ok()?;
            if length == 0 {
                return Some(body);
            }
        }
    }

    /// The underlying socket.
    pub fn socket(&mut self) -> &mut TcpStream {
        self.stream.get_mut()
    }
}

/// Credentials of a logged-in user.
#[derive(Clone, Debug)]
pub struct Login {
    pub access: String,
    pub refresh: String,
    pub csrf: String,
    /// `access_token=…`, as a browser sends it.
    pub cookie: String,
}
