//! The names a document may use: indicator types with their parameters, and values of the instance itself.

use super::problem::{Problems, at};
use super::schema::shown;
use crate::domain::strategy::{IndicatorSpec, OwnValue, ParamValue};
use crate::engine::indicators::{ALL, Accepts, IndicatorKind, Param, find};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Where an instance value is defined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scope {
    Session,
    Signal,
    Position,
}

/// A value of the instance or the session.
pub(super) struct Own {
    pub(super) name: &'static str,
    alias: &'static str,
    params: &'static [&'static str],
    pub(super) scope: Scope,
    pub(super) range: Option<(f64, f64)>,
    value: OwnValue,
}

const NOT_NEGATIVE: Option<(f64, f64)> = Some((0.0, f64::INFINITY));

static OWN: &[Own] = &[
    own(
        "UNREALIZED_PNL_PCT",
        "PROFIT_PCT",
        &["last", "net"],
        Scope::Position,
        None,
        OwnValue::UnrealizedPnlPct { last: false, net: false },
    ),
    own("LOSS_PCT", "", &[], Scope::Position, NOT_NEGATIVE, OwnValue::LossPct),
    own("ROE_PCT", "", &[], Scope::Position, None, OwnValue::RoePct),
    own(DRAWDOWN, "", &["anchor"], Scope::Position, NOT_NEGATIVE, OwnValue::DrawdownFromPeakPct),
    own("SIGNAL_AGE_SECONDS", "", &[], Scope::Signal, NOT_NEGATIVE, OwnValue::SignalAgeSeconds),
    own("POSITION_AGE_SECONDS", "", &[], Scope::Position, NOT_NEGATIVE, OwnValue::PositionAgeSeconds),
    own("LIQUIDATION_DISTANCE_PCT", "", &[], Scope::Position, NOT_NEGATIVE, OwnValue::LiquidationDistancePct),
    own("SESSION_PNL_PCT", "", &[], Scope::Session, None, OwnValue::SessionPnlPct),
    own("OPEN_POSITIONS", "", &[], Scope::Session, NOT_NEGATIVE, OwnValue::OpenPositions),
    own("PORTFOLIO_EXPOSURE_PCT", "", &[], Scope::Session, NOT_NEGATIVE, OwnValue::PortfolioExposurePct),
];

/// The only name that is both a market and an instance value; `anchor` selects one.
const DRAWDOWN: &str = "DRAWDOWN_FROM_PEAK_PCT";

const fn own(
    name: &'static str,
    alias: &'static str,
    params: &'static [&'static str],
    scope: Scope,
    range: Option<(f64, f64)>,
    value: OwnValue,
) -> Own {
    Own { name, alias, params, scope, range, value }
}

/// The entry of an instance value.
pub(super) fn own_of(value: OwnValue) -> &'static Own {
    let same = |own: &&Own| std::mem::discriminant(&own.value) == std::mem::discriminant(&value);
    OWN.iter().find(same).unwrap_or(&OWN[0])
}

/// All type names, for suggestions.
pub(super) fn type_names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|kind| kind.name).chain(OWN.iter().map(|own| own.name))
}

