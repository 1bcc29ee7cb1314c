//! Writes the body of a streamed response from a blocking thread.
//! Invariant: a client holds the thread for at most `wait_ms`, plus the time in which it reads at
//! `bytes_per_s`, however it spreads its reading.

use crate::clock::Stopwatch;
use crate::limits::HTTP_STREAM_CHUNK_BYTES;
use hyper::body::Bytes;
use std::io::{self, Write};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc::Sender;
use tokio::time::timeout;

/// Writes into a response body. A client that reads too slowly is cut off.
pub struct Chunks {
    chunks: Sender<Bytes>,
    pending: Vec<u8>,
    pace: Pace,
    /// How long the client may still let the writer wait; earned by reading, at most `pace.wait_ms`.
    left: Duration,
}

/// How slow a client may be.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Milliseconds for which the writer waits at once.
    pub wait_ms: u64,
    /// Bytes that the client reads per second of waiting, on average.
    pub bytes_per_s: usize,
}

impl Chunks {
    /// Writes into the body fed by `chunks`.
    pub fn new(chunks: Sender<Bytes>, pace: Pace) -> Self {
        let left = Duration::from_millis(pace.wait_ms);
        Chunks { chunks, pending: Vec::with_capacity(HTTP_STREAM_CHUNK_BYTES), pace, left }
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
        let earned = Duration::from_secs_f64(chunk.len() as f64 / self.pace.bytes_per_s as f64);
        let begun = Stopwatch::start();
        match Handle::current().block_on(timeout(self.left, self.chunks.send(chunk))) {
            Ok(Ok(())) => {
                let waited = Duration::from_nanos(begun.elapsed().nanos().unsigned_abs());
                self.left =
                    (self.left.saturating_sub(waited) + earned).min(Duration::from_millis(self.pace.wait_ms));
                Ok(())
            }
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

    fn pace(wait_ms: u64) -> Pace {
        Pace { wait_ms, bytes_per_s: 16 << 10 }
    }

    static CHUNK: [u8; HTTP_STREAM_CHUNK_BYTES] = [b'x'; HTTP_STREAM_CHUNK_BYTES];

    fn write_all(mut chunks: Chunks, count: usize) -> io::Result<()> {
        (0..count).try_for_each(|_| chunks.write_all(&CHUNK))
    }

    #[tokio::test]
    async fn whoever_does_not_read_is_cut_off() {
        let (sender, body) = mpsc::channel(HTTP_STREAM_CHUNKS);
        let chunks = Chunks::new(sender, pace(20));
        let error = spawn_blocking(|| write_all(chunks, HTTP_STREAM_CHUNKS + 1)).await.unwrap().unwrap_err();
        assert_eq!((error.kind(), body.len()), (io::ErrorKind::TimedOut, HTTP_STREAM_CHUNKS));
    }

    /// One chunk every 30 ms is never slower than the patience of 40 ms, but slower than the rate.
    #[tokio::test]
    async fn whoever_reads_just_in_time_every_time_is_cut_off_too() {
        let (sender, mut body) = mpsc::channel(1);
        let tiny = [b'x'; 16];
        let writing = spawn_blocking(move || {
            let mut chunks = Chunks::new(sender, pace(40));
            (0..100).try_for_each(|_| chunks.write_all(&tiny).and_then(|()| chunks.flush()))
        });
        let mut read = 0;
        let mut rhythm = tokio::time::interval(Duration::from_millis(30));
        while !writing.is_finished() {
            rhythm.tick().await;
            read += usize::from(body.try_recv().is_ok());
        }
        assert_eq!(writing.await.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(read < 10, "{read} chunks");
    }

    #[tokio::test]
    async fn whoever_reads_gets_all_of_it() {
        let (sender, mut body) = mpsc::channel(HTTP_STREAM_CHUNKS);
        let writing = spawn_blocking(|| write_all(Chunks::new(sender, pace(60_000)), 3 * HTTP_STREAM_CHUNKS));
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
        let error =
            spawn_blocking(|| write_all(Chunks::new(sender, pace(60_000)), 1)).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
