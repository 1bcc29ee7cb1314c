//! One pass through one file: decodes rows into ticks, in time order. The file is opened for the first tick
//! and closed after the last.

use super::book::{Books, Message, MessageKey};
use super::level_count;
use crate::domain::contract_facts::Declared;
use crate::domain::decimal::{Decimal, POWERS_OF_TEN};
use crate::domain::event::{Bar, Level, Trade};
use crate::domain::num::{Price, Qty, Rate};
use crate::domain::order::Side;
use crate::domain::record::{Record, RecordBody, StreamKind};
use crate::domain::symbol::SymbolId;
use crate::domain::time::{Span, Timestamp};
use crate::files::batch::RecordBatch;
use crate::files::error::{FileError, Problem};
use crate::files::opener::Opener;
use crate::files::repeated::RepeatedBySymbol;
use crate::files::sorted::KeptRows;
use crate::files::source::SourceFile;
use crate::files::survey::FeedClock;
use crate::limits::MAX_TICKS;
use crate::session::ports::{Chunk, TickKind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Rows decoded at once; fewer than in an import, because many files may be open at the same time.
const BATCH_ROWS: usize = 1_024;

/// What a pass reads.
pub(super) struct Plan {
    pub path: PathBuf,
    pub kind: StreamKind,
    pub targets: Vec<Target>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub clock: FeedClock,
    pub declared: Declared,
    /// Rows that another file has too.
    pub elsewhere: RepeatedBySymbol,
    /// Its rows, if they had to be sorted.
    pub sorted: Option<KeptRows>,
    pub opener: Opener,
}

/// A symbol of a pass.
pub(super) struct Target {
    pub name: String,
    pub id: SymbolId,
    pub price_step: Decimal,
    pub quantity_step: Decimal,
    pub bar: Span,
    pub first: Timestamp,
    /// Its rows, as the survey counted them.
    pub rows: u64,
}

pub(super) struct Cursor {
    plan: Plan,
    read_bytes: Arc<AtomicU64>,
    open: Option<Open>,
    is_over: bool,
    decoder: Decoder,
    next: usize,
    /// Lower bound of the next tick's time.
    floor: Timestamp,
}

/// The open file.
struct Open {
    source: SourceFile,
    batch: RecordBatch,
    counted: u64,
    /// Index into the plan's targets, by symbol index of the file.
    targets: Vec<Option<usize>>,
}

/// Converts rows to ticks.
#[derive(Default)]
struct Decoder {
    ticks: Chunk,
    message: Message,
    /// Books before `from`; `None` once the replay has started.
    before: Option<Books>,
    /// Last time, and rows, by target.
    last: Vec<Timestamp>,
    rows: Vec<u64>,
}

/// Columns used in errors about off-step values.
const PRICE: &str = "price";
const QUANTITY: &str = "quantity";

impl Cursor {
    pub fn new(plan: Plan, read_bytes: Arc<AtomicU64>) -> Self {
        let first = plan.targets.iter().map(|target| target.first).min().unwrap_or(Timestamp::MAX);
        let floor = plan.from.map_or(first, |from| first.max(from));
        let decoder = Decoder {
            before: plan.from.map(|_| Books::default()),
            last: vec![Timestamp::MIN; plan.targets.len()],
            rows: vec![0; plan.targets.len()],
            ..Decoder::default()
        };
        Cursor { plan, read_bytes, open: None, is_over: false, decoder, next: 0, floor }
    }

    pub fn kind(&self) -> StreamKind {
        self.plan.kind
    }

    /// Time of the next tick, or a lower bound while none is decoded.
    pub fn next_at(&self) -> Timestamp {
        self.decoder.ticks.ticks().get(self.next).map_or(self.floor, |tick| tick.at)
    }

    /// Whether all decoded ticks were taken.
    pub fn is_drained(&self) -> bool {
        self.next == self.decoder.ticks.ticks().len()
    }

    /// Appends the next tick to a chunk; returns its number of levels.
    pub fn take_one(&mut self, chunk: &mut Chunk) -> usize {
        let ticks = &self.decoder.ticks;
        let tick = ticks.ticks()[self.next];
        chunk.push_from(ticks, &tick);
        self.next += 1;
        self.floor = tick.at;
        level_count(&tick.kind)
    }

    /// Swaps all decoded ticks into an empty chunk. None of them may have been taken before.
    pub fn take_all(&mut self, chunk: &mut Chunk) {
        debug_assert_eq!(self.next, 0);
        if let Some(tick) = self.decoder.ticks.ticks().last() {
            self.floor = tick.at;
        }
        std::mem::swap(chunk, &mut self.decoder.ticks);
        self.decoder.ticks.clear();
    }

    /// Decodes more ticks. `false`: there are none, and the file is closed.
    pub fn refill(&mut self) -> Result<bool, FileError> {
        self.decoder.ticks.clear();
        self.next = 0;
        while self.decoder.ticks.ticks().is_empty() {
            if self.is_over {
                return Ok(false);
            }
            if self.open.is_none() {
                self.open = Some(Open::new(&self.plan)?);
            }
            let Some(open) = &mut self.open else { return Ok(false) };
            let more = open.read(&self.plan, &self.read_bytes)?;
            let wanted = more && self.decoder.take(&self.plan, open)?;
            // What the survey said of the file, as steps and gaps, is not of these rows.
            if !more && !self.decoder.rows.iter().eq(self.plan.targets.iter().map(|target| &target.rows)) {
                return Err(FileError::of(&self.plan.path, Problem::Changed));
            }
            if !wanted {
                self.decoder.flush(&self.plan);
                self.is_over = true;
                self.open = None;
            }
        }
        // The survey verified the order, so only a changed file can violate it.
        if self.next_at() < self.floor {
            return Err(FileError::of(&self.plan.path, Problem::Changed));
        }
        Ok(true)
    }
}

impl Open {
    fn new(plan: &Plan) -> Result<Self, FileError> {
        let source = SourceFile::open_again(&plan.path, &plan.declared, plan.sorted.as_ref(), &plan.opener)?;
        let source = source.without(plan.elsewhere.clone());
        if source.kind() != plan.kind {
            return Err(FileError::of(&plan.path, Problem::Changed));
        }
        Ok(Open { source, batch: RecordBatch::new(BATCH_ROWS), counted: 0, targets: Vec::new() })
    }

    fn read(&mut self, plan: &Plan, read_bytes: &AtomicU64) -> Result<bool, FileError> {
        let more = self.source.read(&mut self.batch)?;
        // Sorted rows are read from elsewhere.
        let all_now = (!more && plan.sorted.is_some()).then(|| self.source.total_bytes());
        for name in &self.source.symbols()[self.targets.len()..] {
            self.targets.push(plan.targets.iter().position(|target| target.name == *name));
        }
        let now = all_now.unwrap_or_else(|| self.source.bytes_read());
        read_bytes.fetch_add(now - self.counted, Ordering::Relaxed);
        self.counted = now;
        Ok(more)
    }
}

impl Decoder {
    /// Decodes the rows of a batch. `false`: the end of the selection was reached.
    fn take(&mut self, plan: &Plan, open: &Open) -> Result<bool, FileError> {
        for (row, (symbol, record)) in open.batch.rows().iter().enumerate() {
            let Some(index) = open.targets[*symbol as usize] else { continue };
            let target = &plan.targets[index];
            self.rows[index] += 1;
            let at = tick_time(plan.clock, target, record).max(self.last[index]);
            self.last[index] = at;
            if plan.to.is_some_and(|to| at >= to) {
                return Ok(false);
            }
            self.decode(plan, target, at, record).map_err(|(column, value)| {
                let step = if column == QUANTITY { target.quantity_step } else { target.price_step };
                let problem =
                    Problem::OffStep { text: value.to_string(), step: format!("{step} of {}", target.name) };
                FileError::at(&plan.path, open.batch.line(row), Some(column), problem)
            })?;
        }
        Ok(true)
    }

    /// Decodes one row; the error is the column and value that is not a multiple of the step.
    #[inline]
    fn decode(
        &mut self,
        plan: &Plan,
        target: &Target,
        at: Timestamp,
        record: &Record,
    ) -> Result<(), (&'static str, Decimal)> {
        let price =
            |value: Decimal, column| steps(value, target.price_step).map(Price).ok_or((column, value));
        let qty = |value: Decimal, column| steps(value, target.quantity_step).map(Qty).ok_or((column, value));
        let kind = match record.body {
            RecordBody::Trade { price: p, quantity, taker, .. } => {
                TickKind::Trade(Trade { price: price(p, PRICE)?, qty: qty(quantity, QUANTITY)?, taker })
            }
            RecordBody::SnapshotLevel { side, level, price: p, quantity } => {
                let key = MessageKey {
                    symbol: target.id,
                    exchange_at: record.exchange_at,
                    update_id: None,
                    is_snapshot: true,
                };
                let best_of = (level == 1).then_some(side);
                self.book_row(
                    plan,
                    key,
                    best_of,
                    at,
                    side,
                    Level { price: price(p, PRICE)?, qty: qty(quantity, QUANTITY)? },
                );
                return Ok(());
            }
            RecordBody::LevelChange { side, price: p, quantity, snapshot, update_id } => {
                let key = MessageKey {
                    symbol: target.id,
                    exchange_at: record.exchange_at,
                    update_id,
                    is_snapshot: snapshot,
                };
                self.book_row(
                    plan,
                    key,
                    None,
                    at,
                    side,
                    Level { price: price(p, PRICE)?, qty: qty(quantity, QUANTITY)? },
                );
                return Ok(());
            }
            RecordBody::Bar { open, high, low, close, volume, .. } => TickKind::Bar(Bar {
                open: price(open, "open")?,
                high: price(high, "high")?,
                low: price(low, "low")?,
                close: price(close, "close")?,
                // The column is called `volume`, but it is counted in quantity steps.
                volume: qty(volume, QUANTITY)?,
                seconds: u32::try_from(target.bar.nanos() / Span::SECOND.nanos()).unwrap_or(u32::MAX).max(1),
            }),
            RecordBody::Mark { mark, index } => {
                // Fair and index prices are references and may be finer than a tick, so they are rounded to
                // the nearest one.
                let nearest = |value: Decimal, column| {
                    let steps = value
                        .nearest_steps_of(target.price_step)
                        .filter(|steps| (0..=MAX_TICKS).contains(steps));
                    steps.map(Price).ok_or((column, value))
                };
                TickKind::Mark(
                    nearest(mark, "mark_price")?,
                    index.map(|index| nearest(index, "index_price")).transpose()?,
                )
            }
            RecordBody::Funding { rate } => {
                // Parts per billion; no venue uses finer rates.
                TickKind::Funding(Rate((rate.to_f64() * 1e9).round() as i64))
            }
            RecordBody::Quote { .. } => return Ok(()),
        };
        if plan.from.is_none_or(|from| at >= from) {
            self.ticks.push(at, target.id, kind);
        }
        Ok(())
    }

    fn book_row(
        &mut self,
        plan: &Plan,
        key: MessageKey,
        best_of: Option<Side>,
        at: Timestamp,
        side: Side,
        level: Level,
    ) {
        if self.message.ends_before(key, best_of) {
            self.flush(plan);
        }
        self.message.add(key, at, side, level);
    }

    /// Hands over the assembled message: as a tick, or to the book from which the replay will start.
    fn flush(&mut self, plan: &Plan) {
        let Some(at) = self.message.at() else { return };
        let Some(from) = plan.from.filter(|_| self.before.is_some()) else {
            self.message.flush(&mut self.ticks);
            return;
        };
        if at >= from {
            if let Some(mut books) = self.before.take() {
                books.flush(from, &mut self.ticks);
            }
            self.message.flush(&mut self.ticks);
        } else if let Some(books) = &mut self.before {
            self.message.apply(books);
        }
    }
}

/// When a row becomes known: a bar not before its end.
fn tick_time(clock: FeedClock, target: &Target, record: &Record) -> Timestamp {
    let at = clock.time(record);
    if matches!(record.body, RecordBody::Bar { .. }) { at.max(record.exchange_at + target.bar) } else { at }
}

/// The value in steps; `None` when it is not a multiple of the step or exceeds [`MAX_TICKS`].
#[inline]
fn steps(value: Decimal, step: Decimal) -> Option<i64> {
    let count = if step.mantissa() == 1 && value.scale() <= step.scale() {
        value.mantissa().checked_mul(POWERS_OF_TEN[usize::from(step.scale() - value.scale())])
    } else {
        value.in_steps_of(step)
    };
    count.filter(|count| *count <= MAX_TICKS)
}
