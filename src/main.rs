//! The `tradingd` binary: arguments in, exit code out.

use std::process::ExitCode;
use tikv_jemallocator::Jemalloc;

/// jemalloc returns freed memory to the system within seconds; glibc's malloc keeps most of it.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    tradingd::app::main()
}
