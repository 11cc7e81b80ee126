//! Sends a million access units over simulated links and prints what became of them as a table. Fails where a promise of
//! `throughline_tests::loss` is not kept, or where this process grows beyond what a camera may cost.
//!
//! `loss_table [ACCESS_UNITS [SEED]]`

use std::process::ExitCode;

use throughline_tests::loss::{CELLS, Outcome, run};

/// Of the whole process. The issue is with what is kept for packets that never come.
const MAX_RESIDENT_KIB: u64 = 64 * 1024;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u32>());
    let (Ok(units), Ok(seed)) = (
        arguments.next().unwrap_or(Ok(1_000_000)),
        arguments.next().unwrap_or(Ok(1)),
    ) else {
        eprintln!("usage: loss_table [ACCESS_UNITS [SEED]]");
        return ExitCode::from(2);
    };
    let each = units.div_ceil(u32::try_from(CELLS.len()).unwrap_or(u32::MAX));
    let mut kept = true;
    println!(
        "| link | sent | delivered | damaged | reference missing | waiting for IDR | unseen | in doubt | \
         packets | lost | late | twice | reordered | cut off | most waiting | promises |"
    );
    println!("|---|{}", "---:|".repeat(14) + "---|");
    for cell in &CELLS {
        match run(cell, each, u64::from(seed)) {
            Ok(outcome) => println!("| {} | {} | kept |", cell.name, figures(&outcome)),
            Err(violation) => {
                kept = false;
                println!("| {} |{} **{violation}** |", cell.name, " |".repeat(14));
            }
        }
    }
    if let Some(resident) = peak_resident_kib() {
        println!("\nAt most {} MiB resident.", resident.div_ceil(1024));
        kept &= resident <= MAX_RESIDENT_KIB;
    }
    if kept {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn figures(outcome: &Outcome) -> String {
    let Outcome { withheld, stats, .. } = outcome;
    let figures = [
        u64::from(outcome.units),
        outcome.delivered,
        withheld.damaged,
        withheld.reference_missing,
        withheld.waiting_for_idr,
        outcome.unseen,
        outcome.withheld_in_doubt,
        outcome.packets,
        stats.lost,
        stats.late,
        stats.duplicates,
        stats.reordered,
        stats.malformed,
        outcome.most_waiting,
    ];
    figures.map(|figure| figure.to_string()).join(" | ")
}

/// Where the system tells.
fn peak_resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
