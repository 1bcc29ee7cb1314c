//! Parses one row into a record and validates each field. Independent of other rows.

use super::error::{Problem, excerpt};
use super::fields::Fields;
use super::layout::{LayoutRule, TIME};
use super::number;
use crate::domain::decimal::{Decimal, DecimalError};
use crate::domain::order::Side;
use crate::domain::record::{Record, RecordBody, StreamKind};
use crate::domain::time::Timestamp;
use crate::limits::{BOOK_SNAPSHOT_LEVELS, ROW_VALUE_UNITS};

/// A rejected field: its slot and the problem. Boxed to keep the successful path fast.
pub(super) type Flaw = Box<(usize, Problem)>;

/// Valid times, microseconds: from 2000-01-01 to before 2200-01-01.
const TIMES_US: std::ops::Range<u64> = 946_684_800_000_000..7_258_118_400_000_000;

/// Parses a row of this layout.
#[inline]
pub(super) fn record(rule: &'static LayoutRule, fields: &Fields, line: &[u8]) -> Result<Record, Flaw> {
    let row = Row { rule, fields, line };
    let exchange_at = row.time(TIME)?;
    let (body, received_slot) = match rule.kind {
        StreamKind::Trades => (row.trade()?, 5),
        StreamKind::BookSnapshots => (row.snapshot_level()?, 6),
        StreamKind::BookChanges => (row.level_change()?, 7),
        StreamKind::Quotes => (row.quote()?, 6),
        StreamKind::Bars => (row.bar()?, 8),
        StreamKind::Marks => (row.mark()?, 4),
        StreamKind::Funding => (RecordBody::Funding { rate: row.decimal(2)? }, 3),
    };
    let received_at = if row.text(received_slot).is_empty() { None } else { Some(row.time(received_slot)?) };
    Ok(Record { exchange_at, received_at, body })
}

struct Row<'a> {
    rule: &'static LayoutRule,
    fields: &'a Fields,
    line: &'a [u8],
}

