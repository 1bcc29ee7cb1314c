//! Which tables there are and what fills them.

/// Tables with the sources that fill them; a table is sent again by going through its sources again.
pub(super) const TABLES: [(&str, &[&str]); 14] = [
    ("strategies", &["strategies"]),
    ("sessions", &["sessions"]),
    ("results", &["results"]),
    ("trades", &["results"]),
    ("equity", &["results"]),
    ("signals", &["events"]),
    ("orders", &["events"]),
    ("fills", &["events"]),
    ("refusals", &["events", "results"]),
    ("ticks", &["ticks"]),
    ("book", &["book"]),
    ("tickers", &["tickers"]),
    ("gaps", &["gaps"]),
    ("session_equity", &["events"]),
];

/// The sources of a table.
pub(super) fn sources_of(table: &str) -> &'static [&'static str] {
    TABLES.iter().find(|(name, _)| *name == table).map_or(&[], |(_, sources)| sources)
}
