//! Rules of sections: three-valued logic, durations, edges, sequences.

use crate::harness::at;
use crate::strategy::{section, strategy};
use tradingd::domain::order::Side;
use tradingd::domain::strategy::Operand;
use tradingd::domain::symbol::SymbolSpec;
use tradingd::engine::indicators::{IndicatorSet, Look};
use tradingd::engine::market::MarketState;
use tradingd::engine::own::{OwnView, PositionView};
use tradingd::engine::rules::{Rule, Source, Values};
use tradingd::engine::truth::Truth;

/// Evaluates a rule over A (`SIGNAL_AGE >= 1`), B (`POSITION_AGE >= 1`) and C (`OPEN_POSITIONS >= 1`, always
/// known).
struct Bench {
    rule: Rule,
    set: IndicatorSet,
    market: MarketState,
    spec: SymbolSpec,
}

impl Bench {
    fn new(text: &str) -> Self {
        let text = text
            .replace('A', "SIGNAL_AGE >= 1")
            .replace('B', "POSITION_AGE >= 1")
            .replace('C', "OPEN_POSITIONS >= 1");
        let section = section(&mut strategy("x"), &text);
        let rule = Rule::compile(&section, &mut |operand| match operand {
            Operand::Own(own) => Source::Own(own),
            Operand::Market(_) => unreachable!("only values of the instance"),
        });
        Bench {
            rule,
            set: IndicatorSet::default(),
            market: MarketState::default(),
            spec: crate::harness::spec("0.01", "0.1"),
        }
    }

    /// Result at a second for A, B and C, each T, F or U.
    fn at(&mut self, second: f64, abc: &str) -> char {
        let now = at(second);
        let age = |c: char| match c {
            'T' => Some(at(second - 1.0)),
            'F' => Some(now),
            _ => None,
        };
        let mut values = abc.chars().chain("UUF".chars().skip(abc.len()));
        let mut next = || values.next().unwrap();
        let signal_at = age(next());
        let position = age(next()).map(|opened_at| PositionView {
            side: Side::Buy,
            entry: 1.0,
            best: 1.0,
            closing: None,
            last: None,
            leverage: 1,
            opened_at,
            liquidation: 0.0,
            fees_pct: 0.0,
        });
        let open_positions = u32::from(next() == 'T');
        let own =
            OwnView { now, signal_at, position, session_pnl_pct: 0.0, open_positions, exposure_pct: 0.0 };
        let look = Look { now, spec: &self.spec, market: &self.market };
        let truth = self.rule.evaluate(&mut Values { look, set: &mut self.set, own: &own }, Truth::False);
        match truth {
            Truth::True => 'T',
            Truth::False => 'F',
            Truth::Unknown => 'U',
        }
    }

    /// Results for values of A, one per second.
    fn every_second(text: &str, a: &str) -> String {
        let mut bench = Bench::new(text);
        a.chars().enumerate().map(|(second, a)| bench.at(second as f64, &a.to_string())).collect()
    }
}

#[test]
fn kleene_tables_hold_through_a_section() {
    for (ab, both, either, not_a) in [
        ("TT", 'T', 'T', 'F'),
        ("TF", 'F', 'T', 'F'),
        ("TU", 'U', 'T', 'F'),
        ("FT", 'F', 'T', 'T'),
        ("FF", 'F', 'F', 'T'),
        ("FU", 'F', 'U', 'T'),
        ("UT", 'U', 'T', 'U'),
        ("UF", 'F', 'U', 'U'),
        ("UU", 'U', 'U', 'U'),
    ] {
        let result = |text: &str| Bench::new(text).at(0.0, ab);
        assert_eq!(
            (result("all(A; B)"), result("any(A; B)"), result("not(A)")),
            (both, either, not_a),
            "{ab}"
        );
        // A condition with memory is always evaluated, with the same result.
        assert_eq!(
            (result("all(A for 0; B for 0)"), result("any(A rising 0; B)")),
            (both, if ab.starts_with('T') { result("B") } else { either }),
            "{ab}"
        );
    }
}

