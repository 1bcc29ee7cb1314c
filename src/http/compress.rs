//! Compression of responses according to the client's `Accept-Encoding`. Only text of at least
//! `HTTP_COMPRESS_BYTES` is compressed.

use super::reply::{Outgoing, Payload};
use crate::limits::HTTP_COMPRESS_BYTES;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::Response;
use hyper::body::Bytes;
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, VARY};
use std::io::Write;

/// Supported encodings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// Brotli.
    Brotli,
    /// gzip.
    Gzip,
}

impl Encoding {
    const fn as_str(&self) -> &'static str {
        match self {
            Encoding::Brotli => "br",
            Encoding::Gzip => "gzip",
        }
    }
}

/// The best encoding that the client accepts (Brotli before gzip); `None` for no compression.
pub fn accepted(headers: &HeaderMap) -> Option<Encoding> {
    let mut best = None;
    for part in headers.get(ACCEPT_ENCODING)?.to_str().ok()?.split(',') {
        let (name, weight) = part.split_once(';').map_or((part, ""), |(name, weight)| (name, weight));
        let refused =
            weight.trim().strip_prefix("q=").is_some_and(|q| q.trim().parse::<f32>().is_ok_and(|q| q <= 0.0));
        match name.trim() {
            "br" if !refused => return Some(Encoding::Brotli),
            "gzip" if !refused => best = Some(Encoding::Gzip),
            _ => {}
        }
    }
    best
}

/// Whether this response should be compressed: text, large enough and not encoded yet.
pub fn worthwhile(response: &Response<Payload>) -> bool {
    let text = |media: &HeaderValue| {
        media.as_bytes().starts_with(b"text/")
            || media.as_bytes().ends_with(b"json")
            || media.as_bytes().ends_with(b"javascript")
    };
    matches!(&response.body().content, Outgoing::Whole(Some(bytes)) if bytes.len() >= HTTP_COMPRESS_BYTES)
        && response.headers().get(CONTENT_TYPE).is_some_and(text)
        && !response.headers().contains_key(CONTENT_ENCODING)
}

/// Compresses the body of a response.
pub fn compress(mut response: Response<Payload>, encoding: Encoding) -> Response<Payload> {
    let Outgoing::Whole(Some(plain)) = &response.body().content else { return response };
    let Some(packed) = pack(plain, encoding) else { return response };
    response.body_mut().content = Outgoing::Whole(Some(Bytes::from(packed)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.as_str()));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    // The compressed bytes differ, so the tag becomes weak: it promises equal content, not equal bytes.
    if let Some(weak) =
        headers.get(ETAG).and_then(|tag| HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat()).ok())
    {
        headers.insert(ETAG, weak);
    }
    response
}

fn pack(plain: &[u8], encoding: Encoding) -> Option<Vec<u8>> {
    /// Fast settings: each response is compressed once, for one reader.
    const BROTLI_QUALITY: u32 = 4;
    const BROTLI_WINDOW: u32 = 20;
    const BUFFER_BYTES: usize = 4_096;
    match encoding {
        Encoding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 3), Compression::fast());
            encoder.write_all(plain).ok()?;
            encoder.finish().ok()
        }
        Encoding::Brotli => {
            let mut encoder = brotli::CompressorWriter::new(
                Vec::with_capacity(plain.len() / 3),
                BUFFER_BYTES,
                BROTLI_QUALITY,
                BROTLI_WINDOW,
            );
            encoder.write_all(plain).ok()?;
            Some(encoder.into_inner())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn takes_the_best_that_is_not_refused() {
        let of = |text: &str| {
            accepted(&[(ACCEPT_ENCODING, HeaderValue::from_str(text).unwrap())].into_iter().collect())
        };
        assert_eq!(of("gzip, deflate, br, zstd"), Some(Encoding::Brotli));
        assert_eq!(of("gzip;q=0.5"), Some(Encoding::Gzip));
        assert_eq!(of("br;q=0, gzip"), Some(Encoding::Gzip));
        assert_eq!(of("identity"), None);
        assert_eq!(accepted(&HeaderMap::new()), None);
    }

    #[test]
    fn both_read_back() {
        let plain = br#"{"symbol":"BTC_USDT","price":50250.0},"#.repeat(500);
        let mut read = Vec::new();
        flate2::read::GzDecoder::new(&pack(&plain, Encoding::Gzip).unwrap()[..])
            .read_to_end(&mut read)
            .unwrap();
        assert_eq!(read, plain);
        read.clear();
        brotli::Decompressor::new(&pack(&plain, Encoding::Brotli).unwrap()[..], 4_096)
            .read_to_end(&mut read)
            .unwrap();
        assert_eq!(read, plain);
    }
}
