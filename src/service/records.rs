//! Records for commands that run beside the daemon: copies of what they read, and what they made.

use super::{Refusal, Service};
use crate::store::{Problem, Records, VerifyReport};
use serde_json::{Value, json};
use std::io::{Read, Write};

impl Service {
    /// Writes a copy of these records, in the form that a store of this version reads.
    ///
    /// # Errors
    /// What the store reports, and a reader that went away.
    pub fn send_records(&self, records: &Records, to: &mut dyn Write) -> Result<(), Refusal> {
        Ok(self.store.send_records(records, to)?)
    }

    /// Keeps the one recording or result that a command made; returns its id.
    ///
    /// # Errors
    /// `invalid_request` when it is cut short, unsound or known already; nothing of it is kept then.
    pub fn receive_records(&self, from: &mut dyn Read) -> Result<String, Refusal> {
        let id = self.store.receive(from)?;
        // The list of strategies shows statistics of results.
        self.strategies.refresh();
        Ok(id)
    }

    /// Checks every page, record and block of the open store.
    ///
    /// # Errors
    /// A disk that fails meanwhile.
    pub fn verify(&self) -> Result<Value, Refusal> {
        Ok(verified(&self.store.scan()?))
    }
}

/// A verification as JSON: whether the store is sound, what was checked, and each problem with its place.
pub fn verified(report: &VerifyReport) -> Value {
    let problem = |problem: &Problem| json!({ "place": problem.place, "problem": problem.what, "advice": problem.advice });
    json!({
        "sound": report.is_sound(),
        "records": report.records,
        "blocks": report.blocks,
        "rows": report.rows,
        "problems": report.problems.iter().map(problem).collect::<Vec<_>>(),
        "more_problems": report.more_problems,
    })
}
