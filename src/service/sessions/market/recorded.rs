//! The events of a session as they are written down, for a replay that compares with them, and what of them
//! has been removed.
//!
//! Invariant: a replay of a session whose oldest events were removed passes over as many of its own, and
//! compares the rest.

use super::checkpoints::ComparisonCursor;
use crate::service::sessions::run::event_sink::{EVENTS_VERSION, is_order_answer};
use crate::store::records::{ControlKindV1, SessionControlV1};
use crate::store::{Removal, Store, StoreError};
use serde_json::Value;
use std::collections::VecDeque;

/// Events read at once.
const PART: usize = 1_000;

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

/// Whether an event of this name is compared. A session that an older program began tells of money only since
/// this one goes on with it, so there money is not compared.
pub(super) fn compares(event: &str, tells_money: bool) -> bool {
    FOLLOWS.contains(&event) && (tells_money || !OF_MONEY.contains(&event))
}

/// Reads the events of a session in order, a part at a time.
pub(super) struct Recorded<'a> {
    store: &'a Store,
    session: &'a str,
    /// Number of the last one that was read, and what the session's first event says.
    last: u64,
    tells_money: bool,
    part: VecDeque<(u64, String)>,
    is_over: bool,
}

/// What comes next of what is written down.
pub(super) enum Next {
    /// An event that is compared: its number, and itself.
    Event(u64, Value),
    /// Events up to this cursor have been removed.
    Removed(ComparisonCursor),
    Nothing,
}

impl<'a> Recorded<'a> {
    /// Behind a cursor, or from the first one on.
    pub(super) fn behind(store: &'a Store, session: &'a str, begun: Option<ComparisonCursor>) -> Self {
        let (last, tells_money) = begun.map_or((0, false), |cursor| (cursor.seq, cursor.tells_money));
        Recorded { store, session, last, tells_money, part: VecDeque::new(), is_over: false }
    }

    /// Whether the session tells its events of money, as far as is known by now.
    pub(super) fn tells_money(&self) -> bool {
        self.tells_money
    }

    /// # Errors
    /// What the store could not read.
    pub(super) fn next(&mut self) -> Result<Next, StoreError> {
        while !self.is_over {
            if self.part.is_empty() {
                self.part = self.store.session_events(self.session, self.last, PART)?.into();
                self.is_over = self.part.is_empty();
                if self.part.front().is_none_or(|(seq, _)| *seq > self.last + 1)
                    && let Some(removed) = removed(&self.store.session_controls(self.session)?)
                    && removed.seq > self.last
                {
                    (self.last, self.tells_money) = (removed.seq, removed.tells_money);
                    // They were read before these were removed.
                    self.part.retain(|(seq, _)| *seq > removed.seq);
                    self.is_over = false;
                    return Ok(Next::Removed(removed));
                }
            }
            let Some((seq, line)) = self.part.pop_front() else { break };
            self.last = seq;
            let Ok(event) = serde_json::from_str::<Value>(&line) else { continue };
            if seq == 1 {
                self.tells_money = event["events_version"] == EVENTS_VERSION;
            }
            // What no order of ours made is told by whoever reads the answer; a replay only applies it.
            let is_told_again = event["kind"] != "unassigned_fill";
            if is_told_again && event["event"].as_str().is_some_and(|name| compares(name, self.tells_money)) {
                return Ok(Next::Event(seq, event));
            }
        }
        Ok(Next::Nothing)
    }
}

/// Where the events of a session begin that have not been removed.
fn removed(controls: &[SessionControlV1]) -> Option<ComparisonCursor> {
    let cursors = controls.iter().filter_map(|control| match control.kind {
        ControlKindV1::EventsRemoved { seq, events, tells_money } => {
            Some(ComparisonCursor { seq, events, tells_money })
        }
        _ => None,
    });
    cursors.max_by_key(|cursor| cursor.seq)
}

/// What is to become of the oldest events of a session, up to a number.
///
/// # Errors
/// What the store could not read.
pub(in crate::service) fn removal(store: &Store, session: &str, last: u64) -> Result<Removal, StoreError> {
    let row = match store.session(session) {
        Ok(row) => row,
        // The daemon itself, or a session that is gone.
        Err(StoreError::NotFound { .. }) => return Ok(Removal::All),
        Err(error) => return Err(error),
    };
    if row.ended_us.is_some() {
        return Ok(Removal::All);
    }
    if row.input_recording_id.is_none() {
        return Ok(Removal::ButNewest);
    }
    let begun = removed(&store.session_controls(session)?);
    let (mut recorded, mut events) =
        (Recorded::behind(store, session, begun), begun.map_or(0, |cursor| cursor.events));
    if last <= recorded.last {
        return Ok(Removal::Nothing);
    }
    while let Next::Event(seq, event) = recorded.next()?
        && seq <= last
    {
        events += u64::from(!is_order_answer(&event));
    }
    let kind = ControlKindV1::EventsRemoved { seq: last, events, tells_money: recorded.tells_money };
    Ok(Removal::Noted(SessionControlV1 { at_ns: row.reached_ns.unwrap_or(0), kind }))
}
