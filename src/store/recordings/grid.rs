//! Decimal places and magnitudes of a symbol's numbers, to ensure that they all fit one price step and one
//! quantity step.

use crate::domain::decimal::{Decimal, POWERS_OF_TEN};
use crate::domain::record::RecordBody;
use crate::limits::MAX_TICKS;
use crate::store::StoreError;

/// Decimal places and magnitudes of one kind of number.
#[derive(Clone, Copy, Default)]
pub struct Grid {
    /// Most decimal places.
    pub scale: u8,
    /// Largest mantissa by scale.
    largest: [u64; 19],
}

/// The grids of a symbol.
#[derive(Clone, Copy, Default)]
pub struct Grids {
    /// Prices.
    pub prices: Grid,
    /// Quantities and volumes.
    pub quantities: Grid,
}

impl Grid {
    /// Adds numbers of a scale, of which `largest` is the largest mantissa.
    pub fn see(&mut self, scale: u8, largest: u64) {
        let slot = &mut self.largest[usize::from(scale)];
        *slot = largest.max(*slot);
        self.scale = self.scale.max(scale);
    }

    fn knows(&self, number: Decimal) -> bool {
        number.scale() <= self.scale
            && number.mantissa().unsigned_abs() <= self.largest[usize::from(number.scale())]
    }

    fn fits(&self) -> bool {
        self.largest.iter().enumerate().filter(|(_, largest)| **largest > 0).all(|(scale, largest)| {
            let up = POWERS_OF_TEN[usize::from(self.scale) - scale].unsigned_abs();
            u128::from(*largest) * u128::from(up) < u128::from(MAX_TICKS.unsigned_abs())
        })
    }
}

impl Grids {
    /// Checks that all numbers so far are whole steps below 2^53.
    ///
    /// # Errors
    /// [`StoreError::Refused`], naming what does not fit.
    pub fn check(&self, symbol: &str) -> Result<(), StoreError> {
        for (grid, what) in [(&self.prices, "prices"), (&self.quantities, "quantities")] {
            if !grid.fits() {
                return Err(StoreError::Refused(format!(
                    "the {what} of {symbol} need {} digits behind the point and are too large for that: as whole steps they exceed 2^53",
                    grid.scale
                )));
            }
        }
        Ok(())
    }

    /// Whether no number of the row is larger or finer than those seen. Funding rates and quote volumes have
    /// no step.
    pub fn knows(&self, body: &RecordBody) -> bool {
        let mut known = true;
        numbers(body, |number, is_price| {
            known &= if is_price { self.prices.knows(number) } else { self.quantities.knows(number) }
        });
        known
    }

    /// Adds the numbers of a row.
    pub fn see(&mut self, body: &RecordBody) {
        numbers(body, |number, is_price| {
            let grid = if is_price { &mut self.prices } else { &mut self.quantities };
            grid.see(number.scale(), number.mantissa().unsigned_abs());
        });
    }
}

/// Calls `each` with the row's prices (`true`) and quantities (`false`).
fn numbers(body: &RecordBody, mut each: impl FnMut(Decimal, bool)) {
    match *body {
        RecordBody::Trade { price, quantity, .. }
        | RecordBody::SnapshotLevel { price, quantity, .. }
        | RecordBody::LevelChange { price, quantity, .. } => {
            each(price, true);
            each(quantity, false);
        }
        RecordBody::Quote { bid_price, bid_quantity, ask_price, ask_quantity, .. } => {
            each(bid_price, true);
            each(ask_price, true);
            each(bid_quantity, false);
            each(ask_quantity, false);
        }
        RecordBody::Bar { open, high, low, close, volume, .. } => {
            [open, high, low, close].into_iter().for_each(|price| each(price, true));
            each(volume, false);
        }
        RecordBody::Mark { mark, index } => {
            each(mark, true);
            index.into_iter().for_each(|index| each(index, true));
        }
        RecordBody::Funding { .. } => {}
    }
}
