//! `tradingd config`: the shipped file is valid, all problems of a broken file are listed, a new file has the
//! defaults.

use crate::cli::Cli;
use serde_json::Value;

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/config.json");

#[test]
fn the_shipped_file_can_be_used() {
    let cli = Cli::new();
    assert!(cli.ok(&["config", "check", SHIPPED]).contains("can be used"));
    assert_eq!(cli.json(&["config", "check", "--json", SHIPPED])["valid"], true);
}

#[test]
fn everything_that_is_wrong_is_printed() {
    let cli = Cli::new();
    let file =
        cli.file("config.json", r#"{"http": {"listn": 1, "max_connections": 0}, "log": {"level": "loud"}}"#);
    let places = ["/http/listn", "did you mean \"listen\"?", "/http/max_connections", "/log/level"];
    cli.run(&["config", "check", &file]).fails("three problems", 78, &places);
    cli.run(&["config", "check"]).fails(
        "the default is not there",
        78,
        &["config/config.json cannot be used", "cannot be read"],
    );
    cli.run(&["config", "check", "/dev/zero"]).fails("no file", 78, &["not a file"]);
    cli.run(&["config", "check", &cli.file("cut.json", "{\"http\": {")]).fails(
        "cut",
        78,
        &["the file is incomplete"],
    );
    let ran = cli.run(&["config", "check", "--json", &file]);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, report["problems"].as_array().unwrap().len()), (78, 3));
}

#[test]
fn a_new_file_is_written_once_and_can_be_used() {
    let cli = Cli::new();
    assert!(cli.ok(&["config", "init"]).contains("config/config.json"));
    assert!(cli.ok(&["config", "check"]).contains("can be used"));
    cli.run(&["config", "init"]).fails("twice", 64, &["config/config.json exists already"]);
}

/// Regression: without a configuration file the daemon failed with "No such file". A named file must exist.
#[test]
fn a_named_file_that_is_missing_is_an_error_and_an_unnamed_one_is_not() {
    let cli = Cli::new();
    cli.run(&["run", "--config", "none.json"]).fails(
        "named",
        78,
        &["none.json cannot be used", "cannot be read"],
    );
    // The state directory is a file, so the daemon fails right after reading its configuration.
    let state = cli.file("state", "");
    let ran = cli.run(&["run", "--state", &state]);
    assert_eq!(ran.code, 78, "{}", ran.err);
    assert!(
        ran.err.contains("there is no config/config.json: all settings have their defaults"),
        "{}",
        ran.err
    );
}
