//! One life of a session: begun, traded, stopped, suspended, killed, resumed, ended.

use crate::audit::{self, Kept};
use crate::exchange::{Exchange, OrderPath};
use crate::journal::{Entry, Shared, Tape, World};
use crate::market::{Market, STREAMS, contract, table};
use crate::venue::AuditedVenue;
use arc_swap::ArcSwap;
use serde_json::json;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tradingd::checkpoint::Saved;
use tradingd::document::strategy;
use tradingd::domain::contract::Contract;
use tradingd::domain::num::Money;
use tradingd::domain::rng::Rng;
use tradingd::domain::strategy::StrategyDef;
use tradingd::domain::symbol::SymbolId;
use tradingd::domain::time::Timestamp;
use tradingd::engine::account::SessionConfig;
use tradingd::engine::risk::RiskLimits;
use tradingd::session::allowance::Allowance;
use tradingd::session::checkpoint;
use tradingd::session::driver::{Driver, Progress};
use tradingd::session::gateway::{Gateway, Journaled};
use tradingd::session::halts::News;
use tradingd::session::inputs::{Arrived, Batch, Control};
use tradingd::session::market_loop::{Ended, MarketLoop, MarketPorts};
use tradingd::session::ports::ContractTerms;
use tradingd::session::replay::{CaughtUp, JournalInputs, JournalPosition, catch_up, replay_ticks};
use tradingd::session::switches::Switches;
use tradingd::sim::Venue;

/// A life in which something is wrong.
pub struct Failure {
    pub what: String,
    pub steps: u64,
    pub trace: Vec<String>,
}

/// The most steps of a life before it is told to end.
pub const STEPS: u64 = 140;

/// Steps after which a life must have ended by itself once it was told to.
const ENDS_WITHIN: u64 = 3_000;

/// Steps in which the process may be killed at a commit.
const EVENTFUL_STEPS: u64 = 600;

thread_local! {
    static STRATEGIES: [Vec<Arc<StrategyDef>>; 2] = [strategies("market"), strategies("limit")];
}

/// Trades often, on a price that walks by single ticks. An entry with a limit is cancelled when it does not fill.
fn strategies(order_type: &str) -> Vec<Arc<StrategyDef>> {
    let mut document: serde_json::Value =
        serde_json::from_str(include_str!("../workloads/ema.json")).expect("a workload is JSON");
    document["indicators"]["fast"]["period"] = json!(2);
    document["indicators"]["slow"]["period"] = json!(4);
    document["z1_entry"]["positionSize"] = json!({"type": "quantity", "value": 1});
    document["z1_entry"]["orderType"] = json!(order_type);
    document["z1_entry"]["timeoutSeconds"] = json!(2);
    let (document, _) = strategy::parse(document.to_string().as_bytes()).expect("a workload is a strategy");
    vec![Arc::new(document.compile("restless", 1))]
}

/// In every third life a small loss ends the session.
pub fn session(seed: u64) -> SessionConfig {
    let drawdown_pct = seed.is_multiple_of(3).then_some(0.002);
    SessionConfig {
        risk: RiskLimits { drawdown_pct, ..RiskLimits::none() },
        initial_balance: Money::from_units(10_000),
        ..SessionConfig::default()
    }
}

/// What a session may do when it begins.
pub fn at_start(seed: u64) -> Allowance {
    Allowance { disabled: BTreeSet::new(), risk: Some(session(seed).risk), real_money: None }
}

/// A configuration that switches off a symbol, limits open positions or entries, or does nothing of it.
fn configured(rng: &mut Rng) -> Allowance {
    let names = table().iter().map(|(_, spec)| spec.name.clone()).collect::<Vec<_>>();
    let disabled = names.into_iter().filter(|_| rng.once_in(4)).collect();
    let max_concurrent = rng.once_in(3).then(|| 1 + rng.below(2) as u32);
    let trades_per_day = rng.once_in(3).then(|| 1 + rng.below(40) as u32);
    let risk = RiskLimits { max_concurrent, trades_per_day, ..RiskLimits::none() };
    Allowance { disabled, risk: Some(risk), real_money: None }
}

