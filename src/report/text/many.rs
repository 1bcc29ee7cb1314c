//! Several results: an overview by strategy, a row per result, and totals.

use super::table::{Align, Table};
use super::{Style, heading, line, rate, sentence, wrapped};
use crate::report::format as f;
use crate::report::no_trade;
use crate::report::overview::{
    ABOUT_SUMS, NO_TOTAL, Overview, ResultSums, are_alternatives, by_strategy, totals,
};
use crate::report::run::{BlockedByGuard, RunResult};
use crate::report::terms::{PRICE_JUMP, assumption_lines, jumps, smaller_jumps};
use std::collections::{BTreeMap, BTreeSet};

/// Maximum number of reasons listed above the tables.
const REASONS_SHOWN: usize = 8;
/// Maximum number of values of an assumption that are listed with the results that have them.
const VALUES_SHOWN: usize = 4;
/// Maximum number of limits named that blocked entries.
const GUARDS_NAMED: usize = 4;
/// Maximum number of results named per reason or value.
const RESULTS_NAMED: usize = 8;

/// A text, and the numbers of the results it is about.
type Numbered = (String, Vec<usize>);

/// The text of several results.
pub fn many(runs: &[RunResult], style: Style) -> String {
    let mut out = assumptions(runs, style);
    without_trade(&mut out, runs, style);
    heading(&mut out, "By strategy", style);
    out.push_str(&summary(runs, style));
    line(&mut out, "");
    heading(&mut out, "Results", style);
    out.push_str(&lines(runs, style));
    line(&mut out, "");
    blocked(&mut out, runs, style);
    sentence(&mut out, ABOUT_SUMS, style.width);
    if are_alternatives(runs) {
        sentence(&mut out, NO_TOTAL, style.width);
    }
    out
}

/// The assumptions of all results; coverage differs and has its own column. A value that only some results
/// have stands with their numbers.
fn assumptions(runs: &[RunResult], style: Style) -> String {
    let mut out = String::new();
    heading(&mut out, "Assumptions", style);
    let mut names: Vec<(String, Vec<Numbered>)> = Vec::new();
    for (index, run) in runs.iter().enumerate() {
        for (name, value) in assumption_lines(run) {
            match names.iter_mut().find(|(known, _)| *known == name) {
                Some((_, values)) => add_to(values, value, index + 1),
                None => names.push((name, vec![(value, vec![index + 1])])),
            }
        }
    }
    names
        .retain(|(name, _)| !matches!(name.as_str(), "coverage" | "gaps" | PRICE_JUMP | "warm-up" | "fills"));
    price_jumps(&mut out, runs, style);
    for (name, values) in &names {
        let (shared, mut others): (Vec<_>, Vec<_>) =
            values.iter().partition(|(_, numbers)| numbers.len() == runs.len());
        if others.len() > VALUES_SHOWN {
            // What holds for many results is not what the list leaves out.
            others.sort_by_key(|(_, numbers)| std::cmp::Reverse(numbers.len()));
        }
        shared.iter().for_each(|(value, _)| wrapped(&mut out, name, value, style.width));
        for (value, numbers) in others.iter().take(VALUES_SHOWN) {
            wrapped(&mut out, name, &format!("{}  {value}", named(numbers)), style.width);
        }
        if others.len() > VALUES_SHOWN {
            let more =
                format!("{} more, each of some results: see --report or --json", others.len() - VALUES_SHOWN);
            wrapped(&mut out, name, &more, style.width);
        }
    }
    line(&mut out, "");
    out
}

/// The largest price changes across gaps of all results. Each once, with the results that have it.
fn price_jumps(out: &mut String, runs: &[RunResult], style: Style) {
    let mut by_text: BTreeMap<String, (f64, Vec<usize>)> = BTreeMap::new();
    for (index, run) in runs.iter().enumerate() {
        for (size, text) in jumps(run) {
            by_text.entry(text).or_insert((size, Vec::new())).1.push(index + 1);
        }
    }
    let mut all: Vec<(String, (f64, Vec<usize>))> = by_text.into_iter().collect();
    all.sort_by(|(_, (one, _)), (_, (other, _))| other.total_cmp(one));
    let smaller = all.split_off(all.len().min(VALUES_SHOWN));
    for (text, (_, numbers)) in &all {
        wrapped(out, PRICE_JUMP, &format!("{}  {text}", named(numbers)), style.width);
    }
    if !smaller.is_empty() {
        let of: BTreeSet<usize> = smaller.iter().flat_map(|(_, (_, numbers))| numbers.clone()).collect();
        let numbers: Vec<usize> = of.into_iter().collect();
        let text = format!("{}  {}", named(&numbers), smaller_jumps(smaller.len()));
        wrapped(out, PRICE_JUMP, &text, style.width);
    }
}

