//! `tradingd import --dry-run`: how files are understood, with their first rows, without a store.

use super::{Failure, terminal};
use crate::domain::visible::Visible;
use crate::files::{
    FileError, FileFormat, Inputs, Layout, Opener, RecordBatch, RecordSink, SourceFile, declared_bar,
    why_left_out,
};
use crate::service::recordings::Reading;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// What is shown of one file.
struct Shown {
    path: String,
    kind: &'static str,
    notes: Vec<String>,
    bar_seconds: Option<f64>,
    /// The first rows in our layout, as CSV with column names.
    csv: String,
    rows: Vec<Value>,
}

/// Shows every file that can be read, then fails with the first that cannot.
///
/// # Errors
/// A file that would be refused within the rows shown.
pub fn run(inputs: &Inputs, reading: &Reading, rows: usize, as_json: bool) -> Result<(), Failure> {
    let (mut shown, mut refused, mut unread) = (Vec::new(), None, None);
    let mut left_out: Vec<(&Path, &str)> =
        inputs.left_out.iter().map(|path| (path.as_path(), why_left_out(path))).collect();
    for path in &inputs.files {
        match of_file(path, reading, rows) {
            Ok(file) => shown.push(file),
            Err(error) => match error.leaves_out().filter(|_| inputs.found.contains(path)) {
                Some(why) => {
                    left_out.push((path, why));
                    unread.get_or_insert(error);
                }
                None => {
                    refused.get_or_insert(error);
                }
            },
        }
    }
    let refused = refused.or(unread.filter(|_| shown.is_empty()));
    let text = match as_json {
        true => format!("{:#}\n", to_json(&shown, &left_out)),
        false => to_text(&shown, &left_out),
    };
    terminal::print(&text);
    refused.map_or(Ok(()), |error| Err(error.into()))
}

fn of_file(path: &Path, reading: &Reading, rows: usize) -> Result<Shown, FileError> {
    let mut source = SourceFile::open_with(path, &reading.declared, &Opener::default())?;
    let mut batch = RecordBatch::new(rows);
    source.read(&mut batch)?;
    let written = |format| -> Result<String, FileError> {
        let out = Memory::default();
        let mut sink = RecordSink::to_writer(
            Path::new("-"),
            Box::new(out.clone()),
            Layout::full(source.kind()),
            format,
        )?;
        for (symbol, record) in batch.rows() {
            sink.write(source.symbol(*symbol), record)?;
        }
        sink.finish()?;
        Ok(out.text())
    };
    let json_lines = written(FileFormat::Jsonl)?;
    let first = batch.rows().first().map_or("", |(symbol, _)| source.symbol(*symbol));
    let bar = declared_bar(&source, first, reading.bar)
        .filter(|_| source.kind() == crate::domain::record::StreamKind::Bars);
    Ok(Shown {
        path: path.display().to_string(),
        kind: source.kind().as_str(),
        notes: source.notes(),
        bar_seconds: bar.map(|(length, _)| length.seconds_f64()),
        csv: written(FileFormat::Csv)?,
        rows: json_lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect(),
    })
}

fn to_json(shown: &[Shown], left_out: &[(&Path, &str)]) -> Value {
    let left_out: Vec<String> = left_out.iter().map(|(path, _)| path.display().to_string()).collect();
    let file = |file: &Shown| json!({"path": file.path, "stream": file.kind, "notes": file.notes, "bar_seconds": file.bar_seconds, "rows": file.rows});
    json!({"dry_run": true, "files": shown.iter().map(file).collect::<Vec<_>>(), "left_out": left_out})
}

fn to_text(shown: &[Shown], left_out: &[(&Path, &str)]) -> String {
    let mut text = String::new();
    for file in shown {
        text.push_str(&format!("{}: {}\n", file.path.visible(), file.kind));
        file.notes.iter().for_each(|note| text.push_str(&format!("  {}\n", note.visible())));
        if let Some(seconds) = file.bar_seconds {
            text.push_str(&format!("  bars of {seconds} s by the file or option\n"));
        }
        file.csv.lines().for_each(|line| text.push_str(&format!("  {}\n", line.visible())));
    }
    left_out.iter().for_each(|(path, why)| text.push_str(&format!("left out: {}: {why}\n", path.visible())));
    text.push_str("Nothing was imported: this was --dry-run.\n");
    text
}

/// Takes what is written.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
