//! Reads a file, decompresses it on the fly and counts the bytes taken from disk. Buffers have a fixed size.

use super::counted::{Counted, DISK_BYTES};
use super::error::{Damage, Problem, Shrunk};
use super::parquet_input::{MAGIC, ParquetText};
use super::zip::{self, Archives};
use crate::limits::{PACKED_FREE_BYTES, PACKED_RATIO};
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Size of a file or of a member of an archive as it is stored; 0 when it cannot be told.
pub(super) fn size(path: &Path, archives: &Archives) -> u64 {
    match zip::archive_of(path) {
        Some((archive, name)) => archives.packed_size(&archive, &name),
        None => std::fs::metadata(path).map_or(0, |meta| meta.len()),
    }
}

/// The text of a file or of a member of an archive, decompressed or converted from parquet, and its size as
/// it is stored. `count` grows to that size as it is read.
pub(super) fn text(
    path: &Path,
    count: &Arc<AtomicU64>,
    archives: &Archives,
) -> Result<(Box<dyn Read + Send>, u64), Problem> {
    if let Some((archive, name)) = zip::archive_of(path) {
        let (content, bytes) = archives.open(&archive, &name, Arc::clone(count))?;
        // The member has counted its bytes already.
        return Ok((bounded(plain(content, Arc::default())?, Arc::clone(count)), bytes));
    }
    let mut file = File::open(path).map_err(Problem::Unreadable)?;
    let meta = file.metadata().map_err(Problem::Unreadable)?;
    if meta.is_dir() {
        return Err(Problem::Folder("is a directory"));
    }
    // Only a regular file can be rewound. A pipe cannot be parquet, which is read from its end.
    if meta.is_file() {
        let mut head = Vec::with_capacity(MAGIC.len());
        (&mut file).take(MAGIC.len() as u64).read_to_end(&mut head).map_err(Problem::Unreadable)?;
        file.rewind().map_err(Problem::Unreadable)?;
        if head == MAGIC {
            return Ok((Box::new(ParquetText::new(file, meta.len(), Arc::clone(count))?), meta.len()));
        }
        return Ok((plain(Whole { file, left: meta.len() }, Arc::clone(count))?, meta.len()));
    }
    Ok((plain(file, Arc::clone(count))?, meta.len()))
}

/// A regular file that is read to its end, which must not come before the length that it had when it was
/// opened: the rows of one that was truncated meanwhile would look complete.
struct Whole<R> {
    file: R,
    left: u64,
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        if n == 0 && !buffer.is_empty() && self.left > 0 {
            return Err(io::Error::other(Shrunk));
        }
        self.left = self.left.saturating_sub(n as u64);
        Ok(n)
    }
}

/// Ends reading with an error where the text is far larger than what it was unpacked from.
fn bounded(inner: Box<dyn Read + Send>, taken: Arc<AtomicU64>) -> Box<dyn Read + Send> {
    Box::new(Bounded { inner, taken, given: 0 })
}

struct Bounded {
    inner: Box<dyn Read + Send>,
    taken: Arc<AtomicU64>,
    given: u64,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.given += n as u64;
        let taken = self.taken.load(Ordering::Relaxed);
        if self.given > PACKED_FREE_BYTES && self.given / PACKED_RATIO > taken {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(n)
    }
}

/// The decompressed bytes of an input. `count` grows by every byte taken from `input`.
pub(super) fn plain(
    input: impl Read + Send + 'static,
    count: Arc<AtomicU64>,
) -> Result<Box<dyn Read + Send>, Problem> {
    let mut input = Counted { inner: input, count: Arc::clone(&count) };
    let mut head = Vec::with_capacity(8);
    input.by_ref().take(8).read_to_end(&mut head).map_err(reading)?;
    let kind = magic(&head)?;
    let whole = BufReader::with_capacity(DISK_BYTES, Cursor::new(head).chain(input));
    Ok(match kind {
        Packing::Plain => Box::new(whole),
        Packing::Gzip => bounded(Box::new(flate2::bufread::MultiGzDecoder::new(whole)), count),
        Packing::Zstd => {
            let decoder = zstd::stream::read::Decoder::with_buffer(whole).map_err(Problem::Corrupt)?;
            bounded(Box::new(decoder), count)
        }
    })
}

/// Classifies a failed read.
pub(super) fn reading(error: io::Error) -> Problem {
    if error.raw_os_error().is_some() {
        Problem::Unreadable(error)
    } else if let Some(damage) = error.get_ref().and_then(|inner| inner.downcast_ref::<Damage>()) {
        Problem::JsonList(damage.0)
    } else if error.get_ref().is_some_and(|inner| inner.is::<Shrunk>()) {
        Problem::Shrunk
    } else if error.kind() == io::ErrorKind::FileTooLarge {
        Problem::Bomb
    } else if error.kind() == io::ErrorKind::UnexpectedEof {
        Problem::CutShort
    } else {
        Problem::Corrupt(error)
    }
}

enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// The compression, by the first bytes.
fn magic(head: &[u8]) -> Result<Packing, Problem> {
    match head {
        [] => Err(Problem::Empty),
        [0x1f, 0x8b, ..] => Ok(Packing::Gzip),
        // A zstd frame, or a skippable frame (0x184D2A50 to 0x184D2A5F) that some tools put in front.
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Ok(Packing::Zstd),
        [b'P', b'A', b'R', b'1', ..] => {
            Err(Problem::Unsupported("parquet, which can only be read from a file of its own"))
        }
        [b'P', b'K', 3 | 5, 4 | 6, ..] => {
            Err(Problem::Unsupported("a zip archive inside another file, or without members"))
        }
        [0xfd, b'7', b'z', b'X', b'Z', ..] => Err(Problem::Unsupported("compressed with xz")),
        [b'B', b'Z', b'h', ..] => Err(Problem::Unsupported("compressed with bzip2")),
        [b'A', b'R', b'R', b'O', b'W', b'1', ..] => Err(Problem::Unsupported(
            "a feather file; convert it first (freqtrade convert-data --format-from feather --format-to jsongz, or in Python \
             pandas.read_feather(FILE).to_csv(\"FILE.csv\", index=False))",
        )),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Err(Problem::Unsupported("text in UTF-16")),
        _ => Ok(Packing::Plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zstd_that_unpacks_to_far_more_than_its_size_is_refused() {
        let packed = zstd::stream::encode_all(io::repeat(b'1').take(2 * PACKED_FREE_BYTES), 1).unwrap();
        let mut text = plain(Cursor::new(packed), Arc::default()).ok().unwrap();
        assert!(matches!(io::copy(&mut text, &mut io::sink()).map_err(reading), Err(Problem::Bomb)));
    }
}
