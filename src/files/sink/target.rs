//! A file that is written under a temporary name, synced, and renamed when complete. An existing file of the
//! final name is untouched until then.

use super::FileFormat;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Write buffer size.
const DISK_BYTES: usize = 128 << 10;

/// Makes temporary names unique within the process.
static NEXT: AtomicU64 = AtomicU64::new(0);

pub(super) struct Target {
    path: PathBuf,
    temporary: Option<PathBuf>,
    /// A second handle to the file, for syncing.
    file: Option<File>,
    packer: Packer,
}

type Disk = BufWriter<Box<dyn Write + Send>>;

enum Packer {
    Plain(Disk),
    Gzip(flate2::write::GzEncoder<Disk>),
    Zstd(zstd::stream::write::Encoder<'static, Disk>),
}

impl Target {
    /// Opens a hidden temporary file beside `path`.
    pub fn create(path: &Path, format: FileFormat) -> io::Result<Self> {
        let name =
            path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::IsADirectory, "no file name"))?;
        if path.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory"));
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".part-{}-{number}", std::process::id()));
        let temporary = path.with_file_name(hidden);
        let file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        let mut target = Target::over(path, Box::new(file.try_clone()?), format)?;
        (target.temporary, target.file) = (Some(temporary), Some(file));
        Ok(target)
    }

    /// Compresses into any writer, as the extension of `path` says.
    pub(super) fn over(path: &Path, writer: Box<dyn Write + Send>, format: FileFormat) -> io::Result<Self> {
        let disk = BufWriter::with_capacity(DISK_BYTES, writer);
        let packer = match path.extension().and_then(|extension| extension.to_str()) {
            Some("gz") if format != FileFormat::Parquet => {
                Packer::Gzip(flate2::write::GzEncoder::new(disk, flate2::Compression::default()))
            }
            Some("zst") if format != FileFormat::Parquet => {
                let mut encoder = zstd::stream::write::Encoder::new(disk, zstd::DEFAULT_COMPRESSION_LEVEL)?;
                encoder.include_checksum(true)?;
                Packer::Zstd(encoder)
            }
            _ => Packer::Plain(disk),
        };
        Ok(Target { path: path.to_owned(), temporary: None, file: None, packer })
    }

    /// Flushes and syncs the file, then renames it.
    pub fn finish(mut self) -> io::Result<()> {
        match &mut self.packer {
            Packer::Plain(disk) => disk.flush()?,
            Packer::Gzip(encoder) => {
                encoder.try_finish()?;
                encoder.get_mut().flush()?;
            }
            Packer::Zstd(encoder) => {
                encoder.do_finish()?;
                encoder.get_mut().flush()?;
            }
        }
        if let Some(file) = &self.file {
            file.sync_all()?;
        }
        let Some(temporary) = &self.temporary else { return Ok(()) };
        fs::rename(temporary, &self.path)?;
        self.temporary = None;
        // The new name is a directory entry; without this sync a power failure may lose it.
        let parent =
            self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent)?.sync_all()
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.packer {
            Packer::Plain(disk) => disk.write(bytes),
            Packer::Gzip(encoder) => encoder.write(bytes),
            Packer::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // A file that cannot be removed stays; it is hidden, and its name shows that it is partial.
            let _ = fs::remove_file(temporary);
        }
    }
}
