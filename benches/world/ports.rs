//! What surrounds a session's loop in the world: its inbox, its journal, people, the exchange's terms.

use crate::exchange::Exchange;
use crate::journal::{Entry, PEOPLE, Shared, World};
use crate::market::{contract, contracts};
use arc_swap::ArcSwap;
use std::collections::BTreeMap;
use tradingd::domain::contract::Contract;
use tradingd::domain::event::UserCommand;
use tradingd::domain::rng::Rng;
use tradingd::domain::symbol::SymbolId;
use tradingd::domain::time::Timestamp;
use tradingd::engine::risk::RiskLimits;
use tradingd::session::allowance::Allowance;
use tradingd::session::driver::Progress;
use tradingd::session::halts::News;
use tradingd::session::inputs::{Arrived, Batch, Control};
use tradingd::session::market_loop::MarketPorts;
use tradingd::session::ports::ContractTerms;

/// Why the journal took nothing.
#[derive(Debug)]
pub enum Broken {
    Killed,
    Refused,
}

/// Steps after which a life must have ended by itself once it was told to.
pub const ENDS_WITHIN: u64 = 3_000;

/// Steps in which the process may be killed at a commit.
const EVENTFUL_STEPS: u64 = 600;

/// What surrounds the loop.
pub struct WorldPorts<'a> {
    shared: Shared,
    /// Steps before it is told to stop.
    limit: u64,
    /// Where the process before this one had come to; said by the inbox once.
    restarted: Option<Timestamp>,
    /// Looks until an answer comes.
    questions: BTreeMap<SymbolId, u64>,
    /// What was written down since commands were answered last.
    written: Vec<(Timestamp, Control)>,
    allowed: &'a ArcSwap<Allowance>,
}

/// A configuration that switches off a symbol, limits open positions or entries, or does nothing of it.
fn configured(rng: &mut Rng) -> Allowance {
    let names = contracts().iter().map(|(_, spec)| spec.name.clone()).collect::<Vec<_>>();
    let disabled = names.into_iter().filter(|_| rng.once_in(4)).collect();
    let max_concurrent = rng.once_in(3).then(|| 1 + rng.below(2) as u32);
    let trades_per_day = rng.once_in(3).then(|| 1 + rng.below(40) as u32);
    let risk = RiskLimits { max_concurrent, trades_per_day, ..RiskLimits::none() };
    Allowance { disabled, risk: Some(risk), real_money: None }
}

/// What a person may want of a session: a pause, its end, entries cancelled, all closed, or one symbol.
fn wanted(rng: &mut Rng) -> Vec<UserCommand> {
    let symbol = SymbolId(rng.below(2) as u32);
    let pause_and = |command: fn(SymbolId) -> UserCommand| {
        std::iter::once(UserCommand::Pause).chain((0..2).map(SymbolId).map(command)).collect()
    };
    match rng.below(9) {
        0 => vec![UserCommand::Pause],
        1 => pause_and(UserCommand::Withdraw),
        2 => pause_and(UserCommand::Close),
        3 => vec![UserCommand::Withdraw(symbol)],
        4 => vec![UserCommand::Close(symbol)],
        _ => vec![UserCommand::Resume],
    }
}

impl<'a> WorldPorts<'a> {
    pub fn new(
        shared: &Shared,
        limit: u64,
        restarted: Option<Timestamp>,
        allowed: &'a ArcSwap<Allowance>,
    ) -> Self {
        let (questions, written) = (BTreeMap::new(), Vec::new());
        WorldPorts { shared: shared.clone(), limit, restarted, questions, written, allowed }
    }

    /// What people, the disk and the machine do before a look into the inbox.
    fn before_a_look(&self, world: &mut World) {
        world.steps += 1;
        if world.steps > self.limit + ENDS_WITHIN {
            world.is_killed = true;
        }
        if world.steps > self.limit {
            world.stop();
        } else if world.begins(PEOPLE) && self.happens(world) {
            world.happens(PEOPLE);
        }
    }

