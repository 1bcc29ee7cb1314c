//! `--explain SYMBOL@TIME`: runs up to that moment and shows each strategy's conditions, recent decisions and
//! any limit that would block an entry.

use crate::app::{Failure, terminal};
use crate::document::decision;
use crate::domain::decision::{Decision, Evidence, State};
use crate::domain::strategy::StrategyDef;
use crate::domain::symbol::SymbolSpec;
use crate::domain::time::{Span, Timestamp};
use crate::domain::visible::{Visible, lines};
use crate::engine::explain::Explanation;
use crate::engine::output::Outputs;
use crate::report::legend;
use crate::report::reason::Checked;
use crate::report::text::second;
use crate::service::backtest::Run;
use crate::service::known_names;
use crate::session::driver::{Driver, Flow, Recorder};
use serde_json::{Value, json};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// Number of decisions shown before the moment.
const RECENT: usize = 12;

/// Keeps the last decisions of the run with their evidence.
#[derive(Default)]
struct Recent(VecDeque<(Decision, Vec<Evidence>)>);

impl Recorder for Recent {
    fn outputs(&mut self, out: &Outputs) {
        for (made, evidence) in out.decided() {
            if self.0.len() == RECENT {
                self.0.pop_front();
            }
            self.0.push_back((*made, evidence.to_vec()));
        }
    }
}

/// Prints an explanation for every run whose data covers the symbol and time.
///
/// # Errors
/// A question that cannot be parsed, or no run with data of the symbol at that time.
pub fn run(question: &str, runs: &[Run<'_>], as_json: bool) -> Result<(), Failure> {
    let (symbol, at) =
        question.rsplit_once('@').ok_or_else(|| Failure::input("write --explain SYMBOL@TIME"))?;
    let at = moment(at)?;
    let covers = |run: &&Run<'_>| {
        run.has_symbol(symbol) && run.source_span().is_some_and(|(first, last)| (first..=last).contains(&at))
    };
    let mut answers = Vec::new();
    for run in runs.iter().filter(covers) {
        terminal::warn(run.money_warning());
        answers.push(answer(run, run.spelled(symbol).unwrap_or(symbol), at)?);
    }
    if answers.is_empty() {
        let known: Vec<String> = runs
            .iter()
            .filter(|run| run.has_symbol(symbol))
            .filter_map(|run| {
                run.source_span()
                    .map(|(first, last)| format!("  {}: {first} to {last}", run.source_id().visible()))
            })
            .collect();
        if known.is_empty() {
            let names: BTreeSet<&str> = runs.iter().flat_map(|run| run.symbol_names()).collect();
            return Err(Failure::input(format!(
                "there is no data of {symbol:?}; {}",
                known_names(symbol, names)
            )));
        }
        return Err(Failure::input(format!(
            "there is no data of {symbol} at {}:\n{}",
            shown(at),
            known.join("\n")
        )));
    }
    if as_json {
        terminal::print(&format!(
            "{:#}\n",
            json!({ "explanations": answers.iter().flat_map(Answer::json).collect::<Vec<_>>() })
        ));
    } else {
        terminal::print(&lines(&answers.iter().map(Answer::text).collect::<Vec<_>>().join("\n")));
    }
    Ok(())
}

/// Parses a time in the form of tables or of JSON, UTC. A time without a fraction means the end of that
/// second, so that everything printed with that second is included; one without seconds is that of second 00.
fn moment(text: &str) -> Result<Timestamp, Failure> {
    let text = text.trim();
    let at = Timestamp::read(text).map_err(|error| Failure::input(format!("{text:?} {error}")))?;
    let is_to_the_second = text.contains(':') && !text.contains('.');
    Ok(if is_to_the_second { at + LAST_OF_SECOND } else { at })
}

/// From the begin of a second to the last moment of it.
const LAST_OF_SECOND: Span = Span::from_nanos(999_999_999);

/// A moment as it was asked for: the last of a second as that second.
fn shown(at: Timestamp) -> String {
    match at.nanos().rem_euclid(1_000_000_000) == LAST_OF_SECOND.nanos() {
        true => format!("the end of {}", second(at)),
        false => at.to_string(),
    }
}

struct Answer {
    source: String,
    warnings: Vec<String>,
    at: Timestamp,
    spec: SymbolSpec,
    defs: Vec<Arc<StrategyDef>>,
    explanations: Vec<Explanation>,
    recent: Vec<(Decision, Vec<Evidence>)>,
}

fn answer(run: &Run<'_>, symbol: &str, at: Timestamp) -> Result<Answer, Failure> {
    let mut backtest: Driver = run.build();
    let mut feed = run.feed_until(at + Span::from_nanos(1), &backtest)?;
    let mut recent = Recent::default();
    let advanced = backtest.advance(&mut *feed, &mut recent, &mut |_| Flow::Continue);
    let failed = |damaged| if damaged { Failure::damaged } else { Failure::input };
    advanced.map_err(|error| failed(feed.found_damage())(error.to_string()))?;
    backtest.wait_until(at, &mut recent);
    let table = backtest.table().clone();
    let id = table
        .find(symbol)
        .ok_or_else(|| Failure::input(format!("{symbol} is not in {}", run.source_id().visible())))?;
    let explanations = backtest.engine().explain(&table, id, at);
    let recent = recent.0.into_iter().filter(|(made, _)| made.symbol == id).collect();
    Ok(Answer {
        source: run.source_id().to_owned(),
        warnings: run.warnings(),
        at,
        spec: table.spec(id).clone(),
        defs: run.defs(),
        explanations,
        recent,
    })
}

