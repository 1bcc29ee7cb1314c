//! Resolves the paths of a command to files and groups the files that belong together. Uses names only, not
//! contents.

use super::error::{FileError, Problem};
use super::whole_file::is_stream;
use super::zip;
use crate::limits::FOLDER_DEPTH;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Suffix of a contract file's name.
pub(super) const CONTRACT_FILE: &str = ".contract.json";

/// Whether a path is a contract file rather than market data.
pub(super) fn is_contract_file(path: &Path) -> bool {
    path.to_string_lossy().ends_with(CONTRACT_FILE)
}

/// Files that are replayed as one, e.g. trades and book of one symbol and day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceGroup {
    /// Common name of the files.
    pub label: String,
    /// The files, sorted.
    pub paths: Vec<PathBuf>,
}

/// The files that the paths of a command refer to.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Inputs {
    /// Files of market data.
    pub files: Vec<PathBuf>,
    /// Those found in directories rather than named explicitly.
    pub found: BTreeSet<PathBuf>,
    /// Files in directories whose names are not those of market data, such as README and CHECKSUM.
    pub left_out: Vec<PathBuf>,
}

/// Suffixes that name the stream rather than the source.
const STREAM_WORDS: [&str; 7] = [".trades", ".book20", ".l2", ".bbo", ".bars", ".marks", ".funding"];

/// Extensions that are not part of a name.
const EXTENSIONS: [&str; 8] = [".gz", ".zst", ".zip", ".csv", ".jsonl", ".ndjson", ".json", ".parquet"];

/// Extensions of files that may hold market data but cannot be read: refusing them is better than ignoring
/// them.
const ARCHIVES: [&str; 4] = [".feather", ".xz", ".bz2", ".7z"];

/// Resolves paths to files: a directory stands for every market data file below it, sorted, and a zip archive
/// for its members (`ARCHIVE/MEMBER`). Hidden files are skipped, and so are contract files, which are read
/// with the files they describe. Duplicates are removed.
///
/// # Errors
/// A missing path, a name with a control character, or a directory that has no market data or is nested too
/// deeply.
pub fn expand(paths: &[PathBuf]) -> Result<Inputs, FileError> {
    let (mut files, mut in_folders, mut left_out) = (Vec::new(), BTreeSet::new(), Vec::new());
    let mut named = BTreeSet::new();
    for path in paths {
        if zip::archive_of(path).is_some() {
            files.push(path.clone());
            continue;
        }
        let meta =
            std::fs::metadata(path).map_err(|error| FileError::of(path, Problem::Unreadable(error)))?;
        if !meta.is_dir() {
            named.insert(path.clone());
            files.push(path.clone());
            continue;
        }
        let mut found = Vec::new();
        collect(path, FOLDER_DEPTH, &mut found)?;
        found.retain(|file| !is_contract_file(file));
        found.sort();
        let (data, other): (Vec<_>, Vec<_>) = found
            .into_iter()
            .partition(|file| has_name_of_market_data(file) && !is_stream(file) && !is_dangling(file));
        if data.is_empty() {
            return Err(FileError::of(path, Problem::Folder("is a directory without files of market data")));
        }
        in_folders.extend(data.iter().cloned());
        files.extend(data);
        left_out.extend(other);
    }
    let mut seen = BTreeSet::new();
    files.retain(|file| !is_contract_file(file) && seen.insert(file.clone()));
    in_folders.retain(|file| !named.contains(file));
    let is_obeyed = |path: &&PathBuf| path.to_string_lossy().chars().any(char::is_control);
    if let Some(path) = files.iter().chain(&left_out).find(is_obeyed) {
        return Err(FileError::of(path, Problem::Name));
    }
    open_archives(Inputs { files, found: in_folders, left_out })
}

