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

/// The client's cost over another's, run by run.
fn ratio(row: &Row, other: Option<&Row>) -> Option<f64> {
    let other = other.filter(|other| !other.measured.is_empty())?;
    let pairs = row.measured.iter().zip(&other.measured);
    let ratios = pairs.filter_map(|(run, beside)| Some(run.cost(row.client)? / beside.cost(other.client)?));
    Spread::of(ratios).map(|spread| spread.median)
}

/// What the row's last column says of its pictures.
fn verdict(row: &Row) -> String {
    if !row.faults.is_empty() {
        return format!("**invalid**: {}", row.faults.join("; "));
    }
    let bound = row
        .measured
        .iter()
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
        let over = |of: &dyn Fn(&Run) -> Option<f64>| Spread::of(row.measured.iter().filter_map(of));
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
         | cameras | client | p50 | p99 | p99.9 | most |\n|---|---|---|---|---|---|\n"
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
        let mut all: Vec<u64> = row.measured.iter().flat_map(Run::latencies).collect();
        all.sort_unstable();
        let at = |per_mille| short(float(quantile(&all, per_mille)) / 1e6);
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            row.scenario.name(),
            row.client.subcommand(),
            at(500),
            at(990),
            at(999),
            at(1000)
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
            let sent = row.measured.first()?.sessions.first()?.sent;
            let rate = float(sent.payload) * 30.0 / float(sent.units) / f64::from(1 << 30);
            let each = row.measured.iter().filter_map(|run| run.cost(client));
            Some(Spread::of(each)?.median * rate * 100.0)
        };
        if let (Some(few), Some(many)) = (find("sd", 16).and_then(share), find("sd", 500).and_then(share)) {
            let name = client.subcommand();
            let _ = writeln!(
                out,
                "| {name} | % of a core for a camera of sd, 16 in one process | {} |",
                short(few)
            );
            let _ = writeln!(out, "| {name} | the same, 500 in one process | {} |", short(many));
            let _ = writeln!(out, "| {name} | 500 over 16 | {} |", short(many / few));
        }
        let resident = |row: &Row| {
            let each = row.measured.iter().map(|run| float(run.client.resident));
            Some(Spread::of(each)?.median)
        };
        if let (Some(few), Some(many)) = (
            find("hd", 16).and_then(resident),
            find("hd", 64).and_then(resident),
        ) {
            let each = (many - few) / 48.0 / f64::from(1 << 20);
            let name = client.subcommand();
            let _ = writeln!(
                out,
                "| {name} | MiB resident for one more camera of hd, from 16 to 64 | {} |",
                short(each)
            );
        }
    }
    out
}

/// Requests, and the time to the first picture.
pub(super) fn first_pictures(rows: &[Row]) -> String {
    let mut out = format!(
        "\n### First picture, each answer {ANSWER_DELAY} ms late\n\n| client | requests | ms to the first picture (range) \
         | without the answers |\n|---|---|---|---|\n"
    );
    for row in rows
        .iter()
        .filter(|row| row.scenario.group == Group::FirstPicture)
    {
        let Some(session) = row.measured.first().and_then(|run| run.sessions.first()) else {
            continue;
        };
        let first = |run: &Run| Some(float(run.client.cameras.first()?.first) / 1e6);
        let Some(spread) = Spread::of(row.measured.iter().filter_map(first)) else {
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
            "| {} | {} | {} ({}..{}) | {} |",
            row.client.subcommand(),
            session.requests.join(" "),
            short(spread.median),
            short(spread.least),
            short(spread.most),
            short(without)
        );
    }
    out
}
