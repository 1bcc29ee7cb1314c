//! Lists as aligned columns: cut to the width of a terminal, not cut in a pipe or file.

use super::terminal;
pub use crate::report::text::table::Align;
use crate::report::text::table::Table;

/// Renders rows under a heading. On a narrow terminal the `dispensable` columns are dropped in the order
/// given, and texts in the `shrinking` columns are cut in the middle.
pub fn table(
    columns: &[(&str, Align)],
    rows: Vec<Vec<String>>,
    shrinking: &[usize],
    dispensable: &[usize],
) -> String {
    let mut table = Table::new(columns.iter().copied());
    rows.into_iter().for_each(|row| table.row(row));
    table.render(terminal::style(), shrinking, dispensable)
}

/// A whole number with thousands separated by commas.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
