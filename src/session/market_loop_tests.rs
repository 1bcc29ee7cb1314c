//! The loop of a session with an outside that does what a test says.

use crate::domain::contract::Contract;
use crate::domain::decimal::Decimal;
use crate::domain::event::UserCommand;
use crate::domain::order::{OrderEvent, OrderId};
use crate::domain::record::StreamKind;
use crate::domain::symbol::{SymbolId, SymbolSpec, SymbolTable};
use crate::domain::time::Timestamp;
use crate::engine::account::SessionConfig;
use crate::engine::output::Outputs;
use crate::session::allowance::Allowance;
use crate::session::driver::{Driver, Progress, Recorder};
use crate::session::gateway::Journaled;
use crate::session::halts::News;
use crate::session::inputs::{Arrived, Batch, Control};
use crate::session::market_loop::{Ended, MarketLoop, MarketPorts};
use crate::session::ports::ContractTerms;
use crate::session::switches::Switches;
use arc_swap::ArcSwap;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A market without a message, and a person who gives commands.
#[derive(Default)]
struct Outside {
    looks: i64,
    commands: Vec<UserCommand>,
    /// Looks after which the venue has nothing any more.
    flat_after: i64,
    /// Looks after which the session is not waited for any more, and what comes with each of them meanwhile.
    settled_after: i64,
    answers: Vec<Arrived>,
    controls: Vec<Control>,
    done: usize,
    /// What was asked of the journal, in words.
    journal: Vec<&'static str>,
}

impl MarketPorts for Outside {
    type Error = ();

    fn take(&mut self, batch: &mut Batch) {
        self.looks += 1;
        batch.clear();
        batch.until = Timestamp::from_seconds(1_000 + self.looks);
        batch.taken = batch.until;
        if self.controls.last() == Some(&Control::End) {
            let answers = std::mem::take(&mut self.answers);
            batch.arrived.extend(answers.into_iter().map(|answer| (batch.until, answer)));
        }
    }

    fn close(&mut self, _: &mut Batch) {}

    fn append(&mut self, batch: &Batch) -> Result<(), ()> {
        self.journal.extend(batch.answers().map(|_| "answer"));
        Ok(())
    }

    fn control(&mut self, _: Timestamp, control: Control) {
        self.controls.push(control);
    }

    fn commit_if_due(&mut self, _: Timestamp) -> Result<(), ()> {
        self.journal.push("commit if due");
        Ok(())
    }

    fn commit(&mut self, _: Timestamp) -> Result<(), ()> {
        self.journal.push("commit");
        Ok(())
    }

    fn is_stopped(&self) -> bool {
        true
    }

    fn is_suspending(&self) -> bool {
        false
    }

    fn publish(&mut self, _: Timestamp, _: &News) {}

    fn progress(&mut self, _: Progress) {}

    fn is_flat(&mut self) -> bool {
        self.looks > self.flat_after
    }

    fn is_settled(&mut self) -> bool {
        self.looks > self.settled_after
    }

    fn take_commands(&mut self) -> Vec<UserCommand> {
        std::mem::take(&mut self.commands)
    }

    fn commands_done(&mut self, count: usize, _: bool) {
        self.done += count;
    }
}

impl ContractTerms for Outside {
    fn ask(&mut self, _: SymbolId, _: &str) -> bool {
        false
    }

    fn answer(&mut self, _: SymbolId, _: &str) -> Option<Option<Contract>> {
        None
    }
}

struct Unread;

impl Recorder for Unread {
    fn outputs(&mut self, _: &Outputs) {}
}

/// Lives through a session that is stopped, and returns what became of its outside.
fn stopped(outside: Outside) -> Outside {
    let spec = SymbolSpec::new("A_USDT", Decimal::ONE, Decimal::ONE, Decimal::ONE).unwrap();
    let table = Arc::new(ArcSwap::from_pointee(SymbolTable::new(1, vec![spec])));
    let allowance = Allowance { disabled: BTreeSet::new(), risk: None, real_money: None };
    let allowed = ArcSwap::from_pointee(allowance.clone());
    let driver = Driver::over(Arc::clone(&table), &[], SessionConfig::default(), Journaled);
    let switches = Switches { table: &table, allowed: &allowed };
    let streams = [StreamKind::Trades];
    let mut session = MarketLoop::new(driver, Unread, outside, &streams, switches, allowance);
    session.begin(Timestamp::from_seconds(1_000));
    assert_eq!(session.run(), Ok(Ended::Stopped));
    session.ports
}

#[test]
fn a_session_that_was_told_to_stop_is_not_resumed() {
    let commands = vec![UserCommand::Resume, UserCommand::Close(SymbolId(0))];
    let outside = stopped(Outside { commands, flat_after: 3, ..Outside::default() });
    let close = Control::Close(SymbolId(0));
    let expected = [Control::Pause, Control::CloseAndEnd, close, Control::End];
    assert_eq!(outside.controls[1..], expected, "behind the first symbol table");
    assert_eq!(outside.done, 2, "both are answered");
}

#[test]
fn a_session_that_waits_for_its_venue_has_committed_and_journals_what_comes() {
    let acked = Arrived::Answer(OrderEvent::Acked(OrderId(1)));
    let rows = Arrived::Rows { symbol: SymbolId(0), first: 0, count: 0 };
    let outside = stopped(Outside { settled_after: 4, answers: vec![acked, rows], ..Outside::default() });
    let behind_the_end = ["commit", "answer", "commit if due", "commit if due", "commit if due"];
    assert_eq!(outside.journal[1..], behind_the_end, "behind the one in which it was told to stop");
    assert_eq!(outside.looks, 5);
}
