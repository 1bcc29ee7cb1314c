//! A live session's journaled input through the same engine once more: to go on after a restart, and to prove that the
//! same input gives the same decisions.
//!
//! Never: an event that the session did not see, or one seen at another place.

use super::checkpoints::Place;
use super::event_sink::{Class, EVENTS_VERSION, Sink};
use super::journal::input;
use super::outcome::Failure;
use super::read_ahead::read_ahead;
use super::stream::event_object;
use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::domain::time::{Span, Timestamp};
use crate::session::inputs::Control;
use crate::session::ports::FeedError;
use crate::session::replay::{Journal, Position};
use crate::store::records::SessionControlV1;
use crate::store::{FeedChoice, FeedClock, Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::cell::RefCell;

/// Events that follow from the input alone; others say how the session's life went on.
const FOLLOWS: [&str; 10] = [
    "signal",
    "state_transition",
    "order_update",
    "fill",
    "position_update",
    "alert",
    "feed_gap",
    "limits_tightened",
    "funding",
    "equity",
];

/// Of money: sessions tell them whose events are of version 2.
const OF_MONEY: [&str; 2] = ["funding", "equity"];

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
        // Answers are stamped on arrival but journaled with their batch, so the stored order is not that of times.
        inputs.sort_by_key(|(at, _)| *at);
        Ok(Controls { stored, inputs })
    }
}

/// Which part of a journal is replayed.
#[derive(Clone, Copy)]
pub(super) struct Part {
    /// Where the driver is already; at the start when `None`.
    pub begun: Option<Position>,
    /// No row from here on.
    pub to: Timestamp,
}

impl Part {
    /// All of it.
    pub(super) const WHOLE: Part = Part { begun: None, to: Timestamp::MAX };
}

