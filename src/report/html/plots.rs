//! Charts of a result: equity with its drawdown, and prices with signals and trades.

use super::chart::{Axis, Chart, Mark, Shape, Span};
use crate::domain::order::Side;
use crate::domain::symbol::SymbolId;
use crate::report::format as f;
use crate::report::run::RunResult;
use crate::report::series::{Bucket, PriceExtent};
use crate::report::tally::Outcome;
use crate::report::text::side_word;
use std::fmt::Write;

/// Maximum number of trades and of signals on one chart; more would be unreadable.
const MARKS: usize = 400;

/// Appends all charts; they share one time axis.
pub(super) fn render(out: &mut String, run: &RunResult) {
    let summary = &run.summary;
    if summary.end <= summary.start {
        return;
    }
    let axis = Axis::new(summary.start, summary.end);
    out.push_str("<h3>Equity</h3>\n");
    out.push_str(&equity(run, axis).render());
    out.push_str(&drawdown(run, axis).render());
    out.push_str(&axis.labels());
    for (symbol, buckets) in &run.prices {
        if !buckets.is_empty() {
            price(out, run, axis, *symbol, buckets);
        }
    }
}

fn equity(run: &RunResult, axis: Axis) -> Chart<'_> {
    let points = run.summary.curve.iter();
    Chart {
        caption: "Equity, marked to market; dashed: the start; grey: no data".to_owned(),
        axis,
        spans: points
            .map(|p| Span { at: p.at, low: p.low.to_f64(), high: p.high.to_f64(), close: p.close.to_f64() })
            .collect(),
        shape: Shape::Steps,
        height_px: 220,
        gaps: &run.summary.gaps,
        marks: Vec::new(),
        reference: Some(run.summary.initial.to_f64()),
        label: &short,
    }
}

fn drawdown(run: &RunResult, axis: Axis) -> Chart<'_> {
    let mut peak = f64::NEG_INFINITY;
    let spans = run.summary.curve.iter().map(|p| {
        // After a bucket its last value applies, relative to the running peak, not the deepest one in
        // between.
        peak = peak.max(p.high.to_f64());
        let last = if peak > 0.0 { 100.0 * (p.close.to_f64() - peak).min(0.0) / peak } else { 0.0 };
        Span { at: p.at, low: -p.drawdown_pct, high: 0.0, close: last.max(-p.drawdown_pct) }
    });
    Chart {
        caption: "Drawdown of equity, percent".to_owned(),
        axis,
        spans: spans.collect(),
        shape: Shape::Under,
        height_px: 90,
        gaps: &run.summary.gaps,
        marks: Vec::new(),
        reference: None,
        label: &|v| format!("{} %", short(v)),
    }
}

fn price(out: &mut String, run: &RunResult, axis: Axis, symbol: SymbolId, buckets: &[Bucket<PriceExtent>]) {
    let Some(spec) = run.spec(symbol) else { return };
    let number = |price| spec.price_f64(price);
    let spans = buckets.iter().map(|b| Span {
        at: b.at,
        low: number(b.extent.low),
        high: number(b.extent.high),
        close: number(b.extent.close),
    });
    let _ = writeln!(out, "<h3>Price {}</h3>", super::escaped(&spec.name));
    let chart = Chart {
        caption:
            "◆ signal (S1) · ▲ long entry · ▼ short entry · ● exit with profit · ✕ exit with loss · ○ draw"
                .to_owned(),
        axis,
        spans: spans.collect(),
        shape: Shape::Straight,
        height_px: 260,
        gaps: &run.summary.gaps,
        marks: marks(run, symbol),
        reference: None,
        label: &|v| f::measured(v),
    };
    out.push_str(&chart.render());
    out.push_str(&axis.labels());
    let trades = run.summary.trades.iter().filter(|trade| trade.symbol == symbol).count();
    if trades > MARKS {
        let _ = writeln!(
            out,
            "<p class=\"where\">The first {MARKS} of {} trades are marked.</p>",
            f::grouped(trades as u128)
        );
    }
}

fn marks(run: &RunResult, symbol: SymbolId) -> Vec<Mark> {
    let spec = run.spec(symbol);
    let mut marks = Vec::new();
    let signals = run.signals().filter(|signal| signal.symbol == symbol);
    for signal in signals.take(MARKS) {
        let Some((price, spec)) = signal.price.zip(spec) else { continue };
        let value = spec.price_f64(price);
        let title = format!("signal (S1) {} at {}", f::second(signal.at), f::price(Some(spec), value));
        marks.push(Mark { at: signal.at, value, class: "signal", sign: "◆", title });
    }
    for (number, trade) in
        run.summary.trades.iter().enumerate().filter(|(_, trade)| trade.symbol == symbol).take(MARKS)
    {
        let sign = if trade.side == Side::Buy { "▲" } else { "▼" };
        let title = format!(
            "trade {}: {} {} at {}",
            number + 1,
            side_word(trade.side),
            f::second(trade.opened_at),
            f::price(spec, trade.entry_price)
        );
        marks.push(Mark { at: trade.opened_at, value: trade.entry_price, class: "entry", sign, title });
        let (class, sign) = match Outcome::of(trade) {
            Outcome::Win => ("gain", "●"),
            Outcome::Loss => ("loss", "✕"),
            Outcome::Draw => ("entry", "○"),
        };
        let title = format!(
            "trade {}: {} {} at {}, net {}",
            number + 1,
            trade.reason.as_str(),
            f::second(trade.closed_at),
            f::price(spec, trade.exit_price),
            f::Currency::of(run.currency()).named(&f::Currency::of(run.currency()).signed(trade.net()))
        );
        marks.push(Mark { at: trade.closed_at, value: trade.exit_price, class, sign, title });
    }
    marks
}

/// A short axis label.
fn short(value: f64) -> String {
    if value.abs() >= 1_000.0 {
        let shown = f::grouped(value.abs().round() as u128);
        return if value < 0.0 { format!("-{shown}") } else { shown };
    }
    f::measured(value)
}
