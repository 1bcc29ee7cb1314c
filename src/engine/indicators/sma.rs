//! Simple moving average and Bollinger bands: mean and standard deviation of the last closes.
//!
//! The sums of closes and of their squares are integers, so no error accumulates.

use super::on_bars::{BAR_SECONDS, BarFormula, LIVE, OnBars, period};
use super::{Accepts, DataKind, IndicatorKind, Look, Missing, Param, Value, number, ratio, unchecked};
use crate::checkpoint::saved;
use crate::engine::market::bars::ClosedBar;
use std::collections::VecDeque;

/// `SMA(period)`.
pub static SMA: IndicatorKind = IndicatorKind {
    name: "SMA",
    about: "Simple moving average of the close",
    formula: "Σ close / period over the last bars",
    unit: "price",
    needs: &[DataKind::Price],
    range: None,
    params: &[period("period", 20, 1, 500), BAR_SECONDS, LIVE],
    check: unchecked,
    build: |spec, wiring| OnBars::boxed(Sma(Closes::new(spec.count("period"))), spec, wiring),
};

/// One line of the Bollinger bands (J. Bollinger, "Bollinger on Bollinger Bands", 2001).
pub static BOLLINGER_BANDS: IndicatorKind = IndicatorKind {
    name: "BOLLINGER_BANDS",
    about: "Band of the close around its mean, and where the close stands in it",
    formula: "mid = SMA(period); lower, upper = mid ∓ deviations·σ (population); percent_b = (close − lower)/(upper − lower); \
              width = (upper − lower)/mid",
    unit: "price (lower, mid, upper) or ratio (percent_b, width)",
    needs: &[DataKind::Price],
    range: None,
    params: &[
        period("period", 20, 2, 500),
        number("deviations", 2.0, 0.1, 10.0, "standard deviations from mid to a band"),
        Param {
            name: "output",
            accepts: Accepts::Word(&["lower", "mid", "upper", "percent_b", "width"]),
            about: "which line",
        },
        BAR_SECONDS,
        LIVE,
    ],
    check: unchecked,
    build: |spec, wiring| {
        let line = match spec.word("output") {
            "mid" => Line::Mid,
            "upper" => Line::Upper,
            "percent_b" => Line::PercentB,
            "width" => Line::Width,
            _ => Line::Lower,
        };
        let bands = Bollinger {
            closes: Closes::new(spec.count("period")),
            deviations: spec.number("deviations"),
            line,
        };
        OnBars::boxed(bands, spec, wiring)
    },
};

struct Sma(Closes);

saved!(Sma { 0 });

impl BarFormula for Sma {
    fn push(&mut self, bar: &ClosedBar) {
        self.0.push(bar);
    }

    fn read(&self, forming: Option<&ClosedBar>, look: &Look<'_>) -> Value {
        Ok(look.price(self.0.read(forming)?.mean()))
    }

    fn restart(&mut self) {
        self.0.restart();
    }
}

#[derive(Clone, Copy)]
enum Line {
    Lower,
    Mid,
    Upper,
    PercentB,
    Width,
}

struct Bollinger {
    closes: Closes,
    deviations: f64,
    line: Line,
}

saved!(Bollinger { closes } fixed { deviations, line });

impl BarFormula for Bollinger {
    fn push(&mut self, bar: &ClosedBar) {
        self.closes.push(bar);
    }

    fn read(&self, forming: Option<&ClosedBar>, look: &Look<'_>) -> Value {
        let sums = self.closes.read(forming)?;
        let (mid, band) = (sums.mean(), self.deviations * sums.deviation());
        match self.line {
            Line::Lower => Ok(look.price(mid - band)),
            Line::Mid => Ok(look.price(mid)),
            Line::Upper => Ok(look.price(mid + band)),
            Line::PercentB => ratio(sums.last as f64 - (mid - band), 2.0 * band),
            Line::Width => ratio(2.0 * band, mid),
        }
    }

    fn restart(&mut self) {
        self.closes.restart();
    }
}

/// The last closes in ticks and their sums.
struct Closes {
    period: usize,
    ring: VecDeque<i64>,
    sum: i128,
    sum_of_squares: i128,
}

saved!(Closes { ring, sum, sum_of_squares } fixed { period });

/// Sums over exactly `period` closes.
struct Sums {
    count: i128,
    sum: i128,
    sum_of_squares: i128,
    last: i64,
}

impl Closes {
    fn new(period: usize) -> Self {
        Closes { period, ring: VecDeque::with_capacity(period), sum: 0, sum_of_squares: 0 }
    }

    fn push(&mut self, bar: &ClosedBar) {
        if self.ring.len() == self.period
            && let Some(oldest) = self.ring.pop_front().map(i128::from)
        {
            self.sum -= oldest;
            self.sum_of_squares -= oldest * oldest;
        }
        let close = i128::from(bar.close.0);
        self.ring.push_back(bar.close.0);
        self.sum += close;
        self.sum_of_squares += close * close;
    }

    fn read(&self, forming: Option<&ClosedBar>) -> Result<Sums, Missing> {
        let (Some(oldest), Some(newest)) = (self.ring.front(), self.ring.back()) else {
            return Err(Missing::WarmUp);
        };
        if self.ring.len() < self.period {
            return Err(Missing::WarmUp);
        }
        let mut sums = Sums {
            count: self.period as i128,
            sum: self.sum,
            sum_of_squares: self.sum_of_squares,
            last: *newest,
        };
        if let Some(bar) = forming {
            let (old, new) = (i128::from(*oldest), i128::from(bar.close.0));
            sums.sum += new - old;
            sums.sum_of_squares += new * new - old * old;
            sums.last = bar.close.0;
        }
        Ok(sums)
    }

    fn restart(&mut self) {
        self.ring.clear();
        (self.sum, self.sum_of_squares) = (0, 0);
    }
}

impl Sums {
    fn mean(&self) -> f64 {
        self.sum as f64 / self.count as f64
    }

    /// Population standard deviation.
    fn deviation(&self) -> f64 {
        // 500 closes below 2^53: the products stay below 2^124.
        ((self.count * self.sum_of_squares - self.sum * self.sum) as f64).sqrt() / self.count as f64
    }
}