    /// Whether something does.
    fn happens(&self, world: &mut World) -> bool {
        match world.rng.below(150) {
            0 => world.stop(),
            1..=2 => world.is_suspending = true,
            3..=4 => world.is_killed = true,
            5 => world.refusals = 1 + world.rng.below(2),
            // For long: the session stands still, is tried again, and stands still again.
            6 => world.refusals = 3 + world.rng.below(12),
            7..=9 => {
                let configured = configured(&mut world.rng);
                world.note(|| format!("the configuration allows {configured:?}"));
                self.allowed.rcu(|allowed| allowed.tightened(&configured));
            }
            10..=22 => {
                let wanted = wanted(&mut world.rng);
                world.note(|| format!("somebody wants {wanted:?}"));
                world.commands.extend(wanted);
            }
            _ => return false,
        }
        true
    }

    /// Something that the disk does, in which the process may be killed: before it is done, or before it is
    /// answered.
    fn disk(&self, work: impl FnOnce(&mut World) -> bool) -> Result<(), Broken> {
        let mut world = self.shared.world();
        let is_killed = world.is_eventful() && world.rng.once_in(60);
        if is_killed && world.rng.once_in(2) {
            return Err(Broken::Killed);
        }
        match work(&mut world) {
            false => Err(Broken::Refused),
            true if is_killed => Err(Broken::Killed),
            true => Ok(()),
        }
    }
}

impl MarketPorts for WorldPorts<'_> {
    type Error = Broken;

    fn take(&mut self, batch: &mut Batch) {
        batch.clear();
        let mut world = self.shared.world();
        self.before_a_look(&mut world);
        match self.restarted.take() {
            Some(reached) => world.market.restarted(reached, batch),
            None => world.pour(batch),
        }
        world.market.hand_over(batch);
        world.goes_on();
    }

    fn close(&mut self, batch: &mut Batch) {
        batch.clear();
        self.shared.world().market.close(batch);
    }

    fn append(&mut self, batch: &Batch) -> Result<(), Broken> {
        let mut world = self.shared.world();
        if world.is_killed {
            return Err(Broken::Killed);
        }
        for (at, arrived) in &batch.arrived {
            let at = *at;
            match arrived {
                Arrived::Rows { symbol, first, count } => {
                    if world.plant == Some("row_not_journaled") && world.rng.once_in(30) {
                        continue;
                    }
                    let rows = batch.rows[*first..*first + *count].to_vec();
                    world.note(|| format!("{at} rows of {}: {rows:?}", symbol.0));
                    world.pending.push(Entry::Rows { at, symbol: *symbol, rows });
                }
                Arrived::Gap { symbol, from, cause, .. } => {
                    world.note(|| format!("{at} gap of {} since {from}, {cause:?}", symbol.0));
                    if world.plant != Some("gap_not_journaled") {
                        world.pending.push(Entry::Gap { at, symbol: *symbol, from: *from, cause: *cause });
                    }
                }
                Arrived::Answer(answer) => {
                    world.note(|| format!("{at} {answer:?}"));
                    if world.plant != Some("answer_not_journaled") || world.rng.once_in(2) {
                        world.pending.push(Entry::Control { at, control: Control::Answer(*answer) });
                    }
                }
                Arrived::Lost { .. } | Arrived::Notice(_) => {}
            }
        }
        Ok(())
    }

    fn control(&mut self, at: Timestamp, control: Control) {
        let mut world = self.shared.world();
        world.note(|| format!("{at} {control:?}"));
        self.written.push((at, control.clone()));
        let is_left_out = world.plant == Some("switched_off_symbol_not_journaled")
            && matches!(&control, Control::SymbolTable { disabled, .. } if !disabled.is_empty())
            || world.plant == Some("tighter_limits_not_journaled")
                && matches!(&control, Control::Allowance(_));
        if !is_left_out {
            world.pending.push(Entry::Control { at, control });
        }
    }

    fn commit_if_due(&mut self, reached: Timestamp) -> Result<(), Broken> {
        let mut world = self.shared.world();
        if world.under_way.is_none() {
            if world.rng.once_in(3) {
                world.hand_over(reached);
            }
            return Ok(());
        }
        match world.rng.below(3) {
            0 => world.begin_to_write(),
            1 => {
                drop(world);
                return self.disk(World::complete);
            }
            _ => {}
        }
        Ok(())
    }

    fn commit(&mut self, reached: Timestamp) -> Result<(), Broken> {
        self.disk(|world| world.commit(reached))
    }

    fn is_stopped(&self) -> bool {
        self.shared.world().is_stopped
    }

    fn is_suspending(&self) -> bool {
        self.shared.world().is_suspending
    }

    fn publish(&mut self, at: Timestamp, news: &News) {
        let mut world = self.shared.world();
        world.note(|| format!("{at} {news:?}"));
        world.alert(at, news);
    }

    fn progress(&mut self, _: Progress) {}

    fn take_commands(&mut self) -> Vec<UserCommand> {
        let mut world = self.shared.world();
        let commands = std::mem::take(&mut world.commands);
        world.taken.extend(&commands);
        commands
    }

    fn commands_done(&mut self, count: usize, _: bool) {
        let mut world = self.shared.world();
        let first = self.written.len().saturating_sub(count);
        let commands = self.written.drain(..).skip(first);
        if world.plant == Some("command_answered_too_early") {
            world.answered.extend(commands);
        } else {
            world.unanswered.extend(commands);
        }
    }

    /// Only an exchange blocks symbols, or wants a position closed that it does not protect.
    fn blocked(&mut self) -> Vec<SymbolId> {
        let mut world = self.shared.world();
        if world.exchange.is_none() {
            return Vec::new();
        }
        let before = world.blocks.last().map(|(_, blocked)| blocked.clone()).unwrap_or_default();
        let blocked = if world.rng.once_in(if before.is_empty() { 60 } else { 8 }) {
            (0..2).map(SymbolId).filter(|_| world.rng.once_in(2)).collect()
        } else {
            before
        };
        let now = world.market.now;
        world.blocks.push((now, blocked.clone()));
        if world.plant == Some("block_of_the_venue_ignored") { Vec::new() } else { blocked }
    }

    fn take_closings(&mut self) -> Vec<SymbolId> {
        let mut world = self.shared.world();
        if world.exchange.is_none() || !world.rng.once_in(80) {
            return Vec::new();
        }
        let (symbol, now) = (SymbolId(world.rng.below(2) as u32), world.market.now);
        world.note(|| format!("the venue does not protect {}", symbol.0));
        world.closings.push((now, symbol));
        vec![symbol]
    }

    fn is_flat(&mut self) -> bool {
        self.shared.world().exchange.as_ref().is_none_or(Exchange::is_flat)
    }

    /// Nobody waits for an exchange forever.
    fn is_settled(&mut self) -> bool {
        let mut world = self.shared.world();
        world.is_settled = world.exchange.as_ref().is_some_and(Exchange::is_flat);
        world.exchange.is_none() || world.is_settled || world.steps > self.limit
    }
}

