//! Indicator variants that legacy example documents refer to by id, with readable names.

use serde_json::{Map, Value};

/// A variant: last two digits of its id, readable name, type, parameters as JSON.
struct Variant(&'static str, &'static str, &'static str, &'static str);

const PREFIX: &str = "5f000000-0000-4000-8000-0000000000";

/// A variant without parameters is just its type.
static VARIANTS: &[Variant] = &[
    Variant("01", "pump_10s", "PUMP_MAGNITUDE_PCT", r#"{"t1": 10, "t3": 60, "d": 30}"#),
    Variant("02", "pump_10s_vs_10min", "PUMP_MAGNITUDE_PCT", r#"{"t1": 10, "t3": 600, "d": 300}"#),
    Variant(
        "03",
        "volume_15s",
        "VOLUME_SPIKE_RATIO",
        r#"{"t1": 15, "t2": 0, "t3": 615, "t4": 15, "method": "bucket_median"}"#,
    ),
    Variant("04", "trade_rate_15s", "TRADE_FREQUENCY_SPIKE", r#"{"t1": 15, "t2": 0, "t3": 615, "t4": 15}"#),
    Variant("05", "velocity_fast", "PRICE_VELOCITY", r#"{"t1": 5, "t3": 20, "d": 5}"#),
    Variant("06", "velocity_base", "PRICE_VELOCITY", r#"{"t1": 10, "t3": 40, "d": 10}"#),
    Variant(
        "07",
        "cascade",
        "VELOCITY_CASCADE",
        r#"{"windows": [{"t1": 5, "t3": 15, "d": 5}, {"t1": 10, "t3": 40, "d": 10}, {"t1": 20, "t3": 80, "d": 20}]}"#,
    ),
    Variant("08", "taker_flow_15s", "ORDER_FLOW_IMBALANCE", r#"{"t1": 15, "t2": 0}"#),
    Variant("09", "book_imbalance_10s", "BID_ASK_IMBALANCE", r#"{"t1": 10, "t2": 0, "levels": 5}"#),
    Variant("10", "spread_3s", "SPREAD_PCT", r#"{"t1": 3, "t2": 0}"#),
    Variant("11", "spread_widening", "SPREAD_WIDENING_RATIO", r#"{"t1": 10, "t2": 0, "t3": 310, "t4": 10}"#),
    Variant(
        "12",
        "depth_drain",
        "LIQUIDITY_DRAIN_INDEX",
        r#"{"t1": 15, "t2": 0, "t3": 315, "t4": 15, "depth_pct": 0.5}"#,
    ),
    Variant(
        "13",
        "pump_retraced",
        "RETRACEMENT_OF_PUMP_PCT",
        r#"{"lookback": 600, "t3": 1200, "d": 600, "min_pump_pct": 3}"#,
    ),
    Variant("14", "give_back", "DRAWDOWN_FROM_PEAK_PCT", r#"{"anchor": "position"}"#),
    Variant("15", "", "UNREALIZED_PNL_PCT", ""),
    Variant("17", "", "POSITION_AGE_SECONDS", ""),
    Variant("18", "", "RISK_SCORE", ""),
    Variant(
        "19",
        "velocity_dispersion",
        "VELOCITY_STABILIZATION_INDEX",
        r#"{"num_samples": 3, "sample_interval": 5}"#,
    ),
    Variant("20", "", "DUMP_EXHAUSTION_SCORE", ""),
    Variant("21", "ema_9_21", "EMA_SPREAD_PCT", r#"{"fast": 9, "slow": 21, "bar_seconds": 5}"#),
    Variant("22", "rsi_14", "RSI", r#"{"period": 14, "bar_seconds": 5, "method": "wilder"}"#),
    Variant("23", "price_vs_vwap_5min", "PRICE_VS_VWAP_PCT", r#"{"t1": 300, "t2": 0}"#),
    Variant("24", "", "BEST_ASK", ""),
    Variant("25", "", "BEST_BID", ""),
    Variant("26", "pump_peak", "PUMP_PEAK_PRICE", r#"{"lookback": 600}"#),
];

/// What a known id refers to.
pub(super) struct Known {
    /// Type name.
    pub(super) kind: &'static str,
    /// Name and parameters, unless the type alone is enough.
    pub(super) named: Option<(&'static str, Map<String, Value>)>,
}

/// The variant with an id, ignoring case.
pub(super) fn known(id: &str) -> Option<Known> {
    let id = id.trim().to_ascii_lowercase();
    let digits = id.strip_prefix(PREFIX)?;
    let Variant(_, name, kind, params) = VARIANTS.iter().find(|variant| variant.0 == digits)?;
    let params = serde_json::from_str(params).ok();
    Some(Known { kind, named: params.map(|params| (*name, params)) })
}

/// Whether a text has the form of a UUID.
pub(super) fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.trim().split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_25_are_known_and_parameters_are_json() {
        let found: Vec<Known> =
            (1..=26).filter_map(|number| known(&format!("{PREFIX}{number:02}"))).collect();
        assert_eq!((VARIANTS.len(), found.len()), (25, 25));
        for Variant(digits, name, kind, params) in VARIANTS {
            let known = known(&format!("{}{digits}", PREFIX.to_uppercase())).unwrap();
            assert_eq!((known.kind, known.named.is_some()), (*kind, !params.is_empty()), "{name}");
        }
    }

    #[test]
    fn knows_a_uuid_by_its_form() {
        assert!(is_uuid("5f000000-0000-4000-8000-000000000001"));
        for text in [
            "pump_10s",
            "5f000000-0000-4000-8000-00000000000",
            "5f000000-0000-4000-8000-00000000000g",
            "----",
        ] {
            assert!(!is_uuid(text), "{text}");
        }
    }
}