impl Row<'_> {
    #[inline]
    fn trade(&self) -> Result<RecordBody, Flaw> {
        let (price, quantity) = (self.positive(2)?, self.positive(3)?);
        self.value_within(3, price, quantity)?;
        Ok(RecordBody::Trade { price, quantity, taker: self.side(4)?, id: self.id(6)? })
    }

    #[inline]
    fn snapshot_level(&self) -> Result<RecordBody, Flaw> {
        let level =
            number::whole(self.text(3)).filter(|level| (1..=BOOK_SNAPSHOT_LEVELS as u64).contains(level));
        let level = level.ok_or_else(|| self.wrong(3, "is not a level from 1 (best) to 20"))? as u16;
        let (price, quantity) = (self.positive(4)?, self.positive(5)?);
        self.value_within(5, price, quantity)?;
        Ok(RecordBody::SnapshotLevel { side: self.side(2)?, level, price, quantity })
    }

    #[inline]
    fn level_change(&self) -> Result<RecordBody, Flaw> {
        let (price, quantity) = (self.positive(3)?, self.not_negative(4)?);
        self.value_within(4, price, quantity)?;
        let snapshot = match self.text(5) {
            b"" | b"0" | b"false" => false,
            b"1" | b"true" => true,
            _ => return Err(self.wrong(5, "is neither 0 nor 1")),
        };
        if snapshot && quantity == Decimal::ZERO {
            return Err(self.wrong(4, "deletes a level, but a snapshot has nothing to delete"));
        }
        Ok(RecordBody::LevelChange { side: self.side(2)?, price, quantity, snapshot, update_id: self.id(6)? })
    }

    #[inline]
    fn quote(&self) -> Result<RecordBody, Flaw> {
        let (bid_price, bid_quantity) = (self.positive(2)?, self.positive(3)?);
        let (ask_price, ask_quantity) = (self.positive(4)?, self.positive(5)?);
        self.value_within(3, bid_price, bid_quantity)?;
        self.value_within(5, ask_price, ask_quantity)?;
        Ok(RecordBody::Quote { bid_price, bid_quantity, ask_price, ask_quantity, update_id: self.id(7)? })
    }

    fn bar(&self) -> Result<RecordBody, Flaw> {
        let (open, high, low, close) =
            (self.positive(2)?, self.positive(3)?, self.positive(4)?, self.positive(5)?);
        let volume = self.not_negative(6)?;
        self.value_within(6, high, volume)?;
        let quote_volume = if self.text(7).is_empty() { None } else { Some(self.not_negative(7)?) };
        let below = |a: Decimal, b: Decimal| a.cmp_value(b).is_lt();
        let flaw = |slot, why| Err(Box::new((slot, Problem::Bar(why))));
        if below(high, low) {
            return flaw(3, "the high is below the low");
        }
        for (slot, price) in [(2, open), (5, close)] {
            if below(price, low) || below(high, price) {
                return flaw(slot, "it lies outside low and high");
            }
        }
        Ok(RecordBody::Bar { open, high, low, close, volume, quote_volume })
    }

    fn mark(&self) -> Result<RecordBody, Flaw> {
        let index = if self.text(3).is_empty() { None } else { Some(self.positive(3)?) };
        Ok(RecordBody::Mark { mark: self.positive(2)?, index })
    }

    #[inline]
    fn text(&self, slot: usize) -> &[u8] {
        self.fields.get(self.line, slot)
    }

    #[inline]
    fn time(&self, slot: usize) -> Result<Timestamp, Flaw> {
        match number::whole(self.text(slot)) {
            Some(micros) if TIMES_US.contains(&micros) => Ok(Timestamp::from_nanos(micros as i64 * 1_000)),
            found => Err(self.no_time(slot, found)),
        }
    }

    #[inline]
    fn side(&self, slot: usize) -> Result<Side, Flaw> {
        let is_trade = self.rule.kind == StreamKind::Trades;
        match self.text(slot) {
            b"buy" if is_trade => Ok(Side::Buy),
            b"sell" if is_trade => Ok(Side::Sell),
            b"bid" if !is_trade => Ok(Side::Buy),
            b"ask" if !is_trade => Ok(Side::Sell),
            _ if is_trade => Err(self.wrong(slot, "is neither `buy` nor `sell`")),
            _ => Err(self.wrong(slot, "is neither `bid` nor `ask`")),
        }
    }

    #[inline]
    fn id(&self, slot: usize) -> Result<Option<u64>, Flaw> {
        let text = self.text(slot);
        if text.is_empty() {
            return Ok(None);
        }
        number::whole(text)
            .map(Some)
            .ok_or_else(|| self.wrong(slot, "is not a whole number from 0 to 2^64 - 1"))
    }

    #[inline]
    fn decimal(&self, slot: usize) -> Result<Decimal, Flaw> {
        number::decimal(self.text(slot)).map_err(|error| self.no_decimal(slot, error))
    }

    #[inline]
    fn positive(&self, slot: usize) -> Result<Decimal, Flaw> {
        let value = self.decimal(slot)?;
        if value.mantissa() > 0 { Ok(value) } else { Err(self.wrong(slot, "must be greater than zero")) }
    }

    #[inline]
    fn not_negative(&self, slot: usize) -> Result<Decimal, Flaw> {
        let value = self.decimal(slot)?;
        if value.mantissa() >= 0 { Ok(value) } else { Err(self.wrong(slot, "must not be negative")) }
    }

    /// Rejects prices and notional values beyond any real market.
    #[inline]
    fn value_within(&self, quantity_slot: usize, price: Decimal, quantity: Decimal) -> Result<(), Flaw> {
        if exceeds(i128::from(price.mantissa()), u32::from(price.scale())) {
            return Err(self.wrong(quantity_slot - 1, "is beyond any price (10^15)"));
        }
        let product = i128::from(price.mantissa()) * i128::from(quantity.mantissa());
        if exceeds(product, u32::from(price.scale()) + u32::from(quantity.scale())) {
            return Err(self.wrong(quantity_slot, "times its price is beyond any market (10^15)"));
        }
        Ok(())
    }

    #[cold]
    fn wrong(&self, slot: usize, why: &'static str) -> Flaw {
        let text = self.text(slot);
        let problem =
            if text.is_empty() { Problem::EmptyField } else { Problem::Value { text: excerpt(text), why } };
        Box::new((slot, problem))
    }

    #[cold]
    fn no_decimal(&self, slot: usize, error: DecimalError) -> Flaw {
        match error {
            DecimalError::Empty => Box::new((slot, Problem::EmptyField)),
            DecimalError::NotANumber => self.wrong(slot, "is not a finite decimal number"),
            DecimalError::OutOfRange => {
                self.wrong(slot, "has more digits than can be kept exactly (18 in all, 18 behind the point)")
            }
        }
    }

    #[cold]
    fn no_time(&self, slot: usize, found: Option<u64>) -> Flaw {
        let text = self.text(slot);
        if text.is_empty() {
            return Box::new((slot, Problem::EmptyField));
        }
        let Some(value) = found else {
            return self.wrong(slot, "is not a whole number of microseconds since 1970");
        };
        let in_unit = |micros: Option<u64>| micros.is_some_and(|micros| TIMES_US.contains(&micros));
        let unit = match value {
            v if in_unit(v.checked_mul(1_000_000)) => Some("seconds"),
            v if in_unit(v.checked_mul(1_000)) => Some("milliseconds"),
            v if in_unit(Some(v / 1_000)) => Some("nanoseconds"),
            _ => None,
        };
        Box::new((slot, Problem::TimeRange { text: excerpt(text), unit }))
    }
}

/// Whether `mantissa × 10^-scale` exceeds [`ROW_VALUE_UNITS`].
#[inline]
fn exceeds(mantissa: i128, scale: u32) -> bool {
    // 10^15 × 10^23 is the largest such product below i128::MAX, and no product of two i64 reaches it.
    const SCALES: usize = 24;
    const LIMITS: [i128; SCALES] = {
        let mut limits = [ROW_VALUE_UNITS as i128; SCALES];
        let mut i = 1;
        while i < SCALES {
            limits[i] = limits[i - 1] * 10;
            i += 1;
        }
        limits
    };
    LIMITS.get(scale as usize).is_some_and(|limit| mantissa > *limit)
}
