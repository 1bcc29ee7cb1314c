//! How long to wait between tries that come to nothing.

use crate::domain::time::Span;

/// The longest wait between two tries.
const LONGEST: Span = Span::from_seconds(30);

/// How long is waited before a try that follows so many that came to nothing: twice as long each time.
pub(super) fn backoff(first: Span, tries: u32) -> Span {
    Span::from_nanos(first.nanos() << tries.min(10)).min(LONGEST)
}
