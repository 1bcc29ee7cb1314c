//! Zip archives: each member is a file of market data with a path of its own, `ARCHIVE/MEMBER`.
//!
//! Nothing is unpacked to disk, so names of members are never paths of this machine. Invariants: the members
//! that are read do not overlap in the archive, and each is checked against its size and CRC-32.

use super::counted::{Counted, DISK_BYTES};
use super::error::Problem;
use crate::limits::{ZIP_DIRECTORY_BYTES, ZIP_MEMBERS};
use flate2::Crc;
use flate2::bufread::DeflateDecoder;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

/// First bytes of an archive with members.
const MAGIC: &[u8] = b"PK\x03\x04";
/// Fixed parts of the records of an archive.
const END_BYTES: usize = 22;
const END64_BYTES: usize = 56;
const LOCATOR_BYTES: usize = 20;
const ENTRY_BYTES: usize = 46;
const LOCAL_BYTES: u64 = 30;
/// Longest comment behind the last record.
const COMMENT_BYTES: u64 = 65_535;

/// A file in an archive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Member {
    /// Its name, with `/` between folders.
    pub name: String,
    offset: u64,
    packed: u64,
    unpacked: u64,
    crc: u32,
    method: u16,
    is_encrypted: bool,
}

/// The archive and the member of a path below an archive; `None` for a path of the file system.
pub(super) fn archive_of(path: &Path) -> Option<(PathBuf, String)> {
    let archive = path.ancestors().skip(1).find(|above| above.is_file())?;
    let member = path.strip_prefix(archive).ok()?;
    Some((archive.to_owned(), member.to_str()?.to_owned()))
}

/// Whether a file begins like an archive with members.
pub(super) fn is_archive(path: &Path) -> bool {
    let mut head = [0; MAGIC.len()];
    // A pipe can be read only once.
    path.is_file()
        && File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok()
        && head == MAGIC
}

/// The members of an archive that are files, sorted by name.
pub(super) fn members(path: &Path) -> Result<Vec<Member>, Problem> {
    directory(&mut File::open(path).map_err(Problem::Unreadable)?)
}

/// The directory of an archive as it was read.
#[derive(Debug)]
struct Directory {
    /// Device, number, size, and time of the last change of the archive: the directory counts as long as they
    /// are the same.
    identity: [u64; 5],
    members: Arc<[Member]>,
}

/// Opens archives. Members of an archive are opened one after the other: the directory that was read last is
/// kept, so that it is read once for all of them. Clones share it.
#[derive(Clone, Default, Debug)]
pub(super) struct Archives(Arc<Mutex<Option<Directory>>>);

impl Archives {
    /// Size of a member in its archive; 0 when it cannot be told.
    pub fn packed_size(&self, archive: &Path, name: &str) -> u64 {
        let members = File::open(archive).map_err(Problem::Unreadable);
        let members = members.and_then(|mut file| self.directory(&mut file));
        members.ok().and_then(|members| find(&members, name).map(|member| member.packed)).unwrap_or(0)
    }

    /// The content of a member; `count` grows by every byte taken from the archive. Returns its packed size
    /// too.
    pub fn open(
        &self,
        archive: &Path,
        name: &str,
        count: Arc<AtomicU64>,
    ) -> Result<(Box<dyn Read + Send>, u64), Problem> {
        let mut file = File::open(archive).map_err(Problem::Unreadable)?;
        let members = self.directory(&mut file)?;
        let member = find(&members, name).ok_or(Problem::Archive("has no such member"))?;
        content(file, member, count)
    }

    /// The directory of an archive.
    fn directory(&self, file: &mut File) -> Result<Arc<[Member]>, Problem> {
        let meta = file.metadata().map_err(Problem::Unreadable)?;
        let changed = [meta.mtime(), meta.mtime_nsec()].map(i64::cast_unsigned);
        let identity = [meta.dev(), meta.ino(), meta.size(), changed[0], changed[1]];
        // A thread that panicked cannot have left half of it: it is replaced as a whole.
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(known) if known.identity == identity => Ok(Arc::clone(&known.members)),
            _ => {
                let members: Arc<[Member]> = directory(file)?.into();
                *last = Some(Directory { identity, members: Arc::clone(&members) });
                Ok(members)
            }
        }
    }
}

/// The member of a name.
fn find<'m>(members: &'m [Member], name: &str) -> Option<&'m Member> {
    let index = members.binary_search_by(|member| member.name.as_str().cmp(name)).ok()?;
    Some(&members[index])
}

