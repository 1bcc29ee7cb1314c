//! Our encoder beside QuestDB's official client for Rust, over the same rows.
//!
//! `compare ROWS SEED`: rows of random values, every line equal byte for byte.
//! `encode ROWS`: rows that each encodes in a second of a core.
//! `rates HOST:PORT TABLE ROWS`: rows a second that each sends to a table of a server.

#![allow(dead_code, unused_imports)]

#[path = "../../../../src/analytics/batch.rs"]
mod batch;
#[path = "../../../../src/analytics/checksum.rs"]
mod checksum;
#[path = "../../../../src/limits/analytics.rs"]
mod limits;

use batch::Batch;
use questdb::ingress::{Buffer, ProtocolVersion, Sender, TimestampMicros, TimestampNanos};
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

/// Rows of a request, as tradingd sends them.
const REQUEST: usize = limits::ANALYTICS_BATCH_ROWS;
const START_US: i64 = 1_722_470_400_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["compare", rows, seed] => compare(rows.parse()?, seed.parse()?),
        ["encode", rows] => encode(rows.parse()?),
        ["rates", address, table, rows] => rates(address, table, rows.parse()?),
        _ => Err("usage: compare ROWS SEED | encode ROWS | rates HOST:PORT TABLE ROWS".into()),
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Text of characters that are escaped, ASCII and all others.
    fn text(&mut self) -> String {
        let length = if self.below(50) == 0 { self.below(3_000) } else { self.below(12) };
        let letter = |random: &mut Random| match random.below(4) {
            0 => *b" ,=\n\r\\\"'\t".get(random.below(9) as usize).unwrap_or(&b' ') as char,
            1 | 2 => char::from(32 + random.below(95) as u8),
            _ => char::from_u32(random.below(0x11_0000) as u32).unwrap_or('\u{fffd}'),
        };
        (0..length).map(|_| letter(self)).collect()
    }

    /// All bits, whole numbers, prices, and the edges of the format.
    fn double(&mut self) -> f64 {
        const EDGES: [f64; 12] = [
            0.0,
            -0.0,
            1.0,
            f64::MAX,
            f64::MIN,
            f64::MIN_POSITIVE,
            f64::EPSILON,
            5e-324,
            1e15,
            1e16,
            1e-5,
            1e21,
        ];
        match self.below(4) {
            0 => f64::from_bits(self.next()),
            1 => self.below(1 << 54) as f64 * if self.below(2) == 0 { 1.0 } else { -1.0 },
            2 => self.below(10_000_000_000) as f64 / [1.0, 10.0, 1e2, 1e4, 1e8][self.below(5) as usize],
            _ => EDGES[self.below(12) as usize],
        }
    }

    /// Of every number of digits, and the edges; the smallest number is the server's null.
    fn long(&mut self) -> i64 {
        match self.below(8) {
            0 => [0, 1, -1, i64::MAX, i64::MIN + 1, 9, 10, -10][self.below(8) as usize],
            _ => ((self.next() as i64) >> self.below(64)).max(i64::MIN + 1),
        }
    }
}

fn compare(rows: u64, seed: u64) -> Result<(), Box<dyn Error>> {
    let (mut random, mut compared, mut bytes) = (Random(seed), 0, 0);
    // Names that need escapes, as far as the official client allows them.
    const TABLES: [&str; 4] = ["td_ticks", "a table", "a=b", "ż.t-1"];
    for _ in 0..rows {
        let table = TABLES[random.below(4) as usize];
        let instance = format!("i{}", random.text());
        let (symbol, text, double, long) = (random.text(), random.text(), random.double(), random.long());
        let (flag, time) = (random.below(2) == 0, random.long().unsigned_abs() as i64);
        let at_us = 946_684_800_000_000 + random.below(6_300_000_000_000_000) as i64;
        let has = random.below(64);
        if has & 62 == 0 || !double.is_finite() {
            // The official client refuses a line without fields, and has words for what we leave out.
            continue;
        }
        let mut ours = Batch::new(table, &instance, true);
        let mut row = ours.row(at_us);
        let mut theirs = Buffer::new(ProtocolVersion::V1);
        theirs.table(table)?.symbol("instance", instance.as_str())?;
        // Empty is null for us, and left out.
        if has & 1 != 0 && !symbol.is_empty() {
            row = row.symbol("s", Some(&symbol));
            theirs.symbol("s", symbol.as_str())?;
        }
        if has & 2 != 0 {
            row = row.text("v", Some(&text));
            theirs.column_str("v", text.as_str())?;
        }
        if has & 4 != 0 {
            row = row.double("d", Some(double));
            theirs.column_f64("d", double)?;
        }
        if has & 8 != 0 {
            row = row.long("l", Some(long));
            theirs.column_i64("l", long)?;
        }
        if has & 16 != 0 {
            row = row.flag("b", flag);
            theirs.column_bool("b", flag)?;
        }
        if has & 32 != 0 {
            row = row.time("t", Some(time));
            theirs.column_ts("t", TimestampMicros::new(time))?;
        }
        row.end();
        theirs.at(TimestampNanos::new(at_us * 1_000))?;
        if ours.lines() != theirs.as_bytes() {
            let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            return Err(format!("they differ:\n{}\n{}", shown(ours.lines()), shown(theirs.as_bytes())).into());
        }
        compared += 1;
        bytes += ours.lines().len();
    }
    println!("{{\"lines\": {compared}, \"bytes\": {bytes}}}");
    Ok(())
}

