//! A client that is measured.

use clap::Parser;
use throughline_bench_net::client::{Options, run};

fn main() -> anyhow::Result<()> {
    run(&Options::parse(), || 0)
}
