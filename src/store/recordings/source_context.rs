//! What the sources of a feed have in common: clock, time range, and the steps that numbers are whole
//! multiples of.

use super::super::StoreError;
use crate::domain::decimal::{Decimal, POWERS_OF_TEN};
use crate::domain::symbol::SymbolId;
use crate::limits::MAX_TICKS;

/// Which timestamp of a row orders the replay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FeedClock {
    /// Exchange time. Within a stream time never goes back: a row stamped earlier than its predecessor gets
    /// that one's time.
    Exchange,
    /// Receive time; every chosen stream must have it.
    Receive,
}

/// Parameters common to all sources.
#[derive(Clone, Debug)]
pub struct SourceContext {
    pub symbol: SymbolId,
    pub price_step: Decimal,
    pub quantity_step: Decimal,
    pub clock: FeedClock,
    pub from_ns: i64,
    pub to_ns: i64,
    /// Whether somebody has seen everything before `from_ns`.
    pub goes_on: bool,
}

/// Converts mantissas at `scale` to whole steps, in place. `None` if one is negative, not a whole step, or
/// not below [`MAX_TICKS`].
pub fn to_steps(values: &mut [i64], scale: u8, step: Decimal) -> Option<()> {
    let power = |up: u8| POWERS_OF_TEN.get(usize::from(up)).copied();
    let up = power(step.scale().saturating_sub(scale))?;
    let down = power(scale.saturating_sub(step.scale()))?.checked_mul(step.mantissa())?;
    if down != 1 {
        for value in values.iter_mut() {
            let scaled = value.checked_mul(up)?;
            if scaled % down != 0 {
                return None;
            }
            *value = scaled / down;
        }
    } else if up != 1 {
        let fits = values.iter().all(|value| value.unsigned_abs() <= (MAX_TICKS / up).unsigned_abs());
        values.iter_mut().for_each(|value| *value = value.wrapping_mul(up));
        fits.then_some(())?;
    }
    // All values are below a power of two if their bitwise union is: no branch per value.
    let union = values.iter().fold(0, |union, value| union | value);
    (0..MAX_TICKS).contains(&union).then_some(())
}

/// The error for a number that is not a whole step of the symbol's specification.
pub fn off_grid(location: &str) -> StoreError {
    StoreError::Refused(format!(
        "{location}: a price or quantity is not a whole number of the symbol's steps: use the steps that the recording itself gives"
    ))
}
