//! The folder of a sweep: `plan.json`, and `runs.log` with one line per finished run.
//!
//! A line is `CRC32C LENGTH JSON`: the checksum in 8 hexadecimal digits and the number of bytes of the JSON.
//! The first line names the plan and the shard. Lines are appended in the order in which runs finish; a kill
//! can tear only the last, which is cut off and run again. When the last run is there, the log is written
//! once more in the order of the trials.
//!
//! Invariant: a line that is read was written whole, for this plan.

use super::{Plan, Shard, SweepError, TrialRun, sweep_digest};
use crate::domain::visible::Visible;
use crate::files::whole_file;
use crate::limits::{SWEEP_LINE_BYTES, SWEEP_PLAN_BYTES};
use crate::regular_file;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const PLAN: &str = "plan.json";
const LOG: &str = "runs.log";

/// The JSON of a finished run by trial and run, so in the order of the finished log.
pub type Lines = BTreeMap<(usize, usize), String>;

/// The first line of a log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Head {
    /// Digest of the plan.
    plan: String,
    /// Which part of it.
    shard: Shard,
}

/// What a folder holds.
#[derive(Debug)]
pub struct Opened {
    /// The plan.
    pub plan: Plan,
    /// Which part of it is run here.
    pub shard: Shard,
    /// The finished runs.
    pub lines: Lines,
    /// Bytes at the end of the log that are no whole line.
    pub torn: u64,
}

impl Opened {
    /// The digest of what is there.
    pub fn digest(&self) -> String {
        sweep_digest(&self.plan.digest, self.lines.values().map(String::as_str))
    }

    /// Runs of the shard that are not there yet.
    pub fn missing(&self) -> usize {
        let trials = (1..=self.plan.trials.len()).filter(|trial| self.shard.has(*trial)).count();
        (trials * self.plan.runs.len()).saturating_sub(self.lines.len())
    }
}

/// A folder that runs are appended to; locked against other processes while it is open.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    log: File,
    head: Head,
    lines: Lines,
    /// Holds the lock on the plan.
    _plan: File,
}

impl Folder {
    /// Opens a folder for a plan and one part of it, and makes it when it is not there. A torn end of the log
    /// is cut off; returns how many bytes that were.
    ///
    /// # Errors
    /// A folder with another plan or shard, with other files, in use, or that cannot be written.
    pub fn open(path: &Path, plan: &Plan, shard: Shard) -> Result<(Self, u64), SweepError> {
        let failed = |error: io::Error| SweepError::Unwritable(path.to_owned(), error);
        if path.exists() && !path.is_dir() {
            return Err(SweepError::Input(format!(
                "{} is no folder: --out names the folder of the sweep",
                path.visible()
            )));
        }
        std::fs::create_dir_all(path).map_err(failed)?;
        if !path.join(PLAN).exists() {
            refuse_foreign_files(path)?;
            match whole_file::write_new(&path.join(PLAN), plan.text().as_bytes()) {
                // Another sweep has begun here meanwhile; whether it is the same one is seen below.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                written => written.map_err(failed)?,
            }
        }
        let held = regular_file::open(&path.join(PLAN)).map_err(failed)?;
        if held.try_lock().is_err() {
            return Err(SweepError::Input(format!(
                "another sweep is running in {}; wait for it",
                path.visible()
            )));
        }
        remove_left(path).map_err(failed)?;
        let known = read_plan(path)?;
        if known.digest != plan.digest {
            return Err(SweepError::Input(format!(
                "{} holds another sweep: {}; name another folder with --out, or delete this one",
                path.visible(),
                difference(&known, plan)
            )));
        }
        let head = Head { plan: plan.digest.clone(), shard };
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        let mut log = regular_file::open_with(&mut options, &path.join(LOG)).map_err(failed)?;
        let Log { lines, whole, head: found, .. } = read_log(&log, plan, path)?;
        if let Some(found) = found.as_ref().filter(|found| **found != head) {
            return Err(SweepError::Input(format!(
                "{} holds shard {} of this sweep, not {shard}; each shard needs a folder of its own",
                path.visible(),
                found.shard
            )));
        }
        let length = log.metadata().map_err(failed)?.len();
        log.set_len(whole).map_err(failed)?;
        if found.is_none() {
            log.write_all(&line(&head_text(&head))).map_err(failed)?;
        }
        Ok((Folder { path: path.to_owned(), log, head, lines, _plan: held }, length - whole))
    }

