//! What the venue forgets where data is missing. Never: a fill at a price from before.

use super::Venue;
use crate::domain::symbol::SymbolId;

impl Venue {
    /// A symbol's data has a hole: its book is unknown until the next snapshot.
    pub fn on_gap(&mut self, symbol: SymbolId) {
        self.books[symbol.index()].depth.forget();
    }

    /// Nobody looked for a while: nothing is known of any market, so what is sent is refused until something is.
    pub fn on_absence(&mut self) {
        for book in &mut self.books {
            book.depth.forget_all();
            book.last = None;
        }
    }
}
