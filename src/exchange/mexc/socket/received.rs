//! When a message was received, by both clocks.

use crate::domain::time::{Span, Timestamp};

/// When a message was received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Received {
    /// Wall clock.
    pub at: Timestamp,
    /// Steady clock.
    pub steady: Span,
}
