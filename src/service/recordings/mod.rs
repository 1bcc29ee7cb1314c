//! Recordings in the shapes of the API: list, candles, export, import, delete.
//!
//! Invariant: imports requested by path read only inside the import folder, links included; counts are those
//! recorded.

mod candles;
mod coverage;
mod export;
mod labels;
mod load;
#[cfg(test)]
mod made_up;
mod order;
mod reading;
mod same;
mod seen;
mod view;

pub use candles::CandleRequest;
pub use export::{Part, layout, write};
pub use labels::{GRADES, NewLabel};
pub use order::{Plan, Planned, in_time_order};
pub use reading::Reading;
pub use same::{has_same_rows, may_have_same_rows};
pub use view::{RecordingFilter, RecordingLine, per_row};

use super::page::{Page, PageRequest};
use super::references::{Lease, References, Resource};
use super::{Refusal, RefusalKind, SourceError};
use crate::clock;
use crate::config::Recording;
use crate::domain::record::StreamKind;
use crate::domain::time::{Span, Timestamp};
use crate::domain::visible::Visible;
use crate::files::{FileFormat, Inputs, Layout, RecordSink, expand, on_disk};
use crate::store::records::{RecordingState, RecordingV1};
use crate::store::{NewRecording, Retention, Store, StoreError};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// What to export.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExportRequest {
    /// `csv`, `jsonl` or `parquet`.
    pub format: String,
    /// Only this symbol; `None` for all.
    pub symbol: Option<String>,
    /// `trades`, `book`, or the name of a stream.
    pub kind: String,
}

/// A validated export, ready to be written.
#[derive(Clone, Debug)]
pub struct Export {
    /// Suggested file name: letters, digits, `_`, `-` and `.` only.
    pub file_name: String,
    /// Media type.
    pub media_type: &'static str,
    recording: RecordingV1,
    part: Part,
    layout: Layout,
    format: FileFormat,
}

/// The recordings of a store.
pub struct Recordings {
    store: Arc<Store>,
    references: Arc<References>,
}

/// Imports files in this order as one recording, or nothing on failure; returns its id. The recording lists
/// the files by their paths below `root`; `read` is called with the number of bytes read since its last call.
///
/// # Errors
/// The first file or row that is refused, overlapping files, or a store that cannot be written.
pub fn import_files(
    store: &Store,
    files: &[Planned],
    reading: &Reading,
    root: &Path,
    now: Timestamp,
    read: &load::Done<'_>,
) -> Result<String, SourceError> {
    let writer = store.begin_import(NewRecording {
        at: now,
        entropy: clock::entropy(),
        sources: files
            .iter()
            .map(|file| file.path.strip_prefix(root).unwrap_or(&file.path).display().to_string())
            .collect(),
    })?;
    load::all(files, reading, writer, read)
}

impl Recordings {
    /// Uses this store. A recording that a session uses cannot be deleted.
    pub fn new(store: Arc<Store>, references: Arc<References>) -> Self {
        Recordings { store, references }
    }

    /// A page of the list.
    ///
    /// # Errors
    /// What the store reports.
    pub fn list(&self, filter: &RecordingFilter, page: &PageRequest) -> Result<Page<RecordingLine>, Refusal> {
        let mut all = self.store.recordings()?;
        all.retain(|recording| filter.wants(recording));
        let total_count = all.len() as u64;
        let mut rest = all
            .into_iter()
            .filter(|recording| page.cursor.as_ref().is_none_or(|before| recording.id < *before));
        let mut items = Vec::new();
        for recording in rest.by_ref().take(page.limit) {
            let gaps = self.store.gaps(&recording.id)?;
            let venue = recording
                .symbols
                .first()
                .map(|symbol| self.store.facts(&recording.id, &symbol.name))
                .transpose()?;
            items.push(view::line(
                &recording,
                &gaps,
                venue.and_then(|facts| facts.venue),
                filter.include_stats,
            ));
        }
        let more = rest.next().is_some();
        let next = items.last().map(|line| line.session_id.clone()).filter(|_| more);
        Ok(Page { items, total_count, next })
    }

