//! Tables whose columns shrink on a narrow terminal.

use super::{Colour, Style};
use crate::domain::visible::Visible;

/// Alignment of a column.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// For text.
    Left,
    /// For numbers.
    Right,
}

/// Rows below a heading.
pub struct Table {
    columns: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

/// Minimum width of a shrinking column.
const SHRUNK: usize = 12;
const BETWEEN: usize = 2;

impl Table {
    /// A table without rows.
    pub fn new<'c>(columns: impl IntoIterator<Item = (&'c str, Align)>) -> Self {
        Table {
            columns: columns.into_iter().map(|(name, align)| (name.to_owned(), align)).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row with one cell per column; names in it come from outside.
    pub fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells.iter().map(|cell| cell.visible()).collect());
    }

    /// Renders the table within `table_width` if possible. `dispensable` columns are dropped, in this order,
    /// as long as shrinking is not sufficient; then the `shrinking` columns are cut in the middle.
    pub fn render(&self, style: Style, shrinking: &[usize], dispensable: &[usize]) -> String {
        let mut widths: Vec<usize> = (0..self.columns.len()).map(|column| self.natural(column)).collect();
        for column in dispensable {
            let spare: usize = shrinking.iter().map(|column| widths[*column].saturating_sub(SHRUNK)).sum();
            if total(&widths).saturating_sub(spare) > style.table_width {
                widths[*column] = 0;
            }
        }
        for column in shrinking {
            let over = total(&widths).saturating_sub(style.table_width);
            let least = SHRUNK.min(widths[*column]);
            widths[*column] = widths[*column].saturating_sub(over).max(least);
        }
        let names: Vec<String> = self.columns.iter().map(|(name, _)| name.clone()).collect();
        let head = self.line(&names, &widths);
        let mut out = match style.colour {
            Colour::Plain => head,
            Colour::Ansi => format!("\x1b[2m{head}\x1b[0m"),
        };
        out.push('\n');
        for row in &self.rows {
            out.push_str(&self.line(row, &widths));
            out.push('\n');
        }
        out
    }

    fn natural(&self, column: usize) -> usize {
        let cells = self.rows.iter().map(|row| shown_width(&row[column]));
        cells.chain([shown_width(&self.columns[column].0)]).max().unwrap_or(0)
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let mut out = String::new();
        for ((cell, width), (_, align)) in cells.iter().zip(widths).zip(&self.columns) {
            if *width == 0 {
                continue;
            }
            let cell = cut(cell, *width);
            let space = " ".repeat(width.saturating_sub(shown_width(&cell)));
            match align {
                Align::Left => out.extend([cell.as_str(), &space]),
                Align::Right => out.extend([space.as_str(), &cell]),
            }
            out.push_str(&" ".repeat(BETWEEN));
        }
        out.trim_end().to_owned()
    }
}

fn total(widths: &[usize]) -> usize {
    let shown = widths.iter().filter(|width| **width > 0);
    shown.clone().sum::<usize>() + BETWEEN * shown.count().saturating_sub(1)
}

/// Width of a text in terminal columns.
pub(super) fn shown_width(text: &str) -> usize {
    text.chars().map(cell_width).sum()
}

/// 2 for East Asian wide characters and emoji, as terminals draw them; 1 for all others.
fn cell_width(c: char) -> usize {
    let wide = matches!(u32::from(c),
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f | 0xff00..=0xff60
        | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd);
    if wide { 2 } else { 1 }
}

/// Shortens a text in the middle, because similar names often differ at their end.
fn cut(text: &str, width: usize) -> String {
    if shown_width(text) <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(1);
    let (begin, end) = (room / 2, room - room / 2);
    let head = fitting(text.chars(), begin);
    let tail: String = fitting(text.chars().rev(), end).chars().rev().collect();
    format!("{head}…{tail}")
}

/// The leading characters that fit into the width.
fn fitting(chars: impl Iterator<Item = char>, width: usize) -> String {
    let mut used = 0;
    chars
        .take_while(|c| {
            used += cell_width(*c);
            used <= width
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(table_width: usize) -> Style {
        Style { table_width, ..Style::default() }
    }

    fn table() -> Table {
        let mut table = Table::new([("source", Align::Left), ("net", Align::Right), ("digest", Align::Left)]);
        table.row(vec![
            "GVTBTC_20200415T1556Z.trades".to_owned(),
            "1.50".to_owned(),
            "727aedbe9243".to_owned(),
        ]);
        table.row(vec![
            "GVTBTC_20200416T0011Z.trades".to_owned(),
            "-12.00".to_owned(),
            "9c11aedbe924".to_owned(),
        ]);
        table
    }

    #[test]
    fn a_cut_name_still_tells_which_one_it_is() {
        let text = table().render(style(40), &[0], &[2]);
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
        let lines: Vec<&str> = text.lines().collect();
        assert_ne!(lines[1].split_whitespace().next(), lines[2].split_whitespace().next(), "{text}");
        assert!(lines[1].contains("727aedbe9243"), "cutting the name made room for the digest\n{text}");
    }

    #[test]
    fn what_is_dispensable_leaves_when_cutting_is_not_enough() {
        let text = table().render(style(24), &[0], &[2]);
        assert!(!text.contains("digest") && text.contains("-12.00"), "{text}");
        assert!(table().render(style(usize::MAX), &[0], &[2]).contains("GVTBTC_20200415T1556Z.trades"));
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!((shown_width("币安_USDT"), shown_width("—…é")), (9, 3));
        assert_eq!(cut("币安币安币安", 7), "币…安");
    }
}
