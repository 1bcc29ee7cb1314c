//! `tradingd export`: writes the rows of a recording to files, with the columns that import reads.
//!
//! A data file appears under its name only when it is complete. No value is cut, rounded or left out.
//! Contract facts go into a contract file beside the data, so that importing both restores them.

use super::output::Replace;
use super::{Failure, Global, recordings, terminal};
use crate::domain::record::StreamKind;
use crate::domain::visible::Visible;
use crate::files::whole_file::{self, write_whole};
use crate::files::{
    FactsBySymbol, FileError, FileFormat, Problem, RecordSink, contract_file, contract_file_of,
};
use crate::limits::SYMBOL_FILE_NAME_BYTES;
use crate::service::recordings::{Part, layout, write};
use crate::service::{Records, SourceError, known_names};
use crate::store::Store;
use crate::store::records::RecordingV1;
use clap::Args;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Options of `tradingd export`.
#[derive(Args)]
pub struct Options {
    /// Id of the recording.
    id: String,
    /// Only these symbols.
    #[arg(long, value_name = "SYMBOL", num_args = 1..)]
    symbol: Vec<String>,
    /// Only these streams: trades, book20, l2, bbo, bars, marks, funding.
    #[arg(long, value_name = "STREAM", num_args = 1.., value_parser = stream)]
    stream: Vec<StreamKind>,
    /// csv, jsonl or parquet, the first two also as csv.gz, csv.zst and so on [default: from the file's name,
    /// else csv].
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// A file for one stream, `-` for standard output, or a directory for a file per symbol and stream.
    #[arg(long, value_name = "PATH|DIR|-")]
    out: PathBuf,
    #[command(flatten)]
    replace: Replace,
}

fn stream(word: &str) -> Result<StreamKind, String> {
    let known: Vec<&str> = StreamKind::ALL.iter().map(|(_, word)| *word).collect();
    StreamKind::from_name(word)
        .ok_or_else(|| format!("there is no such stream; the streams are {}", known.join(", ")))
}

/// Destination of the export.
enum Out {
    Stdout(FileFormat),
    File(PathBuf, FileFormat),
    /// A file per symbol and stream with this ending.
    Directory(PathBuf, String, FileFormat),
}

/// Writes the chosen streams.
///
/// # Errors
/// An unknown recording, symbol or stream, a name without a known format, or a path that cannot be written.
pub fn run(global: &Global, options: &Options) -> Result<(), Failure> {
    let store = global.read(&[Records::Recording(options.id.clone())])?;
    let recording = recordings::find(&store, &options.id)?;
    let chosen = choose(&recording, options)?;
    match destination(options)? {
        Out::Directory(dir, ending, format) => {
            std::fs::create_dir_all(&dir).map_err(|error| FileError::writing(&dir, error))?;
            let one = |(kind, symbol): (StreamKind, String)| {
                let path = dir.join(format!("{}.{}.{ending}", file_name(&symbol), kind.as_str()));
                (path, Part { kind, symbols: vec![symbol] })
            };
            let each =
                |(kind, symbols): (StreamKind, Vec<String>)| symbols.into_iter().map(move |it| (kind, it));
            let files: Vec<(PathBuf, Part)> = chosen.into_iter().flat_map(each).map(one).collect();
            for (path, part) in &files {
                check(&store, &recording, part, path, options.replace)?;
            }
            let mut written = Vec::new();
            for (path, part) in &files {
                let rows = write_file(&store, &recording, part, path, format)
                    .map_err(|failure| partly(failure, written.len(), files.len()))?;
                written.push(format!("{}: {rows} rows", path.visible()));
            }
            terminal::notice(&written.join("\n"));
        }
        Out::File(path, format) => {
            let part = one_stream(chosen)?;
            check(&store, &recording, &part, &path, options.replace)?;
            let rows = write_file(&store, &recording, &part, &path, format)?;
            terminal::notice(&format!("{}: {rows} rows", path.visible()));
        }
        Out::Stdout(format) => {
            let part = one_stream(chosen)?;
            let layout = layout(&store, &recording, &part)?;
            let sink =
                RecordSink::to_writer(Path::new("standard output"), Box::new(io::stdout()), layout, format)?;
            match write(&store, &recording, &part, sink) {
                Err(SourceError::File(FileError {
                    problem: Problem::Unwritable(error) | Problem::DiskFull(error),
                    ..
                })) => return terminal::unprinted(&error).map_or(Ok(()), Err),
                written => drop(written?),
            }
        }
    }
    Ok(())
}

