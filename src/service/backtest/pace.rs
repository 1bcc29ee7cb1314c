//! Replay speed and stopping: a feed that holds back each event until it is due.
//!
//! Invariant: pacing changes neither the events nor their order, so it never changes a result. A wait ends as
//! soon as the run is stopped.

use crate::clock::Stopwatch;
use crate::domain::time::{Span, Timestamp};
use crate::session::ports::{Chunk, Feed, FeedError, Tick};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A paced replay hands out events in batches of at least this much real time.
const PORTION: Span = Span::from_millis(20);

/// Stop flag of a run; may be set from any thread.
#[derive(Default, Debug)]
pub struct StopSignal {
    stop: AtomicBool,
    /// Somebody wants the run to look up from its wait.
    look: AtomicBool,
    waiting: Mutex<()>,
    asked: Condvar,
}

impl StopSignal {
    /// Stops the run: it closes open positions and ends as if its data had ended here.
    pub fn stop(&self) {
        // Under the lock, so that a waiter cannot check the flag before and start to wait after this.
        let _waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        self.stop.store(true, Ordering::Release);
        self.asked.notify_all();
    }

    /// Ends a wait for the next event early: the feed then hands out an empty chunk, so that the run's thread
    /// comes to the end of a batch.
    pub fn wake(&self) {
        let _waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        self.look.store(true, Ordering::Release);
        self.asked.notify_all();
    }

    /// Whether [`StopSignal::stop`] was called.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Waits for `span`, or until the run is stopped or woken; whether it was woken.
    fn wait(&self, span: Span) -> bool {
        let for_long = Duration::from_nanos(span.nanos().max(0).unsigned_abs());
        let guard = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // The reason for waking up is irrelevant: the caller checks the clock and the flag again.
        let is_quiet = |(): &mut ()| !self.is_stopped() && !self.look.load(Ordering::Acquire);
        drop(self.asked.wait_timeout_while(guard, for_long, is_quiet));
        self.look.swap(false, Ordering::AcqRel)
    }
}

/// Plays a feed at a multiple of real time; 0 is as fast as possible. Ends early when the run is stopped.
pub struct Paced<'a> {
    feed: Box<dyn Feed + 'a>,
    control: &'a StopSignal,
    speed: f64,
    start: Option<(Stopwatch, Timestamp)>,
    /// The chunk last read from the feed, and how many of its ticks have been handed out.
    read: Chunk,
    used: usize,
    cut: bool,
}

impl<'a> Paced<'a> {
    /// Paces a feed that has not been read yet.
    pub fn new(feed: Box<dyn Feed + 'a>, speed: f64, control: &'a StopSignal) -> Self {
        Paced { feed, control, speed, start: None, read: Chunk::default(), used: 0, cut: false }
    }

    /// Whether the run was stopped before the data ended.
    pub fn was_cut(&self) -> bool {
        self.cut
    }

    fn cut(&mut self, chunk: &mut Chunk) -> bool {
        chunk.clear();
        self.cut = self.control.is_stopped();
        self.cut
    }

    /// Hands out every tick that is due; waits while there is none.
    fn paced(&mut self, chunk: &mut Chunk) -> Result<bool, FeedError> {
        loop {
            if self.cut(chunk) {
                return Ok(false);
            }
            if self.used == self.read.ticks().len() {
                self.used = 0;
                if !self.feed.next(&mut self.read)? {
                    return Ok(false);
                }
            }
            let Some(next) = self.read.ticks().get(self.used) else { continue };
            let (watch, first) = *self.start.get_or_insert_with(|| (Stopwatch::start(), next.at));
            let reached = first + Span::from_seconds_f64(watch.elapsed().seconds_f64() * self.speed);
            if next.at <= reached {
                self.hand_out(reached, chunk);
                return Ok(true);
            }
            let due = Span::from_seconds_f64((next.at - first).seconds_f64() / self.speed);
            let left = Span::from_nanos(due.nanos().saturating_sub(watch.elapsed().nanos()));
            if self.control.wait(left.max(PORTION)) {
                // Cleared by `cut`.
                return Ok(!self.cut(chunk));
            }
        }
    }

    fn hand_out(&mut self, reached: Timestamp, chunk: &mut Chunk) {
        let due = |tick: &&Tick| tick.at <= reached;
        for tick in self.read.ticks()[self.used..].iter().take_while(due) {
            chunk.push_from(&self.read, tick);
        }
        self.used += chunk.ticks().len();
    }
}

