//! The life of a session on a market: opened or taken up again, run, ended with its recording in one
//! transaction.
//!
//! Invariants: a session that is taken up comes to where it was or fails, and its recording ends with it.

use super::checkpoints::Checkpoints;
use super::collect;
use super::inbox::{Inbox, InboxBounds};
use super::journal::{self, Journal};
use super::live::Exposures;
use super::rerun::{self, Comparison, Controls, Difference, Part};
use crate::checkpoint::Damaged;
use crate::clock::{self, SteadyClock, Stopwatch};
use crate::domain::record::StreamKind;
use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::domain::time::Timestamp;
use crate::engine::ENGINE_VERSION;
use crate::service::backtest::{self, Run};
use crate::service::market::{Market, MarketFeed, Subscription};
use crate::service::sessions::run::event_sink::{Class, Sink};
use crate::service::sessions::run::outcome::{Failure, RunOutcome};
use crate::service::sessions::run::recorder::SessionRecorder;
use crate::service::sessions::run::running::Running;
use crate::service::sessions::run::snapshot::Wanted;
use crate::service::sessions::start::allowance;
use crate::service::sessions::start::plan::{Plan, Rows};
use crate::session::driver::{Driver, Recorder};
use crate::session::gateway::Gateway;
use crate::session::halts::News;
use crate::session::market_loop::{Ended, MarketLoop, MarketPorts};
use crate::session::replay::{CaughtUp, Watch, catch_up};
use crate::session::snapshot::Snapshot;
use crate::session::switches::Switches;
use crate::store::{OpenRecording, Store};
use arc_swap::ArcSwap;
use serde_json::Value;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Streams that were interrupted, and since when.
type Interrupted = BTreeMap<(SymbolId, StreamKind), Timestamp>;

/// What a session on a market runs on.
pub(in crate::service::sessions) struct MarketContext<'a> {
    pub store: &'a Arc<Store>,
    pub market: &'a Market,
    pub recording: OpenRecording,
    /// Whether it goes on after the daemon ended.
    pub resumed: bool,
    /// What live sessions have at risk on the account.
    pub exposures: &'a Arc<Exposures>,
}

/// What the loop of a session runs on.
pub(in crate::service::sessions) struct Outside<'a> {
    pub session: &'a Arc<Running>,
    pub inbox: &'a Arc<Inbox>,
    pub journal: &'a mut Journal,
    pub market: &'a Market,
}

/// What trading on paper and trading with real money do not share: where orders go, and what surrounds the
/// loop.
pub(in crate::service::sessions) trait Trading<'a> {
    type Gateway: Gateway;
    type Ports: MarketPorts<Error: Into<Failure>> + Noted;

    /// The engine with its gateway, before the first event.
    fn driver(&self, run: &Run<'_>, table: Arc<ArcSwap<SymbolTable>>) -> Driver<Self::Gateway>;

    /// The state of the run as bytes; `None` where it is not kept.
    fn save(driver: &Driver<Self::Gateway>, recorder: &SessionRecorder<'_>) -> Option<Vec<u8>>;

    /// Takes such a state over into a run that has seen nothing.
    ///
    /// # Errors
    /// It is none of this run; what it was loaded into must not be used.
    fn load(
        state: &[u8],
        driver: &mut Driver<Self::Gateway>,
        recorder: &mut SessionRecorder<'_>,
    ) -> Result<(), Damaged>;

    /// The outside of the loop, where a replay of the journal, if there was one, has left the driver.
    ///
    /// # Errors
    /// Why the session cannot go on.
    fn ports(self, outside: Outside<'a>) -> Result<Self::Ports, Failure>;
}

/// What the reader of a result must know.
pub(in crate::service::sessions) trait Noted {
    /// Once.
    fn noted(&mut self) -> Vec<String>;
}

/// Events that the journal commits, and tells afterwards.
struct JournaledEvents<'a>(&'a Running);

impl Sink for JournaledEvents<'_> {
    fn add(&self, class: Class, event: &'static str, symbol: Option<&str>, fields: Value) {
        self.0.stream.add(class, event, symbol, fields);
    }

    fn wanted(&self) -> Option<Wanted> {
        self.0.stream.snapshots.wanted()
    }

    fn show(&self, wanted: Wanted, snapshot: Snapshot) {
        self.0.stream.show(wanted, snapshot);
    }
}

