//! Logging to standard error, as text or JSON, one line per event, and as JSON to memory where that is
//! wanted.
//!
//! Invariant: a line contains no control character, so untrusted input can neither forge a line nor move a
//! terminal's cursor. A line that cannot be written is lost, and nothing fails or waits because of it.

mod queue;

use crate::clock;
use crate::config::{Format, Level};
use crate::limits::LOG_LINES_WAITING;
use queue::LineQueue;
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, OnceLock};
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::format::debug_fn;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry, reload};

/// The log of this process.
#[derive(Clone, Debug)]
pub struct Telemetry {
    levels: reload::Handle<Targets, Registry>,
}

/// Lines on their way to standard error.
static QUEUE: OnceLock<LineQueue> = OnceLock::new();

/// How many lines of the log were dropped, because standard error was not read fast enough.
pub fn dropped_lines() -> u64 {
    QUEUE.get().map_or(0, LineQueue::dropped)
}

/// Before the process ends: waits, for a bounded time, until what was said is written.
pub fn flush() {
    if let Some(queue) = QUEUE.get() {
        queue.flush();
    }
}

/// The field of a line that holds `name=value` pairs whose names are not known when the program is built.
const PAIRS: &str = "fields";

/// Takes every line once more, as JSON.
pub type Tail = Arc<dyn Fn(&str) + Send + Sync>;

/// Logging was already started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AlreadyStarted;

/// Starts logging; only once per process.
///
/// # Errors
/// [`AlreadyStarted`] on a second call.
pub fn init(level: Level, format: Format, tail: Option<Tail>) -> Result<Telemetry, AlreadyStarted> {
    // Without a thread for it, whoever logs writes.
    let queue = LineQueue::start(io::stderr(), LOG_LINES_WAITING).ok();
    let writer = match queue.clone() {
        Some(queue) => BoxMakeWriter::new(move || OneLine(queue.clone())),
        None => BoxMakeWriter::new(|| OneLine(io::stderr())),
    };
    let (subscriber, telemetry) = writing_to(level, format, writer, tail);
    tracing::subscriber::set_global_default(subscriber).map_err(|_| AlreadyStarted)?;
    if let Some(queue) = queue {
        // Only one logger is ever set.
        let _ = QUEUE.set(queue);
    }
    Ok(telemetry)
}

impl Telemetry {
    /// Sets the least important level that is logged.
    pub fn set_level(&self, level: Level) {
        // Fails only if the subscriber is gone; then there is no level to set.
        let _ = self.levels.reload(levels(level));
    }
}

fn writing_to<W>(
    level: Level,
    format: Format,
    writer: W,
    tail: Option<Tail>,
) -> (Box<dyn Subscriber + Send + Sync>, Telemetry)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(levels(level));
    let lines: Box<dyn Layer<_> + Send + Sync> = match format {
        Format::Text => Box::new(text(writer)),
        Format::Json => Box::new(json(writer)),
    };
    let tail = tail.map(|tail| json(move || OneLine(ToTail(Arc::clone(&tail)))));
    (Box::new(Registry::default().with(filter).with(lines).with(tail)), Telemetry { levels: handle })
}

fn text<S, W>(writer: W) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'s> tracing_subscriber::registry::LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // Strings of a caller are in quotes; what was put together as `name=value` pairs stands as it is, without
    // a name.
    let fields = debug_fn(|out, field, value| match field.name() {
        "message" | PAIRS => write!(out, "{value:?}"),
        name => write!(out, "{name}={value:?}"),
    });
    tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_timer(Wall)
        .with_ansi(false)
        .log_internal_errors(false)
        .fmt_fields(fields.delimited(" "))
}

fn json<S, W>(writer: W) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'s> tracing_subscriber::registry::LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_timer(Wall).with_ansi(false);
    lines.log_internal_errors(false).json().flatten_event(true).with_current_span(false).with_span_list(false)
}

/// Hands on each line that is written.
struct ToTail(Tail);

