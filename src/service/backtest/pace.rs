//! How fast a replay goes and when it ends: a feed that hands out no event before its time has come.
//!
//! Never changes what is replayed or in which order, so never a result. A wait ends at once when the run shall end.

use crate::clock::Stopwatch;
use crate::domain::time::{Span, Timestamp};
use crate::session::ports::{Chunk, Feed, FeedError, Tick};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Events of a paced replay come in portions of this much real time.
const PORTION: Span = Span::from_millis(20);

/// The wish that a run ends, from any thread.
#[derive(Default, Debug)]
pub struct Control {
    stop: AtomicBool,
    waiting: Mutex<()>,
    asked: Condvar,
}

impl Control {
    /// Asks the run to end. It closes what is open and ends as at the end of its data.
    pub fn stop(&self) {
        // Under the lock, so that no waiter looks before and sleeps behind this.
        let _waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        self.stop.store(true, Ordering::Release);
        self.asked.notify_all();
    }

    /// Whether somebody asked the run to end.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Waits this long, or until the run shall end.
    fn wait(&self, span: Span) {
        let for_long = Duration::from_nanos(span.nanos().max(0).unsigned_abs());
        let guard = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // What woke it does not matter: the caller looks at the clock and at the wish again.
        drop(self.asked.wait_timeout_while(guard, for_long, |()| !self.is_stopped()));
    }
}

/// A feed at a multiple of real time; 0 is as fast as possible. It is over when the run shall end.
pub struct Paced<'a> {
    feed: Box<dyn Feed + 'a>,
    control: &'a Control,
    speed: f64,
    start: Option<(Stopwatch, Timestamp)>,
    /// What the feed gave and how many ticks of it have been handed out.
    read: Chunk,
    used: usize,
    cut: bool,
}

impl<'a> Paced<'a> {
    /// Over a feed that has not begun.
    pub fn new(feed: Box<dyn Feed + 'a>, speed: f64, control: &'a Control) -> Self {
        Paced { feed, control, speed, start: None, read: Chunk::default(), used: 0, cut: false }
    }

    /// Whether it ended because somebody asked for it, before its data did.
    pub fn was_cut(&self) -> bool {
        self.cut
    }

    fn cut(&mut self, chunk: &mut Chunk) -> bool {
        chunk.clear();
        self.cut = self.control.is_stopped();
        self.cut
    }

    /// Hands out every tick whose time has come; waits while there is none.
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
            self.control.wait(left.max(PORTION));
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

    /// Ticks a second apart, in chunks of three, books among them.
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
        let control = Control::default();
        let fast = all(&mut Paced::new(Box::new(Seconds(0, 100)), 0.0, &control));
        assert_eq!(fast.len(), 100);
        for speed in [2_000.0, 1e6] {
            assert_eq!(all(&mut Paced::new(Box::new(Seconds(0, 100)), speed, &control)), fast, "{speed}");
        }
    }

    #[test]
    fn nothing_comes_before_its_time() {
        let control = Control::default();
        let watch = Stopwatch::start();
        all(&mut Paced::new(Box::new(Seconds(0, 11)), 100.0, &control));
        assert!(watch.elapsed() >= Span::from_millis(100));
    }

    #[test]
    fn a_wait_ends_at_once_when_the_run_shall_end() {
        let control = Control::default();
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