    /// Whether a run is there.
    pub fn has(&self, key: (usize, usize)) -> bool {
        self.lines.contains_key(&key)
    }

    /// Appends a finished run in one write. It survives a kill of the process from then on; a power cut may
    /// take the last ones, which are then run again.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn append(&mut self, run: &TrialRun) -> Result<(), SweepError> {
        let text = run.text();
        self.log.write_all(&line(&text)).map_err(|error| SweepError::Unwritable(self.path.clone(), error))?;
        self.lines.insert(run.key(), text);
        Ok(())
    }

    /// Puts the log in order and on disk. The bytes then follow from the plan alone.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn finish(self) -> Result<String, SweepError> {
        write_log(&self.path, &self.head, &self.lines)?;
        Ok(sweep_digest(&self.head.plan, self.lines.values().map(String::as_str)))
    }
}

/// Writes a finished folder: the plan, and all runs in order.
///
/// # Errors
/// A folder with other files or another plan, or that cannot be written.
pub(super) fn write(path: &Path, plan: &Plan, lines: &Lines) -> Result<(), SweepError> {
    let (folder, _) = Folder::open(path, plan, Shard::WHOLE)?;
    write_log(path, &folder.head, lines)
}

/// Reads a folder without changing it.
///
/// # Errors
/// A folder that holds no sweep or cannot be read.
pub fn read(path: &Path) -> Result<Opened, SweepError> {
    let plan = read_plan(path)?;
    let log = regular_file::open(&path.join(LOG)).map_err(|error| {
        SweepError::Input(format!("{} cannot be read: {error}", path.join(LOG).visible()))
    })?;
    let Log { lines, whole, head, is_damaged } = read_log(&log, &plan, path)?;
    let length = log.metadata().map_or(whole, |metadata| metadata.len());
    if is_damaged {
        return Err(SweepError::Input(format!(
            "{} is damaged after byte {whole}: run the sweep again with this folder; it repeats what is missing",
            path.join(LOG).visible()
        )));
    }
    Ok(Opened {
        plan,
        shard: head.map_or(Shard::WHOLE, |head| head.shard),
        lines,
        torn: length.saturating_sub(whole),
    })
}

fn read_plan(path: &Path) -> Result<Plan, SweepError> {
    let file = path.join(PLAN);
    let refused =
        |why: String| SweepError::Input(format!("{} is not the plan of a sweep: {why}", file.visible()));
    let text = regular_file::read(&file, SWEEP_PLAN_BYTES as u64).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => SweepError::Input(format!("there is no sweep in {}", path.visible())),
        _ => refused(error.to_string()),
    })?;
    if text.len() > SWEEP_PLAN_BYTES {
        return Err(refused(format!("it has more than {SWEEP_PLAN_BYTES} bytes")));
    }
    Plan::parse(&text).map_err(refused)
}

/// What a log says up to the first line that cannot be read.
struct Log {
    /// The finished runs.
    lines: Lines,
    /// Bytes up to there.
    whole: u64,
    /// Its first line.
    head: Option<Head>,
    /// True when the unreadable line ends with a newline: damage, not a killed run.
    is_damaged: bool,
}

