//! A socket whose client may end its half and still read: such a client is answered, and one that has left is
//! noticed.
//!
//! TCP does not tell the two apart, both end with the same signal, so a client counts as left only when
//! nothing could be sent to it for a while after that, or when the connection is reset. `hyper` either drops
//! the request at the signal or looks no more at the socket until it has an answer; the second is what this
//! watches ([60](../../docs/adr/060-a-half-closed-connection-is-answered.md)).
//!
//! Invariant: `hyper` gets every byte, in order.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::sleep;

/// The socket as `hyper` uses it.
pub struct HalfClosedSocket<S>(Arc<Mutex<State<S>>>);

/// The same socket as its task watches it.
pub struct ClientWatch<S>(Arc<Mutex<State<S>>>);

struct State<S> {
    socket: S,
    /// A byte that was read to see whether there is an end.
    ahead: Option<u8>,
    /// The client has ended its half.
    is_ended: bool,
    /// An error behind the byte that was just handed on; the next read returns it.
    failed: Option<io::Error>,
    /// Writes that took something.
    writes: u64,
}

/// Splits a socket in two. Both must be polled by one task, because a socket wakes one reader only.
pub fn watch_client<S>(socket: S) -> (HalfClosedSocket<S>, ClientWatch<S>) {
    let state = Arc::new(Mutex::new(State { socket, ahead: None, is_ended: false, failed: None, writes: 0 }));
    (HalfClosedSocket(Arc::clone(&state)), ClientWatch(state))
}

impl<S: AsyncRead + Unpin> ClientWatch<S> {
    /// Ends when the client has left: the connection is reset, or the client has ended its half and took
    /// nothing for `patience`.
    pub async fn left(&self, patience: Duration) {
        if poll_fn(|context| lock(&self.0).poll_end(context)).await.is_err() {
            return;
        }
        loop {
            let before = lock(&self.0).writes;
            sleep(patience).await;
            if lock(&self.0).writes == before {
                return;
            }
        }
    }
}

impl<S: AsyncRead + Unpin> State<S> {
    /// Ready when the client has ended its half.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_ended {
            return Poll::Ready(Ok(()));
        }
        if self.ahead.is_some() {
            return Poll::Pending;
        }
        if self.failed.is_some() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let mut byte = [0];
        let mut buffer = ReadBuf::new(&mut byte);
        ready!(Pin::new(&mut self.socket).poll_read(context, &mut buffer))?;
        self.ahead = buffer.filled().first().copied();
        self.is_ended = self.ahead.is_none();
        // Whoever reads may have been polled just before, and the socket has woken its one reader.
        context.waker().wake_by_ref();
        if self.is_ended { Poll::Ready(Ok(())) } else { Poll::Pending }
    }
}

impl<S> State<S> {
    fn count(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.writes += u64::from(matches!(written, Poll::Ready(Ok(1..))));
        written
    }
}

fn lock<S>(state: &Mutex<State<S>>) -> MutexGuard<'_, State<S>> {
    // One task uses it, and it is left whole by whatever panics.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: AsyncRead + Unpin> AsyncRead for HalfClosedSocket<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = lock(&self.0);
        let ahead = state.ahead.take();
        if let Some(byte) = ahead {
            buffer.put_slice(&[byte]);
        }
        if state.is_ended || (ahead.is_some() && buffer.remaining() == 0) {
            return Poll::Ready(Ok(()));
        }
        if let Some(error) = state.failed.take() {
            return Poll::Ready(Err(error));
        }
        // With the byte goes what lies behind it: a body that came byte by byte would take forever.
        match Pin::new(&mut state.socket).poll_read(context, buffer) {
            Poll::Pending if ahead.is_some() => Poll::Ready(Ok(())),
            Poll::Ready(Err(error)) if ahead.is_some() => {
                state.failed = Some(error);
                Poll::Ready(Ok(()))
            }
            read => read,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HalfClosedSocket<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = lock(&self.0);
        let written = Pin::new(&mut state.socket).poll_write(context, bytes);
        state.count(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut state = lock(&self.0);
        let written = Pin::new(&mut state.socket).poll_write_vectored(context, parts);
        state.count(written)
    }

    fn is_write_vectored(&self) -> bool {
        lock(&self.0).socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut lock(&self.0).socket).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut lock(&self.0).socket).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::timeout;

    const PATIENCE: Duration = Duration::from_secs(30);
    const MOMENT: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn a_client_that_ended_its_half_has_left_when_it_took_nothing_for_a_while() {
        let (ours, mut theirs) = duplex(1_000);
        let (mut socket, watch) = watch_client(ours);
        let mut left = pin!(watch.left(PATIENCE));
        assert!(timeout(PATIENCE * 10, left.as_mut()).await.is_err(), "it may send more");
        theirs.shutdown().await.unwrap();
        assert!(timeout(PATIENCE - MOMENT, left.as_mut()).await.is_err(), "too soon");
        socket.write_all(b"a part of the answer").await.unwrap();
        assert!(timeout(PATIENCE, left.as_mut()).await.is_err(), "it is being answered");
        timeout(PATIENCE + MOMENT, left).await.expect("too late");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_reset_has_no_client() {
        let socket = reset();
        let (_socket, watch) = watch_client(socket);
        timeout(MOMENT, watch.left(PATIENCE)).await.expect("at once");
    }

    /// A socket whose reads fail.
    fn reset() -> impl AsyncRead + Unpin {
        struct Reset;
        impl AsyncRead for Reset {
            fn poll_read(
                self: Pin<&mut Self>,
                _: &mut Context<'_>,
                _: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
            }
        }
        Reset
    }

    #[tokio::test]
    async fn what_lies_behind_the_byte_is_read_with_it() {
        let (ours, mut theirs) = duplex(100);
        let (mut socket, watch) = watch_client(ours);
        theirs.write_all(b"a whole request").await.unwrap();
        assert!(timeout(MOMENT, watch.left(PATIENCE)).await.is_err(), "it has not left");
        let mut part = [0; 100];
        assert_eq!(socket.read(&mut part).await.unwrap(), 15);
    }

    #[tokio::test]
    async fn every_byte_is_read_in_order_while_the_socket_is_watched() {
        let (ours, mut theirs) = duplex(7);
        let (mut socket, watch) = watch_client(ours);
        let sent: Vec<u8> = (0..10_000_u32).map(|number| number as u8).collect();
        let bytes = sent.clone();
        tokio::spawn(async move {
            for part in bytes.chunks(13) {
                theirs.write_all(part).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let mut read = Vec::new();
        let reading = async {
            let mut part = [0; 5];
            loop {
                tokio::task::yield_now().await;
                match socket.read(&mut part).await.unwrap() {
                    0 => break,
                    count => read.extend_from_slice(&part[..count]),
                }
            }
        };
        tokio::select! { biased; () = watch.left(PATIENCE) => panic!("nobody left"), () = reading => {} }
        assert!(read == sent);
    }
}
