//! Explains why a run made no trade, which its numbers cannot show.

use crate::domain::decision::SectionName;
use crate::domain::time::Span;
use crate::report::format as f;
use crate::report::legend;
use crate::report::run::{LookBack, RunResult};
use crate::report::text::counted;

/// Maximum number of guards named.
const BLOCKS_NAMED: usize = 3;

/// The reason as a sentence that begins with `No trade:`; `None` for a run with trades.
pub fn why(run: &RunResult) -> Option<String> {
    if !run.summary.trades.is_empty() {
        return None;
    }
    Some(format!("No trade: {}.", reason(run)))
}

/// The message that a strategy looks back further than the data reaches.
pub fn too_short(strategy: &str, look_back: &LookBack, data: Span, what: &str) -> String {
    format!(
        "{strategy} needs {} of data before its first signal ({}); {what} has {}",
        f::seconds(look_back.span.seconds_f64()),
        look_back.indicator,
        f::seconds(data.seconds_f64())
    )
}

/// The message that a strategy needs market data for some time before it can trade.
pub fn first_wait(strategy: &str, look_back: &LookBack) -> String {
    format!(
        "{strategy} needs {} of the market before its first signal ({}); a gap starts the wait again",
        f::seconds(look_back.span.seconds_f64()),
        look_back.indicator
    )
}

fn reason(run: &RunResult) -> String {
    let coverage = &run.assumptions.coverage;
    let Some((first, last)) = coverage.first.zip(coverage.last) else {
        return "the data holds no event".to_owned();
    };
    if run.summary.open_at_end {
        return "a position was opened and is still open".to_owned();
    }
    if run.assumptions.warm_up.is_none()
        && let Some(reason) = warm_up(run, last - first)
    {
        return reason;
    }
    let signals = run.fired_count(SectionName::S1);
    match (signals, run.fired_count(SectionName::Z1), run.orders_count) {
        (0, _, 0) => format!(
            "the signal (S1) never became true{}",
            if run.assumptions.warm_up.is_none() { NEVER_WARM } else { "" }
        ),
        (_, _, orders) if orders > 0 => {
            format!("{} but none was filled", counted(orders, "order was sent", "orders were sent"))
        }
        _ if !run.refusals.is_empty() => blocked(run),
        (signals, 0, _) => format!(
            "{}, but the entry conditions (Z1) were never met before the signal was cancelled or too old",
            counted(signals, "signal (S1)", "signals (S1)")
        ),
        (signals, ..) => {
            format!("{} without an order", counted(signals, "signal (S1)", "signals (S1)"))
        }
    }
}

const NEVER_WARM: &str = ", and at least one indicator never had a value";

/// The strategy with the longest look-back, if the data is shorter than that or interrupted by gaps.
fn warm_up(run: &RunResult, span: Span) -> Option<String> {
    let looking = run.strategies.iter().filter_map(|strategy| Some((strategy, strategy.look_back.as_ref()?)));
    let (strategy, look_back) = looking.max_by_key(|(_, look_back)| look_back.span)?;
    if look_back.span > span {
        return Some(too_short(&strategy.id, look_back, span, "the data"));
    }
    let gaps = run.assumptions.coverage.gaps_total();
    (gaps > 0).then(|| {
        let sentence = too_short(&strategy.id, look_back, span, "the data");
        format!("{sentence}, but {} in it, each of which starts the wait again", counted(gaps, "gap", "gaps"))
    })
}

fn blocked(run: &RunResult) -> String {
    let named = run.refusals.iter().take(BLOCKS_NAMED).map(|refusal| {
        let times = counted(refusal.count, "time", "times");
        format!(
            "{} {times} (first: {})",
            refusal.guard.as_str(),
            legend::blocked(refusal.guard, refusal.value, refusal.threshold)
        )
    });
    format!("every entry was blocked: {}", named.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decision::Guard;
    use crate::domain::time::Timestamp;
    use crate::report::fired::Fired;
    use crate::report::run::BlockedEntries;
    use crate::report::sample;

    /// A run without events of note in 5 minutes 45 seconds of data.
    fn quiet() -> RunResult {
        let mut run = sample::empty_result();
        let begin = Timestamp::parse("2026-01-01").unwrap();
        run.assumptions.coverage.first = Some(begin);
        run.assumptions.coverage.last = Some(begin + Span::from_seconds(345));
        run
    }

    fn warm() -> RunResult {
        let mut run = quiet();
        run.assumptions.warm_up = Some(Span::from_seconds(60));
        run
    }

    fn fired(run: &mut RunResult, section: SectionName) {
        let at = run.assumptions.coverage.first.unwrap();
        run.fired.push(Fired { at, section, ..sample::result().fired.listed()[0] });
    }

    #[test]
    fn a_run_that_traded_needs_no_reason() {
        assert_eq!(why(&sample::result()), None);
    }

    #[test]
    fn data_shorter_than_the_look_back_says_both() {
        assert_eq!(
            why(&quiet()).unwrap(),
            "No trade: pump_v2 needs 6h 00m of data before its first signal (buying_20s_vs_6h); the data has 5m 45s."
        );
        assert_eq!(why(&sample::empty_result()).unwrap(), "No trade: the data holds no event.");
    }

    #[test]
    fn each_way_of_not_trading_has_its_sentence() {
        assert_eq!(why(&warm()).unwrap(), "No trade: the signal (S1) never became true.");
        let mut run = warm();
        fired(&mut run, SectionName::S1);
        assert!(
            why(&run)
                .unwrap()
                .starts_with("No trade: 1 signal (S1), but the entry conditions (Z1) were never met"),
            "{:?}",
            why(&run)
        );
        fired(&mut run, SectionName::Z1);
        run.orders_count = 2;
        assert_eq!(why(&run).unwrap(), "No trade: 2 orders were sent but none was filled.");
        let mut run = warm();
        fired(&mut run, SectionName::S1);
        let mut refusals = BlockedEntries::default();
        for _ in 0..3 {
            refusals.add(run.assumptions.coverage.first.unwrap(), Guard::Spread, 1.5, 1.0);
        }
        run.refusals = refusals.finish();
        assert_eq!(
            why(&run).unwrap(),
            "No trade: every entry was blocked: max_spread 3 times (first: the spread was 1.5 %, 1 % is allowed)."
        );
    }

    #[test]
    fn gaps_that_start_the_wait_anew_are_named() {
        let mut run = quiet();
        let begin = run.assumptions.coverage.first.unwrap();
        run.assumptions.coverage.last = Some(begin + Span::from_seconds(40_000));
        run.assumptions.coverage.gap(crate::domain::event::GapCause::Disconnect, Span::from_seconds(10));
        assert!(why(&run).unwrap().contains("the data has 11h 06m, but 1 gap in it"), "{:?}", why(&run));
    }
}
