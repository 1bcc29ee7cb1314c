//! Best and worst prices since any moment, for all positions of a symbol at once.
//!
//! Two monotonic stacks: a tick costs amortised constant work however many positions are open.

use crate::domain::num::Price;

/// Running extremes since the oldest open position of a symbol.
#[derive(Clone, Default, Debug)]
pub struct Excursion {
    /// Prices seen so far; time would not tell those before a fill from those after it in the same moment.
    seen: u64,
    /// Highest since: prices fall from front to back.
    highs: Vec<(u64, Price)>,
    /// Lowest since: prices rise from front to back.
    lows: Vec<(u64, Price)>,
}

impl Excursion {
    /// Nobody holds anything: forget.
    pub fn clear(&mut self) {
        self.highs.clear();
        self.lows.clear();
    }

    /// How many prices were seen: what [`Excursion::highest_since`] counts from.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// A price was traded.
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

    /// Highest price after the first `seen` ones.
    pub fn highest_since(&self, seen: u64) -> Option<Price> {
        self.highs.get(self.highs.partition_point(|(number, _)| *number <= seen)).map(|(_, price)| *price)
    }

    /// Lowest price after the first `seen` ones.
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
