//! How many bytes does a recorded trade take, and how fast is a block decoded to ticks?
//!
//! Budget: at most 2.1 bytes per trade with id, side and millisecond time, 4.5 with receive time; at least
//! 70 M trades/s decoded from a block's bytes to ticks on one core, including checksum and decompression.

mod input;

use input::{load, median, report, timed, without_receive_time};
use std::hint::black_box;
use tradingd::domain::event::Trade;
use tradingd::domain::num::{Price, Qty};
use tradingd::domain::order::Side;
use tradingd::domain::record::{Record, StreamKind};
use tradingd::domain::symbol::SymbolId;
use tradingd::domain::time::Timestamp;
use tradingd::limits::BLOCK_ROWS;
use tradingd::session::ports::Chunk;
use tradingd::store::blocks::{Block, BlockDecoder, BlockEncoder, Rows, TradeColumns};

fn main() {
    let once = load(1);
    println!("sizes on {}", once.label);
    let bare: Vec<Record> = once.trades.iter().map(without_receive_time).collect();
    report("bytes a trade, id, no receive time", bytes_per_trade(&bare), "bytes", "<= 2.1");
    report("bytes a trade, id and receive time", bytes_per_trade(&once.trades), "bytes", "<= 4.5");

    let many = load(1_000_000);
    println!("rates on {}", many.label);
    let bare: Vec<Record> = many.trades.iter().map(without_receive_time).collect();
    for (what, trades) in [("no receive time", &bare), ("receive time", &many.trades)] {
        let count = trades.len() as f64 / 1e6;
        let encode = median(|| timed(|| black_box(encoded(trades))).0);
        report(
            &format!("rows to blocks, {what}"),
            count / encode.as_secs_f64(),
            "M trades/s",
            ">= 8 with commit",
        );
    }
    let blocks = encoded(&bare);
    let mut ticks = 0;
    let decode = median(|| timed(|| ticks = decoded(&blocks)).0);
    assert_eq!(ticks, bare.len());
    report("blocks to ticks", bare.len() as f64 / 1e6 / decode.as_secs_f64(), "M trades/s", ">= 70");
}

fn bytes_per_trade(trades: &[Record]) -> f64 {
    encoded(trades).len() as f64 / trades.len() as f64
}

fn encoded(trades: &[Record]) -> Vec<u8> {
    let (mut encoder, mut rows, mut out) = (BlockEncoder::new(), Rows::new(StreamKind::Trades), Vec::new());
    for (number, batch) in trades.chunks(BLOCK_ROWS).enumerate() {
        rows.clear();
        batch.iter().for_each(|trade| rows.push(trade).expect("all are trades"));
        encoder
            .encode(&rows, 0..rows.len(), (number * BLOCK_ROWS) as u64, &mut out)
            .expect("one market fits one scale");
    }
    out
}

fn decoded(mut bytes: &[u8]) -> usize {
    let (mut decoder, mut columns, mut chunk, mut ticks) =
        (BlockDecoder::new(), TradeColumns::default(), Chunk::default(), 0);
    while !bytes.is_empty() {
        let (block, rest) = Block::split(bytes).expect("it was just written");
        decoder.trades(&block, &mut columns).expect("it was just written");
        chunk.clear();
        let values = columns.price.iter().zip(&columns.quantity).zip(&columns.sells);
        let trades = columns.at.iter().zip(values).map(|(at, ((price, quantity), sells))| {
            let taker = if *sells == 0 { Side::Buy } else { Side::Sell };
            (Timestamp::from_nanos(*at), Trade { price: Price(*price), qty: Qty(*quantity), taker })
        });
        chunk.extend_trades(SymbolId(0), trades);
        ticks += black_box(chunk.ticks()).len();
        bytes = rest;
    }
    ticks
}
