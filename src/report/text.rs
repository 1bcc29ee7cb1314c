//! Renders results as terminal text: assumptions first, then the numbers, then the reasons.
//!
//! Plain text unless colour is requested. Lines fit the requested width where columns can shrink.

mod many;
mod one;
pub mod table;
mod trade;

pub use many::many;
pub use one::one;
pub use trade::explained;

use crate::domain::num::Money;
use crate::domain::order::Side;
use crate::domain::time::Timestamp;
use crate::domain::visible::Visible;
use crate::report::definitions::Unit;
use crate::report::format as f;
use crate::report::metrics::Amount;
use std::fmt::Write;

/// Style of the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Style {
    /// Width of sentences and pairs of figures.
    pub width: usize,
    /// Width of tables: that of the terminal, or unbounded if the output is not a terminal.
    pub table_width: usize,
    /// Whether to use colour.
    pub colour: Colour,
}

/// Whether to use colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Colour {
    /// Plain text.
    Plain,
    /// ANSI escape sequences.
    Ansi,
}

impl Style {
    /// For a terminal of this width.
    pub const fn of_width(width: usize, colour: Colour) -> Self {
        Style { width, table_width: width, colour }
    }
}

impl Default for Style {
    fn default() -> Self {
        Style::of_width(100, Colour::Plain)
    }
}

/// A metric's value in its unit, as results show it; an amount names its currency if that is known.
pub fn figure(value: f64, unit: Unit, currency: Option<&str>) -> String {
    let amount = match unit {
        Unit::Money => Amount::Money(Money::from_f64(value)),
        Unit::Count => Amount::Count(value.max(0.0) as u64),
        _ => Amount::Number(value),
    };
    f::amount(amount, unit, f::Currency(currency))
}

/// An amount of money with the digits of its currency, for columns whose heading names the currency.
pub fn number(value: Money, currency: Option<&str>) -> String {
    f::Currency(currency).number(value)
}

/// A number of things: `1 row`, `2 rows`.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", f::grouped(u128::from(count)), if count == 1 { one } else { many })
}

/// An amount of money, which names its currency if that is known.
pub fn money(value: Money, currency: Option<&str>) -> String {
    f::Currency(currency).amount(value)
}

/// A time to the second as tables print it, UTC.
pub fn second(at: Timestamp) -> String {
    f::second(at)
}

/// `long` or `short`.
pub(super) fn side_word(side: Side) -> &'static str {
    match side {
        Side::Buy => "long",
        Side::Sell => "short",
    }
}

fn heading(out: &mut String, text: &str, style: Style) {
    let text = text.visible();
    // Writing to a string cannot fail.
    let _ = match style.colour {
        Colour::Plain => writeln!(out, "{text}"),
        Colour::Ansi => writeln!(out, "\x1b[1m{text}\x1b[0m"),
    };
}

/// Writes a line; names and paths in it come from outside.
fn line(out: &mut String, text: &str) {
    let _ = writeln!(out, "{}", text.visible().trim_end());
}

/// Writes `  name  value`; the value is wrapped at spaces and aligned with itself.
fn wrapped(out: &mut String, name: &str, value: &str, width: usize) {
    const NAME: usize = 12;
    broken(out, &format!("  {name:<NAME$}"), value, width);
}

/// Writes a sentence, wrapped at spaces.
fn sentence(out: &mut String, text: &str, width: usize) {
    broken(out, "", text, width);
}

/// Writes a label and text beside it, wrapped at spaces; further lines are indented by the label's width.
fn broken(out: &mut String, label: &str, words: &str, width: usize) {
    let indent = table::shown_width(label);
    let room = width.saturating_sub(indent).max(20);
    let (mut label, mut current) = (label.to_owned(), String::new());
    for word in words.split(' ') {
        if !current.is_empty() && table::shown_width(&current) + 1 + table::shown_width(word) > room {
            line(out, &format!("{label}{current}"));
            (label, current) = (" ".repeat(indent), String::new());
        }
        if !current.is_empty() {
            current.push(' ');
        }
        current.push_str(word);
    }
    line(out, &format!("{label}{current}"));
}

/// Percent; a dash if undefined.
fn rate(pct: Option<f64>) -> String {
    pct.map_or_else(|| f::NONE.to_owned(), f::percent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn fits_the_width_it_was_given() {
        let runs = [sample::result(), sample::empty_result()];
        for width in [80, 100, 160] {
            let style = Style::of_width(width, Colour::Plain);
            let texts = [
                one(&runs[0], style),
                one(&runs[1], style),
                many(&runs, style),
                explained(&runs[0], 0, Some(1), style).unwrap(),
            ];
            for text in texts {
                let widest = text
                    .lines()
                    .filter(|line| !line.starts_with("digest"))
                    .map(table::shown_width)
                    .max()
                    .unwrap();
                assert!(widest <= width, "{widest} > {width}\n{text}");
            }
        }
    }
}
