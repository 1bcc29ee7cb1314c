//! A file that is packed as its name says and has its name only when it is complete. A device or pipe is
//! written to.

use super::FileFormat;
use crate::files::whole_file::{self, WholeFile};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Write buffer size.
const DISK_BYTES: usize = 128 << 10;

pub(super) struct Target {
    packer: Packer,
    /// `None` for a stream.
    file: Option<WholeFile>,
}

type Disk = BufWriter<Box<dyn Write + Send>>;

enum Packer {
    Plain(Disk),
    Gzip(flate2::write::GzEncoder<Disk>),
    Zstd(zstd::stream::write::Encoder<'static, Disk>),
}

impl Target {
    /// Opens a hidden file beside `path`, or the device or pipe that is there.
    pub fn create(path: &Path, format: FileFormat) -> io::Result<Self> {
        if whole_file::is_stream(path) {
            return Target::over(path, Box::new(whole_file::stream(path)?), format);
        }
        let file = WholeFile::create(path)?;
        let target = Target::over(path, Box::new(file.file().try_clone()?), format)?;
        Ok(Target { file: Some(file), ..target })
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
        Ok(Target { packer, file: None })
    }

    /// Flushes and syncs the file, then gives it its name.
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
        self.file.map_or(Ok(()), WholeFile::keep)
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
