//! Sections compiled for one instance: conditions with their slots, combined by three-valued logic, and the
//! memory of durations, edges and sequences.
//!
//! Invariants: only event time is used; a value that cannot change the result is not read, except by
//! conditions with memory, which must see every evaluation.

pub mod conditions;

use crate::checkpoint::{Damaged, Reader, Saved, plain, saved};
use crate::domain::decision::{Evidence, SectionName};
use crate::domain::strategy::{
    Comparison, Condition, Edge, Group, Logic, Node, Operand, OwnValue, Section, Sequence, Threshold,
};
use crate::domain::time::{Span, Timestamp};
use crate::engine::indicators::{DataKind, IndicatorSet, Look, SlotId, channels};
use crate::engine::own::OwnView;
use crate::engine::truth::Truth;
use crate::engine::value::{Value, compare};

/// A condition that is unknown for longer than this forgets how long it had been true.
const UNKNOWN_CLEARS_AFTER: Span = Span::from_seconds(2);

/// What a compiled condition reads.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Source {
    /// An indicator of the symbol.
    Slot(SlotId),
    /// A value of the instance or session.
    Own(OwnValue),
}

/// Access to the values of one evaluation.
pub struct Values<'a> {
    /// Event time, symbol specification and market.
    pub look: Look<'a>,
    /// The symbol's indicators.
    pub set: &'a mut IndicatorSet,
    /// Values of the instance and session.
    pub own: &'a OwnView,
}

impl Values<'_> {
    /// The value of a source now.
    #[inline]
    pub fn get(&mut self, source: Source) -> Value {
        match source {
            Source::Slot(id) => self.set.value(id, self.look),
            Source::Own(own) => self.own.value(own),
        }
    }
}

impl Values<'_> {
    /// Whether the data behind a source is older than `limit`: the last book update for indicators of the
    /// book, else the last trade. Values of the instance are never old.
    fn is_older(&self, source: Source, limit: Span) -> bool {
        let Source::Slot(id) = source else { return false };
        let market = self.look.market;
        let reads_book = channels(self.set.spec(id)).contains(&DataKind::Book);
        let newest = if reads_book { market.book_at } else { market.last.map(|(at, _)| at) };
        newest.is_none_or(|at| self.look.now - at > limit)
    }
}

/// The right side of a compiled condition.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Right {
    /// A number.
    Value(f64),
    /// Between two bounds, both included.
    Between(f64, f64),
    /// Another value × multiplier + offset.
    Other(Source, f64, f64),
}

/// A compiled condition.
#[derive(Clone, Debug)]
pub struct Test {
    /// Left side.
    pub left: Source,
    /// Comparison.
    pub comparison: Comparison,
    /// Right side.
    pub right: Right,
    hold: Span,
    edge: Edge,
    edge_window: Span,
    /// Maximum age of the data; older data counts as missing.
    max_age: Option<Span>,
    /// Index into the rule's memory, for conditions with a duration or edge.
    memory: Option<usize>,
}

#[derive(Clone, Copy, Default, Debug)]
struct Memory {
    true_since: Option<Timestamp>,
    unknown_since: Option<Timestamp>,
    last_known: Option<bool>,
    edge_at: Option<Timestamp>,
}

plain!(struct Memory { true_since, unknown_since, last_known, edge_at });

#[derive(Clone, Debug)]
enum Expr {
    Test(usize),
    All(Vec<Expr>),
    Any(Vec<Expr>),
    Not(Box<Expr>),
}

#[derive(Clone, Debug)]
struct Steps {
    steps: Vec<Expr>,
    max_gap: Span,
    max_total: Span,
    /// Next step to become true, time of the first step, time of the last completed step.
    next: usize,
    started: Timestamp,
    advanced: Timestamp,
    complete: bool,
}

saved!(Steps { next, started, advanced, complete } fixed { steps, max_gap, max_total });

