//! Market data of a run, read once and shared by all trials.

use crate::limits::SWEEP_SHARED_BYTES;
use crate::session::ports::{Chunk, Feed, FeedError, Tick, TickKind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// All ticks of a run in memory.
pub(super) struct Ticks {
    chunks: Vec<Chunk>,
    bytes: usize,
    /// Where `bytes` are counted while this exists.
    held: Arc<AtomicUsize>,
}

impl Drop for Ticks {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// What a trial gets of a slot.
pub(super) enum TrialTicks {
    /// The ticks.
    Ticks(Arc<Ticks>),
    /// They do not fit into memory: the trial reads them itself.
    TooLarge,
    /// Another trial could not read them and says why.
    Unreadable,
}

/// The ticks of one run, loaded when the first trial needs them and dropped when the last is done with them.
pub(super) struct SharedTicks {
    state: Mutex<SharedTicksState>,
    held: Arc<AtomicUsize>,
    bound: usize,
}

struct SharedTicksState {
    /// Trials that will still ask.
    waiting: usize,
    loaded: Loaded,
}

enum Loaded {
    NotYet,
    Ticks(Arc<Ticks>),
    TooLarge,
    Failed,
}

impl SharedTicks {
    /// For `trials` trials; `held` counts the bytes of all slots together.
    pub(super) fn new(trials: usize, held: &Arc<AtomicUsize>) -> Self {
        SharedTicks::bounded(trials, held, SWEEP_SHARED_BYTES)
    }

    fn bounded(trials: usize, held: &Arc<AtomicUsize>, bound: usize) -> Self {
        SharedTicks {
            state: Mutex::new(SharedTicksState { waiting: trials, loaded: Loaded::NotYet }),
            held: Arc::clone(held),
            bound,
        }
    }

    /// The ticks for one trial. `open` gives the feed; others wait while it is read, and it is read once,
    /// also where that fails.
    ///
    /// # Errors
    /// As `open` and [`Feed::next`], for the trial that reads.
    pub(super) fn take<'f, E: From<FeedError>>(
        &self,
        open: impl FnOnce() -> Result<Box<dyn Feed + 'f>, E>,
    ) -> Result<TrialTicks, E> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting = state.waiting.saturating_sub(1);
        if matches!(state.loaded, Loaded::NotYet) {
            state.loaded = Loaded::Failed;
            state.loaded = match load(open()?, &self.held, self.bound)? {
                Some(ticks) => Loaded::Ticks(ticks),
                None => Loaded::TooLarge,
            };
        }
        let shared = match &state.loaded {
            Loaded::Ticks(ticks) => TrialTicks::Ticks(Arc::clone(ticks)),
            Loaded::TooLarge => TrialTicks::TooLarge,
            Loaded::Failed | Loaded::NotYet => TrialTicks::Unreadable,
        };
        if state.waiting == 0 {
            state.loaded = Loaded::NotYet;
        }
        Ok(shared)
    }
}

fn load<E: From<FeedError>>(
    mut feed: Box<dyn Feed + '_>,
    held: &Arc<AtomicUsize>,
    bound: usize,
) -> Result<Option<Arc<Ticks>>, E> {
    let mut ticks = Ticks { chunks: Vec::new(), bytes: 0, held: Arc::clone(held) };
    loop {
        let mut chunk = Chunk::default();
        if !feed.next(&mut chunk)? {
            return Ok(Some(Arc::new(ticks)));
        }
        let bytes = size(&chunk);
        ticks.bytes += bytes;
        if held.fetch_add(bytes, Ordering::Relaxed) + bytes > bound {
            return Ok(None);
        }
        ticks.chunks.push(chunk);
    }
}

/// Bytes of a chunk in memory.
fn size(chunk: &Chunk) -> usize {
    let levels = |tick: &Tick| match tick.kind {
        TickKind::BookSnapshot { bids, asks, .. } => (bids + asks) as usize,
        TickKind::BookChange { count, .. } => count as usize,
        _ => 0,
    };
    const LEVEL_BYTES: usize = 24;
    chunk.ticks().iter().map(|tick| size_of::<Tick>() + LEVEL_BYTES * levels(tick)).sum()
}

/// Replays ticks that are in memory.
pub(super) struct Replay {
    ticks: Arc<Ticks>,
    next: usize,
}

impl Replay {
    /// From the first tick on.
    pub(super) fn new(ticks: Arc<Ticks>) -> Self {
        Replay { ticks, next: 0 }
    }
}

impl Feed for Replay {
    fn next(&mut self, chunk: &mut Chunk) -> Result<bool, FeedError> {
        chunk.clear();
        let Some(next) = self.ticks.chunks.get(self.next) else { return Ok(false) };
        self.next += 1;
        next.ticks().iter().for_each(|tick| chunk.push_from(next, tick));
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::Trade;
    use crate::domain::num::{Price, Qty};
    use crate::domain::order::Side;
    use crate::domain::symbol::SymbolId;
    use crate::domain::time::Timestamp;

    /// Three chunks of one trade.
    struct Three(i64);

    impl Feed for Three {
        fn next(&mut self, chunk: &mut Chunk) -> Result<bool, FeedError> {
            chunk.clear();
            self.0 += 1;
            let trade = Trade { price: Price(self.0), qty: Qty(1), taker: Side::Buy };
            if self.0 <= 3 {
                chunk.push(Timestamp::from_seconds(self.0), SymbolId(0), TickKind::Trade(trade));
            }
            Ok(self.0 <= 3)
        }
    }

    fn take(slot: &SharedTicks, reads: &AtomicUsize) -> Option<Arc<Ticks>> {
        let open = || {
            reads.fetch_add(1, Ordering::Relaxed);
            Ok::<_, FeedError>(Box::new(Three(0)) as Box<dyn Feed>)
        };
        match slot.take(open).unwrap() {
            TrialTicks::Ticks(ticks) => Some(ticks),
            _ => None,
        }
    }

    #[test]
    fn what_cannot_be_read_is_tried_once() {
        let held = Arc::new(AtomicUsize::new(0));
        let slot = SharedTicks::new(3, &held);
        assert!(slot.take(|| Err(FeedError("damaged".to_owned()))).is_err());
        for _ in 0..2 {
            let again = || -> Result<Box<dyn Feed>, FeedError> { panic!("it was tried before") };
            assert!(matches!(slot.take(again), Ok(TrialTicks::Unreadable)));
        }
        assert_eq!(held.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn ticks_are_read_once_replayed_as_they_were_and_given_back_after_the_last_trial() {
        let (held, reads) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
        let slot = SharedTicks::new(2, &held);
        for _ in 0..2 {
            let mut replay = Replay::new(take(&slot, &reads).unwrap());
            let (mut feed, mut a, mut b) = (Three(0), Chunk::default(), Chunk::default());
            while feed.next(&mut a).unwrap() {
                assert!(replay.next(&mut b).unwrap());
                assert_eq!(a.ticks(), b.ticks());
            }
            assert!(!replay.next(&mut b).unwrap());
        }
        assert_eq!((reads.into_inner(), held.load(Ordering::Relaxed)), (1, 0));
    }

    #[test]
    fn what_does_not_fit_is_left_to_each_trial() {
        let (held, reads) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
        let slot = SharedTicks::bounded(3, &held, 2 * size_of::<Tick>());
        assert!((0..3).all(|_| take(&slot, &reads).is_none()));
        assert_eq!((reads.into_inner(), held.load(Ordering::Relaxed)), (1, 0), "it is not tried again");
    }
}
