//! The `tradingd` binary: arguments in, exit code out.

use std::process::ExitCode;
use tikv_jemallocator::Jemalloc;

/// The allocator of the C library keeps what it once took; this one gives it back within seconds.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    tradingd::app::main()
}
