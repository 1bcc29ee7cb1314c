//! Variation of trade prices and quantities, and their correlation.

use super::deal_intervals::MIN_DEALS;
use super::deals::{Pairs, Terms, scaled_covariance, scaled_deviation};
use super::window_params::{T1, T2, one_window};
use super::{DataKind, Indicator, IndicatorKind, Look, MIN_COVERAGE, Missing, Upstream, Value, ratio};
use crate::checkpoint::{plain, saved};
use crate::engine::market::tape::{Needs, Point, PointKind};

/// Standard deviation of the returns from trade to trade.
pub static PRICE_VOLATILITY: IndicatorKind = IndicatorKind {
    name: "PRICE_VOLATILITY",
    about: "Standard deviation of the returns from trade to trade",
    formula: "100·σ (population) of pᵢ₊₁/pᵢ − 1 over trades in (T−t1, T−t2]",
    unit: "%",
    needs: &[DataKind::Trades],
    range: None,
    params: &[T1, T2, MIN_DEALS, MIN_COVERAGE],
    check: one_window,
    build: |spec, wiring| {
        let pairs = Pairs::new(spec, wiring, spec.span("t1"), spec.span("t2"), Needs::NOTHING);
        Box::new(PriceVolatility { pairs, min_deals: spec.number("min_deals") as i64 })
    },
};

/// Relative standard deviation of trade quantities.
pub static DEAL_SIZE_VOLATILITY: IndicatorKind = IndicatorKind {
    name: "DEAL_SIZE_VOLATILITY",
    about: "Standard deviation of trade quantities against their mean",
    formula: "σ (population) of q/mean of q over trades in (T−t1, T−t2]",
    unit: "ratio",
    build: |spec, wiring| {
        let pairs = Pairs::new(spec, wiring, spec.span("t1"), spec.span("t2"), Needs::VOLUME);
        Box::new(SizeVolatility { pairs, min_deals: spec.number("min_deals") as i64 })
    },
    ..PRICE_VOLATILITY
};

/// Correlation of price changes with trade quantities.
pub static VOLUME_PRICE_CORRELATION: IndicatorKind = IndicatorKind {
    name: "VOLUME_PRICE_CORRELATION",
    about: "Pearson correlation of the price change to a trade with the quantity of that trade",
    formula: "Pearson of pᵢ₊₁ − pᵢ and qᵢ₊₁ over trades in (T−t1, T−t2]",
    unit: "−1…1",
    range: Some((-1.0, 1.0)),
    build: |spec, wiring| {
        let pairs = Pairs::new(spec, wiring, spec.span("t1"), spec.span("t2"), Needs::NOTHING);
        Box::new(Correlation { pairs, min_deals: spec.number("min_deals") as i64 })
    },
    ..PRICE_VOLATILITY
};

/// Unit of returns, 2^-46: rounding is below 10^-14, and the squares of 2^22 returns fit an i128.
const RETURN_UNIT: f64 = (1_u64 << 46) as f64;

/// Cap on the return between two trades; larger rises count as this.
const MAX_RETURN: f64 = 64.0;

/// Number, sum and sum of squares of returns in [`RETURN_UNIT`].
#[derive(Default)]
struct Returns {
    count: i64,
    sum: i128,
    sum_of_squares: i128,
}

plain!(struct Returns { count, sum, sum_of_squares });

impl Terms for Returns {
    type Term = i64;

    fn term(earlier: &Point, _: u64, next: &Point) -> Option<i64> {
        let change = (next.price.0 - earlier.price.0) as f64 / earlier.price.0 as f64;
        (next.kind() == PointKind::Trade && change.is_finite())
            .then(|| (change.min(MAX_RETURN) * RETURN_UNIT).round() as i64)
    }

    fn enter(&mut self, term: i64) {
        let term = i128::from(term);
        (self.count, self.sum, self.sum_of_squares) =
            (self.count + 1, self.sum + term, self.sum_of_squares + term * term);
    }

