//! Results as JSON: an object with `results`, `by_strategy`, `totals` (empty with a `totals_reason` where
//! nothing can be added), `definitions` and `generated_by`.
//!
//! In each result the assumptions come first. Money and prices are numbers: the double nearest to the exact
//! decimal, in its shortest form, so up to 15 significant digits are exact. Undefined values are `null` with
//! a `reason` beside them. Times are RFC 3339, UTC, microseconds.

mod upgrade;

pub use upgrade::{is_older, upgrade};

use crate::document::decision;
use crate::domain::decimal::Decimal;
use crate::domain::decision::SectionName;
use crate::domain::ledger::ClosedTrade;
use crate::domain::num::{Money, Price, Rate, without_noise};
use crate::domain::order::Side;
use crate::domain::symbol::SymbolSpec;
use crate::domain::time::{Span, Timestamp};
use crate::report::assumptions::{
    Assumptions, BookSource, ContractSources, Coverage, FundingSource, GapJump,
};
use crate::report::definitions;
use crate::report::drawdown::Drawdown;
use crate::report::fired::Fired;
use crate::report::legend;
use crate::report::metrics::{Amount, Metric};
use crate::report::no_trade;
use crate::report::overview::{NO_TOTAL, Overview, are_alternatives, by_strategy, totals};
use crate::report::reason::{DecisionReason, TradeReason, level_reason};
use crate::report::run::{BlockedByGuard, RunResult, StrategyRef};
use crate::report::statistics::{CurvePoint, Day};
use crate::report::tally::{Outcome, Tally};
use serde_json::{Map, Value, json};
use std::io;

/// The program that generated a document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Generator<'a> {
    /// Name.
    pub name: &'a str,
    /// Version.
    pub version: &'a str,
}

/// All results as one document.
pub fn document(results: &[RunResult], generator: Generator<'_>) -> Value {
    let formulas: Map<String, Value> =
        definitions::ALL.iter().map(|d| (d.definition.to_owned(), json!(d.formula))).collect();
    json!({
        "results": results.iter().map(result).collect::<Vec<_>>(),
        "by_strategy": by_strategy(results).iter().map(overview).collect::<Vec<_>>(),
        "totals": totals(results).iter().map(overview).collect::<Vec<_>>(),
        "totals_reason": are_alternatives(results).then_some(NO_TOTAL),
        "definitions": formulas,
        "generated_by": {"name": generator.name, "version": generator.version},
    })
}

/// Writes [`document`], indented, with a final newline.
pub fn write(results: &[RunResult], generator: Generator<'_>, mut to: impl io::Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut to, &document(results, generator))?;
    to.write_all(b"\n")
}

fn overview(line: &Overview) -> Value {
    let mut shown = tallied(line.sums.as_ref().map_or(&Tally::default(), |sums| &sums.tally));
    if let Some(fields) = shown.as_object_mut() {
        match &line.sums {
            // For the whole account, including open positions; the tally contains closed trades only.
            Some(sums) => _ = fields.insert("net".to_owned(), money(sums.net)),
            None => fields.values_mut().for_each(|sum| *sum = Value::Null),
        }
        fields.insert("null_reason".to_owned(), json!(line.sums.is_none().then_some(NO_TOTAL)));
        fields.insert(
            "strategy".to_owned(),
            if line.strategy.is_empty() { Value::Null } else { json!(line.strategy) },
        );
        fields.insert("currency".to_owned(), json!(line.currency));
        fields.insert("results".to_owned(), json!(line.results));
        fields.insert("results_without_trade".to_owned(), json!(line.without_trade));
        fields.insert("entries_blocked".to_owned(), json!(line.entries_blocked));
        fields.insert("worst_drawdown_pct".to_owned(), number(line.worst_drawdown_pct));
    }
    shown
}

