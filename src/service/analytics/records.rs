//! Strategies, sessions and results as rows.
//!
//! A record that changes is a new revision: its number and digest are written here before it is sent, so that
//! sending again after a crash gives the same row.

use super::SyncError;
use super::events::time_us;
use super::flow::Flow;
use crate::analytics::{Amount, Row};
use crate::document::result;
use crate::store::records::{ResultV3, SessionRow, StrategyV1, SyncCursorV1, SyncRevisionV1};
use crate::store::{Store, SyncChange};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Every version of every strategy is a row; the deletion of one is a further row of its last version.
pub(super) fn strategies(store: &Store, flow: &mut Flow<'_>) -> Result<(), SyncError> {
    let (mut id, mut cursor) = (String::new(), SyncCursorV1::default());
    // By id, then by version.
    for strategy in store.strategy_versions()? {
        if strategy.id != id {
            id.clone_from(&strategy.id);
            cursor = flow.cursor("strategies", &id)?;
        }
        let rev = u64::from(strategy.version) * 2 - 1;
        let before = cursor.next;
        if cursor.next <= rev {
            strategy_row(flow, &strategy, rev, strategy.updated_us, false)?;
            cursor.next = rev + 1;
        }
        if let Some(deleted_us) = strategy.deleted_us.filter(|_| cursor.next <= rev + 1) {
            strategy_row(flow, &strategy, rev + 1, deleted_us.max(strategy.updated_us + 1), true)?;
            cursor.next = rev + 2;
        }
        if cursor.next != before {
            flow.reached("strategies", &id, cursor);
        }
        flow.settle()?;
    }
    Ok(())
}

fn strategy_row(
    flow: &mut Flow<'_>,
    strategy: &StrategyV1,
    rev: u64,
    at_us: i64,
    deleted: bool,
) -> Result<(), SyncError> {
    flow.row("strategies", at_us)?
        .symbol("strategy_id", Some(&strategy.id))
        .count("rev", rev)
        .count("version", u64::from(strategy.version))
        .text("name", Some(&strategy.name))
        .text("document", Some(&strategy.document))
        .flag("deleted", deleted)
        .end_of(&strategy.id);
    Ok(())
}

/// The newest state of every session.
pub(super) fn sessions(store: &Store, flow: &mut Flow<'_>) -> Result<(), SyncError> {
    let mut known = Revisions::of(store, "sessions")?;
    for session in store.sessions()? {
        let digest = digest_of(&(
            (&session.kind, &session.state, &session.user, &session.error, &session.result_id),
            (session.started_us, session.ended_us, session.engine_version),
            (&session.recording_id, &session.input_recording_id),
        ));
        let Some(revision) = known.next(store, &session.id, digest, flow.is_comparison())? else { continue };
        session_row(flow, &session, revision.rev)?;
        flow.acknowledged("sessions", &session.id, revision);
        flow.settle()?;
    }
    Ok(())
}

fn session_row(flow: &mut Flow<'_>, session: &SessionRow, rev: u64) -> Result<(), SyncError> {
    let strategies: Vec<&str> = session.strategies.iter().map(|it| it.id.as_str()).collect();
    let recording = session.input_recording_id.as_ref().or(session.recording_id.as_ref());
    flow.row("sessions", revised(session.created_us, rev))?
        .symbol("session_id", Some(&session.id))
        .symbol("kind", Some(&session.kind))
        .symbol("state", Some(&session.state))
        .symbol("user_name", Some(&session.user))
        .count("rev", rev)
        .time("created_at", Some(session.created_us))
        .time("started_at", session.started_us)
        .time("ended_at", session.ended_us)
        .text("strategies", Some(&strategies.join(",")))
        .text("symbols", Some(&session.symbols.join(",")))
        .text("recording_id", recording.map(String::as_str))
        .text("result_id", session.result_id.as_deref())
        .text("error", session.error.as_deref())
        .text("request", Some(&session.request))
        .count("engine_version", u64::from(session.engine_version))
        .flag("deleted", false)
        .end_of(&session.id);
    Ok(())
}

