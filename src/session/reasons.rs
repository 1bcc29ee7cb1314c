//! On what each trade was decided: the evidence of its signal, its entry and its exit, kept until the trade
//! is over.

use crate::checkpoint::{Damaged, Plain, Reader, plain, saved};
use crate::domain::decision::{Decision, DecisionKind, Evidence, State, Trigger};
use crate::domain::exit_level::ExitLevel;
use crate::domain::ledger::ClosedTrade;
use crate::domain::strategy::StrategyDef;
use crate::domain::time::Timestamp;
use crate::engine::value::Missing;
use crate::limits::{EARLIER_EXITS, EXPLAINED_TRADES};
use crate::report::reason::{Checked, DecisionReason, TradeReason};
use std::collections::VecDeque;
use std::sync::Arc;

/// A decision with its evidence.
#[derive(Clone)]
struct Made {
    at: Timestamp,
    trigger: Trigger,
    level: Option<ExitLevel>,
    evidence: Box<[Evidence]>,
}

/// The evidence of a decision names missing values by words of [`Missing`].
impl Plain for Made {
    fn encode(&self, to: &mut Vec<u8>) {
        let Made { at, trigger, level, evidence } = self;
        at.encode(to);
        trigger.encode(to);
        level.encode(to);
        evidence.len().encode(to);
        for Evidence { section, condition, value, threshold, met } in evidence {
            section.encode(to);
            condition.encode(to);
            value.ok().encode(to);
            value.err().and_then(Missing::from_name).encode(to);
            threshold.encode(to);
            met.encode(to);
        }
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let (at, trigger, level) = Plain::decode(from)?;
        let evidence = (0..usize::decode(from)?).map(|_| {
            let (section, condition) = Plain::decode(from)?;
            let (value, missing) = <(Option<f64>, Option<Missing>)>::decode(from)?;
            let value = match (value, missing) {
                (Some(value), None) => Ok(value),
                (None, Some(missing)) => Err(missing.as_str()),
                _ => return Err(Damaged),
            };
            let (threshold, met) = Plain::decode(from)?;
            Ok(Evidence { section, condition, value, threshold, met })
        });
        Ok(Made { at, trigger, level, evidence: evidence.collect::<Result<_, Damaged>>()? })
    }
}

impl Made {
    fn named(&self, def: &StrategyDef) -> DecisionReason {
        let conditions = Checked::all(&self.evidence, def);
        DecisionReason { at: self.at, trigger: self.trigger, level: self.level, conditions }
    }
}

/// What led to one trade so far.
#[derive(Clone, Default)]
struct Open {
    signal: Option<Made>,
    entry: Option<Made>,
    earlier_exits: Vec<Made>,
    exit: Option<Made>,
    has_filled: bool,
}

plain!(struct Open { signal, entry, earlier_exits, exit, has_filled });

impl Open {
    /// An exit was decided; those before it have closed a part, or nothing. The latest of too many is
    /// replaced.
    fn exit(&mut self, made: Made) {
        if let Some(earlier) = self.exit.replace(made) {
            self.earlier_exits.truncate(EARLIER_EXITS - 1);
            self.earlier_exits.push(earlier);
        }
    }
}

/// The trades of a run and what led to them.
pub(super) struct Reasons {
    /// Under way, by instance.
    open: Vec<Open>,
    /// Over, but not yet told as a trade, by instance.
    over: Vec<VecDeque<Open>>,
    /// In the order of the trades, with the strategy of each.
    trades: Vec<(u32, Open)>,
}

saved!(Reasons { trades } each { open, over });

impl Reasons {
    pub(super) fn new(instances: usize) -> Self {
        Reasons {
            open: vec![Open::default(); instances],
            over: vec![VecDeque::new(); instances],
            trades: Vec::new(),
        }
    }

    /// Takes a decision down.
    pub(super) fn decided(&mut self, decision: &Decision, evidence: &[Evidence]) {
        if self.trades.len() >= EXPLAINED_TRADES {
            return;
        }
        let index = decision.instance as usize;
        let open = &mut self.open[index];
        match decision.kind {
            DecisionKind::Filled { .. } => open.has_filled = true,
            DecisionKind::Transition { to, trigger, level, .. } => {
                let made = || Made { at: decision.at, trigger, level, evidence: evidence.into() };
                match to {
                    State::SignalDetected => *open = Open { signal: Some(made()), ..Open::default() },
                    State::EntryEvaluation => open.entry = Some(made()),
                    State::CloseOrderEvaluation | State::EmergencyExit => open.exit(made()),
                    State::Exited => {
                        let mut over = std::mem::take(open);
                        // The venue ended it: by liquidation, or by something other than an order of the
                        // strategy.
                        if over.exit.as_ref().is_none_or(|exit| exit.trigger != trigger) {
                            over.exit(made());
                        }
                        // An entry that never filled is no trade.
                        if over.has_filled {
                            self.over[index].push_back(over);
                        }
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// A trade is over; its instance has left the market before.
    pub(super) fn closed(&mut self, trade: &ClosedTrade) {
        if self.trades.len() < EXPLAINED_TRADES {
            let reason = self.over[trade.instance as usize].pop_front().unwrap_or_default();
            self.trades.push((trade.strategy, reason));
        }
    }

    /// By the names that the documents give the conditions.
    pub(super) fn finish(self, defs: &[Arc<StrategyDef>]) -> Vec<TradeReason> {
        let named = |(strategy, reason): (u32, Open)| {
            let Some(def) = defs.get(strategy as usize) else { return TradeReason::default() };
            let one = |made: &Option<Made>| made.as_ref().map(|made| made.named(def));
            TradeReason {
                signal: one(&reason.signal),
                entry: one(&reason.entry),
                earlier_exits: reason.earlier_exits.iter().map(|made| made.named(def)).collect(),
                exit: one(&reason.exit),
            }
        };
        self.trades.into_iter().map(named).collect()
    }
}