/// One result.
pub fn result(run: &RunResult) -> Value {
    let summary = &run.summary;
    let names: Vec<&str> = run.symbols.iter().map(|spec| spec.name.as_str()).collect();
    let ids: Vec<&str> = run.strategies.iter().map(|strategy| strategy.id.as_str()).collect();
    let metrics: Map<String, Value> =
        summary.metrics.iter().map(|m| (m.definition.id.to_owned(), metric(m))).collect();
    let group = |key: &str, tally: &Tally| (key.to_owned(), tallied(tally));
    json!({
        "assumptions": assumptions(run),
        "mode": run.mode.as_str(),
        "no_trade_reason": no_trade::why(run),
        "currency": run.currency(),
        "source": run.source,
        "symbol": single(&names),
        "symbols": names,
        "strategy": single(&ids),
        "strategies": run.strategies.iter().map(strategy).collect::<Vec<_>>(),
        "digest": run.digest,
        "start": time(summary.start),
        "end": time(summary.end),
        "initial_balance": money(summary.initial),
        "final_equity": money(summary.final_equity),
        "open_at_end": summary.open_at_end,
        "metrics": metrics,
        "orders_count": run.orders_count,
        "signals": run.signals().map(|fired| signal(run, fired)).collect::<Vec<_>>(),
        "sections_fired": SECTIONS.iter().map(|section| (section.as_str().to_owned(), json!(run.fired_count(*section)))).collect::<Map<_, _>>(),
        "trades": (0..summary.trades.len()).map(|index| trade(run, index)).collect::<Vec<_>>(),
        "refusals": run.refusals.iter().map(refusal).collect::<Vec<_>>(),
        "by_reason": summary.by_reason.iter().map(|(key, t)| group(key.as_str(), t)).collect::<Map<_, _>>(),
        "by_side": summary.by_side.iter().map(|(key, t)| group(position(*key), t)).collect::<Map<_, _>>(),
        "by_symbol": summary.by_symbol.iter().map(|(key, t)| group(run.symbol_name(*key), t)).collect::<Map<_, _>>(),
        "by_strategy": summary.by_strategy.iter().map(|(key, t)| group(run.strategy_id(*key), t)).collect::<Map<_, _>>(),
        "drawdowns": summary.equity_drawdowns.deepest.iter().map(drawdown).collect::<Vec<_>>(),
        "days": summary.days.iter().map(day).collect::<Vec<_>>(),
        "equity": summary.curve.iter().map(curve_point).collect::<Vec<_>>(),
        "gaps": summary.gaps.iter().map(|(from, to)| json!({"from": time(*from), "to": time(*to)})).collect::<Vec<_>>(),
        "settings": run.settings.iter().map(|(name, value)| (name.clone(), json!(value))).collect::<Map<_, _>>(),
    })
}

const SECTIONS: [SectionName; 5] =
    [SectionName::S1, SectionName::O1, SectionName::Z1, SectionName::Ze1, SectionName::E1];

/// The single name, or null if there are several.
fn single(names: &[&str]) -> Value {
    if let [only] = names { json!(only) } else { Value::Null }
}

fn strategy(strategy: &StrategyRef) -> Value {
    json!({"id": strategy.id, "version": strategy.version, "name": strategy.name})
}

fn assumptions(run: &RunResult) -> Value {
    let a: &Assumptions = &run.assumptions;
    let fees: Map<String, Value> = a
        .fees
        .iter()
        .map(|terms| {
            let rates = json!({"maker_pct": rate(terms.maker), "taker_pct": rate(terms.taker), "source": terms.source.as_str()});
            (run.symbol_name(terms.symbol).to_owned(), rates)
        })
        .collect();
    let contracts: Map<String, Value> = a
        .contracts
        .iter()
        .filter_map(|of| Some((run.symbol_name(of.symbol).to_owned(), contract(of, run.spec(of.symbol)?))))
        .collect();
    json!({
        "coverage": coverage(run, &a.coverage),
        "contracts": contracts,
        "book": book(a.book),
        "fees": fees,
        "slippage": a.slippage,
        "latency_ms": milliseconds(a.latency),
        "feed_latency_ms": milliseconds(a.feed_latency),
        "funding": funding(a.funding),
        "clock": a.clock.as_str(),
        "initial_balance": money(a.initial_balance),
        "account": if run.has_own_account() { "own" } else { "shared" },
        "risk_limits": a.risk_limits.iter().map(|(name, limit)| (name.clone(), limit.map_or(Value::Null, number))).collect::<Map<_, _>>(),
        "seed": a.seed,
        "warm_up_seconds": a.warm_up.map_or(Value::Null, |span| number(span.seconds_f64())),
        "synthetic_fills": a.synthetic_fills,
        "bars_in_doubt": a.bars_in_doubt,
        "penalised_fills": a.penalised_fills,
        "warnings": a.warnings,
    })
}