/// Every result with its trades, its equity curve and, where no session has told of them one by one, its
/// refusals.
pub(super) fn results(store: &Store, flow: &mut Flow<'_>) -> Result<(), SyncError> {
    let mut known = Revisions::of(store, "results")?;
    for result in store.results()? {
        let digest = digest_of(&(
            &result.digest,
            result.trades,
            result.net_money,
            result.stopped_early,
            result.engine_version,
        ));
        let Some(revision) = known.next(store, &result.id, digest, flow.is_comparison())? else { continue };
        let mut document: Value =
            serde_json::from_str(&store.result_document(&result.id)?).unwrap_or_default();
        result::upgrade(&mut document);
        let document = document["results"][0].take();
        let mode = document["mode"].as_str().unwrap_or("unknown").to_owned();
        trades(flow, &result.id, &mode, &document)?;
        equity(flow, &result.id, &mode, &document)?;
        if result.session_id.is_none() {
            refusals(flow, &result, &document)?;
        }
        result_row(flow, &result, revision.rev, &mode, &document)?;
        flow.acknowledged("results", &result.id, revision);
        flow.settle()?;
    }
    Ok(())
}

fn result_row(
    flow: &mut Flow<'_>,
    result: &ResultV3,
    rev: u64,
    mode: &str,
    document: &Value,
) -> Result<(), SyncError> {
    let strategies: Vec<&str> = result.strategies.iter().map(|it| it.id.as_str()).collect();
    flow.row("results", revised(result.created_us, rev))?
        .symbol("result_id", Some(&result.id))
        .symbol("mode", Some(mode))
        .count("rev", rev)
        .text("session_id", result.session_id.as_deref())
        .text("strategies", Some(&strategies.join(",")))
        .text("symbols", Some(&result.symbols.join(",")))
        .text("source", Some(&result.source))
        .time("from_ts", Some(result.from_us))
        .time("to_ts", Some(result.to_us))
        .text("digest", Some(&result.digest))
        .count("trades", result.trades)
        .count("wins", result.wins)
        .count("draws", result.draws)
        .amount("initial_balance", Some(Amount::of_atto(result.initial_money)))
        .amount("net", Some(Amount::of_atto(result.net_money)))
        .amount("max_drawdown", Some(Amount::of_atto(result.max_drawdown_money)))
        .double("covered_pct", document["assumptions"]["coverage"]["covered_pct"].as_f64())
        .flag("stopped_early", result.stopped_early)
        .count("engine_version", u64::from(result.engine_version))
        .flag("deleted", false)
        .end_of(&result.id);
    Ok(())
}

fn trades(flow: &mut Flow<'_>, id: &str, mode: &str, document: &Value) -> Result<(), SyncError> {
    for (seq, trade) in list(document, "trades").enumerate() {
        let amount = |name: &str| trade[name].as_f64().and_then(Amount::nearest);
        let text = |name: &str| trade[name].as_str();
        let row: Row<'_> = flow.row("trades", time_us(&trade["exit_time"]).unwrap_or_default())?;
        row.symbol("result_id", Some(id))
            .symbol("mode", Some(mode))
            .symbol("strategy_id", text("strategy"))
            .symbol("symbol", text("symbol"))
            .symbol("side", text("side"))
            .symbol("reason", text("reason"))
            .symbol("outcome", text("outcome"))
            .count("seq", seq as u64)
            .time("entry_time", time_us(&trade["entry_time"]))
            .double("entry_price", trade["entry_price"].as_f64())
            .double("exit_price", trade["exit_price"].as_f64())
            .double("quantity", trade["quantity"].as_f64())
            .amount("entry_notional", amount("entry_notional"))
            .amount("gross", amount("gross"))
            .amount("fees", amount("fees"))
            .amount("funding", amount("funding"))
            .amount("slippage", amount("slippage"))
            .amount("net", amount("net"))
            .double("net_pct", trade["net_pct"].as_f64())
            .double("mae_pct", trade["mae_pct"].as_f64())
            .double("mfe_pct", trade["mfe_pct"].as_f64())
            .end_of(id);
    }
    Ok(())
}

