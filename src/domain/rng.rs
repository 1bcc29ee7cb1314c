//! Seeded random numbers: the same seed gives the same sequence on every machine.

/// The SplitMix64 generator (Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator with this seed; any value is a valid seed.
    pub fn new(seed: u64) -> Self {
        Rng(seed)
    }

    /// The seed of a generator that goes on from here.
    pub fn state(&self) -> u64 {
        self.0
    }

    /// The next number.
    #[expect(clippy::should_implement_trait, reason = "it never ends")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform from 0 to `count - 1`; 0 when `count` is 0.
    pub fn below(&mut self, count: u64) -> u64 {
        if count == 0 { 0 } else { self.next() % count }
    }

    /// A random index into a list of `count` items, 0 for an empty list. Its bias is below 2^-40 for any list
    /// that fits in memory.
    pub fn place(&mut self, count: usize) -> usize {
        ((u128::from(self.next()) * count as u128) >> 64) as usize
    }

    /// Uniform from `low` to `high`, both included; `low` when `high < low`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high.saturating_sub(low)).unwrap_or(0);
        low.saturating_add(i64::try_from(self.below(span.saturating_add(1))).unwrap_or(0))
    }

    /// True with probability 1/`count`; always true when `count` is 0.
    pub fn once_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    /// A log-normal factor with median 1 and the given sigma of its logarithm.
    ///
    /// The sum of twelve uniforms approximates the normal distribution. `libm` gives the same result on every
    /// machine, which the platform's `exp` does not.
    pub fn log_normal(&mut self, sigma: f64) -> f64 {
        let normal: f64 = (0..12).map(|_| self.unit()).sum::<f64>() - 6.0;
        libm::exp(sigma * normal)
    }
}

/// A hash of the two numbers.
pub fn mixed(a: i64, b: i64) -> u64 {
    Rng(a.cast_unsigned().wrapping_mul(31).wrapping_add(b.cast_unsigned())).next()
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn repeats_and_has_the_right_shape() {
        let draw = |seed| {
            let mut rng = Rng::new(seed);
            (0..4_000).map(|_| rng.log_normal(0.3)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let mut factors = draw(7);
        factors.sort_by(f64::total_cmp);
        assert!((factors[2_000] - 1.0).abs() < 0.03, "median {}", factors[2_000]);
        assert!((factors[3_364] / libm::exp(0.3) - 1.0).abs() < 0.05, "one sigma {}", factors[3_364]);
    }
}
