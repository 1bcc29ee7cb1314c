//! Chunks round-trip, damage is detected, and chunks of the first version stay readable.

use super::*;
use crate::domain::decimal::Decimal;
use crate::domain::order::Side;
use crate::domain::record::{Record, RecordBody, StreamKind};
use proptest::prelude::*;

fn decimal() -> impl Strategy<Value = Decimal> {
    let near = (6_180_000_i64..6_190_000, 0_u8..4);
    prop_oneof![9 => near, 1 => (any::<i64>(), 0_u8..19)]
        .prop_map(|(mantissa, scale)| Decimal::new(mantissa, scale).unwrap())
}

fn time() -> impl Strategy<Value = Timestamp> {
    let near = 1_700_000_000_000_i64..1_700_000_001_000;
    prop_oneof![
        6 => near.clone().prop_map(|ms| Timestamp::from_nanos(ms * 1_000_000)),
        3 => near.prop_map(|ms| Timestamp::from_nanos(ms * 1_000_000 + 1_000)),
        1 => any::<i64>().prop_map(Timestamp::from_nanos),
    ]
}

fn body(kind: StreamKind) -> BoxedStrategy<RecordBody> {
    let side = || any::<bool>().prop_map(|buy| if buy { Side::Buy } else { Side::Sell });
    let id = || proptest::option::weighted(0.8, any::<u64>());
    match kind {
        StreamKind::Trades => (decimal(), decimal(), side(), id())
            .prop_map(|(price, quantity, taker, id)| RecordBody::Trade { price, quantity, taker, id })
            .boxed(),
        StreamKind::BookSnapshots => (decimal(), decimal(), side(), any::<u16>())
            .prop_map(|(price, quantity, side, level)| RecordBody::SnapshotLevel {
                side,
                level,
                price,
                quantity,
            })
            .boxed(),
        StreamKind::BookChanges => (decimal(), decimal(), side(), any::<bool>(), id())
            .prop_map(|(price, quantity, side, snapshot, update_id)| RecordBody::LevelChange {
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
            (decimal(), decimal(), decimal(), decimal(), decimal(), proptest::option::of(decimal()))
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
        StreamKind::Funding => decimal().prop_map(|rate| RecordBody::Funding { rate }).boxed(),
    }
}

type Runs = Vec<(usize, u64, Vec<Record>)>;

fn runs() -> impl Strategy<Value = Runs> {
    let run = (0..StreamKind::ALL.len()).prop_flat_map(|kind| {
        let row =
            (time(), time(), body(StreamKind::ALL[kind].0)).prop_map(|(exchange_at, received, body)| {
                Record { exchange_at, received_at: Some(received), body }
            });
        (0_usize..2_000, any::<u32>(), proptest::collection::vec(row, 1..20))
    });
    proptest::collection::vec(run.prop_map(|(symbol, seq, rows)| (symbol, u64::from(seq), rows)), 0..6)
}

fn chunk_of(runs: &Runs, last_received: Timestamp) -> Vec<u8> {
    let mut writer = ChunkWriter::default();
    writer.begin(last_received);
    for (symbol, first_seq, records) in runs {
        let mut rows = Rows::new(records[0].body.stream());
        records.iter().for_each(|record| rows.push(record).unwrap());
        // The first row is already in an earlier chunk.
        writer.run(*symbol, &rows, 1..rows.len(), *first_seq);
    }
    writer.finish().to_vec()
}

/// All runs of a chunk, or why it cannot be read.
fn read(bytes: &[u8]) -> Result<Runs, BlockError> {
    let mut reader = ChunkReader::new(bytes)?;
    let mut rows = Rows::new(StreamKind::Trades);
    let mut all = Vec::new();
    while let Some(run) = reader.next(&mut rows)? {
        assert!(rows.len() <= BLOCK_ROWS);
        all.push((run.symbol, run.first_seq, (0..rows.len()).filter_map(|row| rows.record(row)).collect()));
    }
    Ok(all)
}

proptest! {
    #[test]
    fn a_chunk_comes_back_as_it_was(mut runs in runs(), last in time()) {
        runs.retain(|(_, _, rows)| rows.len() > 1);
        let bytes = chunk_of(&runs, last);
        runs.iter_mut().for_each(|(_, _, rows)| *rows = rows.split_off(1));
        prop_assert_eq!(read(&bytes).unwrap(), runs);
        prop_assert_eq!(ChunkReader::new(&bytes).unwrap().last_received, last);
    }

    #[test]
    fn any_flipped_bit_or_cut_is_found(mut runs in runs(), at in any::<proptest::sample::Index>(), bit in 0_u8..8) {
        runs.retain(|(_, _, rows)| rows.len() > 1);
        let mut bytes = chunk_of(&runs, Timestamp::from_seconds(1));
        let at = at.index(bytes.len());
        prop_assert!(read(&bytes[..at]).is_err());
        bytes[at] ^= 1 << bit;
        prop_assert!(read(&bytes).is_err());
    }

    #[test]
    fn foreign_runs_never_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut writer = ChunkWriter::default();
        writer.begin(Timestamp::from_seconds(1));
        writer.bytes.extend_from_slice(&body);
        let _ = read(writer.finish());
    }
}

#[test]
fn bytes_of_the_first_version_stay_readable() {
    let decimal = |text: &str| Decimal::parse(text.as_bytes()).unwrap();
    let at = |ms: i64| Timestamp::from_nanos(1_700_000_000_000_000_000 + ms * 1_000_000);
    let trade = |ms: i64, price: &str, id| Record {
        exchange_at: at(ms),
        received_at: Some(at(ms.max(7) + 3)),
        body: RecordBody::Trade { price: decimal(price), quantity: decimal("12"), taker: Side::Sell, id },
    };
    let mark = Record {
        exchange_at: at(5),
        received_at: Some(at(11)),
        body: RecordBody::Mark {
            mark: decimal("0.000000000000000001"),
            index: Some(decimal("9000000000000000000")),
        },
    };
    let written = vec![
        (
            3,
            4_096,
            vec![trade(0, "1", None), trade(7, "61800.3", Some(5_266_583_935)), trade(5, "61800", None)],
        ),
        (0, 0, vec![mark, mark]),
    ];
    let bytes = chunk_of(&written, at(11));
    let path = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/journal_chunk_v1.bin");
    let Ok(kept) = std::fs::read(&path) else {
        std::fs::write(&path, &bytes).unwrap();
        panic!("{} was missing and has been written: commit it", path.display());
    };
    assert_eq!(kept, bytes, "the stored form of a version never changes");
    let mut read = read(&kept).unwrap();
    for ((symbol, seq, rows), (_, _, all)) in read.drain(..).zip(&written) {
        assert_eq!(
            (symbol, seq, rows.as_slice()),
            (if all.len() == 3 { 3 } else { 0 }, if all.len() == 3 { 4_096 } else { 0 }, &all[1..])
        );
    }
}
