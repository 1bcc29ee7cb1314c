//! Faults of a market that last: recorded prices moved by a jump, and bids that are not shown.

use super::Market;
use super::ladder::{Ladder, LadderChange};
use crate::domain::decimal::Decimal;
use crate::domain::num::{Price, Qty};
use crate::domain::order::Side;

impl Market {
    /// Moves all prices by a fraction of the last one, now and in what is replayed later.
    pub fn jump(&mut self, rate: f64, at_ms: i64) {
        let Some(base) = self.last.or(self.fair()) else { return };
        let by = (base.0 as f64 * rate).round() as i64;
        let moved = |price: Price| Price((price.0 + by).max(1));
        self.shift += by;
        self.last = self.last.map(moved);
        let decimal =
            |market: &Market, value: Decimal| market.spec.price_decimal(moved(market.nearest(value)));
        self.mark = self.mark.map(|mark| decimal(self, mark));
        self.index = self.index.map(|index| decimal(self, index));
        let levels: Vec<LadderChange> = [Side::Buy, Side::Sell]
            .into_iter()
            .flat_map(|side| self.ladder.side(side).map(move |(price, qty)| (side, price, qty)))
            .map(|(side, price, qty)| LadderChange { side, price: moved(price), qty })
            .collect();
        self.replace_book(&levels);
        self.commit(at_ms);
    }

    /// A recorded price, moved by the jumps so far.
    pub(super) fn moved(&self, value: Decimal) -> Decimal {
        if self.shift == 0 {
            return value;
        }
        self.spec.price_decimal(Price((self.nearest(value).0 + self.shift).max(1)))
    }

    /// Empties the bids; the recorded ones are followed unseen.
    pub fn hide_bids(&mut self, at_ms: i64) {
        if self.hidden.is_some() {
            return;
        }
        let bids: Vec<Price> = self.ladder.side(Side::Buy).map(|(price, _)| price).collect();
        self.hidden = Some(self.ladder.clone());
        for price in bids {
            self.ladder.set(LadderChange { side: Side::Buy, price, qty: Qty::ZERO }, &mut self.changed);
        }
        self.commit(at_ms);
    }

    /// Shows the recorded bids again.
    pub fn show_bids(&mut self, at_ms: i64) {
        self.bids_back_ms = None;
        let Some(hidden) = self.hidden.take() else { return };
        for (price, qty) in hidden.side(Side::Buy) {
            self.ladder.set(LadderChange { side: Side::Buy, price, qty }, &mut self.changed);
        }
        self.commit(at_ms);
    }

    /// Whether something here ends by itself.
    pub fn is_passing(&self) -> bool {
        self.moved_fair.is_some()
            || self.moved_index.is_some()
            || self.bids_back_ms.is_some()
            || self.closes_ms.is_some()
    }

    /// Sets a level of the shown book, or of the hidden bids.
    pub(super) fn set_level(&mut self, change: LadderChange) {
        match &mut self.hidden {
            Some(hidden) if change.side == Side::Buy => hidden.set(change, &mut Vec::new()),
            _ => self.ladder.set(change, &mut self.changed),
        }
    }

    /// Replaces the shown book, or its asks and the hidden bids.
    pub(super) fn replace_book(&mut self, levels: &[LadderChange]) {
        let Some(hidden) = &mut self.hidden else {
            self.ladder.replace(levels, &mut self.changed);
            return;
        };
        *hidden = Ladder::default();
        hidden.replace(levels, &mut Vec::new());
        let asks: Vec<LadderChange> =
            levels.iter().filter(|level| level.side == Side::Sell).copied().collect();
        self.ladder.replace(&asks, &mut self.changed);
    }
}