/// Steps and contract size as numbers, each with its source.
fn contract(of: &ContractSources, spec: &SymbolSpec) -> Value {
    let decimal = |value: Decimal| whole(value.to_f64());
    json!({
        "price_step": decimal(spec.price_step),
        "price_step_source": of.sources.price_step.as_str(),
        "quantity_step": decimal(spec.quantity_step),
        "quantity_step_source": of.sources.quantity_step.as_str(),
        "contract_size": decimal(spec.contract_size),
        "contract_size_source": of.sources.contract_size.as_str(),
        "bar_seconds": of.bar.map_or(Value::Null, |(length, _)| number(length.seconds_f64())),
        "bar_seconds_source": of.bar.map(|(_, source)| source.as_str()),
    })
}

fn jump(run: &RunResult, jump: &GapJump) -> Value {
    let price = |price: Option<Price>| {
        price.zip(run.spec(jump.symbol)).map_or(Value::Null, |(price, spec)| number(spec.price_f64(price)))
    };
    json!({
        "symbol": run.symbol_name(jump.symbol),
        "cause": jump.cause.as_str(),
        "from": time(jump.from),
        "to": time(jump.to),
        "seconds": number((jump.to - jump.from).seconds_f64()),
        "price_before": price(jump.before),
        "price_after": price(jump.after),
        "price_jump_pct": jump.percent().map_or(Value::Null, number),
    })
}

fn coverage(run: &RunResult, c: &Coverage) -> Value {
    let causes = c.gaps.iter().map(|gap| {
        let share = json!({"count": gap.count, "seconds": number(gap.time.seconds_f64())});
        (gap.cause.as_str().to_owned(), share)
    });
    json!({
        "first_event": c.first.map(time),
        "last_event": c.last.map(time),
        "events": c.events_total(),
        "events_by_kind": c.events.iter().map(|(kind, count)| (kind.as_str().to_owned(), json!(count))).collect::<Map<_, _>>(),
        "covered_pct": c.covered_pct().map_or(Value::Null, number),
        "gaps": {"count": c.gaps_total(), "seconds": number(c.gap_time().seconds_f64()), "by_cause": causes.collect::<Map<_, _>>()},
        "jumps": c.jumps.iter().map(|of| jump(run, of)).collect::<Vec<_>>(),
        "marks_missing_seconds": c.marks_missing.map_or(Value::Null, |span| number(span.seconds_f64())),
    })
}

fn book(book: BookSource) -> Value {
    match book.assumed() {
        None => json!({"source": book.as_str()}),
        Some((spread_bps, depth)) => {
            json!({"source": book.as_str(), "assumed_spread_bps": number(spread_bps), "assumed_depth": money(depth)})
        }
    }
}

fn funding(funding: FundingSource) -> Value {
    match funding {
        FundingSource::Schedule { hours, rate: at } => {
            json!({"source": funding.as_str(), "hours": hours, "rate_pct": rate(at)})
        }
        FundingSource::Recorded | FundingSource::None => json!({"source": funding.as_str()}),
    }
}

fn metric(metric: &Metric) -> Value {
    let mut object = Map::new();
    let value = match metric.value {
        Ok(Amount::Money(amount)) => money(amount),
        Ok(Amount::Count(count)) => json!(count),
        Ok(Amount::Number(value)) => number(value),
        Err(_) => Value::Null,
    };
    object.insert("value".to_owned(), value);
    if let Err(reason) = metric.value {
        object.insert("reason".to_owned(), json!(reason));
    }
    object.insert("unit".to_owned(), json!(metric.definition.unit.as_str()));
    object.insert("n".to_owned(), json!(metric.n));
    object.insert("window".to_owned(), json!(format!("{}/{}", metric.window.0, metric.window.1)));
    object.insert("definition".to_owned(), json!(metric.definition.definition));
    match metric.interval {
        Some(Ok((low, high))) => {
            object.insert("interval_95".to_owned(), json!([number(low), number(high)]));
        }
        Some(Err(reason)) => {
            object.insert("interval_95".to_owned(), Value::Null);
            object.insert("interval_95_reason".to_owned(), json!(reason));
        }
        None => {}
    }
    if let Some(note) = metric.note {
        object.insert("note".to_owned(), json!(note));
    }
    Value::Object(object)
}

