//! The journaled input of a session on a market through the same engine once more: to go on after a restart,
//! and to prove that the same input gives the same decisions.
//!
//! Invariant: the engine gets the events that the session saw, in the same order.

use super::checkpoints::ComparisonCursor;
use super::journal::input;
use super::read_ahead::read_ahead;
use super::recorded::{Next, Recorded, compares};
use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::domain::time::{Span, Timestamp};
use crate::service::sessions::run::event_sink::{Class, Sink, is_order_answer};
use crate::service::sessions::run::outcome::Failure;
use crate::service::sessions::run::stream::event_object;
use crate::session::inputs::Control;
use crate::session::ports::FeedError;
use crate::session::replay::{JournalInputs, JournalPosition};
use crate::store::records::SessionControlV1;
use crate::store::{FeedChoice, FeedClock, Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::cell::RefCell;

/// What was done to a session, as it is stored and as a replay applies it, both in the order of time.
pub(super) struct Controls {
    pub stored: Vec<SessionControlV1>,
    pub inputs: Vec<(Timestamp, Control)>,
}

impl Controls {
    /// # Errors
    /// What the store could not read.
    pub(super) fn read(store: &Store, session: &str) -> Result<Self, StoreError> {
        let mut stored = store.session_controls(session)?;
        // The journal may hold a control behind rows that are later than it.
        stored.sort_by_key(|control| control.at_ns);
        let mut inputs: Vec<(Timestamp, Control)> = stored
            .iter()
            .filter_map(|control| Some((Timestamp::from_nanos(control.at_ns), input(&control.kind)?)))
            .collect();
        // Answers are stamped on arrival but journaled with their batch, so the stored order is not that of
        // times.
        inputs.sort_by_key(|(at, _)| *at);
        Ok(Controls { stored, inputs })
    }
}

/// Which part of a journal is replayed.
#[derive(Clone, Copy)]
pub(super) struct Part {
    /// Where the driver is already; at the start when `None`.
    pub begun: Option<JournalPosition>,
    /// No row from here on.
    pub to: Timestamp,
}

impl Part {
    /// All of it.
    pub(super) const WHOLE: Part = Part { begun: None, to: Timestamp::MAX };
}

/// Hands what is journaled of a session to `run`, e.g. to [`crate::session::replay::replay`]: rows and gaps
/// as a feed, and what was done to the session, in the order of time. `goes_on` is told before every chunk
/// how many rows of how many were applied, and says whether to go on.
///
/// # Errors
/// What the store could not read; [`Failure::Unread`] too when it does not go on.
pub(super) fn again<T>(
    store: &Store,
    recording: &str,
    table: &SymbolTable,
    (controls, part): (&Controls, Part),
    goes_on: &mut dyn FnMut(u64, u64) -> bool,
    run: impl FnOnce(JournalInputs<'_>) -> Result<T, FeedError>,
) -> Result<T, Failure> {
    let symbols: Vec<SymbolId> = table.iter().map(|(id, _)| id).collect();
    let Part { begun, to } = part;
    let from = begun.map_or(Timestamp::MIN, |position| position.at + Span::from_nanos(1));
    let choice =
        FeedChoice { recording, symbols: &symbols, streams: &[], clock: FeedClock::Receive, from, to };
    let feed = if begun.is_some() { store.feed_on(choice, table)? } else { store.feed(choice, table)? };
    let outcome = read_ahead(feed, goes_on, |feed| {
        run(JournalInputs { feed, controls: &controls.inputs, begun }).map_err(|error| {
            match feed.found_damage() {
                true => Failure::Other(format!("its journal could not be read: {error}")),
                false => Failure::Unread(error.0),
            }
        })
    });
    outcome.map_err(|error| Failure::Unread(format!("no thread could be started to read it: {error}")))?
}

/// Where a run did something else than is written down.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Difference {
    /// Number of the event among those that follow from the input, from 1.
    pub place: u64,
    /// What is written down; `None` when nothing more is.
    pub recorded: Option<Value>,
    /// What the run did; `None` when it did nothing more.
    pub replayed: Option<Value>,
}

/// Compares a run with the events written down, one by one.
pub(super) struct Comparison<'a> {
    state: RefCell<Compared<'a>>,
}

