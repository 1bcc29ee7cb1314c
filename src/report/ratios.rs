//! Formulas of the risk ratios. Sums run in the order of the values, so results are reproducible.
//!
//! Invariant: an undefined ratio is an error with the reason, not a number.

/// Why a value is undefined; shown to users.
pub type Undefined = &'static str;

/// Days per year: the market never closes.
pub const DAYS_PER_YEAR: f64 = 365.0;

/// Arithmetic mean; `None` without values.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Standard deviation with divisor n − 1; an error for fewer than two values or when they do not vary.
/// Differences within rounding (10^-12 of the largest value) do not count: equal losses must not give a huge
/// ratio.
pub fn sample_deviation(values: &[f64]) -> Result<f64, Undefined> {
    if values.len() < 2 {
        return Err("fewer than two values");
    }
    let mean = mean(values).ok_or("no value")?;
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    let deviation = (squares / (values.len() - 1) as f64).sqrt();
    let largest = values.iter().fold(0.0_f64, |largest, v| largest.max(v.abs()));
    if deviation > 1e-12 * largest { Ok(deviation) } else { Err("the values do not vary") }
}

/// mean / sample deviation · √periods.
pub fn sharpe(returns: &[f64], periods: f64) -> Result<f64, Undefined> {
    let deviation = sample_deviation(returns)?;
    Ok(mean(returns).ok_or("no return")? / deviation * periods.sqrt())
}

/// mean / √(mean(min(0, r)²)) · √periods, over all returns, target 0.
pub fn sortino(returns: &[f64], periods: f64) -> Result<f64, Undefined> {
    let average = mean(returns).ok_or("no return")?;
    let squares: f64 = returns.iter().map(|r| r.min(0.0) * r.min(0.0)).sum();
    if squares <= 0.0 {
        return Err("no negative return");
    }
    Ok(average / (squares / returns.len() as f64).sqrt() * periods.sqrt())
}

/// growth^(365 / days) − 1, a fraction.
pub fn annual_growth(growth: f64, days: f64) -> Result<f64, Undefined> {
    if growth <= 0.0 {
        return Err("no equity is left");
    }
    let annual = libm::pow(growth, DAYS_PER_YEAR / days) - 1.0;
    if annual.is_finite() { Ok(annual) } else { Err("too large to display") }
}

/// Probability that the true Sharpe ratio is above a benchmark, given the number, skew and kurtosis of the
/// returns (D. Bailey and M. López de Prado, "The Sharpe Ratio Efficient Frontier", 2012). Both ratios are
/// per period, not annualised.
pub fn probabilistic_sharpe(returns: &[f64], benchmark: f64) -> Result<f64, Undefined> {
    let ratio = sharpe(returns, 1.0)?;
    let (skew, kurtosis) = skew_and_kurtosis(returns)?;
    psr(ratio, benchmark, returns.len(), skew, kurtosis)
}

/// Expected Sharpe ratio of the best of `trials` strategies without skill (same authors, "The Deflated Sharpe
/// Ratio", 2014). `variance` is that of the trials' ratios, per period.
pub fn expected_best_sharpe(trials: u64, variance: f64) -> f64 {
    const EULER_MASCHERONI: f64 = 0.577_215_664_901_532_9;
    if trials < 2 {
        return 0.0;
    }
    let n = trials as f64;
    let best = (1.0 - EULER_MASCHERONI) * normal_quantile(1.0 - 1.0 / n)
        + EULER_MASCHERONI * normal_quantile(1.0 - 1.0 / (n * std::f64::consts::E));
    variance.max(0.0).sqrt() * best
}

/// Probability that a ratio of `n` returns is above `benchmark`, both per period.
pub fn psr(ratio: f64, benchmark: f64, n: usize, skew: f64, kurtosis: f64) -> Result<f64, Undefined> {
    let spread = 1.0 - skew * ratio + (kurtosis - 1.0) / 4.0 * ratio * ratio;
    if spread <= 0.0 {
        return Err("the returns are too skewed for the formula");
    }
    Ok(normal_cdf((ratio - benchmark) * ((n - 1) as f64).sqrt() / spread.sqrt()))
}

/// Population skewness and (non-excess) kurtosis.
pub fn skew_and_kurtosis(values: &[f64]) -> Result<(f64, f64), Undefined> {
    let average = mean(values).ok_or("no value")?;
    let n = values.len() as f64;
    let moment =
        |power: i32| values.iter().map(|v| libm::pow(v - average, f64::from(power))).sum::<f64>() / n;
    let variance = moment(2);
    if variance <= 0.0 {
        return Err("the values do not vary");
    }
    Ok((moment(3) / libm::pow(variance, 1.5), moment(4) / (variance * variance)))
}

