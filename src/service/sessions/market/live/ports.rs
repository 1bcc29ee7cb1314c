//! The outside of a live session's loop: that of every trading session, and the task that sends its orders.

use super::gateway::{LiveGateway, Outbox, Outgoing};
use super::order_task::OrderTask;
use super::shared::{Exposures, OrderCommand, Shared};
use crate::checkpoint::Damaged;
use crate::clock::{self, SteadyClock};
use crate::domain::contract::Contract;
use crate::domain::event::UserCommand;
use crate::domain::intent::Intent;
use crate::domain::order::{OrderId, Side};
use crate::domain::position_key::PositionKey;
use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::domain::time::{Span, Timestamp};
use crate::engine::Engine;
use crate::limits::ORDER_COMMANDS;
use crate::service::backtest::Run;
use crate::service::market::{LiveLease, LiveLeaseholder};
use crate::service::sessions::market::market_run::{Outside, Trading};
use crate::service::sessions::market::trading_ports::TradingPorts;
use crate::service::sessions::run::outcome::Failure;
use crate::service::sessions::run::recorder::SessionRecorder;
use crate::session::allowance::Allowance;
use crate::session::driver::{Driver, Progress};
use crate::session::halts::News;
use crate::session::inputs::{Batch, Control};
use crate::session::live::{Desk, EnginePosition, SessionTag};
use crate::session::market_loop::MarketPorts;
use crate::session::ports::ContractTerms;
use crate::store::Store;
use crate::store::records::{ControlKindV1, SessionControlV1};
use arc_swap::ArcSwap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::AbortHandle;

/// How long the end of a session by a limit of its own waits until the exchange has nothing of it any more.
const FLAT_WITHIN: Span = Span::from_seconds(30);

/// How long a daemon that ends as planned is waited for before a watchdog closes what it has.
const EXPECTED_BACK: Span = Span::from_seconds(15 * 60);

/// How long a planned end waits until working entries are withdrawn and every position has its stop.
const PROTECTED_WITHIN: Duration = Duration::from_secs(3);

/// Trading with real money.
pub(in crate::service::sessions) struct LiveTrading<'a> {
    pub outbox: Outbox,
    pub allowed: Arc<ArcSwap<Allowance>>,
    pub exposures: &'a Arc<Exposures>,
    pub store: &'a Store,
}

impl<'a> Trading<'a> for LiveTrading<'a> {
    type Gateway = LiveGateway;
    type Ports = LivePorts<'a>;

    fn driver(&self, run: &Run<'_>, table: Arc<ArcSwap<SymbolTable>>) -> Driver<LiveGateway> {
        run.over(table, LiveGateway(self.outbox.clone()))
    }

    /// What the desk knows of the exchange follows from the orders of the whole journal.
    fn save(_: &Driver<LiveGateway>, _: &SessionRecorder<'_>) -> Option<Vec<u8>> {
        None
    }

    fn load(_: &[u8], _: &mut Driver<LiveGateway>, _: &mut SessionRecorder<'_>) -> Result<(), Damaged> {
        Err(Damaged)
    }

    fn ports(self, outside: Outside<'a>) -> Result<LivePorts<'a>, Failure> {
        let Outside { session, inbox, journal, market } = outside;
        let account = market.account_anyway().map_err(|refusal| Failure::Other(refusal.message))?;
        let table = session.table.load_full();
        let (sender, receiver) = channel(ORDER_COMMANDS);
        let symbols = table.iter().map(|(symbol, _)| symbol);
        let shared = Arc::new(Shared::new(
            &session.id,
            Arc::clone(self.exposures),
            symbols,
            Arc::clone(&session.venue_positions),
        ));
        let mut desk = Desk::new(
            Arc::clone(&table),
            SessionTag::of(&session.id),
            self.allowed.load().of_real_money(&table).0,
        );
        let controls = self.store.session_controls(&session.id)?;
        let (intents, answers) = kept(&controls);
        let steady = SteadyClock::start();
        desk.resume(&intents, &answers, steady.now());
        // What a replay decided and the journal has no intent of never left the process.
        let decided = self.outbox.take_replayed();
        let never_sent = never_sent(&decided, &intents, &answers);
        let tag = SessionTag::of(&session.id);
        let lease = Arc::new(LiveLeaseholder::new(
            market.state(),
            LiveLease {
                session_id: session.id.clone(),
                symbols: table.iter().map(|(_, spec)| spec.name.clone()).collect(),
                client_prefix: tag.as_str().to_owned(),
                heartbeat_ms: clock::now().millis(),
                expected_back_until_ms: None,
            },
        ));
        let task = OrderTask {
            desk,
            account: account.clone(),
            table,
            inbox: Arc::clone(inbox),
            shared: Arc::clone(&shared),
            session: Arc::clone(session),
            keys: Arc::clone(market.keys()),
            lock: market.lock(),
            lease: Arc::clone(&lease),
            allowed: self.allowed,
            taken: 0,
            clock: steady,
            lock_seen: Timestamp::MIN,
            misfits: BTreeSet::new(),
        };
        let task = account.runtime().spawn(task.serve(receiver)).abort_handle();
        let ports = LivePorts {
            inner: TradingPorts::new(session, inbox, journal, market),
            outbox: self.outbox,
            queue: OrderQueue { sender, shared: Arc::clone(&shared) },
            task,
            shared,
            lease,
            answers: 0,
            protected: None,
            pauses: 0,
            flat_asked: None,
        };
        ports.queue.send(OrderCommand::NeverSent(never_sent));
        // Whether a withdrawal left before, nobody knows; asking for it twice does no harm.
        withdrawn(&decided).for_each(|order| ports.queue.send(OrderCommand::Cancel(order)));
        Ok(ports)
    }
}