/// Adds to a failure how many files were complete before it.
fn partly(failure: Failure, written: usize, total: usize) -> Failure {
    if written == 0 {
        failure
    } else {
        failure.because(&format!("{written} of {total} files were written before, each is whole"))
    }
}

/// The requested symbols that the recording has, by stream.
fn choose(recording: &RecordingV1, options: &Options) -> Result<BTreeMap<StreamKind, Vec<String>>, Failure> {
    if let Some(missing) = options.symbol.iter().find(|name| recording.spelled(name).is_none()) {
        let known = known_names(missing, recording.symbols.iter().map(|symbol| symbol.name.as_str()));
        return Err(Failure::input(format!("{} has no symbol {missing:?}; {known}", recording.id)));
    }
    let named: Vec<&str> =
        options.symbol.iter().filter_map(|name| Some(recording.spelled(name)?.name.as_str())).collect();
    let mut chosen: BTreeMap<StreamKind, Vec<String>> = BTreeMap::new();
    for symbol in recording
        .symbols
        .iter()
        .filter(|symbol| options.symbol.is_empty() || named.contains(&symbol.name.as_str()))
    {
        let streams = symbol.streams.iter().filter_map(|stream| stream.kind());
        for kind in streams.filter(|kind| options.stream.is_empty() || options.stream.contains(kind)) {
            chosen.entry(kind).or_default().push(symbol.name.clone());
        }
    }
    if chosen.is_empty() {
        return Err(Failure::input(format!(
            "{} has none of these streams; `tradingd recordings {}` shows what it has",
            recording.id, recording.id
        )));
    }
    Ok(chosen)
}

fn one_stream(chosen: BTreeMap<StreamKind, Vec<String>>) -> Result<Part, Failure> {
    let words: Vec<&str> = chosen.keys().map(|kind| kind.as_str()).collect();
    let words = words.join(", ");
    let mut chosen = chosen.into_iter();
    match (chosen.next(), chosen.next()) {
        (Some((kind, symbols)), None) => Ok(Part { kind, symbols }),
        _ => Err(Failure::input(format!(
            "one file holds one stream, but these were chosen: {words}; add --stream, or give a directory"
        ))),
    }
}

/// Combines `--out` and `--format`.
fn destination(options: &Options) -> Result<Out, Failure> {
    let asked = match &options.format {
        None => None,
        Some(word) => Some(FileFormat::of_path(Path::new(&format!("x.{word}"))).ok_or_else(|| {
            Failure::input(format!(
                "{word:?} is not a format; the formats are csv, jsonl and parquet, and csv.gz, csv.zst, jsonl.gz, jsonl.zst"
            ))
        })?),
    };
    let path = &options.out;
    if path == Path::new("-") {
        if options.format.as_ref().is_some_and(|word| word.contains('.')) {
            return Err(Failure::input("standard output is not packed; pipe it through gzip or zstd"));
        }
        return Ok(Out::Stdout(asked.unwrap_or(FileFormat::Csv)));
    }
    if path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        let ending = options.format.clone().unwrap_or_else(|| "csv".to_owned());
        return Ok(Out::Directory(path.clone(), ending, asked.unwrap_or(FileFormat::Csv)));
    }
    match (FileFormat::of_path(path), asked) {
        (Some(named), Some(asked)) if named != asked => Err(Failure::input(format!(
            "{} is named for another format than --format {}",
            path.visible(),
            options.format.as_deref().unwrap_or("")
        ))),
        (Some(format), _) | (None, Some(format)) => Ok(Out::File(path.clone(), format)),
        (None, None) => Err(Failure::input(format!(
            "the name {} does not say which format to write: end it with .csv, .jsonl (both also .gz or .zst) or .parquet, add --format, or end a directory with /",
            path.visible()
        ))),
    }
}