/// Standard normal distribution function (G. West, "Better approximations to cumulative normal functions",
/// 2005).
fn normal_cdf(x: f64) -> f64 {
    let z = x.abs();
    let tail = if z > 37.0 {
        0.0
    } else if z < 7.071_067_811_865_47 {
        let above = [
            3.526_249_659_989_11e-2,
            0.700_383_064_443_688,
            6.373_962_203_531_65,
            33.912_866_078_383,
            112.079_291_497_871,
            221.213_596_169_931,
            220.206_867_912_376,
        ];
        let below = [
            8.838_834_764_831_84e-2,
            1.755_667_163_182_64,
            16.064_177_579_207,
            86.780_732_202_946_1,
            296.564_248_779_674,
            637.333_633_378_831,
            793.826_512_519_948,
            440.413_735_824_752,
        ];
        libm::exp(-z * z / 2.0) * horner(&above, z) / horner(&below, z)
    } else {
        let fraction = [4.0, 3.0, 2.0, 1.0].iter().fold(z + 0.65, |below, k| z + k / below);
        libm::exp(-z * z / 2.0) / fraction / 2.506_628_274_631
    };
    if x > 0.0 { 1.0 - tail } else { tail }
}

/// Inverse of [`normal_cdf`] for 0 < p < 1, by bisection: it is called twice per run, so simplicity matters
/// more than speed.
fn normal_quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-40.0, 40.0);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if normal_cdf(middle) < p { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

fn horner(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().fold(0.0, |sum, c| sum * x + c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn returns(equity: &[f64]) -> Vec<f64> {
        equity.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect()
    }

    #[test]
    fn sharpe_of_the_reference() {
        let r = returns(&[10_000.0, 10_100.0, 10_050.0, 10_150.0]);
        assert!((sharpe(&r, 252.0).unwrap() - 9.210_636).abs() < 5e-7);
        assert!((sharpe(&r, 365.0).unwrap() - 11.085_002).abs() < 5e-7);
    }

    #[test]
    fn sortino_divides_by_all_days() {
        // mean 0.005; downside √(0.0001 / 4) = 0.005; ratio 1 before √365.
        let r = [0.02, -0.01, 0.01, 0.0];
        assert!((sortino(&r, 1.0).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(sortino(&[0.01, 0.0], 1.0), Err("no negative return"));
    }

    #[test]
    fn equal_values_have_no_ratio() {
        assert_eq!(sharpe(&[-0.1; 40], 365.0), Err("the values do not vary"));
        assert_eq!(sharpe(&[0.0; 40], 365.0), Err("the values do not vary"));
        assert!(sharpe(&[0.1], 365.0).is_err());
    }

    /// The worked examples of both papers.
    #[test]
    fn probabilistic_and_deflated_sharpe_of_the_papers() {
        assert!((psr(0.458, 0.0, 24, 0.0, 3.0).unwrap() - 0.982).abs() < 5e-4);
        assert!((psr(0.458, 0.0, 24, -2.448, 10.164).unwrap() - 0.913).abs() < 5e-4);
        let benchmark = expected_best_sharpe(100, 0.5 / 250.0);
        assert!((benchmark - 0.1132).abs() < 5e-5, "{benchmark}");
        assert!((psr(2.5 / 250.0_f64.sqrt(), benchmark, 1250, -3.0, 10.0).unwrap() - 0.9004).abs() < 5e-4);
    }

    #[test]
    fn normal_distribution_of_the_tables() {
        for (x, p) in [
            (0.0, 0.5),
            (1.0, 0.841_344_746_068_543),
            (-3.0, 1.349_898_031_630_095e-3),
            (8.0, 1.0 - 6.220_960_574_271_785e-16),
        ] {
            assert!((normal_cdf(x) - p).abs() < 1e-14, "{x}: {}", normal_cdf(x));
        }
        assert!((normal_quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-9);
    }

    #[test]
    fn annual_growth_uses_fractional_days() {
        assert!((annual_growth(1.1, 36.5).unwrap() - (libm::pow(1.1, 10.0) - 1.0)).abs() < 1e-12);
        assert!(annual_growth(0.0, 30.0).is_err());
        assert!(annual_growth(1e300, 30.0).is_err());
    }
}