/// Intents and answers of a journal.
fn kept(controls: &[SessionControlV1]) -> (Vec<Intent>, Vec<crate::domain::order::OrderEvent>) {
    let (mut intents, mut answers) = (Vec::new(), Vec::new());
    for SessionControlV1 { at_ns, kind } in controls {
        match kind {
            ControlKindV1::Intent(intent) => intents.push(intent.intent(Timestamp::from_nanos(*at_ns))),
            ControlKindV1::Answer(answer) => answers.push(answer.into()),
            _ => {}
        }
    }
    (intents, answers)
}

fn never_sent(
    decided: &[Outgoing],
    intents: &[Intent],
    answers: &[crate::domain::order::OrderEvent],
) -> Vec<OrderId> {
    use crate::domain::order::OrderEvent::Rejected;
    let is_known = |order: OrderId| {
        intents.iter().any(|intent| intent.order.id == order)
            || answers.iter().any(|answer| matches!(answer, Rejected { order: id, .. } if *id == order))
    };
    let order = |outgoing: &Outgoing| match outgoing {
        Outgoing::Submit(_, order) => Some(order.id),
        Outgoing::Cancel(_) => None,
    };
    decided.iter().filter_map(order).filter(|order| !is_known(*order)).collect()
}

/// Orders that were withdrawn.
fn withdrawn(decided: &[Outgoing]) -> impl Iterator<Item = OrderId> + '_ {
    decided.iter().filter_map(|outgoing| match outgoing {
        Outgoing::Cancel(order) => Some(*order),
        Outgoing::Submit(..) => None,
    })
}

/// Without the task of its orders nothing is sent, looked up or protected: better a session that has failed,
/// and is said to have.
fn check(task: &AbortHandle) -> Result<(), Failure> {
    if !task.is_finished() {
        return Ok(());
    }
    let why = "a defect ended the task that sends its orders, please report this; its stops stand at the exchange: look at the account";
    Err(Failure::Other(why.to_owned()))
}

/// To the task of a session's orders.
#[derive(Clone)]
struct OrderQueue {
    sender: Sender<OrderCommand>,
    shared: Arc<Shared>,
}

impl OrderQueue {
    /// Waits while too much is on its way. A task that has ended is noticed by the loop.
    fn send(&self, command: OrderCommand) {
        self.shared.hand_over();
        if self.sender.blocking_send(command).is_err() {
            tracing::error!("the task of a live session's orders has ended");
        }
    }

