//! Formats numbers, durations and times for readers. The exact values are in the JSON form.

use crate::domain::num::Money;
use crate::domain::quote::is_dollar;
use crate::domain::symbol::SymbolSpec;
use crate::domain::time::Timestamp;
use crate::report::definitions::Unit;
use crate::report::metrics::{Amount, Metric};

/// Shown for undefined values.
pub(super) const NONE: &str = "—";

/// Formats amounts of one currency.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Currency<'a>(pub(super) Option<&'a str>);

impl<'a> Currency<'a> {
    /// A currency by name; `None`: symbols have different ones.
    pub(super) fn of(name: Option<&'a str>) -> Self {
        Currency(name)
    }

    /// Two decimals for dollars, six for other currencies such as bitcoin.
    fn decimals(self) -> u32 {
        if self.0.is_none_or(is_dollar) { 2 } else { 6 }
    }

    /// The plain number, for columns whose heading names the currency.
    pub(super) fn number(self, value: Money) -> String {
        money(value, self.decimals())
    }

    /// The plain number with an explicit sign.
    pub(super) fn signed(self, value: Money) -> String {
        let shown = self.number(value);
        if value.0 > 0 { format!("+{shown}") } else { shown }
    }

    /// The number with two more decimals, so that parts of a small sum add up as they are shown.
    pub(super) fn fine(self, value: Money) -> String {
        let shown = money(value, self.decimals() + 2);
        if value.0 > 0 { format!("+{shown}") } else { shown }
    }

    /// The amount as it is shown.
    pub(super) fn rounded(self, value: Money) -> Money {
        let unit = 10_i128.pow(18 - self.decimals());
        Money((value.0 + value.0.signum() * unit / 2) / unit * unit)
    }

    /// The number with its currency.
    pub(super) fn amount(self, value: Money) -> String {
        self.named(&self.number(value))
    }

    /// A name or number followed by the currency, if known.
    pub(super) fn named(self, text: &str) -> String {
        self.0.map_or_else(|| text.to_owned(), |currency| format!("{text} {currency}"))
    }
}

/// A metric's value, or the reason why it has none.
pub(super) fn metric(metric: &Metric, currency: Currency<'_>) -> Result<String, &'static str> {
    Ok(amount(metric.value?, metric.definition.unit, currency))
}

/// A value in its unit.
pub(super) fn amount(value: Amount, unit: Unit, currency: Currency<'_>) -> String {
    match (value, unit) {
        (Amount::Money(value), _) => currency.amount(value),
        (Amount::Count(count), _) => grouped(u128::from(count)),
        (Amount::Number(number), Unit::Percent) => percent(number),
        (Amount::Number(number), Unit::Fraction) => percent(100.0 * number),
        (Amount::Number(number), Unit::Seconds) => seconds(number),
        (Amount::Number(number), Unit::Risk) => format!("{} R", plain(number, 2)),
        (Amount::Number(number), _) => plain(number, 2),
    }
}

/// The interval of a metric in its unit, or why there is none.
pub(super) fn interval(metric: &Metric, currency: Currency<'_>) -> Option<String> {
    metric.value.ok()?;
    let decimals = if metric.definition.unit == Unit::Money { currency.decimals() as usize } else { 2 };
    Some(match metric.interval? {
        Ok((low, high)) => format!("95 % {} … {}", plain(low, decimals), plain(high, decimals)),
        Err(reason) => format!("{NONE} {reason}"),
    })
}

/// Fixed decimals with digit grouping; as many as it takes to show two digits for amounts that would round to
/// zero.
fn money(value: Money, decimals: u32) -> String {
    let (unit, parts) = (10_u128.pow(18 - decimals), 10_u128.pow(decimals));
    let rounded = (value.0.unsigned_abs() + unit / 2) / unit;
    if rounded == 0 && value != Money::ZERO {
        let number = value.to_f64();
        let zeros = (-libm::log10(number.abs()).floor()).clamp(0.0, 18.0) as usize;
        return if zeros > 8 { format!("{number:.1e}") } else { format!("{number:.*}", zeros + 1) };
    }
    let sign = if value.0 < 0 { "-" } else { "" };
    format!("{sign}{}.{:0width$}", grouped(rounded / parts), rounded % parts, width = decimals as usize)
}

/// Percent with two decimals.
pub(super) fn percent(value: f64) -> String {
    format!("{} %", plain(value, 2))
}

/// Fixed decimals, without `-0.00`.
pub(super) fn plain(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    if value.abs() >= 1e9 {
        return format!("{value:.2e}");
    }
    let shown = format!("{value:.decimals$}");
    if shown.starts_with('-') && shown.bytes().all(|b| matches!(b, b'-' | b'0' | b'.')) {
        shown[1..].to_owned()
    } else {
        shown
    }
}

/// A measured number without a known unit: six significant digits.
pub(super) fn measured(value: f64) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    let size = value.abs();
    if size <= 0.0 {
        return "0".to_owned();
    }
    if !(1e-6..1e9).contains(&size) {
        return format!("{value:.3e}");
    }
    let decimals = (5 - libm::log10(size).floor() as i32).clamp(0, 12) as usize;
    let shown = format!("{value:.decimals$}");
    if shown.contains('.') { shown.trim_end_matches('0').trim_end_matches('.').to_owned() } else { shown }
}

