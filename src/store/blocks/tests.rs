//! Blocks: every stream round-trips, damage is detected, hostile bytes are harmless.

use super::*;
use crate::domain::decimal::Decimal;
use crate::domain::order::Side;
use crate::domain::record::{Record, RecordBody};
use proptest::prelude::*;

/// Decimals that fit one scale with their neighbours.
fn decimal() -> impl Strategy<Value = Decimal> {
    (-(1_i64 << 53)..1_i64 << 53, 1_i64..1_000_000, 0_u8..=3, any::<bool>())
        .prop_map(|(far, near, scale, wide)| Decimal::new(if wide { far } else { near }, scale).unwrap())
}

/// Arbitrary decimals: neighbours may need separate blocks.
fn wide() -> impl Strategy<Value = Decimal> {
    prop_oneof![
        decimal(),
        (any::<i64>(), 0_u8..=18).prop_map(|(m, s)| Decimal::new(m, s).unwrap()),
        Just(Decimal::ZERO)
    ]
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn body(kind: StreamKind) -> BoxedStrategy<RecordBody> {
    let id = || proptest::option::of(any::<u64>());
    match kind {
        StreamKind::Trades => (wide(), wide(), side(), id())
            .prop_map(|(price, quantity, taker, id)| RecordBody::Trade { price, quantity, taker, id })
            .boxed(),
        StreamKind::BookSnapshots => (side(), any::<u16>(), decimal(), decimal())
            .prop_map(|(side, level, price, quantity)| RecordBody::SnapshotLevel {
                side,
                level,
                price,
                quantity,
            })
            .boxed(),
        StreamKind::BookChanges => (side(), decimal(), decimal(), any::<bool>(), id())
            .prop_map(|(side, price, quantity, snapshot, update_id)| RecordBody::LevelChange {
                side,
                price,
                quantity,
                snapshot,
                update_id,
            })
            .boxed(),
        StreamKind::Quotes => (decimal(), decimal(), decimal(), decimal(), id())
            .prop_map(|(bid_price, bid_quantity, ask_price, ask_quantity, update_id)| RecordBody::Quote {
                bid_price,
                bid_quantity,
                ask_price,
                ask_quantity,
                update_id,
            })
            .boxed(),
        StreamKind::Bars => {
            (decimal(), decimal(), decimal(), decimal(), decimal(), proptest::option::of(wide()))
                .prop_map(|(open, high, low, close, volume, quote_volume)| RecordBody::Bar {
                    open,
                    high,
                    low,
                    close,
                    volume,
                    quote_volume,
                })
                .boxed()
        }
        StreamKind::Marks => (decimal(), proptest::option::of(decimal()))
            .prop_map(|(mark, index)| RecordBody::Mark { mark, index })
            .boxed(),
        StreamKind::Funding => wide().prop_map(|rate| RecordBody::Funding { rate }).boxed(),
    }
}

/// A stream of any kind with increasing times of any unit and some receive times.
fn stream() -> impl Strategy<Value = (StreamKind, Vec<Record>)> {
    let kinds: Vec<StreamKind> = StreamKind::ALL.iter().map(|(kind, _)| *kind).collect();
    (proptest::sample::select(kinds), proptest::sample::select(vec![1_i64, 1_000, 1_000_000])).prop_flat_map(
        |(kind, unit)| {
            let row = (0_i64..5_000, proptest::option::of(-2_000_000_000_i64..2_000_000_000), body(kind));
            proptest::collection::vec(row, 1..60).prop_map(move |rows| {
                let mut at = 1_723_161_256_322 * 1_000_000;
                let records = rows.into_iter().map(|(step, receive, body)| {
                    at += step * unit;
                    let received_at = receive.map(|offset| Timestamp::from_nanos(at + offset));
                    Record { exchange_at: Timestamp::from_nanos(at), received_at, body }
                });
                (kind, records.collect())
            })
        },
    )
}

fn rows_of(kind: StreamKind, records: &[Record]) -> Rows {
    let mut rows = Rows::new(kind);
    records.iter().for_each(|record| rows.push(record).unwrap());
    rows
}

/// Encodes the rows in blocks, halving the range where one scale does not fit.
fn encode_all(rows: &Rows, range: std::ops::Range<usize>, out: &mut Vec<u8>) {
    let mut encoder = BlockEncoder::new();
    if encoder.encode(rows, range.clone(), range.start as u64, out).is_err() {
        let middle = range.start + range.len() / 2;
        encode_all(rows, range.start..middle, out);
        encode_all(rows, middle..range.end, out);
    }
}

fn decode_all(mut bytes: &[u8]) -> Result<Vec<Record>, BlockError> {
    let mut decoder = BlockDecoder::new();
    let mut rows = Rows::new(StreamKind::Trades);
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let (block, rest) = Block::split(bytes)?;
        assert_eq!(block.header.first_seq, records.len() as u64);
        decoder.rows(&block, &mut rows)?;
        for row in 0..rows.len() {
            records.push(rows.record(row).ok_or(BlockError::Payload("no row"))?);
        }
        bytes = rest;
    }
    Ok(records)
}

