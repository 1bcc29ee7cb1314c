//! Properties that hold for any input bytes, one function per fuzz target. The targets and the test that runs
//! their corpora (`tests/it/fuzz_corpus.rs`) share this file.

use std::io::Cursor;
use std::path::Path;
use tradingd::config::{self, Config};
use tradingd::document::strategy;
use tradingd::domain::record::{Record, StreamKind};
use tradingd::files::{RecordBatch, SourceFile};
use tradingd::http::validate;
use tradingd::service::strategies::validate;
use tradingd::store::blocks::{
    Block, BlockDecoder, BlockEncoder, CHECKSUM_BYTES, FORMAT, HEADER_BYTES, MAGIC, Rows, TradeColumns,
};
use tradingd::store::codec::{self, Stored};
use tradingd::store::records as kept;

/// A request line (`POST /sessions/start?x=y`), a line feed and a body. Property: the request is accepted, or
/// refused with a 4xx status and an error message.
pub fn request(bytes: &[u8]) {
    let (line, body) = split(bytes, b'\n');
    let (method, target) = split(line, b' ');
    let (Ok(method), Ok(target)) = (std::str::from_utf8(method), std::str::from_utf8(target)) else { return };
    if let Err(refused) = validate::request(method, target, body) {
        assert!((400..500).contains(&refused.status), "{refused:?}");
        let answer: serde_json::Value = serde_json::from_slice(&refused.body).expect("an answer is JSON");
        let text = |field: &str| answer[field].as_str().is_some_and(|text| !text.is_empty());
        assert!(text("error_code") && text("error_message"), "{answer}");
        // At most 257 problems of about 600 characters each, escaped.
        assert!(
            refused.body.len() < 2 << 20,
            "{} bytes of refusal for {} bytes",
            refused.body.len(),
            bytes.len()
        );
    }
}

/// A strategy document. Property: an accepted document compiles, and parsing its text gives the same document
/// and the same text again.
pub fn document(bytes: &[u8]) {
    assert_eq!(validate(bytes).is_valid, strategy::parse(bytes).is_ok());
    for read in [strategy::parse(bytes), strategy::import(bytes)] {
        match read {
            Ok((document, _)) => {
                let text = document.to_json();
                let (again, _) = strategy::parse(text.as_bytes())
                    .unwrap_or_else(|problems| panic!("{problems:#?}\n{text}"));
                assert_eq!(again, document, "{text}");
                assert_eq!(again.to_json(), text);
                let def = document.compile("id", 1);
                assert_eq!((def.id.as_str(), def.version, def.name.as_str()), ("id", 1, document.name()));
                strategy::needs(&def);
            }
            Err(problems) => assert!(
                problems.iter().any(|problem| problem.severity == strategy::Severity::Error),
                "{problems:?}"
            ),
        }
    }
}

/// Two configurations separated by a zero byte. Property: a configuration survives serialising and parsing,
/// and `diff` reports exactly the fields that differ.
pub fn config(bytes: &[u8]) {
    let (first, second) = split(bytes, 0);
    let Some(first) = parsed_config(first) else { return };
    assert!(config::diff(&first, &first).is_empty());
    let second = parsed_config(second).unwrap_or_default();
    let changes = config::diff(&first, &second);
    assert_eq!(changes.is_empty(), first == second, "{changes:?}");
    let kept = config::keep_running(&first, &second);
    assert!(
        config::diff(&first, &kept).iter().all(|change| change.takes_effect != config::TakesEffect::Restart)
    );
    assert!(
        config::diff(&second, &kept).iter().all(|change| change.takes_effect == config::TakesEffect::Restart)
    );
}

fn parsed_config(bytes: &[u8]) -> Option<Config> {
    match config::parse(bytes) {
        Ok(read) => {
            let text = serde_json::to_vec(&read).expect("a configuration is JSON");
            assert_eq!(config::parse(&text).as_ref(), Ok(&read));
            Some(read)
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            None
        }
    }
}

/// Bytes on disk. The first byte selects the format of the rest: a record of every kind, a block, a market
/// data file.
pub fn records(bytes: &[u8]) {
    let Some((&what, rest)) = bytes.split_first() else { return };
    match what {
        b'r' => every_kind(rest),
        b'p' => enveloped(rest),
        b'b' => block(rest),
        b'c' => columns(rest),
        b'f' => market_file(rest),
        _ => {}
    }
}

/// Decodes the bytes as a record of every kind.
fn every_kind(bytes: &[u8]) {
    record::<kept::StrategyV1>(bytes);
    record::<kept::RecordingV1>(bytes);
    record::<kept::SymbolSpecV2>(bytes);
    record::<kept::GapV1>(bytes);
    record::<kept::ResultV3>(bytes);
    record::<kept::SessionRow>(bytes);
    record::<kept::ResultDocumentV1>(bytes);
    record::<kept::UserV1>(bytes);
    record::<kept::LoginV1>(bytes);
    record::<kept::RevokedTokenV1>(bytes);
    record::<kept::IdempotencyV1>(bytes);
    record::<kept::ResultReportV1>(bytes);
    record::<kept::SessionEventsV1>(bytes);
    record::<kept::StrategyStatisticsV1>(bytes);
}