/// `2d 03h`, `3h 05m`, `5m 12s`, `12.5s`, `150ms`.
pub(super) fn seconds(value: f64) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    let whole = value.round() as i64;
    match value {
        v if v > 0.0 && v < 1.0 => format!("{}ms", (v * 1e3).round()),
        v if v < 59.95 => format!("{}s", measured((v * 10.0).round() / 10.0)),
        v if v < 3_600.0 => format!("{}m {:02}s", whole / 60, whole % 60),
        v if v < 86_400.0 => format!("{}h {:02}m", whole / 3_600, whole / 60 % 60),
        _ => format!("{}d {:02}h", whole / 86_400, whole / 3_600 % 24),
    }
}

/// A price with the decimals of its tick; two more for an average between ticks.
pub(super) fn price(spec: Option<&SymbolSpec>, value: f64) -> String {
    let Some(spec) = spec else { return measured(value) };
    let decimals = usize::from(spec.price_step.scale());
    let shown = format!("{value:.decimals$}");
    let on_tick = shown.parse::<f64>().is_ok_and(|rounded| (rounded - value).abs() <= 1e-9 * value.abs());
    if on_tick { shown } else { format!("{value:.*}", decimals + 2) }
}

/// `2026-01-01 10:00:00`, UTC.
pub(super) fn second(at: Timestamp) -> String {
    at.to_string().get(..19).map_or_else(|| at.to_string(), |text| text.replace('T', " "))
}

/// `2026-01-01 10:00:00.123456`, UTC.
pub(super) fn instant(at: Timestamp) -> String {
    at.to_string().trim_end_matches('Z').replace('T', " ")
}

/// `2026-01-01`.
pub(super) fn day(at: Timestamp) -> String {
    at.to_string().get(..10).unwrap_or("").to_owned()
}

/// Digits in groups of three.
pub(super) fn grouped(value: u128) -> String {
    let digits = value.to_string();
    let mut shown = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decimal::Decimal;

    #[test]
    fn money_keeps_its_sign_and_small_change() {
        let dollars = Currency(Some("USDT"));
        for (value, shown) in [
            (1_234_567.895, "1,234,567.90"),
            (-0.5, "-0.50"),
            (0.0, "0.00"),
            (0.000_012, "0.000012"),
            (-0.000_160_4, "-0.00016"),
            (0.000_000_000_012, "1.2e-11"),
            (999.994, "999.99"),
        ] {
            assert_eq!(dollars.number(Money::from_f64(value)), shown);
        }
        assert_eq!(dollars.signed(Money::from_units(3)), "+3.00");
        for (value, shown) in [(1.005_01, "1.01"), (-1.005_01, "-1.01"), (-0.004, "0.00"), (7.0, "7.00")] {
            let rounded = dollars.rounded(Money::from_f64(value));
            assert_eq!((dollars.number(rounded).as_str(), dollars.rounded(rounded)), (shown, rounded));
        }
        assert_eq!(dollars.amount(Money::from_units(3)), "3.00 USDT");
        assert_eq!(Currency(Some("BTC")).amount(Money::from_f64(0.012_345_6)), "0.012346 BTC");
        assert_eq!(Currency(None).amount(Money::from_units(-3)), "-3.00");
    }

    #[test]
    fn numbers_and_spans() {
        assert_eq!(
            (plain(-0.001, 2), plain(f64::NAN, 2), plain(1e12, 2)),
            ("0.00".into(), NONE.into(), "1.00e12".into())
        );
        assert_eq!(
            (measured(0.0123), measured(12_345.678_9), measured(0.0)),
            ("0.0123".into(), "12345.7".into(), "0".into())
        );
        for (value, shown) in [
            (0.0, "0s"),
            (0.15, "150ms"),
            (12.5, "12.5s"),
            (312.0, "5m 12s"),
            (11_100.0, "3h 05m"),
            (183_600.0, "2d 03h"),
        ] {
            assert_eq!(seconds(value), shown);
        }
    }

    #[test]
    fn prices_have_the_digits_of_their_tick() {
        let step = Decimal::step(4).unwrap();
        let spec = SymbolSpec::new("X", step, Decimal::ONE, Decimal::ONE).unwrap();
        assert_eq!(price(Some(&spec), 0.5), "0.5000");
        assert_eq!(price(Some(&spec), 0.500_033), "0.500033");
    }
}