struct Compared<'a> {
    /// What is written down; `None` before anything is compared.
    recorded: Option<Recorded<'a>>,
    /// The next of it.
    next: Option<(u64, Value)>,
    /// How many events of the run were compared or passed over, without answers about orders: a session that
    /// an older program began has none of them.
    compared: u64,
    /// How many answers about orders were equal.
    order_answers: u64,
    /// Number of the last one that was compared.
    seq: u64,
    /// How many have been removed, without answers about orders: as many of the run are passed over.
    removed: u64,
    first: Option<Difference>,
    /// Why what is written down could not be read.
    failed: Option<StoreError>,
    /// Events of the run behind the last recorded one.
    beyond: Vec<(Class, &'static str, Option<String>, Value)>,
    keeps_beyond: bool,
}

impl<'a> Comparison<'a> {
    /// With nothing yet. What a run does beyond what is written down is kept when `keeps_beyond` (the session
    /// goes on), else a difference.
    pub(super) fn new(keeps_beyond: bool) -> Self {
        let state = Compared {
            recorded: None,
            next: None,
            compared: 0,
            order_answers: 0,
            seq: 0,
            removed: 0,
            first: None,
            failed: None,
            beyond: Vec::new(),
            keeps_beyond,
        };
        Comparison { state: RefCell::new(state) }
    }

    /// Compares with what is stored of a session, from the event on where another comparison was.
    pub(super) fn compare_with(&self, store: &'a Store, session: &'a str, begun: Option<ComparisonCursor>) {
        let mut state = self.state.borrow_mut();
        let mut fresh = Comparison::new(state.keeps_beyond).state.into_inner();
        fresh.recorded = Some(Recorded::behind(store, session, begun));
        if let Some(ComparisonCursor { seq, events, .. }) = begun {
            (fresh.seq, fresh.compared) = (seq, events);
        }
        fresh.look_ahead();
        *state = fresh;
    }

    /// Where it is; `None` when the run did something else than is written down, or more, and where nothing
    /// is known of what it did.
    pub(super) fn cursor(&self) -> Option<ComparisonCursor> {
        let state = self.state.borrow();
        let Compared { compared, seq, .. } = *state;
        let is_known = state.first.is_none() && state.failed.is_none() && compared >= state.removed;
        let tells_money = state.recorded.as_ref().is_some_and(Recorded::tells_money);
        (is_known && state.beyond.is_empty()).then_some(ComparisonCursor {
            seq,
            events: compared,
            tells_money,
        })
    }

    /// The first difference, and how many events were equal before it, removed ones included. `is_whole`: the
    /// run has ended, so nothing recorded may be left.
    ///
    /// # Errors
    /// What of the events written down could not be read.
    pub(super) fn outcome(&self, is_whole: bool) -> Result<(Option<Difference>, u64), StoreError> {
        let mut state = self.state.borrow_mut();
        if state.first.is_none() && is_whole {
            // Those that were removed were told, so the run has to tell as many.
            let next = state.take_next().map(|(_, event)| event);
            let is_short = state.compared < state.removed;
            if next.is_some() || is_short {
                let place = state.compared + state.order_answers + 1;
                state.first = Some(Difference { place, recorded: next, replayed: None });
            }
        }
        match &state.failed {
            Some(error) => Err(error.clone()),
            None => Ok((state.first.clone(), state.compared + state.order_answers)),
        }
    }

    /// What the run did beyond what is written down.
    pub(super) fn beyond(&self) -> Vec<(Class, &'static str, Option<String>, Value)> {
        std::mem::take(&mut self.state.borrow_mut().beyond)
    }
}

impl Compared<'_> {
    fn take_next(&mut self) -> Option<(u64, Value)> {
        self.look_ahead();
        self.next.take()
    }

    /// Whether an answer about an order comes next, or what the run does beyond what is written down is told.
    /// An older program told none, so one that is not written down is no difference; one that is has to be
    /// told.
    fn expects_an_order_answer(&self) -> bool {
        self.next.as_ref().map_or(self.keeps_beyond, |(_, recorded)| is_order_answer(recorded))
    }

    /// Reads what is compared next, unless it is known or cannot be read.
    fn look_ahead(&mut self) {
        while self.next.is_none() && self.failed.is_none() {
            let Some(recorded) = &mut self.recorded else { return };
            match recorded.next() {
                Ok(Next::Event(seq, event)) => self.next = Some((seq, event)),
                Ok(Next::Removed(cursor)) => (self.seq, self.removed) = (cursor.seq, cursor.events),
                Ok(Next::Nothing) => return,
                Err(error) => self.failed = Some(error),
            }
        }
    }
}