/// Wraps kind, version and payload in an envelope with a valid checksum: damage that the checksum does not
/// detect.
fn enveloped(bytes: &[u8]) {
    let Some((head, payload)) = bytes.split_at_checked(2) else { return };
    let length = (payload.len() as u32).to_le_bytes();
    let mut whole = vec![0xd5, head[0], 0, head[1], 0];
    whole.extend_from_slice(&length);
    whole.extend_from_slice(payload);
    seal(&mut whole);
    every_kind(&whole);
}

fn record<T: Stored + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    if let Ok(read) = codec::decode::<T>(bytes) {
        let again = codec::encode(&read).expect("what was read can be kept");
        assert_eq!(codec::decode::<T>(&again).as_ref(), Ok(&read));
    }
}

/// Decodes the bytes as blocks, as they are and with a valid checksum.
fn block(bytes: &[u8]) {
    blocks(bytes);
    if let Some(body) = bytes.len().checked_sub(CHECKSUM_BYTES) {
        let mut bytes = bytes[..body].to_vec();
        seal(&mut bytes);
        blocks(&bytes);
    }
}

/// A block whose frames contain arbitrary bytes. Input: a header without its lengths, the length of the hot
/// frame, the contents of both frames.
fn columns(bytes: &[u8]) {
    const HEAD_BYTES: usize = 44 - 6;
    let Some((head, rest)) = bytes.split_at_checked(HEAD_BYTES) else { return };
    let Some((&[low, high], content)) = rest.split_first_chunk::<2>() else { return };
    let (hot, cold) = content.split_at(usize::from(u16::from_le_bytes([low, high])).min(content.len()));
    let frames = [hot, cold].map(|frame| zstd::bulk::compress(frame, 1).expect("a few bytes are packed"));
    let mut whole = MAGIC.to_vec();
    whole.extend_from_slice(&FORMAT.to_le_bytes());
    whole.extend_from_slice(head);
    for (raw, frame) in [hot, cold].iter().zip(&frames) {
        whole.extend_from_slice(&(raw.len() as u32).to_le_bytes());
        whole.extend_from_slice(&(frame.len() as u32).to_le_bytes());
    }
    whole.resize(HEADER_BYTES, 0);
    frames.iter().for_each(|frame| whole.extend_from_slice(frame));
    seal(&mut whole);
    blocks(&whole);
}

fn blocks(mut bytes: &[u8]) {
    let mut decoder = BlockDecoder::new();
    let mut rows = Rows::new(StreamKind::Trades);
    while let Ok((block, rest)) = Block::split(bytes) {
        if decoder.rows(&block, &mut rows).is_ok() {
            assert_eq!(rows.len(), block.header.rows);
            let records: Option<Vec<Record>> = (0..rows.len()).map(|row| rows.record(row)).collect();
            assert!(rows.record(rows.len()).is_none());
            if let Some(records) = records {
                survives(&records, rows.kind());
            }
        }
        let mut trades = TradeColumns::default();
        if decoder.trades(&block, &mut trades).is_ok() {
            assert_eq!(
                [trades.at.len(), trades.price.len(), trades.quantity.len(), trades.sells.len()],
                [block.header.rows; 4]
            );
        }
        let _ = decoder.trades_received(&block, &mut trades);
        bytes = rest;
    }
}

/// Property: decoded rows can be encoded, and decoding them again gives the same rows.
fn survives(records: &[Record], kind: StreamKind) {
    let mut rows = Rows::new(kind);
    records.iter().for_each(|record| rows.push(record).expect("a row of the kind it was read as"));
    let mut bytes = Vec::new();
    if BlockEncoder::new().encode(&rows, 0..rows.len(), 0, &mut bytes).is_err() {
        return;
    }
    let (block, rest) = Block::split(&bytes).expect("a block that was just made");
    assert!(rest.is_empty());
    let mut again = Rows::new(kind);
    BlockDecoder::new().rows(&block, &mut again).expect("a block that was just made");
    for (row, record) in records.iter().enumerate() {
        assert_eq!(again.record(row).as_ref(), Some(record));
    }
}

/// A market data file. Property: it is read to its end, or refused with an error message.
fn market_file(bytes: &[u8]) {
    let (owned, total) = (bytes.to_vec(), bytes.len() as u64);
    let mut batch = RecordBatch::new(16);
    let mut rows = 0;
    let end = SourceFile::from_reader(Path::new("f"), Cursor::new(owned), total).and_then(|mut file| {
        while file.read(&mut batch)? {
            rows += batch.rows().len() as u64;
            assert!(batch.rows().len() <= 16 && rows == file.rows());
            for (symbol, _) in batch.rows() {
                assert!(!file.symbol(*symbol).is_empty());
            }
        }
        Ok(())
    });
    match end {
        Ok(()) => assert!(rows > 0),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A message of a WebSocket client. Property: it is accepted, or answered with a JSON error that lists
/// problems.
pub fn message(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Err(answer) = validate::message(text) {
        let answer: serde_json::Value = serde_json::from_str(&answer).expect("an answer is JSON");
        assert_eq!(answer["type"], "error");
        assert!(
            answer["details"]["problems"].as_array().is_some_and(|problems| !problems.is_empty()),
            "{answer}"
        );
    }
}

fn split(bytes: &[u8], at: u8) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == at) {
        Some(index) => (&bytes[..index], &bytes[index + 1..]),
        None => (bytes, &[]),
    }
}

fn seal(bytes: &mut Vec<u8>) {
    let checksum = crc32c::crc32c(bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
}
