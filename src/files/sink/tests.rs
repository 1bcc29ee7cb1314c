//! Tests of export: every format round-trips, incomplete files never appear, real recordings round-trip.

use super::*;
use crate::domain::decimal::Decimal;
use crate::domain::order::Side;
use crate::domain::record::{RecordBody, StreamKind};
use crate::domain::time::Timestamp;
use crate::files::{RecordBatch, SourceFile, expand};
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::Field;
use std::fs;
use std::io::{self, Read, Write};

type Rows = Vec<(String, Record)>;

fn read_all(path: &Path) -> (Layout, Rows) {
    let mut file = SourceFile::open(path).unwrap();
    let mut batch = RecordBatch::default();
    let mut rows = Rows::new();
    while file.read(&mut batch).unwrap() {
        rows.extend(batch.rows().iter().map(|(symbol, record)| (file.symbol(*symbol).to_owned(), *record)));
    }
    (file.layout(), rows)
}

fn write_all(path: &Path, layout: Layout, format: FileFormat, rows: &Rows) {
    let mut sink = RecordSink::create(path, layout, format).unwrap();
    for (symbol, record) in rows {
        sink.write(symbol, record).unwrap();
    }
    assert_eq!(sink.rows(), rows.len() as u64);
    assert!(!path.exists(), "the name must not be there before the end");
    sink.finish().unwrap();
}

fn gunzip(path: &Path) -> Vec<u8> {
    let mut text = Vec::new();
    flate2::read::MultiGzDecoder::new(fs::File::open(path).unwrap()).read_to_end(&mut text).unwrap();
    text
}

fn shipped() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let is_own = |path: &PathBuf| {
        path.parent() == Some(&*folder) && path.to_str().is_some_and(|name| name.ends_with(".csv.gz"))
    };
    let files: Vec<PathBuf> =
        expand(std::slice::from_ref(&folder)).unwrap().files.into_iter().filter(is_own).collect();
    assert_eq!(files.len(), 6);
    files
}

/// CSV to records to CSV gives the same bytes.
fn csv_comes_back(path: &Path, folder: &Path) -> usize {
    let mut source = SourceFile::open(path).unwrap();
    let target = folder.join("again.csv");
    let mut sink = RecordSink::create(&target, source.layout(), FileFormat::Csv).unwrap();
    let mut batch = RecordBatch::default();
    while source.read(&mut batch).unwrap() {
        for (symbol, record) in batch.rows() {
            sink.write(source.symbol(*symbol), record).unwrap();
        }
    }
    let rows = sink.rows();
    sink.finish().unwrap();
    assert!(fs::read(&target).unwrap() == gunzip(path), "{}", path.display());
    fs::remove_file(target).unwrap();
    rows as usize
}

#[test]
fn shipped_files_come_back_byte_by_byte() {
    let folder = tempfile::tempdir().unwrap();
    let rows: usize = shipped().iter().map(|path| csv_comes_back(path, folder.path())).sum();
    assert_eq!(rows, 21_313 + 68_880 + 40_310 + 2_000 + 14_076 + 68_880);
}

#[test]
fn all_shared_real_files_come_back_byte_by_byte() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let shared = std::env::var_os("TRADINGD_REAL_DATA").map_or(shared, PathBuf::from);
    let folders: Vec<PathBuf> =
        ["market", "candles", "pumps/trades"].iter().map(|name| shared.join(name)).collect();
    if !folders.iter().all(|folder| folder.is_dir()) {
        eprintln!("SKIPPED: round trip of the large real files; {} is not there", shared.display());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let files = expand(&folders).unwrap().files;
    let rows: usize = files.iter().map(|path| csv_comes_back(path, folder.path())).sum();
    assert!(files.len() >= 58 && rows > 4_000_000, "{} files, {rows} rows", files.len());
}

#[test]
fn every_packing_of_every_text_format_reads_back_equal() {
    let folder = tempfile::tempdir().unwrap();
    for path in shipped() {
        let (layout, rows) = read_all(&path);
        let rows: Rows = rows.into_iter().take(3_000).collect();
        for name in ["a.csv", "a.csv.gz", "a.csv.zst", "a.jsonl", "a.jsonl.gz", "a.jsonl.zst"] {
            let target = folder.path().join(name);
            write_all(&target, layout, FileFormat::of_path(&target).unwrap(), &rows);
            let packed: &[u8] = match &fs::read(&target).unwrap()[..2] {
                [0x1f, 0x8b] => b"gz",
                [0x28, 0xb5] => b"zst",
                _ => b"",
            };
            assert!(name.as_bytes().ends_with(packed));
            assert!(packed.is_empty() != name.contains("z"));
            let (found_layout, found) = read_all(&target);
            assert!(found_layout == layout && found == rows, "{name}");
            fs::remove_file(target).unwrap();
        }
    }
}