impl Sink for Comparison<'_> {
    fn add(&self, class: Class, event: &'static str, symbol: Option<&str>, fields: Value) {
        let mut state = self.state.borrow_mut();
        // Also says whether money is compared.
        state.look_ahead();
        let tells_money = state.recorded.as_ref().is_some_and(Recorded::tells_money);
        if state.first.is_some() || state.failed.is_some() || !compares(event, tells_money) {
            return;
        }
        let is_order_answer = is_order_answer(&fields);
        if state.compared < state.removed {
            state.compared += u64::from(!is_order_answer);
            return;
        }
        if is_order_answer && !state.expects_an_order_answer() {
            return;
        }
        if state.next.is_none() && state.keeps_beyond {
            return state.beyond.push((class, event, symbol.map(str::to_owned), fields));
        }
        let replayed = event_object(None, event, symbol, fields);
        let is_equal = state.next.as_ref().is_some_and(|(_, recorded)| is_same(recorded, &replayed));
        // Before the first one that is written down, answers about orders were not told by an older program,
        // or were removed with the events before.
        if is_order_answer && !is_equal && state.order_answers == 0 {
            return;
        }
        let recorded = state.next.take().map(|(seq, event)| {
            state.seq = seq;
            event
        });
        if !is_equal {
            let place = state.compared + state.order_answers + 1;
            state.first = Some(Difference { place, recorded, replayed: Some(replayed) });
        } else if is_order_answer {
            state.order_answers += 1;
        } else {
            state.compared += 1;
        }
    }
}

/// Amounts of events that earlier versions wrote as the nearest double or with binary noise
/// (0.30000000000000004).
const AMOUNTS: [&str; 5] = ["quantity", "entry_price", "exit_price", "net", "net_pct"];

/// Whether a recorded event is the replayed one: equal but for its number in the stream, amounts up to binary
/// noise, and the sentence for a refusal, whose check and numbers are compared.
fn is_same(recorded: &Value, replayed: &Value) -> bool {
    let mut recorded = recorded.clone();
    if let Some(fields) = recorded.as_object_mut() {
        fields.shift_remove("seq");
    }
    let mut replayed = replayed.clone();
    // Earlier versions wrote no currency, not which level ended a position, and less of an execution.
    for name in ["currency", "level", "trade_id", "cumulative_quantity", "fee"] {
        if recorded.get(name).is_none()
            && let Some(fields) = replayed.as_object_mut()
        {
            fields.shift_remove(name);
        }
    }
    for name in AMOUNTS {
        let pair = recorded[name].as_f64().zip(replayed[name].as_f64());
        if pair.is_some_and(|(one, other)| (one - other).abs() <= NOISE * other.abs()) {
            recorded[name] = replayed[name].clone();
        }
    }
    if recorded["kind"] == "entry_blocked"
        && let Some(sentence) = replayed.get("reason")
    {
        recorded["reason"] = sentence.clone();
    }
    recorded == replayed
}

