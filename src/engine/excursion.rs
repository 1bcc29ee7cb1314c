//! Highest and lowest price since any moment at which somebody may begin to ask, for all positions of a
//! symbol at once.
//!
//! Prices between two such moments count as one stretch, so a price costs two comparisons. Of the stretches,
//! two monotonic stacks keep what can still be an extreme.

use crate::checkpoint::saved;
use crate::domain::num::Price;

/// Running extremes of a symbol's prices while positions are open.
#[derive(Clone, Default, Debug)]
pub struct Excursion {
    /// Number of stretches that have ended; unlike time it orders prices of the same timestamp.
    ended: u64,
    /// Lowest and highest price since then.
    current: Option<(Price, Price)>,
    /// (number, price) of the running maxima: prices fall from front to back.
    highs: Vec<(u64, Price)>,
    /// (number, price) of the running minima: prices rise from front to back.
    lows: Vec<(u64, Price)>,
}

saved!(Excursion { ended, current, highs, lows });

impl Excursion {
    /// Forgets all prices; called when no position is open.
    pub fn clear(&mut self) {
        self.current = None;
        self.highs.clear();
        self.lows.clear();
    }

    /// Ends a stretch. Returns this moment, to be passed to [`Excursion::highest_since`] later.
    pub fn moment(&mut self) -> u64 {
        if let Some((low, high)) = self.current.take() {
            self.ended += 1;
            while self.highs.last().is_some_and(|(_, older)| *older <= high) {
                self.highs.pop();
            }
            self.highs.push((self.ended, high));
            while self.lows.last().is_some_and(|(_, older)| *older >= low) {
                self.lows.pop();
            }
            self.lows.push((self.ended, low));
        }
        self.ended
    }

    /// Adds a traded price.
    #[inline]
    pub fn trade(&mut self, price: Price) {
        let (low, high) = self.current.unwrap_or((price, price));
        self.current = Some((low.min(price), high.max(price)));
    }

    /// Highest price since a moment.
    pub fn highest_since(&self, moment: u64) -> Option<Price> {
        let ended = self.highs.get(self.highs.partition_point(|(number, _)| *number <= moment));
        ended.map(|(_, price)| *price).max(self.current.map(|(_, high)| high))
    }

    /// Lowest price since a moment.
    pub fn lowest_since(&self, moment: u64) -> Option<Price> {
        let ended = self.lows.get(self.lows.partition_point(|(number, _)| *number <= moment));
        ended.map(|(_, price)| *price).into_iter().chain(self.current.map(|(low, _)| low)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_since_any_moment_equal_a_scan() {
        let prices = [10, 12, 11, 9, 9, 13, 8, 10, 10, 7, 11];
        // Bit `n` says whether somebody may ask since the moment before price `n`.
        for asked in 0..1_u32 << prices.len() {
            let (mut excursion, mut moments) = (Excursion::default(), Vec::new());
            for (now, price) in prices.iter().enumerate() {
                if asked >> now & 1 == 1 {
                    moments.push((now, excursion.moment()));
                }
                excursion.trade(Price(*price));
                for (from, moment) in &moments {
                    let since = &prices[*from..=now];
                    assert_eq!(excursion.highest_since(*moment), since.iter().max().copied().map(Price));
                    assert_eq!(excursion.lowest_since(*moment), since.iter().min().copied().map(Price));
                }
            }
        }
    }

    #[test]
    fn nothing_is_left_of_what_was_forgotten() {
        let mut excursion = Excursion::default();
        let before = excursion.moment();
        excursion.trade(Price(5));
        excursion.clear();
        assert_eq!((excursion.highest_since(before), excursion.lowest_since(before)), (None, None));
        excursion.trade(Price(3));
        assert_eq!(
            (excursion.highest_since(before), excursion.lowest_since(before)),
            (Some(Price(3)), Some(Price(3)))
        );
    }
}
