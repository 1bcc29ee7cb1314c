//! The `tradingd` binary: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    tradingd::app::main()
}
