//! The registry as plain values, for printing and checking.

use super::{ALL, Accepts, DataKind, find};
use crate::domain::strategy::{IndicatorSpec, ParamValue};
use std::collections::BTreeSet;

/// Catalogue entry of an indicator type.
#[derive(Clone, PartialEq, Debug)]
pub struct CatalogueEntry {
    /// Type name.
    pub kind: &'static str,
    /// Description in one sentence.
    pub about: &'static str,
    /// Formula in the notation of the documentation.
    pub formula: &'static str,
    /// Unit of the values.
    pub unit: &'static str,
    /// Names of the channels it needs.
    pub needs: Vec<&'static str>,
    /// Lowest and highest possible value, where the formula bounds it.
    pub range: Option<(f64, f64)>,
    /// Parameters in the order documents list them.
    pub params: Vec<CatalogueParam>,
}

/// Catalogue entry of a parameter.
#[derive(Clone, PartialEq, Debug)]
pub struct CatalogueParam {
    /// Name in documents.
    pub name: &'static str,
    /// `number`, `integer`, `boolean`, `word`, `windows` or `indicator`.
    pub kind: &'static str,
    /// Default value as written in a document.
    pub default: String,
    /// Minimum of a number.
    pub min: Option<f64>,
    /// Maximum of a number.
    pub max: Option<f64>,
    /// Accepted words.
    pub allowed: &'static [&'static str],
    /// Description in one phrase.
    pub about: &'static str,
}

/// Every type, in registry order.
pub fn catalogue() -> Vec<CatalogueEntry> {
    let entry = |kind: &&'static super::IndicatorKind| CatalogueEntry {
        kind: kind.name,
        about: kind.about,
        formula: kind.formula,
        unit: kind.unit,
        needs: kind.needs.iter().map(|channel| channel.as_str()).collect(),
        range: kind.range,
        params: kind.params.iter().map(param).collect(),
    };
    ALL.iter().map(entry).collect()
}

/// The channels that a spec and the indicators it reads need.
pub fn channels(spec: &IndicatorSpec) -> BTreeSet<DataKind> {
    let mut needed: BTreeSet<DataKind> =
        find(&spec.kind).into_iter().flat_map(|kind| kind.channels(spec)).copied().collect();
    if spec.word("of") == "mid" {
        needed.insert(DataKind::Book);
    }
    for value in spec.params.values() {
        if let ParamValue::Indicator(source) = value {
            needed.extend(channels(source));
        }
    }
    needed
}

fn param(param: &super::Param) -> CatalogueParam {
    let plain = |kind, default: String| CatalogueParam {
        name: param.name,
        kind,
        default,
        min: None,
        max: None,
        allowed: &[],
        about: param.about,
    };
    match &param.accepts {
        Accepts::Number { default, min, max } => {
            CatalogueParam { min: Some(*min), max: Some(*max), ..plain("number", default.to_string()) }
        }
        Accepts::Count { default, min, max } => CatalogueParam {
            min: Some(f64::from(*min)),
            max: Some(f64::from(*max)),
            ..plain("integer", default.to_string())
        },
        Accepts::Flag(default) => plain("boolean", default.to_string()),
        Accepts::Word(words) => CatalogueParam {
            allowed: words,
            ..plain("word", words.first().copied().unwrap_or_default().to_owned())
        },
        Accepts::Windows(windows) => {
            let shown: Vec<String> =
                windows.iter().map(|[t1, t3, d]| format!("{{\"t1\":{t1},\"t3\":{t3},\"d\":{d}}}")).collect();
            plain("windows", format!("[{}]", shown.join(",")))
        }
        Accepts::Indicator => plain("indicator", "TWPA{\"t1\":10}".to_owned()),
    }
}
