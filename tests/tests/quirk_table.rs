//! The table of quirks in `testdata/README.md` has no hole and no dead name.

#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Quirks that are known: Q1 to Q150.
const QUIRKS: usize = 150;

/// A row of the table.
struct Row {
    quirk: usize,
    place: String,
    tests: String,
    played: String,
}

/// A function that is a test.
struct Test {
    file: PathBuf,
    runs: bool,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn rows() -> Vec<Row> {
    let readme = fs::read_to_string(root().join("testdata/README.md")).unwrap();
    let (_, section) = readme.split_once("\n## Quirks\n").expect("the section");
    let cells = section.lines().filter_map(|line| line.strip_prefix("| Q"));
    cells
        .map(|line| {
            let cells: Vec<&str> = line.trim_end_matches('|').split('|').map(str::trim).collect();
            let [quirk, place, tests, played] = cells[..] else {
                panic!("a row of other than four cells: Q{line}");
            };
            Row {
                quirk: quirk.parse().unwrap(),
                place: place.to_owned(),
                tests: tests.to_owned(),
                played: played.to_owned(),
            }
        })
        .collect()
}

/// What stands between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The quirks that a test is named after: `q32_q85_what_happens` is Q32's and Q85's.
fn quirks_of(name: &str) -> impl Iterator<Item = usize> {
    name.split('_')
        .map_while(|word| word.strip_prefix('q')?.parse().ok())
}

fn sources() -> Vec<(PathBuf, String)> {
    let mut folders = vec![root().join("crates"), root().join("tests")];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                sources.push((path, text));
            }
        }
    }
    sources
}

fn tests_by_name(sources: &[(PathBuf, String)]) -> BTreeMap<String, Vec<Test>> {
    let mut tests = BTreeMap::<String, Vec<Test>>::new();
    for (file, text) in sources {
        let mut attributes = String::new();
        for line in text.lines().map(str::trim_start) {
            if line.starts_with("#[") {
                attributes += line;
                continue;
            }
            let function = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
            if let Some((name, _)) = function.and_then(|function| function.split_once('(')) {
                let is_test = attributes.contains("#[test]") || attributes.contains("#[tokio::test");
                let test = Test {
                    file: file.clone(),
                    runs: is_test && !attributes.contains("ignore"),
                };
                tests.entry(name.to_owned()).or_default().push(test);
            }
            attributes.clear();
        }
    }
    tests
}

#[test]
fn every_quirk_has_a_row_and_each_row_a_test_or_a_reason() {
    let rows = rows();
    let quirks: Vec<usize> = rows.iter().map(|row| row.quirk).collect();
    assert_eq!(quirks, (1..=QUIRKS).collect::<Vec<_>>());
    let has_reason = |row: &Row| {
        row.tests == "-"
            && ["later: ", "declined: "]
                .iter()
                .any(|reason| row.place.starts_with(reason))
    };
    let holes: Vec<String> = rows
        .iter()
        .filter(|row| quoted(&row.tests).next().is_none() && !has_reason(row))
        .map(|row| format!("Q{}: {} | {}", row.quirk, row.place, row.tests))
        .collect();
    assert!(holes.is_empty(), "{holes:#?}");
}

#[test]
fn every_test_of_the_table_runs_and_every_test_of_a_quirk_is_in_it() {
    let tests = tests_by_name(&sources());
    let mut faults = Vec::new();
    let mut listed = BTreeSet::new();
    for row in rows() {
        for name in quoted(&row.tests) {
            listed.insert((row.quirk, name.to_owned()));
            match tests.get(name).map(Vec::as_slice) {
                None => faults.push(format!("Q{}: there is no `{name}`", row.quirk)),
                Some([test]) if !test.runs => {
                    faults.push(format!("`{name}` does not run: {}", test.file.display()));
                }
                Some([_]) => {}
                Some(_) => faults.push(format!("`{name}` is there more than once")),
            }
            if !quirks_of(name).any(|quirk| quirk == row.quirk) {
                faults.push(format!("Q{}: `{name}` is not named after it", row.quirk));
            }
        }
    }
    for name in tests.keys() {
        for quirk in quirks_of(name) {
            if !listed.contains(&(quirk, name.clone())) {
                faults.push(format!("`{name}` is not in the row of Q{quirk}"));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_name_of_the_table_is_in_the_sources() {
    let sources = sources();
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let words: BTreeSet<&str> = sources
        .iter()
        .flat_map(|(_, text)| text.split(|c| !is_part(c)))
        .collect();
    let mut faults = Vec::new();
    for row in rows() {
        for name in quoted(&row.place).chain(quoted(&row.played)) {
            let last = name.rsplit("::").next().unwrap_or(name);
            if !words.contains(last) {
                faults.push(format!("Q{}: there is no `{name}`", row.quirk));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}
