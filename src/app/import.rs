//! `tradingd import`: imports files of market data as one recording, all of them or none.
//!
//! An import becomes visible only when all of it is on disk; leftovers of a killed import are removed when
//! the store is next opened. An invalid row fails the import; repeated trades that are left out and numbers
//! that are rounded are counted in the recording.

use super::daemon::Daemon;
use super::declared::DeclaredOptions;
use super::state::Holder;
use super::{Failure, Global, dry_run, recordings, terminal};
use crate::clock;
use crate::domain::visible::Visible;
use crate::files::{expand, why_left_out};
use crate::service::Records;
use crate::service::analytics::{self, FetchError, FetchSource};
use crate::service::recordings::{
    Planned, Reading, has_same_rows, import_files, in_time_order, may_have_same_rows,
};
use crate::store::records::RecordingV1;
use crate::store::{OpenMode, Store};
use clap::Args;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// Options of `tradingd import`.
#[derive(Args)]
pub struct Options {
    /// Files or directories: trades, book20, l2, bbo, bars, marks or funding as CSV or JSON lines, plain,
    /// gzip, zstd or in zip archives, or as parquet; also files of Binance, Bybit, OKX, MEXC, Tardis, ccxt
    /// and freqtrade (docs/files.md).
    #[arg(required_unless_present = "questdb", conflicts_with = "questdb", value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    /// Import the recordings of a QuestDB instead: of our own tables, or of `tick_prices` and
    /// `tick_orderbook`.
    #[arg(long, value_name = "URL")]
    questdb: Option<String>,
    /// User at the QuestDB; sends the stored password with it.
    #[arg(long, value_name = "NAME", requires = "questdb")]
    user: Option<String>,
    /// Send the stored token (credential or file `questdb-token` of the state directory).
    #[arg(long, requires = "questdb", conflicts_with = "user")]
    with_token: bool,
    /// What the names of our tables begin with there.
    #[arg(long, value_name = "PREFIX", default_value = "td_", requires = "questdb")]
    prefix: String,
    /// Only this recording or session of the QuestDB.
    #[arg(long, value_name = "ID", requires = "questdb")]
    session: Option<String>,
    #[command(flatten)]
    declared: DeclaredOptions,
    /// Show how the files are understood, with the first rows of each, and import nothing.
    #[arg(long, conflicts_with = "questdb")]
    dry_run: bool,
    /// Rows of each file that --dry-run shows.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    rows: u16,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// Imports the files as one recording and prints it once it is durable.
///
/// # Errors
/// The first file or row that is refused, files that overlap, or a store that cannot be written; nothing is
/// stored then.
pub fn run(global: &Global, options: &Options) -> Result<(), Failure> {
    let Some(url) = &options.questdb else { return import(global, options, &options.paths) };
    // The stored secret belongs to the server of the configuration: another one gets it only when it is said.
    let secret = match options.user.is_some() || options.with_token {
        true => {
            analytics::secret(&global.state()).map_err(|failed| Failure::configuration(failed.to_string()))?
        }
        false => None,
    };
    let none = BTreeSet::new();
    let from = FetchSource {
        url,
        user: options.user.as_deref(),
        prefix: &options.prefix,
        session: options.session.as_deref(),
        except: &none,
    };
    let mut folder = ImportFolder::open(&global.state(), &from.fingerprint())?;
    let imported = folder.imported();
    let from = FetchSource { except: &imported, ..from };
    let read = AtomicU64::new(0);
    let fetched = analytics::fetch(&from, secret.as_ref(), &folder.path, &|rows| {
        let before = read.fetch_add(rows, Ordering::Relaxed);
        if before / TOLD_EVERY != (before + rows) / TOLD_EVERY {
            terminal::notice(&format!("{} rows read", before + rows));
        }
    });
    let fetched = fetched.map_err(|error| match error {
        FetchError::Io(error) => Failure::other(error.to_string()).because(&folder.goes_on()),
        FetchError::Query(error) => Failure::unavailable(error.to_string()).because(&folder.goes_on()),
        FetchError::Refused(why) => Failure::unavailable(why).because(&folder.goes_on()),
    })?;
    for recording in &fetched {
        terminal::notice(&format!("{}: {} rows of {url}", recording.id, recording.rows));
        if recording.rows_before > 0 {
            terminal::notice(&format!(
                "  {} of them were read by an import that was interrupted",
                recording.rows_before
            ));
        }
        recording.notes.iter().for_each(|note| terminal::notice(&format!("  {note}")));
        recording
            .left_out
            .iter()
            .for_each(|(rows, why)| terminal::notice(&format!("  left out: {rows} rows with {why}")));
        import(global, options, &recording.files).map_err(|failure| {
            failure.because(&format!("while importing {} of the QuestDB; {}", recording.id, folder.goes_on()))
        })?;
        folder.note(&recording.id)?;
    }
    folder.is_done = true;
    Ok(())
}

/// Rows between two lines of progress.
const TOLD_EVERY: u64 = 1_000_000;

/// A folder of the state directory for what is read from a QuestDB. It goes once all of that is imported, and
/// stays otherwise, so that the same command goes on there.
struct ImportFolder {
    path: PathBuf,
    is_done: bool,
    /// Locked: two imports of the same rows do not share it.
    _lock: File,
}

impl Drop for ImportFolder {
    fn drop(&mut self) {
        // Best effort: it holds copies only.
        let _ = match self.is_done {
            true => fs::remove_dir_all(&self.path),
            // Only when it is empty.
            false => fs::remove_dir(&self.path),
        };
    }
}

/// Ids of recordings that are imported, one a line.
const IMPORTED: &str = "imported";

impl ImportFolder {
    fn open(state: &Path, fingerprint: &str) -> Result<Self, Failure> {
        let path = state.join(format!("questdb-import-{fingerprint}"));
        let cannot =
            |error: io::Error| Failure::configuration(format!("{} cannot be made: {error}", path.visible()));
        fs::create_dir_all(&path).map_err(cannot)?;
        let lock = File::open(&path).map_err(cannot)?;
        match lock.try_lock() {
            Ok(()) => Ok(ImportFolder { path, is_done: false, _lock: lock }),
            Err(_) => Err(Failure::unavailable(
                "another import of the same rows is running: wait until it has ended",
            )),
        }
    }

