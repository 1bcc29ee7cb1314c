//! A decision as JSON and as text, with every condition it was based on.

use crate::domain::decision::{Decision, DecisionKind, Evidence, State, Trigger};
use crate::domain::exit_level::{ExitLevel, MetBy};
use crate::domain::num::Price;
use crate::domain::order::Purpose;
use crate::domain::strategy::StrategyDef;
use crate::domain::symbol::SymbolSpec;
use crate::domain::time::Timestamp;
use crate::report::legend;
use crate::report::reason::{Checked, level_text};
use serde_json::{Map, Value, json};

/// A decision as JSON, with the conditions it was based on.
pub fn decision(decision: &Decision, evidence: &[Evidence], def: &StrategyDef, spec: &SymbolSpec) -> Value {
    let market = [decision.last, decision.bid, decision.ask];
    let mut value = head(decision.at, decision.instance, market, def, spec);
    let fields = value.as_object_mut();
    if let Some(fields) = fields {
        kind(&decision.kind, spec, fields);
        if !evidence.is_empty() {
            fields.insert("conditions".into(), conditions(evidence, def));
        }
    }
    value
}

/// When and for whom something was decided or answered, with last price, best bid and best ask of that time.
pub fn head(
    at: Timestamp,
    instance: u32,
    market: [Option<Price>; 3],
    def: &StrategyDef,
    spec: &SymbolSpec,
) -> Value {
    let [last, bid, ask] = market.map(|price| price.map(|price| spec.price_f64(price)));
    json!({
        "timestamp": at.to_string(),
        "strategy_id": def.id,
        "version": def.version,
        "symbol": spec.name,
        "instance": instance,
        "price": last,
        "best_bid": bid,
        "best_ask": ask,
    })
}

fn kind(kind: &DecisionKind, spec: &SymbolSpec, into: &mut Map<String, Value>) {
    let entries = match kind {
        DecisionKind::Transition { from, to, trigger, level } => {
            let mut shown = json!({"kind": "transition", "from_state": from.as_str(), "to_state": to.as_str(), "trigger": trigger.as_str()});
            if let Some(level) = level {
                shown["level"] = exit_level(*level, spec);
            }
            shown
        }
        DecisionKind::Refused { guard, value, threshold } => {
            let shown = |number: &f64| number.is_finite().then_some(*number);
            json!({
                "kind": "entry_blocked", "guard": guard.as_str(), "value": shown(value), "threshold": shown(threshold),
                "reason": legend::blocked(*guard, *value, *threshold),
            })
        }
        DecisionKind::Submitted { order, side, qty, limit, purpose } => json!({
            "kind": "order", "order_id": order.0, "side": side.as_str(), "quantity": spec.shown_quantity(*qty),
            "limit": limit.map(|limit| spec.price_f64(limit)), "purpose": purpose.as_str(),
        }),
        DecisionKind::CancelSent { order } => json!({"kind": "cancel", "order_id": order.0}),
        DecisionKind::Filled { order, price, qty, cumulative, execution } => json!({
            "kind": "fill", "order_id": order.0, "fill_price": spec.price_f64(*price), "quantity": spec.shown_quantity(*qty),
            "cumulative_quantity": cumulative.map(|qty| spec.shown_quantity(qty)),
            // As text: readers in JavaScript would round it.
            "trade_id": execution.map(|(trade, _)| trade.to_string()),
            "fee": execution.map(|(_, fee)| fee.shown()),
        }),
        DecisionKind::Rejected { order, reason } => {
            json!({"kind": "reject", "order_id": order.0, "reason": reason.as_str()})
        }
        DecisionKind::StopMoved { price, trigger } => {
            json!({"kind": "stop_moved", "stop_price": spec.price_f64(*price), "trigger": trigger.as_str()})
        }
        DecisionKind::Warning(warning) => json!({"kind": "warning", "warning": warning.as_str()}),
    };
    if let Value::Object(entries) = entries {
        into.extend(entries);
    }
}

