//! The built-in strategies.

/// Ids and documents, in display order.
pub fn builtin() -> [(&'static str, &'static str); 4] {
    [
        ("pump_v2", include_str!("../../../config/strategies/pump_v2.json")),
        ("dump_v2", include_str!("../../../config/strategies/dump_v2.json")),
        ("flash_pump_scalper", include_str!("../../../config/strategies/flash_pump_scalper.json")),
        ("ema_cross_trend", include_str!("../../../config/strategies/ema_cross_trend.json")),
    ]
}