fn read_log(log: &File, plan: &Plan, path: &Path) -> Result<Log, SweepError> {
    let failed = |error: io::Error| {
        SweepError::Folder(format!("{} cannot be read: {error}", path.join(LOG).visible()))
    };
    let mut reader = BufReader::new(log);
    reader.seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut read = Log { lines: Lines::new(), whole: 0, head: None, is_damaged: false };
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let length = io::Read::take(&mut reader, SWEEP_LINE_BYTES as u64)
            .read_until(b'\n', &mut bytes)
            .map_err(failed)?;
        read.is_damaged = bytes.ends_with(b"\n");
        let Some(text) = checked(&bytes) else { return Ok(read) };
        if read.head.is_none() {
            let Ok(found) = serde_json::from_str::<Head>(text) else { return Ok(read) };
            if found.plan != plan.digest {
                return Err(SweepError::Input(format!(
                    "{} belongs to another plan than the one beside it; delete the folder and run again",
                    path.join(LOG).visible()
                )));
            }
            read.head = Some(found);
        } else {
            let known =
                |run: &TrialRun| (1..=plan.trials.len()).contains(&run.trial) && run.run < plan.runs.len();
            let Some(run) = TrialRun::parse(text).filter(known) else { return Ok(read) };
            read.lines.insert(run.key(), text.to_owned());
        }
        read.whole += length as u64;
    }
}

/// The JSON of a whole line; `None` when it is torn or damaged.
fn checked(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes.strip_suffix(b"\n")?).ok()?;
    let (checksum, rest) = text.split_once(' ')?;
    let (length, json) = rest.split_once(' ')?;
    let is_whole = length.parse() == Ok(json.len())
        && u32::from_str_radix(checksum, 16) == Ok(crc32c::crc32c(json.as_bytes()));
    is_whole.then_some(json)
}

fn line(json: &str) -> Vec<u8> {
    format!("{:08x} {} {json}\n", crc32c::crc32c(json.as_bytes()), json.len()).into_bytes()
}

fn head_text(head: &Head) -> String {
    // A text and two numbers always have a JSON form.
    serde_json::to_string(head).unwrap_or_default()
}

fn write_log(path: &Path, head: &Head, lines: &Lines) -> Result<(), SweepError> {
    let mut bytes = line(&head_text(head));
    lines.values().for_each(|json| bytes.extend(line(json)));
    whole_file::write_whole(&path.join(LOG), &bytes)
        .map_err(|error| SweepError::Unwritable(path.to_owned(), error))
}

/// Removes what killed sweeps had not finished writing. Only for the holder of the lock.
fn remove_left(path: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(path)? {
        let name = entry?.file_name();
        if [PLAN, LOG].iter().any(|file| whole_file::is_left_of(file, &name)) {
            std::fs::remove_file(path.join(name))?;
        }
    }
    Ok(())
}

/// A folder with files but without a plan was not made by a sweep.
fn refuse_foreign_files(path: &Path) -> Result<(), SweepError> {
    let entries = std::fs::read_dir(path)
        .map_err(|error| SweepError::Folder(format!("{} cannot be read: {error}", path.visible())))?;
    let names: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.file_name()).collect();
    // Another sweep may have begun here just now.
    let has_plan = names.iter().any(|name| name == PLAN);
    match names.iter().find(|name| !has_plan && !whole_file::is_left_of(PLAN, name)) {
        Some(name) => Err(SweepError::Input(format!(
            "{} is not the folder of a sweep: {} is in it; name a new folder with --out",
            path.visible(),
            Path::new(name).visible()
        ))),
        None => Ok(()),
    }
}

/// The first thing in which two plans differ, in words.
fn difference(known: &Plan, new: &Plan) -> String {
    if known.engine_version != new.engine_version {
        return format!(
            "it was begun with engine version {}, this is {}",
            known.engine_version, new.engine_version
        );
    }
    if known.document != new.document || known.strategy != new.strategy {
        return format!("its strategy document {} differs", known.strategy);
    }
    if (&known.axes, known.method, &known.trials) != (&new.axes, new.method, &new.trials) {
        return "it varies other fields or values".to_owned();
    }
    let differs = known.settings.iter().find(|(name, value)| new.settings.get(*name) != Some(*value));
    if let Some((name, value)) = differs {
        return format!("its setting {name} is {value}");
    }
    match known.runs.iter().zip(&new.runs).find(|(known, new)| known != new) {
        Some((run, _)) => {
            format!("the data of {} ({}) have changed", run.source, run.symbols.join(", "))
        }
        None => "its sources or settings differ".to_owned(),
    }
}