/// The level that ended a position, and what met it.
pub fn exit_level(level: ExitLevel, spec: &SymbolSpec) -> Value {
    json!({
        "price": spec.price_f64(level.price),
        "met_by": level.met_by.map(|met_by| spec.price_f64(met_by.price())),
        "met_by_kind": level.met_by.map(MetBy::as_str),
    })
}

/// Conditions by id: section, indicator, value or the reason it is missing, operator, threshold, met.
pub fn conditions(evidence: &[Evidence], def: &StrategyDef) -> Value {
    checked(&Checked::all(evidence, def))
}

/// As [`conditions`], for conditions already resolved to names.
pub fn checked(conditions: &[Checked]) -> Value {
    let mut map = Map::new();
    for checked in conditions {
        let mut shown = json!({
            "section": checked.section.as_str(),
            "indicator": checked.indicator,
            "value": checked.value.ok(),
            "operator": checked.operator,
            "threshold": checked.threshold,
            "met": checked.met,
        });
        if let Some(fields) = shown.as_object_mut() {
            if let Err(reason) = checked.value {
                fields.insert("missing".into(), json!(reason));
            }
            if let Some(high) = checked.threshold_high {
                fields.insert("threshold_high".into(), json!(high));
            }
        }
        map.insert(checked.id.clone(), shown);
    }
    Value::Object(map)
}

/// A decision as one line, e.g. `entering → in a position (FILL order filled)`.
pub fn line(decision: &Decision, spec: &SymbolSpec) -> String {
    match &decision.kind {
        DecisionKind::Transition { from, to, trigger, level } => {
            let level = level.map_or_else(String::new, |level| level_text(level, spec));
            let why = format!("{} {}{level}", trigger.as_str(), legend::trigger(*trigger));
            format!("{} → {} ({why})", legend::state(*from), legend::state(*to))
        }
        DecisionKind::Refused { guard, value, threshold } => {
            format!("entry blocked by {}: {}", guard.as_str(), legend::blocked(*guard, *value, *threshold))
        }
        DecisionKind::Submitted { order, side, qty, limit, purpose } => {
            let at =
                limit.map_or("market".to_owned(), |limit| format!("limit {}", spec.price_decimal(limit)));
            format!(
                "order {} {} {} at {at} ({})",
                order.0,
                side.as_str(),
                spec.base_quantity(*qty),
                legend::purpose(*purpose)
            )
        }
        DecisionKind::CancelSent { order } => format!("cancel of order {}", order.0),
        DecisionKind::Filled { order, price, qty, .. } => {
            format!("order {} filled {} at {}", order.0, spec.base_quantity(*qty), spec.price_decimal(*price))
        }
        DecisionKind::Rejected { order, reason } => {
            format!("order {} rejected: {}", order.0, reason.as_str())
        }
        DecisionKind::StopMoved { price, trigger } => {
            format!("stop at {} ({})", spec.price_decimal(*price), legend::trigger(*trigger))
        }
        DecisionKind::Warning(warning) => format!("warning: {}", warning.as_str()),
    }
}

