//! Best and worst prices since any moment, for all positions of a symbol at once.
//!
//! Two monotonic stacks: a tick costs amortised constant work however many positions are open.

use crate::domain::num::Price;
use crate::domain::time::Timestamp;

/// Running extremes since the oldest open position of a symbol.
#[derive(Clone, Default, Debug)]
pub struct Excursion {
    /// Highest since: prices fall from front to back.
    highs: Vec<(Timestamp, Price)>,
    /// Lowest since: prices rise from front to back.
    lows: Vec<(Timestamp, Price)>,
}

impl Excursion {
    /// Nobody holds anything: forget.
    pub fn clear(&mut self) {
        self.highs.clear();
        self.lows.clear();
    }

    /// A price was traded.
    #[inline]
    pub fn trade(&mut self, at: Timestamp, price: Price) {
        while self.highs.last().is_some_and(|(_, high)| *high <= price) {
            self.highs.pop();
        }
        self.highs.push((at, price));
        while self.lows.last().is_some_and(|(_, low)| *low >= price) {
            self.lows.pop();
        }
        self.lows.push((at, price));
    }

    /// Highest price at or after a moment.
    pub fn highest_since(&self, at: Timestamp) -> Option<Price> {
        self.highs.get(self.highs.partition_point(|(when, _)| *when < at)).map(|(_, price)| *price)
    }

    /// Lowest price at or after a moment.
    pub fn lowest_since(&self, at: Timestamp) -> Option<Price> {
        self.lows.get(self.lows.partition_point(|(when, _)| *when < at)).map(|(_, price)| *price)
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
            excursion.trade(Timestamp::from_seconds(now as i64), Price(*price));
            for from in 0..=now {
                let at = Timestamp::from_seconds(from as i64);
                assert_eq!(excursion.highest_since(at).map(|p| p.0), prices[from..=now].iter().copied().max());
                assert_eq!(excursion.lowest_since(at).map(|p| p.0), prices[from..=now].iter().copied().min());
            }
        }
    }
}