    /// Entries for which there was no room never leave; the task says so to the engine, which waits for it.
    fn refuse(&self, orders: Vec<OrderId>) {
        if !orders.is_empty() {
            tracing::error!(?orders, "entries are rejected: too many orders wait for the journal");
            self.send(OrderCommand::NeverSent(orders));
        }
    }
}

/// What a live session's loop runs on.
pub(in crate::service::sessions) struct LivePorts<'a> {
    inner: TradingPorts<'a>,
    outbox: Outbox,
    queue: OrderQueue,
    task: AbortHandle,
    shared: Arc<Shared>,
    lease: Arc<LiveLeaseholder>,
    /// Answers that the engine was given.
    answers: u64,
    /// Positions as they were told last, with how many answers.
    protected: Option<(Vec<EnginePosition>, u64)>,
    /// Commands of its own among those that were taken last.
    pauses: usize,
    flat_asked: Option<clock::Stopwatch>,
}

impl LivePorts<'_> {
    /// Writes down what the engine wants, and lets it go once that is durable.
    fn journal_and_send(&mut self, outgoing: &[Outgoing], reached: Timestamp) -> Result<(), Failure> {
        let (mut intents, mut cancels) = (Vec::new(), Vec::new());
        for outgoing in outgoing {
            match outgoing {
                Outgoing::Cancel(order) => cancels.push(*order),
                Outgoing::Submit(at, order) => {
                    let reference = self.inner.last_price(order.symbol);
                    let intent = Intent { order: *order, at: *at, reference };
                    self.inner.journal().control(*at, ControlKindV1::Intent((&intent).into()));
                    intents.push(intent);
                }
            }
        }
        let queue = self.queue.clone();
        let go = Box::new(move || {
            let submit = (!intents.is_empty()).then_some(OrderCommand::Submit(intents));
            let all = submit.into_iter().chain(cancels.into_iter().map(OrderCommand::Cancel));
            // When the session ends, what has not left is looked up when it is back.
            all.for_each(|command| queue.send(command));
        });
        self.inner.journal().decided();
        self.inner.journal().send_when_durable(go);
        Ok(self.inner.journal().commit_if_due(reached)?)
    }
}

impl MarketPorts for LivePorts<'_> {
    type Error = Failure;

    fn take(&mut self, batch: &mut Batch) {
        self.inner.take(batch);
        self.answers += batch.answers().count() as u64;
    }

    fn close(&mut self, batch: &mut Batch) {
        self.inner.close(batch);
    }

    fn append(&mut self, batch: &Batch) -> Result<(), Failure> {
        Ok(self.inner.append(batch)?)
    }

    fn control(&mut self, at: Timestamp, control: Control) {
        self.inner.control(at, control);
    }

    fn commit_if_due(&mut self, reached: Timestamp) -> Result<(), Failure> {
        check(&self.task)?;
        self.queue.refuse(self.outbox.take_refused());
        let outgoing = self.outbox.take();
        if outgoing.is_empty() {
            return Ok(self.inner.commit_if_due(reached)?);
        }
        self.journal_and_send(&outgoing, reached)
    }

    /// Orders of the last moment do not leave any more: a restart tells the engine so.
    fn commit(&mut self, reached: Timestamp) -> Result<(), Failure> {
        Ok(self.inner.commit(reached)?)
    }

    fn is_stopped(&self) -> bool {
        self.inner.is_stopped()
    }

    fn is_suspending(&self) -> bool {
        self.inner.is_suspending()
    }

    fn publish(&mut self, at: Timestamp, news: &News) {
        self.inner.publish(at, news);
    }

    fn progress(&mut self, progress: Progress) {
        self.inner.progress(progress);
    }

    fn take_commands(&mut self) -> Vec<UserCommand> {
        let mut commands = Vec::new();
        if self.shared.take_pause() {
            // The lock was set: what works is withdrawn by the task, and what the engine decides later is
            // paused.
            commands.push(UserCommand::Pause);
        }
        self.pauses = commands.len();
        commands.extend(self.inner.take_commands());
        commands
    }

    fn commands_done(&mut self, count: usize, is_flat: bool) {
        self.inner.commands_done(count - self.pauses, is_flat);
    }

    fn look(&mut self, engine: &mut Engine, table: &SymbolTable) {
        let positions: Vec<EnginePosition> = engine
            .positions(table)
            .into_iter()
            .map(|open| {
                let key = PositionKey { symbol: open.symbol, is_long: open.position.side == Side::Buy };
                EnginePosition { key, qty: open.position.qty(), price: open.stop.map(|(price, _)| price) }
            })
            .collect();
        let now = Some((positions, self.answers));
        if now != self.protected {
            self.protected.clone_from(&now);
            now.into_iter().for_each(|(positions, answers)| {
                self.queue.send(OrderCommand::Protect { positions, answers })
            });
        }
    }

    fn blocked(&mut self) -> Vec<SymbolId> {
        self.shared.blocked().into_keys().collect()
    }

    fn take_closings(&mut self) -> Vec<SymbolId> {
        self.shared.take_closings().into_iter().collect()
    }

    fn is_flat(&mut self) -> bool {
        self.shared.is_flat()
    }

    fn is_settled(&mut self) -> bool {
        let begun = *self.flat_asked.get_or_insert_with(clock::Stopwatch::start);
        if self.shared.is_flat() {
            return true;
        }
        let is_over = begun.elapsed() > FLAT_WITHIN || self.inner.is_suspending();
        if is_over {
            let why = "the session ended, but the exchange did not say in time that nothing is left of it: look at the account";
            self.inner.note(why);
        }
        is_over
    }
}

