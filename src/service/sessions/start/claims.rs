//! What a running session has for itself: what it records, and what it trades with real money.

use super::plan::{Plan, Rows};
use super::request::SessionKind;
use crate::domain::record::StreamKind;

/// What a collecting session records: nobody else has to record it too.
#[derive(Clone, PartialEq, Debug, Default)]
pub(in crate::service::sessions) struct Recorded {
    symbols: Vec<String>,
    streams: Vec<StreamKind>,
}

impl Recorded {
    pub(in crate::service::sessions) fn of(plan: &Plan) -> Self {
        match &plan.rows {
            Rows::Market { streams, .. } if plan.kind == SessionKind::Collect => {
                Recorded { symbols: plan.symbols.clone(), streams: streams.clone() }
            }
            _ => Recorded::default(),
        }
    }

    /// Symbols of which both record the same; `None` without one.
    pub(super) fn shared(&self, other: &Recorded) -> Option<Vec<String>> {
        let streams = self.streams.iter().any(|stream| other.streams.contains(stream));
        let symbols: Vec<String> =
            self.symbols.iter().filter(|symbol| other.symbols.contains(symbol)).cloned().collect();
        (streams && !symbols.is_empty()).then_some(symbols)
    }
}

/// The symbols of the account that a live session trades: nobody else may meanwhile.
#[derive(Clone, PartialEq, Debug, Default)]
pub(in crate::service::sessions) struct Traded(Vec<String>);

impl Traded {
    pub(in crate::service::sessions) fn of(plan: &Plan) -> Self {
        Traded(if plan.kind == SessionKind::Live { plan.symbols.clone() } else { Vec::new() })
    }

    /// Symbols that both trade; `None` without one.
    pub(super) fn shared(&self, other: &Traded) -> Option<Vec<String>> {
        let both: Vec<String> = self.0.iter().filter(|symbol| other.0.contains(symbol)).cloned().collect();
        (!both.is_empty()).then_some(both)
    }
}
