//! Instructions of each piece of work, as `bench/baseline.json` keeps them, and what has changed since.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// More than this part more of instructions is a failure. Less may be what another compiler or an unrelated change does to
/// the layout of code.
pub const LIMIT: f64 = 0.10;

/// So many allocations an item more are the rounding's: counts are kept in thousandths.
const ROUNDING: f64 = 0.0015;

/// What `counted` says when it has done its work.
#[derive(Debug, Serialize, Deserialize)]
pub struct Done {
    /// What its items are.
    pub unit: String,
    pub items: u32,
    pub allocations: u32,
    /// No more than this, where it is a promise.
    pub most_allocations: Option<u32>,
    /// As [`machine`] says it.
    pub machine: String,
}

impl Done {
    pub fn new(unit: &str, items: usize, allocations: usize) -> Self {
        Self {
            unit: unit.to_owned(),
            items: capped(items),
            allocations: capped(allocations),
            most_allocations: None,
            machine: machine(),
        }
    }

    #[must_use]
    pub fn with_limit(self, most_allocations: usize) -> Self {
        Self {
            most_allocations: Some(capped(most_allocations)),
            ..self
        }
    }
}

fn capped(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The instructions that there are to count. What is chosen at run time follows it, `memchr`'s searches for one.
fn machine() -> String {
    #[cfg(target_arch = "x86_64")]
    let has_avx2 = std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    let has_avx2 = false;
    format!(
        "{}{}",
        std::env::consts::ARCH,
        if has_avx2 { " with AVX2" } else { "" }
    )
}

/// Instructions and allocations of one item.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Count {
    pub instructions: f64,
    pub allocations: f64,
}

/// All that was counted, and with what.
#[derive(Debug, Serialize, Deserialize)]
pub struct Counts {
    /// As `rustc --version` says it.
    pub compiler: String,
    /// The instruction set, as valgrind shows it.
    pub machine: String,
    /// By name and unit.
    pub counts: BTreeMap<String, Count>,
}

/// One row of the table.
#[derive(Debug, PartialEq)]
pub struct Row {
    name: String,
    before: Option<Count>,
    now: Count,
}

impl Row {
    /// By which part it has changed.
    fn change(&self) -> Option<f64> {
        let before = self.before?.instructions;
        Some((self.now.instructions - before) / before)
    }

    /// Whether it takes more instructions than [`LIMIT`] lets pass, or is new. Only on a machine like the baseline's.
    pub fn takes_more(&self) -> bool {
        self.change().is_none_or(|change| change > LIMIT)
    }

    /// Whether it allocates more, or is new, on whatever machine.
    pub fn allocates_more(&self) -> bool {
        let before = self.before.map(|before| before.allocations);
        before.is_none_or(|before| self.now.allocations > before + ROUNDING)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, now, .. } = self;
        let before = self
            .before
            .map_or_else(String::new, |before| format!("{:.1}", before.instructions));
        let change = match self.change() {
            None => "not in the baseline".to_owned(),
            Some(change) if change > LIMIT => format!("{:+.1} % MORE", change * 100.0),
            Some(change) => format!("{:+.1} %", change * 100.0),
        };
        let allocations = if self.before.is_some() && self.allocates_more() {
            ", MORE allocations"
        } else {
            ""
        };
        write!(
            f,
            "| {name:<26} | {before:>12} | {:>12.1} | {:>11.3} | {change}{allocations} |",
            now.instructions, now.allocations
        )
    }
}

/// The head of the table.
pub const HEAD: &str = "| instructions               |     baseline |          now | allocations | change |\n\
                        |----------------------------|-------------:|-------------:|------------:|--------|";

impl Counts {
    /// Each count beside its count in `baseline`.
    pub fn beside(&self, baseline: &Self) -> Vec<Row> {
        let row = |(name, now): (&String, &Count)| Row {
            name: name.clone(),
            before: baseline.counts.get(name).copied(),
            now: *now,
        };
        self.counts.iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(instructions: f64, allocations: f64) -> Counts {
        let count = Count {
            instructions,
            allocations,
        };
        Counts {
            compiler: String::new(),
            machine: String::new(),
            counts: BTreeMap::from([("work, a packet".to_owned(), count)]),
        }
    }

    #[test]
    fn a_tenth_more_passes_and_anything_above_it_fails() {
        for (now, fails) in [(50.0, false), (100.0, false), (110.0, false), (110.2, true)] {
            let rows = counts(now, 0.0).beside(&counts(100.0, 0.0));
            assert_eq!(
                rows.iter().map(Row::takes_more).collect::<Vec<_>>(),
                [fails],
                "{now}"
            );
        }
    }

    #[test]
    fn an_allocation_more_fails_and_rounding_does_not() {
        for (before, now, fails) in [
            (0.0, 0.001, false),
            (8.833, 8.834, false),
            (8.833, 8.0, false),
            (0.0, 0.002, true),
            (8.833, 9.0, true),
        ] {
            let rows = counts(1.0, now).beside(&counts(1.0, before));
            assert_eq!(
                rows.iter().map(Row::allocates_more).collect::<Vec<_>>(),
                [fails],
                "{before} {now}"
            );
        }
    }

    #[test]
    fn what_the_baseline_does_not_have_fails() {
        let empty = Counts {
            counts: BTreeMap::new(),
            ..counts(0.0, 0.0)
        };
        assert!(counts(1.0, 0.0).beside(&empty).iter().all(Row::takes_more));
    }
}
