//! Relative strength index.

use super::on_bars::{BAR_SECONDS, BarFormula, LIVE, OnBars, period};
use super::{Accepts, DataKind, Indicator, IndicatorKind, Look, Missing, Param, Value, number, unchecked};
use crate::checkpoint::saved;
use crate::engine::market::bars::ClosedBar;
use std::collections::VecDeque;

/// `RSI(period)` with Wilder's smoothing (J. W. Wilder, "New Concepts in Technical Trading Systems", 1978) or
/// with simple means (Cutler).
pub static RSI: IndicatorKind = IndicatorKind {
    name: "RSI",
    about: "Share of rises in the recent moves of the close",
    formula: "100 − 100/(1 + G/L), G and L the mean rise and fall per bar; L = 0: 100 if G > 0, 50 if flat",
    unit: "0–100",
    needs: &[DataKind::Price],
    range: Some((0.0, 100.0)),
    params: &[
        period("period", 14, 2, 100),
        Param {
            name: "method",
            accepts: Accepts::Word(&["wilder", "cutler"]),
            about: "how rises and falls are averaged",
        },
        number("t1", 60.0, 1.0, 3_600.0, "accepted for older documents, has no effect"),
        BAR_SECONDS,
        LIVE,
    ],
    check: unchecked,
    build: |spec, wiring| -> Box<dyn Indicator> {
        let period = spec.count("period");
        if spec.word("method") == "cutler" {
            return OnBars::boxed(
                Cutler { period, last: None, moves: VecDeque::with_capacity(period), up: 0, down: 0 },
                spec,
                wiring,
            );
        }
        OnBars::boxed(Wilder { period, last: None, seen: 0, up: 0.0, down: 0.0 }, spec, wiring)
    },
};

fn index(up: f64, down: f64) -> Value {
    Ok(if up + down > 0.0 { 100.0 * up / (up + down) } else { 50.0 })
}

#[derive(Clone, Copy)]
struct Wilder {
    period: usize,
    last: Option<i64>,
    seen: usize,
    /// Sums of rises and falls while seeding, then their smoothed means.
    up: f64,
    down: f64,
}

saved!(Wilder { last, seen, up, down } fixed { period });

impl BarFormula for Wilder {
    fn push(&mut self, bar: &ClosedBar) {
        let Some(last) = self.last.replace(bar.close.0) else { return };
        let change = (bar.close.0 - last) as f64;
        let (up, down) = (change.max(0.0), (-change).max(0.0));
        let n = self.period as f64;
        self.seen += 1;
        if self.seen <= self.period {
            self.up += up;
            self.down += down;
            if self.seen == self.period {
                self.up /= n;
                self.down /= n;
            }
        } else {
            self.up += (up - self.up) / n;
            self.down += (down - self.down) / n;
        }
    }

    fn read(&self, forming: Option<&ClosedBar>, _: &Look<'_>) -> Value {
        if self.seen < self.period {
            return Err(Missing::WarmUp);
        }
        let mut state = *self;
        if let Some(bar) = forming {
            state.push(bar);
        }
        index(state.up, state.down)
    }

    fn restart(&mut self) {
        *self = Wilder { period: self.period, last: None, seen: 0, up: 0.0, down: 0.0 };
    }
}

struct Cutler {
    period: usize,
    last: Option<i64>,
    /// Changes of the last `period` bars and the sums of rises and falls, in ticks; exact.
    moves: VecDeque<i64>,
    up: i64,
    down: i64,
}

saved!(Cutler { last, moves, up, down } fixed { period });

impl Cutler {
    fn sums_with(&self, change: i64) -> (i64, i64) {
        let oldest =
            if self.moves.len() == self.period { self.moves.front().copied().unwrap_or(0) } else { 0 };
        (self.up + change.max(0) - oldest.max(0), self.down + (-change).max(0) - (-oldest).max(0))
    }
}

impl BarFormula for Cutler {
    fn push(&mut self, bar: &ClosedBar) {
        let Some(last) = self.last.replace(bar.close.0) else { return };
        let change = bar.close.0 - last;
        (self.up, self.down) = self.sums_with(change);
        if self.moves.len() == self.period {
            self.moves.pop_front();
        }
        self.moves.push_back(change);
    }

    fn read(&self, forming: Option<&ClosedBar>, _: &Look<'_>) -> Value {
        let Some(last) = self.last.filter(|_| self.moves.len() == self.period) else {
            return Err(Missing::WarmUp);
        };
        let (up, down) = forming.map_or((self.up, self.down), |bar| self.sums_with(bar.close.0 - last));
        index(up as f64, down as f64)
    }

    fn restart(&mut self) {
        self.last = None;
        self.moves.clear();
        (self.up, self.down) = (0, 0);
    }
}
