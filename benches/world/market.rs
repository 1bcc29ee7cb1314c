//! A market that misbehaves: bursts, silence, gaps, prices off the grid, halted contracts, a clock that jumps.

use tradingd::domain::contract::Contract;
use tradingd::domain::decimal::Decimal;
use tradingd::domain::event::GapCause;
use tradingd::domain::order::Side;
use tradingd::domain::record::{Record, RecordBody, StreamKind};
use tradingd::domain::rng::Rng;
use tradingd::domain::symbol::{SymbolId, SymbolSpec, SymbolTable};
use tradingd::domain::time::{Span, Timestamp};
use tradingd::session::inputs::{Arrived, Batch};
use tradingd::session::ports::Notice;

pub const STREAMS: [StreamKind; 4] =
    [StreamKind::BookSnapshots, StreamKind::Trades, StreamKind::Marks, StreamKind::Funding];

const NAMES: [&str; 2] = ["A_USDT", "B_USDT"];

/// Prices are hundredths; what is finer is off the grid.
const SCALE: u8 = 2;

fn decimal(mantissa: i64, scale: u8) -> Decimal {
    Decimal::new(mantissa, scale).expect("a small scale")
}

pub fn table() -> SymbolTable {
    let spec = |name: &&str| {
        SymbolSpec::new(name, decimal(1, SCALE), Decimal::ONE, decimal(1, 1)).expect("small steps")
    };
    SymbolTable::new(1, NAMES.iter().map(spec).collect())
}

/// Where prices are, and what comes next.
pub struct Market {
    pub now: Timestamp,
    prices: [i64; 2],
    lost: [bool; 2],
}

impl Market {
    pub fn new() -> Self {
        Market { now: Timestamp::from_seconds(1_780_000_000), prices: [10_000, 20_000], lost: [false; 2] }
    }

    /// The last price of a symbol in ticks.
    pub fn price(&self, symbol: SymbolId) -> i64 {
        self.prices[symbol.index()]
    }

    /// Time passes; now and then much of it.
    pub fn wait(&mut self, rng: &mut Rng) {
        let span = match rng.below(40) {
            0 => rng.between(1_000_000, 7_200_000_000),
            1..=5 => rng.between(100_000, 3_000_000),
            _ => rng.between(1, 60_000),
        };
        self.now = self.now + Span::from_nanos(1_000 * span);
    }

    /// What the inbox says first after a restart: nothing was heard since `reached`.
    pub fn restarted(&mut self, reached: Timestamp, batch: &mut Batch) {
        for symbol in (0..2).map(SymbolId) {
            self.now = self.now + Span::from_nanos(1_000);
            let gap =
                Arrived::Gap { symbol, streams: STREAMS.to_vec(), from: reached, cause: GapCause::Restart };
            batch.arrived.push((self.now, gap));
        }
        batch.until = self.now;
        batch.taken = self.now;
    }

    /// What came since the last look.
    pub fn pour(&mut self, rng: &mut Rng, batch: &mut Batch) {
        for _ in 0..[0, 1, 1, 2, 3, 12][rng.place(6)] {
            self.wait(rng);
            let symbol = SymbolId(rng.below(2) as u32);
            match rng.below(60) {
                0 => self.lose(symbol, batch),
                1 => batch.arrived.push((
                    self.now,
                    Arrived::Notice(Notice::Contract { symbol, is_tradable: !rng.once_in(3) }),
                )),
                2 => self.rows(symbol, &[self.trade(rng, symbol, SCALE + 1)], batch),
                3..=8 => {
                    let rows = self.book(rng, symbol);
                    self.rows(symbol, &rows, batch);
                }
                9..=12 => {
                    let mark = decimal(self.prices[symbol.index()] * 10 + 3, SCALE + 1);
                    self.rows(symbol, &[self.record(RecordBody::Mark { mark, index: None })], batch);
                }
                13 => {
                    let rate = decimal(rng.between(-5, 5), 5);
                    self.rows(symbol, &[self.record(RecordBody::Funding { rate })], batch);
                }
                _ => {
                    let price = &mut self.prices[symbol.index()];
                    *price = (*price + rng.between(-9, 9)).max(100);
                    let rows: Vec<Record> =
                        (0..=rng.below(3)).map(|_| self.trade(rng, symbol, SCALE)).collect();
                    self.rows(symbol, &rows, batch);
                }
            }
        }
        batch.until = self.now;
        batch.taken = self.now;
    }

