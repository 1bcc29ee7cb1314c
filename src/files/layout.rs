//! Layouts of market data files: the columns of each, and how a file's columns map to them.

use super::error::{Problem, excerpt};
use crate::domain::record::StreamKind;

/// The columns of one kind of stream. A column's slot is its index in `required` followed by `optional`.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct LayoutRule {
    pub kind: StreamKind,
    pub required: &'static [&'static str],
    pub optional: &'static [&'static str],
    /// Columns that identify the layout; the first rule with a match applies.
    marks: &'static [&'static str],
}

/// Maximum number of columns of a layout.
pub(super) const MAX_COLUMNS: usize = 10;

/// Slot of the exchange's time, in every layout.
pub(super) const TIME: usize = 0;
/// Slot of the symbol, in every layout.
pub(super) const SYMBOL: usize = 1;

/// All layouts, in order of precedence. `recv_us` is allowed in each, because our own recordings have receive
/// times on every stream.
pub(super) static RULES: [LayoutRule; 7] = [
    LayoutRule {
        kind: StreamKind::Bars,
        required: &["timestamp_us", "symbol", "open", "high", "low", "close", "volume"],
        optional: &["quote_volume", "recv_us"],
        marks: &["open", "high", "low", "close", "volume", "quote_volume"],
    },
    LayoutRule {
        kind: StreamKind::Quotes,
        required: &["timestamp_us", "symbol", "bid_price", "bid_quantity", "ask_price", "ask_quantity"],
        optional: &["recv_us", "update_id"],
        marks: &["bid_price", "bid_quantity", "ask_price", "ask_quantity"],
    },
    LayoutRule {
        kind: StreamKind::BookSnapshots,
        required: &["timestamp_us", "symbol", "side", "level", "price", "quantity"],
        optional: &["recv_us"],
        marks: &["level"],
    },
    LayoutRule {
        kind: StreamKind::BookChanges,
        required: &["timestamp_us", "symbol", "side", "price", "quantity"],
        optional: &["is_snapshot", "update_id", "recv_us"],
        marks: &["is_snapshot", "update_id"],
    },
    LayoutRule {
        kind: StreamKind::Marks,
        required: &["timestamp_us", "symbol", "mark_price"],
        optional: &["index_price", "recv_us"],
        marks: &["mark_price", "index_price"],
    },
    LayoutRule {
        kind: StreamKind::Funding,
        required: &["timestamp_us", "symbol", "rate"],
        optional: &["recv_us"],
        marks: &["rate"],
    },
    LayoutRule {
        kind: StreamKind::Trades,
        required: &["timestamp_us", "symbol", "price", "quantity", "side"],
        optional: &["recv_us", "trade_id"],
        marks: &["price", "quantity", "trade_id", "side"],
    },
];

/// The columns of a file: all required ones of its kind and any of the optional ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    rule: &'static LayoutRule,
    present: u16,
}

impl Layout {
    /// Only the required columns of a kind.
    pub fn required(kind: StreamKind) -> Self {
        let rule = rule_of(kind);
        Layout { rule, present: (1 << rule.required.len()) - 1 }
    }

    /// All columns of a kind.
    pub fn full(kind: StreamKind) -> Self {
        let rule = rule_of(kind);
        Layout { rule, present: (1 << (rule.required.len() + rule.optional.len())) - 1 }
    }

    /// Adds an optional column; unchanged if the kind does not have it.
    pub fn with(self, column: &str) -> Self {
        match self.rule.slot(column) {
            Some(slot) => Layout { present: self.present | 1 << slot, ..self },
            None => self,
        }
    }

    /// Kind of stream.
    pub fn kind(self) -> StreamKind {
        self.rule.kind
    }

    /// Whether a column is present.
    pub fn has(self, column: &str) -> bool {
        self.rule.slot(column).is_some_and(|slot| self.has_slot(slot))
    }

    /// The columns in writing order.
    pub fn columns(self) -> impl Iterator<Item = &'static str> {
        self.rule.columns().enumerate().filter(move |(slot, _)| self.has_slot(*slot)).map(|(_, name)| name)
    }

    pub(super) fn has_slot(self, slot: usize) -> bool {
        self.present & 1 << slot != 0
    }

    pub(super) fn rule(self) -> &'static LayoutRule {
        self.rule
    }
}

