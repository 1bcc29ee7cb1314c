//! A market that misbehaves: bursts, silence, gaps, messages in another order than things happened, prices
//! off the grid, halted contracts, clocks that jump.
//!
//! Our own clock is a `SteadyClock`: while a process runs it is only ever set forward, and a process that
//! begins goes on from where the one before had come to, so a clock that was set back stands still. The
//! exchange's clock goes either way.

use std::sync::OnceLock;
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

/// The stream that gets lost by itself.
const LOST: StreamKind = StreamKind::Trades;

/// The smallest distance of two stamps.
const MICROSECOND: Span = Span::from_nanos(1_000);

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

fn micros(count: i64) -> Span {
    Span::from_nanos(count * MICROSECOND.nanos())
}

/// The contracts as they are traded in every life.
pub fn contracts() -> &'static SymbolTable {
    static CONTRACTS: OnceLock<SymbolTable> = OnceLock::new();
    CONTRACTS.get_or_init(table)
}

/// Where prices are, and what comes next.
pub struct Market {
    /// Our clock. Like `SteadyClock` it never goes back.
    pub now: Timestamp,
    /// Time that must pass before our clock goes on: it was set back while no process ran.
    set_back: Span,
    /// The exchange's clock minus ours. It is set forward and back.
    offset: Span,
    prices: [i64; 2],
    lost: [bool; 2],
    /// Messages that were overtaken by later ones, and when they come.
    late: Vec<(Timestamp, SymbolId, Vec<Record>)>,
}

impl Market {
    pub fn new() -> Self {
        Market {
            now: Timestamp::from_seconds(1_780_000_000),
            set_back: Span::ZERO,
            offset: Span::ZERO,
            prices: [10_000, 20_000],
            lost: [false; 2],
            late: Vec::new(),
        }
    }

    /// The last price of a symbol in ticks.
    pub fn price(&self, symbol: SymbolId) -> i64 {
        self.prices[symbol.index()]
    }

    /// What the exchange's clock shows.
    pub fn exchange_time(&self) -> Timestamp {
        self.now + self.offset
    }

    /// Time passes; now and then much of it.
    pub fn wait(&mut self, rng: &mut Rng) {
        let span = match rng.below(40) {
            0 => rng.between(1_000_000, 7_200_000_000),
            1..=5 => rng.between(100_000, 3_000_000),
            _ => rng.between(1, 60_000),
        };
        self.pass(micros(span));
    }

    fn pass(&mut self, span: Span) {
        let stands_still = self.set_back.min(span);
        self.set_back = self.set_back - stands_still;
        self.now = self.now + (span - stands_still);
    }

    /// Something arrives, later than everything before.
    fn stamp(&mut self) -> Timestamp {
        self.now = self.now + MICROSECOND;
        self.now
    }

    /// A process begins that has come to `reached`: its clock goes on from there, also when the machine's
    /// clock was set back. Messages of the connection before are gone.
    pub fn reconnect(&mut self, reached: Timestamp, rng: &mut Rng) {
        self.late.clear();
        self.now = self.now.max(reached);
        if rng.once_in(5) {
            self.set_back = micros(rng.between(1_000, 3_600_000_000));
            self.now = reached;
        }
    }

    /// What the inbox says first after a restart: nothing was heard since `reached`.
    pub fn restarted(&mut self, reached: Timestamp, batch: &mut Batch) {
        for symbol in (0..2).map(SymbolId) {
            let gap =
                Arrived::Gap { symbol, streams: STREAMS.to_vec(), from: reached, cause: GapCause::Restart };
            batch.arrived.push((self.stamp(), gap));
        }
    }

    /// One message, or something else that happens to the market.
    pub fn message(&mut self, rng: &mut Rng, batch: &mut Batch) {
        self.wait(rng);
        let symbol = SymbolId(rng.below(2) as u32);
        match rng.below(120) {
            0..=1 => self.lose(symbol, batch),
            2..=3 => batch.arrived.push((
                self.stamp(),
                Arrived::Notice(Notice::Contract { symbol, is_tradable: !rng.once_in(3) }),
            )),
            4..=5 => {
                let trade = self.trade(rng, symbol, SCALE + 1);
                self.rows(rng, symbol, vec![trade], batch);
            }
            6..=17 => {
                let rows = self.book(rng, symbol);
                self.rows(rng, symbol, rows, batch);
            }
            18..=25 => {
                let mark = decimal(self.price(symbol) * 10 + 3, SCALE + 1);
                let row = self.record(rng, RecordBody::Mark { mark, index: None });
                self.rows(rng, symbol, vec![row], batch);
            }
            26..=27 => {
                let rate = decimal(rng.between(-5, 5), 5);
                let row = self.record(rng, RecordBody::Funding { rate });
                self.rows(rng, symbol, vec![row], batch);
            }
            28 => self.step_our_clock(rng, batch),
            29..=30 => self.offset = micros(rng.between(-600_000_000, 600_000_000)),
            _ => {
                let price = &mut self.prices[symbol.index()];
                *price = (*price + rng.between(-9, 9)).max(100);
                let rows = (0..=rng.below(3)).map(|_| self.trade(rng, symbol, SCALE)).collect();
                self.rows(rng, symbol, rows, batch);
            }
        }
    }