/// What a session is allowed behind what was done to it.
pub fn journaled(at_start: &Allowance, controls: &[(Timestamp, Control)]) -> Allowance {
    let allowed = controls.iter().filter_map(|(_, control)| match control {
        Control::Allowance(allowed) => Some(allowed),
        _ => None,
    });
    allowed.fold(at_start.clone(), |before, next| before.tightened(next))
}

/// Two of four lives enter with limits, one of them on an exchange.
pub fn with_strategies<T>(seed: u64, run: impl FnOnce(&[Arc<StrategyDef>]) -> T) -> T {
    STRATEGIES.with(|strategies| run(&strategies[usize::from(seed % 4 >= 2)]))
}

/// How a process ended.
enum Exit {
    /// Its end is durable.
    Over,
    /// It is to go on in another process.
    Gone,
    /// The disk refuses; the process stays.
    Stalled,
}

/// Why the journal took nothing.
#[derive(Debug)]
enum Broken {
    Killed,
    Refused,
}

/// Runs the life of a seed, of at most `limit` steps before it is stopped. Returns its steps.
pub fn life(
    seed: u64,
    limit: Option<u64>,
    plant: Option<&'static str>,
    is_traced: bool,
) -> Result<u64, Failure> {
    let mut rng = Rng::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x7a11);
    let whole = 20 + rng.below(STEPS - 20);
    let limit = limit.unwrap_or(whole);
    let shared = Shared::new(World {
        rng,
        market: Market::new(),
        plant,
        steps: 0,
        durable: Vec::new(),
        events: Vec::new(),
        reached: None,
        pending: Vec::new(),
        pending_events: Vec::new(),
        under_way: None,
        // Every other life has an exchange in the place of a simulated venue.
        exchange: (seed % 2 == 1).then(Exchange::default),
        outbox: Vec::new(),
        intents: BTreeSet::new(),
        cancels: BTreeSet::new(),
        published: Vec::new(),
        refusals: 0,
        stop_is_written: false,
        stopped_at: None,
        is_stopped: false,
        is_suspending: false,
        is_killed: false,
        recorded: BTreeSet::new(),
        sent: BTreeSet::new(),
        caught_up: None,
        fault: None,
        is_traced,
        trace: Vec::new(),
    });
    let outcome = live(&shared, seed, limit).and_then(|()| audit::check(&shared, seed));
    let mut world = shared.world();
    let (steps, trace) = (world.steps, std::mem::take(&mut world.trace));
    match outcome.err().or_else(|| world.fault.take()) {
        None => Ok(steps),
        Some(what) => Err(Failure { what, steps, trace }),
    }
}

/// Processes, one after the other, until the end is durable.
fn live(shared: &Shared, seed: u64, limit: u64) -> Result<(), String> {
    let allowed = ArcSwap::from_pointee(at_start(seed));
    loop {
        let has_exchange = shared.world().exchange.is_some();
        let exit = match has_exchange {
            false => process(shared, AuditedVenue::new(shared, seed), seed, limit, &allowed),
            true => process(shared, OrderPath(shared.clone()), seed, limit, &allowed),
        }?;
        let mut world = shared.world();
        if let Some(fault) = &world.fault {
            return Err(fault.clone());
        }
        match exit {
            Exit::Over => return Ok(()),
            Exit::Gone => {
                world.settle_after_a_kill();
                world.note(|| "the process is gone".to_owned());
                world.is_stopped = world.stop_is_written && world.plant != Some("stop_lost_over_a_restart");
            }
            Exit::Stalled => {
                // The daemon lives: it writes the stop as soon as the disk takes it.
                world.refusals = 0;
                world.stop_is_written |= world.is_stopped;
            }
        }
        world.forget();
        let World { market, rng, .. } = &mut *world;
        market.wait(rng);
    }
}