    fn imported(&self) -> BTreeSet<String> {
        let ids = fs::read_to_string(self.path.join(IMPORTED)).unwrap_or_default();
        ids.lines().map(str::to_owned).collect()
    }

    fn note(&self, id: &str) -> Result<(), Failure> {
        let file = OpenOptions::new().create(true).append(true).open(self.path.join(IMPORTED));
        let noted = file.and_then(|mut file| writeln!(file, "{id}").and_then(|()| file.sync_all()));
        noted.map_err(|error| Failure::other(format!("{} cannot be written: {error}", self.path.visible())))
    }

    /// What a failure leaves behind.
    fn goes_on(&self) -> String {
        format!(
            "rows that were read are in {0}: run the same command again to continue, or remove {0} to read everything anew",
            self.path.visible()
        )
    }
}

fn import(global: &Global, options: &Options, paths: &[PathBuf]) -> Result<(), Failure> {
    let inputs = expand(paths)?;
    let reading = Reading { declared: options.declared.facts(), bar: options.declared.bar() };
    if options.dry_run {
        return dry_run::run(&inputs, &reading, usize::from(options.rows), options.json);
    }
    inputs
        .left_out
        .iter()
        .for_each(|path| terminal::notice(&format!("left out: {}: {}", path.visible(), why_left_out(path))));
    let is_folder = paths.iter().any(|path| path.is_dir());
    let plan = in_time_order(inputs, &reading).map_err(|error| {
        let failure = Failure::from(error);
        if is_folder {
            failure.because("to leave it out, name the files themselves, not their folder")
        } else {
            failure
        }
    })?;
    plan.left_out
        .iter()
        .for_each(|(path, why)| terminal::notice(&format!("left out: {}: {why}", path.visible())));
    let holder = global.holder(OpenMode::CreateIfNew)?;
    // Set once the daemon may have kept it.
    let handed_over = Arc::new(OnceLock::<String>::new());
    let said = Arc::clone(&handed_over);
    terminal::say_when_interrupted(move || said.get().map_or(NOTHING_KEPT.to_owned(), |id| may_be_kept(id)));
    match holder {
        Holder::Command(mut store) => {
            let recording = record(&store, &plan.files, &reading)?;
            for other in may_have_same_rows(&recording, &store.recordings()?) {
                if has_same_rows(&store, &recording, &store, &other)? {
                    tell_same_rows(&other, &recording.id);
                }
            }
            recordings::show(&store, &recording, options.json)?;
            global.give_space_back(&mut store, "the recording is kept");
        }
        Holder::Daemon(daemon) => {
            // Made here, so that the daemon neither reads files of other users nor spends time on parsing.
            let store = Store::temporary(&global.state())?;
            let recording = record(&store, &plan.files, &reading)?;
            let id = handed_over.get_or_init(|| recording.id.clone());
            tell_if_known(&daemon, &store, &recording);
            if let Err(failure) = daemon.keep_recording(&store, id) {
                return Err(match daemon.get(&format!("/api/data-collection/{id}")) {
                    // The answer was lost, or the daemon is gone.
                    Ok(_) => failure.because(&format!("the import was kept as {id}")),
                    Err(answer) if answer.is_refusal() => failure.because(NOTHING_KEPT),
                    Err(_) => failure.because(&may_be_kept(id)),
                });
            }
            recordings::show(&store, &recording, options.json)?;
        }
    }
    Ok(())
}

/// Tells of a recording of the daemon that has the same rows.
fn tell_if_known(daemon: &Daemon, store: &Store, recording: &RecordingV1) {
    // Only a word of warning: without an answer or room for a copy there is none.
    let known = daemon.copy(&[Records::Recordings]).ok().and_then(|copy| copy.recordings().ok());
    for other in may_have_same_rows(recording, &known.unwrap_or_default()) {
        let copy = daemon.copy(&[Records::Recording(other.clone())]);
        if copy.is_ok_and(|copy| has_same_rows(store, recording, &copy, &other).unwrap_or(false)) {
            tell_same_rows(&other, &recording.id);
        }
    }
}

fn tell_same_rows(other: &str, id: &str) {
    terminal::notice(&format!(
        "warning: {other} has the same rows: if that was not meant, remove one with `tradingd recordings delete {id}`"
    ));
}

const NOTHING_KEPT: &str = "nothing of this import was kept";

fn may_be_kept(id: &str) -> String {
    format!("the daemon may have kept the import as {id}: see `tradingd recordings`")
}

fn record(store: &Store, files: &[Planned], reading: &Reading) -> Result<RecordingV1, Failure> {
    let bar = terminal::byte_progress(files.iter().map(|file| file.bytes).sum(), "import");
    let loaded = import_files(store, files, reading, Path::new(""), clock::now(), &|bytes| bar.inc(bytes));
    bar.finish_and_clear();
    let loaded = loaded.map_err(|error| Failure::from(error).because(NOTHING_KEPT))?;
    Ok(store.recording(&loaded)?)
}
