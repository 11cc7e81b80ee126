//! Processes: a sender that stays for a scenario, and one client at a time.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use super::scenario::{ANSWER_DELAY, Client, Group, HOLD, SPREAD, Scenario};
use crate::report::{self, Amount, Ready, Session};
use crate::sender::Rate;

/// Longer than any session's end takes to be told, its lingering included.
const PATIENCE: Duration = Duration::from_secs(5);

/// A run of one client, as all three sides saw it.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) client: report::Client,
    pub(super) sessions: Vec<Session>,
    /// Of one camera, as asked for.
    pub(super) asked: Amount,
    /// System calls of the whole process, where counted.
    pub(super) calls: Option<u64>,
}

/// How a run is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing disturbs it; its times count.
    Measured,
    /// Pictures are hashed, allocations and system calls counted; its times do not count.
    Checked,
}

/// Runs a program and counts its system calls, in a line on its standard error.
const COUNT_CALLS: &[&str] = &["perf", "stat", "-x", ",", "-e", "raw_syscalls:sys_enter"];
/// Runs a program that waits for nothing else on its core: what is in real time is about its own delays, not about what else the
/// machine has to do.
const FIRST_ON_ITS_CORE: &[&str] = &["chrt", "-f", "50"];

/// A program run by another, if there is one.
fn command(by: &[&str], program: impl AsRef<OsStr>) -> Command {
    let Some((first, rest)) = by.split_first() else {
        return Command::new(program);
    };
    let mut command = Command::new(first);
    command.args(rest).arg(program);
    command
}

/// What runs programs, if this machine has it and lets us.
fn if_allowed(by: &'static [&'static str]) -> &'static [&'static str] {
    let tried = command(by, "true").output();
    if tried.is_ok_and(|output| output.status.success()) {
        by
    } else {
        &[]
    }
}

/// The sender of a scenario, ended when dropped.
pub(super) struct Sender {
    process: Child,
    lines: Receiver<String>,
    ready: Ready,
    scenario: Scenario,
    /// What runs sender and client, and what the client in the round that checks.
    first: &'static [&'static str],
    counting: &'static [&'static str],
}

impl Drop for Sender {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn program(name: &str) -> Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(name))
}

fn value(of: &impl ValueEnum) -> Result<String> {
    Ok(of
        .to_possible_value()
        .context("a value without a name")?
        .get_name()
        .to_owned())
}

impl Sender {
    pub(super) fn start(scenario: Scenario, streams: &Path) -> Result<Self> {
        let first = match scenario.rate {
            Rate::RealTime => if_allowed(FIRST_ON_ITS_CORE),
            Rate::Saturated => &[],
        };
        let mut command = command(first, program("sender")?);
        command.arg(streams.join(format!("{}.h264", scenario.stream)));
        command.args(["--units", &scenario.units.to_string()]);
        command.args([
            "--rate",
            &value(&scenario.rate)?,
            "--style",
            &value(&scenario.style)?,
        ]);
        if scenario.udp {
            command.arg("--udp");
        }
        if scenario.group == Group::FirstPicture {
            command.args(["--answer-delay", &ANSWER_DELAY.to_string()]);
        } else if scenario.rate == Rate::RealTime {
            let hold = HOLD * scenario.cameras;
            command.args(["--hold", &hold.to_string(), "--spread", &SPREAD.to_string()]);
        }
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let output = process.stdout.take().context("no output")?;
        let lines = lines(output);
        let ready = lines.recv().context("the sender did not start")?;
        Ok(Sender {
            process,
            lines,
            ready: serde_json::from_str(&ready)?,
            scenario,
            first,
            counting: if_allowed(COUNT_CALLS),
        })
    }

    /// Of a session of so many access units, by a share of the whole: sessions end where the stream has been
    /// repeated often, so that the shares are equal but for a little.
    fn asked(&self, client: Client) -> Amount {
        let whole = self.ready.whole;
        let units = self.scenario.units_of(client) as u64;
        if units == whole.units {
            whole
        } else {
            Amount {
                units,
                ..Amount::default()
            }
        }
    }

    /// Runs one client to its end.
    pub(super) fn run(&self, client: Client, look: Look) -> Result<Run> {
        let asked = self.asked(client);
        let counting = look == Look::Checked && !client.is_foreign();
        let name = program(if counting { "client-counting" } else { "client" })?;
        let by = match look {
            Look::Checked => [self.first, self.counting].concat(),
            Look::Measured => self.first.to_vec(),
        };
        let mut command = command(&by, name);
        if look == Look::Checked {
            command.arg("--digest");
        }
        command.args(["--address", &format!("127.0.0.1:{}", self.ready.port)]);
        command.args([
            "--cameras",
            &self.scenario.cameras.to_string(),
            "--units",
            &asked.units.to_string(),
        ]);
        command.args(["--wire", &asked.wire.to_string()]);
        if self.scenario.udp {
            command.args(["--udp", "--window", &client.window().to_string()]);
        }
        if self.scenario.rate == Rate::RealTime {
            command.arg("--times");
        }
        // What an earlier client left behind.
        while self.lines.try_recv().is_ok() {}
        let output = command.arg(client.subcommand()).stdin(Stdio::null()).output()?;
        // Also where the client failed: what is told of its sessions is not for the next.
        let mut sessions = Vec::new();
        while sessions.len() < self.scenario.cameras {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                break;
            };
            sessions.push(serde_json::from_str(&line)?);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let counted = said.lines().find(|line| line.contains("raw_syscalls"));
        let calls = counted.and_then(|line| line.split(',').next()?.parse().ok());
        for line in said
            .lines()
            .filter(|line| !line.contains("raw_syscalls") && !line.is_empty())
        {
            eprintln!("{}: {line}", client.subcommand());
        }
        ensure!(output.status.success(), "{} failed: {said}", client.subcommand());
        Ok(Run {
            client: serde_json::from_slice(&output.stdout)?,
            sessions,
            asked,
            calls,
        })
    }
}

/// The lines of a process's output, as they come.
fn lines(output: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}