impl Running {
    /// Records until it is over.
    pub(in crate::service::sessions) fn collect(
        self: &Arc<Self>,
        plan: &Plan,
        context: MarketContext<'_>,
        journal: &mut Option<Journal>,
    ) -> Result<RunOutcome, Failure> {
        let Rows::Market { duration, .. } = &plan.rows else {
            return Err(Failure::Other("it has no market".to_owned()));
        };
        let begun = context.recording.last_received().filter(|_| context.resumed);
        let journal = journal.insert(self.journal(plan, context.recording, context.market)?);
        let controls = context.store.session_controls(&self.id)?;
        let (inbox, _) = self.open_inbox(plan, begun, &journal::interrupted(&controls));
        let started = self.started();
        self.catch_up.end();
        let feed = self.subscribe(context.market, plan, &inbox, begun)?;
        let until = duration.map(|duration| started + duration);
        let ended = collect::record(self, journal, &inbox, until, &|| context.market.short_of_room());
        drop(feed);
        Ok(match ended? {
            Ended::Suspended => RunOutcome::Suspended,
            ended => RunOutcome::Ended { run: None, stopped: ended == Ended::Stopped },
        })
    }

    fn journal(
        self: &Arc<Self>,
        plan: &Plan,
        recording: OpenRecording,
        market: &Market,
    ) -> Result<Journal, Failure> {
        Journal::new(recording, self, plan.symbols.clone(), Arc::clone(market.lags()))
            .map_err(|error| Failure::Other(format!("no thread could be started for its commits: {error}")))
    }

    /// Trades until it is over, on paper or with real money.
    pub(in crate::service::sessions) fn trade<'a, T: Trading<'a>>(
        self: &'a Arc<Self>,
        trading: T,
        plan: &'a Plan,
        context: MarketContext<'a>,
        (journal, inbox): (&'a mut Option<Journal>, &'a OnceCell<Arc<Inbox>>),
    ) -> Result<RunOutcome, Failure> {
        let sources = [plan.market(context.recording.id())];
        let runs =
            backtest::plan(&plan.settings, &sources, &plan.strategies).map_err(|error| error.to_string())?;
        let run = runs.first().ok_or_else(|| "there is nothing to run".to_owned())?;
        let journal = journal.insert(self.journal(plan, context.recording, context.market)?);
        let (journaled, mut reached, mut is_closing, mut open) =
            (JournaledEvents(self), None, false, BTreeMap::new());
        let comparison = Comparison::new(true);
        let fresh = || {
            let mut driver = trading.driver(run, Arc::clone(&self.table));
            let recorder = SessionRecorder::new(run, &mut driver, &comparison, &self.progress, plan);
            (driver, recorder)
        };
        let (mut driver, mut recorder) = fresh();
        let (mut over, mut stopped, mut allowed) = (false, false, plan.allowed.clone());
        if context.resumed {
            let run = (&mut driver, &mut recorder);
            let replayed = self.come_back::<T>(&fresh, run, &comparison, plan, journal, context.store);
            if replayed.is_err() && self.is_suspending() {
                return Ok(RunOutcome::Suspended);
            }
            let (caught_up, controls) = replayed?;
            if let (Some(difference), _) = comparison.outcome(true)? {
                return Err(Failure::Other(parted(self.row().0.engine_version, &difference)));
            }
            self.decided_by_this_engine();
            (over, stopped) = (caught_up.is_over, caught_up.was_stopped);
            (is_closing, open) = (caught_up.is_closing, journal::interrupted(&controls.stored));
            allowed = allowance::behind(&plan.allowed, &controls.stored);
            reached = Some(caught_up.reached);
        }
        recorder.stream = &journaled;
        for (class, event, symbol, fields) in comparison.beyond() {
            self.stream.add(class, event, symbol.as_deref(), fields);
        }
        if !over || T::Gateway::IS_EXCHANGE {
            let (opened, now) = self.open_inbox(plan, reached, &open);
            let inbox = inbox.get_or_init(|| opened);
            let ports = trading.ports(Outside { session: self, inbox, journal, market: context.market })?;
            let switches = Switches { table: &self.table, allowed: &self.allowed };
            let mut market_loop = MarketLoop::new(driver, recorder, ports, plan.streams(), switches, allowed);
            if over {
                // The process before may have ended while it waited for the exchange.
                self.catch_up.end();
                market_loop.settle().map_err(Into::into)?;
            } else {
                match reached {
                    Some(reached) => market_loop.resume(now, reached, is_closing),
                    None => market_loop.begin(now),
                }
                self.catch_up.end();
                let feed = self.subscribe(context.market, plan, inbox, reached)?;
                let ended = market_loop.run();
                drop(feed);
                let ended = ended.map_err(Into::into)?;
                if ended == Ended::Suspended {
                    return Ok(RunOutcome::Suspended);
                }
                stopped = ended == Ended::Stopped;
            }
            recorder = market_loop.recorder;
            recorder.noted.extend(market_loop.ports.noted());
            driver = market_loop.driver;
        }
        if over {
            recorder.noted.extend(self.unassigned_before(&driver));
        }
        let noted = recorder.noted;
        Ok(RunOutcome::Ended { run: Some(Box::new(run.result(driver, recorder.collector, noted))), stopped })
    }

