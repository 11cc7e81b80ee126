//! The sender.

use clap::Parser;
use throughline_bench_net::sender::{Options, run};

fn main() -> anyhow::Result<()> {
    run(Options::parse())
}
