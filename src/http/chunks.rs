//! Writes the body of a streamed response from a blocking thread.
//! Invariant: a client that stops reading holds the thread for at most `patience` per chunk.

use crate::limits::HTTP_STREAM_CHUNK_BYTES;
use hyper::body::Bytes;
use std::io::{self, Write};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc::Sender;
use tokio::time::timeout;

/// Writes into a response body. A slow client blocks the writer for at most `patience` per chunk.
pub struct Chunks {
    chunks: Sender<Bytes>,
    pending: Vec<u8>,
    patience: Duration,
}

impl Chunks {
    /// Writes into the body fed by `chunks`.
    pub fn new(chunks: Sender<Bytes>, patience: Duration) -> Self {
        Chunks { chunks, pending: Vec::with_capacity(HTTP_STREAM_CHUNK_BYTES), patience }
    }
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= HTTP_STREAM_CHUNK_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    /// Blocks; call it only on a thread that may block.
    fn flush(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let chunk =
            Bytes::from(std::mem::replace(&mut self.pending, Vec::with_capacity(HTTP_STREAM_CHUNK_BYTES)));
        match Handle::current().block_on(timeout(self.patience, self.chunks.send(chunk))) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::Error::new(io::ErrorKind::BrokenPipe, "the client went away")),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the client did not read")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::HTTP_STREAM_CHUNKS;
    use tokio::sync::mpsc;
    use tokio::task::spawn_blocking;

    static CHUNK: [u8; HTTP_STREAM_CHUNK_BYTES] = [b'x'; HTTP_STREAM_CHUNK_BYTES];

    fn write_all(mut chunks: Chunks, count: usize) -> io::Result<()> {
        (0..count).try_for_each(|_| chunks.write_all(&CHUNK))
    }

    #[tokio::test]
    async fn whoever_does_not_read_is_cut_off() {
        let (sender, body) = mpsc::channel(HTTP_STREAM_CHUNKS);
        let chunks = Chunks::new(sender, Duration::from_millis(20));
        let error = spawn_blocking(|| write_all(chunks, HTTP_STREAM_CHUNKS + 1)).await.unwrap().unwrap_err();
        assert_eq!((error.kind(), body.len()), (io::ErrorKind::TimedOut, HTTP_STREAM_CHUNKS));
    }

    #[tokio::test]
    async fn whoever_reads_gets_all_of_it() {
        let (sender, mut body) = mpsc::channel(HTTP_STREAM_CHUNKS);
        let writing = spawn_blocking(|| {
            write_all(Chunks::new(sender, Duration::from_secs(60)), 3 * HTTP_STREAM_CHUNKS)
        });
        let mut bytes = 0;
        while let Some(chunk) = body.recv().await {
            bytes += chunk.len();
        }
        writing.await.unwrap().unwrap();
        assert_eq!(bytes, 3 * HTTP_STREAM_CHUNKS * HTTP_STREAM_CHUNK_BYTES);
    }

    #[tokio::test]
    async fn a_client_that_went_away_ends_it_at_once() {
        let (sender, body) = mpsc::channel(HTTP_STREAM_CHUNKS);
        drop(body);
        let error = spawn_blocking(|| write_all(Chunks::new(sender, Duration::from_secs(60)), 1))
            .await
            .unwrap()
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