/// Replaces zip archives by their members.
fn open_archives(inputs: Inputs) -> Result<Inputs, FileError> {
    let Inputs { files, mut found, mut left_out } = inputs;
    let mut opened = Vec::with_capacity(files.len());
    for file in files {
        if !zip::is_archive(&file) {
            opened.push(file);
            continue;
        }
        let members = zip::members(&file).map_err(|problem| FileError::of(&file, problem))?;
        // What macOS adds to every archive is left out without a word.
        let is_hidden = |name: &str| {
            name.split('/').any(|part| part == "__MACOSX" || part == ".DS_Store" || part.starts_with("._"))
        };
        let is_data = |member: &PathBuf| {
            let name = member.strip_prefix(&file).unwrap_or(member).to_string_lossy();
            !name.split('/').any(|part| part.starts_with(['.', '_']))
                && !is_contract_file(member)
                && (members.len() == 1 || has_name_of_market_data(member))
        };
        let (data, other): (Vec<PathBuf>, Vec<PathBuf>) = members
            .iter()
            .filter(|member| !is_hidden(&member.name))
            .map(|member| file.join(&member.name))
            .partition(is_data);
        if data.is_empty() {
            return Err(FileError::of(
                &file,
                Problem::Archive("is a zip archive without files of market data"),
            ));
        }
        found.extend(data.iter().cloned());
        opened.extend(data);
        left_out.extend(other);
    }
    Ok(Inputs { files: opened, found, left_out })
}

/// The path of the file system that holds a file: the archive of a member, else the file itself.
pub fn on_disk(path: &Path) -> PathBuf {
    zip::archive_of(path).map_or_else(|| path.to_owned(), |(archive, _)| archive)
}

/// Why a file was left out.
pub fn why_left_out(path: &Path) -> &'static str {
    match (is_contract_file(path), is_stream(path)) {
        (true, _) => "contract files are not read inside an archive",
        (_, true) => "it is a pipe, a socket or a device",
        _ if is_dangling(path) => "it is a link that leads nowhere",
        _ => "its name is not that of market data; name the file itself if it is",
    }
}

/// Whether a path is a link to what is not there.
fn is_dangling(path: &Path) -> bool {
    path.is_symlink() && !path.exists()
}

/// Whether a file name may be that of market data.
fn has_name_of_market_data(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    EXTENSIONS.iter().chain(&STREAM_WORDS).chain(&ARCHIVES).any(|end| name.ends_with(end))
}

/// A stem with every number replaced by `#`: equal for files that differ in their dates only.
pub(super) fn family(stem: &Path) -> String {
    let mut family = String::new();
    for c in stem.to_string_lossy().chars() {
        match c {
            '0'..='9' if family.ends_with('#') => {}
            '0'..='9' => family.push('#'),
            c => family.push(c),
        }
    }
    family
}

/// Groups files by stem (see `STREAM_WORDS`); files without a stream word are grouped separately. Sorted by
/// path.
pub fn group_by_stem(paths: &[PathBuf]) -> Vec<SourceGroup> {
    let mut stems: std::collections::BTreeMap<(PathBuf, bool), Vec<PathBuf>> = Default::default();
    for path in paths {
        stems.entry(split(path)).or_default().push(path.clone());
    }
    stems
        .into_iter()
        .map(|((stem, _), mut paths)| {
            paths.sort();
            let label = stem
                .file_name()
                .map_or_else(|| stem.display().to_string(), |name| name.to_string_lossy().into_owned());
            SourceGroup { label, paths }
        })
        .collect()
}

/// A file's path without extensions and stream word.
pub(super) fn stem(path: &Path) -> PathBuf {
    split(path).0
}