    /// One recording with counts per symbol and stream, gaps with cause, and bytes per row.
    ///
    /// # Errors
    /// `recording_not_found`.
    pub fn get(&self, id: &str) -> Result<Value, Refusal> {
        let recording = self.store.counted_recording(id).map_err(not_found)?;
        let gaps = self.store.gaps(id)?;
        let mut contracts = Vec::new();
        for symbol in &recording.symbols {
            let kept = self.store.facts(id, &symbol.name)?;
            contracts.push(view::contract(
                &symbol.name,
                &self.store.contract_facts(id, &symbol.name, &kept)?,
                &kept,
            ));
        }
        Ok(view::detail(&recording, &gaps, contracts))
    }

    /// Deletes a recording.
    ///
    /// # Errors
    /// `recording_not_found`, `session_active` while it is being made or sessions read it.
    pub fn delete(&self, id: &str) -> Result<(), Refusal> {
        let recording = self.find(id)?;
        let active = |message: String, sessions: Vec<String>| {
            Refusal::conflict("session_active", message).with(json!({"session_id": id, "sessions": sessions}))
        };
        if recording.state == RecordingState::Recording || self.store.is_recording(id) {
            return Err(active(
                format!("recording {id} is being made; stop that first"),
                vec![id.to_owned()],
            ));
        }
        let deleted = self
            .references
            .unless_used(&Resource::Recording(id.to_owned()), || self.store.delete_recording(id));
        let used = |sessions: Vec<String>| {
            active(format!("recording {id} is read by {}; stop that first", sessions.join(", ")), sessions)
        };
        deleted.map_err(used)?.map_err(not_found)
    }

    /// Deletes recordings that are too old or exceed the size limit of the configuration, except those used
    /// by a session or a result. Returns the deleted ids.
    ///
    /// # Errors
    /// What the store reports.
    pub fn prune(&self, config: &Recording, now: Timestamp) -> Result<Vec<String>, Refusal> {
        let before = config.keep_days.map(|days| now - Span::from_seconds(i64::from(days) * 86_400));
        let bytes = config.keep_mib.map(|mib| mib << 20);
        if before.is_none() && bytes.is_none() {
            return Ok(Vec::new());
        }
        let mut pinned = self.references.recordings();
        pinned.extend(
            self.store.results_page(None, usize::MAX, None)?.items.into_iter().map(|result| result.source),
        );
        Ok(self.store.prune(Retention { before, bytes }, &pinned)?.recordings)
    }

    /// `{"symbol","interval_seconds","source","candles":[…],"gaps":[…]}`, each candle as
    /// `{"time","open","high","low","close","volume"}`; the interval is a multiple of the requested one where
    /// there would be too many candles.
    ///
    /// # Errors
    /// `recording_not_found`, `symbol_not_found`, `invalid_request`.
    pub fn candles(&self, id: &str, request: &CandleRequest) -> Result<Value, Refusal> {
        let name = self.spelled(id, &request.symbol)?;
        let recording = self.readable(id, Some(&name))?;
        let symbol = recording.symbol(&name).ok_or_else(|| no_symbol(&recording, &request.symbol))?;
        candles::of(&self.store, &recording, symbol, request)
    }