/// One process: catches up with the journal when there is one, and goes on.
fn process<G: Gateway + Saved>(
    shared: &Shared,
    gateway: G,
    seed: u64,
    limit: u64,
    allowed: &ArcSwap<Allowance>,
) -> Result<Exit, String> {
    let table = Arc::new(ArcSwap::from_pointee(table()));
    let mut driver = with_strategies(seed, |strategies| {
        Driver::over(Arc::clone(&table), strategies, session(seed), gateway)
    });
    let mut tape = Tape(shared.clone());
    let (resumes, mut is_over, mut reached) = (shared.world().reached.is_some(), false, Timestamp::MIN);
    let mut is_closing = false;
    let in_force = journaled(&at_start(seed), &shared.world().controls());
    if resumes {
        let (mut feed, controls) = {
            let world = shared.world();
            (world.feed(driver.table()), world.controls())
        };
        let begun = made_before(shared, seed)?;
        let done = begun.as_ref().map_or(0, |begun| begun.events);
        shared.world().caught_up = Some(done);
        if let Some(Checkpoint { position, state, .. }) = &begun {
            checkpoint::load(state, &mut driver, &mut tape).map_err(|error| format!("{error:?}"))?;
            feed = feed.behind(position.at);
        }
        let begun = begun.map(|begun| begun.position);
        let journal = JournalInputs { feed: &mut feed, controls: &controls, begun };
        let stored = {
            let world = shared.world();
            world.reached.max(world.last_row())
        };
        let known = stored.filter(|_| !shared.is_planted("timer_lost_over_a_restart"));
        let caught_up = catch_up(&mut driver, &table, journal, known, &mut tape, &mut |_, _, _| {});
        CaughtUp { is_over, is_closing, reached, .. } = caught_up.map_err(|error| error.0)?;
        let mut world = shared.world();
        let (done, recorded) = (world.caught_up.take().unwrap_or(0), world.events.len());
        if done < recorded {
            world.fail(format!("{done} of {recorded} events came again after a restart"));
        }
        world.market.now = world.market.now.max(reached);
        let World { exchange, intents, market, rng, .. } = &mut *world;
        if let Some(exchange) = exchange {
            exchange.look_up(intents.iter().copied(), market.now, rng);
        }
        world.repeat_cancellations();
    }
    if is_over {
        return Ok(finish(shared, driver.progress().at));
    }
    let ports = WorldPorts {
        shared: shared.clone(),
        limit,
        restarted: resumes.then_some(reached),
        questions: RefCell::default(),
        allowed,
    };
    let switches = Switches { table: &table, allowed };
    let mut session = MarketLoop::new(driver, tape, ports, &STREAMS, switches, in_force);
    let now = {
        let mut world = shared.world();
        let World { market, rng, .. } = &mut *world;
        market.wait(rng);
        market.now
    };
    if resumes {
        session.resume(now, reached, is_closing)
    } else {
        session.begin(now)
    }
    let ended = session.run();
    let at = session.driver.progress().at;
    if shared.world().steps > limit + ENDS_WITHIN {
        return Err("it does not end".to_owned());
    }
    Ok(match ended {
        Ok(Ended::Stopped | Ended::ByItself) => finish(shared, at),
        Ok(Ended::Suspended) | Err(Broken::Killed) => Exit::Gone,
        Err(Broken::Refused) => Exit::Stalled,
    })
}

/// A state of the session, and how many events led to it.
struct Checkpoint {
    position: JournalPosition,
    state: Vec<u8>,
    events: usize,
}

/// Every other time, and only where nothing is planted: a checkpoint that somebody makes of the journal, at some place of it.
fn made_before(shared: &Shared, seed: u64) -> Result<Option<Checkpoint>, String> {
    let mut world = shared.world();
    if world.plant.is_some() || world.rng.once_in(2) {
        return Ok(None);
    }
    match world.exchange {
        None => made_over(&mut world, Venue::new(AuditedVenue::config(seed), 2), seed),
        Some(_) => made_over(&mut world, Journaled, seed),
    }
}

fn made_over<G: Gateway + Saved>(
    world: &mut World,
    gateway: G,
    seed: u64,
) -> Result<Option<Checkpoint>, String> {
    let symbols = Arc::new(ArcSwap::from_pointee(table()));
    let mut driver = with_strategies(seed, |strategies| {
        Driver::over(Arc::clone(&symbols), strategies, session(seed), gateway)
    });
    let size = 1 + world.rng.place(200);
    let (mut feed, controls) = (world.feed(driver.table()).in_chunks_of(size), world.controls());
    let (mut kept, mut made) = (Kept(Vec::new()), None);
    let (rng, durable) = (&mut world.rng, world.events.len());
    let mut watch = |position, driver: &Driver<G>, kept: &Kept| {
        // What the disk does not have yet may be decided otherwise.
        if kept.0.len() <= durable && rng.once_in(3) {
            made = Some(Checkpoint { position, state: checkpoint::save(driver, kept), events: kept.0.len() });
        }
    };
    let journal = JournalInputs::whole(&mut feed, &controls);
    replay_ticks(&mut driver, &symbols, journal, &mut kept, &mut watch).map_err(|error| error.0)?;
    Ok(made)
}