/// Adds the number of a result to the one text that it has in common with others.
fn add_to(texts: &mut Vec<Numbered>, text: String, number: usize) {
    match texts.iter_mut().find(|(known, _)| *known == text) {
        Some((_, numbers)) if numbers.last() == Some(&number) => {}
        Some((_, numbers)) => numbers.push(number),
        None => texts.push((text, vec![number])),
    }
}

/// Numbers of results, e.g. `#1 #3 and 5 more`.
fn named(numbers: &[usize]) -> String {
    let shown: Vec<String> = numbers.iter().take(RESULTS_NAMED).map(|number| format!("#{number}")).collect();
    match numbers.len() - shown.len() {
        0 => shown.join(" "),
        more => format!("{} and {more} more", shown.join(" ")),
    }
}

/// A row per strategy, and totals if there are several strategies whose results can be added.
fn summary(runs: &[RunResult], style: Style) -> String {
    let right = Align::Right;
    let mut table = Table::new([
        ("strategy", Align::Left),
        ("results", right),
        ("no trade", right),
        ("trades", right),
        ("wins", right),
        ("losses", right),
        ("win rate", right),
        ("net", right),
        ("worst max dd", right),
        ("blocked", right),
    ]);
    let strategies = by_strategy(runs);
    let all = totals(runs);
    for one in &strategies {
        table.row(summary_row(&one.strategy, one));
    }
    if strategies.len() > all.len() {
        all.iter().for_each(|total| table.row(summary_row("total", total)));
    }
    table.render(style, &[0], &[2, 4, 5])
}

fn summary_row(name: &str, one: &Overview) -> Vec<String> {
    let count = |count: u64| f::grouped(u128::from(count));
    let mut row = vec![name.to_owned(), count(one.results), count(one.without_trade)];
    match &one.sums {
        Some(ResultSums { tally, net }) => {
            row.extend([tally.trades, tally.wins, tally.losses].map(count));
            row.extend([rate(tally.win_rate_pct()), f::Currency(one.currency.as_deref()).amount(*net)]);
        }
        None => row.extend([f::NONE; 5].map(str::to_owned)),
    }
    row.extend([f::percent(one.worst_drawdown_pct), count(one.entries_blocked)]);
    row
}

fn lines(runs: &[RunResult], style: Style) -> String {
    let mut table = Table::new([
        ("#", Align::Right),
        ("strategy", Align::Left),
        ("source", Align::Left),
        ("from", Align::Left),
        ("symbol", Align::Left),
        ("signals", Align::Right),
        ("first signal", Align::Left),
        ("trades", Align::Right),
        ("blocked", Align::Right),
        ("win rate", Align::Right),
        ("net", Align::Right),
        ("max dd", Align::Right),
        ("coverage", Align::Right),
        ("digest", Align::Left),
    ]);
    for (index, run) in runs.iter().enumerate() {
        table.row(result_row(index, run));
    }
    for total in totals(runs) {
        let mut row = vec![String::new(); 14];
        row[1] = "total".to_owned();
        if let Some(ResultSums { tally, net }) = &total.sums {
            row[7] = tally.trades.to_string();
            row[8] = f::grouped(u128::from(total.entries_blocked));
            row[9] = rate(tally.win_rate_pct());
            row[10] = f::Currency(total.currency.as_deref()).amount(*net);
        }
        table.row(row);
    }
    // On a narrow terminal the least important columns are dropped first, then names are shortened in the
    // middle. Events of one recording differ in their dates only.
    let named = |run: &RunResult| (run.strategies_line(), run.source.clone(), run.symbols_line());
    let names: BTreeSet<_> = runs.iter().map(named).collect();
    let dispensable = [13, 12, 6, 8, 5, 11, 3];
    let kept = usize::from(names.len() < runs.len());
    table.render(style, &[2, 1, 4], &dispensable[..dispensable.len() - kept])
}

fn result_row(index: usize, run: &RunResult) -> Vec<String> {
    let metric = |id: &str| {
        run.metric(id)
            .and_then(|m| f::metric(m, f::Currency::of(run.currency())).ok())
            .unwrap_or_else(|| f::NONE.to_owned())
    };
    let first = run.signals().next();
    vec![
        (index + 1).to_string(),
        run.strategies_line(),
        run.source.rsplit('/').next().unwrap_or(&run.source).to_owned(),
        run.assumptions.coverage.first.map_or_else(|| f::NONE.to_owned(), f::day),
        run.symbols_line(),
        run.signals_count().to_string(),
        first.map_or_else(|| f::NONE.to_owned(), |signal| f::second(signal.at)),
        metric("trades"),
        f::grouped(u128::from(BlockedByGuard::total(&run.refusals))),
        metric("win_rate"),
        metric("net_profit"),
        metric("max_drawdown_pct"),
        run.assumptions.coverage.covered_pct().map_or_else(|| f::NONE.to_owned(), f::percent),
        run.digest_short().to_owned(),
    ]
}

