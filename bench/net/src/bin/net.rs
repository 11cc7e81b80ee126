//! The driver.

use clap::Parser;
use throughline_bench_net::driver::{Options, run};

fn main() -> anyhow::Result<std::process::ExitCode> {
    run(&Options::parse())
}
