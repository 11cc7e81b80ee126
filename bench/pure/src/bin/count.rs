//! Counts the instructions of each piece of work of `counted` under valgrind, and compares them with a baseline.
//!
//! `count BASELINE [--write]`, from `bench/count`. Ends with 1 where something has become more by a tenth, or allocates
//! more than it did or should.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, ensure};
use throughline_bench_pure::counts::{Count, Counts, Done, HEAD, Row};

const WORKS: [&str; 9] = [
    "depacketize",
    "order",
    "reorder",
    "interleaved",
    "rtsp",
    "sdp",
    "sps",
    "tcp",
    "udp",
];

/// Seconds after which a piece of work hangs: it takes five.
const TIME_LIMIT: &str = "120";

fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().context("the baseline's path")?;
    let (now, complaints) = count_all()?;
    if arguments.next().as_deref() == Some("--write") {
        fs::write(&path, serde_json::to_string_pretty(&now)? + "\n")?;
    }
    let baseline = fs::read_to_string(&path).context("no baseline: bench/count --write makes one")?;
    let baseline: Counts = serde_json::from_str(&baseline)?;

    let rows = now.beside(&baseline);
    println!("{HEAD}");
    for row in &rows {
        println!("{row}");
    }
    for complaint in &complaints {
        println!("{complaint}");
    }
    let is_alike = baseline.machine == now.machine;
    let fails = |row: &&Row| row.allocates_more() || (is_alike && row.takes_more());
    let more = rows.iter().filter(fails).count();
    if !is_alike {
        // As `.ci/run` tells of what it has not done.
        println!(
            "left out: whether there are more instructions (the baseline is of {}, this is {})",
            baseline.machine, now.machine
        );
    } else if baseline.compiler != now.compiler {
        // Compared all the same: what a new compiler makes slower by a tenth is slower for whoever uses it, and a check that
        // each new one turns off would soon check nothing.
        println!(
            "The baseline is by {}, this is {}.",
            baseline.compiler, now.compiler
        );
        println!(
            "A difference may be the compiler's: count with the old one too, then renew by bench/count --write."
        );
    }
    if more > 0 {
        println!("{more} failed. If it is worth it, say why in the commit and renew by bench/count --write.");
    }
    Ok(ExitCode::from(u8::from(more > 0 || !complaints.is_empty())))
}

/// What there is to say about allocations comes beside the counts.
fn count_all() -> anyhow::Result<(Counts, Vec<String>)> {
    let program = std::env::current_exe()?.with_file_name("counted");
    let mut counts = BTreeMap::new();
    let (mut machine, mut complaints) = (String::new(), Vec::new());
    for name in WORKS {
        let (instructions, done) = count(&program, name).with_context(|| name.to_owned())?;
        if done.most_allocations.is_some_and(|most| done.allocations > most) {
            let (items, unit, allocations) = (done.items, &done.unit, done.allocations);
            complaints.push(format!(
                "{name} allocates: {allocations} times for {items} times a {unit}"
            ));
        }
        let per_item = |count: f64| (count / f64::from(done.items) * 1000.0).round() / 1000.0;
        let count = Count {
            instructions: per_item(instructions),
            allocations: per_item(f64::from(done.allocations)),
        };
        counts.insert(format!("{name}, each {}", done.unit), count);
        machine = done.machine;
    }
    let compiler = output(Command::new("rustc").arg("--version"))?.trim().to_owned();
    let counts = Counts {
        compiler,
        machine,
        counts,
    };
    Ok((counts, complaints))
}

fn count(program: &Path, name: &str) -> anyhow::Result<(f64, Done)> {
    let file = std::env::temp_dir().join(format!("throughline-count-{}-{name}", std::process::id()));
    let done = output(
        Command::new("timeout")
            .args([
                TIME_LIMIT,
                "valgrind",
                "-q",
                "--tool=callgrind",
                "--toggle-collect=counted::counted",
            ])
            .arg(format!("--callgrind-out-file={}", file.display()))
            .arg(program)
            .arg(name),
    )?;
    let counted = fs::read_to_string(&file)?;
    fs::remove_file(&file)?;
    let total = counted.lines().find_map(|line| line.strip_prefix("totals: "));
    let instructions: f64 = total.context("valgrind gives no total")?.trim().parse()?;
    ensure!(
        instructions > 0.0,
        "nothing was counted: has `counted` been inlined?"
    );
    Ok((instructions, serde_json::from_str(&done)?))
}

fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {errors}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}