fn trade(at_ms: i64, price: &str, quantity: &str, id: u64) -> Record {
    let number = |text: &str| Decimal::parse(text.as_bytes()).unwrap();
    Record {
        exchange_at: Timestamp::from_millis(at_ms).unwrap(),
        received_at: None,
        body: RecordBody::Trade {
            price: number(price),
            quantity: number(quantity),
            taker: Side::Sell,
            id: Some(id),
        },
    }
}

#[test]
fn the_header_says_what_is_inside() {
    let records = [trade(1_000, "0.25", "3", 7), trade(1_002, "0.2", "10.5", 8)];
    let mut bytes = Vec::new();
    BlockEncoder::new().encode(&rows_of(StreamKind::Trades, &records), 0..2, 41, &mut bytes).unwrap();
    let header = Block::split(&bytes).unwrap().0.header;
    assert_eq!((header.kind, header.rows, header.first_seq), (StreamKind::Trades, 2, 41));
    assert_eq!((header.unit_ns, header.scales), (1_000_000, [2, 1, 0]));
    assert_eq!((header.first_at, header.last_at), (records[0].exchange_at, records[1].exchange_at));
    assert!(header.has_ids && !header.has_receive_times);
    let mut trades = TradeColumns::default();
    BlockDecoder::new().trades(&Block::split(&bytes).unwrap().0, &mut trades).unwrap();
    assert_eq!((trades.price, trades.quantity, trades.sells), (vec![25, 20], vec![30, 105], vec![1, 1]));
}

#[test]
fn a_row_of_another_stream_is_refused_whole() {
    let mut rows = Rows::new(StreamKind::Quotes);
    assert_eq!(rows.push(&trade(1, "1", "1", 1)), Err(WrongStream));
    assert!(rows.is_empty() && rows.columns.iter().all(|column| column.values.is_empty()));
}

#[test]
fn a_row_whose_prices_fit_no_common_scale_is_refused() {
    let number = |text: &str| Decimal::parse(text.as_bytes()).unwrap();
    let body = RecordBody::Mark { mark: number("0.001"), index: Some(number("9000000000000000000")) };
    let row = Record { exchange_at: Timestamp::from_seconds(1), received_at: None, body };
    let mut bytes = Vec::new();
    let refused = BlockEncoder::new().encode(&rows_of(StreamKind::Marks, &[row]), 0..1, 0, &mut bytes);
    assert_eq!((refused.unwrap_err(), bytes.len()), (ScaleOverflow, 0));
}

#[test]
fn a_newer_format_says_so() {
    let mut bytes = Vec::new();
    BlockEncoder::new()
        .encode(&rows_of(StreamKind::Trades, &[trade(1, "1", "1", 1)]), 0..1, 0, &mut bytes)
        .unwrap();
    bytes[4] = 9;
    assert_eq!(Block::split(&bytes).unwrap_err(), BlockError::Newer(9));
}

proptest! {
    #[test]
    fn every_stream_survives((kind, records) in stream()) {
        let mut bytes = Vec::new();
        encode_all(&rows_of(kind, &records), 0..records.len(), &mut bytes);
        prop_assert_eq!(decode_all(&bytes).unwrap(), records);
    }

    #[test]
    fn any_flipped_bit_is_found((kind, records) in stream(), at in any::<proptest::sample::Index>(), bit in 0_u8..8) {
        let mut bytes = Vec::new();
        encode_all(&rows_of(kind, &records), 0..records.len(), &mut bytes);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(decode_all(&bytes).is_err());
    }

    #[test]
    fn damage_under_a_right_checksum_does_no_harm(
        (kind, records) in stream(),
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = Vec::new();
        encode_all(&rows_of(kind, &records), 0..records.len(), &mut bytes);
        let length = Block::split(&bytes).unwrap().0.header.block_bytes();
        bytes.truncate(length);
        for (at, value) in flips {
            let at = at.index(length - CHECKSUM_BYTES);
            bytes[at] = value;
        }
        let checksum = crc32c::crc32c(&bytes[..length - CHECKSUM_BYTES]);
        bytes[length - CHECKSUM_BYTES..].copy_from_slice(&checksum.to_le_bytes());
        if let Ok((block, _)) = Block::split(&bytes) {
            let mut rows = Rows::new(kind);
            if BlockDecoder::new().rows(&block, &mut rows).is_ok() {
                (0..rows.len()).for_each(|row| { rows.record(row); });
            }
            let _ = BlockDecoder::new().trades(&block, &mut TradeColumns::default());
            let _ = BlockDecoder::new().trades_received(&block, &mut TradeColumns::default());
        }
    }

    #[test]
    fn a_cut_block_is_short((kind, records) in stream(), at in any::<proptest::sample::Index>()) {
        let mut bytes = Vec::new();
        encode_all(&rows_of(kind, &records), 0..records.len(), &mut bytes);
        let length = Block::split(&bytes).unwrap().0.header.block_bytes();
        prop_assert_eq!(Block::split(&bytes[..at.index(length)]).unwrap_err(), BlockError::Short);
    }
}
