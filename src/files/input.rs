//! Reads a file, decompresses it on the fly and counts the bytes taken from disk. Buffers have a fixed size.

use super::error::Problem;
use super::parquet_input::{MAGIC, ParquetText};
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes per read from disk.
const DISK_BYTES: usize = 64 << 10;

/// Counts the bytes read through it.
struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.count.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// Opens a file; returns its size too.
pub(super) fn open(path: &Path) -> Result<(File, u64), Problem> {
    let file = File::open(path).map_err(Problem::Unreadable)?;
    let meta = file.metadata().map_err(Problem::Unreadable)?;
    if meta.is_dir() {
        return Err(Problem::Folder("is a directory"));
    }
    Ok((file, meta.len()))
}

/// The text of a file, decompressed or converted from parquet. `count` grows to the file's size as it is
/// read.
pub(super) fn text(
    mut file: File,
    bytes: u64,
    count: Arc<AtomicU64>,
) -> Result<Box<dyn Read + Send>, Problem> {
    // Only a regular file can be rewound. A pipe cannot be parquet, which is read from its end.
    if file.metadata().is_ok_and(|meta| meta.is_file()) {
        let mut head = Vec::with_capacity(MAGIC.len());
        (&mut file).take(MAGIC.len() as u64).read_to_end(&mut head).map_err(Problem::Unreadable)?;
        file.rewind().map_err(Problem::Unreadable)?;
        if head == MAGIC {
            return Ok(Box::new(ParquetText::new(file, bytes, count)?));
        }
    }
    plain(file, count)
}

/// The decompressed bytes of an input. `count` grows by every byte taken from `input`.
pub(super) fn plain(
    input: impl Read + Send + 'static,
    count: Arc<AtomicU64>,
) -> Result<Box<dyn Read + Send>, Problem> {
    let mut input = Counted { inner: input, count };
    let mut head = Vec::with_capacity(8);
    input.by_ref().take(8).read_to_end(&mut head).map_err(Problem::Unreadable)?;
    let kind = magic(&head)?;
    let whole = BufReader::with_capacity(DISK_BYTES, Cursor::new(head).chain(input));
    Ok(match kind {
        Packing::Plain => Box::new(whole),
        Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(whole)),
        Packing::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(whole).map_err(Problem::Corrupt)?),
    })
}

/// Classifies a failed read.
pub(super) fn reading(error: io::Error) -> Problem {
    if error.raw_os_error().is_some() {
        Problem::Unreadable(error)
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
            Err(Problem::Foreign("parquet, which can only be read from a file of its own"))
        }
        [b'P', b'K', 3 | 5, 4 | 6, ..] => Err(Problem::Foreign("a zip archive")),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => Err(Problem::Foreign("compressed with xz")),
        [b'B', b'Z', b'h', ..] => Err(Problem::Foreign("compressed with bzip2")),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Err(Problem::Foreign("text in UTF-16")),
        _ => Ok(Packing::Plain),
    }
}
