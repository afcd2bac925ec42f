//! `cargo xtask public-api`: the public items of the published crates, beside the listings in docs/public-api/.
//!
//! The items are read from rustdoc's JSON, an unstable output whose format changes with the compiler. With a compiler of
//! another format the comparison is skipped, and says so.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::metadata::{self, array, text};

const LISTINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/public-api");
/// The format that the crate `public-api` reads at the version in Cargo.toml.
const FORMAT: u64 = 57;

/// Compares the listings with the code, or writes them.
pub(crate) fn run(writes: bool) -> Result<(), String> {
    let metadata = metadata::read()?;
    let mut complaints = Vec::new();
    for package in metadata::published(&metadata)? {
        let name = text(package, "name")?;
        // The public items of a crate of procedural macros are its macros, which the facade lists.
        if array(package, "targets")?.iter().any(|target| target["kind"][0] == "proc-macro") {
            continue;
        }
        let json = document(name, &features(package)?)?;
        let found = format_of(&json)?;
        if found != FORMAT {
            println!(
                "skipped: this compiler writes rustdoc's JSON in format {found}, and format {FORMAT} is read here"
            );
            return Ok(());
        }
        let (listing, path) = (listing(&json)?, Path::new(LISTINGS).join(name).with_extension("txt"));
        if writes {
            std::fs::write(&path, listing).map_err(|error| format!("{}: {error}", path.display()))?;
        } else {
            complaints.extend(difference(name, &std::fs::read_to_string(&path).unwrap_or_default(), &listing));
        }
    }
    if complaints.is_empty() {
        return Ok(());
    }
    complaints.push(
        "If the change is meant, run `cargo xtask public-api --write`, and tell of it in CHANGELOG.md.".to_owned(),
    );
    Err(complaints.join("\n"))
}

/// The features that users turn on. `internals` opens rooms for the checks of this repository.
fn features(package: &Value) -> Result<String, String> {
    let features = package["features"].as_object().ok_or("cargo metadata has no features")?;
    let names: Vec<_> = features.keys().map(String::as_str).filter(|name| *name != "internals").collect();
    Ok(names.join(","))
}

/// Has rustdoc write the JSON of this crate, with these features.
fn document(name: &str, features: &str) -> Result<PathBuf, String> {
    let mut cargo = crate::cargo();
    cargo.args([
        "rustdoc",
        "--locked",
        "--lib",
        "--target-dir=target/docsrs",
        "--package",
        name,
        "--features",
        features,
    ]);
    cargo.args(["--", "-Z", "unstable-options", "--output-format", "json", "--cap-lints", "allow"]);
    // The output is unstable, and the compiler is a stable one.
    let status = cargo.env("RUSTC_BOOTSTRAP", "1").status().map_err(|error| format!("cannot start cargo: {error}"))?;
    if !status.success() {
        return Err(format!("rustdoc of {name} ended with {status}"));
    }
    let file = format!("../target/docsrs/doc/{}.json", name.replace('-', "_"));
    Ok(Path::new(env!("CARGO_MANIFEST_DIR")).join(file))
}

fn format_of(json: &Path) -> Result<u64, String> {
    let bytes = std::fs::read(json).map_err(|error| format!("{}: {error}", json.display()))?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| format!("{}: {error}", json.display()))?;
    value["format_version"].as_u64().ok_or_else(|| format!("{}: no format version", json.display()))
}

/// One line for each public item. Implementations that the compiler derives or adds by itself are left out.
fn listing(json: &Path) -> Result<String, String> {
    let api = public_api::Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()
        .map_err(|error| format!("{}: {error}", json.display()))?;
    Ok(api.items().map(|item| format!("{item}\n")).collect())
}

/// The lines that only one of the two has.
fn difference(name: &str, listed: &str, found: &str) -> Vec<String> {
    let only = |sign: char, these: &str, others: &str| {
        let others: Vec<_> = others.lines().collect();
        these.lines().filter(|line| !others.contains(line)).map(|line| format!("{sign} {line}")).collect::<Vec<_>>()
    };
    let mut lines = only('-', listed, found);
    lines.extend(only('+', found, listed));
    if !lines.is_empty() {
        lines.insert(0, format!("the public items of {name} are not those of docs/public-api/{name}.txt:"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_item_and_a_lost_one_are_told() {
        assert!(difference("core", "pub fn one()\npub fn two()\n", "pub fn one()\npub fn two()\n").is_empty());
        let lines = difference("core", "pub fn one()\npub fn two()\n", "pub fn one()\npub fn three()\n");
        assert_eq!(lines[1..], ["- pub fn two()", "+ pub fn three()"]);
    }
}
