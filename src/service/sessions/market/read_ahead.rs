//! A journal read on a thread of its own, so that decoding it and deciding on it overlap.
//!
//! Invariants: chunks come as the feed makes them, in its order; an error comes behind everything that was
//! read before it.

use crate::limits::READ_AHEAD_CHUNKS;
use crate::session::ports::{Chunk, Feed, FeedError};
use crate::store::RecordingFeed;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// What the reading thread hands over.
enum Read {
    /// Ticks.
    Chunk(Chunk),
    /// There is nothing more.
    End,
    /// What it could not read, and whether what is stored is damaged.
    Failed(FeedError, bool),
}

/// What is read ahead, as a feed; its reader is told how far it is, and may stop.
struct Ahead<'a> {
    read: Receiver<Read>,
    used: SyncSender<Chunk>,
    goes_on: &'a mut dyn FnMut(u64, u64) -> bool,
    rows: u64,
    done: u64,
    found_damage: bool,
}

/// Hands a feed to `apply` that another thread reads. `goes_on` is told before every chunk how many rows of
/// how many were applied, and says whether to go on. `apply` hands back the chunk that it got last.
///
/// # Errors
/// The system gives no thread.
pub(super) fn read_ahead<T>(
    feed: RecordingFeed<'_>,
    goes_on: &mut dyn FnMut(u64, u64) -> bool,
    apply: impl FnOnce(&mut dyn Feed) -> T,
) -> io::Result<T> {
    let rows = feed.rows();
    thread::scope(|scope| {
        let (to_reader, read) = sync_channel(READ_AHEAD_CHUNKS);
        let (used, free) = sync_channel(READ_AHEAD_CHUNKS);
        let reader = thread::Builder::new().name("read-ahead".to_owned());
        reader.spawn_scoped(scope, move || read_on(feed, &to_reader, &free))?;
        for _ in 0..READ_AHEAD_CHUNKS {
            // Of a short feed the reader may be at the end already.
            let _ = used.send(Chunk::default());
        }
        // Dropped with its channels before the scope waits for the thread, which ends then.
        Ok(apply(&mut Ahead { read, used, goes_on, rows, done: 0, found_damage: false }))
    })
}

/// Fills chunks that are free until the feed is over or nobody wants more.
fn read_on(mut feed: RecordingFeed<'_>, to_reader: &SyncSender<Read>, free: &Receiver<Chunk>) {
    while let Ok(mut chunk) = free.recv() {
        let read = match feed.next(&mut chunk) {
            Ok(true) => Read::Chunk(chunk),
            Ok(false) => Read::End,
            Err(error) => Read::Failed(error, feed.found_damage()),
        };
        let is_over = !matches!(read, Read::Chunk(_));
        if to_reader.send(read).is_err() || is_over {
            return;
        }
    }
}

impl Feed for Ahead<'_> {
    fn next(&mut self, chunk: &mut Chunk) -> Result<bool, FeedError> {
        // The chunk has what was handed over last.
        self.done += chunk.rows() as u64;
        if !(self.goes_on)(self.done, self.rows) {
            return Err(FeedError("it was stopped before its end".to_owned()));
        }
        match self.read.recv() {
            Ok(Read::Chunk(next)) => {
                // The reader is gone when this was the last one.
                let _ = self.used.send(std::mem::replace(chunk, next));
                Ok(true)
            }
            Ok(Read::End) => {
                chunk.clear();
                Ok(false)
            }
            Ok(Read::Failed(error, found_damage)) => {
                chunk.clear();
                self.found_damage = found_damage;
                Err(error)
            }
            // A panic, which ends the run when the thread is waited for.
            Err(_) => Err(FeedError("the thread that reads it ended".to_owned())),
        }
    }

    fn found_damage(&self) -> bool {
        self.found_damage
    }
}
