//! Standard error behind a queue: whoever logs, a session's thread among them, waits for nobody who reads it.
//!
//! Invariants: lines are written in the order in which they were said; those that found no room are counted,
//! and the count is said as soon as nothing waits; those that could not be written are counted only.

use crate::clock::Stopwatch;
use crate::domain::time::Span;
use crate::limits::LOG_FLUSH_MS;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::Builder;
use std::time::Duration;

/// Pause between two tries to write to what is full.
const PAUSE: Duration = Duration::from_millis(5);

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
        LineQueue::start_with(out, lines, |lines, total| {
            tracing::error!(
                lines,
                total,
                "lines of the log were dropped: standard error is not read fast enough"
            );
        })
    }

    /// As [`LineQueue::start`]; `tell` says how many lines were dropped since the last time, and in all.
    fn start_with(
        out: impl Write + Send + 'static,
        lines: usize,
        tell: impl Fn(u64, u64) + Send + 'static,
    ) -> io::Result<LineQueue> {
        let (entries, waiting) = sync_channel(lines);
        let dropped = Arc::<AtomicU64>::default();
        let counted = Arc::clone(&dropped);
        Builder::new().name("log".to_owned()).spawn(move || write(out, &waiting, &counted, &tell))?;
        Ok(LineQueue { entries, dropped })
    }

    /// How many lines found no room or could not be written.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until what was said so far is written. Gives up when nobody reads.
    pub(super) fn flush(&self) {
        let (done, written) = sync_channel(1);
        let patience = Span::from_millis(LOG_FLUSH_MS as i64);
        let watch = Stopwatch::start();
        while let Err(TrySendError::Full(_)) = self.entries.try_send(Entry::Flush(done.clone())) {
            if watch.elapsed() > patience {
                return;
            }
            std::thread::sleep(PAUSE);
        }
        let left = (patience - watch.elapsed()).nanos().max(0).unsigned_abs();
        let _ = written.recv_timeout(Duration::from_nanos(left));
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

fn write(mut out: impl Write, waiting: &Receiver<Entry>, dropped: &AtomicU64, tell: &dyn Fn(u64, u64)) {
    let mut told = 0;
    loop {
        let entry = match waiting.try_recv() {
            Ok(entry) => entry,
            Err(_) => {
                // Nothing waits, so the line about dropped ones takes no other line's room.
                let total = dropped.load(Ordering::Relaxed);
                if total > told {
                    let lines = total - std::mem::replace(&mut told, total);
                    tell(lines, total);
                }
                let Ok(entry) = waiting.recv() else { return };
                entry
            }
        };
        match entry {
            Entry::Line(line) => {
                if write_whole(&mut out, &line).is_err() {
                    // Counted, not said: a line about it would fail as well, and be one more to tell of.
                    dropped.fetch_add(1, Ordering::Relaxed);
                    told += 1;
                }
            }
            Entry::Flush(done) => _ = done.send(()),
        }
    }
}

/// Writes a line, waiting for the reader of a pipe that does not wait itself.
fn write_whole(out: &mut impl Write, mut line: &[u8]) -> io::Result<()> {
    while !line.is_empty() {
        match out.write(line) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => line = &line[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(PAUSE),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
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
        let (told, tellings) = channel();
        let tell = move |lines, total| told.send((lines, total)).unwrap();
        let mut queue = LineQueue::start_with(Slow(go, to), 2, tell).unwrap();
        // One is being written, at the latest when it has been said, and two wait.
        (0..10).for_each(|number| queue.write_all(&[number]).unwrap());
        let dropped = queue.dropped();
        assert!(dropped == 7 || dropped == 8, "{dropped}");
        (0..10).for_each(|_| read.send(()).unwrap());
        let kept = 10 - dropped as u8;
        assert!((0..kept).all(|_| lines.recv().is_ok()));
        assert_eq!(tellings.recv(), Ok((dropped, dropped)), "once nothing waits");
        queue.write_all(b"last").unwrap();
        queue.flush();
        assert_eq!(lines.try_recv().unwrap(), b"last", "written when it is flushed");
    }

    #[test]
    fn of_lines_that_cannot_be_written_no_further_line_is_made() {
        struct Broken;
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (told, tellings) = channel();
        let mut queue = LineQueue::start_with(Broken, 8, move |lines, _| told.send(lines).unwrap()).unwrap();
        for _ in 0..2 {
            queue.write_all(b"lost").unwrap();
            // The second time nothing has waited in between.
            LineQueue::flush(&queue);
        }
        assert_eq!((queue.dropped(), tellings.try_recv().ok()), (2, None));
    }

    #[test]
    fn a_flush_finds_room_in_a_queue_that_is_full_and_read_slowly() {
        let ((read, go), (to, lines)) = (channel(), channel());
        let mut queue = LineQueue::start_with(Slow(go, to), 2, |_, _| ()).unwrap();
        (0..10).for_each(|number| queue.write_all(&[number]).unwrap());
        let kept = 10 - queue.dropped() as usize;
        let reader = std::thread::spawn(move || (0..kept).for_each(|_| read.send(()).unwrap()));
        queue.flush();
        assert_eq!(lines.try_iter().count(), kept, "all that was said is written");
        reader.join().unwrap();
    }
}
