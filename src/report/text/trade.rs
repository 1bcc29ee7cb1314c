//! Explains one trade: the conditions at its signal, entry and exit, and the parts of its result.

use super::table::{Align, Table};
use super::{Style, broken, heading, line, sentence, side_word};
use crate::domain::ledger::ClosedTrade;
use crate::domain::num::Money;
use crate::domain::symbol::SymbolSpec;
use crate::report::format as f;
use crate::report::legend;
use crate::report::reason::DecisionReason;
use crate::report::run::RunResult;

/// Explains the trade at an index of the summary; `None` when there is none. `result` is the number of its
/// result, if there are several.
pub fn explained(run: &RunResult, index: usize, result: Option<usize>, style: Style) -> Option<String> {
    let trade = run.summary.trades.get(index)?;
    let mut out = String::new();
    let title = format!(
        "Trade {}{}: {} {} by {}",
        index + 1,
        result.map_or_else(String::new, |number| format!(" of result {number}")),
        side_word(trade.side),
        run.symbol_name(trade.symbol),
        run.strategy_id(trade.strategy)
    );
    heading(&mut out, &title, style);
    line(&mut out, &format!("source  {}", run.source));
    match run.reason(index) {
        Some(reason) => {
            for (name, decision) in reason.steps() {
                step(&mut out, name, decision, run.spec(trade.symbol), style);
                if name == "entry" {
                    fill(&mut out, run, "opened", trade.opened_at, trade.entry_price, trade);
                }
            }
            if reason.exit.is_some() {
                fill(&mut out, run, "closed", trade.closed_at, trade.exit_price, trade);
            } else {
                sentence(
                    &mut out,
                    &format!("exit: {} ({})", trade.reason.as_str(), legend::trigger(trade.reason)),
                    style.width,
                );
            }
        }
        None => sentence(
            &mut out,
            "the conditions of this trade were not kept: only those of the first trades of a result are",
            style.width,
        ),
    }
    money(&mut out, run, trade, style);
    Some(out)
}

/// A decision and its conditions.
fn step(out: &mut String, name: &str, decision: &DecisionReason, spec: Option<&SymbolSpec>, style: Style) {
    line(out, "");
    let label = format!("{name:<8}{}  ", f::instant(decision.at));
    broken(out, &label, &decision.trigger_text(spec), style.width);
    if decision.conditions.is_empty() {
        return;
    }
    let left = Align::Left;
    let mut table = Table::new([
        ("", left),
        ("condition", left),
        ("looks at", left),
        ("value", Align::Right),
        ("needed", left),
        ("", left),
    ]);
    for checked in &decision.conditions {
        let cells = [
            String::new(),
            checked.id.clone(),
            checked.indicator.clone(),
            checked.value_text(),
            checked.comparison_text(),
        ];
        let mut row = cells.to_vec();
        row.push(checked.met_word().to_owned());
        table.row(row);
    }
    out.push_str(&table.render(style, &[2, 1], &[]));
}

fn fill(
    out: &mut String,
    run: &RunResult,
    name: &str,
    at: crate::domain::time::Timestamp,
    price: f64,
    trade: &ClosedTrade,
) {
    let spec = run.spec(trade.symbol);
    let quantity =
        spec.map_or_else(|| trade.qty.0.to_string(), |spec| spec.base_quantity(trade.qty).to_string());
    line(out, &format!("{name:<8}{}  {quantity} at {}", f::instant(at), f::price(spec, price)));
}

/// The parts of the net result.
fn money(out: &mut String, run: &RunResult, trade: &ClosedTrade, style: Style) {
    let currency = f::Currency::of(run.currency());
    line(out, "");
    sentence(
        out,
        &format!(
            "net {} = {} from the price, {} fees, {} funding; {} % of the {} position at leverage {}",
            currency.named(&currency.fine(trade.net())),
            currency.fine(trade.gross),
            currency.fine(-trade.fees),
            currency.fine(trade.funding),
            f::plain(trade.net_pct(), 2),
            currency.amount(trade.entry_notional),
            trade.leverage
        ),
        style.width,
    );
    let slippage = match trade.slippage {
        Some(gain) if gain < Money::ZERO => {
            format!(
                "fills were {} better than the middle of the book at the decisions",
                currency.amount(-gain)
            )
        }
        Some(cost) => {
            format!("slippage of {} is included in the part of the price", currency.amount(cost))
        }
        None => "slippage is unknown: no middle of the book was known at the decisions".to_owned(),
    };
    let held = f::seconds((trade.closed_at - trade.opened_at).seconds_f64());
    let extremes = format!(
        "while it was open ({held}) the price was {} % to {} % from the entry",
        f::plain(trade.mae_pct, 2),
        f::plain(trade.mfe_pct, 2)
    );
    sentence(out, &format!("{extremes}; {slippage}"), style.width);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_trade_tells_its_conditions_with_values_and_limits() {
        let run = sample::result();
        let text = explained(&run, 2, Some(4), Style::default()).unwrap();
        for needle in [
            "Trade 3 of result 4:",
            "s1_price",
            "9.125",
            ">= 8",
            "none (warm_up)",
            "unknown",
            "z1_flow",
            "e1_pnl",
            "-4.423",
            "not met",
            "net ",
        ] {
            assert!(text.contains(needle), "{needle}\n{text}");
        }
        let order = ["signal", "entry", "opened", "exit", "closed"]
            .map(|word| text.find(&format!("\n{word} ")).unwrap_or_else(|| panic!("{word}\n{text}")));
        assert!(order.is_sorted(), "{text}");
        assert_eq!(explained(&run, 99, None, Style::default()), None);
    }

    #[test]
    fn a_trade_beyond_the_bound_says_that_its_conditions_were_not_kept() {
        let mut run = sample::result();
        run.reasons.truncate(1);
        assert!(explained(&run, 1, None, Style::default()).unwrap().contains("not kept"));
    }
}