fn signal(run: &RunResult, signal: &Fired) -> Value {
    let price = signal
        .price
        .zip(run.spec(signal.symbol))
        .map_or(Value::Null, |(price, spec)| number(spec.price_f64(price)));
    json!({
        "section": signal.section.as_str(),
        "time": time(signal.at),
        "symbol": run.symbol_name(signal.symbol),
        "strategy": run.strategy_id(signal.strategy),
        "price": price,
    })
}

/// The trade at an index of the summary; null if out of range.
pub fn trade(run: &RunResult, index: usize) -> Value {
    run.summary.trades.get(index).map_or(Value::Null, |trade| closed(run, index, trade))
}

fn closed(run: &RunResult, index: usize, trade: &ClosedTrade) -> Value {
    let spec = run.spec(trade.symbol);
    let quantity = |spec: &SymbolSpec| whole(spec.shown_quantity(trade.qty));
    json!({
        "symbol": run.symbol_name(trade.symbol),
        "strategy": run.strategy_id(trade.strategy),
        "side": position(trade.side),
        "entry_time": time(trade.opened_at),
        "exit_time": time(trade.closed_at),
        "entry_price": number(trade.entry_price),
        "exit_price": number(trade.exit_price),
        "quantity": spec.map_or(Value::Null, quantity),
        "entry_notional": money(trade.entry_notional),
        "gross": money(trade.gross),
        "fees": money(trade.fees),
        "funding": money(trade.funding),
        "slippage": trade.slippage.map_or(Value::Null, money),
        "net": money(trade.net()),
        "net_pct": number(trade.net_pct()),
        "initial_risk": trade.initial_risk.map_or(Value::Null, money),
        "outcome": Outcome::of(trade).as_str(),
        "reason": trade.reason.as_str(),
        "mae_pct": number(trade.mae_pct),
        "mfe_pct": number(trade.mfe_pct),
        "duration_seconds": number((trade.closed_at - trade.opened_at).seconds_f64()),
        "fills": trade.fills,
        "leverage": trade.leverage,
        "why": run.reason(index).map_or(Value::Null, |reason| why(reason, spec)),
    })
}

/// The decisions behind a trade, each with its conditions; null for a trade beyond the bound on stored
/// conditions.
fn why(reason: &TradeReason, spec: Option<&SymbolSpec>) -> Value {
    let one = |decision: &DecisionReason| {
        json!({
            "time": time(decision.at),
            "trigger": decision.trigger.as_str(),
            "conditions": decision::checked(&decision.conditions),
        })
    };
    let exit = |reason: &DecisionReason| {
        let mut exit = one(reason);
        let level = reason.level.zip(spec).map(|(level, spec)| decision::exit_level(level, spec));
        exit["level"] = level.unwrap_or_default();
        exit["level_reason"] = json!(level_reason(reason.trigger, reason.level));
        exit
    };
    json!({
        "signal": reason.signal.as_ref().map(one),
        "entry": reason.entry.as_ref().map(one),
        "earlier_exits": reason.earlier_exits.iter().map(exit).collect::<Vec<_>>(),
        "exit": reason.exit.as_ref().map(exit),
    })
}

fn refusal(refusal: &BlockedByGuard) -> Value {
    json!({
        "reason": refusal.guard.as_str(),
        "count": refusal.count,
        "first_time": time(refusal.first_at),
        "example_value": number(refusal.value),
        "example_threshold": number(refusal.threshold),
        "example": legend::blocked(refusal.guard, refusal.value, refusal.threshold),
    })
}

fn tallied(tally: &Tally) -> Value {
    json!({
        "trades": tally.trades,
        "wins": tally.wins,
        "losses": tally.losses,
        "draws": tally.draws,
        "win_rate_pct": tally.win_rate_pct().map_or(Value::Null, number),
        "gross": money(tally.gross),
        "fees": money(tally.fees),
        "funding": money(tally.funding),
        "net": money(tally.net),
    })
}

