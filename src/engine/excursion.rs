//! Highest and lowest price since any point in time, for all positions of a symbol at once.
//!
//! Two monotonic stacks: a tick costs amortised constant time regardless of the number of open positions.

use crate::domain::num::Price;

/// Running extremes of a symbol's prices while positions are open.
#[derive(Clone, Default, Debug)]
pub struct Excursion {
    /// Number of prices seen; unlike time it orders prices of the same timestamp.
    seen: u64,
    /// (number, price) of the running maxima: prices fall from front to back.
    highs: Vec<(u64, Price)>,
    /// (number, price) of the running minima: prices rise from front to back.
    lows: Vec<(u64, Price)>,
}

impl Excursion {
    /// Forgets all prices; called when no position is open.
    pub fn clear(&mut self) {
        self.highs.clear();
        self.lows.clear();
    }

    /// Number of prices seen, to be passed to [`Excursion::highest_since`] later.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Adds a traded price.
    #[inline]
    pub fn trade(&mut self, price: Price) {
        self.seen += 1;
        while self.highs.last().is_some_and(|(_, high)| *high <= price) {
            self.highs.pop();
        }
        self.highs.push((self.seen, price));
        while self.lows.last().is_some_and(|(_, low)| *low >= price) {
            self.lows.pop();
        }
        self.lows.push((self.seen, price));
    }

    /// Highest price after the first `seen` prices.
    pub fn highest_since(&self, seen: u64) -> Option<Price> {
        self.highs.get(self.highs.partition_point(|(number, _)| *number <= seen)).map(|(_, price)| *price)
    }

    /// Lowest price after the first `seen` prices.
    pub fn lowest_since(&self, seen: u64) -> Option<Price> {
        self.lows.get(self.lows.partition_point(|(number, _)| *number <= seen)).map(|(_, price)| *price)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_since_any_moment_equal_a_scan() {
        let prices = [10, 12, 11, 9, 9, 13, 8, 10, 10, 7, 11];
        let mut excursion = Excursion::default();
        for (now, price) in prices.iter().enumerate() {
            excursion.trade(Price(*price));
            for from in 0..=now {
                assert_eq!(
                    excursion.highest_since(from as u64).map(|p| p.0),
                    prices[from..=now].iter().copied().max()
                );
                assert_eq!(
                    excursion.lowest_since(from as u64).map(|p| p.0),
                    prices[from..=now].iter().copied().min()
                );
            }
        }
    }
}
