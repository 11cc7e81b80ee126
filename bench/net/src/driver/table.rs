//! Figures as Markdown.

use std::fmt::Write;

use super::figures::{Row, Spread, float, is_sender_bound, quantile};
use super::run::Run;
use super::scenario::{ANSWER_DELAY, Client, Group};
use crate::sender::Rate;

/// Significant figures are three: the machine gives no more.
fn short(figure: f64) -> String {
    match figure {
        0.0 => "0".to_owned(),
        f if f.abs() < 0.001 => format!("{f:.5}"),
        f if f.abs() < 1.0 => format!("{f:.3}"),
        f if f.abs() < 10.0 => format!("{f:.2}"),
        f if f.abs() < 100.0 => format!("{f:.1}"),
        f => format!("{f:.0}"),
    }
}

fn shown(figure: Option<f64>) -> String {
    figure.map_or_else(|| "-".to_owned(), short)
}

/// The client's cost over another's, round by round.
fn ratio(row: &Row, other: Option<&Row>) -> Option<f64> {
    let other = other?;
    let ratios = row.measured.iter().filter_map(|(round, run)| {
        let beside = other.measured.get(round)?;
        Some(run.cost(row.client)? / beside.cost(other.client)?)
    });
    Spread::of(ratios).map(|spread| spread.median)
}

/// What the row's last column says of its pictures.
fn verdict(row: &Row) -> String {
    if !row.faults.is_empty() {
        return format!("**invalid**: {}", row.faults.join("; "));
    }
    let bound = row
        .measured
        .values()
        .filter(|run| is_sender_bound(&row.scenario, run))
        .count();
    let bound = if bound > 0 {
        format!(", sender-bound in {bound}")
    } else {
        String::new()
    };
    let what = if row.client.is_floor() {
        "bytes counted"
    } else {
        "pictures hashed"
    };
    format!("{what}{bound}")
}

/// The table of a group, in which each row's cost stands beside the floor's and retina's.
pub(super) fn costs(group: Group, rows: &[Row]) -> String {
    let mut out = format!(
        "\n### {}\n\n| cameras | client | CPU s/GiB (range) | / floor | / retina | busy | sleeps a packet | calls a packet \
         | allocations a packet | a picture | peak MiB | checked |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n",
        group.title()
    );
    for row in rows.iter().filter(|row| row.scenario.group == group) {
        let name = row.scenario.name();
        let beside = |client| {
            rows.iter().find(|other| {
                other.client == client && other.scenario.group == group && other.scenario.name() == name
            })
        };
        let over = |of: &dyn Fn(&Run) -> Option<f64>| Spread::of(row.measured.values().filter_map(of));
        let cost = over(&|run| run.cost(row.client)).map_or_else(
            || "-".to_owned(),
            |cost| {
                format!(
                    "{} ({}..{})",
                    short(cost.median),
                    short(cost.least),
                    short(cost.most)
                )
            },
        );
        let median = |of: &dyn Fn(&Run) -> Option<f64>| shown(over(of).map(|spread| spread.median));
        let checked = |of: &dyn Fn(&Run) -> Option<f64>| shown(row.checked.as_ref().and_then(of));
        let is_counted = !row.client.is_foreign() && !row.client.is_floor();
        let allocations = |of: &dyn Fn(&Run) -> Option<f64>| {
            if is_counted { checked(of) } else { "-".to_owned() }
        };
        let _ = writeln!(
            out,
            "| {name} | {} | {cost} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            row.client.subcommand(),
            shown(ratio(row, beside(Client::Floor))),
            shown(ratio(row, beside(Client::Retina))),
            median(&|run| run.busy()),
            median(&|run| run.sleeps(row.client)),
            checked(&|run| Some(float(run.calls?) / run.packets())),
            allocations(&|run| run.allocations_per_packet(row.client)),
            allocations(&|run| run.allocations_per_unit()),
            median(&|run| Some(float(run.client.peak) / f64::from(1 << 20))),
            verdict(row),
        );
    }
    out
}

/// From the sender's write to the caller's hands, wherever it was noted.
pub(super) fn latencies(rows: &[Row]) -> String {
    let mut out = "\n### Latency: from the write of the last packet to the access unit in the caller's hands, in ms\n\n\
         | cameras | client | p50 | p99 | p99.9 | most | checked |\n|---|---|---|---|---|---|---|\n"
        .to_owned();
    let hd = rows.iter().filter(|row| {
        row.scenario.stream == "hd"
            && row.scenario.rate == Rate::RealTime
            && row.scenario.group != Group::FirstPicture
    });
    let mut hd = hd.filter(|row| !row.client.is_floor()).peekable();
    if hd.peek().is_none() {
        return String::new();
    }
    for row in hd {
        let mut all: Vec<u64> = row.measured.values().flat_map(Run::latencies).collect();
        all.sort_unstable();
        let at = |per_mille| short(float(quantile(&all, per_mille)) / 1e6);
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} |",
            row.scenario.name(),
            row.client.subcommand(),
            at(500),
            at(990),
            at(999),
            at(1000),
            verdict(row)
        );
    }
    out
}

