//! The driver: all clients by turns, and the tables.

mod figures;
mod run;
mod scenario;
mod table;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use clap::Parser;

use figures::{Row, faults, lateness};
use run::{Look, Run, Sender};
pub use scenario::Group;
use scenario::{Client, Scenario};

/// Runs clients against a sender, and prints what they cost as Markdown.
#[derive(Debug, Parser)]
pub struct Options {
    /// Where `bench/streams.sh` keeps its streams.
    #[arg(long)]
    streams: PathBuf,
    /// Only these; all of them without.
    #[arg(long, value_enum)]
    only: Vec<Group>,
    /// Only the streams or numbers of cameras that a scenario's name begins with, such as `64 x hd`.
    #[arg(long)]
    name: Option<String>,
    /// How often each client is measured.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Two rounds, and an eighth of what a saturating sender sends: to see that all works.
    #[arg(long)]
    quick: bool,
}

/// Runs what is asked for. Fails if any row is invalid.
pub fn run(options: &Options) -> Result<ExitCode> {
    let begun = Instant::now();
    let mut rows = Vec::new();
    for mut scenario in scenario::all() {
        let is_asked_for = options.only.is_empty() || options.only.contains(&scenario.group);
        let is_named = options
            .name
            .as_ref()
            .is_none_or(|name| scenario.name().starts_with(name));
        if !is_asked_for || !is_named {
            continue;
        }
        if options.quick && scenario.rate == crate::sender::Rate::Saturated {
            scenario.units /= 8;
        }
        let rounds = if options.quick { 2 } else { options.rounds };
        eprintln!("{}: {}", scenario.group.title(), scenario.name());
        rows.extend(play(scenario, rounds, options)?);
    }
    anyhow::ensure!(!rows.is_empty(), "nothing is called so");
    print(&rows);
    eprintln!("{} s", begun.elapsed().as_secs());
    let invalid = rows.iter().filter(|row| !row.faults.is_empty()).count();
    if invalid > 0 {
        eprintln!("{invalid} of {} rows are invalid", rows.len());
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn play(scenario: Scenario, rounds: usize, options: &Options) -> Result<Vec<Row>> {
    let sender = Sender::start(scenario, &options.streams)?;
    let new = |client| Row {
        scenario,
        client,
        measured: BTreeMap::new(),
        checked: None,
        faults: Vec::new(),
    };
    let mut rows: Vec<Row> = scenario.clients.iter().copied().map(new).collect();
    for round in 0..=rounds {
        for row in &mut rows {
            let look = if round == 0 { Look::Checked } else { Look::Measured };
            match undisturbed(&sender, &scenario, row.client, look) {
                Ok((run, faults)) => {
                    row.faults.extend(faults);
                    match look {
                        Look::Checked => row.checked = Some(run),
                        Look::Measured => drop(row.measured.insert(round, run)),
                    }
                }
                Err(error) => row.faults.push(error.to_string()),
            }
        }
    }
    for row in &mut rows {
        row.faults.truncate(MAX_FAULTS);
    }
    Ok(rows)
}

/// A run and what is wrong with it, again where the sender did not keep its times: that tells nothing of the client. What it was
/// the last time counts.
fn undisturbed(
    sender: &Sender,
    scenario: &Scenario,
    client: Client,
    look: Look,
) -> Result<(Run, Vec<String>)> {
    let mut trial = 1;
    loop {
        let run = sender.run(client, look)?;
        let faults = faults(scenario, client, look, &run);
        match lateness(scenario, &run) {
            // What is wrong beside is the client's, and stays.
            Some(lateness) if trial < TRIALS && faults == [lateness.as_str()] => {
                eprintln!("{}, again: {lateness}", client.subcommand());
            }
            _ => return Ok((run, faults)),
        }
        trial += 1;
    }
}

/// Runs until one of them counts, late or not.
const TRIALS: usize = 3;
/// Faults of a row that are shown.
const MAX_FAULTS: usize = 3;

fn print(rows: &[Row]) {
    let has = |group| rows.iter().any(|row| row.scenario.group == group);
    for group in [
        Group::TcpSaturated,
        Group::TcpRealTime,
        Group::TcpPackets,
        Group::UdpSaturated,
        Group::Growth,
        Group::Latency,
    ] {
        if has(group) {
            println!("{}", table::costs(group, rows));
        }
    }
    if has(Group::Growth) || has(Group::Latency) {
        println!("{}", table::growth(rows));
    }
    println!("{}", table::latencies(rows));
    if has(Group::FirstPicture) {
        println!("{}", table::first_pictures(rows));
    }
}