/// The compiled rule of a section with its memory.
#[derive(Clone, Debug)]
pub struct Rule {
    tests: Vec<Test>,
    root: Option<Expr>,
    steps: Option<Steps>,
    memory: Vec<Memory>,
}

saved!(Rule { steps } each { memory } fixed { tests, root });

impl Saved for Option<Steps> {
    fn save(&self, to: &mut Vec<u8>) {
        self.as_slice().save(to);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        self.as_mut_slice().load(from)
    }
}

impl Rule {
    /// Compiles a section; `resolve` maps the document's operands to sources of this symbol.
    pub fn compile(section: &Section, resolve: &mut dyn FnMut(Operand) -> Source) -> Rule {
        let mut rule = Rule { tests: Vec::new(), root: None, steps: None, memory: Vec::new() };
        if !section.root.children.is_empty() {
            rule.root = Some(rule.group(&section.root, resolve));
        }
        rule.steps = section.sequence.as_ref().map(|sequence| rule.sequence(sequence, resolve));
        rule
    }

    fn sequence(&mut self, sequence: &Sequence, resolve: &mut dyn FnMut(Operand) -> Source) -> Steps {
        let steps = sequence.steps.iter().map(|step| self.group(step, resolve)).collect();
        Steps {
            steps,
            max_gap: sequence.max_gap,
            max_total: sequence.max_total,
            next: 0,
            started: Timestamp::MIN,
            advanced: Timestamp::MIN,
            complete: false,
        }
    }

    fn group(&mut self, group: &Group, resolve: &mut dyn FnMut(Operand) -> Source) -> Expr {
        let children = group.children.iter().map(|node| match node {
            Node::Condition(condition) => self.condition(condition, resolve),
            Node::Group(inner) => self.group(inner, resolve),
        });
        let children: Vec<Expr> = children.collect();
        let combined = match group.logic {
            Logic::And => Expr::All(children),
            Logic::Or => Expr::Any(children),
        };
        if group.negate { Expr::Not(Box::new(combined)) } else { combined }
    }

    fn condition(&mut self, condition: &Condition, resolve: &mut dyn FnMut(Operand) -> Source) -> Expr {
        let right = match condition.threshold {
            Threshold::Value(value) => Right::Value(value),
            Threshold::Between(low, high) => Right::Between(low, high),
            Threshold::Other { operand, multiplier, offset } => {
                Right::Other(resolve(operand), multiplier, offset)
            }
        };
        let stateful = condition.hold > Span::ZERO || condition.edge != Edge::None;
        let memory = stateful.then(|| {
            self.memory.push(Memory::default());
            self.memory.len() - 1
        });
        self.tests.push(Test {
            left: resolve(condition.operand),
            comparison: condition.comparison,
            right,
            hold: condition.hold,
            edge: condition.edge,
            edge_window: condition.edge_window,
            max_age: condition.max_age,
            memory,
        });
        Expr::Test(self.tests.len() - 1)
    }

    /// Whether the section has no rule.
    pub fn is_empty(&self) -> bool {
        self.root.is_none() && self.steps.is_none()
    }

    /// Forgets durations, edges and sequence progress, when the section becomes relevant again.
    pub fn reset(&mut self) {
        self.memory.fill(Memory::default());
        if let Some(steps) = &mut self.steps {
            steps.restart();
        }
    }

    /// Forgets durations and edges at a gap; a sequence keeps its progress.
    pub fn forget_edges(&mut self) {
        for memory in &mut self.memory {
            *memory = Memory { true_since: None, ..Memory::default() };
        }
    }