impl Feed for Paced<'_> {
    fn next(&mut self, chunk: &mut Chunk) -> Result<bool, FeedError> {
        if self.speed > 0.0 {
            return self.paced(chunk);
        }
        if self.cut(chunk) {
            return Ok(false);
        }
        self.feed.next(chunk)
    }

    fn found_damage(&self) -> bool {
        self.feed.found_damage()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{Level, LevelChange, Trade};
    use crate::domain::num::{Price, Qty};
    use crate::domain::order::Side;
    use crate::domain::symbol::SymbolId;
    use crate::session::ports::TickKind;

    /// Ticks one second apart in chunks of three, some of them books.
    struct Seconds(i64, i64);

    impl Feed for Seconds {
        fn next(&mut self, chunk: &mut Chunk) -> Result<bool, FeedError> {
            chunk.clear();
            for second in (self.0..self.1).take(3) {
                let (at, price) = (Timestamp::from_seconds(second), Price(second));
                let level = Level { price, qty: Qty(1) };
                match second % 3 {
                    0 => chunk.push(
                        at,
                        SymbolId(0),
                        TickKind::Trade(Trade { price, qty: Qty(1), taker: Side::Buy }),
                    ),
                    1 => chunk.push_snapshot(at, SymbolId(0), &[level], &[level, level]),
                    _ => chunk.push_changes(at, SymbolId(0), &[LevelChange { side: Side::Sell, level }]),
                }
            }
            self.0 = (self.0 + 3).min(self.1);
            Ok(!chunk.ticks().is_empty())
        }
    }

    fn all(feed: &mut Paced<'_>) -> Vec<String> {
        let (mut chunk, mut seen) = (Chunk::default(), Vec::new());
        while feed.next(&mut chunk).unwrap() {
            assert!(!chunk.ticks().is_empty());
            seen.extend(chunk.ticks().iter().map(|tick| format!("{} {:?}", tick.at, chunk.market(tick))));
        }
        seen
    }

    #[test]
    fn the_same_ticks_come_at_any_speed() {
        let control = StopSignal::default();
        let fast = all(&mut Paced::new(Box::new(Seconds(0, 100)), 0.0, &control));
        assert_eq!(fast.len(), 100);
        for speed in [2_000.0, 1e6] {
            assert_eq!(all(&mut Paced::new(Box::new(Seconds(0, 100)), speed, &control)), fast, "{speed}");
        }
    }

    #[test]
    fn nothing_comes_before_its_time() {
        let control = StopSignal::default();
        let watch = Stopwatch::start();
        all(&mut Paced::new(Box::new(Seconds(0, 11)), 100.0, &control));
        assert!(watch.elapsed() >= Span::from_millis(100));
    }

    #[test]
    fn a_run_that_is_woken_gets_an_empty_chunk_and_loses_no_event() {
        let control = StopSignal::default();
        let mut feed = Paced::new(Box::new(Seconds(0, 3)), 1e-6, &control);
        let mut chunk = Chunk::default();
        assert!(feed.next(&mut chunk).unwrap() && chunk.ticks().len() == 1);
        // Before the wait begins, and while it lasts.
        control.wake();
        assert!(feed.next(&mut chunk).unwrap() && chunk.ticks().is_empty());
        std::thread::scope(|scope| {
            scope.spawn(|| control.wake());
            assert!(feed.next(&mut chunk).unwrap() && chunk.ticks().is_empty());
        });
        assert_eq!((feed.used, feed.read.ticks().len(), feed.was_cut()), (1, 3, false));
    }

    #[test]
    fn a_wait_ends_at_once_when_the_run_shall_end() {
        let control = StopSignal::default();
        let mut feed = Paced::new(Box::new(Seconds(0, 100)), 1e-6, &control);
        let mut chunk = Chunk::default();
        assert!(feed.next(&mut chunk).unwrap());
        std::thread::scope(|scope| {
            scope.spawn(|| control.stop());
            assert!(!feed.next(&mut chunk).unwrap(), "the next tick is due in eleven days");
        });
        assert!(feed.was_cut() && chunk.ticks().is_empty());
        let mut ended = Paced::new(Box::new(Seconds(0, 1)), 0.0, &control);
        assert!(!ended.next(&mut chunk).unwrap() && ended.was_cut());
    }
}