impl Write for ToTail {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        (self.0)(&String::from_utf8_lossy(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Our events from this level on; those of libraries at most down to `WARN`.
fn levels(level: Level) -> Targets {
    let level = match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
    };
    Targets::new().with_target("tradingd", level).with_default(level.min(LevelFilter::WARN))
}

/// Timestamps as everywhere else: RFC 3339, UTC, microseconds.
struct Wall;

impl FormatTime for Wall {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{}", clock::now())
    }
}

/// Expects one event per write, as the formatter does, and writes it as one line.
struct OneLine<W>(W);

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.0.write_all(escaped(&String::from_utf8_lossy(event)).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The line with every control character except the final newline written as `\u....`, which is also valid
/// JSON.
fn escaped(line: &str) -> String {
    let line = line.strip_suffix('\n').unwrap_or(line);
    let mut safe = String::with_capacity(line.len() + 1);
    for c in line.chars() {
        if c.is_control() {
            safe.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            safe.push(c);
        }
    }
    safe.push('\n');
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Lines written while `say` ran.
    fn lines(level: Level, format: Format, say: impl FnOnce(&Telemetry)) -> Vec<String> {
        let memory = Memory::default();
        let to = memory.clone();
        let (subscriber, telemetry) = writing_to(level, format, move || OneLine(to.clone()), None);
        tracing::subscriber::with_default(subscriber, || say(&telemetry));
        let written = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
        written.lines().map(str::to_owned).collect()
    }

    #[test]
    fn nothing_that_is_said_makes_a_line_of_its_own() {
        let hostile = "x\n2026-11-22T18:00:00Z ERROR forged\r\u{1b}[2J\u{9b}31m\u{7f}\t\0";
        for format in [Format::Text, Format::Json] {
            let lines = lines(Level::Info, format, |_| {
                tracing::info!(user = hostile, shown = %hostile, "{hostile}");
                tracing::error!("next");
            });
            assert_eq!(lines.len(), 2, "{lines:#?}");
            assert!(lines.iter().all(|line| !line.chars().any(char::is_control)), "{lines:?}");
            assert!(lines[0].contains("forged"), "{lines:?}");
        }
    }

    #[test]
    fn the_tail_gets_every_line_as_json_in_either_format() {
        for format in [Format::Text, Format::Json] {
            let got = Arc::new(Mutex::new(Vec::new()));
            let (to, out) = (Arc::clone(&got), Memory::default());
            let tail: Tail = Arc::new(move |line: &str| to.lock().unwrap().push(line.to_owned()));
            let (subscriber, telemetry) =
                writing_to(Level::Info, format, move || OneLine(out.clone()), Some(tail));
            tracing::subscriber::with_default(subscriber, || {
                tracing::info!(session = "exec_1", "one\ntwo");
                telemetry.set_level(Level::Error);
                tracing::info!("not said");
            });
            let got = got.lock().unwrap();
            let line: serde_json::Value = serde_json::from_str(got[0].trim_end()).unwrap();
            assert_eq!(
                (got.len(), &line["message"], &line["session"]),
                (1, &"one\ntwo".into(), &"exec_1".into())
            );
        }
    }

    #[test]
    fn pairs_are_plain_in_text_and_one_field_in_json() {
        let say = |_: &Telemetry| {
            let fields = "side=long reason=\"a b\"";
            tracing::info!(session = %"exec_1", fields = %fields, quoted = "x", "position closed");
        };
        let text = &lines(Level::Info, Format::Text, say)[0];
        let end = "position closed session=exec_1 side=long reason=\"a b\" quoted=\"x\"";
        assert!(text.ends_with(end), "{text}");
        let line: serde_json::Value =
            serde_json::from_str(&lines(Level::Info, Format::Json, say)[0]).unwrap();
        assert_eq!(
            (&line["session"], &line["fields"]),
            (&"exec_1".into(), &"side=long reason=\"a b\"".into())
        );
    }

    #[test]
    fn json_lines_are_json() {
        let lines =
            lines(Level::Info, Format::Json, |_| tracing::warn!(session = "exec_1", "journal \"stalled\"\n"));
        let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!((line["level"].as_str(), line["session"].as_str()), (Some("WARN"), Some("exec_1")));
        assert_eq!(line["message"], "journal \"stalled\"\n");
        assert!(crate::domain::time::Timestamp::parse(line["timestamp"].as_str().unwrap()).is_some());
    }

    #[test]
    fn levels_change_while_it_runs() {
        let lines = lines(Level::Warn, Format::Text, |telemetry| {
            tracing::info!("one");
            telemetry.set_level(Level::Debug);
            tracing::debug!("two");
            tracing::info!(target: "library", "three");
            tracing::warn!(target: "library", "four");
            telemetry.set_level(Level::Error);
            tracing::warn!("five");
        });
        let said: Vec<&str> = lines.iter().filter_map(|line| line.rsplit(' ').next()).collect();
        assert_eq!(said, ["two", "four"]);
    }
}
