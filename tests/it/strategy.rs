//! Strategies for tests, built from short text such as `all(BID_QTY >= 6; not(SPREAD_PCT > 1 for 2))`.
//!
//! This language exists only in tests; strategy documents are JSON.

use std::sync::Arc;
use tradingd::domain::strategy::*;
use tradingd::domain::time::Span;
use tradingd::engine::indicators::find;

/// A strategy that does nothing until its sections are set: long, 10 % of equity, IOC, no cooldowns.
pub fn strategy(id: &str) -> StrategyDef {
    let empty = || Section { root: Group::empty(Logic::And), sequence: None };
    StrategyDef {
        id: id.to_owned(),
        version: 1,
        name: id.to_owned(),
        direction: Direction::Long,
        priority: 50,
        indicators: Vec::new(),
        s1: empty(),
        o1: CancelSection { section: empty(), timeout: None, cooldown: Span::ZERO },
        z1: EntrySection {
            section: empty(),
            size: PositionSize {
                amount: SizeAmount::PercentOfEquity(10.0),
                margin_basis: false,
                risk_scaling: None,
            },
            price: None,
            order: EntryOrder::LimitIoc { max_slippage_pct: 0.5 },
            timeout: Some(seconds(5.0)),
            stop: None,
            target: None,
            leverage: 1,
        },
        ze1: CloseSection { section: empty(), price: None, pricing: None, close_timeout: seconds(10.0) },
        e1: EmergencySection {
            section: empty(),
            cooldown: Span::ZERO,
            cancel_pending: true,
            close_position: true,
        },
        limits: StrategyLimits { normal_cooldown: Some(Span::ZERO), ..StrategyLimits::default() },
        trailing: None,
        break_even: None,
        ladder: Vec::new(),
        max_hold: None,
        on_data_loss: None,
        evaluation: Evaluation { entry_min_interval: Span::from_millis(100), on_clock: true },
    }
}

pub fn seconds(value: f64) -> Span {
    Span::from_seconds_f64(value)
}

/// Builder methods for the sections.
pub trait Build: Sized {
    fn with(self, change: impl FnOnce(&mut StrategyDef)) -> StrategyDef;

    fn s1(self, rule: &str) -> StrategyDef {
        self.with(|def| def.s1 = section(def, rule))
    }
    fn o1(self, rule: &str, timeout: Option<f64>, cooldown: f64) -> StrategyDef {
        self.with(|def| {
            def.o1 = CancelSection {
                section: section(def, rule),
                timeout: timeout.map(seconds),
                cooldown: seconds(cooldown),
            }
        })
    }
    fn z1(self, rule: &str) -> StrategyDef {
        self.with(|def| def.z1.section = section(def, rule))
    }
    fn ze1(self, rule: &str) -> StrategyDef {
        self.with(|def| def.ze1.section = section(def, rule))
    }
    fn e1(self, rule: &str, cooldown: f64) -> StrategyDef {
        self.with(|def| {
            def.e1.section = section(def, rule);
            def.e1.cooldown = seconds(cooldown);
        })
    }
    fn stop(self, pct: f64) -> StrategyDef {
        self.with(|def| {
            def.z1.stop = Some(PriceOffset { offset_pct: pct, base: OffsetBase::Entry, risk_scaling: None })
        })
    }
    fn target(self, pct: f64) -> StrategyDef {
        self.with(|def| {
            def.z1.target = Some(PriceOffset { offset_pct: pct, base: OffsetBase::Entry, risk_scaling: None })
        })
    }
    fn short(self) -> StrategyDef {
        self.with(|def| def.direction = Direction::Short)
    }
    fn market(self) -> StrategyDef {
        self.with(|def| def.z1.order = EntryOrder::Market)
    }
    fn cooldown(self, normal: f64) -> StrategyDef {
        self.with(|def| def.limits.normal_cooldown = Some(seconds(normal)))
    }
}

impl Build for StrategyDef {
    fn with(mut self, change: impl FnOnce(&mut StrategyDef)) -> StrategyDef {
        change(&mut self);
        self
    }
}

/// Parses a section; empty text is a section without a rule. `then(a; b) gap 5 total 20` is a sequence.
pub fn section(def: &mut StrategyDef, text: &str) -> Section {
    let text = text.trim();
    if let Some((steps, limits)) = text.strip_prefix("then(").and_then(|rest| rest.rsplit_once(") gap ")) {
        let (gap, total) = limits.split_once(" total ").unwrap();
        let steps = split(steps).into_iter().map(|step| group(def, &step)).collect();
        let sequence = Sequence {
            steps,
            max_gap: seconds(gap.parse().unwrap()),
            max_total: seconds(total.parse().unwrap()),
        };
        return Section { root: Group::empty(Logic::And), sequence: Some(sequence) };
    }
    let root = if text.is_empty() { Group::empty(Logic::And) } else { group(def, text) };
    Section { root, sequence: None }
}

/// Parses a group; a single condition becomes a group of one.
pub fn group(def: &mut StrategyDef, text: &str) -> Group {
    match node(def, text) {
        Node::Group(group) => group,
        condition => Group { logic: Logic::And, negate: false, children: vec![condition] },
    }
}