/// Which limits blocked entries, over all results, and where to read more.
fn blocked(out: &mut String, runs: &[RunResult], style: Style) {
    let mut by_guard: BTreeMap<&str, u64> = BTreeMap::new();
    for refusal in runs.iter().flat_map(|run| &run.refusals) {
        *by_guard.entry(refusal.guard.as_str()).or_default() += refusal.count;
    }
    if by_guard.is_empty() {
        return;
    }
    let mut guards: Vec<(&str, u64)> = by_guard.into_iter().collect();
    guards.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut shown: Vec<String> = guards
        .iter()
        .take(GUARDS_NAMED)
        .map(|(guard, count)| format!("{guard} {}", f::grouped(u128::from(*count))))
        .collect();
    if guards.len() > GUARDS_NAMED {
        shown.push(format!("{} more limits", guards.len() - GUARDS_NAMED));
    }
    let text = format!(
        "Limits blocked entries: {}. --report and --json tell of each result when first and why, and so does a run of one alone.",
        shown.join(", ")
    );
    sentence(out, &text, style.width);
}

/// Each reason for no trade once, with the results it applies to.
fn without_trade(out: &mut String, runs: &[RunResult], style: Style) {
    let mut reasons: Vec<Numbered> = Vec::new();
    for (index, run) in runs.iter().enumerate() {
        let Some(reason) = no_trade::why(run) else { continue };
        add_to(&mut reasons, reason, index + 1);
    }
    if reasons.is_empty() {
        return;
    }
    for (reason, numbers) in reasons.iter().take(REASONS_SHOWN) {
        sentence(out, &format!("{}  {reason}", named(numbers)), style.width);
    }
    if reasons.len() > REASONS_SHOWN {
        line(out, &format!("{} more reasons are in the JSON form", reasons.len() - REASONS_SHOWN));
    }
    line(out, "");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::GapCause;
    use crate::domain::num::Price;
    use crate::domain::symbol::SymbolId;
    use crate::domain::time::Span;
    use crate::report::assumptions::GapJump;
    use crate::report::sample;
    use crate::report::text::Colour;

    fn variants() -> Vec<RunResult> {
        let named = |id: &str, source: &str| {
            let mut run = sample::result();
            run.strategies[0].id = id.to_owned();
            run.source = source.to_owned();
            run
        };
        let sources =
            ["pumps/GVTBTC_20200415T1556Z", "pumps/GVTBTC_20200416T0011Z", "pumps/GVTBTC_20200417T2200Z"];
        sources.iter().flat_map(|source| ["p6", "p8", "p10"].map(|id| named(id, source))).collect()
    }

    /// Regression: five variants over three files of one coin gave fifteen rows that could not be told apart.
    #[test]
    fn no_two_lines_of_different_results_are_equal_at_any_width() {
        let runs = variants();
        for width in [80, 100, 160, 400] {
            let text = many(&runs, Style::of_width(width, Colour::Plain));
            let (_, results) = text.split_once("Results\n").unwrap();
            let lines: Vec<&str> = results.lines().skip(1).take(runs.len()).collect();
            for (index, line) in lines.iter().enumerate() {
                let (number, rest) = line.trim_start().split_once(' ').unwrap();
                assert_eq!(number, (index + 1).to_string());
                assert!(!lines.iter().skip(index + 1).any(|other| other.ends_with(rest)), "{width}\n{text}");
            }
        }
    }

    #[test]
    fn strategies_are_summed_up_and_so_is_everything() {
        let mut runs = variants();
        for (index, run) in runs.iter_mut().enumerate() {
            run.symbols[0].name = format!("S{index}_USDT");
        }
        let text = many(&runs, Style::of_width(120, Colour::Plain));
        let line = |name: &str| {
            text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}\n{text}"))
        };
        assert!(line("p8 v3").split_whitespace().nth(2) == Some("3"), "{text}");
        let total: Vec<&str> = line("total").split_whitespace().collect();
        assert_eq!((total[1], total[3]), ("9", "207"), "{text}");
        let (_, results) = text.split_once("Results\n").unwrap();
        let total = results.lines().find(|line| line.contains("total")).unwrap();
        assert!(total.contains("USDT") && total.contains("207"), "{text}");
        assert!(text.contains("Each result has an account of its own"), "{text}");
    }

    #[test]
    fn variants_over_the_same_data_are_not_added_up() {
        let text = many(&variants(), Style::of_width(120, Colour::Plain));
        assert!(!text.lines().any(|line| line.trim_start().starts_with("total")), "{text}");
        assert!(text.contains("There is no total: some results trade the same symbol"), "{text}");
    }

    #[test]
    fn an_assumption_that_differs_stands_with_the_results_it_holds_for() {
        let mut runs = [sample::result(), sample::result(), sample::result()];
        for (run, warnings) in runs.iter_mut().zip([&["all", "one"][..], &["all", "two"], &["all", "two"]]) {
            run.assumptions.warnings = warnings.iter().map(ToString::to_string).collect();
        }
        let text = many(&runs, Style::of_width(120, Colour::Plain));
        let (assumed, _) = text.split_once("By strategy").unwrap();
        let warnings: Vec<&str> =
            assumed.lines().filter_map(|line| line.trim_start().strip_prefix("warning")).collect();
        assert_eq!(
            warnings.iter().map(|line| line.trim()).collect::<Vec<_>>(),
            ["all", "#1  one", "#2 #3  two"],
            "{text}"
        );
        let many_values: Vec<RunResult> = (0..9)
            .map(|seed| {
                let mut run = sample::result();
                run.assumptions.seed = seed;
                run
            })
            .collect();
        let text = many(&many_values, Style::of_width(120, Colour::Plain));
        assert!(text.contains("5 more, each of some results: see --report or --json"), "{text}");
        let own = |index: usize, mut run: RunResult| {
            run.assumptions.warnings = vec![format!("of {index} only")];
            run.assumptions.warnings.extend((index > 6).then(|| "the account is in BTC".to_owned()));
            run
        };
        let runs: Vec<RunResult> =
            many_values.into_iter().enumerate().map(|(index, run)| own(index, run)).collect();
        let text = many(&runs, Style::of_width(120, Colour::Plain));
        assert!(
            text.contains("#8 #9  the account is in BTC"),
            "what holds for most is never left out\n{text}"
        );
    }

    /// Regression: only a single result told that its entries were blocked.
    #[test]
    fn blocked_entries_are_counted_in_both_tables_and_their_limits_named() {
        let runs = [sample::result(), sample::empty_result()];
        let text = many(&runs, Style::of_width(160, Colour::Plain));
        let sum = BlockedByGuard::total(&runs[0].refusals).to_string();
        let (_, tables) = text.split_once("By strategy\n").unwrap();
        let (summary, results) = tables.split_once("Results\n").unwrap();
        let last = summary.lines().nth(1).and_then(|row| row.split_whitespace().last());
        assert!(summary.contains("blocked") && last == Some(sum.as_str()), "{text}");
        let row = results.lines().nth(1).unwrap();
        assert!(row.split_whitespace().any(|cell| cell == sum), "{text}");
        assert!(text.contains("Limits blocked entries: warm_up 52, max_spread 18."), "{text}");
        let none = many(&[sample::empty_result(), sample::empty_result()], Style::default());
        assert!(!none.contains("Limits blocked"), "{none}");
    }

    /// Regression: of each result the largest were shown, so that a smaller one of another result hid larger
    /// ones.
    #[test]
    fn the_largest_price_changes_of_all_results_come_first_and_the_rest_names_its_results() {
        let with = |changes: &[i64]| {
            let mut run = sample::result();
            let from = run.assumptions.coverage.first.expect("the sample has events");
            let jump = |after: i64| GapJump {
                symbol: SymbolId(0),
                cause: GapCause::Silence,
                from,
                to: from + Span::from_seconds(7_200),
                before: Some(Price(1_000)),
                after: Some(Price(1_000 + after)),
            };
            run.assumptions.coverage.jumps = changes.iter().map(|after| jump(*after)).collect();
            run
        };
        let runs = [with(&[10, 20]), with(&[500, 400, 300, 200, 100]), with(&[-450, 20])];
        let text = many(&runs, Style::of_width(200, Colour::Plain));
        let lines: Vec<&str> =
            text.lines().filter_map(|line| line.trim_start().strip_prefix("price jump  ")).collect();
        let begins = ["#2  50.00 %", "#3  -45.00 %", "#2  40.00 %", "#2  30.00 %"];
        assert!(lines.iter().zip(begins).all(|(line, begin)| line.starts_with(begin)), "{text}");
        assert_eq!(lines[4..], ["#1 #2 #3  4 smaller: see --json"], "{text}");
    }

    #[test]
    fn results_without_a_trade_say_why_above_the_tables() {
        let runs = [sample::result(), sample::empty_result(), sample::empty_result()];
        let text = many(&runs, Style::of_width(160, Colour::Ansi));
        assert!(text.contains("quiet.trades") && text.contains("\x1b[1m"), "{text}");
        let places =
            ["#2 #3  No trade: the data holds no event.\n", "By strategy"].map(|part| text.find(part));
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{text}");
    }
}