impl ContractTerms for WorldPorts<'_> {
    fn ask(&mut self, symbol: SymbolId, _: &str) -> bool {
        let looks = self.shared.world().rng.below(4);
        self.questions.insert(symbol, looks);
        true
    }

    fn answer(&mut self, symbol: SymbolId, name: &str) -> Option<Option<Contract>> {
        let looks = self.questions.get_mut(&symbol)?;
        if *looks > 0 {
            *looks -= 1;
            return None;
        }
        self.questions.remove(&symbol);
        let mut world = self.shared.world();
        if world.rng.once_in(5) { Some(None) } else { Some(Some(contract(&mut world.rng, name))) }
    }
}

impl World {
    /// Whether kills still happen: no longer after so many steps that every life must be able to end.
    pub fn is_eventful(&self) -> bool {
        self.steps < EVENTFUL_STEPS
    }

    /// A stop is written before the session hears of it, unless the disk refuses. Nobody repeats one that was
    /// acknowledged.
    pub fn stop(&mut self) {
        if !self.is_stopped && !self.stop_is_written {
            self.stop_is_written |= self.refusals == 0;
            self.stopped_at = self.stop_is_written.then_some(self.market.now);
            self.is_stopped = true;
            let written = self.stop_is_written;
            self.note(|| format!("told to stop, written: {written}"));
        }
    }
}
