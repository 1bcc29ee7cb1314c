//! Limits concurrent password hashing, the most expensive request an anonymous client can make.

use super::{Refusal, RefusalKind, lock};
use crate::limits::{PASSWORD_HASHES, PASSWORD_HASHES_WAITING};
use std::sync::{Condvar, Mutex, PoisonError};

/// A semaphore. Callers wait for a permit; one more is refused when too many wait.
#[derive(Default)]
pub(super) struct HashPermits {
    load: Mutex<Load>,
    free: Condvar,
}

#[derive(Default)]
struct Load {
    working: usize,
    waiting: usize,
}

/// Returns the permit on drop, also after a panic.
struct HashPermit<'a>(&'a HashPermits);

impl HashPermits {
    /// Runs `work` while holding a permit.
    ///
    /// # Errors
    /// `too_many_requests` when too many wait.
    pub(super) fn run<T>(&self, work: impl FnOnce() -> T) -> Result<T, Refusal> {
        let mut load = lock(&self.load);
        if load.waiting >= PASSWORD_HASHES_WAITING {
            let refusal = Refusal::new(
                RefusalKind::TooMany,
                "too_many_requests",
                "too many logins at once: try again in a moment",
            );
            return Err(Refusal { retry_after_s: Some(1), ..refusal });
        }
        load.waiting += 1;
        while load.working >= PASSWORD_HASHES {
            load = self.free.wait(load).unwrap_or_else(PoisonError::into_inner);
        }
        load.waiting -= 1;
        load.working += 1;
        drop(load);
        let _permit = HashPermit(self);
        Ok(work())
    }
}

impl Drop for HashPermit<'_> {
    fn drop(&mut self) {
        lock(&self.0.load).working -= 1;
        self.0.free.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::thread;

    #[test]
    fn two_work_some_wait_and_the_rest_is_refused() {
        let permits = HashPermits::default();
        let (working, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let total = PASSWORD_HASHES + PASSWORD_HASHES_WAITING;
        let (release, gate) = mpsc::channel::<()>();
        let gate = Mutex::new(gate);
        thread::scope(|scope| {
            for _ in 0..total {
                scope.spawn(|| {
                    let work = || {
                        most.fetch_max(working.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        lock(&gate).recv().unwrap();
                        working.fetch_sub(1, Ordering::SeqCst);
                    };
                    permits.run(work).unwrap();
                });
            }
            while lock(&permits.load).waiting < PASSWORD_HASHES_WAITING
                || lock(&permits.load).working < PASSWORD_HASHES
            {
                thread::yield_now();
            }
            let refused = permits.run(|| ()).unwrap_err();
            assert_eq!((refused.kind, refused.retry_after_s), (RefusalKind::TooMany, Some(1)));
            (0..total).for_each(|_| release.send(()).unwrap());
        });
        assert_eq!(most.into_inner(), PASSWORD_HASHES);
        assert!(permits.run(|| ()).is_ok());
    }

    #[test]
    fn a_panic_gives_its_place_back() {
        let permits = HashPermits::default();
        for _ in 0..=PASSWORD_HASHES {
            let work = || permits.run(|| panic!("the work of a test"));
            assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).is_err());
        }
        assert!(permits.run(|| ()).is_ok());
    }
}
