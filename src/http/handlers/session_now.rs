//! The read model of a session: account, positions, orders, states, equity.

use super::page;
use crate::http::context::AppContext;
use crate::http::error::Failure;
use crate::http::lanes::Lane;
use crate::http::reply::Reply;
use crate::http::request::{Call, invalid};
use crate::http::route::Answer;
use crate::service::sessions::{Question, StatesWanted};
use std::sync::Arc;

/// Default number of points of an equity curve.
const EQUITY_POINTS: usize = 1_000;

/// `GET /sessions/{id}/account`.
pub fn account(context: Arc<AppContext>, call: Call) -> Answer {
    answer(context, call, |_| Ok(Question::Account))
}

/// `GET /sessions/{id}/positions`.
pub fn positions(context: Arc<AppContext>, call: Call) -> Answer {
    answer(context, call, |_| Ok(Question::Positions))
}

/// `GET /sessions/{id}/orders`.
pub fn orders(context: Arc<AppContext>, call: Call) -> Answer {
    answer(context, call, |_| Ok(Question::Orders))
}

/// `GET /sessions/{id}/states`.
pub fn states(context: Arc<AppContext>, call: Call) -> Answer {
    answer(context, call, |call| {
        let page = page(call);
        if page.cursor.as_ref().is_some_and(|cursor| cursor.parse::<u32>().is_err()) {
            let problem = "must be the `next_cursor` of the part before";
            return Err(invalid("cursor", vec![("/query/cursor".to_owned(), problem.to_owned())]));
        }
        let text = |name: &str| call.query.text(name).map(str::to_owned);
        Ok(Question::States(StatesWanted { symbol: text("symbol"), strategy: text("strategy"), page }))
    })
}

/// `GET /sessions/{id}/equity`.
pub fn equity(context: Arc<AppContext>, call: Call) -> Answer {
    answer(context, call, |call| {
        Ok(Question::Equity(call.query.count("max_points").unwrap_or(EQUITY_POINTS)))
    })
}

/// Waits for the session without a thread; whatever takes time after that has one.
fn answer(
    context: Arc<AppContext>,
    call: Call,
    question: impl FnOnce(&Call) -> Result<Question, Failure> + Send + 'static,
) -> Answer {
    Box::pin(async move {
        let (question, id) = (question(&call)?, call.id(0).to_owned());
        let look = context.service.sessions.look(&id, &question).await?;
        let shared = Arc::clone(&context);
        // Of an ended session its result is read.
        let lane = if look.is_some() { Lane::Store } else { Lane::Heavy };
        let user = call.caller.as_ref().map(|caller| Arc::clone(&caller.name));
        let answered = context.lanes.run_for(lane, user, move || match look {
            Some(look) => Ok(look.answer(&question)),
            None => shared.service.sessions.answer_ended(&id, &question),
        });
        let (data, turn) = answered.await?;
        Ok(Reply { turn, ..Reply::data(&data?) })
    })
}
