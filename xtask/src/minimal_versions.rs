//! `cargo xtask minimal-versions`: the published crates build with the oldest dependencies that their manifests allow.
//!
//! For each set of features it writes a package that depends on the facade and pins every direct dependency of the published
//! crates to the lowest version of its requirement. Cargo resolves the rest as usual, so that only our own promises are tested.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::metadata::{self, array, text};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/minimal-versions");
const FACADE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../cachemacro");

/// Features of the facade that are tried together.
struct Set {
    name: &'static str,
    has_redis: bool,
    has_edge_client: bool,
    /// Dependencies without a pin: the Redis client and the HTTP client ask for newer ones than we do.
    not_pinned: &'static [&'static str],
}

/// What the HTTP client is made of.
const EDGE_CLIENT: [&str; 4] = ["http-body-util", "hyper-rustls", "hyper-util", "rustls"];

const SETS: &[Set] = &[
    Set { name: "without-redis", has_redis: false, has_edge_client: false, not_pinned: &["redis"] },
    Set { name: "with-redis", has_redis: true, has_edge_client: false, not_pinned: &["tokio", "pin-project-lite"] },
    Set {
        name: "with-edge-client",
        has_redis: false,
        has_edge_client: true,
        not_pinned: &["bytes", "pin-project-lite", "redis", "tokio"],
    },
];

pub(crate) fn run() -> Result<(), String> {
    let metadata = metadata::read()?;
    let published = metadata::published(&metadata)?;
    let facade = published.iter().find(|package| package["name"] == "cachemacro").ok_or("there is no `cachemacro`")?;
    for set in SETS {
        let features = features(facade, set)?;
        let lowest = lowest(&published, set)?;
        println!("\n==> {}: {}", set.name, list(&lowest));
        check(set, &manifest(&features, &lowest))?;
    }
    Ok(())
}

/// The facade's features that belong to the set.
fn features<'m>(facade: &'m Value, set: &Set) -> Result<Vec<&'m str>, String> {
    let all = facade["features"].as_object().ok_or("cargo metadata has no features of `cachemacro`")?;
    let names = all.keys().map(String::as_str);
    let is_in_set = |name: &&str| match *name {
        "edge-client" => set.has_edge_client,
        name => set.has_redis || !name.starts_with("redis"),
    };
    Ok(names.filter(is_in_set).collect())
}

/// The lowest version that satisfies all requirements of the published crates, for each of their direct dependencies.
fn lowest<'m>(published: &[&'m Value], set: &Set) -> Result<BTreeMap<&'m str, Version>, String> {
    let mut lowest = BTreeMap::new();
    for package in published {
        for dependency in array(package, "dependencies")? {
            let name = text(dependency, "name")?;
            let is_ours = !dependency["path"].is_null() || dependency["kind"] == "dev";
            let is_left_out = !set.has_edge_client && EDGE_CLIENT.contains(&name);
            if is_ours || is_left_out || set.not_pinned.contains(&name) {
                continue;
            }
            let version = Version::lowest_of(text(dependency, "req")?)?;
            let known = lowest.entry(name).or_insert(version);
            *known = version.max(*known);
        }
    }
    Ok(lowest)
}

/// Of a package that depends on the facade and on exactly these versions.
fn manifest(features: &[&str], lowest: &BTreeMap<&str, Version>) -> String {
    let mut text = format!(
        "[package]\nname = \"minimal-versions\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
         cachemacro = {{ path = {FACADE:?}, features = {features:?} }}\n"
    );
    for (name, version) in lowest {
        text += &format!("{name} = {{ version = \"={version}\", default-features = false }}\n");
    }
    text
}

fn check(set: &Set, manifest: &str) -> Result<(), String> {
    let folder = PathBuf::from(FOLDER).join(set.name);
    let failed = |error| format!("cannot write to {}: {error}", folder.display());
    fs::create_dir_all(folder.join("src")).map_err(failed)?;
    fs::write(folder.join("src/lib.rs"), "").map_err(failed)?;
    fs::write(folder.join("Cargo.toml"), manifest).map_err(failed)?;
    let status = crate::cargo()
        .current_dir(&folder)
        .arg("check")
        .env("CARGO_TARGET_DIR", Path::new(FOLDER).join("target"))
        .status()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    if status.success() {
        return Ok(());
    }
    Err(format!(
        "{}: the published crates do not build with the lowest versions that they allow. Raise the requirement of the \
         dependency that the message names.",
        set.name
    ))
}

fn list(lowest: &BTreeMap<&str, Version>) -> String {
    lowest.iter().map(|(name, version)| format!("{name} {version}")).collect::<Vec<_>>().join(", ")
}

/// A version without a pre-release.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Version([u64; 3]);

impl Version {
    /// Of a requirement that sets a lower bound: `^1.20`, `1.20`, `=1.20.3` or `>=1.20`.
    fn lowest_of(requirement: &str) -> Result<Self, String> {
        let unknown = || format!("`{requirement}` has no lower bound that this command can read");
        let mut numbers = [0; 3];
        for (position, number) in requirement.trim_start_matches(['^', '=', '>', '~']).split('.').enumerate() {
            *numbers.get_mut(position).ok_or_else(unknown)? = number.parse().map_err(|_| unknown())?;
        }
        Ok(Self(numbers))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [major, minor, patch] = self.0;
        write!(formatter, "{major}.{minor}.{patch}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn requirements_have_a_lowest_version() {
        assert_eq!(Version::lowest_of("^1.20"), Ok(Version([1, 20, 0])));
        assert_eq!(Version::lowest_of("=0.1.3"), Ok(Version([0, 1, 3])));
        assert_eq!(Version::lowest_of(">=2"), Ok(Version([2, 0, 0])));
        assert!(Version::lowest_of("*").is_err());
        assert!(Version::lowest_of(">=1, <3").is_err());
    }

    #[test]
    fn the_highest_of_two_lower_bounds_counts_and_tests_set_none() {
        let dependency = |name: &str, req: &str, kind: Option<&str>| json!({ "name": name, "req": req, "kind": kind });
        let one = json!({ "dependencies": [dependency("serde", "^1.0.180", None), dependency("tokio", "^1.40", Some("dev"))] });
        let two = json!({ "dependencies": [dependency("serde", "^1.0.9", None), dependency("tokio", "^1.20", None)] });
        let lowest = lowest(&[&one, &two], &SETS[0]).unwrap();
        assert_eq!(lowest, BTreeMap::from([("serde", Version([1, 0, 180])), ("tokio", Version([1, 20, 0]))]));
    }
}
