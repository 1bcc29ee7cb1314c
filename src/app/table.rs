//! Lists as aligned columns: cut to the terminal when somebody looks at them, whole when a script reads them.

use super::terminal;
pub use crate::report::text::table::Align;
use crate::report::text::table::Table;

/// Rows under a heading. On a narrow terminal the `dispensable` columns leave, in the order given, and the `shrinking`
/// ones are cut in their middle.
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

/// A whole number with commas between thousands.
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