/// Relative noise of a double after a few roundings: 15 significant digits.
const NOISE: f64 = 1e-14;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::sessions::run::event_sink::{ORDER_ACCEPTED, ORDER_END};
    use crate::store::EventSegment;
    use crate::store::records::ControlKindV1;
    use serde_json::json;

    fn stored(recorded: &[Value]) -> &'static Store {
        let store = Store::in_memory().unwrap();
        let first_seq = recorded[0]["seq"].as_u64().unwrap();
        let lines = recorded.iter().map(|event| format!("{event}\n")).collect();
        store.put_session_events("exec_1", &EventSegment { first_seq, lines }).unwrap();
        Box::leak(Box::new(store))
    }

    fn tell(comparison: &Comparison<'_>, run: &[&'static str]) {
        for event in run {
            comparison.add(Class::Account, event, None, json!({"timestamp": "t"}));
        }
    }

    fn compare(recorded: Vec<Value>, keeps_beyond: bool, run: &[&'static str]) -> Comparison<'static> {
        let comparison = Comparison::new(keeps_beyond);
        comparison.compare_with(stored(&recorded), "exec_1", None);
        tell(&comparison, run);
        comparison
    }

    fn event(seq: u64, name: &str) -> Value {
        json!({"seq": seq, "event": name, "timestamp": "t"})
    }

    #[test]
    fn a_session_of_an_older_program_told_nothing_of_money() {
        let run = ["equity", "fill", "funding"];
        let begun = |version: u64| json!({"seq": 1, "event": "session_started", "events_version": version});
        let older = compare(vec![event(1, "session_started"), event(2, "fill")], true, &run);
        assert_eq!(older.outcome(true).unwrap(), (None, 1));
        assert_eq!(older.beyond().len(), 0);
        let gone_on =
            vec![event(1, "session_started"), event(2, "equity"), event(3, "fill"), event(4, "funding")];
        let gone_on = compare(gone_on, false, &run);
        assert_eq!(
            gone_on.outcome(true).unwrap(),
            (None, 1),
            "what this program told since then is not compared"
        );
        let told = compare(vec![begun(2), event(2, "equity"), event(3, "fill")], true, &run);
        assert_eq!(told.outcome(true).unwrap(), (None, 2));
        assert_eq!(told.beyond().len(), 1, "the funding got lost with the process");
        let run = ["equity", "funding"];
        let wrong = compare(vec![begun(2), event(2, "equity"), event(3, "fill")], false, &run);
        assert_eq!(wrong.outcome(true).unwrap().0.unwrap().place, 2);
    }

    fn fill() -> Value {
        json!({"timestamp": "t"})
    }

    /// An answer about an order.
    fn answer(kind: &str, order: u64) -> Value {
        json!({"timestamp": "t", "kind": kind, "order_id": order})
    }

    fn name(fields: &Value) -> &'static str {
        if is_order_answer(fields) { "order_update" } else { "fill" }
    }

    /// Fills and answers as they are written down, numbered from `first` on.
    fn written_down(first: u64, events: &[Value]) -> &'static Store {
        let written =
            |(seq, fields): (u64, &Value)| event_object(Some(seq), name(fields), None, fields.clone());
        stored(&(first..).zip(events).map(written).collect::<Vec<_>>())
    }

    /// Number of the first difference, how many events were equal before it, and what the run did beyond.
    fn outcome_of(store: &'static Store, keeps_beyond: bool, run: &[Value]) -> (Option<u64>, u64, usize) {
        let comparison = Comparison::new(keeps_beyond);
        comparison.compare_with(store, "exec_1", None);
        run.iter().for_each(|fields| comparison.add(Class::Order, name(fields), None, fields.clone()));
        let (difference, equal) = comparison.outcome(true).unwrap();
        (difference.map(|difference| difference.place), equal, comparison.beyond().len())
    }

    #[test]
    fn answers_about_orders_are_compared_where_the_session_told_them() {
        let end = |order: u64| answer(if order == 1 { ORDER_ACCEPTED } else { ORDER_END }, order);
        let fill = fill();
        let run = |events: &[Value], keeps_beyond: bool| {
            outcome_of(written_down(1, events), keeps_beyond, &[fill.clone(), end(1), fill.clone(), end(2)])
        };
        let all = [fill.clone(), end(1), fill.clone(), end(2)];
        assert_eq!(run(&all, false), (None, 4, 0));
        assert_eq!(run(&[fill.clone(), fill.clone()], false), (None, 2, 0), "an older program told none");
        assert_eq!(
            run(&[fill.clone(), fill.clone(), end(2)], false),
            (None, 3, 0),
            "this one went on with it"
        );
        assert_eq!(run(&[fill.clone(), end(3), fill.clone(), end(2)], false).0, Some(2), "another order");
        assert_eq!(run(&[fill.clone(), end(1), end(1), fill.clone()], false).0, Some(3));
        assert_eq!(run(&all[..3], true), (None, 3, 1), "it got lost with the process");
    }

    /// It goes on from a checkpoint behind an answer that the program before it did not tell; a whole replay
    /// meets that one.
    #[test]
    fn answers_before_the_first_one_that_is_written_down_are_passed_over() {
        let end = |order: u64| answer(ORDER_END, order);
        let run = [fill(), end(1), end(2), end(3), fill()];
        let outcome = |events: &[Value]| outcome_of(written_down(1, events), false, &run);
        assert_eq!(outcome(&[fill(), end(2), end(3), fill()]), (None, 4, 0));
        assert_eq!(outcome(&[fill(), end(1), end(3), fill()]).0, Some(3), "one is missing later");
        assert_eq!(outcome(&[fill(), end(4), fill()]).0, Some(2), "the run never tells it");
    }

    /// Events 1 to `seq` of a session are gone, `events` of which are compared.
    fn remove(store: &Store, seq: u64, events: u64) {
        let kind = ControlKindV1::EventsRemoved { seq, events, tells_money: true };
        store.put_session_controls("exec_1", &[SessionControlV1 { at_ns: 0, kind }]).unwrap();
    }

    #[test]
    fn what_was_removed_while_the_session_ran_is_passed_over_and_the_rest_compared() {
        let run = ["fill", "equity", "signal", "funding", "alert"];
        let kept = [event(7, "session_status"), event(8, "funding"), event(9, "alert")];
        let outcome = |removed: u64, begun: Option<ComparisonCursor>, run: &[&'static str]| {
            let store = stored(&kept);
            remove(store, 4, removed - 1);
            remove(store, 6, removed);
            let comparison = Comparison::new(false);
            comparison.compare_with(store, "exec_1", begun);
            assert_eq!(comparison.cursor(), begun.filter(|cursor| cursor.seq >= 6), "nothing is known of it");
            tell(&comparison, run);
            let (difference, equal) = comparison.outcome(true).unwrap();
            (
                difference.map(|difference| difference.place),
                equal,
                comparison.cursor().map(|cursor| cursor.seq),
            )
        };
        assert_eq!(outcome(3, None, &run), (None, 5, Some(9)));
        assert_eq!(outcome(2, None, &run).0, Some(3), "a signal is no funding");
        assert_eq!(outcome(4, None, &run).0, Some(5), "an alert is no funding");
        assert_eq!(outcome(3, None, &run[..2]).0, Some(3), "it told less than was removed");
        assert_eq!(outcome(3, None, &run[..4]).0, Some(5));
        let at = |seq, events| Some(ComparisonCursor { seq, events, tells_money: true });
        assert_eq!(outcome(3, at(2, 2), &run[2..]), (None, 5, Some(9)), "from a checkpoint before");
        assert_eq!(outcome(3, at(8, 4), &run[4..]), (None, 5, Some(9)), "and from one behind");
    }

    /// A session that an older program began, and one whose answers about orders were removed with the rest.
    #[test]
    fn answers_about_orders_that_were_removed_are_passed_over() {
        let report = |order: u64| answer(ORDER_END, order);
        let run = [fill(), report(1), fill(), report(2), report(3), fill()];
        let outcome = |events: &[Value]| {
            let store = written_down(7, events);
            remove(store, 6, 2);
            outcome_of(store, false, &run)
        };
        assert_eq!(outcome(&[fill()]), (None, 3, 0), "none was written, or all were removed");
        assert_eq!(outcome(&[report(3), fill()]), (None, 4, 0), "one was removed, the next was not");
        assert_eq!(outcome(&[report(2), report(3), fill()]), (None, 5, 0));
        assert_eq!(outcome(&[report(4), fill()]).0, Some(3), "another order");
    }

    #[test]
    fn the_sentence_for_a_refusal_is_not_compared() {
        let replayed =
            json!({"kind": "entry_blocked", "guard": "budget", "value": 3.0, "reason": "a sentence"});
        let recorded =
            |value: f64| json!({"kind": "entry_blocked", "guard": "budget", "value": value, "seq": 7});
        assert!(is_same(&recorded(3.0), &replayed), "an older version wrote none");
        assert!(!is_same(&recorded(4.0), &replayed));
        let rejected = |reason: &str| json!({"status": "rejected", "reason": reason});
        assert!(!is_same(&rejected("margin"), &rejected("no_market")));
    }

    #[test]
    fn only_binary_noise_of_amounts_makes_no_difference() {
        let replayed = json!({"quantity": 0.3, "fill_price": 0.3});
        let recorded =
            |quantity: f64, price: f64| json!({"quantity": quantity, "fill_price": price, "seq": 7});
        assert!(is_same(&recorded(0.3, 0.3), &replayed));
        assert!(is_same(&recorded(0.1 + 0.2, 0.3), &replayed), "an older version wrote it");
        assert!(!is_same(&recorded(0.300_001, 0.3), &replayed));
        assert!(!is_same(&recorded(0.3, 0.1 + 0.2), &replayed), "a price is not an amount");
        assert!(!is_same(&json!({"fill_price": 0.3}), &replayed));
        let with_currency = json!({"quantity": 0.3, "fill_price": 0.3, "currency": "BTC"});
        assert!(is_same(&recorded(0.3, 0.3), &with_currency), "an older version wrote none");
        assert!(!is_same(&json!({"quantity": 0.3, "fill_price": 0.3, "currency": "USDT"}), &with_currency));
    }

    #[test]
    fn a_fill_of_an_older_program_without_its_number_and_fee_is_the_same() {
        let fill = |trade: &str| json!({"quantity": 0.3, "cumulative_quantity": 0.5, "trade_id": trade, "fee": 0.01});
        assert!(is_same(&json!({"quantity": 0.3, "seq": 7}), &fill("8")));
        assert!(is_same(&fill("8"), &fill("8")) && !is_same(&fill("9"), &fill("8")));
    }
}