/// The content of a member of an archive, and its packed size.
fn content(
    mut file: File,
    member: &Member,
    count: Arc<AtomicU64>,
) -> Result<(Box<dyn Read + Send>, u64), Problem> {
    if member.is_encrypted {
        return Err(Problem::Archive("is encrypted; unpack it and give the file"));
    }
    file.seek(SeekFrom::Start(member.offset)).map_err(Problem::Unreadable)?;
    let local = read(&mut file, LOCAL_BYTES as usize)?;
    if !local.starts_with(MAGIC) {
        return Err(DAMAGED);
    }
    let skipped = i64::from(u16_at(&local, 26)) + i64::from(u16_at(&local, 28));
    file.seek(SeekFrom::Current(skipped)).map_err(Problem::Unreadable)?;
    let packed = BufReader::with_capacity(DISK_BYTES, Counted { inner: file.take(member.packed), count });
    let content: Box<dyn Read + Send> = match member.method {
        0 => Box::new(packed),
        8 => Box::new(DeflateDecoder::new(packed)),
        _ => {
            return Err(Problem::Archive(
                "is compressed with something other than deflate; pack it again, or unpack it",
            ));
        }
    };
    let packed = member.packed;
    Ok((
        Box::new(Checked { inner: content, crc: Crc::new(), left: member.unpacked, expected: member.crc }),
        packed,
    ))
}

const DAMAGED: Problem = Problem::Archive("is a damaged zip archive; fetch it again");

/// Reads exactly the size of a member and compares its CRC-32 at the end.
struct Checked<R> {
    inner: R,
    crc: Crc,
    left: u64,
    expected: u32,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        let damaged = |why| Err(io::Error::new(io::ErrorKind::InvalidData, why));
        if n as u64 > self.left {
            return damaged("a member is longer than the archive says");
        }
        self.left -= n as u64;
        self.crc.update(&buffer[..n]);
        if n == 0 && !buffer.is_empty() {
            if self.left > 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if self.crc.sum() != self.expected {
                return damaged("the checksum of a member is wrong");
            }
        }
        Ok(n)
    }
}

/// Reads the directory at the end of an archive.
fn directory(file: &mut File) -> Result<Vec<Member>, Problem> {
    let length = file.metadata().map_err(Problem::Unreadable)?.len();
    let (count, bytes, offset) = end_of(file, length)?;
    if count > ZIP_MEMBERS as u64 {
        return Err(Problem::Archive(
            "has more than 2,000 members; split it, or unpack it and give the folder",
        ));
    }
    if bytes > ZIP_DIRECTORY_BYTES || offset.checked_add(bytes).is_none_or(|end| end > length) {
        return Err(DAMAGED);
    }
    file.seek(SeekFrom::Start(offset)).map_err(Problem::Unreadable)?;
    let text = read(file, bytes as usize)?;
    let (mut members, mut rest) = (Vec::new(), &text[..]);
    for _ in 0..count {
        let (member, behind) = entry(rest)?;
        rest = behind;
        if !member.name.ends_with('/') {
            members.push(member);
        }
    }
    check(&mut members, offset)?;
    Ok(members)
}

/// Refuses overlapping members, two of one name, and names that are not plain paths; sorts by name.
fn check(members: &mut [Member], directory: u64) -> Result<(), Problem> {
    members.sort_by_key(|member| member.offset);
    for (index, member) in members.iter().enumerate() {
        let next = members.get(index + 1).map_or(directory, |next| next.offset);
        let end = member.offset.checked_add(LOCAL_BYTES).and_then(|from| from.checked_add(member.packed));
        if end.is_none_or(|end| end > next) {
            return Err(Problem::Archive(
                "has members that overlap, which no packer writes; fetch it from its source",
            ));
        }
        let plain = !member.name.chars().any(|c| c.is_control() || c == '\\')
            && Path::new(&member.name).components().all(|part| matches!(part, Component::Normal(_)));
        if member.name.is_empty() || !plain {
            return Err(Problem::Archive(
                "has a member whose name is not a plain path; unpack it and give the folder",
            ));
        }
    }
    members.sort_by(|a, b| a.name.cmp(&b.name));
    match members.windows(2).any(|pair| pair[0].name == pair[1].name) {
        true => Err(Problem::Archive("has two members of one name; unpack it and give the folder")),
        false => Ok(()),
    }
}

/// Number of entries, size and position of the directory.
fn end_of(file: &mut File, length: u64) -> Result<(u64, u64, u64), Problem> {
    let tail = length.min(END_BYTES as u64 + COMMENT_BYTES);
    file.seek(SeekFrom::Start(length - tail)).map_err(Problem::Unreadable)?;
    let text = read(file, tail as usize)?;
    let at = (0..=text.len().saturating_sub(END_BYTES))
        .rev()
        .find(|at| text[*at..].starts_with(b"PK\x05\x06"))
        .filter(|at| text.len() - at >= END_BYTES)
        .ok_or(Problem::Archive("ends without its directory: it was cut short; fetch it again"))?;
    let end = &text[at..];
    let (count, bytes, offset) = (u16_at(end, 10), u32_at(end, 12), u32_at(end, 16));
    if count != u16::MAX && bytes != u32::MAX && offset != u32::MAX {
        return Ok((u64::from(count), u64::from(bytes), u64::from(offset)));
    }
    // Zip64: the locator in front of this record gives the position of the larger one.
    let locator = at.checked_sub(LOCATOR_BYTES).map(|from| &text[from..at]).ok_or(DAMAGED)?;
    if !locator.starts_with(b"PK\x06\x07") {
        return Err(DAMAGED);
    }
    file.seek(SeekFrom::Start(u64_at(locator, 8).min(length))).map_err(Problem::Unreadable)?;
    let end = read(file, END64_BYTES)?;
    if !end.starts_with(b"PK\x06\x06") {
        return Err(DAMAGED);
    }
    Ok((u64_at(&end, 32), u64_at(&end, 40), u64_at(&end, 48)))
}

