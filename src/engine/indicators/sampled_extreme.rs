//! Highest and lowest value of another indicator, sampled once a second.

use super::window_params::one_window;
use super::{
    Accepts, DataKind, Indicator, IndicatorKind, Look, MIN_COVERAGE, Missing, Param, SlotId, Upstream, Value,
    number,
};
use crate::checkpoint::saved;
use crate::domain::strategy::{IndicatorSpec, ParamValue};
use crate::domain::time::{Span, Timestamp};
use std::collections::VecDeque;

/// Highest sample.
pub static MAX_TWPA: IndicatorKind = IndicatorKind {
    name: "MAX_TWPA",
    about: "Highest value of another indicator, sampled on whole seconds; it also needs what that indicator needs",
    formula: "max of source over whole seconds in (T−t1, T−t2]",
    unit: "of the source",
    needs: &[DataKind::Price],
    range: None,
    params: &[
        Param { name: "source", accepts: Accepts::Indicator, about: "what is sampled" },
        number("t1", 60.0, 1.0, 3_600.0, "start of the window, seconds ago"),
        number("t2", 0.0, 0.0, 3_600.0, "end of the window, seconds ago"),
        MIN_COVERAGE,
    ],
    check: one_window,
    build: |spec, wiring| {
        let source = source(spec).map(|source| wiring.slot(source));
        wiring.every_second(spec.span("t1"));
        Box::new(Sampled::new(spec, source, |new, old| new >= old))
    },
};

/// Lowest sample.
pub static MIN_TWPA: IndicatorKind = IndicatorKind {
    name: "MIN_TWPA",
    about: "Lowest value of another indicator, sampled on whole seconds; it also needs what that indicator needs",
    formula: "min of source over whole seconds in (T−t1, T−t2]",
    build: |spec, wiring| {
        let source = source(spec).map(|source| wiring.slot(source));
        wiring.every_second(spec.span("t1"));
        Box::new(Sampled::new(spec, source, |new, old| new <= old))
    },
    ..MAX_TWPA
};

fn source(spec: &IndicatorSpec) -> Option<&IndicatorSpec> {
    match spec.params.get("source") {
        Some(ParamValue::Indicator(source)) => Some(source),
        _ => None,
    }
}

struct Sampled {
    source: Option<SlotId>,
    /// Whether a new sample makes an older one irrelevant.
    beats: fn(f64, f64) -> bool,
    t1: Span,
    t2: Span,
    min_coverage: f64,
    /// Samples newer than t2 ago; at most one per second.
    waiting: VecDeque<(Timestamp, f64)>,
    /// Times of the samples in the window; at most one per second.
    inside: VecDeque<Timestamp>,
    /// Samples of the window that can still become the extreme, best first.
    candidates: VecDeque<(Timestamp, f64)>,
    /// Reason reported while samples are missing.
    why: Missing,
}

saved!(Sampled { waiting, inside, candidates, why } fixed { source, beats, t1, t2, min_coverage });

impl Sampled {
    fn new(spec: &IndicatorSpec, source: Option<SlotId>, beats: fn(f64, f64) -> bool) -> Self {
        Sampled {
            source,
            beats,
            t1: spec.span("t1"),
            t2: spec.span("t2"),
            min_coverage: spec.number("min_coverage"),
            waiting: VecDeque::new(),
            inside: VecDeque::new(),
            candidates: VecDeque::new(),
            why: Missing::WarmUp,
        }
    }

    fn move_on(&mut self, now: Timestamp) {
        let (from, to) = (now - self.t1, now - self.t2);
        while let Some((at, value)) = self.waiting.front().copied().filter(|(at, _)| *at <= to) {
            self.waiting.pop_front();
            while self.candidates.back().is_some_and(|(_, old)| (self.beats)(value, *old)) {
                self.candidates.pop_back();
            }
            self.candidates.push_back((at, value));
            self.inside.push_back(at);
        }
        while self.inside.front().is_some_and(|at| *at <= from) {
            self.inside.pop_front();
        }
        while self.candidates.front().is_some_and(|(at, _)| *at <= from) {
            self.candidates.pop_front();
        }
    }
}

impl Indicator for Sampled {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        self.move_on(look.now);
        let seconds = (look.now - self.t2).seconds() - (look.now - self.t1).seconds();
        if (self.inside.len() as f64) < self.min_coverage * seconds as f64 {
            return Err(self.why);
        }
        self.candidates.front().map(|(_, value)| *value).ok_or(Missing::EmptyWindow)
    }

    fn on_second(&mut self, look: &Look<'_>, upstream: &mut Upstream<'_>) {
        let Some(source) = self.source else { return };
        match upstream.value(source, look) {
            Ok(value) => self.waiting.push_back((look.now, value)),
            Err(why) => self.why = why,
        }
        self.move_on(look.now);
    }

    fn pass_seconds(
        &mut self,
        first: Timestamp,
        end: Timestamp,
        look: &Look<'_>,
        upstream: &mut Upstream<'_>,
    ) {
        let Some(source) = self.source else { return };
        match upstream.value(source, look) {
            Ok(value) => {
                // Older samples would have left the window again.
                let first = first.seconds().max((end - self.t1).seconds());
                let seconds = (first..end.seconds()).map(Timestamp::from_seconds);
                self.waiting.extend(seconds.map(|second| (second, value)));
            }
            Err(why) => self.why = why,
        }
        self.move_on(end - Span::SECOND);
    }

    fn on_gap(&mut self) {
        self.why = Missing::Gap;
    }
}