    /// Tells again of executions that fit no order, for a session that ended before this process: the one
    /// before may not have come to tell them. Gives what the reader of the result must know.
    fn unassigned_before<G: Gateway>(&self, driver: &Driver<G>) -> Vec<String> {
        let at = driver.progress().at.to_string();
        let note = |news| match news {
            News::Unassigned(symbol, why) => {
                Some(self.stream.unassigned_fill(&driver.table().spec(symbol).name, &at, &why))
            }
            _ => None,
        };
        News::unassigned_before(driver.unassigned()).filter_map(note).collect()
    }

    /// Rows of all that the session sees, into its inbox. One that was told to stop ends without a market,
    /// too.
    fn subscribe(
        &self,
        market: &Market,
        plan: &Plan,
        inbox: &Arc<Inbox>,
        heard_until: Option<Timestamp>,
    ) -> Result<Option<MarketFeed>, Failure> {
        let wanted =
            Subscription { symbols: plan.symbols.clone(), streams: plan.streams().to_vec(), heard_until };
        match market.subscribe(wanted, Arc::clone(inbox) as _) {
            Ok(feed) => Ok(Some(feed)),
            Err(_) if self.control.is_stopped() => Ok(None),
            Err(refusal) => Err(Failure::Other(refusal.message)),
        }
    }

