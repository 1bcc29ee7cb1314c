//! A pipe where a file is expected: refused at once, and it does not delay shutdown.

use super::daemon::{Daemon, config};
use serde_json::json;
use std::process::Command;

#[test]
fn a_pipe_in_the_import_folder_is_refused_and_the_daemon_ends_when_told() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Command::new("mkfifo").arg(folder.path().join("a.trades.csv")).status().unwrap().success());
    let mut config = config();
    config["import"] = json!({"folder": folder.path()});
    let mut daemon = Daemon::with(&config);
    let admin = daemon.admin();
    let answer =
        daemon.ask_as(&admin, "POST", "/api/data-collection/import", Some(&json!({"path": "a.trades.csv"})));
    assert_eq!(
        (answer.status, answer.json()["error_code"].as_str()),
        (400, Some("invalid_file")),
        "{}",
        answer.json()
    );
    daemon.signal("TERM");
    assert_eq!(daemon.wait(), Some(0));
}