/// Hands what is journaled of a session to `run`, e.g. to [`crate::session::replay::replay`]: rows and gaps as a feed,
/// and what was done to the session, in the order of time. `goes_on` is told before every chunk how many rows of how many
/// were applied, and says whether to go on.
///
/// # Errors
/// What the store could not read; [`Failure::Unread`] too when it does not go on.
pub(super) fn again<T>(
    store: &Store,
    recording: &str,
    table: &SymbolTable,
    (controls, part): (&Controls, Part),
    goes_on: &mut dyn FnMut(u64, u64) -> bool,
    run: impl FnOnce(Journal<'_>) -> Result<T, FeedError>,
) -> Result<T, Failure> {
    let symbols: Vec<SymbolId> = table.iter().map(|(id, _)| id).collect();
    let Part { begun, to } = part;
    let from = begun.map_or(Timestamp::MIN, |position| position.at + Span::from_nanos(1));
    let choice =
        FeedChoice { recording, symbols: &symbols, streams: &[], clock: FeedClock::Receive, from, to };
    let feed = if begun.is_some() { store.feed_on(choice, table)? } else { store.feed(choice, table)? };
    let outcome = read_ahead(feed, goes_on, |feed| {
        run(Journal { feed, controls: &controls.inputs, begun }).map_err(|error| match feed.found_damage() {
            true => Failure::Other(format!("its journal could not be read: {error}")),
            false => Failure::Unread(error.0),
        })
    });
    outcome.map_err(|error| Failure::Unread(format!("no thread could be started to read it: {error}")))?
}

/// What a session did behind an event, as it is written down: a line of JSON for each event, with its number.
///
/// # Errors
/// What the store could not read.
pub(super) fn stored_events(
    store: &Store,
    session: &str,
    after: u64,
) -> Result<Vec<(u64, String)>, StoreError> {
    store.session_events(session, after, usize::MAX)
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
pub(super) struct Comparison {
    state: RefCell<Compared>,
}

struct Compared {
    /// Lines of all events written down; each is parsed when its turn comes, to have one value in memory and not all.
    recorded: std::vec::IntoIter<(u64, String)>,
    place: u64,
    /// Number of the last one that was compared.
    seq: u64,
    first: Option<Difference>,
    /// Events of the run behind the last recorded one.
    beyond: Vec<(Class, &'static str, Option<String>, Value)>,
    keeps_beyond: bool,
    /// Whether it told its events of money; a session of an older program did not.
    tells_money: bool,
}

impl Comparison {
    /// With the session's stored events, all of them in order. What a run does beyond them is kept when
    /// `keeps_beyond` (the session goes on), else a difference.
    pub(super) fn new(events: Vec<(u64, String)>, keeps_beyond: bool) -> Self {
        let first = events.first().and_then(|(_, line)| serde_json::from_str::<Value>(line).ok());
        let tells_money = first.is_some_and(|first| first["events_version"] == EVENTS_VERSION);
        let state = Compared {
            recorded: events.into_iter(),
            place: 0,
            seq: 0,
            first: None,
            beyond: Vec::new(),
            keeps_beyond,
            tells_money,
        };
        Comparison { state: RefCell::new(state) }
    }

    /// Compares with what is stored of a session, from the place on where another comparison was.
    ///
    /// # Errors
    /// What the store could not read.
    pub(super) fn compare_with(
        &self,
        store: &Store,
        session: &str,
        begun: Option<Place>,
    ) -> Result<(), StoreError> {
        let events = stored_events(store, session, begun.map_or(0, |place| place.seq))?;
        let keeps_beyond = self.state.borrow().keeps_beyond;
        let mut state = Comparison::new(events, keeps_beyond).state.into_inner();
        if let Some(Place { seq, events, tells_money }) = begun {
            (state.seq, state.place, state.tells_money) = (seq, events, tells_money);
        }
        self.state.replace(state);
        Ok(())
    }

    /// Where it is; `None` when the run did something else than is written down, or more.
    pub(super) fn place(&self) -> Option<Place> {
        let state = self.state.borrow();
        let Compared { place, seq, tells_money, .. } = *state;
        (state.first.is_none() && state.beyond.is_empty()).then_some(Place {
            seq,
            events: place,
            tells_money,
        })
    }

    /// The first difference, and how many events were equal before it. `is_whole`: the run has ended, so nothing recorded
    /// may be left.
    pub(super) fn outcome(&self, is_whole: bool) -> (Option<Difference>, u64) {
        let mut state = self.state.borrow_mut();
        if state.first.is_none()
            && is_whole
            && let Some(recorded) = state.next_recorded()
        {
            state.place += 1;
            state.first = Some(Difference { place: state.place, recorded: Some(recorded), replayed: None });
        }
        (state.first.clone(), state.place - u64::from(state.first.is_some()))
    }

    /// What the run did beyond what is written down.
    pub(super) fn beyond(&self) -> Vec<(Class, &'static str, Option<String>, Value)> {
        std::mem::take(&mut self.state.borrow_mut().beyond)
    }
}

impl Compared {
    /// The next event written down that is compared.
    fn next_recorded(&mut self) -> Option<Value> {
        let tells_money = self.tells_money;
        let is_compared =
            |event: &Value| event["event"].as_str().is_some_and(|name| compares(name, tells_money));
        let found = self.recorded.find_map(|(seq, line)| {
            let event = serde_json::from_str(&line).ok().filter(is_compared)?;
            Some((seq, event))
        });
        let (seq, event) = found?;
        self.seq = seq;
        Some(event)
    }
}

impl Sink for Comparison {
    fn add(&self, class: Class, event: &'static str, symbol: Option<&str>, fields: Value) {
        let mut state = self.state.borrow_mut();
        if state.first.is_some() || !compares(event, state.tells_money) {
            return;
        }
        let recorded = state.next_recorded();
        if recorded.is_none() && state.keeps_beyond {
            return state.beyond.push((class, event, symbol.map(str::to_owned), fields));
        }
        state.place += 1;
        let replayed = event_object(None, event, symbol, fields);
        if !recorded.as_ref().is_some_and(|recorded| is_same(recorded, &replayed)) {
            state.first = Some(Difference { place: state.place, recorded, replayed: Some(replayed) });
        }
    }
}

/// Whether an event of this name is compared. A session that an older program began tells of money only since this one
/// goes on with it, so there money is not compared.
fn compares(event: &str, tells_money: bool) -> bool {
    FOLLOWS.contains(&event) && (tells_money || !OF_MONEY.contains(&event))
}

/// Amounts of events that earlier versions wrote as the nearest double or with binary noise (0.30000000000000004).
const AMOUNTS: [&str; 5] = ["quantity", "entry_price", "exit_price", "net", "net_pct"];

/// Whether a recorded event is the replayed one: equal but for its number in the stream, amounts up to binary noise.
fn is_same(recorded: &Value, replayed: &Value) -> bool {
    let mut recorded = recorded.clone();
    if let Some(fields) = recorded.as_object_mut() {
        fields.shift_remove("seq");
    }
    for name in AMOUNTS {
        let pair = recorded[name].as_f64().zip(replayed[name].as_f64());
        if pair.is_some_and(|(one, other)| (one - other).abs() <= NOISE * other.abs()) {
            recorded[name] = replayed[name].clone();
        }
    }
    recorded == *replayed
}

/// Relative noise of a double after a few roundings: 15 significant digits.
const NOISE: f64 = 1e-14;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn compare(recorded: Vec<Value>, keeps_beyond: bool, run: &[&'static str]) -> Comparison {
        let lines = (1..).zip(&recorded).map(|(seq, event)| (seq, event.to_string()));
        let comparison = Comparison::new(lines.collect(), keeps_beyond);
        for event in run {
            comparison.add(Class::Account, event, None, json!({"timestamp": "t"}));
        }
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
        assert_eq!(older.outcome(true), (None, 1));
        assert_eq!(older.beyond().len(), 0);
        let gone_on =
            vec![event(1, "session_started"), event(2, "equity"), event(3, "fill"), event(4, "funding")];
        let gone_on = compare(gone_on, false, &run);
        assert_eq!(gone_on.outcome(true), (None, 1), "what this program told since then is not compared");
        let told = compare(vec![begun(2), event(2, "equity"), event(3, "fill")], true, &run);
        assert_eq!(told.outcome(true), (None, 2));
        assert_eq!(told.beyond().len(), 1, "the funding got lost with the process");
        let run = ["equity", "funding"];
        let wrong = compare(vec![begun(2), event(2, "equity"), event(3, "fill")], false, &run);
        assert_eq!(wrong.outcome(true).0.unwrap().place, 2);
    }

    #[test]
    fn only_binary_noise_of_amounts_makes_no_difference() {
        let replayed = json!({"quantity": 0.3, "fill_price": 0.3});
        let recorded =
            |quantity: f64, price: f64| json!({"quantity": quantity, "fill_price": price, "seq": 7});
        assert!(is_same(&recorded(0.3, 0.3), &replayed));
        assert!(is_same(&recorded(0.1 + 0.2, 0.3), &replayed), "an older version wrote it");
        assert!(!is_same(&recorded(0.300_001, 0.3), &replayed));
        assert!(!is_same(&recorded(0.3, 0.1 + 0.2), &replayed), "a price is no amount");
        assert!(!is_same(&json!({"fill_price": 0.3}), &replayed));
    }
}