/// The last transaction.
fn finish(shared: &Shared, reached: Timestamp) -> Exit {
    let mut world = shared.world();
    if world.is_eventful() && world.rng.once_in(6) {
        return Exit::Gone;
    }
    if world.commit(reached) { Exit::Over } else { Exit::Stalled }
}

/// What surrounds the loop.
struct WorldPorts<'a> {
    shared: Shared,
    limit: u64,
    /// Where the process before this one had come to; said by the inbox once.
    restarted: Option<Timestamp>,
    /// Looks until an answer comes.
    questions: RefCell<BTreeMap<SymbolId, u64>>,
    allowed: &'a ArcSwap<Allowance>,
}

impl WorldPorts<'_> {
    /// What people, the disk and the machine do before a look into the inbox.
    fn happens(&self, world: &mut World) {
        world.steps += 1;
        if world.steps > self.limit + ENDS_WITHIN {
            world.is_killed = true;
        }
        if world.steps > self.limit {
            self.stop(world);
            return;
        }
        match world.rng.below(150) {
            0 => self.stop(world),
            1..=2 => world.is_suspending = true,
            3..=4 => world.is_killed = true,
            5..=6 => world.refusals = 1 + world.rng.below(2),
            7..=9 => {
                let configured = configured(&mut world.rng);
                world.note(|| format!("the configuration allows {configured:?}"));
                self.allowed.rcu(|allowed| allowed.tightened(&configured));
            }
            _ => {}
        }
    }

    /// Something that the disk does, in which the process may be killed: before it is done, or before it is answered.
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

    /// Written before the session hears of it, unless the disk refuses. Nobody repeats a stop that was acknowledged.
    fn stop(&self, world: &mut World) {
        if !world.is_stopped && !world.stop_is_written {
            world.stop_is_written |= world.refusals == 0;
            world.stopped_at = world.stop_is_written.then_some(world.market.now);
            world.is_stopped = true;
            let written = world.stop_is_written;
            world.note(|| format!("told to stop, written: {written}"));
        }
    }
}

impl MarketPorts for WorldPorts<'_> {
    type Error = Broken;

    fn take(&mut self, batch: &mut Batch) {
        batch.clear();
        let mut world = self.shared.world();
        self.happens(&mut world);
        let World { market, rng, .. } = &mut *world;
        match self.restarted.take() {
            Some(reached) => market.restarted(reached, batch),
            None => {
                market.wait(rng);
                market.pour(rng, batch);
                let World { exchange, market, rng, .. } = &mut *world;
                if let Some(exchange) = exchange {
                    exchange.live(market, rng);
                    exchange.deliver(&mut market.now, batch);
                }
            }
        }
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
        self.shared.world().note(|| format!("{at} {news:?}"));
    }

    fn progress(&mut self, _: Progress) {}
}

impl ContractTerms for WorldPorts<'_> {
    fn ask(&mut self, symbol: SymbolId, _: &str) -> bool {
        let looks = self.shared.world().rng.below(4);
        self.questions.borrow_mut().insert(symbol, looks);
        true
    }

    fn answer(&mut self, symbol: SymbolId, name: &str) -> Option<Option<Contract>> {
        let mut questions = self.questions.borrow_mut();
        let looks = questions.get_mut(&symbol)?;
        if *looks > 0 {
            *looks -= 1;
            return None;
        }
        questions.remove(&symbol);
        let mut world = self.shared.world();
        if world.rng.once_in(5) { Some(None) } else { Some(Some(contract(&mut world.rng, name))) }
    }
}

impl World {
    /// Whether kills still happen: no longer after so many steps that every life must be able to end.
    fn is_eventful(&self) -> bool {
        self.steps < EVENTFUL_STEPS
    }
}