    /// The last gaps.
    pub fn close(&mut self, batch: &mut Batch) {
        for symbol in (0..2).map(SymbolId).filter(|symbol| self.lost[symbol.index()]) {
            self.now = self.now + Span::from_nanos(1_000);
            batch.arrived.push((self.now, gap(symbol, self.now)));
        }
        batch.until = self.now;
        batch.taken = self.now;
    }

    fn lose(&mut self, symbol: SymbolId, batch: &mut Batch) {
        let lost = &mut self.lost[symbol.index()];
        if std::mem::replace(lost, !*lost) {
            batch.arrived.push((self.now, gap(symbol, self.now)));
        } else {
            let stream = StreamKind::Trades;
            batch.arrived.push((self.now, Arrived::Lost { symbol, stream, since: self.now }));
        }
    }

    fn rows(&self, symbol: SymbolId, rows: &[Record], batch: &mut Batch) {
        let first = batch.rows.len();
        batch.rows.extend_from_slice(rows);
        batch.arrived.push((self.now, Arrived::Rows { symbol, first, count: rows.len() }));
    }

    fn record(&self, body: RecordBody) -> Record {
        Record { exchange_at: self.now, received_at: Some(self.now), body }
    }

    fn trade(&self, rng: &mut Rng, symbol: SymbolId, scale: u8) -> Record {
        let price = self.prices[symbol.index()];
        let price = if scale > SCALE { price * 10 + 1 } else { price };
        let taker = if rng.once_in(2) { Side::Buy } else { Side::Sell };
        let quantity = Decimal::new(rng.between(1, 50), 0).expect("a whole number");
        self.record(RecordBody::Trade { price: decimal(price, scale), quantity, taker, id: None })
    }

    fn book(&self, rng: &mut Rng, symbol: SymbolId) -> Vec<Record> {
        let middle = self.prices[symbol.index()];
        let mut rows = Vec::new();
        for (side, sign) in [(Side::Buy, -1), (Side::Sell, 1)] {
            for level in 1..=3_u16 {
                let price = decimal(middle + sign * i64::from(level), SCALE);
                let quantity = Decimal::new(rng.between(1, 80), 0).expect("a whole number");
                rows.push(self.record(RecordBody::SnapshotLevel { side, level, price, quantity }));
            }
        }
        rows
    }
}

fn gap(symbol: SymbolId, now: Timestamp) -> Arrived {
    let from = now - Span::from_millis(3);
    Arrived::Gap { symbol, streams: STREAMS.to_vec(), from, cause: GapCause::Disconnect }
}

/// Terms as an exchange gives them: mostly those of the session, now and then a finer step or a pause.
pub fn contract(rng: &mut Rng, name: &str) -> Contract {
    Contract {
        symbol: name.to_owned(),
        display_name: name.to_owned(),
        base: "A".to_owned(),
        quote: "USDT".to_owned(),
        settle: "USDT".to_owned(),
        contract_size: decimal(1, 1),
        price_step: if rng.once_in(4) { decimal(1, SCALE + 1) } else { decimal(1, SCALE) },
        quantity_step: Decimal::ONE,
        min_quantity: Decimal::ONE,
        max_quantity: decimal(1_000, 0),
        max_leverage: 10,
        maker_fee: Decimal::ZERO,
        taker_fee: Decimal::ZERO,
        maintenance: None,
        tiers: Vec::new(),
        state: i64::from(rng.once_in(6)),
        is_api_allowed: true,
        listed_ms: None,
    }
}