    /// Sources that the rule reads.
    pub fn sources(&self) -> impl Iterator<Item = Source> + '_ {
        self.tests.iter().flat_map(|test| {
            let other = match test.right {
                Right::Other(source, ..) => Some(source),
                _ => None,
            };
            std::iter::once(test.left).chain(other)
        })
    }

    /// Conditions without memory that must all be true for the rule to be true, for a gate to test first.
    /// `None` unless the rule is a conjunction without memory or sequence.
    pub fn necessary(&self) -> Option<Vec<&Test>> {
        let Some(Expr::All(children)) = &self.root else { return None };
        let plain = children.iter().filter_map(|child| match child {
            Expr::Test(index) if self.tests[*index].memory.is_none() => Some(&self.tests[*index]),
            _ => None,
        });
        self.is_stateless().then(|| plain.collect())
    }

    /// Whether asking it changes nothing: it has no condition with memory and no sequence.
    pub fn is_stateless(&self) -> bool {
        self.memory.is_empty() && self.steps.is_none()
    }

    /// Whether it gives the same again, and remembers the same, however much time passes without a value that
    /// changes: no duration or edge runs, no sequence has begun and no value can get too old. Only after an
    /// evaluation.
    pub fn is_still(&self) -> bool {
        let runs = |memory: &Memory| {
            memory.true_since.is_some() || memory.unknown_since.is_some() || memory.edge_at.is_some()
        };
        let has_begun = |steps: &Steps| steps.next > 0 || steps.complete;
        !self.memory.iter().any(runs)
            && !self.steps.as_ref().is_some_and(has_begun)
            && self.tests.iter().all(|test| test.max_age.is_none())
    }

    /// Evaluates the section now; `when_empty` is the result of an empty rule.
    pub fn evaluate(&mut self, values: &mut Values<'_>, when_empty: Truth) -> Truth {
        let Rule { tests, root, steps, memory } = self;
        let now = values.look.now;
        let mut result = when_empty;
        if let Some(root) = root {
            result = root.evaluate(tests, memory, values);
        }
        if let Some(steps) = steps {
            let sequence = steps.evaluate(tests, memory, values, now);
            result = if root.is_some() { result.and(sequence) } else { sequence };
        }
        result
    }

    /// Appends the current value of every condition in document order. Returns their number.
    pub fn evidence(&self, section: SectionName, values: &mut Values<'_>, into: &mut Vec<Evidence>) -> u16 {
        for (index, test) in self.tests.iter().enumerate() {
            let value = values.get(test.left);
            let (threshold, met) = match (value, test.bounds(values)) {
                (Ok(left), Ok((low, high))) => (Some(low), Some(test.raw(left, low, high))),
                (Err(_), Ok((low, _))) => (Some(low), None),
                (_, Err(_)) => (None, None),
            };
            into.push(Evidence {
                section,
                condition: index as u16,
                value: value.map_err(|missing| missing.as_str()),
                threshold,
                met,
            });
        }
        self.tests.len() as u16
    }
}

impl Test {
    #[inline]
    fn bounds(&self, values: &mut Values<'_>) -> Result<(f64, f64), crate::engine::indicators::Missing> {
        match self.right {
            Right::Value(value) => Ok((value, value)),
            Right::Between(low, high) => Ok((low, high)),
            Right::Other(source, multiplier, offset) => {
                values.get(source).map(|value| (value * multiplier + offset, 0.0))
            }
        }
    }

    #[inline]
    fn raw(&self, left: f64, low: f64, high: f64) -> bool {
        match self.right {
            Right::Between(..) => left >= low && left <= high,
            _ => compare(left, self.comparison, low),
        }
    }

    /// The condition without its duration and edge.
    #[inline]
    pub fn now(&self, values: &mut Values<'_>) -> Truth {
        let Ok(left) = values.get(self.left) else { return Truth::Unknown };
        if self.max_age.is_some_and(|limit| values.is_older(self.left, limit)) {
            return Truth::Unknown;
        }
        match self.bounds(values) {
            Ok((low, high)) => Truth::from(self.raw(left, low, high)),
            Err(_) => Truth::Unknown,
        }
    }