fn equity(flow: &mut Flow<'_>, id: &str, mode: &str, document: &Value) -> Result<(), SyncError> {
    let strategy = document["strategy"].as_str();
    for (seq, point) in list(document, "equity").enumerate() {
        let amount = |name: &str| point[name].as_f64().and_then(Amount::nearest);
        flow.row("equity", time_us(&point["time"]).unwrap_or_default())?
            .symbol("result_id", Some(id))
            .symbol("mode", Some(mode))
            .symbol("strategy_id", strategy)
            .count("seq", seq as u64)
            .amount("equity", amount("equity"))
            .amount("low", amount("low"))
            .amount("high", amount("high"))
            .double("drawdown_pct", point["drawdown_pct"].as_f64())
            .end_of(id);
    }
    Ok(())
}

fn refusals(flow: &mut Flow<'_>, result: &ResultV3, document: &Value) -> Result<(), SyncError> {
    for (seq, refusal) in list(document, "refusals").enumerate() {
        let at_us = time_us(&refusal["first_time"]).unwrap_or(result.from_us);
        flow.row("refusals", at_us)?
            .symbol("origin", Some("result"))
            .symbol("origin_id", Some(&result.id))
            .symbol("strategy_id", document["strategy"].as_str())
            .symbol("symbol", document["symbol"].as_str())
            .symbol("guard", refusal["reason"].as_str())
            .count("seq", seq as u64)
            .long("refused", refusal["count"].as_i64())
            .double("value", refusal["example_value"].as_f64())
            .double("threshold", refusal["example_threshold"].as_f64())
            .end_of(&result.id);
    }
    Ok(())
}

fn list<'v>(document: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    document[name].as_array().into_iter().flatten()
}

/// Time of a revision: that of the record, one microsecond later for each further one, so that the newest
/// comes last and all are in one partition.
fn revised(created_us: i64, rev: u64) -> i64 {
    created_us.saturating_add(i64::try_from(rev).unwrap_or(i64::MAX) - 1)
}

/// Start of the SHA-256 of what a row shows.
fn digest_of(shown: &impl std::fmt::Debug) -> [u8; 8] {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write!(text, "{shown:?}");
    let hash = Sha256::digest(text.as_bytes());
    let mut digest = [0; 8];
    digest.copy_from_slice(&hash[..8]);
    digest
}

/// The revisions of a table that were sent.
struct Revisions {
    table: &'static str,
    known: BTreeMap<String, SyncRevisionV1>,
}

impl Revisions {
    fn of(store: &Store, table: &'static str) -> Result<Self, SyncError> {
        Ok(Revisions { table, known: store.sync_revisions(table)?.into_iter().collect() })
    }

    /// The revision to send of a record as it is now; `None` when the server has it. In a comparison, what
    /// the server should have.
    fn next(
        &mut self,
        store: &Store,
        id: &str,
        digest: [u8; 8],
        compares: bool,
    ) -> Result<Option<SyncRevisionV1>, SyncError> {
        let known = self.known.get(id).copied().unwrap_or_default();
        let is_same = known.rev > 0 && known.digest == digest;
        if compares {
            return Ok(is_same.then_some(known));
        }
        if is_same {
            return Ok((!known.acknowledged).then_some(known));
        }
        let revision = SyncRevisionV1 { rev: known.rev + 1, digest, acknowledged: false };
        let revisions = vec![(self.table.to_owned(), id.to_owned(), revision)];
        store.put_sync(SyncChange { revisions, ..SyncChange::default() })?;
        Ok(Some(revision))
    }
}
