//! Compares bar indicators and windowed aggregates with their definitions, recomputed from the whole history.

use super::aggregate_tests::Bench;
use super::{Missing, SlotId, Value};
use crate::domain::order::Side;
use crate::domain::time::{Span, Timestamp};
use proptest::prelude::*;

/// A random event, with the milliseconds since the previous one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Happening {
    Trade { wait: i64, ticks: i64, lots: i64 },
    Gap { wait: i64 },
    Clock { wait: i64 },
}

pub(super) fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let wait = prop_oneof![4 => Just(0), 4 => 1_i64..900, 3 => (0_i64..6).prop_map(|s| s * 500), 1 => 1_000_i64..9_000];
    let one = (wait, 0..20, 1_i64..40, prop_oneof![1 => Just(0_i64), 9 => 1_i64..50]).prop_map(
        |(wait, what, ticks, lots)| match what {
            0 => Happening::Gap { wait },
            1..=3 => Happening::Clock { wait },
            _ => Happening::Trade { wait, ticks, lots },
        },
    );
    prop::collection::vec(one, 1..120)
}

/// A trade (price, quantity), or `None` where the price becomes unknown; times in milliseconds.
pub(super) type Step = (i64, Option<(i64, i64)>);

/// The whole history and a window of it.
struct Naive<'a> {
    steps: &'a [Step],
    from: i64,
    to: i64,
    min_coverage: f64,
}

