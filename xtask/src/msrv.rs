//! `cargo xtask msrv`: no dependency of a published crate may need a newer Rust than the workspace promises.
//!
//! It reads the manifests instead of compiling with the old toolchain, so it takes a second and needs no second
//! toolchain; clippy's `incompatible_msrv` watches our own code for library functions that are too new.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::metadata::{self, array, text};

/// A Rust version, ordered. Cargo allows two or three numbers; a missing one is zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct RustVersion([u32; 3]);

/// A package of the dependency graph.
struct Package<'m> {
    name: &'m str,
    version: &'m str,
    needs: Option<RustVersion>,
}

pub(crate) fn run() -> Result<(), String> {
    let metadata = metadata::read()?;
    let packages = packages(&metadata)?;
    let published = metadata::published(&metadata)?;
    let ours: Vec<&str> = published.iter().map(|package| text(package, "id")).collect::<Result<_, _>>()?;
    let first = ours.first().ok_or("the workspace publishes nothing")?;
    let promised = packages[first].needs.ok_or("the workspace states no rust-version")?;

    let reached = reachable(&metadata, &ours)?;
    let too_new: Vec<&Package<'_>> = reached
        .iter()
        .map(|id| &packages[id])
        .filter(|package| package.needs.is_some_and(|needs| needs > promised))
        .collect();
    if too_new.is_empty() {
        let silent = reached.iter().filter(|id| packages[*id].needs.is_none()).count();
        println!(
            "rust-version {promised}: none of the {} packages that users compile needs a newer one ({silent} do not say)",
            reached.len()
        );
        return Ok(());
    }
    let list: String = too_new
        .iter()
        .map(|package| {
            let needs = package.needs.map_or_else(String::new, |needs| needs.to_string());
            format!("\n  {} {} needs Rust {needs}", package.name, package.version)
        })
        .collect();
    Err(format!(
        "the workspace promises Rust {promised}, but:{list}\n\
         Choose an older release of the dependency (`cargo update --precise`), or raise `rust-version` in Cargo.toml."
    ))
}

fn packages(metadata: &Value) -> Result<BTreeMap<&str, Package<'_>>, String> {
    array(metadata, "packages")?
        .iter()
        .map(|package| {
            let needs = package["rust_version"].as_str().map(RustVersion::parse).transpose()?;
            let parsed = Package { name: text(package, "name")?, version: text(package, "version")?, needs };
            Ok((text(package, "id")?, parsed))
        })
        .collect()
}

/// Every package that cargo builds for a user of `roots`: their normal and build dependencies, on any platform.
fn reachable<'m>(metadata: &'m Value, roots: &[&'m str]) -> Result<BTreeSet<&'m str>, String> {
    let mut dependencies: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in array(&metadata["resolve"], "nodes")? {
        let built = array(node, "deps")?.iter().filter(|dependency| {
            let kinds = dependency["dep_kinds"].as_array();
            kinds.is_some_and(|kinds| kinds.iter().any(is_built_by_users))
        });
        let built = built.map(|dependency| text(dependency, "pkg")).collect::<Result<_, _>>()?;
        dependencies.insert(text(node, "id")?, built);
    }
    let mut reached = BTreeSet::new();
    let mut open = roots.to_vec();
    while let Some(id) = open.pop() {
        if reached.insert(id) {
            open.extend(dependencies.get(id).into_iter().flatten());
        }
    }
    Ok(reached)
}

/// Whether a dependency of this kind is built outside our own tests.
fn is_built_by_users(kind: &Value) -> bool {
    kind["kind"] != "dev"
}

impl RustVersion {
    fn parse(text: &str) -> Result<Self, String> {
        let mut numbers = [0; 3];
        for (position, number) in text.split('.').enumerate() {
            let place = numbers.get_mut(position).ok_or_else(|| format!("`{text}` is no Rust version"))?;
            *place = number.parse().map_err(|_| format!("`{text}` is no Rust version"))?;
        }
        Ok(Self(numbers))
    }
}

impl std::fmt::Display for RustVersion {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [major, minor, patch] = self.0;
        write!(formatter, "{major}.{minor}")?;
        if patch == 0 { Ok(()) } else { write!(formatter, ".{patch}") }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{RustVersion, reachable};

    #[test]
    fn versions_are_ordered_as_numbers() {
        let parse = |text| RustVersion::parse(text).unwrap();
        assert!(parse("1.9") < parse("1.88"));
        assert!(parse("1.88.1") > parse("1.88"));
        assert_eq!(parse("1.88"), parse("1.88.0"));
        assert!(RustVersion::parse("1.x").is_err());
        assert!(RustVersion::parse("1.2.3.4").is_err());
    }

    #[test]
    fn what_only_tests_need_is_not_reached() {
        let dependency = |id: &str, kind: Option<&str>| json!({ "pkg": id, "dep_kinds": [{ "kind": kind }] });
        let metadata = json!({ "resolve": { "nodes": [
            { "id": "a", "deps": [dependency("b", None), dependency("c", Some("dev"))] },
            { "id": "b", "deps": [dependency("d", Some("build"))] },
            { "id": "c", "deps": [] },
            { "id": "d", "deps": [] },
        ] } });
        let reached = reachable(&metadata, &["a"]).unwrap();
        assert_eq!(reached.into_iter().collect::<Vec<_>>(), ["a", "b", "d"]);
    }
}