/// Parquet as read by the parquet crate's own row reader, compared with the CSV.
#[test]
fn parquet_holds_the_same_rows_as_the_csv() {
    let folder = tempfile::tempdir().unwrap();
    for path in shipped() {
        let (layout, rows) = read_all(&path);
        let target = folder.path().join("a.parquet");
        write_all(&target, layout, FileFormat::Parquet, &rows);
        let reader = SerializedFileReader::new(fs::File::open(&target).unwrap()).unwrap();
        assert_eq!(reader.num_row_groups(), rows.len().div_ceil(1 << 16));
        let mut csv = layout.columns().collect::<Vec<_>>().join(",") + "\n";
        for row in reader.get_row_iter(None).unwrap() {
            let row = row.unwrap();
            let cells: Vec<String> = row.get_column_iter().map(|(_, field)| shown(field)).collect();
            csv += &(cells.join(",") + "\n");
        }
        assert!(csv.as_bytes() == gunzip(&path), "{}", path.display());
        fs::remove_file(target).unwrap();
    }
}

fn shown(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Bool(flag) => u8::from(*flag).to_string(),
        Field::Int(value) => value.to_string(),
        Field::ULong(value) => value.to_string(),
        Field::TimestampMicros(value) => value.to_string(),
        Field::Str(text) => text.clone(),
        Field::Decimal(decimal) => {
            let unscaled = i128::from_be_bytes(decimal.data().try_into().unwrap());
            assert_eq!((decimal.precision(), decimal.scale()), (38, 18));
            let text = format!("{}.{:018}", unscaled / 10_i128.pow(18), unscaled % 10_i128.pow(18));
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        other => panic!("{other:?}"),
    }
}

/// One row of every kind with all values, and one with as few as possible.
fn samples(kind: StreamKind) -> Rows {
    let d = |text: &str| Decimal::parse(text.as_bytes()).unwrap();
    let (wide, fine) = (d("999999999999999"), d("0.000000000000000001"));
    let bodies = match kind {
        StreamKind::Trades => [Some(u64::MAX), None]
            .map(|id| RecordBody::Trade { price: wide, quantity: fine, taker: Side::Sell, id })
            .to_vec(),
        StreamKind::BookSnapshots => [Side::Buy, Side::Sell]
            .map(|side| RecordBody::SnapshotLevel { side, level: 1, price: fine, quantity: wide })
            .to_vec(),
        StreamKind::BookChanges => [true, false]
            .map(|snapshot| RecordBody::LevelChange {
                side: Side::Buy,
                price: wide,
                quantity: if snapshot { fine } else { Decimal::ZERO },
                snapshot,
                update_id: snapshot.then_some(7),
            })
            .to_vec(),
        StreamKind::Quotes => [Some(1), None]
            .map(|update_id| RecordBody::Quote {
                bid_price: wide,
                bid_quantity: fine,
                ask_price: fine,
                ask_quantity: wide,
                update_id,
            })
            .to_vec(),
        StreamKind::Bars => [Some(Decimal::ZERO), None]
            .map(|quote_volume| RecordBody::Bar {
                open: fine,
                high: wide,
                low: fine,
                close: wide,
                volume: Decimal::ZERO,
                quote_volume,
            })
            .to_vec(),
        StreamKind::Marks => [Some(wide), None].map(|index| RecordBody::Mark { mark: fine, index }).to_vec(),
        StreamKind::Funding => {
            [d("-0.000000001"), Decimal::ZERO].map(|rate| RecordBody::Funding { rate }).to_vec()
        }
    };
    let at = |i: usize| Timestamp::from_micros(1_700_000_000_000_001 + i as i64).unwrap();
    let row = |(i, body)| {
        ("哈_USDT".to_owned(), Record { exchange_at: at(i), received_at: (i == 0).then(|| at(9)), body })
    };
    bodies.into_iter().enumerate().map(row).collect()
}

