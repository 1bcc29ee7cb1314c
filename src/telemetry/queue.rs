//! Standard error behind a queue: whoever logs, a session's thread among them, waits for nobody who reads it.
//!
//! Invariants: lines are written in the order in which they were said; those that found no room are counted
//! and told.

use crate::limits::LOG_FLUSH_MS;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Builder;
use std::time::Duration;

/// Lines on their way to standard error.
#[derive(Clone, Debug)]
pub(super) struct LineQueue {
    entries: SyncSender<Entry>,
    dropped: Arc<AtomicU64>,
}

enum Entry {
    Line(Vec<u8>),
    /// Tells when everything before it is written.
    Flush(SyncSender<()>),
}

impl LineQueue {
    /// Starts the thread that writes; so many lines wait for it.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(out: impl Write + Send + 'static, lines: usize) -> io::Result<LineQueue> {
        let (entries, waiting) = sync_channel(lines);
        let dropped = Arc::<AtomicU64>::default();
        let counted = Arc::clone(&dropped);
        Builder::new().name("log".to_owned()).spawn(move || write(out, &waiting, &counted))?;
        Ok(LineQueue { entries, dropped })
    }

    /// How many lines found no room.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until what was said so far is written. Gives up when nobody reads.
    pub(super) fn flush(&self) {
        let (done, written) = sync_channel(1);
        if self.entries.try_send(Entry::Flush(done)).is_ok() {
            let _ = written.recv_timeout(Duration::from_millis(LOG_FLUSH_MS));
        }
    }
}

/// Expects one line per write.
impl Write for LineQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.entries.try_send(Entry::Line(line.to_vec())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write(mut out: impl Write, waiting: &Receiver<Entry>, dropped: &AtomicU64) {
    let mut told = 0;
    for entry in waiting {
        match entry {
            // A line that cannot be written is lost.
            Entry::Line(line) => _ = out.write_all(&line),
            Entry::Flush(done) => _ = done.send(()),
        }
        let count = dropped.load(Ordering::Relaxed);
        if count > told {
            let lines = count - std::mem::replace(&mut told, count);
            tracing::warn!(lines, "lines of the log were dropped: standard error is not read fast enough");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    /// Somebody who reads a line when he is told to.
    struct Slow(Receiver<()>, std::sync::mpsc::Sender<Vec<u8>>);

    impl Write for Slow {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.recv().map_err(io::Error::other)?;
            self.1.send(line.to_vec()).map_err(io::Error::other)?;
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn whoever_logs_does_not_wait_for_a_reader_and_what_is_dropped_is_counted() {
        let ((read, go), (to, lines)) = (channel(), channel());
        let mut queue = LineQueue::start(Slow(go, to), 2).unwrap();
        // One is being written, at the latest when it has been said, and two wait.
        (0..10).for_each(|number| queue.write_all(&[number]).unwrap());
        let dropped = queue.dropped();
        assert!(dropped == 7 || dropped == 8, "{dropped}");
        (0..10).for_each(|_| read.send(()).unwrap());
        let kept = 10 - dropped as u8;
        assert!((0..kept).all(|_| lines.recv().is_ok()));
        queue.write_all(b"last").unwrap();
        queue.flush();
        assert_eq!(lines.try_recv().unwrap(), b"last", "written when it is flushed");
    }
}
