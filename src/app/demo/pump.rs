//! A generated market with one pump and dump for the demo: no known recording of a real pump has a licence
//! that allows shipping it. Its symbol says that it is generated; the same seed gives the same rows.
//!
//! The shape of real pumps: a calm market, a rise of about 30 % within half a minute in bursts of market buys
//! with several fills in one millisecond, a short top, a fall led by sellers, and a calm end a little above
//! the start.

use crate::domain::rng::Rng;
use std::fmt::Write;

/// The symbol in the rehearsal exchange's spelling.
pub const SYMBOL: &str = "GENERATEDPUMP_USDT";

/// Time of the first row: that of the recording it is merged with.
const BEGIN_US: i64 = 1_723_161_256_800_000;
const SECONDS: i64 = 342;
const SEED: u64 = 9;
/// The price step, and below it the price of the calm market in steps.
const STEP: f64 = 0.000_01;
const CALM_STEPS: f64 = 5_000.0;
const LEVELS: i64 = 20;
const BOOKS_PER_SECOND: i64 = 2;

/// One phase of the market.
struct Phase {
    /// Second at which it ends.
    until: i64,
    /// Price at its end as a multiple of the calm price.
    to: f64,
    /// Market orders per second.
    bursts: i64,
    /// Fills per market order.
    fills: i64,
    /// Buys in ten market orders.
    buys_of_ten: u64,
    /// Mean value of one fill in the quote currency.
    value: f64,
}

const PHASES: [Phase; 6] = [
    Phase { until: 120, to: 1.002, bursts: 1, fills: 1, buys_of_ten: 5, value: 12.0 },
    Phase { until: 128, to: 1.06, bursts: 14, fills: 3, buys_of_ten: 9, value: 150.0 },
    Phase { until: 155, to: 1.31, bursts: 18, fills: 3, buys_of_ten: 8, value: 220.0 },
    Phase { until: 175, to: 1.28, bursts: 12, fills: 2, buys_of_ten: 5, value: 180.0 },
    Phase { until: 240, to: 1.07, bursts: 9, fills: 2, buys_of_ten: 2, value: 120.0 },
    Phase { until: SECONDS, to: 1.03, bursts: 2, fills: 1, buys_of_ten: 5, value: 25.0 },
];

/// Trades and books as CSV.
pub struct Market {
    /// Layout `trades`.
    pub trades: String,
    /// Layout `book20`.
    pub books: String,
}

/// Generates the market; deterministic.
pub fn market() -> Market {
    let mut entropy = Rng::new(SEED);
    let mut market = Market {
        trades: "timestamp_us,symbol,price,quantity,side\n".to_owned(),
        books: "timestamp_us,symbol,side,level,price,quantity\n".to_owned(),
    };
    let (mut begin, mut from) = (0, 1.0);
    for phase in &PHASES {
        for second in begin..phase.until {
            let share = |part: f64| (second as f64 + part - begin as f64) / (phase.until - begin) as f64;
            let level = |part: f64| CALM_STEPS * (from + (phase.to - from) * share(part));
            for half in 0..BOOKS_PER_SECOND {
                let part = half as f64 / BOOKS_PER_SECOND as f64;
                book(
                    &mut market.books,
                    second * 1_000_000 + half * 1_000_000 / BOOKS_PER_SECOND,
                    level(part),
                    &mut entropy,
                );
            }
            for burst in 0..phase.bursts {
                let part = (burst as f64 + entropy.unit()) / phase.bursts as f64;
                trades(
                    &mut market.trades,
                    second * 1_000_000 + (part * 1e6) as i64 / 1_000 * 1_000,
                    level(part),
                    phase,
                    &mut entropy,
                );
            }
        }
        (begin, from) = (phase.until, phase.to);
    }
    market
}

/// Appends one market order: all its fills in one millisecond, each a step worse than the one before.
fn trades(out: &mut String, at_us: i64, level: f64, phase: &Phase, entropy: &mut Rng) {
    let is_buy = entropy.below(10) < phase.buys_of_ten;
    let (side, direction) = if is_buy { ("buy", 1.0) } else { ("sell", -1.0) };
    for fill in 0..phase.fills {
        let price = (level.round() + direction * (1.0 + fill as f64)).max(1.0) * STEP;
        let quantity = (phase.value * (0.5 + entropy.unit()) / price).ceil();
        let _ = writeln!(out, "{},{SYMBOL},{price:.5},{quantity:.0},{side}", BEGIN_US + at_us);
    }
}

/// Appends a book: twenty levels per side, one step apart, with more quantity further out.
fn book(out: &mut String, at_us: i64, level: f64, entropy: &mut Rng) {
    for (side, direction) in [("bid", -1.0), ("ask", 1.0)] {
        for rank in 1..=LEVELS {
            let price = (level.round() + direction * rank as f64).max(1.0) * STEP;
            let quantity = ((400.0 + 60.0 * rank as f64) * (0.6 + 0.8 * entropy.unit()) / price).ceil();
            let _ = writeln!(out, "{},{SYMBOL},{side},{rank},{price:.5},{quantity:.0}", BEGIN_US + at_us);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prices(market: &Market) -> Vec<f64> {
        market.trades.lines().skip(1).map(|line| line.split(',').nth(2).unwrap().parse().unwrap()).collect()
    }

    #[test]
    fn it_is_the_same_each_time_and_its_rows_are_in_order() {
        let market = market();
        assert_eq!(market.trades, super::market().trades);
        for text in [&market.trades, &market.books] {
            let times: Vec<i64> =
                text.lines().skip(1).map(|line| line.split(',').next().unwrap().parse().unwrap()).collect();
            assert!(times.is_sorted() && times.len() > 2_000, "{}", times.len());
        }
    }

    #[test]
    fn it_rises_by_a_third_and_falls_back() {
        let prices = prices(&market());
        let (first, last) = (prices[0], prices[prices.len() - 1]);
        let top = prices.iter().copied().fold(0.0, f64::max);
        assert!(top / first > 1.28 && top / first < 1.36, "{first} {top}");
        assert!(last / first > 1.0 && last / first < 1.06, "{first} {last}");
    }
}