/// How the entry order ended that a decision gives up without a fill, by the decisions of the instance before
/// it. `None` when it gives up none, or when the order is not among them.
pub fn entry_unfilled<'a>(
    decision: &Decision,
    before: impl DoubleEndedIterator<Item = &'a Decision>,
) -> Option<&'static str> {
    let DecisionKind::Transition { from: State::EntryEvaluation, trigger: Trigger::EntryTimeout, .. } =
        decision.kind
    else {
        return None;
    };
    before.rev().find_map(|earlier| match earlier.kind {
        DecisionKind::CancelSent { .. } => Some("the order was not filled in time and was cancelled"),
        DecisionKind::Submitted { limit: Some(_), purpose: Purpose::Entry, .. } => {
            Some("the order was not filled within its price limit")
        }
        DecisionKind::Submitted { limit: None, purpose: Purpose::Entry, .. } => {
            Some("the order found nobody to trade with")
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decision::{Guard, SectionName};
    use crate::domain::num::{Money, Price, Qty};
    use crate::domain::order::{OrderId, Side};
    use crate::domain::symbol::SymbolId;
    use crate::domain::time::Timestamp;

    fn shown(of: DecisionKind) -> Map<String, Value> {
        let spec = crate::report::sample::result().symbols.remove(0);
        let mut fields = Map::new();
        kind(&of, &spec, &mut fields);
        fields
    }

    #[test]
    fn a_refusal_comes_with_the_sentence_for_its_numbers() {
        let guard = Guard::ConsecutiveLosses;
        let refused = shown(DecisionKind::Refused { guard, value: 1_799.797_293_794, threshold: 0.0 });
        assert_eq!(refused["guard"], "consecutive_losses");
        assert_eq!(refused["reason"], "paused after losses in a row, for another 30m 00s");
    }

    #[test]
    fn purposes_have_words_of_their_own() {
        for (purpose, word) in
            [(Purpose::Entry, "entry"), (Purpose::Exit, "exit"), (Purpose::Emergency, "emergency")]
        {
            let (order, side, qty, limit) = (OrderId(1), Side::Buy, Qty(1), None);
            let submitted = shown(DecisionKind::Submitted { order, side, qty, limit, purpose });
            assert_eq!(submitted["purpose"], word);
        }
    }

    #[test]
    fn a_fill_says_what_the_venue_says_of_it_and_null_where_it_says_nothing() {
        let (order, price, qty) = (OrderId(1), Price(1_000), Qty(2));
        let fill =
            |cumulative, execution| shown(DecisionKind::Filled { order, price, qty, cumulative, execution });
        let spec = crate::report::sample::result().symbols.remove(0);
        let told = fill(Some(Qty(5)), Some((u64::MAX / 2, Money::from_units(-3))));
        assert_eq!((&told["trade_id"], &told["fee"]), (&json!("9223372036854775807"), &json!(-3.0)));
        assert_eq!(told["cumulative_quantity"], json!(spec.shown_quantity(Qty(5))));
        let unknown = fill(None, None);
        for name in ["trade_id", "fee", "cumulative_quantity"] {
            assert_eq!(unknown[name], Value::Null, "{name}");
        }
    }

    #[test]
    fn how_an_entry_ended_without_a_fill_is_told_by_what_came_before() {
        let of = |kind| Decision {
            at: Timestamp::MIN,
            instance: 0,
            symbol: SymbolId(0),
            kind,
            bid: None,
            ask: None,
            last: None,
            evidence: 0,
        };
        let (from, to) = (State::EntryEvaluation, State::SignalCancelled);
        let given_up = of(DecisionKind::Transition { from, to, trigger: Trigger::EntryTimeout, level: None });
        let order = |limit| {
            let (side, qty, purpose) = (Side::Buy, Qty(1), Purpose::Entry);
            of(DecisionKind::Submitted { order: OrderId(1), side, qty, limit, purpose })
        };
        let cancel = of(DecisionKind::CancelSent { order: OrderId(1) });
        let told = |before: &[Decision]| entry_unfilled(&given_up, before.iter());
        assert_eq!(told(&[order(Some(Price(5)))]), Some("the order was not filled within its price limit"));
        assert_eq!(told(&[order(None)]), Some("the order found nobody to trade with"));
        assert_eq!(
            told(&[order(Some(Price(5))), cancel]),
            Some("the order was not filled in time and was cancelled")
        );
        assert_eq!(told(&[]), None);
        let trigger = Trigger::Section(SectionName::E1);
        let by_rule = of(DecisionKind::Transition { from, to, trigger, level: None });
        assert_eq!(entry_unfilled(&by_rule, [order(None)].iter()), None);
    }
}
