//! Ten symbols whose trades come at different times, with strategies that look at every trade or now and
//! then, without and with latency: what is decided and what it was worth, to the last bit.
//!
//! The numbers come from the engine as it was before it was made faster. They may change only with what is
//! decided (`ENGINE_VERSION`) or with what a result says of it.

use crate::input::{self, mix};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::Arc;
use tradingd::domain::symbol::SymbolTable;
use tradingd::domain::time::Timestamp;
use tradingd::engine::output::Outputs;
use tradingd::report::statistics::Statistics;
use tradingd::session::digest::DecisionDigest;
use tradingd::session::driver::{Driver, Flow, Recorder};

/// Digest and statistics, as a session keeps them.
struct Valued {
    digest: DecisionDigest,
    statistics: Statistics,
}

impl Recorder for Valued {
    fn outputs(&mut self, out: &Outputs) {
        for (decision, evidence) in out.decided() {
            self.digest.add(decision, evidence);
        }
        if let Some(at) = out.warm_at {
            self.statistics.warm(at);
        }
        for trade in &out.closed {
            self.statistics.trade(trade);
        }
        if let Some(point) = &out.equity {
            self.statistics.equity(point);
        }
    }
}

/// Orders, digest of the decisions, and a hash of everything the summary says about them.
fn played(latency: bool, chunk: usize) -> Value {
    let ticks = mix::series(&input::read(&input::shipped()).unwrap());
    let table = Arc::new(SymbolTable::new(1, vec![mix::spec(); mix::SYMBOLS as usize]));
    let mut driver = Driver::new(table, &mix::strategies(), mix::session(), mix::venue(latency));
    let mut valued = Valued {
        digest: DecisionDigest::default(),
        statistics: Statistics::new(ticks[0].at, mix::session().initial_balance),
    };
    valued.statistics.begin_warm_up();
    driver.run(&mut mix::Memory { ticks: &ticks, chunk }, &mut valued, &mut |_| Flow::Continue).unwrap();
    let (orders, end): (u64, Timestamp) = (driver.engine().account().orders(), driver.progress().at);
    let summary = format!("{:?}", valued.statistics.finish(end));
    let summary: String =
        Sha256::digest(summary.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    json!({"orders": orders, "digest": valued.digest.finish(), "summary": summary})
}

#[test]
fn the_mix_is_decided_and_valued_as_ever() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/mix.json");
    let now = json!({"without latency": played(false, 1_024), "with latency": played(true, 1_024)});
    if std::env::var_os("TRADINGD_UPDATE").is_some() {
        std::fs::write(&path, format!("{now:#}\n")).unwrap();
    }
    let kept =
        std::fs::read_to_string(&path).expect("tests/golden/mix.json: write it with TRADINGD_UPDATE=1");
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(
        kept, now,
        "other decisions or another result: if that is meant, write the file with TRADINGD_UPDATE=1"
    );
}
