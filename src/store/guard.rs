//! redb may panic on damaged pages. Here such a panic becomes an error, without a message on standard error.

use super::StoreError;
use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// Nesting depth of guards on this thread.
    static GUARDS: Cell<u32> = const { Cell::new(0) };
}

struct Inside;

impl Inside {
    fn enter() -> Inside {
        static QUIET: Once = Once::new();
        QUIET.call_once(|| {
            let loud = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                if GUARDS.get() == 0 {
                    loud(info);
                }
            }));
        });
        GUARDS.set(GUARDS.get() + 1);
        Inside
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        GUARDS.set(GUARDS.get() - 1);
    }
}

/// Runs database work; a panic becomes [`StoreError::Damaged`].
pub fn guarded<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let inside = Inside::enter();
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    drop(inside);
    done.unwrap_or_else(|panic| {
        Err(StoreError::damaged(
            "the store file",
            match message_of(&*panic) {
                // The macro's words say nothing about the file.
                text if text.contains("entered unreachable code") => {
                    "its structure cannot be read".to_owned()
                }
                text => format!("its structure cannot be read ({text})"),
            },
        ))
    })
}

/// First line of a panic's message.
fn message_of(panic: &(dyn Any + Send)) -> &str {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.and_then(|text| text.lines().next()).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_damage_and_guards_may_stand_inside_each_other() {
        let inner = || guarded::<()>(|| panic!("a page\nof a test"));
        let outer = guarded(|| {
            assert!(inner().is_err());
            inner()
        });
        let error = outer.unwrap_err();
        assert_eq!(error.exit_code(), 65);
        assert!(error.to_string().contains("(a page)"), "{error}");
        let error = guarded::<()>(|| unreachable!()).unwrap_err().to_string();
        assert!(error.contains("its structure cannot be read;") && !error.contains("unreachable"), "{error}");
        assert_eq!(GUARDS.get(), 0);
        assert_eq!(guarded(|| Ok(7)).unwrap(), 7);
    }
}