    /// Brings a run that has seen nothing to where the session was: from its checkpoint, or else from its
    /// first row on. Gives what was done to the session. Ends early when the daemon does.
    fn come_back<'a, 'r, T: Trading<'a>>(
        &'a self,
        fresh: &dyn Fn() -> (Driver<T::Gateway>, SessionRecorder<'r>),
        (driver, recorder): (&mut Driver<T::Gateway>, &mut SessionRecorder<'r>),
        comparison: &Comparison<'a>,
        plan: &Plan,
        journal: &mut Journal,
        store: &'a Store,
    ) -> Result<(CaughtUp, Controls), Failure> {
        let controls = Controls::read(store, &self.id)?;
        let mut checkpoints = Checkpoints::new(store, &self.id, &plan.fingerprint, &plan.specs());
        let mut begun = checkpoints.find(&controls.inputs);
        loop {
            let found = begun.take();
            let is_whole = found.is_none();
            let fits = found.as_ref().is_none_or(|found| T::load(&found.state, driver, recorder).is_ok());
            let mut refused = "its state does not fit the session";
            if fits {
                if let Some(found) = &found {
                    let rows = found.rows;
                    tracing::info!(session = self.id, rows, "the session goes on from a checkpoint");
                }
                comparison.compare_with(store, &self.id, found.as_ref().map(|found| found.cursor));
                let part = Part { begun: found.map(|found| found.position), ..Part::WHOLE };
                let mut watch = |position, driver: &Driver<T::Gateway>, recorder: &SessionRecorder<'r>| {
                    let rows = driver.progress().ticks;
                    if checkpoints.is_due(rows) {
                        checkpoints.keep(position, comparison.cursor(), rows, || T::save(driver, recorder));
                    }
                };
                let run = (&controls, part);
                let caught_up = self.replay_journal((journal, store), run, driver, recorder, &mut watch);
                let is_equal = caught_up.is_ok() && comparison.outcome(true)?.0.is_none();
                if is_whole || is_equal || self.is_suspending() {
                    return Ok((caught_up?, controls));
                }
                refused = "what followed it differs from what is written down";
            }
            checkpoints.refuse(refused);
            self.forget_all();
            (*driver, *recorder) = fresh();
        }
    }

    /// Replays the rest of the journal.
    fn replay_journal<G: Gateway, R: Recorder>(
        &self,
        (journal, store): (&mut Journal, &Store),
        part: (&Controls, Part),
        driver: &mut Driver<G>,
        recorder: &mut R,
        watch: &mut Watch<'_, G, R>,
    ) -> Result<CaughtUp, Failure> {
        let last = journal.seal()?;
        let stored = self.row().0.reached_ns.map(Timestamp::from_nanos).max(last);
        let symbols = driver.table().clone();
        let watch_time = Stopwatch::start();
        let mut goes_on = |done, rows| {
            self.catch_up.reach(done, rows, watch_time.elapsed());
            !self.is_suspending()
        };
        rerun::again(store, journal.recording_id(), &symbols, part, &mut goes_on, |inputs| {
            catch_up(driver, &self.table, inputs, stored, recorder, watch)
        })
    }

    /// An inbox whose stamps follow what was reached before; what came between is missing.
    fn open_inbox(
        &self,
        plan: &Plan,
        reached: Option<Timestamp>,
        open: &Interrupted,
    ) -> (Arc<Inbox>, Timestamp) {
        let clock = SteadyClock::start();
        let after = reached.unwrap_or(Timestamp::MIN).max(clock::now());
        let symbols = u32::try_from(plan.symbols.len()).unwrap_or(u32::MAX);
        let inbox = Inbox::new(symbols, plan.streams(), clock, after, InboxBounds::default());
        if let Some(since) = reached {
            inbox.restarted(since, open);
            tracing::info!(
                session = self.id,
                missing_from = since.rfc3339_millis(),
                missing_s = (after - since).seconds_f64(),
                "session goes on; the market data in between are missing"
            );
        }
        (Arc::new(inbox), after)
    }
}

/// Why a session cannot go on whose journal leads elsewhere than it did.
fn parted(begun_with: u32, difference: &Difference) -> String {
    if begun_with == ENGINE_VERSION {
        return format!(
            "replaying its journal does not give the events that it recorded, which is a defect: {difference:?}"
        );
    }
    format!(
        "it was begun with engine version {begun_with} and this program has engine version {ENGINE_VERSION}, which decides differently from its event {} on; its recording is kept: start a new session",
        difference.place
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_engine_is_no_defect() {
        let difference = Difference { place: 7, recorded: None, replayed: None };
        assert!(parted(ENGINE_VERSION, &difference).contains("a defect"));
        let upgraded = parted(ENGINE_VERSION - 1, &difference);
        assert!(
            upgraded.contains(&format!("begun with engine version {}", ENGINE_VERSION - 1)),
            "{upgraded}"
        );
        assert!(upgraded.contains("event 7") && !upgraded.contains("defect"), "{upgraded}");
    }
}
