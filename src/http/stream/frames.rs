//! Validates frames from a client before the WebSocket library parses them. The library would accept lengths
//! that are not encoded in the shortest form and any number of fragments.

use crate::limits::STREAM_FRAGMENTS;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A socket whose incoming frames are validated while they are read.
pub struct CheckedFrames<T> {
    inner: T,
    check: FrameCheck,
}

impl<T> CheckedFrames<T> {
    /// Wraps a socket after its upgrade.
    pub fn new(inner: T) -> Self {
        CheckedFrames { inner, check: FrameCheck::default() }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for CheckedFrames<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        let validated = self.check.read(&buffer.filled()[before..]);
        Poll::Ready(validated.map_err(|problem| io::Error::new(io::ErrorKind::InvalidData, problem)))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for CheckedFrames<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// Maximum bytes of a frame header: two, an eight-byte length, a four-byte mask.
const HEAD_BYTES: usize = 14;

/// Position in the sequence of frames.
#[derive(Default)]
struct FrameCheck {
    head: [u8; HEAD_BYTES],
    /// Header bytes read so far.
    known: usize,
    /// Payload bytes still to come.
    payload: u64,
    /// Fragments of the current message so far.
    fragments: u32,
    /// A frame was invalid; nothing after it is validated, so that the rest can still be read.
    is_over: bool,
}

impl FrameCheck {
    fn read(&mut self, mut bytes: &[u8]) -> Result<(), &'static str> {
        while !bytes.is_empty() && !self.is_over {
            if self.payload > 0 {
                let skipped = usize::try_from(self.payload).unwrap_or(usize::MAX).min(bytes.len());
                self.payload -= skipped as u64;
                bytes = &bytes[skipped..];
                continue;
            }
            self.head[self.known] = bytes[0];
            self.known += 1;
            bytes = &bytes[1..];
            if self.known == head_bytes(&self.head[..self.known]) {
                let validated = self.frame();
                self.is_over = validated.is_err();
                validated?;
            }
        }
        Ok(())
    }

    /// Validates a frame whose header is complete.
    fn frame(&mut self) -> Result<(), &'static str> {
        let (first, second) = (self.head[0], self.head[1] & 0x7f);
        let extended = &self.head[2..2 + length_bytes(second)];
        let length = extended.iter().fold(0, |length, byte| length << 8 | u64::from(*byte));
        self.known = 0;
        self.payload = match second {
            126 if length < 126 => return Err("a length is not written in the shortest way"),
            127 if length <= u64::from(u16::MAX) => {
                return Err("a length is not written in the shortest way");
            }
            126 | 127 => length,
            short => u64::from(short),
        };
        let (is_last, is_control) = (first & 0x80 != 0, first & 0x08 != 0);
        if !is_control {
            self.fragments = if is_last { 0 } else { self.fragments + 1 };
        }
        if self.fragments > STREAM_FRAGMENTS { Err("a message has too many fragments") } else { Ok(()) }
    }
}

/// Bytes of the extended length after the first two.
const fn length_bytes(second: u8) -> usize {
    match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    }
}

/// Total bytes of a header of which `known` have been read.
fn head_bytes(known: &[u8]) -> usize {
    let [_, second, ..] = known else { return 2 };
    let mask = if second & 0x80 != 0 { 4 } else { 0 };
    2 + length_bytes(*second) + mask
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A masked frame with an extended length of `extended` bytes.
    fn frame(first: u8, extended: usize, payload: usize) -> Vec<u8> {
        let (second, length) = match extended {
            0 => (payload as u8, Vec::new()),
            2 => (126, (payload as u16).to_be_bytes().to_vec()),
            _ => (127, (payload as u64).to_be_bytes().to_vec()),
        };
        [vec![first, 0x80 | second], length, vec![1, 2, 3, 4], vec![b'x'; payload]].concat()
    }

    /// Validates the bytes in pieces of every size.
    fn validated(bytes: &[u8]) -> Result<(), &'static str> {
        let outcomes: Vec<_> = [1, 3, 7, bytes.len().max(1)]
            .map(|size| {
                let mut check = FrameCheck::default();
                bytes.chunks(size).try_for_each(|piece| check.read(piece))
            })
            .to_vec();
        assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "{outcomes:?}");
        outcomes[0]
    }

    #[test]
    fn lengths_are_written_in_the_shortest_way() {
        for (extended, payload) in [(0, 0), (0, 125), (2, 126), (2, 65_535), (8, 65_536)] {
            let bytes = [frame(0x81, extended, payload), frame(0x81, 0, 5)].concat();
            assert_eq!(validated(&bytes), Ok(()), "{payload} in {extended}");
        }
        for (extended, payload) in [(2, 0), (2, 125), (8, 5), (8, 126), (8, 65_535)] {
            let bytes = [frame(0x81, 0, 5), frame(0x81, extended, payload)].concat();
            assert!(validated(&bytes).is_err(), "{payload} in {extended}");
        }
    }

    #[test]
    fn a_message_has_so_many_fragments() {
        let most = STREAM_FRAGMENTS as usize;
        let fragments = |count: usize| [frame(0x01, 0, 0), frame(0x00, 0, 0).repeat(count - 1)].concat();
        let whole = [fragments(most), frame(0x80, 0, 1)].concat();
        assert_eq!(validated(&whole.repeat(3)), Ok(()), "each message counts for itself");
        assert!(validated(&fragments(most + 1)).is_err());
        let pinged =
            frame(0x00, 0, 0).iter().chain(&frame(0x89, 0, 0)).copied().collect::<Vec<u8>>().repeat(most);
        assert!(
            validated(&[frame(0x01, 0, 0), pinged].concat()).is_err(),
            "pings between them make no difference"
        );
    }

    #[test]
    fn what_comes_behind_a_problem_is_let_through() {
        let mut check = FrameCheck::default();
        assert!(check.read(&frame(0x81, 8, 5)).is_err());
        assert_eq!(check.read(&frame(0x81, 8, 5)), Ok(()));
    }
}
