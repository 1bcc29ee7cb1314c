//! A file that appears under its name only when it is whole: written beside it, synced, renamed.
//! Never touches a file of that name before then.

use super::FileFormat;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes gathered before the disk is asked.
const DISK_BYTES: usize = 128 << 10;

/// Sets apart the files this process is writing at the same time.
static NEXT: AtomicU64 = AtomicU64::new(0);

pub(super) struct Target {
    path: PathBuf,
    temporary: Option<PathBuf>,
    /// A second handle to the file, to sync what the packer wrote.
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
    /// Opens a hidden file beside `path`.
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

    /// The packing of a target over any writer.
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

    /// Everything to disk, then the name.
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
        // The new name is an entry of the directory; without this a power cut may lose it.
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
            // Nothing more can be done about a file that cannot be removed; it is hidden and says what it is.
            let _ = fs::remove_file(temporary);
        }
    }
}
