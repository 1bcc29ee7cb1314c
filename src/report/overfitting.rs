//! Probability of backtest overfitting: how often the trial that is the best on one half of the data is below
//! the median of all trials on the other half (D. Bailey, J. Borwein, M. López de Prado and Q. Zhu, "The
//! Probability of Backtest Overfitting", 2015: combinatorially symmetric cross-validation).
//!
//! Accounts are the observations: the figure needs several sources or symbols. What a trial is worth on some
//! accounts is their mean net result in percent.

use crate::report::ratios::Undefined;

/// Fewest accounts: they make 70 pairs of halves.
const FEWEST: usize = 8;
/// Blocks of accounts, and what applies to sweeps of more trials, so that the work stays bounded.
const BLOCKS: usize = 16;
const MANY_TRIALS: usize = 1_500;
const FEWER_BLOCKS: usize = 12;

/// The probability with what it stands on.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Overfitting {
    /// Share of the splits in which the best trial of one half is at or below the median on the other.
    pub probability: f64,
    /// Number of splits.
    pub splits: u64,
    /// Number of blocks of accounts that are split into halves.
    pub blocks: usize,
}

/// The probability for `nets[trial][account]`, net results in percent; every trial has the same accounts.
///
/// # Errors
/// Why there is none: too few accounts or trials, or trials that do not differ.
pub fn overfitting(nets: &[Vec<f64>]) -> Result<Overfitting, Undefined> {
    let accounts = nets.first().map_or(0, Vec::len);
    if nets.len() < 2 {
        return Err("fewer than two trials");
    }
    if accounts < FEWEST {
        return Err("fewer than 8 accounts");
    }
    if nets.windows(2).all(|pair| pair[0].iter().zip(&pair[1]).all(|(a, b)| a.total_cmp(b).is_eq())) {
        return Err("all trials have the same result");
    }
    let most = if nets.len() > MANY_TRIALS { FEWER_BLOCKS } else { BLOCKS };
    let blocks = most.min(accounts - accounts % 2);
    let sums: Vec<Vec<f64>> = nets.iter().map(|nets| block_sums(nets, blocks)).collect();
    let counts = block_sums(&vec![1.0; accounts], blocks);
    let (mut splits, mut overfitted) = (0_u64, 0_u64);
    for half in (0..1_u32 << blocks).filter(|half| half.count_ones() as usize * 2 == blocks) {
        splits += 1;
        overfitted += u64::from(is_overfitted(&sums, &counts, half));
    }
    Ok(Overfitting { probability: overfitted as f64 / splits as f64, splits, blocks })
}

/// Sums over neighbouring accounts, in `blocks` blocks of about the same size.
fn block_sums(values: &[f64], blocks: usize) -> Vec<f64> {
    let mut sums = vec![0.0; blocks];
    values.iter().enumerate().for_each(|(account, value)| sums[account * blocks / values.len()] += value);
    sums
}

/// Whether the best trial on the blocks in `half` is at or below the median on the others. Of equal ones the
/// first is the best, and equal results share their ranks.
fn is_overfitted(sums: &[Vec<f64>], counts: &[f64], half: u32) -> bool {
    let mean = |sums: &[f64], wanted: bool| {
        let chosen = || (0..sums.len()).filter(|block| (half >> block & 1 == 1) == wanted);
        chosen().map(|block| sums[block]).sum::<f64>() / chosen().map(|block| counts[block]).sum::<f64>()
    };
    let (mut best, mut chosen) = (f64::NEG_INFINITY, 0);
    for (trial, sums) in sums.iter().enumerate() {
        let inside = mean(sums, true);
        if inside > best {
            (best, chosen) = (inside, trial);
        }
    }
    let outside = mean(&sums[chosen], false);
    let (mut below, mut equal) = (0_usize, 0_usize);
    for sums in sums {
        match mean(sums, false).total_cmp(&outside) {
            std::cmp::Ordering::Less => below += 1,
            std::cmp::Ordering::Equal => equal += 1,
            std::cmp::Ordering::Greater => {}
        }
    }
    // The middle rank of the equal ones, from 1, against the middle of all ranks.
    2 * below + equal <= sums.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::rng::Rng;

    /// Noise of 40 trials on 24 accounts; the trial `edge`, if any, earns a little on each.
    fn market(seed: u64, edge: Option<usize>) -> Vec<Vec<f64>> {
        let mut rng = Rng::new(seed);
        let mut noise = |trial: usize| -> Vec<f64> {
            let extra = if edge == Some(trial) { 1.5 } else { 0.0 };
            (0..24).map(|_| (0..12).map(|_| rng.unit()).sum::<f64>() - 6.0 + extra).collect()
        };
        (0..40).map(&mut noise).collect()
    }

    #[test]
    fn the_best_of_noise_is_called_luck_and_a_planted_edge_is_not() {
        let of = |edge| -> f64 {
            let all = (0..10).map(|seed| overfitting(&market(seed, edge)).unwrap().probability);
            all.sum::<f64>() / 10.0
        };
        let (noise, edge) = (of(None), of(Some(7)));
        assert!((0.35..0.75).contains(&noise), "{noise}");
        assert!(edge < 0.01, "{edge}");
    }

    /// The expected value was counted by a program that knows nothing of this one.
    #[test]
    fn the_probability_is_that_of_an_independent_count() {
        let net = |trial: i64, account: i64| {
            ((trial * 7 + account * account * 3 + trial * account * 5) % 17 - 8) as f64
        };
        let nets: Vec<Vec<f64>> =
            (0..6).map(|trial| (0..20).map(|account| net(trial, account)).collect()).collect();
        let expected = Overfitting { probability: 7_546.0 / 12_870.0, splits: 12_870, blocks: 16 };
        assert_eq!(overfitting(&nets), Ok(expected));
    }

    #[test]
    fn what_cannot_be_said_has_a_reason() {
        assert_eq!(overfitting(&[vec![1.0; 8]]), Err("fewer than two trials"));
        assert_eq!(overfitting(&[vec![1.0; 7], vec![2.0; 7]]), Err("fewer than 8 accounts"));
        assert_eq!(overfitting(&[vec![1.0; 8], vec![1.0; 8]]), Err("all trials have the same result"));
        let better = overfitting(&[vec![1.0; 9], vec![2.0; 9]]).unwrap();
        assert_eq!(better, Overfitting { probability: 0.0, splits: 70, blocks: 8 });
    }
}
