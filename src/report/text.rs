//! A result as text for a terminal.