fn node(def: &mut StrategyDef, text: &str) -> Node {
    let text = text.trim();
    for (word, logic, negate) in
        [("all(", Logic::And, false), ("any(", Logic::Or, false), ("not(", Logic::And, true)]
    {
        if let Some(inner) = text.strip_prefix(word).and_then(|rest| rest.strip_suffix(')')) {
            let children = split(inner).iter().map(|child| node(def, child)).collect();
            return Node::Group(Group { logic, negate, children });
        }
    }
    Node::Condition(condition(def, text))
}

/// Splits at semicolons outside of parentheses.
fn split(text: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for c in text.chars() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if c == ';' && depth == 0 {
            parts.push(String::new());
        } else {
            parts.last_mut().unwrap().push(c);
        }
    }
    parts
}

/// Parses `LEFT >= 5 for 2`, `LEFT >= 5 fresh 10`, `LEFT > 1 rising 3`, `LEFT between 1 2` or
/// `LEFT < RIGHT*0.5+1`.
fn condition(def: &mut StrategyDef, text: &str) -> Condition {
    let words: Vec<&str> = text.split_whitespace().collect();
    let left = operand(def, words[0]);
    let mut condition = Condition {
        id: format!("c{}", text.len()),
        operand: left,
        comparison: Comparison::Greater,
        threshold: Threshold::Value(0.0),
        hold: Span::ZERO,
        edge: Edge::None,
        edge_window: Span::ZERO,
        max_age: None,
    };
    let number =
        |word: &str| word.parse::<f64>().unwrap_or_else(|_| panic!("a number instead of {word} in {text}"));
    let mut rest = if words[1] == "between" {
        condition.threshold = Threshold::Between(number(words[2]), number(words[3]));
        &words[4..]
    } else {
        let all = [
            Comparison::Greater,
            Comparison::GreaterOrEqual,
            Comparison::Less,
            Comparison::LessOrEqual,
            Comparison::Equal,
            Comparison::NotEqual,
        ];
        condition.comparison = all
            .into_iter()
            .find(|c| c.sign() == words[1])
            .unwrap_or_else(|| panic!("no comparison in {text}"));
        condition.threshold = match words[2].parse() {
            Ok(value) => Threshold::Value(value),
            Err(_) => {
                let (name, factors) = words[2].split_once('*').unwrap();
                let (multiplier, offset) = factors.split_once('+').unwrap();
                Threshold::Other {
                    operand: operand(def, name),
                    multiplier: number(multiplier),
                    offset: number(offset),
                }
            }
        };
        &words[3..]
    };
    while let [word, value, tail @ ..] = rest {
        match *word {
            "for" => condition.hold = seconds(number(value)),
            "rising" => (condition.edge, condition.edge_window) = (Edge::Rising, seconds(number(value))),
            "fresh" => condition.max_age = Some(seconds(number(value))),
            "falling" => (condition.edge, condition.edge_window) = (Edge::Falling, seconds(number(value))),
            other => panic!("unknown {other} in {text}"),
        }
        rest = tail;
    }
    condition
}

/// Parses `NAME` or `NAME[a=1,b=word]`; values of the instance have their names in documents.
pub fn operand(def: &mut StrategyDef, text: &str) -> Operand {
    let own = |value| Operand::Own(value);
    match text {
        "PNL" => return own(OwnValue::UnrealizedPnlPct { last: false, net: false }),
        "PNL_LAST" => return own(OwnValue::UnrealizedPnlPct { last: true, net: false }),
        "PNL_NET" => return own(OwnValue::UnrealizedPnlPct { last: false, net: true }),
        "LOSS" => return own(OwnValue::LossPct),
        "ROE" => return own(OwnValue::RoePct),
        "DRAWDOWN" => return own(OwnValue::DrawdownFromPeakPct),
        "SIGNAL_AGE" => return own(OwnValue::SignalAgeSeconds),
        "POSITION_AGE" => return own(OwnValue::PositionAgeSeconds),
        "LIQUIDATION_DISTANCE" => return own(OwnValue::LiquidationDistancePct),
        "SESSION_PNL" => return own(OwnValue::SessionPnlPct),
        "OPEN_POSITIONS" => return own(OwnValue::OpenPositions),
        "EXPOSURE" => return own(OwnValue::PortfolioExposurePct),
        _ => {}
    }
    let (name, params) = text.strip_suffix(']').and_then(|text| text.split_once('[')).unwrap_or((text, ""));
    let given: Vec<(&str, ParamValue)> = params
        .split(',')
        .filter(|param| !param.is_empty())
        .map(|param| {
            let (key, value) = param.split_once('=').unwrap();
            (key, value.parse().map_or_else(|_| ParamValue::Word(value.to_owned()), ParamValue::Number))
        })
        .collect();
    let spec = find(name).unwrap_or_else(|| panic!("no indicator {name}")).spec(&given);
    let place = def.indicators.iter().position(|known| *known.spec == spec).unwrap_or_else(|| {
        def.indicators.push(NamedIndicator { name: text.to_owned(), spec: Arc::new(spec) });
        def.indicators.len() - 1
    });
    Operand::Market(place)
}
