//! Stored documents in the present form.

use super::number;
use crate::report::definitions::{self, Unit};
use serde_json::Value;

/// Why an exit of an older document has no level.
const NOT_KEPT: &str = "an older version stored this result without it";

/// Brings a stored document to the present form. Win rates were fractions and quantities contracts; they are
/// percent and base units. Exits did not say which level was met, and only the last one was kept.
pub fn upgrade(document: &mut Value) {
    for result in document.get_mut("results").and_then(Value::as_array_mut).into_iter().flatten() {
        for trade in result.get_mut("trades").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(why) = trade.get_mut("why").and_then(Value::as_object_mut) {
                why.entry("earlier_exits").or_insert(Value::Null);
            }
            let exit = trade.pointer_mut("/why/exit").and_then(Value::as_object_mut);
            if let Some(exit) = exit.filter(|exit| !exit.contains_key("level")) {
                exit.insert("level".to_owned(), Value::Null);
                exit.insert("level_reason".to_owned(), NOT_KEPT.into());
            }
        }
        let Some(metric) = result.pointer_mut("/metrics/win_rate").filter(|it| it["unit"] == "fraction")
        else {
            continue;
        };
        metric["value"] = percent(&metric["value"]);
        metric["unit"] = Unit::Percent.as_str().into();
        for group in ["by_reason", "by_side", "by_symbol", "by_strategy"] {
            let tallies = result.get_mut(group).and_then(Value::as_object_mut);
            tallies.into_iter().flatten().for_each(|(_, tally)| in_percent(tally));
        }
        let contracts = result["assumptions"]["contracts"].clone();
        for trade in result.get_mut("trades").and_then(Value::as_array_mut).into_iter().flatten() {
            let size =
                trade["symbol"].as_str().and_then(|symbol| contracts[symbol]["contract_size"].as_f64());
            let sized = size.zip(trade["quantity"].as_f64()).map(|(size, contracts)| contracts * size);
            // The oldest documents do not say how large a contract is.
            let paid = trade["entry_notional"].as_f64().zip(trade["entry_price"].as_f64());
            let bought =
                paid.map(|(notional, price)| notional / price).filter(|quantity| quantity.is_finite());
            trade["quantity"] = sized.or(bought).map_or(Value::Null, number);
        }
    }
    if let Some(formula) = document.pointer_mut("/definitions/win_rate.sign_of_net") {
        let now = definitions::ALL.iter().find(|known| known.definition == "win_rate.sign_of_net");
        *formula = now.map_or(Value::Null, |known| known.formula.into());
    }
    for sums in ["by_strategy", "totals"] {
        let tallies = document.get_mut(sums).and_then(Value::as_array_mut);
        tallies.into_iter().flatten().for_each(in_percent);
    }
}

/// Whether a result with these metrics, or with this trade, has an older form.
pub fn is_older(metrics: &Value, trade: &Value) -> bool {
    let why = trade["why"].as_object();
    metrics["win_rate"]["unit"] == "fraction" || why.is_some_and(|why| !why.contains_key("earlier_exits"))
}

/// A tally with its win rate as percent.
fn in_percent(tally: &mut Value) {
    if let Some(fields) = tally.as_object_mut()
        && let Some(rate) = fields.shift_remove("win_rate")
    {
        fields.insert("win_rate_pct".to_owned(), percent(&rate));
    }
}

/// A fraction as percent; null for null.
fn percent(fraction: &Value) -> Value {
    fraction.as_f64().map_or(Value::Null, |fraction| number(100.0 * fraction))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::result::{Generator, document};
    use crate::report::sample;
    use serde_json::json;

    #[test]
    fn a_document_stored_with_fractions_and_contracts_reads_as_a_new_one() {
        let mut stored = json!({
            "results": [{
                "metrics": {"win_rate": {"value": 0.07, "unit": "fraction"}, "sqn": {"value": 0.5, "unit": "ratio"}},
                "by_side": {"long": {"trades": 7, "win_rate": 0.07}, "short": {"trades": 0, "win_rate": null}},
                "assumptions": {"contracts": {"BTC_USDT": {"contract_size": 0.0001}}},
                "trades": [
                    {"symbol": "BTC_USDT", "quantity": 3, "why": {"exit": {"trigger": "SL"}}},
                    {"symbol": "X", "quantity": 3, "entry_notional": 6, "entry_price": 20},
                    {"symbol": "Y", "quantity": 3},
                ],
            }],
            "totals": [{"win_rate": 0.07}],
        });
        upgrade(&mut stored);
        let result = &stored["results"][0];
        assert_eq!(result["metrics"]["win_rate"], json!({"value": 7, "unit": "percent"}));
        assert_eq!(result["metrics"]["sqn"]["value"], 0.5);
        assert_eq!(result["by_side"]["long"], json!({"trades": 7, "win_rate_pct": 7}));
        assert_eq!(result["by_side"]["short"]["win_rate_pct"], Value::Null);
        let quantity = |trade: usize| &result["trades"][trade]["quantity"];
        assert_eq!((quantity(0), quantity(1), quantity(2)), (&json!(0.0003), &json!(0.3), &Value::Null));
        assert_eq!(
            result["trades"][0]["why"]["exit"],
            json!({"trigger": "SL", "level": null, "level_reason": NOT_KEPT})
        );
        assert_eq!(result["trades"][0]["why"]["earlier_exits"], Value::Null);
        assert_eq!(stored["totals"][0]["win_rate_pct"], 7);
        let new = document(&[sample::result()], Generator { name: "tradingd", version: "0" });
        let mut same = new.clone();
        upgrade(&mut same);
        assert_eq!(new, same);
    }
}
