//! Files that cannot be read as they are: pipes, contract facts that contradict each other. Each is refused
//! by its name.

use crate::cli::Cli;
use crate::market_files::{BEGIN, TRADES, folder, results, run};
use serde_json::json;

/// Ten trades of T_USDT as CSV from a second on.
fn trades(from: i64) -> String {
    let row = |n: i64| format!("{},T_USDT,100,5,buy\n", (BEGIN + from + n) * 1_000_000);
    format!("{TRADES}\n{}", (0..10).map(row).collect::<String>())
}

fn contract(size: &str, price_step: &str) -> String {
    let facts =
        json!({"symbol": "T_USDT", "price_step": price_step, "quantity_step": "1", "contract_size": size});
    json!({"contracts": [facts]}).to_string()
}

#[test]
fn days_with_two_contract_sizes_are_refused_and_a_finer_step_is_not() {
    let cli = Cli::new();
    let days = |size: &str, step: &str| {
        [
            ("T-2025-12-01.trades.csv", trades(0)),
            ("T-2025-12-01.contract.json", contract("0.1", "0.1")),
            ("T-2025-12-02.trades.csv", trades(86_400)),
            ("T-2025-12-02.contract.json", contract(size, step)),
        ]
    };
    let two = folder(&cli, "two", &days("0.001", "0.1"));
    let words = [
        "T-2025-12-01.trades.csv and ",
        "T-2025-12-02.trades.csv: T_USDT has the contract size 0.1 in the one and 0.001 in the other",
    ];
    cli.run(&["import", &two]).fails("import", 64, &words);
    run(&cli, &["--data", &two]).fails("backtest", 64, &words);
    assert!(cli.recordings().is_empty());
    let one = folder(&cli, "one", &days("0.1", "0.01"));
    assert_eq!(results(&cli, &["--data", &one])[0]["assumptions"]["coverage"]["events"], 20);
    cli.import(&[one]);
}

#[test]
fn a_backtest_refuses_a_device_and_a_folder_leaves_out_what_is_no_file() {
    let cli = Cli::new();
    run(&cli, &["--data", "/dev/full"]).fails("a device", 64, &["/dev/full is not a file", "import it"]);
    let data = folder(&cli, "t", &[("T-1.trades.csv", trades(0))]);
    let _socket = std::os::unix::net::UnixListener::bind(cli.at("t").join("T-2.trades.csv")).unwrap();
    let why = "T-2.trades.csv: it is a pipe, a socket or a device";
    for ran in [cli.run(&["import", &data]), run(&cli, &["--data", &data])] {
        assert!(ran.code == 0 && ran.err.contains(why), "{}", ran.err);
    }
}
