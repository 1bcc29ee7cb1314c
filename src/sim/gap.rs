//! What the venue forgets when data is missing.

use super::Venue;
use crate::domain::symbol::SymbolId;

impl Venue {
    /// A symbol's data has a gap: its book is empty until the next update. The last price is kept.
    pub fn on_gap(&mut self, symbol: SymbolId) {
        self.books[symbol.index()].depth.forget();
    }

    /// Nothing was observed for a while: books and last prices are unknown, so orders are rejected until new
    /// data arrives.
    pub fn on_absence(&mut self) {
        for book in &mut self.books {
            book.depth.forget_all();
            book.last = None;
        }
    }
}