impl Naive<'_> {
    fn in_force(&self, at: i64) -> Option<(i64, i64)> {
        self.steps.iter().rev().find(|step| step.0 <= at).and_then(|step| step.1)
    }

    /// Runs of trades in the window, separated by gaps.
    fn runs(&self) -> Vec<Vec<(i64, i64, i64)>> {
        let mut runs = vec![Vec::new()];
        for (at, trade) in self.steps.iter().filter(|step| step.0 > self.from && step.0 <= self.to) {
            match trade {
                Some((ticks, lots)) => runs.last_mut().unwrap().push((*at, *ticks, *lots)),
                None => runs.push(Vec::new()),
            }
        }
        runs
    }

    fn trades(&self) -> Vec<(i64, i64, i64)> {
        self.runs().concat()
    }

    fn pairs(&self) -> Vec<[(i64, i64, i64); 2]> {
        self.runs()
            .iter()
            .flat_map(|run| run.windows(2).map(|pair| [pair[0], pair[1]]).collect::<Vec<_>>())
            .collect()
    }

    /// Integral over the window, summed over the intervals between neighbouring steps.
    fn integral(&self, of: impl Fn(i64, i64) -> f64) -> f64 {
        let ends = self.steps.iter().skip(1).map(|step| step.0).chain([i64::MAX]);
        let pieces = self.steps.iter().zip(ends).map(|((at, trade), next)| {
            let held = (next.min(self.to) - (*at).max(self.from)).max(0) as f64;
            trade.map_or(0.0, |(ticks, lots)| if held > 0.0 { of(ticks, lots) * held } else { 0.0 })
        });
        pieces.sum()
    }

    fn coverage(&self) -> Result<(), Missing> {
        if self.integral(|_, _| 1.0) >= self.min_coverage * (self.to - self.from) as f64 {
            return Ok(());
        }
        Err(if self.steps.iter().any(|step| step.0 <= self.from) { Missing::Gap } else { Missing::WarmUp })
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Population covariance in two passes.
fn covariance(x: &[f64], y: &[f64]) -> f64 {
    let (mx, my) = (mean(x), mean(y));
    x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum::<f64>() / x.len() as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0
}

fn divided(a: f64, b: f64) -> Value {
    if b == 0.0 { Err(Missing::ZeroDenominator) } else { Ok(a / b) }
}

const WINDOW_TYPES: [&str; 18] = [
    "FIRST_PRICE",
    "LAST_PRICE",
    "MAX_PRICE",
    "MIN_PRICE",
    "SUM_VOLUME",
    "COUNT_DEALS",
    "AVG_VOLUME",
    "TRADE_FREQUENCY",
    "VWAP",
    "VTWPA",
    "TWPA",
    "INTER_DEAL_INTERVALS",
    "TRADE_CLUSTERING_COEFFICIENT",
    "PRICE_VOLATILITY",
    "DEAL_SIZE_VOLATILITY",
    "VOLUME_PRICE_CORRELATION",
    "PRICE_VS_VWAP_PCT",
    "PRICE",
];

fn window_oracle(kind: &str, naive: &Naive<'_>) -> Value {
    let now = naive.steps.last().ok_or(Missing::WarmUp).map(|step| step.1.ok_or(Missing::Gap));
    if kind == "PRICE" {
        return now?.map(|(ticks, _)| ticks as f64 / 100.0);
    }
    naive.coverage()?;
    let (trades, pairs) = (naive.trades(), naive.pairs());
    let prices: Vec<f64> = trades.iter().map(|trade| trade.1 as f64 / 100.0).collect();
    let sizes: Vec<f64> = trades.iter().map(|trade| trade.2 as f64).collect();
    let gaps: Vec<f64> = pairs.iter().map(|[a, b]| (b.0 - a.0) as f64 / 1e3).collect();
    let changes: Vec<f64> = pairs.iter().map(|[a, b]| (b.1 - a.1) as f64).collect();
    let returns: Vec<f64> = pairs.iter().map(|[a, b]| b.1 as f64 / a.1 as f64 - 1.0).collect();
    let later_sizes: Vec<f64> = pairs.iter().map(|[_, b]| b.2 as f64).collect();
    let volume: f64 = sizes.iter().sum();
    let value: f64 = prices.iter().zip(&sizes).map(|(p, q)| p * q).sum();
    let vwap = if volume == 0.0 { Err(Missing::EmptyWindow) } else { Ok(value / volume) };
    let enough = if pairs.len() < 2 { Err(Missing::TooFew) } else { Ok(()) };
    match kind {
        "FIRST_PRICE" => prices.first().copied().ok_or(Missing::EmptyWindow),
        "LAST_PRICE" => prices.last().copied().ok_or(Missing::EmptyWindow),
        "MAX_PRICE" => prices.iter().copied().reduce(f64::max).ok_or(Missing::EmptyWindow),
        "MIN_PRICE" => prices.iter().copied().reduce(f64::min).ok_or(Missing::EmptyWindow),
        "SUM_VOLUME" => Ok(volume),
        "COUNT_DEALS" => Ok(trades.len() as f64),
        "AVG_VOLUME" if trades.is_empty() => Err(Missing::EmptyWindow),
        "AVG_VOLUME" => Ok(mean(&sizes)),
        "TRADE_FREQUENCY" => Ok(trades.len() as f64 * 60_000.0 / (naive.to - naive.from) as f64),
        "VWAP" => vwap,
        "VTWPA" => {
            let held = naive.integral(|_, lots| lots as f64);
            if held == 0.0 {
                Err(Missing::EmptyWindow)
            } else {
                Ok(naive.integral(|p, q| (p * q) as f64) / held / 100.0)
            }
        }
        "TWPA" => match naive.integral(|_, _| 1.0) {
            0.0 => naive.in_force(naive.to).map(|(ticks, _)| ticks as f64 / 100.0).ok_or(Missing::WarmUp),
            covered => Ok(naive.integral(|ticks, _| ticks as f64) / covered / 100.0),
        },
        "INTER_DEAL_INTERVALS" if gaps.is_empty() => Err(Missing::TooFew),
        "INTER_DEAL_INTERVALS" => Ok(median(gaps)),
        "TRADE_CLUSTERING_COEFFICIENT" => {
            enough.and_then(|()| divided(covariance(&gaps, &gaps), mean(&gaps).powi(2)))
        }
        "PRICE_VOLATILITY" => enough.map(|()| 100.0 * covariance(&returns, &returns).sqrt()),
        "DEAL_SIZE_VOLATILITY" if trades.len() < 3 => Err(Missing::TooFew),
        "DEAL_SIZE_VOLATILITY" => divided(covariance(&sizes, &sizes).sqrt(), mean(&sizes)),
        "VOLUME_PRICE_CORRELATION" => enough.and_then(|()| {
            let spread = covariance(&changes, &changes) * covariance(&later_sizes, &later_sizes);
            divided(covariance(&changes, &later_sizes), spread.sqrt())
        }),
        "PRICE_VS_VWAP_PCT" => vwap.and_then(|vwap| Ok(100.0 * (now??.0 as f64 / 100.0 - vwap) / vwap)),
        other => panic!("no oracle for {other}"),
    }
}

fn assert_close(what: &str, value: Value, expected: Value) {
    let equal = match (value, expected) {
        (Ok(value), Ok(expected)) => (value - expected).abs() <= 1e-7 + 1e-9 * expected.abs(),
        (value, expected) => value == expected,
    };
    assert!(equal, "{what}: {value:?}, expected {expected:?}");
}

pub(super) fn millis(at: i64) -> Timestamp {
    Timestamp::from_seconds(0) + Span::from_millis(at)
}

/// Plays the events; `ask` gets the bench, the history and the time in milliseconds after every event.
pub(super) fn play(
    bench: &mut Bench,
    happenings: &[Happening],
    mut ask: impl FnMut(&mut Bench, &[Step], i64),
) {
    let (mut now, mut steps) = (0, Vec::<Step>::new());
    for happening in happenings {
        match *happening {
            Happening::Trade { wait, ticks, lots } => {
                now += wait;
                bench.trade(millis(now), ticks, lots, Side::Buy);
                steps.push((now, Some((ticks, lots))));
            }
            Happening::Gap { wait } => {
                // The gap begins halfway since the last event, but not before the last known trade.
                let from = now + wait / 2;
                now += wait;
                bench.gap(millis(from), millis(now));
                if steps.last().is_some_and(|step| step.1.is_some()) {
                    steps.push((from, None));
                }
            }
            Happening::Clock { wait } => {
                now += wait;
                bench.to(millis(now));
            }
        }
        ask(bench, &steps, now);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn windows_equal_their_definition(
        happenings in happenings(),
        t1 in 1_i64..25, t2 in 0_i64..20, min_coverage in prop::sample::select(vec![1.0, 0.5, 0.0]),
        asked in prop::collection::vec(any::<bool>(), 120), longer in any::<bool>(),
    ) {
        let t2 = if t2 >= t1 { 0 } else { t2 };
        let mut bench = Bench::new();
        if longer {
            bench.slot("SUM_VOLUME t1=60");
        }
        let slots = WINDOW_TYPES.map(|kind| match kind {
            "PRICE" => bench.slot(kind),
            _ => bench.slot(&format!("{kind} t1={t1} t2={t2} min_coverage={min_coverage}")),
        });
        let mut turn = 0;
        play(&mut bench, &happenings, |bench, steps, now| {
            turn += 1;
            if asked[turn - 1] {
                let naive = Naive { steps, from: now - 1_000 * t1, to: now - 1_000 * t2, min_coverage };
                for (kind, slot) in WINDOW_TYPES.iter().zip(slots) {
                    assert_close(kind, bench.value(slot), window_oracle(kind, &naive));
                }
            }
        });
    }

    #[test]
    fn two_windows_and_periods_equal_their_definition(happenings in happenings(), t1 in 1_i64..8, t3 in 9_i64..20, period in 1_i64..5) {
        let mut bench = Bench::new();
        let t4 = t3 - t1;
        let slot = |bench: &mut Bench, text: String| bench.slot(&text);
        let density = slot(&mut bench, format!("DECISION_DENSITY_ACCELERATION t1={t1} t3={t3} t4={t4}"));
        let velocity = slot(&mut bench, format!("VELOCITY t1={t1} t3={t3} t4={t4}"));
        let acceleration = slot(&mut bench, format!("VOLUME_ACCELERATION t1={t1} t3={t3} t4={t4}"));
        let streak = slot(&mut bench, format!("MOMENTUM_STREAK period={period} lookback=4"));
        let consistency = slot(&mut bench, format!("DIRECTION_CONSISTENCY period={period} lookback=4"));
        play(&mut bench, &happenings, |bench, steps, now| {
            let window = |t1: i64, t2: i64| Naive { steps, from: now - 1_000 * t1, to: now - 1_000 * t2, min_coverage: 1.0 };
            let (current, previous, baseline) = (window(t1, 0), window(2 * t1, t1), window(t3, t4));
            let gap = |naive: &Naive<'_>| window_oracle("INTER_DEAL_INTERVALS", naive);
            let sum = |naive: &Naive<'_>| window_oracle("SUM_VOLUME", naive);
            let expected = gap(&baseline).and_then(|slow| divided(slow, gap(&current)?));
            assert_close("density", bench.value(density), expected);
            let expected = sum(&current).and_then(|new| divided(new - sum(&previous)?, sum(&baseline)?));
            assert_close("acceleration", bench.value(acceleration), expected);
            let price = |naive: &Naive<'_>| naive.coverage().and_then(|()| naive.in_force(naive.to).map(|trade| trade.0 as f64).ok_or(Missing::Gap));
            let expected = price(&baseline).and_then(|old| Ok(100.0 * (price(&current)? - old) / old));
            assert_close("velocity", bench.value(velocity), expected);

            let known = window(4 * period, 0).coverage();
            let at = |periods: i64| current.in_force(now - 1_000 * period * periods);
            let moves: Vec<i64> = (0..4).map(|k| at(k).zip(at(k + 1)).map_or(0, |(new, old)| (new.0 - old.0).signum())).collect();
            let run = match moves[0] {
                0 => 0,
                first => first * moves.iter().position(|sign| *sign != first).unwrap_or(4) as i64,
            };
            assert_close("streak", bench.value(streak), known.map(|()| run as f64));
            let (mut same, mut all) = (0.0, 0.0);
            for k in 0..3 {
                same += f64::from(u8::from(moves[k] * moves[k + 1] == 1));
                all += f64::from(u8::from(moves[k] * moves[k + 1] != 0));
            }
            let expected = known.and_then(|()| if all == 0.0 { Err(Missing::TooFew) } else { Ok(same / all) });
            assert_close("consistency", bench.value(consistency), expected);
        });
    }

    #[test]
    fn bar_indicators_equal_their_definition(happenings in happenings(), n in 2_usize..6, length in 1_i64..4) {
        let mut bench = Bench::new();
        let texts = ["SMA", "EMA", "RSI", "RSI method=cutler", "ATR", "BOLLINGER_BANDS output=upper", "BOLLINGER_BANDS output=percent_b"];
        let slots: Vec<[SlotId; 2]> = texts
            .iter()
            .map(|text| [false, true].map(|live| bench.slot(&format!("{text} period={n} bar_seconds={length} live={live}"))))
            .collect();
        play(&mut bench, &happenings, |bench, steps, now| {
            let interrupted = steps.iter().any(|step| step.1.is_none());
            let bars = naive_bars(steps, length * 1_000, now);
            for (text, [closed, live]) in texts.iter().zip(&slots) {
                let restarted = |value: Value| value.map_err(|missing| match missing {
                    Missing::WarmUp if interrupted => Missing::Gap,
                    other => other,
                });
                let finished = &bars[..bars.len().saturating_sub(1)];
                let expected = bar_oracle(text, finished, n);
                // A gap before the first trade restarts nothing but is reported as `Gap` all the same.
                let value = restarted(bench.value(*closed));
                assert_close(text, value.map_err(|m| if m == Missing::Gap && !interrupted { Missing::WarmUp } else { m }), restarted(expected));
                let is_warm = bar_oracle(text, finished, n) != Err(Missing::WarmUp);
                let value = bench.value(*live);
                if is_warm {
                    assert_close(text, value, bar_oracle(text, &bars, n));
                } else {
                    assert!(matches!(value, Err(Missing::WarmUp | Missing::Gap)), "{text} live: {value:?}");
                }
            }
        });
    }

    #[test]
    fn book_windows_equal_their_definition(
        changes in prop::collection::vec((0_i64..4_000, 900_i64..1_000, 1_i64..100, 1_i64..50, any::<bool>()), 1..60),
        t1 in 1_i64..10, t2 in 0_i64..9,
    ) {
        let t2 = if t2 >= t1 { 0 } else { t2 };
        let mut bench = Bench::new();
        let texts = ["AVG_BEST_BID", "AVG_ASK_QTY", "TW_MIDPRICE", "TOTAL_LIQUIDITY", "SPREAD_VOLATILITY", "SPREAD_PERCENTAGE"];
        let slots = texts.map(|text| bench.slot(&format!("{text} t1={t1} t2={t2}")));
        let (mut now, mut states) = (0, Vec::new());
        for (wait, bid, width, qty, repeat) in changes {
            now += wait;
            let state = match states.last() {
                Some((_, last)) if repeat => *last,
                _ => [bid as f64 / 100.0, (bid + width) as f64 / 100.0, (qty * 3) as f64, qty as f64],
            };
            let level = |price: f64, qty: f64| ((price * 100.0).round() as i64, qty as i64);
            bench.book(millis(now), level(state[0], state[2]), level(state[1], state[3]));
            states.push((now, state));
            let (from, to) = (now - 1_000 * t1, now - 1_000 * t2);
            let ends = states.iter().skip(1).map(|state| state.0).chain([i64::MAX]);
            let held: Vec<_> =
                states.iter().zip(ends).map(|((at, state), next)| ((next.min(to) - (*at).max(from)).max(0) as f64, *state)).collect();
            let covered: f64 = held.iter().map(|(held, _)| held).sum();
            for (text, slot) in texts.iter().zip(slots) {
                if covered < (to - from) as f64 {
                    assert_eq!(bench.value(slot), Err(Missing::WarmUp));
                    continue;
                }
                let average = |of: &dyn Fn(&[f64; 4]) -> f64| held.iter().map(|(held, state)| held * of(state)).sum::<f64>() / covered;
                let spread = |s: &[f64; 4]| 200.0 * (s[1] - s[0]) / (s[0] + s[1]);
                let expected = match *text {
                    "AVG_BEST_BID" => average(&|s| s[0]),
                    "AVG_ASK_QTY" => average(&|s| s[3]),
                    "TW_MIDPRICE" => average(&|s| (s[0] + s[1]) / 2.0),
                    "TOTAL_LIQUIDITY" => average(&|s| s[2] + s[3]),
                    "SPREAD_PERCENTAGE" => spread(&[average(&|s| s[0]), average(&|s| s[1]), 0.0, 0.0]),
                    _ => {
                        let mean = average(&spread);
                        average(&|s| (spread(s) - mean).powi(2)).sqrt()
                    }
                };
                let value = bench.value(slot).unwrap();
                let error = if *text == "SPREAD_VOLATILITY" { value * value - expected * expected } else { value - expected };
                assert!(error.abs() < 1e-10, "{text}: {value}, expected {expected}");
            }
        }
    }

    #[test]
    fn sampled_extremes_equal_the_extremes_of_all_whole_seconds(happenings in happenings(), t1 in 2_i64..12, t2 in 0_i64..5) {
        let t2 = if t2 >= t1 { 0 } else { t2 };
        let mut bench = Bench::new();
        let slots = ["MAX_TWPA", "MIN_TWPA"].map(|kind| bench.slot(&format!("{kind} source=PRICE t1={t1} t2={t2}")));
        // A trade on a whole second comes after the sample of that second.
        let (mut samples, mut sampled, mut known) = (Vec::<(i64, f64)>::new(), 0, Vec::<Step>::new());
        play(&mut bench, &happenings, |bench, steps, now| {
            while sampled + 1_000 <= now {
                sampled += 1_000;
                let last = known.iter().rev().find(|step| step.0 <= sampled).and_then(|step| step.1);
                samples.extend(last.map(|(ticks, _)| (sampled, ticks as f64 / 100.0)));
            }
            known = steps.to_vec();
            let (from, to) = (now - 1_000 * t1, now - 1_000 * t2);
            let inside: Vec<f64> = samples.iter().filter(|s| s.0 > from && s.0 <= to).map(|s| s.1).collect();
            let whole = (to.div_euclid(1_000) - from.div_euclid(1_000)) as usize;
            let values = slots.map(|slot| bench.value(slot));
            if inside.len() < whole {
                assert!(values.iter().all(|value| matches!(value, Err(Missing::WarmUp | Missing::Gap))), "{values:?}");
            } else {
                assert_eq!(values[0].ok(), inside.iter().copied().reduce(f64::max));
                assert_eq!(values[1].ok(), inside.iter().copied().reduce(f64::min));
            }
        });
    }
}

/// Open, high, low and close of every bar since the last gap, the forming one last.
fn naive_bars(steps: &[Step], length: i64, now: i64) -> Vec<[f64; 4]> {
    let after_gap = steps.iter().rposition(|step| step.1.is_none()).map_or(0, |index| index + 1);
    let trades: Vec<(i64, f64)> =
        steps[after_gap..].iter().map(|step| (step.0.div_euclid(length), step.1.unwrap().0 as f64)).collect();
    let Some(first) = trades.first() else { return Vec::new() };
    let mut bars: Vec<[f64; 4]> = Vec::new();
    for number in first.0..=now.div_euclid(length) {
        let prices: Vec<f64> = trades.iter().filter(|trade| trade.0 == number).map(|trade| trade.1).collect();
        bars.push(match (prices.first(), prices.last()) {
            (Some(open), Some(close)) => {
                let (high, low) =
                    prices.iter().fold((f64::MIN, f64::MAX), |(h, l), p| (h.max(*p), l.min(*p)));
                [*open, high, low, *close]
            }
            _ => [bars.last().unwrap()[3]; 4],
        });
    }
    bars
}

/// `seed` after the first values, then `x → x·(1 − weight) + value·weight`, expanded to a weighted sum.
fn smoothed(seed: f64, rest: &[f64], weight: f64) -> f64 {
    let n = rest.len() as i32;
    let tail: f64 = rest
        .iter()
        .enumerate()
        .map(|(i, value)| weight * (1.0 - weight).powi(n - 1 - i as i32) * value)
        .sum();
    seed * (1.0 - weight).powi(n) + tail
}

fn bar_oracle(text: &str, bars: &[[f64; 4]], n: usize) -> Value {
    let closes: Vec<f64> = bars.iter().map(|bar| bar[3]).collect();
    let moves: Vec<f64> = closes.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let is_rsi = text.starts_with("RSI");
    if closes.len() < n + usize::from(is_rsi) {
        return Err(Missing::WarmUp);
    }
    let last = &closes[closes.len() - n..];
    let deviation = covariance(last, last).sqrt();
    let wilder = |values: &[f64]| smoothed(mean(&values[..n]), &values[n..], 1.0 / n as f64);
    let strength = |up: f64, down: f64| match (up > 0.0, down > 0.0) {
        (false, false) => 50.0,
        (true, false) => 100.0,
        _ => 100.0 - 100.0 / (1.0 + up / down),
    };
    let ups: Vec<f64> = moves.iter().map(|change| change.max(0.0)).collect();
    let downs: Vec<f64> = moves.iter().map(|change| (-change).max(0.0)).collect();
    Ok(match text {
        "SMA" => mean(last) / 100.0,
        "EMA" => smoothed(mean(&closes[..n]), &closes[n..], 2.0 / (n as f64 + 1.0)) / 100.0,
        "RSI" => strength(wilder(&ups), wilder(&downs)),
        "RSI method=cutler" => {
            strength(ups[ups.len() - n..].iter().sum(), downs[downs.len() - n..].iter().sum())
        }
        "ATR" => {
            let range = |k: usize| {
                let [_, high, low, _] = bars[k];
                let jumps = if k == 0 {
                    [0.0, 0.0]
                } else {
                    [(high - closes[k - 1]).abs(), (low - closes[k - 1]).abs()]
                };
                (high - low).max(jumps[0]).max(jumps[1])
            };
            wilder(&(0..bars.len()).map(range).collect::<Vec<_>>()) / 100.0
        }
        "BOLLINGER_BANDS output=upper" => (mean(last) + 2.0 * deviation) / 100.0,
        _ => return divided(last[n - 1] - (mean(last) - 2.0 * deviation), 4.0 * deviation),
    })
}
