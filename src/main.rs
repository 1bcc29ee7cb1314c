//! The `tradingd` binary.
fn main() {}
