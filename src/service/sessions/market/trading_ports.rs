//! The outside of a trading session's loop, on paper or with real money: inbox, journal, what is asked of it,
//! and the exchange that knows the terms.

use super::inbox::Inbox;
use super::journal::{Journal, stored};
use super::market_run::{Noted, Outside, Trading};
use crate::checkpoint::Damaged;
use crate::domain::contract::Contract;
use crate::domain::event::UserCommand;
use crate::domain::num::Price;
use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::domain::time::Timestamp;
use crate::exchange::ExchangeError;
use crate::service::backtest::Run;
use crate::service::market::Market;
use crate::service::sessions::run::event_sink::Class;
use crate::service::sessions::run::outcome::Failure;
use crate::service::sessions::run::recorder::SessionRecorder;
use crate::service::sessions::run::running::Running;
use crate::service::sessions::run::watcher::Watcher;
use crate::session::checkpoint;
use crate::session::driver::{Driver, Progress};
use crate::session::halts::News;
use crate::session::inputs::{Batch, Control};
use crate::session::market_loop::MarketPorts;
use crate::session::ports::ContractTerms;
use crate::sim::Venue;
use crate::store::StoreError;
use arc_swap::ArcSwap;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::oneshot::Receiver;
use tokio::sync::oneshot::error::TryRecvError;

/// Answers about terms that have not come yet.
type Questions = BTreeMap<SymbolId, Receiver<Result<Contract, ExchangeError>>>;

/// What a trading session's loop runs on.
pub(in crate::service::sessions) struct TradingPorts<'a> {
    session: &'a Arc<Running>,
    inbox: &'a Inbox,
    journal: &'a mut Journal,
    market: &'a Market,
    symbols: Arc<SymbolTable>,
    watcher: Watcher<'a>,
    questions: Questions,
    /// What the reader of the result must know.
    noted: Vec<String>,
}

impl<'a> TradingPorts<'a> {
    pub(super) fn new(
        session: &'a Arc<Running>,
        inbox: &'a Arc<Inbox>,
        journal: &'a mut Journal,
        market: &'a Market,
    ) -> Self {
        journal.wakes(inbox);
        TradingPorts {
            session,
            inbox,
            journal,
            market,
            symbols: session.table.load_full(),
            watcher: Watcher::new(session, true),
            questions: Questions::new(),
            noted: Vec::new(),
        }
    }

    /// The journal, for what only a live session writes.
    pub(super) fn journal(&mut self) -> &mut Journal {
        self.journal
    }

    /// The last trade price of a symbol.
    pub(super) fn last_price(&self, symbol: SymbolId) -> Option<Price> {
        self.session.progress.last_price(symbol).map(|(price, _)| price)
    }

    /// What the reader of the result must know.
    pub(super) fn note(&mut self, why: &str) {
        tracing::error!(session = self.session.id, why, "a session needs attention");
        self.noted.push(why.to_owned());
    }
}

impl Noted for TradingPorts<'_> {
    fn noted(&mut self) -> Vec<String> {
        std::mem::take(&mut self.noted)
    }
}

/// Trading on paper.
pub(in crate::service::sessions) struct PaperTrading;

impl<'a> Trading<'a> for PaperTrading {
    type Gateway = Venue;
    type Ports = TradingPorts<'a>;

    fn driver(&self, run: &Run<'_>, table: Arc<ArcSwap<SymbolTable>>) -> Driver<Venue> {
        run.sharing(table)
    }

    fn save(driver: &Driver<Venue>, recorder: &SessionRecorder<'_>) -> Option<Vec<u8>> {
        Some(checkpoint::save(driver, recorder))
    }

    fn load(
        state: &[u8],
        driver: &mut Driver<Venue>,
        recorder: &mut SessionRecorder<'_>,
    ) -> Result<(), Damaged> {
        checkpoint::load(state, driver, recorder)
    }

    fn ports(self, outside: Outside<'a>) -> Result<TradingPorts<'a>, Failure> {
        Ok(TradingPorts::new(outside.session, outside.inbox, outside.journal, outside.market))
    }
}

impl MarketPorts for TradingPorts<'_> {
    type Error = StoreError;

    fn take(&mut self, batch: &mut Batch) {
        self.inbox.take(batch);
    }

    fn close(&mut self, batch: &mut Batch) {
        self.inbox.close(batch);
    }

    fn append(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.journal.append(batch)
    }

    fn control(&mut self, at: Timestamp, control: Control) {
        self.journal.control(at, stored(control));
    }

    fn commit_if_due(&mut self, reached: Timestamp) -> Result<(), StoreError> {
        self.journal.decided();
        self.journal.commit_if_due(reached)
    }

    fn commit(&mut self, reached: Timestamp) -> Result<(), StoreError> {
        self.journal.commit(reached)
    }

    fn is_stopped(&self) -> bool {
        self.session.control.is_stopped()
    }

    fn is_suspending(&self) -> bool {
        self.session.is_suspending()
    }

    fn publish(&mut self, at: Timestamp, news: &News) {
        let at = at.to_string();
        let (symbol, fields) = match news {
            News::Halted(symbol, why) => (symbol, json!({"timestamp": at, "kind": "halted", "reason": why})),
            News::Resumed(symbol) => (symbol, json!({"timestamp": at, "kind": "resumed"})),
            News::Unassigned(symbol, why) => {
                let name = &self.symbols.spec(*symbol).name;
                return self.noted.push(self.session.stream.unassigned_fill(name, &at, why));
            }
            News::Changed(symbol, why) => {
                let then =
                    "no entries from here on, and its positions are closed at the next price that fits";
                self.noted.push(format!(
                    "from {at} on: {why}; {then}; start a new session to trade by the new terms"
                ));
                (symbol, json!({"timestamp": at, "kind": "terms_changed", "reason": why}))
            }
        };
        let name = &self.symbols.spec(*symbol).name;
        tracing::warn!(session = self.session.id, symbol = name, news = %fields, "news of a symbol");
        self.session.stream.add(Class::Feed, "feed", Some(name), fields);
    }

    fn progress(&mut self, progress: Progress) {
        self.watcher.show(progress);
    }

    fn take_commands(&mut self) -> Vec<UserCommand> {
        self.session.commands.take()
    }

    fn commands_done(&mut self, count: usize, is_flat: bool) {
        self.session.commands.show_flat(is_flat);
        if count > 0 {
            let session = Arc::clone(self.session);
            self.journal.answer_when_durable(Box::new(move || session.commands.done(count)));
        }
    }
}

impl ContractTerms for TradingPorts<'_> {
    fn ask(&mut self, symbol: SymbolId, name: &str) -> bool {
        let Some(question) = self.market.ask_contract(name) else { return false };
        self.questions.insert(symbol, question);
        true
    }

    fn answer(&mut self, symbol: SymbolId, name: &str) -> Option<Option<Contract>> {
        let answer = match self.questions.get_mut(&symbol).map(Receiver::try_recv) {
            Some(Err(TryRecvError::Empty)) => return None,
            Some(Ok(Ok(contract))) => Some(contract),
            Some(Ok(Err(error))) => {
                tracing::warn!(symbol = name, %error, "the terms of a contract did not come; they are asked for again");
                None
            }
            Some(Err(TryRecvError::Closed)) | None => None,
        };
        self.questions.remove(&symbol);
        Some(answer)
    }
}