/// The stem, and whether there was a stream word.
fn split(path: &Path) -> (PathBuf, bool) {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return (path.to_owned(), false);
    };
    let mut short = name;
    while let Some(cut) =
        EXTENSIONS.iter().find_map(|extension| short.strip_suffix(extension)).filter(|cut| !cut.is_empty())
    {
        short = cut;
    }
    let stream = STREAM_WORDS.iter().find_map(|word| short.strip_suffix(word)).filter(|cut| !cut.is_empty());
    (path.with_file_name(stream.unwrap_or(short)), stream.is_some())
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), FileError> {
    if depth == 0 {
        return Err(FileError::of(folder, Problem::Folder("is nested too deep")));
    }
    let unreadable = |error| FileError::of(folder, Problem::Unreadable(error));
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        // The type of the entry itself: links to directories are not followed, so links cannot form a cycle.
        if entry.file_type().map_err(unreadable)?.is_dir() {
            collect(&entry.path(), depth - 1, files)?;
        } else if !entry.path().is_dir() {
            files.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(names: &[&str]) -> Vec<(String, usize)> {
        let paths: Vec<PathBuf> = names.iter().map(PathBuf::from).collect();
        group_by_stem(&paths).into_iter().map(|group| (group.label, group.paths.len())).collect()
    }

    #[test]
    fn files_of_one_stem_are_one_source() {
        assert_eq!(
            groups(&[
                "b/X_1.trades.csv.gz",
                "b/X_1.book20.csv.zst",
                "b/X_1.l2.jsonl",
                "b/X_1.bbo",
                "b/X_2.trades.csv",
                "b/X_1.csv",
                "a/X_1.trades.csv"
            ]),
            [("X_1".to_owned(), 1), ("X_1".to_owned(), 1), ("X_1".to_owned(), 4), ("X_2".to_owned(), 1)]
        );
        assert_eq!(
            groups(&["candles/THE_1m.csv.gz", ".trades"]),
            [(".trades".to_owned(), 1), ("THE_1m".to_owned(), 1)]
        );
    }

    #[test]
    fn files_that_differ_in_their_dates_only_are_of_one_family() {
        let same = |a: &str, b: &str| family(Path::new(a)) == family(Path::new(b));
        assert!(
            same("d/A-2025-12-01", "d/A-2025-12-02")
                && same("2025-12-01/A", "2025-12-02/A")
                && same("A_20200415T1557Z", "A_20210123T2100Z")
        );
        assert!(
            !same("binance-spot_BTCUSDT_20240808", "binance-usdm_BTCUSDT_20240809") && !same("A_1", "B_1")
        );
    }

    #[test]
    fn a_name_that_a_terminal_obeys_is_refused_and_shown_without_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.csv"), "x").unwrap();
        for name in ["b\u{1b}[2J\n.csv", "README\u{7}"] {
            let path = folder.path().join(name);
            std::fs::write(&path, "x").unwrap();
            for given in [folder.path(), &path] {
                let error = expand(&[given.to_owned()]).unwrap_err().to_string();
                assert!(error.contains("has a control character in its name"), "{error}");
                assert!(!error.chars().any(char::is_control), "{error:?}");
            }
            std::fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn a_socket_in_a_folder_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("a.csv"), "x").unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("b.csv")).unwrap();
        let inputs = expand(&[folder.path().to_owned()]).unwrap();
        assert_eq!((inputs.files, inputs.left_out), (vec![at("a.csv")], vec![at("b.csv")]));
        assert_eq!(why_left_out(&at("b.csv")), "it is a pipe, a socket or a device");
        std::os::unix::fs::symlink(at("nowhere"), at("c.csv")).unwrap();
        assert_eq!(why_left_out(&at("c.csv")), "it is a link that leads nowhere");
        assert!(expand(&[folder.path().to_owned()]).unwrap().left_out.contains(&at("c.csv")));
        assert!(is_stream(&at("b.csv")) && !is_stream(&at("a.csv")));
    }

    #[test]
    fn a_directory_means_its_files_sorted() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert!(
            expand(&[folder.path().to_owned()])
                .unwrap_err()
                .to_string()
                .contains("is a directory without files")
        );
        std::fs::write(at("README"), "x").unwrap();
        assert!(
            expand(&[folder.path().to_owned()])
                .unwrap_err()
                .to_string()
                .contains("without files of market data")
        );
        std::fs::create_dir(at("b")).unwrap();
        for name in ["c.csv", "b/z.csv", "a.csv", ".hidden", "a.contract.json", "a.csv.CHECKSUM"] {
            std::fs::write(at(name), "x").unwrap();
        }
        let inputs = expand(&[at("c.csv"), folder.path().to_owned()]).unwrap();
        assert_eq!(inputs.files, [at("c.csv"), at("a.csv"), at("b/z.csv")]);
        assert_eq!(inputs.found, BTreeSet::from([at("a.csv"), at("b/z.csv")]));
        assert_eq!(inputs.left_out, [at("README"), at("a.csv.CHECKSUM")]);
        assert_eq!(expand(&[at("README")]).unwrap().files, [at("README")], "who is named is meant");
        assert!(expand(&[at("none")]).unwrap_err().to_string().contains("there is no such file"));
    }
}