    /// Validates an export before its first byte is written.
    ///
    /// # Errors
    /// `recording_not_found`, `symbol_not_found`, `invalid_request`.
    pub fn plan_export(&self, id: &str, request: &ExportRequest) -> Result<Export, Refusal> {
        let asked = request.symbol.as_ref().map(|name| self.spelled(id, name)).transpose()?;
        let recording = self.readable(id, asked.as_deref())?;
        let invalid = |path: &str, problem: String| {
            Refusal::invalid(
                "invalid_request",
                format!("{} {problem}", &path[1..]),
                vec![(path.to_owned(), problem)],
            )
        };
        let words: Vec<&str> = FileFormat::ALL.iter().map(|(_, word)| *word).collect();
        let format =
            FileFormat::ALL.iter().find(|(_, word)| *word == request.format).map(|(format, _)| *format);
        let format =
            format.ok_or_else(|| invalid("/format", format!("is not one of {}", words.join(", "))))?;
        let symbols: Vec<String> = match asked {
            Some(name) => vec![name],
            None => recording.symbols.iter().map(|symbol| symbol.name.clone()).collect(),
        };
        let has = |kind: StreamKind| {
            symbols
                .iter()
                .any(|name| recording.symbol(name).is_some_and(|symbol| symbol.stream(kind).is_some()))
        };
        let kinds: Vec<StreamKind> = match request.kind.as_str() {
            "book" => vec![StreamKind::BookChanges, StreamKind::BookSnapshots, StreamKind::Quotes],
            word => StreamKind::from_name(word).into_iter().collect(),
        };
        let Some(kind) = kinds.into_iter().find(|kind| has(*kind)) else {
            let there: Vec<&str> =
                StreamKind::ALL.iter().filter(|(kind, _)| has(*kind)).map(|(_, word)| *word).collect();
            return Err(invalid("/kind", format!("was not recorded; there are {}", there.join(", "))));
        };
        let part = Part {
            kind,
            symbols: symbols
                .into_iter()
                .filter(|name| recording.symbol(name).is_some_and(|s| s.stream(kind).is_some()))
                .collect(),
        };
        let (ending, media_type) = match format {
            FileFormat::Csv => ("csv", "text/csv; charset=utf-8"),
            FileFormat::Jsonl => ("jsonl", "application/x-ndjson"),
            FileFormat::Parquet => ("parquet", "application/vnd.apache.parquet"),
        };
        let symbol = request.symbol.as_deref().unwrap_or("all");
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
        let stem: String = format!("{id}_{symbol}_{}", kind.as_str()).chars().map(plain).collect();
        let layout = layout(&self.store, &recording, &part)?;
        Ok(Export { file_name: format!("{stem}.{ending}"), media_type, recording, part, layout, format })
    }

    /// Writes the rows and returns their number. Ends with an error when `to` fails, such as when the client
    /// is gone.
    ///
    /// # Errors
    /// What the store or `to` reports, possibly after part of the rows was written.
    pub fn export(&self, export: &Export, to: Box<dyn Write + Send>) -> Result<u64, Refusal> {
        let sink = RecordSink::to_writer(Path::new(&export.file_name), to, export.layout, export.format)
            .map_err(SourceError::from)?;
        Ok(write(&self.store, &export.recording, &export.part, sink)?)
    }

    /// Imports a file or folder inside the import folder as one recording.
    ///
    /// # Errors
    /// `import_disabled`, `invalid_path`, `invalid_file` with position and reason.
    pub fn import(&self, folder: Option<&Path>, path: &str, now: Timestamp) -> Result<Value, Refusal> {
        let folder = folder.ok_or_else(|| {
            Refusal::new(
                RefusalKind::Unavailable,
                "import_disabled",
                "no import folder is configured; set import.folder in the configuration",
            )
        })?;
        let inside = inside(folder, path)?;
        let inputs = expand(&[inside.path]).map_err(SourceError::from)?;
        for file in &inputs.files {
            // A link inside the folder may point outside.
            let real = on_disk(file)
                .canonicalize()
                .ok()
                .filter(|real| real.starts_with(&inside.folder))
                .ok_or_else(invalid_path)?;
            // Opening a pipe could block forever.
            if !real.metadata().is_ok_and(|meta| meta.is_file()) {
                return Err(not_a_file(file, &inside.folder));
            }
        }
        self.import_all(inputs, &inside.folder, now)
    }

    /// Imports one file written by this program, such as an uploaded body.
    ///
    /// # Errors
    /// `invalid_file` with position and reason.
    pub fn import_file(&self, path: &Path, now: Timestamp) -> Result<Value, Refusal> {
        let mut inputs = expand(&[path.to_owned()]).map_err(SourceError::from)?;
        if inputs.files.is_empty() {
            inputs.files.push(path.to_owned());
        }
        let folder = path.parent().unwrap_or(path);
        self.import_all(inputs, folder, now).map_err(|refusal| Refusal {
            // Whoever sent the file knows its name, not where it was kept meanwhile.
            message: refusal.message.replace(&format!("{}/", folder.visible()), ""),
            ..refusal
        })
    }

