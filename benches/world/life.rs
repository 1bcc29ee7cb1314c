//! One life of a session: begun, traded, stopped, suspended, killed, resumed, ended.

use crate::audit;
use crate::events::Kept;
use crate::exchange::OrderPath;
use crate::journal::{Shared, Tape, World};
use crate::market::{STREAMS, table};
use crate::ports::{Broken, ENDS_WITHIN, WorldPorts};
use crate::venue::{Watched, simulated};
use arc_swap::ArcSwap;
use serde_json::json;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tradingd::checkpoint::Saved;
use tradingd::document::strategy;
use tradingd::domain::num::Money;
use tradingd::domain::rng::Rng;
use tradingd::domain::strategy::StrategyDef;
use tradingd::domain::time::Timestamp;
use tradingd::engine::account::SessionConfig;
use tradingd::engine::risk::RiskLimits;
use tradingd::session::allowance::Allowance;
use tradingd::session::checkpoint;
use tradingd::session::driver::Driver;
use tradingd::session::gateway::{Gateway, Journaled};
use tradingd::session::halts::News;
use tradingd::session::inputs::Control;
use tradingd::session::market_loop::{Ended, MarketLoop};
use tradingd::session::replay::{CaughtUp, JournalInputs, JournalPosition, catch_up, replay_ticks};
use tradingd::session::switches::Switches;

/// A life: what it is made of, and what is left out of it.
#[derive(Clone)]
pub struct Life {
    pub seed: u64,
    /// Steps before it is told to stop; `None`: as many as the seed says.
    pub limit: Option<u64>,
    /// Events that do not happen in it.
    pub left_out: Arc<BTreeSet<u64>>,
    /// A defect.
    pub plant: Option<&'static str>,
    pub is_traced: bool,
}

/// A life in which something is wrong.
pub struct Failure {
    pub what: String,
    pub steps: u64,
    /// What happened in it and can be left out.
    pub events: Vec<u64>,
    pub trace: Vec<String>,
}

/// The most steps of a life before it is told to end.
const STEPS: u64 = 140;

thread_local! {
    static STRATEGIES: [Vec<Arc<StrategyDef>>; 2] = [strategies("market"), strategies("limit")];
}

/// Trades often, on a price that walks by single ticks. An entry with a limit is cancelled when it does not
/// fill.
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

impl Life {
    /// The whole life of a seed.
    pub fn of(seed: u64, plant: Option<&'static str>) -> Self {
        Life { seed, limit: None, left_out: Arc::default(), plant, is_traced: false }
    }

    /// Lives it, and returns its steps. An assertion of the program that does not hold is a failure, too.
    pub fn live(&self) -> Result<u64, Failure> {
        let Life { seed, plant, .. } = *self;
        let whole = 20 + Rng::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x7a11).below(STEPS - 20);
        let limit = self.limit.unwrap_or(whole);
        let shared = Shared::new(World::new(seed, plant, Arc::clone(&self.left_out), self.is_traced));
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            processes(&shared, seed, limit).and_then(|()| audit::check(&shared, seed))
        }));
        let outcome = outcome.unwrap_or_else(|_| Err(crate::PANICKED.take()));
        let mut world = shared.world();
        match outcome.err().or_else(|| world.fault.take()) {
            None => Ok(world.steps),
            Some(what) => Err(Failure {
                what,
                steps: world.steps,
                events: std::mem::take(&mut world.happened),
                trace: std::mem::take(&mut world.trace),
            }),
        }
    }
}

/// Processes, one after the other, until the end is durable.
fn processes(shared: &Shared, seed: u64, limit: u64) -> Result<(), String> {
    let allowed = ArcSwap::from_pointee(at_start(seed));
    loop {
        let has_exchange = shared.world().exchange.is_some();
        let exit = match has_exchange {
            false => process(shared, Watched::new(simulated(seed), shared.clone()), seed, limit, &allowed),
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
                // Whoever waits for an answer gets none.
                world.commands.clear();
            }
            Exit::Stalled => stand_still(&mut world),
        }
        world.forget();
        let World { market, rng, .. } = &mut *world;
        market.wait(rng);
    }
}

/// The disk refuses, and the daemon lives: the market and the exchange go on without the session, which is
/// tried again, whether the disk takes writes by then or not. A stop is written as soon as it does.
fn stand_still(world: &mut World) {
    world.note(|| "the session stands still".to_owned());
    let taken = std::mem::take(&mut world.taken);
    world.commands.splice(..0, taken);
    for _ in 0..world.rng.below(6) {
        let World { market, exchange, rng, .. } = &mut *world;
        market.wait(rng);
        exchange.iter_mut().for_each(|exchange| exchange.live(market, rng));
    }
    if world.rng.once_in(30) {
        world.stop();
    }
    if world.rng.once_in(8) {
        world.refusals = 0;
    }
    if world.refusals == 0 && world.is_stopped {
        world.stop_is_written = true;
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
        let caught_up = catch_up(&mut driver, &table, journal, stored, &mut tape, &mut |_, _, _| {});
        CaughtUp { is_over, is_closing, reached, .. } = caught_up.map_err(|error| error.0)?;
        let mut world = shared.world();
        let (done, recorded) = (world.caught_up.take().unwrap_or(0), world.events.len());
        if done < recorded {
            world.fail(format!("{done} of {recorded} events came again after a restart"));
        }
        let World { exchange, intents, market, rng, stopped_at, .. } = &mut *world;
        market.reconnect(reached, rng);
        *stopped_at = stopped_at.map(|at| at.min(market.now));
        if let Some(exchange) = exchange {
            exchange.look_up(intents.iter().copied(), market.now, rng);
        }
        world.repeat_cancellations();
    }
    if is_over {
        let at = driver.progress().at;
        News::unassigned_before(driver.unassigned()).for_each(|news| shared.world().alert(at, &news));
        return Ok(finish(shared, at));
    }
    let ports = WorldPorts::new(shared, limit, resumes.then_some(reached), allowed);
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

/// Every other time, and only where nothing is planted: a checkpoint that somebody makes of the journal, at
/// some place of it.
fn made_before(shared: &Shared, seed: u64) -> Result<Option<Checkpoint>, String> {
    let mut world = shared.world();
    if world.plant.is_some() || world.rng.once_in(2) {
        return Ok(None);
    }
    match world.exchange {
        None => made_over(&mut world, simulated(seed), seed),
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
