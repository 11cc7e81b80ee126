//! Each body over its target's corpus; and one list of targets, wherever it stands.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use throughline_fuzz_bodies::BODIES;

/// The folder of the cargo-fuzz workspace, or something in it.
fn fuzz(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz")
        .join(path)
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", folder.display()));
    let entries = fs::read_dir(folder).map_err(named)?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<Vec<PathBuf>>>()?;
    paths.sort();
    Ok(paths)
}

/// The names in a folder, without what is behind their last dot.
fn stems(folder: &str) -> io::Result<BTreeSet<String>> {
    let paths = entries(&fuzz(folder))?;
    Ok(paths
        .iter()
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect())
}

fn targets() -> BTreeSet<String> {
    BODIES.iter().map(|(name, _)| (*name).to_owned()).collect()
}

#[test]
fn every_body_stands_its_corpus() -> io::Result<()> {
    for (name, body) in BODIES {
        let inputs = entries(&fuzz("corpus").join(name))?;
        assert!(!inputs.is_empty(), "the corpus of {name} is empty");
        body(&[]);
        for input in inputs {
            println!("{}", input.display());
            body(&fs::read(&input)?);
        }
    }
    Ok(())
}

#[test]
fn corpora_stay_small() -> io::Result<()> {
    let mut total = 0;
    for (name, _) in BODIES {
        let inputs = entries(&fuzz("corpus").join(name))?;
        assert!(
            inputs.len() <= 40,
            "{name} has {} inputs: minimize them",
            inputs.len()
        );
        for input in inputs {
            total += fs::metadata(input)?.len();
        }
    }
    assert!(total <= 1024 * 1024, "{total} bytes");
    Ok(())
}

#[test]
fn targets_bodies_and_corpora_are_the_same() -> io::Result<()> {
    let targets = targets();
    assert_eq!(targets.len(), BODIES.len(), "a name stands twice");
    assert_eq!(stems("fuzz_targets")?, targets);
    assert_eq!(stems("corpus")?, targets);
    assert!(stems("dictionaries")?.is_subset(&targets));
    for name in &targets {
        let target = fs::read_to_string(fuzz("fuzz_targets").join(name).with_extension("rs"))?;
        assert!(
            target.contains(&format!("throughline_fuzz_bodies::{name}(")),
            "{name} runs another body"
        );
    }

    let manifest = fs::read_to_string(fuzz("Cargo.toml"))?;
    let binaries = manifest.split("[[bin]]").skip(1);
    let value = |table: &str, key: &str| {
        let line = table
            .lines()
            .find_map(|line| line.strip_prefix(key)?.trim().strip_prefix('='));
        line.unwrap_or_default().trim().trim_matches('"').to_owned()
    };
    let listed: Vec<(String, String)> = binaries
        .map(|table| (value(table, "name"), value(table, "path")))
        .collect();
    let expected: Vec<(String, String)> = targets
        .iter()
        .map(|name| (name.clone(), format!("fuzz_targets/{name}.rs")))
        .collect();
    assert_eq!(listed, expected, "fuzz/Cargo.toml");
    Ok(())
}
