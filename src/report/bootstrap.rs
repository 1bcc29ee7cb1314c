//! Confidence interval of a mean: the circular block bootstrap (D. Politis and J. Romano, 1992), seeded.
//!
//! It draws blocks of neighbouring values, because consecutive trades are not independent. Block sums come
//! from running totals, so a resample of n trades costs n^(2/3), and all sums are exact.

use crate::domain::rng::Rng;
use crate::report::ratios::Undefined;

/// Number of resamples.
pub const RESAMPLES: usize = 1_000;

/// Fixed seed: the same list always gives the same interval.
const SEED: u64 = 0x7472_6164_696e_6764;

/// Fewest values with an interval. With fewer, a block covers almost the whole list, so the resampled means
/// hardly differ and the interval would be far too narrow: for two values it would have width zero.
pub const FEWEST: usize = 10;

/// The interval that contains 95 % of the resampled means, in the unit of the values.
///
/// # Errors
/// There are too few values.
pub fn mean_interval(values: &[i128]) -> Result<(f64, f64), Undefined> {
    let n = values.len();
    if n < FEWEST {
        return Err("too few trades for an interval: at least 10 are needed");
    }
    let block = libm::cbrt(n as f64).ceil() as usize;
    let mut totals = Vec::with_capacity(n + 1);
    totals.push(0_i128);
    for value in values {
        totals.push(totals[totals.len() - 1] + value);
    }
    let mut rng = Rng::new(SEED);
    let mut sums: Vec<i128> = (0..RESAMPLES).map(|_| resample(&totals, block, &mut rng)).collect();
    sums.sort_unstable();
    let at = |share: f64| sums[((RESAMPLES as f64 * share) as usize).min(RESAMPLES - 1)] as f64 / n as f64;
    Ok((at(0.025), at(0.975)))
}

/// Sum of n values, drawn in blocks of neighbours. The list is circular; the last block is shortened to fit.
fn resample(totals: &[i128], block: usize, rng: &mut Rng) -> i128 {
    let n = totals.len() - 1;
    let (mut sum, mut left) = (0, n);
    while left > 0 {
        let length = block.min(left);
        let from = rng.place(n);
        let to = from + length;
        sum += if to <= n { totals[to] - totals[from] } else { totals[n] - totals[from] + totals[to - n] };
        left -= length;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_leave_no_doubt() {
        assert_eq!(mean_interval(&[7; 50]), Ok((7.0, 7.0)));
    }

    /// Two trades of −2.50 and −0.36 once had an interval from −1.43 to −1.43: false certainty.
    #[test]
    fn fewer_than_ten_values_have_no_interval() {
        for n in 0..FEWEST {
            let values: Vec<i128> = (0..n as i128).map(|value| value * value).collect();
            assert!(mean_interval(&values).is_err_and(|reason| reason.contains(&FEWEST.to_string())), "{n}");
        }
        let (low, high) = mean_interval(&[-250, -36, 12, 40, -90, 310, -5, 77, -130, 60]).unwrap();
        assert!(low < high, "{low} {high}");
    }

    /// For independent values the interval is near mean ± 1.96 s / √n.
    #[test]
    fn agrees_with_the_normal_interval_on_independent_values() {
        let mut rng = Rng::new(42);
        let values: Vec<i128> = (0..4_000).map(|_| i128::from(rng.next() % 1_001) - 500).collect();
        let mean = values.iter().sum::<i128>() as f64 / 4_000.0;
        let half = 1.96 * 289.0 / 4_000.0_f64.sqrt();
        let (low, high) = mean_interval(&values).unwrap();
        assert!(
            (low - (mean - half)).abs() < 0.2 * half && (high - (mean + half)).abs() < 0.2 * half,
            "{low} {mean} {high}"
        );
        assert_eq!(mean_interval(&values), Ok((low, high)));
    }

    #[test]
    fn a_ring_of_blocks_sums_what_it_covers() {
        let totals = [0, 1, 3, 6];
        let mut rng = Rng::new(1);
        for _ in 0..100 {
            let sum = resample(&totals, 3, &mut rng);
            assert_eq!(sum, 6, "a block as long as the list holds every value once");
        }
    }
}