impl Answer {
    /// The last decisions of an instance.
    fn recent_of(&self, instance: u32) -> Vec<&(Decision, Vec<Evidence>)> {
        self.recent.iter().filter(|(made, _)| made.instance == instance).collect()
    }

    fn recent_json(&self, instance: u32, def: &StrategyDef) -> Vec<Value> {
        let own = self.recent_of(instance);
        let one = |(index, (made, evidence)): (usize, &&(Decision, Vec<Evidence>))| {
            let mut shown = decision::decision(made, evidence, def, &self.spec);
            if let Some(how) = decision::entry_unfilled(made, own[..index].iter().map(|(earlier, _)| earlier))
            {
                shown["explanation"] = json!(how);
            }
            shown
        };
        own.iter().enumerate().map(one).collect()
    }

    fn json(&self) -> Vec<Value> {
        let one = |explanation: &Explanation| {
            let def = &self.defs[explanation.strategy as usize];
            let refusal = explanation
                .refusal
                .map(|refusal| json!({"guard": refusal.guard.as_str(), "value": refusal.value, "threshold": refusal.threshold}));
            json!({
                "source": self.source,
                "warnings": self.warnings,
                "symbol": self.spec.name,
                "time": self.at.to_string(),
                "strategy": def.id,
                "state": explanation.state.as_str(),
                "conditions": decision::conditions(&explanation.evidence, def),
                "entry_refused_by": refusal,
                "resting_until": explanation.rests_until.map(|until| until.to_string()),
                "recent_decisions": self.recent_json(explanation.instance, def),
            })
        };
        self.explanations.iter().map(one).collect()
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for explanation in &self.explanations {
            let def = &self.defs[explanation.strategy as usize];
            text.push_str(&format!(
                "{} on {} ({}) at {}: {}\n",
                def.id,
                self.spec.name,
                self.source.visible(),
                shown(self.at),
                legend::state(explanation.state)
            ));
            for checked in &Checked::all(&explanation.evidence, def) {
                text.push_str(&condition_line(checked));
            }
            text.push_str(&entry_lines(explanation));
            let own = self.recent_of(explanation.instance);
            text.push_str(if own.is_empty() {
                "  no decisions yet\n"
            } else {
                "  last decisions, with the conditions that were met:\n"
            });
            for (index, (made, evidence)) in own.iter().enumerate() {
                let unfilled =
                    decision::entry_unfilled(made, own[..index].iter().map(|(earlier, _)| earlier));
                let unfilled = unfilled.map_or_else(String::new, |how| format!(": {how}"));
                text.push_str(&format!("    {}  {}{unfilled}\n", made.at, decision::line(made, &self.spec)));
                for checked in Checked::all(evidence, def).iter().filter(|checked| checked.met == Some(true))
                {
                    text.push_str(&format!("      {}\n", checked.sentence()));
                }
            }
            text.push_str(&format!("  {}\n", legend::sections()));
        }
        text
    }
}

/// Whether an entry is possible now, and what is in its way.
fn entry_lines(explanation: &Explanation) -> String {
    if let Some(refusal) = explanation.refusal {
        let why = legend::blocked(refusal.guard, refusal.value, refusal.threshold);
        let resting = explanation.rests_until.map_or_else(String::new, resting_line);
        return format!("{resting}  an entry now would be blocked by {}: {why}\n", refusal.guard.as_str());
    }
    match explanation.state {
        State::Monitoring | State::SignalDetected => "  no limit would block an entry now\n".to_owned(),
        State::Exited | State::SignalCancelled => {
            explanation.rests_until.map_or_else(String::new, resting_line)
        }
        State::Inactive | State::Halted => "  no entry: it does not watch for signals\n".to_owned(),
        _ => "  no entry: a position or an order is open\n".to_owned(),
    }
}

fn resting_line(until: Timestamp) -> String {
    format!("  resting until {until} (cooldown)\n")
}

fn condition_line(checked: &Checked) -> String {
    format!(
        "  {:<4} {:<16} {:<24} {:>20} {:<16} {}\n",
        checked.section.as_str(),
        checked.id,
        checked.indicator,
        checked.value_text(),
        checked.comparison_text(),
        checked.met_word()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_the_tables_print_it() {
        let exact = |text: &str| Timestamp::parse(text).unwrap();
        let end = exact("2021-01-23T21:00:05Z") + Span::from_nanos(-1);
        for text in [
            "2021-01-23 21:00:04",
            "2021-01-23T21:00:04",
            "2021-01-23T21:00:04Z",
            "2021-01-23T22:00:04+01:00",
        ] {
            assert_eq!(moment(text).ok(), Some(end), "{text}");
        }
        assert_eq!(moment("2021-01-23 21:00:04.596123").ok(), Some(exact("2021-01-23T21:00:04.596123Z")));
        assert_eq!(moment("2021-01-23T21:00:04.5Z").ok(), Some(exact("2021-01-23T21:00:04.5Z")));
        let minute = Some(exact("2021-01-23T21:57:01Z") + Span::from_nanos(-1));
        for text in ["2021-01-23T21:57", "2021-01-23 21:57", "2021-01-23T21:57Z", "2021-01-23T22:57+01:00"] {
            assert_eq!(moment(text).ok(), minute, "{text}");
        }
        assert_eq!(moment("2021-01-23").ok(), Some(exact("2021-01-23")));
        assert_eq!(moment("1611435604596123").ok(), Timestamp::from_micros(1_611_435_604_596_123));
        assert_eq!(moment("yesterday").ok(), None);
        assert_eq!(shown(end), "the end of 2021-01-23 21:00:04");
        assert_eq!(shown(exact("2021-01-23T21:00:04.5Z")), "2021-01-23T21:00:04.500000Z");
    }
}