    fn import_all(&self, inputs: Inputs, root: &Path, now: Timestamp) -> Result<Value, Refusal> {
        let names = inputs.left_out.clone();
        let plan = in_time_order(inputs, &Reading::default())?;
        let id = import_files(&self.store, &plan.files, &Reading::default(), root, now, &|_| {})?;
        let mut shown = self.get(&id)?;
        let left_out = names
            .iter()
            .chain(plan.left_out.iter().map(|(path, _)| path))
            .map(|path| path.strip_prefix(root).unwrap_or(path).display().to_string());
        shown["left_out"] = left_out.collect();
        Ok(shown)
    }

    /// Keeps a recording from being deleted until the lease is dropped; `user` is named when somebody tries.
    pub fn hold(&self, id: &str, user: &str) -> Lease {
        self.references.hold(user, vec![Resource::Recording(id.to_owned())])
    }

    /// A recording whose rows are about to be read, also while it is being made.
    fn readable(&self, id: &str, symbol: Option<&str>) -> Result<RecordingV1, Refusal> {
        self.store.readable_recording(id, symbol).map_err(not_found)
    }

    /// The recorded name of a symbol given in either spelling.
    ///
    /// # Errors
    /// `recording_not_found`, `symbol_not_found`.
    pub fn spelled(&self, id: &str, name: &str) -> Result<String, Refusal> {
        let recording = self.store.counted_recording(id).map_err(not_found)?;
        recording.spelled(name).map(|symbol| symbol.name.clone()).ok_or_else(|| no_symbol(&recording, name))
    }

    fn find(&self, id: &str) -> Result<RecordingV1, Refusal> {
        self.store.recording(id).map_err(not_found)
    }
}

struct Inside {
    folder: PathBuf,
    path: PathBuf,
}

/// Resolves a path inside a folder, following links. The error does not reveal whether a path outside exists.
fn inside(folder: &Path, path: &str) -> Result<Inside, Refusal> {
    let plain = !path.is_empty()
        && !path.contains('\0')
        && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    if !plain {
        return Err(invalid_path());
    }
    let folder = folder.canonicalize().map_err(|error| {
        Refusal::new(
            RefusalKind::Unavailable,
            "import_disabled",
            format!("the import folder cannot be read: {error}"),
        )
    })?;
    match folder.join(path).canonicalize() {
        Ok(path) if path.starts_with(&folder) => Ok(Inside { folder, path }),
        _ => Err(invalid_path()),
    }
}

fn invalid_path() -> Refusal {
    let problem = "is not a file or folder below the import folder";
    Refusal::invalid(
        "invalid_path",
        format!("path {problem}"),
        vec![("/path".to_owned(), problem.to_owned())],
    )
}

fn not_a_file(path: &Path, folder: &Path) -> Refusal {
    let name = path.strip_prefix(folder).unwrap_or(path).visible();
    let message = format!("{name} is a pipe, socket or device: only regular files can be imported");
    Refusal::invalid("invalid_file", message.clone(), vec![("/path".to_owned(), message)])
}

fn not_found(error: StoreError) -> Refusal {
    match error {
        StoreError::NotFound { id, .. } => {
            Refusal::not_found("recording_not_found", format!("there is no recording `{id}`"))
        }
        other => other.into(),
    }
}