#[test]
fn groups_nest_without_precedence() {
    for (text, abc, expected) in [
        ("all(any(A; B); C)", "TFF", 'F'),
        ("any(all(A; B); C)", "FFT", 'T'),
        ("all(not(A); B)", "FT", 'T'),
        ("all(A; not(B))", "TT", 'F'),
        ("not(any(A; all(B; C)))", "FUT", 'U'),
        ("not(any(A; all(B; C)))", "FUF", 'T'),
    ] {
        assert_eq!(Bench::new(text).at(0.0, abc), expected, "{text} of {abc}");
    }
}

#[test]
fn durations_and_edges_follow_the_vector() {
    assert_eq!(Bench::every_second("A for 2", "FTTTFTT"), "FFFTFFF");
    assert_eq!(Bench::every_second("A rising 1", "FTTTFTT"), "FTTFFTT");
    assert_eq!(Bench::every_second("A rising 0", "FTTTFTT"), "FTFFFTF");
    assert_eq!(Bench::every_second("A falling 1", "TFFFTFF"), "FTTFFTT");
}

#[test]
fn unknown_neither_starts_nor_at_once_ends_anything() {
    // The first known value is not an edge; an unknown value in between does not hide one.
    assert_eq!(Bench::every_second("A rising 0", "UTFT"), "UFFT");
    assert_eq!(Bench::every_second("A rising 0", "FUT"), "FUT");
    assert_eq!(Bench::every_second("A rising 0", "TUT"), "FUF");
    // Two seconds of unknown do not reset a duration, more do.
    assert_eq!(Bench::every_second("A for 3", "TUUT"), "FUUT");
    assert_eq!(Bench::every_second("A for 3", "TUUUTTTT"), "FUUUFFFT");
    // Also if it was not evaluated while unknown.
    let mut bench = Bench::new("A for 3");
    let truths =
        [(0.0, "T"), (1.0, "U"), (3.5, "T"), (6.4, "T"), (6.5, "T")].map(|(second, a)| bench.at(second, a));
    assert_eq!(truths, ['F', 'U', 'F', 'F', 'T']);
}

#[test]
fn durations_are_exact_to_the_nanosecond() {
    let mut bench = Bench::new("A for 2");
    assert_eq!([0.0, 1.999_999_999, 2.0].map(|second| bench.at(second, "T")), ['F', 'F', 'T']);
}

#[test]
fn no_edge_and_no_duration_across_a_gap() {
    for (text, before, after) in [("A rising 5", "F", "T"), ("A falling 5", "T", "F"), ("A for 2", "T", "T")]
    {
        let mut bench = Bench::new(text);
        bench.at(0.0, before);
        bench.rule.forget_edges();
        assert_eq!(bench.at(2.0, after), 'F', "{text}");
    }
}

#[test]
fn sequences_advance_in_order_and_in_time() {
    let run = |text: &str, steps: &[(f64, &str)]| -> String {
        let mut bench = Bench::new(text);
        steps.iter().map(|(second, abc)| bench.at(*second, abc)).collect()
    };
    let text = "then(A; B; C) gap 5 total 8";
    assert_eq!(run(text, &[(0.0, "TFF"), (2.0, "FTF"), (4.0, "FFT"), (5.0, "FFT")]), "FFTF");
    // Steps that are true at once do not complete the sequence: each step needs its own evaluation.
    assert_eq!(run(text, &[(0.0, "TTT"), (0.1, "TTT"), (0.2, "TTT")]), "FFT");
    // At the time limits it still counts; beyond them it starts again with the current values.
    assert_eq!(run(text, &[(0.0, "TFF"), (5.0, "FTF"), (8.0, "FFT")]), "FFT");
    assert_eq!(run(text, &[(0.0, "TFF"), (5.1, "FTF"), (5.2, "FFT")]), "FFF");
    assert_eq!(run(text, &[(0.0, "TFF"), (5.0, "FTF"), (8.1, "FFT")]), "FFF");
    assert_eq!(run(text, &[(0.0, "TFF"), (5.1, "TFF"), (6.0, "FTF"), (7.0, "FFT")]), "FFFT");
}
