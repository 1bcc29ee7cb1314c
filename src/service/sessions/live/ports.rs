//! The outside of a live session's loop: that of a paper session, and the way of its orders.

use super::gateway::{LiveGateway, Outbox, Outgoing};
use super::path::OrderPath;
use super::shared::{Exposures, Shared, ToPath};
use crate::clock;
use crate::domain::contract::Contract;
use crate::domain::event::Command;
use crate::domain::intent::{Hold, Intent};
use crate::domain::num::Money;
use crate::domain::order::{OrderId, Side};
use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::domain::time::{Span, Timestamp};
use crate::engine::Engine;
use crate::limits::ORDERS_TO_PATH;
use crate::service::Alerts;
use crate::service::backtest::Run;
use crate::service::market::{Lease, Leaseholder};
use crate::service::sessions::market_run::{Outside, Trading};
use crate::service::sessions::paper::PaperPorts;
use crate::service::sessions::running::Failure;
use crate::session::driver::{Driver, Progress};
use crate::session::halts::News;
use crate::session::inputs::{Batch, Control};
use crate::session::live::{Caps, Desk, SessionTag, Wanted};
use crate::session::market_loop::MarketPorts;
use crate::session::ports::ContractTerms;
use crate::store::records::{ControlKindV1, SessionControlV1};
use crate::store::{Store, StoreError};
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::AbortHandle;

/// How long the end of a session by a limit of its own waits until the exchange has nothing of it any more.
const FLAT_WITHIN: Duration = Duration::from_secs(30);

/// How long a daemon that ends as planned is waited for before a watchdog closes what it has.
const EXPECTED_BACK: Span = Span::from_seconds(15 * 60);

/// Trading with real money.
pub(in crate::service::sessions) struct LiveTrading<'a> {
    pub outbox: Outbox,
    pub caps: Caps,
    pub exposures: &'a Arc<Exposures>,
    pub alerts: &'a Arc<Alerts>,
    pub store: &'a Store,
}

impl<'a> Trading<'a> for LiveTrading<'a> {
    type Gateway = LiveGateway;
    type Ports = LivePorts<'a>;

    fn driver(&self, run: &Run<'_>, table: Arc<ArcSwap<SymbolTable>>) -> Driver<LiveGateway> {
        run.over(table, LiveGateway(self.outbox.clone()))
    }

    fn ports(self, outside: Outside<'a>) -> Result<LivePorts<'a>, Failure> {
        let Outside { session, inbox, journal, market } = outside;
        let account = market.account_anyway().map_err(|refusal| Failure::Other(refusal.message))?;
        let table = session.table.load_full();
        let (sender, receiver) = channel(ORDERS_TO_PATH);
        let symbols = table.iter().map(|(symbol, _)| symbol);
        let shared =
            Arc::new(Shared::new(&session.id, Arc::clone(self.exposures), Arc::clone(self.alerts), symbols));
        let mut desk = Desk::new(Arc::clone(&table), SessionTag::of(&session.id), self.caps);
        let controls = self.store.session_controls(&session.id)?;
        let (intents, answers) = kept(&controls);
        desk.resume(&intents, &answers, clock::now());
        // What a replay decided and the journal has no intent of never left the process.
        let never_sent = never_sent(&self.outbox.take(), &intents, &answers);
        let tag = SessionTag::of(&session.id);
        let lease = Arc::new(Leaseholder::new(
            market.state(),
            Lease {
                session_id: session.id.clone(),
                symbols: table.iter().map(|(_, spec)| spec.name.clone()).collect(),
                client_prefix: tag.as_str().to_owned(),
                heartbeat_ms: clock::now().millis(),
                expected_back_until_ms: None,
            },
        ));
        let path = OrderPath {
            desk,
            account: account.clone(),
            table,
            inbox: Arc::clone(inbox),
            shared: Arc::clone(&shared),
            session: session.id.clone(),
            keys: Arc::clone(market.keys()),
            lock: market.lock(),
            lease: Arc::clone(&lease),
        };
        let task = account.runtime().spawn(path.serve(receiver)).abort_handle();
        let ports = LivePorts {
            inner: PaperPorts::new(session, inbox, journal, market),
            outbox: self.outbox,
            path: sender,
            task,
            shared,
            lease,
            protected: Vec::new(),
            flat_asked: None,
        };
        ports.tell(ToPath::NeverSent(never_sent));
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

/// What a live session's loop runs on.
pub(in crate::service::sessions) struct LivePorts<'a> {
    inner: PaperPorts<'a>,
    outbox: Outbox,
    path: Sender<ToPath>,
    task: AbortHandle,
    shared: Arc<Shared>,
    lease: Arc<Leaseholder>,
    /// Stops as they were told last.
    protected: Vec<Wanted>,
    flat_asked: Option<clock::Stopwatch>,
}

impl LivePorts<'_> {
    fn tell(&self, what: ToPath) {
        // The task lives as long as this; it takes orders before anything else.
        if self.path.blocking_send(what).is_err() {
            tracing::error!("the task of a live session's orders has ended");
        }
    }

    /// Writes down what the engine wants, and lets it go once that is durable.
    fn let_go(&mut self, outgoing: &[Outgoing], reached: Timestamp) -> Result<(), StoreError> {
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
        let path = self.path.clone();
        let go = Box::new(move || {
            let submit = (!intents.is_empty()).then_some(ToPath::Submit(intents));
            for what in submit.into_iter().chain(cancels.into_iter().map(ToPath::Cancel)) {
                // The session ends: what has not left is looked up when it is back.
                let _ = path.blocking_send(what);
            }
        });
        self.inner.journal().decided();
        self.inner.journal().commit_orders(reached, go)
    }

    fn tell_alerts(&mut self, at: Timestamp) {
        for alert in self.shared.take_alerts() {
            self.inner.venue_alert(at, &alert);
        }
    }
}

