//! The read model: what is true right now of a running session, and what was true at the end of one that is
//! over.
//!
//! An answer is of one moment and names the last event before it, so a client goes on with the events behind
//! it. Invariant: nothing is shown that is not on disk; after a kill nothing that was shown is gone.

mod ended;
mod requests;
mod shown;
mod view;

pub use requests::Shown;
pub use shown::StatesWanted;
pub use view::{
    AccountView, BlockedView, BudgetView, ConditionView, EntriesView, EquityPointView, EquityView, FeedView,
    Head, LimitView, OrderView, OrdersView, PositionView, PositionsView, StateView, StatesView, StopView,
    TargetView, VenuePositionView,
};

pub(in crate::service::sessions) use requests::{Answered, Snapshots, Wanted};

use super::running::Running;
use crate::limits::SNAPSHOT_STATES;
use crate::service::page::PageRequest;
use crate::service::sessions::Sessions;
use crate::service::{Refusal, RefusalKind};
use crate::session::live::VenuePosition;
use crate::session::snapshot::Parts;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::task::JoinSet;

/// A part of the read model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Question {
    /// Balance, equity, margin, budgets and limits.
    Account,
    /// Open positions.
    Positions,
    /// Orders that have not ended.
    Orders,
    /// States of instances, and feeds.
    States(StatesWanted),
    /// Equity over time, with at most this many points.
    Equity(usize),
}

impl Question {
    fn parts(&self) -> Parts {
        Parts { states: matches!(self, Question::States(_)), equity: matches!(self, Question::Equity(_)) }
    }
}

/// A session at one moment.
#[derive(Clone, Debug)]
pub struct Look {
    shown: Arc<Shown>,
    head: Head,
    venue_positions: Option<Arc<Vec<VenuePosition>>>,
}

impl Look {
    fn new(session: &Running, shown: Arc<Shown>, stale_reason: Option<String>) -> Self {
        let (row, status) = session.row();
        let head = Head {
            session_id: row.id,
            session_type: row.kind,
            status,
            seq: shown.seq,
            events_not_kept: shown.events_not_kept,
            as_of: Some(shown.snapshot.at.to_string()),
            stale_reason,
        };
        Look { shown, head, venue_positions: session.venue_positions.load_full() }
    }

    /// Account, positions and orders of the moment.
    pub fn summary(&self) -> Value {
        json!({
            "seq": self.head.seq, "as_of": self.head.as_of, "account": self.account(), "positions": self.positions(),
            "orders": self.orders(),
        })
    }

    /// The answer to a question.
    pub fn answer(&self, question: &Question) -> Value {
        match question {
            Question::Account => json!(self.account()),
            Question::Positions => json!(self.positions()),
            Question::Orders => json!(self.orders()),
            Question::States(wanted) => json!(self.states(wanted)),
            Question::Equity(max_points) => json!(self.equity(*max_points)),
        }
    }
}

impl Sessions {
    /// Looks at a running session; `None`: it does not run in this process, see [`Sessions::answer_ended`].
    /// Waits for the session's thread without holding one.
    ///
    /// # Errors
    /// 409 `no_account` for a collect session; 503 `snapshot_unavailable` when the session cannot tell now.
    pub async fn look(&self, id: &str, question: &Question) -> Result<Option<Look>, Refusal> {
        let found = self.running().get(id).filter(|session| !session.is_ended()).cloned();
        let Some(session) = found else { return Ok(None) };
        if session.row().0.kind == "collect" {
            return Err(no_account(id));
        }
        let parts = question.parts();
        if let Some(why) = why_silent(&session) {
            let last = session.stream.snapshots.last(parts);
            return stale(&session, last, why).map(Some);
        }
        match session.stream.snapshots.ask(parts, || session.control.wake()).await {
            Answered::Fresh(shown) => Ok(Some(Look::new(&session, shown, None))),
            Answered::Late(last) => {
                let why = why_silent(&session).unwrap_or_else(|| "it is busy".to_owned());
                stale(&session, last, why).map(Some)
            }
            Answered::Ended => Ok(None),
        }
    }
}

impl Sessions {
    /// The details of a refused cursor with a snapshot, from which a reader goes on: the session as it was
    /// given, with its account, positions, orders and states as they are now.
    pub async fn with_session_now(&self, refusal: Refusal, session: Value) -> Refusal {
        let snapshot = self.with_now(session).await;
        with_snapshot(refusal, snapshot)
    }

    /// The same with all sessions that run.
    pub async fn with_sessions_now(self: &Arc<Self>, refusal: Refusal) -> Refusal {
        let mut asked = JoinSet::new();
        for session in self.execution_status() {
            let all = Arc::clone(self);
            asked.spawn(async move { all.with_now(json!(session)).await });
        }
        let mut sessions = asked.join_all().await;
        sessions.sort_by(|one, other| one["session_id"].as_str().cmp(&other["session_id"].as_str()));
        with_snapshot(refusal, json!({"sessions": sessions}))
    }

    async fn with_now(&self, mut session: Value) -> Value {
        let page = PageRequest { limit: SNAPSHOT_STATES, cursor: None };
        let wanted = StatesWanted { symbol: None, strategy: None, page };
        let id = session["session_id"].as_str().unwrap_or_default().to_owned();
        let (now, reason) = match self.look(&id, &Question::States(wanted.clone())).await {
            Ok(Some(look)) => {
                let mut now = look.summary();
                now["states"] = json!(look.states(&wanted));
                (now, None)
            }
            Ok(None) => (Value::Null, Some(format!("session {id} does not run"))),
            Err(refusal) => (Value::Null, Some(refusal.message)),
        };
        (session["now"], session["now_reason"]) = (now, json!(reason));
        session
    }
}

fn with_snapshot(mut refusal: Refusal, snapshot: Value) -> Refusal {
    refusal.details["snapshot"] = snapshot;
    refusal
}

/// Why a session's thread does not answer now.
fn why_silent(session: &Running) -> Option<String> {
    let catches_up = "it is catching up with its journal after a restart";
    if session.catch_up.is_under_way() { Some(catches_up.to_owned()) } else { session.stalled() }
}

fn stale(session: &Running, last: Option<Arc<Shown>>, why: String) -> Result<Look, Refusal> {
    match last {
        Some(shown) => Ok(Look::new(session, shown, Some(why))),
        None => Err(Refusal {
            retry_after_s: Some(1),
            ..Refusal::new(
                RefusalKind::Unavailable,
                "snapshot_unavailable",
                format!("session {} cannot be read now: {why}; ask again in a moment", session.id),
            )
        }),
    }
}

fn no_account(id: &str) -> Refusal {
    let message =
        format!("session {id} only records a market: it has no account, positions, orders or states");
    Refusal::conflict("no_account", message).with(json!({"session_id": id}))
}