/// A symbol as part of a file name. Characters that could leave the directory or hide the file are
/// percent-encoded; a name too long for a file system is cut and made unique by a hash.
fn file_name(symbol: &str) -> String {
    let mut name = String::new();
    for (at, c) in symbol.char_indices() {
        match c {
            '/' | '\\' | '%' | '\0' => name.push_str(&format!("%{:02X}", u32::from(c))),
            '.' if at == 0 => name.push_str("%2E"),
            _ => name.push(c),
        }
    }
    if name.len() > SYMBOL_FILE_NAME_BYTES {
        let hash = crc32c::crc32c(symbol.as_bytes());
        let end = (0..=SYMBOL_FILE_NAME_BYTES).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
        name.truncate(end);
        name.push_str(&format!("%{hash:08X}"));
    }
    name
}

fn write_file(
    store: &Store,
    recording: &RecordingV1,
    part: &Part,
    path: &Path,
    format: FileFormat,
) -> Result<u64, Failure> {
    let sink = RecordSink::create(path, layout(store, recording, part)?, format)?;
    write_facts(store, recording, part, path)?;
    Ok(write(store, recording, part, sink)?)
}

/// Refuses an export that would replace a file. A contract file that would stay as it is may be there: other
/// streams of the symbols were exported before.
fn check(
    store: &Store,
    recording: &RecordingV1,
    part: &Part,
    path: &Path,
    replace: Replace,
) -> Result<(), Failure> {
    replace.check(path)?;
    match facts(store, recording, part)? {
        Some(text) => {
            let beside = contract_file_of(path);
            let is_same = std::fs::read(&beside).is_ok_and(|there| there == text.as_bytes());
            if is_same { Ok(()) } else { replace.check(&beside) }
        }
        None => Ok(()),
    }
}

/// Writes the contract facts of a file's symbols beside it, if there are any. Files with the same stem share
/// one contract file; in a directory those are the streams of one symbol, so each writes the same content.
fn write_facts(store: &Store, recording: &RecordingV1, part: &Part, path: &Path) -> Result<(), Failure> {
    let Some(text) = facts(store, recording, part)? else { return Ok(()) };
    // Nothing lies beside a pipe or a device.
    if whole_file::is_stream(path) {
        return Ok(());
    }
    let path = contract_file_of(path);
    write_whole(&path, text.as_bytes()).map_err(|error| FileError::writing(&path, error).into())
}

/// The contract file of a part; `None` when nothing is known of its symbols.
fn facts(store: &Store, recording: &RecordingV1, part: &Part) -> Result<Option<String>, Failure> {
    let mut facts = FactsBySymbol::new();
    for symbol in &part.symbols {
        let known = store.contract_facts(&recording.id, symbol, &store.facts(&recording.id, symbol)?)?;
        if !known.is_empty() {
            facts.insert(symbol.clone(), known);
        }
    }
    Ok((!facts.is_empty()).then(|| contract_file(&facts)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_symbols_stay_inside_the_directory() {
        assert_eq!(file_name("BTC_USDT"), "BTC_USDT");
        assert_eq!(file_name("../BTC/USDT%"), "%2E.%2FBTC%2FUSDT%25");
        assert_eq!(file_name("<svg/onload=alert(1)>"), "<svg%2Fonload=alert(1)>");
        let wide = |last: char| file_name(&format!("{}{last}", "🦀".repeat(63)));
        assert!(wide('a').len() < 200 && wide('a') != wide('b'), "{}", wide('a'));
    }
}
