//! Terminal output: progress bars with rate and ETA on standard error (only when that is a terminal), the
//! width and colours of results on standard output, and questions to the user.

use super::Failure;
use super::output::remedy;
use crate::domain::visible::{Visible, lines};
use crate::report::text::{Colour, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, BufRead, ErrorKind, IsTerminal, Write};

/// Columns of text when the terminal's width is unknown.
const WIDTH: usize = 100;
/// Exit code of a program ended by Ctrl-C (128 + SIGINT).
const INTERRUPTED: i32 = 130;
/// A width below this is ignored: no table fits.
const NARROWEST: usize = 40;
/// Maximum number of warnings printed at once.
const WARNINGS_SHOWN: usize = 5;

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

/// A progress bar over a number of things to do.
pub fn count_progress(total: u64, what: &str) -> ProgressBar {
    let bar = byte_progress(total, what);
    let style = ProgressStyle::with_template("{prefix} [{bar:32}] {pos}/{len} ETA {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
    bar
}

/// Style of text results: the terminal's width, and colours unless `NO_COLOR` is set. Tables written to a
/// file or pipe are not cut unless `COLUMNS` is set.
pub fn style() -> Style {
    let out = std::io::stdout();
    let is_terminal = out.is_terminal();
    let measured = rustix::termios::tcgetwinsize(&out).ok().map(|size| usize::from(size.ws_col));
    let wanted = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) || !is_terminal;
    let (width, table_width) = widths(is_terminal, measured, wanted);
    Style { width, table_width, colour: if plain { Colour::Plain } else { Colour::Ansi } }
}

/// Columns for sentences and for tables. The terminal's size takes precedence over `COLUMNS`, which shells do
/// not export and scripts may have set for another window.
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

/// Prints to standard output. A closed pipe (`| head`) ends the program with exit code 0, any other failed
/// write with an error message and 69: a result that was cut is never taken for a whole one.
pub fn print(text: &str) {
    print_bytes(text.as_bytes());
}

/// As [`print`], for bytes.
pub fn print_bytes(bytes: &[u8]) {
    if let Err(error) = write_stdout(bytes) {
        let code = unprinted(&error).map_or(0, |failure| {
            report(&failure);
            i32::from(failure.code())
        });
        std::process::exit(code);
    }
}

/// As [`print_bytes`], for a command that has more to say after its result.
///
/// # Errors
/// A result that is cut; none when its reader wanted no more of it.
pub fn try_print(bytes: &[u8]) -> Result<(), Failure> {
    match write_stdout(bytes) {
        Ok(()) => Ok(()),
        Err(error) => unprinted(&error).map_or(Ok(()), Err),
    }
}

fn write_stdout(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Prints warnings to standard error, each once and at most a few: results have them all.
pub fn warn(warnings: impl IntoIterator<Item = String>) {
    let mut told: Vec<String> = Vec::new();
    for warning in warnings {
        if !told.contains(&warning) {
            told.push(warning);
        }
    }
    for warning in told.iter().take(WARNINGS_SHOWN) {
        notice(&format!("warning: {}", warning.visible()));
    }
    if told.len() > WARNINGS_SHOWN {
        notice(&format!("warning: {} more like these", told.len() - WARNINGS_SHOWN));
    }
}

/// The failure of a command whose result did not reach standard output; `None` when its reader wanted no more
/// of it.
pub fn unprinted(error: &io::Error) -> Option<Failure> {
    let is_told = error.kind() != ErrorKind::BrokenPipe;
    is_told.then(|| {
        Failure::unavailable(format!(
            "the result is cut, standard output cannot be written ({error}); {} and repeat",
            remedy(error)
        ))
    })
}

/// Writes a line to standard error: progress, addresses, warnings. That nobody can read it, on a full disk or
/// behind a closed pipe, is no reason to fail. Control characters are escaped; only the newlines of the text
/// stay, so that names and paths in it are written with [`Visible`].
///
/// [`Visible`]: crate::domain::visible::Visible
pub fn notice(text: &str) {
    write_stderr(&format!("{}\n", lines(text)));
}

/// Writes the message of a failure to standard error.
pub fn report(failure: &Failure) {
    notice(&format!("error: {failure}"));
}

fn write_stderr(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Asks a yes/no question; only `y` or `yes` agrees. `None` without a terminal.
pub fn confirmed(question: &str) -> Option<bool> {
    let input = std::io::stdin();
    if !input.is_terminal() || !std::io::stderr().is_terminal() {
        return None;
    }
    write_stderr(&format!("{question} [y/N] "));
    let mut answer = String::new();
    input.lock().read_line(&mut answer).ok()?;
    Some(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// On Ctrl-C prints what became of the work and ends the program. The store needs no clean-up: uncommitted
/// writes do not exist.
pub fn say_when_interrupted(what: impl Fn() -> String + Send + 'static) {
    let listening = std::thread::Builder::new().name("interrupt".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        if let Ok(runtime) = runtime
            && runtime.block_on(tokio::signal::ctrl_c()).is_ok()
        {
            notice(&format!("\ninterrupted: {}", what()));
            std::process::exit(INTERRUPTED);
        }
    });
    // If the thread cannot start, Ctrl-C still ends the program, only without the message.
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