/// One entry of the directory, and what is behind it.
fn entry(text: &[u8]) -> Result<(Member, &[u8]), Problem> {
    if text.len() < ENTRY_BYTES || !text.starts_with(b"PK\x01\x02") {
        return Err(DAMAGED);
    }
    let (name, extra, comment) = (u16_at(text, 28), u16_at(text, 30), u16_at(text, 32));
    let name_end = ENTRY_BYTES + usize::from(name);
    let extra_end = name_end + usize::from(extra);
    let behind = text.get(extra_end + usize::from(comment)..).ok_or(DAMAGED)?;
    let mut member = Member {
        name: String::from_utf8_lossy(&text[ENTRY_BYTES..name_end]).into_owned(),
        offset: u64::from(u32_at(text, 42)),
        packed: u64::from(u32_at(text, 20)),
        unpacked: u64::from(u32_at(text, 24)),
        crc: u32_at(text, 16),
        method: u16_at(text, 10),
        is_encrypted: u16_at(text, 8) & 1 != 0,
    };
    let wide = [&mut member.unpacked, &mut member.packed, &mut member.offset];
    let mut sizes = zip64(&text[name_end..extra_end]);
    for value in wide.into_iter().filter(|value| **value == u64::from(u32::MAX)) {
        let (size, rest) = sizes.split_at_checked(8).ok_or(DAMAGED)?;
        *value = u64_at(size, 0);
        sizes = rest;
    }
    Ok((member, behind))
}

/// The wide sizes among the extra fields of an entry.
fn zip64(mut extra: &[u8]) -> &[u8] {
    while extra.len() >= 4 {
        let (kind, bytes) = (u16_at(extra, 0), usize::from(u16_at(extra, 2)));
        let Some(field) = extra.get(4..4 + bytes) else { break };
        if kind == 1 {
            return field;
        }
        extra = &extra[4 + bytes..];
    }
    &[]
}

fn read(file: &mut File, bytes: usize) -> Result<Vec<u8>, Problem> {
    let mut text = vec![0; bytes];
    file.read_exact(&mut text).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => DAMAGED,
        _ => Problem::Unreadable(error),
    })?;
    Ok(text)
}

/// The bytes at a position; zeros where the text is too short.
fn at<const N: usize>(text: &[u8], from: usize) -> [u8; N] {
    text.get(from..from + N).and_then(|bytes| bytes.try_into().ok()).unwrap_or([0; N])
}

fn u16_at(text: &[u8], from: usize) -> u16 {
    u16::from_le_bytes(at(text, from))
}

fn u32_at(text: &[u8], from: usize) -> u32 {
    u32::from_le_bytes(at(text, from))
}

fn u64_at(text: &[u8], from: usize) -> u64 {
    u64::from_le_bytes(at(text, from))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An archive with empty members, which are stored.
    fn archive(names: &[&str]) -> Vec<u8> {
        let (mut local, mut central) = (Vec::new(), Vec::new());
        for name in names {
            let length = (name.len() as u16).to_le_bytes();
            central.extend([b"PK\x01\x02".as_slice(), &[0; 24], &length, &[0; 12]].concat());
            central.extend((local.len() as u32).to_le_bytes());
            central.extend(name.as_bytes());
            local.extend([MAGIC, &[0; 22], &length, &[0; 2], name.as_bytes()].concat());
        }
        let count = (names.len() as u16).to_le_bytes();
        let (bytes, offset) = ((central.len() as u32).to_le_bytes(), (local.len() as u32).to_le_bytes());
        [&local[..], &central, b"PK\x05\x06", &[0; 4], &count, &count, &bytes, &offset, &[0; 2]].concat()
    }

    #[test]
    fn the_directory_of_an_archive_is_read_once_until_the_archive_changes() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b] = ["a.zip", "b.zip"].map(|name| folder.path().join(name));
        std::fs::write(&a, archive(&["1.csv", "2.csv"])).unwrap();
        std::fs::write(&b, archive(&["3.csv"])).unwrap();
        let archives = Archives::default();
        let of = |path: &Path| archives.directory(&mut File::open(path).unwrap()).ok().unwrap();
        let first = of(&a);
        assert!(Arc::ptr_eq(&first, &of(&a)), "read once");
        assert!(find(&first, "2.csv").is_some() && find(&first, "3.csv").is_none());
        assert_eq!(of(&b)[0].name, "3.csv");
        assert!(!Arc::ptr_eq(&first, &of(&a)), "only the last one is kept");
        std::fs::write(&a, archive(&["1.csv", "2.csv", "4.csv"])).unwrap();
        assert_eq!(of(&a).len(), 3);
    }
}