/// A trade of 100 symbols: time, symbol, number, price and quantity.
fn trade(number: u64) -> (i64, usize, u64, f64, f64) {
    let price = 60_000.0 + (number * 7 % 10_000) as f64 / 10.0;
    (
        START_US + number as i64 * 25_000,
        (number % 100) as usize,
        number,
        price,
        (1 + number % 997) as f64 / 1_000.0,
    )
}

fn ours(into: &mut Batch, symbols: &[String], number: u64) {
    let (at_us, symbol, seq, price, quantity) = trade(number);
    into.row(at_us)
        .symbol("symbol", Some(&symbols[symbol]))
        .symbol("side", Some(if seq % 2 == 0 { "buy" } else { "sell" }))
        .count("seq", seq)
        .double("price", Some(price))
        .double("quantity", Some(quantity))
        .end();
}

fn theirs(into: &mut Buffer, table: &str, symbols: &[String], number: u64) -> questdb::Result<()> {
    let (at_us, symbol, seq, price, quantity) = trade(number);
    into.table(table)?
        .symbol("instance", "official")?
        .symbol("symbol", symbols[symbol].as_str())?
        .symbol("side", if seq % 2 == 0 { "buy" } else { "sell" })?
        .column_i64("seq", seq as i64)?
        .column_f64("price", price)?
        .column_f64("quantity", quantity)?
        .at(TimestampNanos::new(at_us * 1_000))
}

/// Seconds that this thread has had a core: unlike wall time, what else runs on the machine hardly changes
/// them.
fn core_seconds() -> Result<f64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().unwrap_or_default().parse::<f64>()? / 1e9)
}

/// Both by turns, three times; the best of each.
fn encode(rows: u64) -> Result<(), Box<dyn Error>> {
    let (table, symbols, mut best) = ("td_ticks", symbols(), [0.0_f64; 2]);
    for _ in 0..3 {
        let begun = core_seconds()?;
        let mut batch = Batch::new(table, "ours", true);
        for number in 0..rows {
            ours(&mut batch, &symbols, number);
            if batch.is_full() {
                std::hint::black_box(batch.lines());
                batch.clear();
            }
        }
        let middle = core_seconds()?;
        let mut buffer = Buffer::new(ProtocolVersion::V1);
        for number in 0..rows {
            theirs(&mut buffer, table, &symbols, number)?;
            if buffer.row_count() >= REQUEST {
                std::hint::black_box(buffer.as_bytes());
                buffer.clear();
            }
        }
        best[0] = best[0].max(rows as f64 / (middle - begun));
        best[1] = best[1].max(rows as f64 / (core_seconds()? - middle));
    }
    println!("{{\"ours\": {:.0}, \"theirs\": {:.0}}}", best[0], best[1]);
    Ok(())
}

fn symbols() -> Vec<String> {
    (0..100).map(|number| format!("S{number:02}_USDT")).collect()
}

/// Both by turns, three times; the best of each.
fn rates(address: &str, table: &str, rows: u64) -> Result<(), Box<dyn Error>> {
    let (symbols, mut best) = (symbols(), [0.0_f64; 2]);
    for round in 0..3 {
        // The one that begins changes: the other finds the table warm.
        for turn in [round % 2, 1 - round % 2] {
            let begun = Instant::now();
            match turn {
                0 => send_ours(address, table, &symbols, rows)?,
                _ => send_theirs(address, table, &symbols, rows)?,
            }
            best[turn] = best[turn].max(rows as f64 / begun.elapsed().as_secs_f64());
        }
    }
    println!("{{\"ours\": {:.0}, \"theirs\": {:.0}}}", best[0], best[1]);
    Ok(())
}

fn send_ours(address: &str, table: &str, symbols: &[String], rows: u64) -> Result<(), Box<dyn Error>> {
    let mut connection = BufReader::new(TcpStream::connect(address)?);
    connection.get_ref().set_nodelay(true)?;
    let mut batch = Batch::new(table, "ours", true);
    for number in 0..rows {
        ours(&mut batch, symbols, number);
        if batch.is_full() || number + 1 == rows {
            let head = format!(
                "POST /write HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n\r\n",
                batch.lines().len()
            );
            connection.get_mut().write_all(head.as_bytes())?;
            connection.get_mut().write_all(batch.lines())?;
            batch.clear();
            let mut status = String::new();
            connection.read_line(&mut status)?;
            if !status.starts_with("HTTP/1.1 204") {
                return Err(format!("the server answers {status}").into());
            }
            let mut line = status;
            while line != "\r\n" {
                line.clear();
                connection.read_line(&mut line)?;
            }
        }
    }
    Ok(())
}

fn send_theirs(address: &str, table: &str, symbols: &[String], rows: u64) -> Result<(), Box<dyn Error>> {
    let mut sender = Sender::from_conf(format!("http::addr={address};"))?;
    let mut buffer = sender.new_buffer();
    for number in 0..rows {
        theirs(&mut buffer, table, symbols, number)?;
        if buffer.row_count() >= REQUEST || number + 1 == rows {
            sender.flush(&mut buffer)?;
        }
    }
    Ok(())
}
