//! The read model of a session that has ended: what its result knows.

use super::view::{AccountView, EquityPointView, EquityView, Head, OrdersView, PositionsView};
use super::{Question, no_account};
use crate::service::results::{StoredResult, fewer};
use crate::service::sessions::{SessionState, Sessions, not_found};
use crate::service::{Refusal, RefusalKind};
use crate::store::records::SessionRow;
use serde_json::{Value, json};

/// What answers take from a result, but for the curve.
const HEAD: [&str; 7] =
    ["end", "currency", "open_at_end", "initial_balance", "final_equity", "metrics", "orders_count"];

impl Sessions {
    /// The answer of a session that does not run. Reads the store.
    ///
    /// # Errors
    /// `session_not_found`; 409 `no_account` for a collect session; 409 `session_ended` for what nobody knows
    /// of a session that is over; 503 `snapshot_unavailable` while the daemon stops.
    pub fn answer_ended(&self, id: &str, question: &Question) -> Result<Value, Refusal> {
        let row = self.store.session(id).map_err(not_found)?;
        if row.kind == "collect" {
            return Err(no_account(id));
        }
        let status = SessionState::from_name(&row.state).unwrap_or(SessionState::Failed);
        if !status.is_final() {
            let why = format!("session {id} does not run now; it goes on when the daemon is back");
            return Err(Refusal::new(RefusalKind::Unavailable, "snapshot_unavailable", why));
        }
        let mut result = self.result_of(&row, question)?;
        let head = Head {
            session_id: row.id.clone(),
            session_type: row.kind.clone(),
            status,
            seq: row.reached.events,
            events_not_kept: row.reached.events_not_kept,
            as_of: result["end"].as_str().map(str::to_owned),
            stale_reason: None,
        };
        let currency = result["currency"].as_str().map(str::to_owned);
        let is_flat = result["open_at_end"] == false;
        match question {
            Question::Account => Ok(json!(account(head, &result))),
            Question::Positions if is_flat => Ok(json!(PositionsView {
                head,
                currency,
                total_count: 0,
                positions: Vec::new(),
                at_exchange: None,
            })),
            Question::Orders if is_flat => Ok(json!(OrdersView { head, total_count: 0, orders: Vec::new() })),
            Question::Equity(max_points) => {
                let equity = curve(&mut result, *max_points);
                Ok(json!(EquityView { head, currency, total_count: equity.len(), equity }))
            }
            Question::Positions | Question::Orders | Question::States(_) => Err(ended(&row)),
        }
    }

    /// What the result of a session that is over holds for an answer.
    fn result_of(&self, row: &SessionRow, question: &Question) -> Result<Value, Refusal> {
        let Some(result) = &row.result_id else { return Err(ended(row)) };
        let text = self.store.result_document(result)?;
        let has_curve = matches!(question, Question::Equity(_));
        let is_wanted = |name: &str| HEAD.contains(&name) || (has_curve && name == "equity");
        Ok(Value::Object(StoredResult::read(result, &text)?.fields(is_wanted)?))
    }
}

/// Nothing is known of it but its events and, where it has one, its result.
fn ended(row: &SessionRow) -> Refusal {
    let left = match &row.result_id {
        Some(_) => "see its result and its events",
        None => "it has no result; see its events",
    };
    let message = format!("session {} has ended ({}): {left}", row.id, row.state);
    Refusal::conflict("session_ended", message)
        .with(json!({"session_id": row.id, "status": row.state, "result_id": row.result_id}))
}

fn account(head: Head, result: &Value) -> AccountView {
    let number = |name: &str| result[name].as_f64();
    let metric = |name: &str| result["metrics"][name]["value"].as_f64();
    let (initial, equity) = (number("initial_balance"), number("final_equity"));
    // What is still open at the end has a profit that the result does not tell apart.
    let balance = equity.filter(|_| result["open_at_end"] == false);
    let trades_only = |value: Option<f64>| balance.and(value);
    AccountView {
        head,
        currency: result["currency"].as_str().map(str::to_owned),
        initial_balance: initial,
        balance,
        equity,
        realised_pnl: balance.zip(initial).map(|(balance, initial)| balance - initial),
        open_pnl: balance.map(|_| 0.0),
        day_pnl: None,
        day_start_equity: None,
        day_ends_at: None,
        margin_used: balance.map(|_| 0.0),
        exposure: balance.map(|_| 0.0),
        fees: trades_only(metric("fees")),
        funding: trades_only(metric("funding")),
        peak_equity: None,
        drawdown: None,
        drawdown_pct: metric("current_drawdown_pct"),
        max_drawdown_pct: metric("max_drawdown_pct"),
        positions_count: balance.map(|_| 0),
        orders_count: result["orders_count"].as_u64(),
        entries: None,
        budget: None,
        budgets: Vec::new(),
        limits: Vec::new(),
        null_reason: Some("the session has ended: this is its last state, from its result".to_owned()),
    }
}

fn curve(result: &mut Value, max_points: usize) -> Vec<EquityPointView> {
    let points = match result["equity"].take() {
        Value::Array(points) => fewer(points, max_points.max(1)),
        _ => Vec::new(),
    };
    points.into_iter().filter_map(|point| serde_json::from_value(point).ok()).collect()
}
