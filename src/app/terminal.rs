//! What the person at the terminal sees besides results: progress with rate and ETA, on standard error, only when
//! that is a terminal.

use crate::report::text::{Colour, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};

/// A progress bar over bytes of input.
pub fn byte_progress(total: u64, what: &str) -> ProgressBar {
    let bar = if std::io::stderr().is_terminal() {
        ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(8))
    } else {
        ProgressBar::hidden()
    };
    let style = ProgressStyle::with_template("{prefix} [{bar:32}] {percent:>3}% {bytes_per_sec} ETA {eta} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
    bar.set_prefix(what.to_owned());
    bar
}

/// How text results may look: as wide as the terminal, coloured when it is one and nobody asked for none.
pub fn style() -> Style {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let width = columns.filter(|columns| *columns >= 40).unwrap_or(100);
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) || !std::io::stdout().is_terminal();
    Style { width, colour: if plain { Colour::Plain } else { Colour::Ansi } }
}

/// Prints to standard output; a reader that went away (`| head`) ends the program quietly.
pub fn print(text: &str) {
    print_bytes(text.as_bytes());
}

/// As [`print`], for bytes.
pub fn print_bytes(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    if out.write_all(bytes).and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}
