//! Data that only derivatives have: funding, basis, open interest.

use super::{DataKind, Indicator, IndicatorKind, Look, Missing, Upstream, Value, number, ratio, unchecked};
use crate::checkpoint::saved;
use crate::domain::time::Span;

/// Last funding rate.
pub static FUNDING_RATE_PCT: IndicatorKind = IndicatorKind {
    name: "FUNDING_RATE_PCT",
    about: "Rate of the last funding; positive = longs pay",
    formula: "rate·100",
    unit: "%",
    needs: &[DataKind::Funding],
    range: None,
    params: &[],
    check: unchecked,
    build: |_, _| Box::new(FundingRate),
};

struct FundingRate;

saved!(FundingRate {});

impl Indicator for FundingRate {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        look.market.funding.map(|rate| rate.0 as f64 / 1e7).ok_or(Missing::NotRecorded)
    }
}

/// Last price relative to the index price.
pub static BASIS_PCT: IndicatorKind = IndicatorKind {
    name: "BASIS_PCT",
    about: "How far the last price is above the index price",
    formula: "100·(last − index)/index",
    unit: "%",
    needs: &[DataKind::Price, DataKind::Mark],
    range: None,
    params: &[],
    check: unchecked,
    build: |_, _| Box::new(Basis),
};

struct Basis;

saved!(Basis {});

impl Indicator for Basis {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let index = look.market.index.ok_or(Missing::NotRecorded)?;
        let (_, last) = look.market.last.ok_or(Missing::WarmUp)?;
        ratio(100.0 * (last.price.0 - index.0) as f64, index.0 as f64)
    }
}

/// Change of open interest.
pub static OPEN_INTEREST_CHANGE_PCT: IndicatorKind = IndicatorKind {
    name: "OPEN_INTEREST_CHANGE_PCT",
    about: "Change of the open interest",
    formula: "100·(OI(T)/OI(T−t1) − 1)",
    unit: "%",
    needs: &[DataKind::OpenInterest],
    range: None,
    params: &[number("t1", 300.0, 1.0, 86_400.0, "seconds back")],
    check: unchecked,
    build: |spec, wiring| {
        let ago = spec.span("t1");
        wiring.open_interest(ago);
        Box::new(OpenInterestChange(ago))
    },
};

struct OpenInterestChange(Span);

saved!(OpenInterestChange {} fixed { 0 });

impl Indicator for OpenInterestChange {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let series = &look.market.open_interest;
        let now = series.at(look.now).map_err(unrecorded)?;
        let before = series.at(look.now - self.0).map_err(unrecorded)?;
        ratio(100.0 * (now - before), before)
    }
}

/// Replaces `NoBook` by `NotRecorded` for a series that does not come from the book.
fn unrecorded(why: Missing) -> Missing {
    if why == Missing::NoBook { Missing::NotRecorded } else { why }
}