fn drawdown(drawdown: &Drawdown) -> Value {
    json!({
        "depth_pct": number(drawdown.depth_pct),
        "depth": money(drawdown.depth()),
        "start": time(drawdown.started_at),
        "trough": time(drawdown.trough_at),
        "recovery": drawdown.recovered_at.map(time),
        "seconds": number(drawdown.duration().seconds_f64()),
    })
}

fn day(day: &Day) -> Value {
    json!({
        "day": day.midnight().to_string()[..10],
        "opening": money(day.opening),
        "closing": money(day.closing),
        "change": money(day.change()),
        "change_pct": day.growth.map_or(Value::Null, |growth| number(100.0 * growth)),
        "deposits": money(day.deposits),
        "whole": day.whole,
        "trades": day.trades,
        "trades_net": money(day.trades_net),
    })
}

fn curve_point(point: &CurvePoint) -> Value {
    json!({
        "time": time(point.at),
        "equity": money(point.close),
        "low": money(point.low),
        "high": money(point.high),
        "drawdown_pct": number(point.drawdown_pct),
    })
}

fn position(side: Side) -> &'static str {
    match side {
        Side::Buy => "long",
        Side::Sell => "short",
    }
}

fn time(at: Timestamp) -> String {
    at.to_string()
}

fn milliseconds(span: Span) -> Value {
    number(span.nanos() as f64 / 1e6)
}

fn rate(rate: Rate) -> Value {
    number(rate.percent())
}

/// The double nearest to the exact amount.
fn money(money: Money) -> Value {
    whole(money.shown())
}

/// A computed number: 15 significant digits.
fn number(value: f64) -> Value {
    whole(without_noise(value))
}