/// What one camera more costs.
pub(super) fn growth(rows: &[Row]) -> String {
    let mut out = "\n### Growth\n\n| client | what | figure |\n|---|---|---|\n".to_owned();
    for client in [Client::Throughline, Client::Retina] {
        let find = |stream: &str, cameras: usize| {
            rows.iter().find(|row| {
                let scenario = &row.scenario;
                row.client == client
                    && (scenario.stream, scenario.cameras) == (stream, cameras)
                    && scenario.rate == Rate::RealTime
                    && scenario.name().ends_with("access units")
            })
        };
        // By what a camera sends a second, so that a run that took longer costs no less.
        let share = |row: &Row| {
            let sent = row.measured.values().next()?.sessions.first()?.sent;
            let rate = float(sent.payload) * 30.0 / float(sent.units) / f64::from(1 << 30);
            let each = row.measured.values().filter_map(|run| run.cost(client));
            Some(Spread::of(each)?.median * rate * 100.0)
        };
        let resident = |row: &Row| {
            let each = row.measured.values().map(|run| float(run.client.resident));
            Some(Spread::of(each)?.median)
        };
        let mut add = |what: &str, of: &[&Row], figure: Option<f64>| {
            let Some(figure) = figure.map(short) else { return };
            let is_valid = of.iter().all(|row| row.faults.is_empty());
            let invalid = if is_valid { "" } else { ", **invalid**" };
            let _ = writeln!(out, "| {} | {what} | {figure}{invalid} |", client.subcommand());
        };
        if let (Some(few), Some(many)) = (find("sd", 16), find("sd", 500)) {
            let shares = share(few).zip(share(many));
            add(
                "% of a core for a camera of sd, 16 in one process",
                &[few],
                shares.map(|(few, _)| few),
            );
            add(
                "the same, 500 in one process",
                &[many],
                shares.map(|(_, many)| many),
            );
            add("500 over 16", &[few, many], shares.map(|(few, many)| many / few));
        }
        if let (Some(few), Some(many)) = (find("hd", 16), find("hd", 64)) {
            let residents = resident(few).zip(resident(many));
            add(
                "MiB resident for one more camera of hd, from 16 to 64",
                &[few, many],
                residents.map(|(few, many)| (many - few) / 48.0 / f64::from(1 << 20)),
            );
        }
    }
    out
}

/// Requests, and the time to the first picture.
pub(super) fn first_pictures(rows: &[Row]) -> String {
    let mut out = format!(
        "\n### First picture, each answer {ANSWER_DELAY} ms late\n\n| client | requests | ms to the first picture (range) \
         | without the answers | checked |\n|---|---|---|---|---|\n"
    );
    for row in rows
        .iter()
        .filter(|row| row.scenario.group == Group::FirstPicture)
    {
        let Some(session) = row.measured.values().next().and_then(|run| run.sessions.first()) else {
            continue;
        };
        let first = |run: &Run| Some(float(run.client.cameras.first()?.first) / 1e6);
        let Some(spread) = Spread::of(row.measured.values().filter_map(first)) else {
            continue;
        };
        let before = session
            .requests
            .iter()
            .position(|method| method == "PLAY")
            .map_or(0, |at| at + 1);
        let without = spread.median - float(before as u64 * ANSWER_DELAY);
        let _ = writeln!(
            out,
            "| {} | {} | {} ({}..{}) | {} | {} |",
            row.client.subcommand(),
            session.requests.join(" "),
            short(spread.median),
            short(spread.least),
            short(spread.most),
            short(without),
            verdict(row)
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::driver::scenario;
    use crate::report::{self, Amount, Measured, Session};

    fn run(cpu: u64) -> Run {
        let sent = Amount {
            units: 1,
            packets: 1,
            payload: 1 << 30,
            wire: 1 << 30,
        };
        Run {
            client: report::Client {
                measured: Some(Measured {
                    cpu: cpu * 1_000_000_000,
                    payload: 1 << 30,
                    ..Measured::default()
                }),
                ..report::Client::default()
            },
            sessions: vec![Session {
                sent,
                ..Session::default()
            }],
            asked: sent,
            calls: None,
        }
    }

    fn row(client: Client, cpu: &[(usize, u64)]) -> Row {
        let is_growth = |scenario: &scenario::Scenario| scenario.group == Group::Growth;
        Row {
            scenario: scenario::all().into_iter().find(is_growth).expect("a scenario"),
            client,
            measured: cpu.iter().map(|(round, cpu)| (*round, run(*cpu))).collect(),
            checked: None,
            faults: Vec::new(),
        }
    }

    #[test]
    fn ratios_are_those_of_the_rounds_that_both_have() {
        let ours = row(Client::Throughline, &[(1, 10), (3, 6), (4, 8)]);
        let theirs = row(Client::Retina, &[(2, 1), (3, 3), (4, 4)]);
        assert_eq!(ratio(&ours, Some(&theirs)), Some(2.0));
        let none = row(Client::Retina, &[(2, 1)]);
        assert_eq!(ratio(&ours, Some(&none)), None);
        assert_eq!(ratio(&ours, None), None);
    }

    #[test]
    fn figures_of_invalid_rows_are_marked_wherever_they_stand() {
        let few = row(Client::Throughline, &[(1, 10)]);
        let mut many = row(Client::Throughline, &[(1, 20)]);
        many.scenario.cameras = 500;
        many.faults.push("late".to_owned());
        let marked: Vec<bool> = growth(&[few, many])
            .lines()
            .filter(|line| line.starts_with("| throughline"))
            .map(|line| line.ends_with(", **invalid** |"))
            .collect();
        assert_eq!(marked, [false, true, true]);
        let mut hd = row(Client::Retina, &[]);
        hd.scenario.stream = "hd";
        hd.faults.push("late".to_owned());
        assert!(latencies(std::slice::from_ref(&hd)).contains("**invalid**: late"));
        hd.scenario.group = Group::FirstPicture;
        hd.measured = BTreeMap::from([(1, run(1))]);
        hd.measured.get_mut(&1).expect("a run").client.cameras = vec![report::Received::default()];
        assert!(first_pictures(&[hd]).contains("**invalid**: late"));
    }
}
