//! What the person at the terminal sees besides results: progress with rate and ETA, on standard error, only when
//! that is a terminal; and how wide and colourful results may be.

use crate::report::text::{Colour, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{BufRead, IsTerminal, Write};

/// Columns of text where no terminal says how wide it is.
const WIDTH: usize = 100;
/// What shells report for a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;
/// Fewer columns than this are no use to a table.
const NARROWEST: usize = 40;

/// A progress bar over bytes of input.
pub fn byte_progress(total: u64, what: &str) -> ProgressBar {
    let bar = if std::io::stderr().is_terminal() {
        ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(8))
    } else {
        ProgressBar::hidden()
    };
    let style =
        ProgressStyle::with_template("{prefix} [{bar:32}] {percent:>3}% {bytes_per_sec} ETA {eta} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
    bar.set_prefix(what.to_owned());
    bar
}

/// How text results may look: as wide as the terminal, coloured when it is one and nobody asked for none. What goes to
/// a file or another program is never cut.
pub fn style() -> Style {
    let out = std::io::stdout();
    let is_terminal = out.is_terminal();
    let measured = rustix::termios::tcgetwinsize(&out).ok().map(|size| usize::from(size.ws_col));
    let wanted = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) || !is_terminal;
    let (width, table_width) = widths(is_terminal, measured, wanted);
    Style { width, table_width, colour: if plain { Colour::Plain } else { Colour::Ansi } }
}

/// Columns for sentences and for tables. A terminal's own size counts before the variable, which shells do not hand on
/// and scripts set for another window.
fn widths(is_terminal: bool, measured: Option<usize>, wanted: Option<usize>) -> (usize, usize) {
    let usable = |columns: Option<usize>| columns.filter(|columns| *columns >= NARROWEST);
    let wanted = usable(wanted);
    match is_terminal {
        true => {
            let width = usable(measured).or(wanted).unwrap_or(WIDTH);
            (width, width)
        }
        false => (wanted.unwrap_or(WIDTH), wanted.unwrap_or(usize::MAX)),
    }
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

/// Asks a question that `y` or `yes` agrees to; `None` when there is nobody to ask.
pub fn confirmed(question: &str) -> Option<bool> {
    let input = std::io::stdin();
    if !input.is_terminal() || !std::io::stderr().is_terminal() {
        return None;
    }
    eprint!("{question} [y/N] ");
    let mut answer = String::new();
    input.lock().read_line(&mut answer).ok()?;
    Some(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Says what became of the work when the user ends the program with Ctrl-C, then ends it. The store needs nobody to tidy
/// up: what was not committed is not there.
pub fn say_when_interrupted(what: &'static str) {
    let listening = std::thread::Builder::new().name("interrupt".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        if let Ok(runtime) = runtime
            && runtime.block_on(tokio::signal::ctrl_c()).is_ok()
        {
            eprintln!("\ninterrupted: {what}");
            std::process::exit(INTERRUPTED);
        }
    });
    // Without it Ctrl-C ends the program just the same, only without a word.
    drop(listening);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_has_its_own_width_and_a_pipe_cuts_no_table() {
        assert_eq!(widths(true, Some(180), Some(80)), (180, 180));
        assert_eq!(widths(true, Some(0), Some(80)), (80, 80));
        assert_eq!(widths(true, None, None), (WIDTH, WIDTH));
        assert_eq!(widths(false, None, None), (WIDTH, usize::MAX));
        assert_eq!(widths(false, None, Some(72)), (72, 72));
    }
}