/// Whole numbers without a decimal point; null for NaN and infinities.
fn whole(value: f64) -> Value {
    const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT_BELOW {
        return json!(value as i64);
    }
    serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::num::Qty;
    use crate::report::sample;

    const GENERATOR: Generator<'_> = Generator { name: "tradingd", version: "0.0.0" };

    #[test]
    fn assumptions_come_first_and_text_stays_data() {
        let document = document(&[sample::result(), sample::empty_result()], GENERATOR);
        let results = document["results"].as_array().unwrap();
        for result in results {
            assert_eq!(result.as_object().unwrap().keys().next().unwrap(), "assumptions");
        }
        let one = &results[0];
        assert_eq!(one["symbol"], "PUMP_USDT");
        assert_eq!(one["strategy"], "pump_v2");
        assert_eq!(one["source"], "recordings/<script>alert(1)</script>.trades.gz");
        assert_eq!(one["signals"][0]["section"], "S1");
        assert_eq!(one["signals"][0]["time"], "2026-01-01T01:00:00.000000Z");
        assert_eq!(
            one["assumptions"]["fees"]["PUMP_USDT"],
            json!({"maker_pct": 0.02, "taker_pct": 0.06, "source": "default"})
        );
        assert_eq!(
            one["assumptions"]["coverage"]["gaps"]["by_cause"]["disconnect"],
            json!({"count": 1, "seconds": 1800})
        );
        assert_eq!(one["trades"].as_array().unwrap().len(), 23);
        let why = &one["trades"][3]["why"];
        assert_eq!(why["signal"]["conditions"]["s1_rush"]["missing"], "warm_up");
        assert_eq!(why["entry"]["conditions"]["z1_flow"]["met"], true);
        assert_eq!(why["exit"]["conditions"]["e1_pnl"]["value"], -4.423);
        let exits = || one["trades"].as_array().unwrap().iter().map(|trade| &trade["why"]["exit"]);
        let stop = exits().find(|exit| exit["trigger"] == "SL").unwrap();
        assert_eq!(stop["level"], json!({"price": 9.7, "met_by": 9.69, "met_by_kind": "last"}));
        assert_eq!(stop["level_reason"], Value::Null);
        let rule = exits().find(|exit| exit["trigger"] == "ZE1").unwrap();
        assert_eq!(
            (&rule["level"], &rule["level_reason"]),
            (&Value::Null, &json!("it was not a price level that ended it"))
        );
        assert_eq!(
            (&one["currency"], &one["mode"], &one["no_trade_reason"]),
            (&json!("USDT"), &json!("backtest"), &Value::Null)
        );
        assert_eq!(results[1]["no_trade_reason"], "No trade: the data holds no event.");
        // A signal is one of S1, wherever it is listed or counted.
        let signals = one["signals"].as_array().unwrap();
        assert!(signals.iter().all(|signal| signal["section"] == "S1"));
        assert_eq!(one["sections_fired"]["S1"], signals.len());
        assert!(one["sections_fired"]["Z1"].as_u64().is_some_and(|count| count > 0));
        assert_eq!(
            (&document["totals"][0]["results"], &document["totals"][0]["strategy"]),
            (&json!(2), &Value::Null)
        );
        assert_eq!(document["by_strategy"][0]["strategy"], "pump_v2 v3");
        assert_eq!(results[1]["metrics"]["win_rate"]["value"], Value::Null);
        assert_eq!(results[1]["metrics"]["win_rate"]["reason"], "no trade");
        assert_eq!(
            document["definitions"]["win_rate.sign_of_net"],
            "100 · wins / all closed trades, draws included"
        );
    }

    #[test]
    fn money_reads_exactly_as_it_was_computed() {
        for text in ["486.68", "-0.01", "12.3", "10486.68", "0.000000000000000001", "123456789.12345"] {
            let amount = text.parse::<f64>().unwrap();
            let digits: String = text.chars().filter(|c| c.is_ascii_digit()).collect();
            let decimals = text.split('.').nth(1).map_or(0, str::len);
            let exact = Money(
                digits.parse::<i128>().unwrap()
                    * 10_i128.pow(18 - decimals as u32)
                    * if amount < 0.0 { -1 } else { 1 },
            );
            assert_eq!(exact.to_string(), text);
            assert_eq!(money(exact).as_f64(), Some(amount));
        }
        assert_eq!(money(Money::from_units(100)).to_string(), "100");
        assert_eq!(money(Money::from_f64(486.68)).to_string(), "486.68");
    }

    /// Regression: sums and quotients of doubles left the program as 0.30000000000000004.
    #[test]
    fn no_number_has_binary_noise() {
        assert_eq!(number(0.1 + 0.2).to_string(), "0.3");
        assert_eq!(number(100.0 * 0.07).to_string(), "7");
        assert_eq!(money(Money(486_680_000_000_000_000_001 - 1)).to_string(), "486.68");
        let mut run = sample::result();
        run.symbols[0] =
            SymbolSpec::new("BTC_USDT", Decimal::ONE, Decimal::ONE, Decimal::step(4).unwrap()).unwrap();
        run.summary.trades[0].qty = Qty(3);
        assert_eq!(trade(&run, 0)["quantity"].to_string(), "0.0003");
    }

    #[test]
    fn several_symbols_have_no_single_name() {
        let mut run = sample::result();
        run.symbols.push(run.symbols[0].clone());
        run.strategies.push(run.strategies[0].clone());
        let value = result(&run);
        assert_eq!((&value["symbol"], &value["strategy"]), (&Value::Null, &Value::Null));
        assert_eq!(value["symbols"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn an_interval_of_too_few_trades_is_null_with_its_reason() {
        let mut run = sample::result();
        let metric =
            run.summary.metrics.iter_mut().find(|metric| metric.definition.id == "expectancy").unwrap();
        assert!(super::metric(metric)["interval_95"][0].is_number());
        metric.interval = Some(Err("too few"));
        let shown = super::metric(metric);
        assert_eq!((&shown["interval_95"], &shown["interval_95_reason"]), (&Value::Null, &json!("too few")));
    }

    /// Undefined values are null: the guard's missing threshold, the missing day, every metric of an empty
    /// run.
    #[test]
    fn no_number_stands_for_none() {
        let mut text = Vec::new();
        write(&[sample::result(), sample::empty_result()], GENERATOR, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        for word in ["NaN", "inf", "Infinity", "e308", "-100.0,"] {
            assert!(!text.contains(word), "{word}");
        }
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["results"][0]["refusals"][0]["example_threshold"], Value::Null);
        for run in value["results"].as_array().unwrap() {
            for (id, metric) in run["metrics"].as_object().unwrap() {
                assert_eq!(metric["value"].is_null(), metric.get("reason").is_some(), "{id}");
                assert!(
                    metric["n"].is_u64() && metric["unit"].is_string() && metric["definition"].is_string(),
                    "{id}"
                );
            }
        }
    }
}