impl MarketPorts for LivePorts<'_> {
    type Error = StoreError;

    fn take(&mut self, batch: &mut Batch) {
        self.inner.take(batch);
    }

    fn close(&mut self, batch: &mut Batch) {
        self.inner.close(batch);
    }

    fn append(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.inner.append(batch)
    }

    fn control(&mut self, at: Timestamp, control: Control) {
        self.inner.control(at, control);
    }

    fn commit_if_due(&mut self, reached: Timestamp) -> Result<(), StoreError> {
        self.tell_alerts(reached);
        let outgoing = self.outbox.take();
        if outgoing.is_empty() { self.inner.commit_if_due(reached) } else { self.let_go(&outgoing, reached) }
    }

    /// Orders of the last moment do not leave any more: a restart tells the engine so.
    fn commit(&mut self, reached: Timestamp) -> Result<(), StoreError> {
        self.tell_alerts(reached);
        self.inner.commit(reached)
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

    fn take_commands(&mut self) -> Vec<Command> {
        self.inner.take_commands()
    }

    fn commands_done(&mut self, count: usize, is_flat: bool) {
        self.inner.commands_done(count, is_flat);
    }

    fn look(&mut self, engine: &mut Engine, table: &SymbolTable) {
        let wanted: Vec<Wanted> = engine
            .positions(table)
            .into_iter()
            .filter_map(|open| {
                let hold = Hold { symbol: open.symbol, is_long: open.position.side == Side::Buy };
                Some(Wanted { hold, price: open.stop?.0 })
            })
            .collect();
        if wanted != self.protected {
            self.protected.clone_from(&wanted);
            self.tell(ToPath::Protect(wanted));
        }
    }

    fn blocked(&mut self) -> Vec<SymbolId> {
        self.shared.blocked().into_keys().collect()
    }

    fn take_closings(&mut self) -> Vec<SymbolId> {
        self.shared.take_closings()
    }

    fn is_flat(&mut self) -> bool {
        self.shared.is_flat()
    }

    fn settle(&mut self) {
        let begun = *self.flat_asked.get_or_insert_with(clock::Stopwatch::start);
        let patience = i64::try_from(FLAT_WITHIN.as_nanos()).unwrap_or(i64::MAX);
        while !self.shared.is_flat() {
            if begun.elapsed().nanos() > patience || self.inner.is_suspending() {
                let why = "the session ended, but the exchange did not say in time that nothing is left of it: look at the account";
                return self.inner.note(why);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// What the watchdog is told depends on how the session leaves: planned and protected, with nothing open, or neither.
impl Drop for LivePorts<'_> {
    fn drop(&mut self) {
        self.task.abort();
        if self.shared.is_flat() {
            self.lease.end();
        } else if self.inner.is_suspending() && self.shared.is_protected() {
            self.lease.plan(clock::now() + EXPECTED_BACK);
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

impl crate::service::sessions::market_run::Noted for LivePorts<'_> {
    fn noted(&mut self) -> Vec<String> {
        self.inner.noted()
    }
}

/// Caps from the amounts of the configuration.
pub(in crate::service::sessions) fn caps(live: &crate::config::Live) -> Caps {
    let money = |amount: Option<f64>| amount.map_or(Money::ZERO, Money::from_f64);
    Caps { account: money(live.account_cap), day: money(live.day_cap) }
}

/// Nothing may be at risk.
pub(in crate::service::sessions) const NO_CAPS: Caps = Caps { account: Money::ZERO, day: Money::ZERO };
