//! Aligned columns that give way when the terminal is narrow.

use super::{Colour, Style};

/// To which side a column's cells lean.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// Rows under a heading.
pub(super) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

/// Narrowest a shrinking column becomes.
const SHRUNK: usize = 10;
const BETWEEN: usize = 2;

impl Table {
    pub(super) fn new(columns: &[(&'static str, Align)]) -> Self {
        Table { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// One row, a cell a column.
    pub(super) fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells);
    }

    /// The table no wider than the style allows, as far as the columns named can give way: `shrinking` ones are cut
    /// with an ellipsis, then `dispensable` ones left out in the order given.
    pub(super) fn render(&self, style: Style, shrinking: &[usize], dispensable: &[usize]) -> String {
        let mut widths: Vec<usize> = (0..self.columns.len()).map(|column| self.natural(column)).collect();
        for column in shrinking {
            let over = total(&widths).saturating_sub(style.width);
            let least = SHRUNK.min(widths[*column]);
            widths[*column] = widths[*column].saturating_sub(over).max(least);
        }
        for column in dispensable {
            if total(&widths) > style.width {
                widths[*column] = 0;
            }
        }
        let names: Vec<String> = self.columns.iter().map(|(name, _)| (*name).to_owned()).collect();
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
        let cells = self.rows.iter().map(|row| row[column].chars().count());
        cells.chain([self.columns[column].0.chars().count()]).max().unwrap_or(0)
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let mut out = String::new();
        for ((cell, width), (_, align)) in cells.iter().zip(widths).zip(&self.columns) {
            if *width == 0 {
                continue;
            }
            let cell = cut(cell, *width);
            let space = " ".repeat(width - cell.chars().count());
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

/// The text, or its beginning with an ellipsis.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}