    fn remembered(&self, memory: &mut Memory, raw: Truth, now: Timestamp) -> Truth {
        let before = memory.last_known;
        match raw {
            Truth::Unknown => {
                let since = *memory.unknown_since.get_or_insert(now);
                if now - since > UNKNOWN_CLEARS_AFTER {
                    memory.true_since = None;
                }
                return Truth::Unknown;
            }
            Truth::True => {
                if memory.unknown_since.is_some_and(|since| now - since > UNKNOWN_CLEARS_AFTER) {
                    memory.true_since = None;
                }
                memory.true_since.get_or_insert(now);
            }
            Truth::False => memory.true_since = None,
        }
        memory.unknown_since = None;
        let is_true = raw.is_true();
        memory.last_known = Some(is_true);
        let held = memory.true_since.is_some_and(|since| now - since >= self.hold);
        match self.edge {
            Edge::None => Truth::from(is_true && held),
            Edge::Rising | Edge::Falling => {
                let wanted = self.edge == Edge::Rising;
                if is_true != wanted {
                    memory.edge_at = None;
                } else if before == Some(!wanted) {
                    memory.edge_at = Some(now);
                }
                let fresh = memory.edge_at.is_some_and(|edge| now - edge <= self.edge_window);
                Truth::from(fresh && (!is_true || held))
            }
        }
    }
}

impl Expr {
    fn evaluate(&self, tests: &[Test], memory: &mut [Memory], values: &mut Values<'_>) -> Truth {
        match self {
            Expr::Test(index) => {
                let test = &tests[*index];
                let raw = test.now(values);
                match test.memory {
                    None => raw,
                    Some(index) => test.remembered(&mut memory[index], raw, values.look.now),
                }
            }
            Expr::All(children) => {
                Expr::combine(children, tests, memory, values, Truth::True, Truth::and, Truth::False)
            }
            Expr::Any(children) => {
                Expr::combine(children, tests, memory, values, Truth::False, Truth::or, Truth::True)
            }
            Expr::Not(inner) => inner.evaluate(tests, memory, values).negate(),
        }
    }

    /// Stops at the first child that determines the result, except that children with memory are always
    /// evaluated.
    fn combine(
        children: &[Expr],
        tests: &[Test],
        memory: &mut [Memory],
        values: &mut Values<'_>,
        neutral: Truth,
        join: fn(Truth, Truth) -> Truth,
        settles: Truth,
    ) -> Truth {
        let mut result = neutral;
        for child in children {
            if result == settles && (memory.is_empty() || !child.remembers(tests)) {
                continue;
            }
            result = join(result, child.evaluate(tests, memory, values));
            if result == settles && memory.is_empty() {
                break;
            }
        }
        result
    }

    fn remembers(&self, tests: &[Test]) -> bool {
        match self {
            Expr::Test(index) => tests[*index].memory.is_some(),
            Expr::All(children) | Expr::Any(children) => children.iter().any(|child| child.remembers(tests)),
            Expr::Not(inner) => inner.remembers(tests),
        }
    }
}

impl Steps {
    fn restart(&mut self) {
        self.next = 0;
        self.complete = false;
    }

    /// True only in the evaluation in which the last step became true, in order and in time.
    fn evaluate(
        &mut self,
        tests: &[Test],
        memory: &mut [Memory],
        values: &mut Values<'_>,
        now: Timestamp,
    ) -> Truth {
        if self.complete {
            self.restart();
        }
        let late =
            self.next > 0 && (now - self.advanced > self.max_gap || now - self.started > self.max_total);
        if late {
            self.restart();
        }
        let truth = self.steps[self.next].evaluate(tests, memory, values);
        if truth.is_true() {
            if self.next == 0 {
                self.started = now;
            }
            self.advanced = now;
            self.next += 1;
            if self.next == self.steps.len() {
                self.complete = true;
                self.next = 0;
                return Truth::True;
            }
        }
        if truth == Truth::Unknown { Truth::Unknown } else { Truth::False }
    }
}
