//! What a session says that it did, and what it shows as open.

use tradingd::checkpoint::{Damaged, Reader, Saved};
use tradingd::domain::decision::{Decision, Evidence};
use tradingd::domain::ledger::{ClosedTrade, EquityPoint};
use tradingd::domain::num::Money;
use tradingd::domain::time::Timestamp;
use tradingd::engine::output::Outputs;
use tradingd::session::digest::encode;
use tradingd::session::driver::Recorder;
use tradingd::session::snapshot::Moment;

/// What the session says that it did.
#[derive(Clone, Debug)]
pub enum Did {
    Decided(Decision),
    Closed(ClosedTrade),
    Valued(EquityPoint),
}

/// Something the session did.
#[derive(Clone)]
pub struct Event {
    /// Canonical bytes; equal exactly when the events are.
    pub bytes: Vec<u8>,
    pub did: Did,
}

impl Event {
    fn decided(decision: &Decision, evidence: &[Evidence]) -> Self {
        let mut bytes = Vec::new();
        encode(decision, evidence, &mut bytes);
        Event { bytes, did: Did::Decided(*decision) }
    }

    fn closed(trade: &ClosedTrade) -> Self {
        Event { bytes: format!("{trade:?}").into_bytes(), did: Did::Closed(*trade) }
    }

    fn valued(point: EquityPoint) -> Self {
        let money = [point.equity, point.balance, point.exposure].map(|money| money.0.to_le_bytes());
        let bytes = [&point.at.nanos().to_le_bytes()[..], &money.concat()].concat();
        Event { bytes, did: Did::Valued(point) }
    }

    pub fn all(out: &Outputs) -> impl Iterator<Item = Event> + '_ {
        let decisions = out.decided().map(|(decision, evidence)| Event::decided(decision, evidence));
        let equity = out.equity.into_iter().map(Event::valued);
        decisions.chain(out.closed.iter().map(Event::closed)).chain(equity)
    }

    pub fn decision(&self) -> Option<&Decision> {
        match &self.did {
            Did::Decided(decision) => Some(decision),
            _ => None,
        }
    }

    /// The engine's time; of a closed trade none is said.
    pub fn at(&self) -> Option<Timestamp> {
        match &self.did {
            Did::Decided(decision) => Some(decision.at),
            Did::Valued(point) => Some(point.at),
            Did::Closed(_) => None,
        }
    }
}

/// What the session shows as open between two batches of input, as the daemon's read model does.
pub struct Look {
    pub at: Timestamp,
    pub balance: Money,
    /// Instance, lots, their cost in ticks × lots, fees and funding.
    pub positions: Vec<(u32, i64, i128, Money, Money)>,
    /// Number, quantity, and how much of it has filled.
    pub orders: Vec<(u64, i64, i64)>,
}

impl Look {
    pub fn at(moment: Moment<'_>) -> Self {
        let Moment { engine, table, at } = moment;
        let positions = engine.positions(table).into_iter().map(|open| {
            let held = open.position;
            (open.instance, held.lots, held.cost, held.fees, held.funding)
        });
        let orders = engine.working_orders().into_iter();
        let mut orders: Vec<_> = orders.map(|order| (order.order.0, order.qty.0, order.filled.0)).collect();
        orders.sort_unstable();
        Look { at, balance: engine.account().cash(), positions: positions.collect(), orders }
    }
}

/// The events of a run.
pub struct Kept(pub Vec<Event>);

/// They are with whoever counts them.
impl Saved for Kept {
    fn save(&self, _: &mut Vec<u8>) {}

    fn load(&mut self, _: &mut Reader<'_>) -> Result<(), Damaged> {
        Ok(())
    }
}

impl Recorder for Kept {
    fn outputs(&mut self, out: &Outputs) {
        self.0.extend(Event::all(out));
    }
}