    fn leave(&mut self, term: i64) {
        let term = i128::from(term);
        (self.count, self.sum, self.sum_of_squares) =
            (self.count - 1, self.sum - term, self.sum_of_squares - term * term);
    }
}

struct PriceVolatility {
    pairs: Pairs<Returns>,
    min_deals: i64,
}

saved!(PriceVolatility { pairs } fixed { min_deals });

impl Indicator for PriceVolatility {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let sums = self.pairs.read(look)?.sums;
        if sums.count + 1 < self.min_deals {
            return Err(Missing::TooFew);
        }
        let deviation = scaled_deviation(sums.count, sums.sum_of_squares, sums.sum);
        Ok(100.0 * deviation / (sums.count as f64 * RETURN_UNIT))
    }
}

/// Sum of squared lots, without the pending trade.
#[derive(Default)]
struct SquaredSizes(i128);

plain!(struct SquaredSizes(sum));

impl Terms for SquaredSizes {
    type Term = i128;

    fn term(earlier: &Point, _: u64, _: &Point) -> Option<i128> {
        Some(i128::from(earlier.qty().0) * i128::from(earlier.qty().0))
    }

    fn enter(&mut self, square: i128) {
        self.0 = self.0.wrapping_add(square);
    }

    fn leave(&mut self, square: i128) {
        self.0 = self.0.wrapping_sub(square);
    }
}

struct SizeVolatility {
    pairs: Pairs<SquaredSizes>,
    min_deals: i64,
}

saved!(SizeVolatility { pairs } fixed { min_deals });

impl Indicator for SizeVolatility {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let pairs = self.pairs.read(look)?;
        let (count, sum) = (pairs.slice.count(), pairs.slice.qty());
        if count < self.min_deals {
            return Err(Missing::TooFew);
        }
        let last = pairs.pending.map_or(0, |point| i128::from(point.qty().0));
        ratio(scaled_deviation(count, pairs.sums.0.wrapping_add(last * last), i128::from(sum)), sum as f64)
    }
}

/// Sums over price changes x (ticks) and quantities y (lots).
#[derive(Default)]
struct Products {
    count: i64,
    x: i128,
    y: i128,
    xx: i128,
    yy: i128,
    xy: i128,
}

plain!(struct Products { count, x, y, xx, yy, xy });

impl Terms for Products {
    type Term = (i64, i64);

    fn term(earlier: &Point, _: u64, next: &Point) -> Option<(i64, i64)> {
        (next.kind() == PointKind::Trade).then(|| (next.price.0 - earlier.price.0, next.qty().0))
    }

    fn enter(&mut self, (x, y): (i64, i64)) {
        let (x, y) = (i128::from(x), i128::from(y));
        (self.count, self.x, self.y) = (self.count + 1, self.x + x, self.y + y);
        (self.xx, self.yy, self.xy) =
            (self.xx.wrapping_add(x * x), self.yy.wrapping_add(y * y), self.xy.wrapping_add(x * y));
    }

    fn leave(&mut self, (x, y): (i64, i64)) {
        let (x, y) = (i128::from(x), i128::from(y));
        (self.count, self.x, self.y) = (self.count - 1, self.x - x, self.y - y);
        (self.xx, self.yy, self.xy) =
            (self.xx.wrapping_sub(x * x), self.yy.wrapping_sub(y * y), self.xy.wrapping_sub(x * y));
    }
}

struct Correlation {
    pairs: Pairs<Products>,
    min_deals: i64,
}

saved!(Correlation { pairs } fixed { min_deals });

impl Indicator for Correlation {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let sums = self.pairs.read(look)?.sums;
        if sums.count + 1 < self.min_deals {
            return Err(Missing::TooFew);
        }
        let covariance = scaled_covariance(sums.count, sums.xy, sums.x, sums.y);
        let deviations =
            scaled_deviation(sums.count, sums.xx, sums.x) * scaled_deviation(sums.count, sums.yy, sums.y);
        Ok(ratio(covariance, deviations)?.clamp(-1.0, 1.0))
    }
}