#[test]
fn rows_of_every_kind_with_and_without_optional_values_come_back() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, word) in StreamKind::ALL {
        let rows = samples(kind);
        for name in ["a.csv", "a.jsonl"] {
            let target = folder.path().join(name);
            write_all(&target, Layout::full(kind), FileFormat::of_path(&target).unwrap(), &rows);
            assert_eq!(read_all(&target).1, rows, "{word} {name}");
            fs::remove_file(target).unwrap();
        }
        let target = folder.path().join("a.parquet");
        write_all(&target, Layout::full(kind), FileFormat::Parquet, &rows);
        let reader = SerializedFileReader::new(fs::File::open(&target).unwrap()).unwrap();
        assert_eq!(reader.get_row_iter(None).unwrap().count(), 2);
        fs::remove_file(target).unwrap();
        // The first row has a receive time but no column for it, which must be an error.
        let mut sink =
            RecordSink::create(&folder.path().join("b.csv"), Layout::required(kind), FileFormat::Csv)
                .unwrap();
        let error = sink.write("A", &rows[0].1).unwrap_err().to_string();
        assert!(error.contains("a row has a value for `"), "{error}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "a dropped sink leaves nothing");
}

#[test]
fn a_row_of_another_stream_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut sink =
        RecordSink::create(&folder.path().join("a.csv"), Layout::full(StreamKind::Trades), FileFormat::Csv)
            .unwrap();
    let error = sink.write("A", &samples(StreamKind::Funding)[1].1).unwrap_err().to_string();
    assert!(error.contains("a row of another stream was to be written among trades"), "{error}");
}

#[test]
fn an_old_file_stays_until_the_new_one_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a.csv");
    fs::write(&target, "old").unwrap();
    let rows = samples(StreamKind::Trades);
    let mut sink = RecordSink::create(&target, Layout::full(StreamKind::Trades), FileFormat::Csv).unwrap();
    sink.write(&rows[0].0, &rows[0].1).unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"old");
    drop(sink);
    assert_eq!(
        (fs::read(&target).unwrap(), fs::read_dir(folder.path()).unwrap().count()),
        (b"old".to_vec(), 1)
    );
    let sink = RecordSink::create(&target, Layout::full(StreamKind::Trades), FileFormat::Csv).unwrap();
    sink.finish().unwrap();
    assert!(fs::read(&target).unwrap().starts_with(b"timestamp_us,symbol,"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn places_that_cannot_be_written_are_sentences() {
    let folder = tempfile::tempdir().unwrap();
    let error = |path: &Path| {
        RecordSink::create(path, Layout::full(StreamKind::Trades), FileFormat::Csv).err().unwrap()
    };
    let missing = error(&folder.path().join("none/a.csv"));
    assert!(missing.to_string().contains("its directory does not exist; create it"), "{missing}");
    assert!(!missing.is_bad_input() && missing.is_bad_path());
    assert!(error(folder.path()).to_string().contains("cannot be written"));
    assert!(error(Path::new("/proc/a.csv")).to_string().contains("/proc/a.csv: "));
}

/// A disk with this many free bytes.
struct Small(usize);

impl Write for Small {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.min(bytes.len()) {
            0 => Err(io::ErrorKind::StorageFull.into()),
            n => {
                self.0 -= n;
                Ok(n)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_told_as_such_by_every_format_and_packing() {
    let (_, rows) = read_all(&shipped()[3]);
    let layout = Layout::full(StreamKind::Trades);
    for name in ["a.csv", "a.csv.gz", "a.csv.zst", "a.jsonl", "a.parquet"] {
        for room in [0, 100, 20_000, 150_000] {
            let path = Path::new(name);
            let format = FileFormat::of_path(path).unwrap();
            let target = Target::over(path, Box::new(Small(room)), format).unwrap();
            let body = match format {
                FileFormat::Csv => text::TextBody::csv(target, layout).map(|body| Body::Text(Box::new(body))),
                FileFormat::Jsonl => Ok(Body::Text(Box::new(text::TextBody::jsonl(target)))),
                FileFormat::Parquet => {
                    super::parquet::ParquetBody::new(target, layout).map(|body| Body::Parquet(Box::new(body)))
                }
            };
            let mut sink = RecordSink { path: path.to_owned(), layout, rows: 0, body: body.unwrap() };
            let written = rows.iter().try_for_each(|(symbol, record)| sink.write(symbol, record));
            let error = written.and_then(|()| sink.finish()).unwrap_err().to_string();
            assert!(error.contains("no space is left on its disk"), "{name} {room}: {error}");
        }
    }
}

#[test]
fn names_tell_formats() {
    for (name, format) in [
        ("a.csv", Some(FileFormat::Csv)),
        ("a.b.csv.gz", Some(FileFormat::Csv)),
        ("a.jsonl.zst", Some(FileFormat::Jsonl)),
        ("a.parquet", Some(FileFormat::Parquet)),
        ("a.parquet.gz", None),
        ("a.txt", None),
        ("csv", None),
    ] {
        assert_eq!(FileFormat::of_path(Path::new(name)), format, "{name}");
    }
}