fn no_symbol(recording: &RecordingV1, symbol: &str) -> Refusal {
    let names: Vec<&str> = recording.symbols.iter().map(|symbol| symbol.name.as_str()).collect();
    let shown: Vec<&str> = names.iter().copied().take(20).collect();
    let message = format!("recording {} has no symbol {symbol:?}; it has {}", recording.id, shown.join(", "));
    Refusal::not_found("symbol_not_found", message).with(json!({"symbol": symbol, "available": names}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decimal::Decimal;
    use crate::domain::order::Side;
    use crate::domain::record::{Record, RecordBody};
    use crate::domain::symbol::SymbolId;
    use crate::domain::time::Span;
    use crate::store::{RecordingCommit, RecordingEnd};

    #[test]
    fn only_what_lies_in_the_folder_can_be_named() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("in");
        std::fs::create_dir_all(folder.join("deep")).unwrap();
        for file in ["outside.csv", "in/a.csv", "in/deep/b.csv"] {
            std::fs::write(dir.path().join(file), "x").unwrap();
        }
        std::os::unix::fs::symlink(dir.path().join("outside.csv"), folder.join("link.csv")).unwrap();
        std::os::unix::fs::symlink(dir.path(), folder.join("up")).unwrap();
        for good in ["a.csv", "deep/b.csv", "deep"] {
            assert!(inside(&folder, good).is_ok(), "{good}");
        }
        let outside = dir.path().join("outside.csv");
        let bad = [
            "",
            ".",
            "..",
            "../outside.csv",
            "deep/../../outside.csv",
            "link.csv",
            "up/outside.csv",
            "none.csv",
            "/",
            "a.csv\0",
            outside.to_str().unwrap(),
        ];
        for bad in bad {
            assert_eq!(
                inside(&folder, bad).map(|inside| inside.path).unwrap_err().code,
                "invalid_path",
                "{bad}"
            );
        }
    }

    #[test]
    fn a_pipe_in_the_folder_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("deep")).unwrap();
        for pipe in ["pipe.trades.csv", "deep/pipe.trades.csv"] {
            let made = std::process::Command::new("mkfifo").arg(dir.path().join(pipe)).status().unwrap();
            assert!(made.success());
        }
        std::os::unix::fs::symlink(dir.path().join("pipe.trades.csv"), dir.path().join("link.trades.csv"))
            .unwrap();
        let recordings =
            Recordings::new(Arc::new(Store::in_memory().unwrap()), Arc::new(References::default()));
        for path in ["pipe.trades.csv", "link.trades.csv", "deep"] {
            let refusal = recordings.import(Some(dir.path()), path, Timestamp::from_seconds(1)).unwrap_err();
            assert_eq!(refusal.code, "invalid_file", "{path}");
            // In a folder below it is left out, like anything else that is not market data.
            let why = if path == "deep" { "without files of market data" } else { "only regular files" };
            assert!(refusal.message.contains(why), "{path}: {}", refusal.message);
        }
    }

    #[test]
    fn one_that_is_being_made_is_shown_with_every_row_and_stays() {
        let store = Arc::new(Store::in_memory().unwrap());
        let recordings = Recordings::new(Arc::clone(&store), Arc::new(References::default()));
        let new = NewRecording { at: Timestamp::from_seconds(1), entropy: 1, sources: Vec::new() };
        let live = store.begin_recording(new, vec!["BTC_USDT".into()]).unwrap();
        let price = Decimal::new(618_003, 1).unwrap();
        let body = RecordBody::Trade { price, quantity: Decimal::ONE, taker: Side::Buy, id: None };
        let at = Timestamp::from_seconds(1_723_161_256);
        live.push(SymbolId(0), &[Record { exchange_at: at, received_at: Some(at), body }; 3]).unwrap();
        live.commit(RecordingCommit::default()).unwrap();
        let list = |recordings: &Recordings| {
            recordings.list(&RecordingFilter::default(), &PageRequest { limit: 10, cursor: None }).unwrap()
        };
        assert_eq!(
            (list(&recordings).items[0].records_collected, list(&recordings).items[0].status),
            (3, "recording")
        );
        assert_eq!(recordings.get(live.id()).unwrap()["records_collected"], 3);
        let request = CandleRequest {
            symbol: "BTC_USDT".into(),
            interval: Span::SECOND,
            from: None,
            to: None,
            max_points: 10,
        };
        assert_eq!(recordings.candles(live.id(), &request).unwrap()["candles"][0]["volume"], 3.0);
        let export = ExportRequest { format: "csv".into(), symbol: None, kind: "trades".into() };
        let export = recordings.plan_export(live.id(), &export).unwrap();
        assert_eq!(recordings.export(&export, Box::new(std::io::sink())).unwrap(), 3);
        assert_eq!(recordings.delete(live.id()).unwrap_err().code, "session_active");
        let id = live.finish(RecordingEnd::default()).unwrap();
        recordings.delete(&id).unwrap();
    }
}