impl LayoutRule {
    pub fn columns(&'static self) -> impl Iterator<Item = &'static str> {
        self.required.iter().chain(self.optional).copied()
    }

    /// The slot of a column.
    pub fn slot(&'static self, name: &str) -> Option<usize> {
        self.columns().position(|column| column == name)
    }

    /// The name of a slot.
    pub fn name(&'static self, slot: usize) -> Option<&'static str> {
        self.columns().nth(slot)
    }

    pub fn known(&'static self) -> String {
        let mut text = format!("{} files have {}", self.kind.as_str(), self.required.join(", "));
        if !self.optional.is_empty() {
            text.push_str(" and may have ");
            text.push_str(&self.optional.join(", "));
        }
        text
    }
}

/// The rule of a kind.
pub(super) fn rule_of(kind: StreamKind) -> &'static LayoutRule {
    RULES.iter().find(|rule| rule.kind == kind).unwrap_or(&RULES[RULES.len() - 1])
}

/// A description of all layouts.
fn all_known() -> String {
    let parts: Vec<String> = RULES
        .iter()
        .map(|rule| {
            let optional: String = rule.optional.iter().map(|name| format!("[,{name}]")).collect();
            format!("{}: {}{optional}", rule.kind.as_str(), rule.required.join(","))
        })
        .collect();
    parts.join("; ")
}

/// The problem of a line that is of no layout.
pub(super) fn unknown(first: &[u8]) -> Problem {
    Problem::UnknownLayout { first: excerpt(first), known: all_known() }
}

/// The layout that matches these column names, and the slot of each. `first_side`, the side of the first row,
/// distinguishes trades from level changes when the names fit both.
pub(super) fn recognise(names: &[&[u8]], first_side: Option<&[u8]>) -> Result<(Layout, Vec<u8>), Problem> {
    let has = |column: &&str| names.contains(&column.as_bytes());
    let unknown = || unknown(names.first().copied().unwrap_or_default());
    let rule = RULES.iter().find(|rule| rule.marks.iter().any(has)).ok_or_else(unknown)?;
    let rule = match first_side {
        Some(b"bid" | b"ask") if rule.kind == StreamKind::Trades => rule_of(StreamKind::BookChanges),
        _ => rule,
    };
    // A file about something else may share a column name with a layout; listing missing columns would not
    // help then.
    if !rule.required.iter().take(2).any(has) {
        return Err(unknown());
    }
    let mut present: u16 = 0;
    let mut slots = Vec::with_capacity(names.len());
    for name in names {
        let slot = std::str::from_utf8(name).ok().and_then(|name| rule.slot(name));
        let slot = slot.ok_or_else(|| Problem::UnknownColumn { name: excerpt(name), known: rule.known() })?;
        if present & 1 << slot != 0 {
            return Err(Problem::RepeatedColumn(excerpt(name)));
        }
        present |= 1 << slot;
        slots.push(slot as u8);
    }
    if let Some(name) = rule.required.iter().find(|name| !has(name)) {
        return Err(Problem::MissingColumn { name, known: rule.known() });
    }
    Ok((Layout { rule, present }, slots))
}

/// Index of the `side` column.
pub(super) fn side_position(names: &[&[u8]]) -> Option<usize> {
    names.iter().position(|name| *name == b"side")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(header: &str) -> Vec<&[u8]> {
        header.split(',').map(str::as_bytes).collect()
    }

    #[test]
    fn every_layout_is_recognised_by_its_own_columns_in_any_order() {
        for rule in &RULES {
            for layout in [Layout::full(rule.kind), Layout::required(rule.kind)] {
                let mut columns: Vec<&[u8]> = layout.columns().map(str::as_bytes).collect();
                assert!(columns.len() <= MAX_COLUMNS);
                columns.reverse();
                // Required columns alone fit both trades and level changes; the first side decides.
                let side: &[u8] = if rule.kind == StreamKind::Trades { b"buy" } else { b"bid" };
                let (found, slots) = recognise(&columns, Some(side)).unwrap();
                assert_eq!(found, layout);
                assert_eq!(usize::from(slots[columns.len() - 1]), TIME);
                assert_eq!(usize::from(slots[columns.len() - 2]), SYMBOL);
            }
        }
    }

    #[test]
    fn names_the_column_that_is_wrong() {
        let problem = |header: &str| recognise(&names(header), None).unwrap_err().to_string();
        assert!(
            problem("timestamp_us,symbol,price,quantity,side,colour")
                .contains("`colour` is unknown; trades files have timestamp_us")
        );
        assert!(problem("timestamp_us,symbol,price,side").contains("`quantity` is missing"));
        assert!(problem("timestamp_us,symbol,price,price,quantity,side").contains("`price` is given twice"));
        assert!(
            problem("event_id,base,grade").contains("begins with `event_id`")
                && problem("event_id,base,grade").contains("; the layouts are bars: timestamp_us,")
        );
    }
}