/// What a type name refers to.
pub(super) enum Meaning {
    Own(&'static Own),
    Market(&'static IndicatorKind),
}

/// Looks up a type name, ignoring case. For the ambiguous name `params` decide: without `anchor` and
/// `lookback` the drawdown is that of the position.
pub(super) fn meaning(name: &str, params: &Map<String, Value>) -> Option<Meaning> {
    let name = name.trim();
    let is = |own: &&Own| {
        own.name.eq_ignore_ascii_case(name) || (!own.alias.is_empty() && own.alias.eq_ignore_ascii_case(name))
    };
    let found = OWN.iter().find(is);
    if found.is_some_and(|own| own.name == DRAWDOWN) {
        let anchor = params.get("anchor").and_then(Value::as_str);
        let window = anchor
            .map_or(params.contains_key("lookback"), |anchor| anchor.trim().eq_ignore_ascii_case("window"));
        if window {
            return find(name).map(Meaning::Market);
        }
    }
    found.map(Meaning::Own).or_else(|| find(name).map(Meaning::Market))
}

/// An instance value with its parameters.
pub(super) fn own_value(
    own: &Own,
    params: &Map<String, Value>,
    path: &str,
    problems: &mut Problems,
) -> Option<OwnValue> {
    let mut good = true;
    let mut flags = BTreeMap::new();
    for (name, value) in params {
        let here = at(path, name);
        match (own.params.iter().find(|known| **known == name.as_str()), value) {
            (None, _) => {
                good = false;
                let problem = unknown_parameter(own.name, name, own.params.iter().copied(), problems);
                problems.error(&here, problem);
            }
            (Some(&"anchor"), Value::String(word)) if word.trim().eq_ignore_ascii_case("position") => {}
            (Some(&"anchor"), _) => {
                good = false;
                problems.error(&here, format!("must be one of position, window, but is {}", shown(value)));
            }
            (Some(flag), Value::Bool(on)) => {
                flags.insert(*flag, *on);
            }
            (Some(_), _) => {
                good = false;
                problems.error(&here, format!("must be true or false, but is {}", shown(value)));
            }
        }
    }
    let flag = |name: &str| flags.get(name).copied().unwrap_or(false);
    let value = match own.value {
        OwnValue::UnrealizedPnlPct { .. } => {
            OwnValue::UnrealizedPnlPct { last: flag("last"), net: flag("net") }
        }
        other => other,
    };
    good.then_some(value)
}

fn unknown_parameter<'a>(
    kind: &str,
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
    problems: &Problems,
) -> String {
    let near = problems.suggestion(name, known.clone());
    let list = known.collect::<Vec<_>>().join(", ");
    let list = if list.is_empty() { "no parameters" } else { &list };
    let then = if near.is_empty() { "; it has" } else { " It has" };
    format!("{kind} has no such parameter{near}{then} {list}")
}

/// Refresh overrides of legacy documents; values are always computed on demand.
const REFRESH: [&str; 3] = ["r", "refresh_interval_seconds", "refresh_interval_override"];

/// A type with all its parameters: bounds checked, defaults filled in. `upstream` reads a parameter that is
/// another indicator. `None` if anything is invalid, which is then reported in `problems`.
pub(super) fn spec_of(
    kind: &'static IndicatorKind,
    params: &Map<String, Value>,
    path: &str,
    problems: &mut Problems,
    upstream: &mut dyn FnMut(&Value, &str, &mut Problems) -> Option<IndicatorSpec>,
) -> Option<IndicatorSpec> {
    let mut good = true;
    for name in params.keys().filter(|name| kind.params.iter().all(|param| param.name != name.as_str())) {
        let here = at(path, name);
        if REFRESH.contains(&name.as_str()) {
            problems.warning(&here, "has no effect: values are computed whenever they are needed");
        } else if !(name == "anchor" && kind.name == DRAWDOWN) {
            good = false;
            let problem =
                unknown_parameter(kind.name, name, kind.params.iter().map(|param| param.name), problems);
            problems.error(&here, problem);
        }
    }
    let mut values = BTreeMap::new();
    for param in kind.params {
        match parameter(param, params.get(param.name), &at(path, param.name), problems, upstream) {
            Some(value) => {
                values.insert(param.name.to_owned(), value);
            }
            None => good = false,
        }
    }
    if !good {
        return None;
    }
    let spec = IndicatorSpec { kind: kind.name.to_owned(), params: values };
    if let Some(problem) = (kind.check)(&spec) {
        problems.error(path, problem);
        return None;
    }
    let (t1, t3, d) = (spec.number("t1"), spec.number("t3"), spec.number("d"));
    if t3 - d < t1 {
        problems.warning(
            path,
            "the baseline (t3 to t3 − d) overlaps the current window (t1): the move is understated",
        );
    }
    Some(spec)
}

fn parameter(
    param: &Param,
    given: Option<&Value>,
    path: &str,
    problems: &mut Problems,
    upstream: &mut dyn FnMut(&Value, &str, &mut Problems) -> Option<IndicatorSpec>,
) -> Option<ParamValue> {
    let read = match (&param.accepts, given) {
        (Accepts::Number { default, .. }, None) => Ok(ParamValue::Number(*default)),
        (Accepts::Number { min, max, .. }, Some(value)) => in_bounds(value.as_f64(), *min, *max)
            .map(ParamValue::Number)
            .ok_or_else(|| format!("must be a number from {min} to {max}")),
        (Accepts::Count { default, .. }, None) => Ok(ParamValue::Number(f64::from(*default))),
        (Accepts::Count { min, max, .. }, Some(value)) => {
            in_bounds(value.as_f64().filter(|number| number.fract() == 0.0), f64::from(*min), f64::from(*max))
                .map(ParamValue::Number)
                .ok_or_else(|| format!("must be a whole number from {min} to {max}"))
        }
        (Accepts::Flag(default), given) => match given {
            None => Ok(ParamValue::Flag(*default)),
            Some(Value::Bool(on)) => Ok(ParamValue::Flag(*on)),
            Some(_) => Err("must be true or false".to_owned()),
        },
        (Accepts::Word(words), given) => word(words, given),
        (Accepts::Windows(default), None) => Ok(ParamValue::Windows(default.to_vec())),
        (Accepts::Windows(_), Some(value)) => windows(value).map(ParamValue::Windows),
        (Accepts::Indicator, None) => {
            let default =
                find("TWPA").map(|kind| (kind, Map::from_iter([("t1".to_owned(), Value::from(10))])));
            let spec = default.and_then(|(kind, params)| spec_of(kind, &params, path, problems, upstream));
            spec.map(|spec| ParamValue::Indicator(Box::new(spec))).ok_or_else(|| "is required".to_owned())
        }
        (Accepts::Indicator, Some(value)) => {
            return upstream(value, path, problems).map(|spec| ParamValue::Indicator(Box::new(spec)));
        }
    };
    match read {
        Ok(value) => Some(value),
        Err(problem) => {
            let but = given.map(|value| format!(", but is {}", shown(value))).unwrap_or_default();
            problems.error(path, format!("{problem}{but}"));
            None
        }
    }
}

fn in_bounds(number: Option<f64>, min: f64, max: f64) -> Option<f64> {
    number.filter(|number| (min..=max).contains(number))
}

fn word(words: &[&str], given: Option<&Value>) -> Result<ParamValue, String> {
    let Some(given) = given else {
        return Ok(ParamValue::Word(words.first().copied().unwrap_or_default().to_owned()));
    };
    let text = given.as_str().unwrap_or_default().trim();
    match words.iter().find(|known| known.eq_ignore_ascii_case(text)) {
        Some(known) => Ok(ParamValue::Word((*known).to_owned())),
        None => Err(format!("must be one of {}", words.join(", "))),
    }
}

/// Windows of a cascade, each {t1, t3, d, label?} in seconds.
fn windows(value: &Value) -> Result<Vec<[f64; 3]>, String> {
    const FORM: &str =
        "must be a list of 1 to 16 windows {\"t1\": …, \"t3\": …, \"d\": …} with seconds from 1 to 86400";
    let list = value.as_array().filter(|list| (1..=16).contains(&list.len())).ok_or(FORM)?;
    let window = |window: &Value| -> Option<[f64; 3]> {
        let fields = window.as_object()?;
        fields.keys().all(|key| ["t1", "t3", "d", "label"].contains(&key.as_str())).then_some(())?;
        let seconds = |name: &str| in_bounds(fields.get(name)?.as_f64(), 1.0, 86_400.0);
        Some([seconds("t1")?, seconds("t3")?, seconds("d")?])
    };
    list.iter().map(|given| window(given).ok_or_else(|| FORM.to_owned())).collect()
}
