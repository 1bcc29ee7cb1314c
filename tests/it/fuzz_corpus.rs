//! Runs the properties of the fuzz targets on their corpora with every test run.

#[path = "../../fuzz/properties.rs"]
mod properties;

use std::path::Path;

/// A property check: takes any bytes and panics if the property does not hold.
type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 5] = [
    ("request", properties::request),
    ("document", properties::document),
    ("config", properties::config),
    ("records", properties::records),
    ("message", properties::message),
];

#[test]
fn every_file_of_the_corpora_holds_what_its_target_checks() {
    for (target, holds) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
        let mut files: Vec<_> =
            std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(files.len() >= 20, "{} has {} files", folder.display(), files.len());
        for file in files {
            let bytes = std::fs::read(&file).unwrap();
            let held = std::panic::catch_unwind(|| holds(&bytes));
            assert!(
                held.is_ok(),
                "{} does not hold what `{target}` checks: see the panic above",
                file.display()
            );
        }
    }
}