    /// Messages that were overtaken, as far as they have come by now.
    pub fn deliver_late(&mut self, batch: &mut Batch) {
        self.late.sort_by_key(|(due, ..)| *due);
        let now = self.now;
        let due = self.late.partition_point(|(due, ..)| *due <= now);
        let come: Vec<_> = self.late.drain(..due).collect();
        for (_, symbol, rows) in come {
            self.receive(symbol, rows, batch);
        }
    }

    /// The last gaps.
    pub fn close(&mut self, batch: &mut Batch) {
        for symbol in (0..2).map(SymbolId) {
            if self.lost[symbol.index()] {
                let at = self.stamp();
                batch.arrived.push((at, gap(symbol, at)));
            }
        }
        (batch.until, batch.taken) = (self.now, self.now);
    }

    /// Whatever comes later than this batch is stamped later, and every batch reaches a later time.
    pub fn hand_over(&mut self, batch: &mut Batch) {
        if batch.arrived.is_empty() {
            self.stamp();
        }
        (batch.until, batch.taken) = (self.now, self.now);
    }

    fn lose(&mut self, symbol: SymbolId, batch: &mut Batch) {
        let at = self.stamp();
        let lost = &mut self.lost[symbol.index()];
        let arrived = match std::mem::replace(lost, !*lost) {
            true => gap(symbol, at),
            false => Arrived::Lost { symbol, stream: LOST, since: at },
        };
        batch.arrived.push((at, arrived));
    }

    /// Our clock is set forward: the time in between is missing of every stream that is not interrupted.
    fn step_our_clock(&mut self, rng: &mut Rng, batch: &mut Batch) {
        let from = self.now;
        self.now = self.now + micros(rng.between(1_000_001, 7_200_000_000));
        for symbol in (0..2).map(SymbolId) {
            let is_lost = self.lost[symbol.index()];
            let streams = STREAMS.into_iter().filter(|stream| !is_lost || *stream != LOST).collect();
            let gap = Arrived::Gap { symbol, streams, from, cause: GapCause::ClockStep };
            batch.arrived.push((self.now, gap));
        }
    }

    /// A message comes at once, or is overtaken by others.
    fn rows(&mut self, rng: &mut Rng, symbol: SymbolId, rows: Vec<Record>, batch: &mut Batch) {
        if rng.once_in(8) {
            let due = self.now + micros(rng.between(1, 2_000_000));
            self.late.push((due, symbol, rows));
        } else {
            self.receive(symbol, rows, batch);
        }
    }

    fn receive(&mut self, symbol: SymbolId, rows: Vec<Record>, batch: &mut Batch) {
        let (at, first, count) = (self.stamp(), batch.rows.len(), rows.len());
        batch.rows.extend(rows.into_iter().map(|row| Record { received_at: Some(at), ..row }));
        batch.arrived.push((at, Arrived::Rows { symbol, first, count }));
    }

    /// Something that happened a while ago by the exchange's clock, so not in the order in which it is heard.
    fn record(&self, rng: &mut Rng, body: RecordBody) -> Record {
        let travelled = micros(rng.between(0, 300_000));
        Record { exchange_at: self.exchange_time() - travelled, received_at: None, body }
    }

    fn trade(&self, rng: &mut Rng, symbol: SymbolId, scale: u8) -> Record {
        let price = self.prices[symbol.index()];
        let price = if scale > SCALE { price * 10 + 1 } else { price };
        let taker = if rng.once_in(2) { Side::Buy } else { Side::Sell };
        let quantity = Decimal::new(rng.between(1, 50), 0).expect("a whole number");
        self.record(rng, RecordBody::Trade { price: decimal(price, scale), quantity, taker, id: None })
    }

    fn book(&self, rng: &mut Rng, symbol: SymbolId) -> Vec<Record> {
        let middle = self.prices[symbol.index()];
        let mut rows = Vec::new();
        for (side, sign) in [(Side::Buy, -1), (Side::Sell, 1)] {
            for level in 1..=3_u16 {
                let price = decimal(middle + sign * i64::from(level), SCALE);
                let quantity = Decimal::new(rng.between(1, 80), 0).expect("a whole number");
                rows.push(self.record(rng, RecordBody::SnapshotLevel { side, level, price, quantity }));
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