/// What the watchdog is told depends on how the session leaves: planned and protected, with nothing open, or
/// neither. A planned end first withdraws the entries that work: nobody would protect what they fill.
impl Drop for LivePorts<'_> {
    fn drop(&mut self) {
        let is_planned = self.inner.is_suspending() && !self.task.is_finished();
        if is_planned && !self.shared.is_flat() {
            self.queue.send(OrderCommand::Withdraw);
            let begun = clock::Stopwatch::start();
            let patience = i64::try_from(PROTECTED_WITHIN.as_nanos()).unwrap_or(i64::MAX);
            while !self.shared.is_protected() && begun.elapsed().nanos() < patience {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        self.task.abort();
        if self.shared.is_flat() {
            self.lease.end();
        } else if is_planned && self.shared.is_protected() {
            let now = clock::now();
            self.lease.plan(now, now + EXPECTED_BACK);
        } else {
            self.lease.abandon();
        }
    }
}

impl ContractTerms for LivePorts<'_> {
    fn ask(&mut self, symbol: SymbolId, name: &str) -> bool {
        self.inner.ask(symbol, name)
    }

    fn answer(&mut self, symbol: SymbolId, name: &str) -> Option<Option<Contract>> {
        self.inner.answer(symbol, name)
    }
}

impl crate::service::sessions::market::market_run::Noted for LivePorts<'_> {
    fn noted(&mut self) -> Vec<String> {
        self.inner.noted()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_session_whose_task_has_ended_fails() {
        let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
        let task = tokio::spawn(async move { _ = receiver.await });
        assert!(check(&task.abort_handle()).is_ok());
        drop(sender);
        let handle = task.abort_handle();
        task.await.unwrap();
        assert!(check(&handle).is_err_and(|failure| failure.to_string().contains("look at the account")));
    }

    #[test]
    fn the_engine_is_answered_about_entries_that_found_no_room() {
        let (sender, mut receiver) = channel(2);
        let shared = Shared::new("exec_1", Arc::default(), std::iter::empty(), Arc::default());
        let queue = OrderQueue { sender, shared: Arc::new(shared) };
        queue.refuse(Vec::new());
        queue.refuse(vec![OrderId(7)]);
        assert!(matches!(receiver.try_recv(), Ok(OrderCommand::NeverSent(orders)) if orders == [OrderId(7)]));
        assert!(receiver.try_recv().is_err());
    }

    #[test]
    fn what_a_replay_withdraws_is_withdrawn_again() {
        let decided = [Outgoing::Cancel(OrderId(3)), Outgoing::Cancel(OrderId(5))];
        assert_eq!(withdrawn(&decided).collect::<Vec<_>>(), [OrderId(3), OrderId(5)]);
        assert_eq!(never_sent(&decided, &[], &[]), []);
    }
}
