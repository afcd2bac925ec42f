//! `cargo xtask package`: what would be published builds from what its package lists, and docs.rs can show it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::metadata::{self, array, text};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// How a file of the repository is linked from what also stands on docs.rs and crates.io, where relative links lead nowhere.
const LINK: &str = "https://github.com/cachemacro/cachemacro/blob/main/";
/// How a page of the guide is linked, and where its text is.
const GUIDE: &str = "https://docs.rs/cachemacro/latest/cachemacro/guide/";
const GUIDE_PAGES: &str = "cachemacro/src/guide";
/// The model checker: a dependency of a published crate, even of `cfg(shuttle)` alone, is in every user's lock file.
const MODEL_CHECKER: &str = "shuttle";

/// Checks the manifests and READMEs of the published crates, packages the work tree, builds each package with all features,
/// and documents the crates as docs.rs does.
pub(crate) fn run() -> Result<(), String> {
    let metadata = metadata::read()?;
    let published = metadata::published(&metadata)?;
    let mut complaints = Vec::new();
    for package in &published {
        complaints.extend(complaints_of(package)?);
        let readme = Path::new(text(package, "manifest_path")?).with_file_name("README.md");
        let readme = std::fs::read_to_string(&readme).map_err(|error| format!("{}: {error}", readme.display()))?;
        complaints.extend(links_to_nowhere(&readme, Path::new(ROOT)));
    }
    if !complaints.is_empty() {
        return Err(complaints.join("\n"));
    }
    let names: Vec<String> = published
        .iter()
        .map(|package| Ok(format!("--package={}", text(package, "name")?)))
        .collect::<Result<_, String>>()?;
    forget_unpacked(&published)?;
    step(crate::cargo().args(["package", "--allow-dirty", "--locked", "--all-features"]).args(&names))?;
    step(
        crate::cargo()
            .args(["doc", "--no-deps", "--locked", "--all-features", "--target-dir=target/docsrs"])
            .args(&names)
            // `doc_cfg`, which names the feature of an item, is unstable; docs.rs has a nightly compiler.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTDOCFLAGS", "--cfg docsrs -D warnings"),
    )
}

/// Cargo unpacks the packages of a workspace as those of a registry, once for each version, and reads them there from then on.
/// So an earlier run's packages are removed: the crates that depend on them would be built with old code.
fn forget_unpacked(published: &[&Value]) -> Result<(), String> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let Some(home) = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo"))) else { return Ok(()) };
    let Ok(registries) = std::fs::read_dir(home.join("registry/src")) else { return Ok(()) };
    // The folder of a registry begins with its host, and that of a workspace's packages has none.
    let is_local = |folder: &PathBuf| folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with('-'));
    for registry in registries.flatten().map(|entry| entry.path()).filter(is_local) {
        for package in published {
            let unpacked = registry.join(format!("{}-{}", text(package, "name")?, text(package, "version")?));
            if unpacked.exists() {
                std::fs::remove_dir_all(&unpacked).map_err(|error| format!("{}: {error}", unpacked.display()))?;
            }
        }
    }
    Ok(())
}

fn step(cargo: &mut std::process::Command) -> Result<(), String> {
    let arguments: Vec<_> = cargo.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect();
    println!("\n==> cargo {}", arguments.join(" "));
    let status = cargo.status().map_err(|error| format!("cannot start cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("cargo {} ended with {status}", arguments.join(" "))) }
}

/// What is wrong in the manifest of a published crate.
fn complaints_of(package: &Value) -> Result<Vec<String>, String> {
    let name = text(package, "name")?;
    let mut complaints = Vec::new();
    for dependency in array(package, "dependencies")? {
        let (other, requirement) = (text(dependency, "name")?, text(dependency, "req")?);
        let is_dev = dependency["kind"] == "dev";
        if other == MODEL_CHECKER {
            complaints.push(format!("{name} depends on {other}: its packages are then in every user's lock file"));
        }
        if !dependency["path"].is_null() && !is_dev && !requirement.starts_with('=') {
            complaints.push(format!("{name} depends on {other} {requirement}: crates of one release need `=`"));
        }
        if !dependency["path"].is_null() && is_dev && requirement != "*" {
            complaints.push(format!("{name} tests with {other} {requirement}: without a version it is not published"));
        }
    }
    let docs = &package["metadata"]["docs"]["rs"];
    if docs["all-features"] != true || docs["rustdoc-args"] != serde_json::json!(["--cfg", "docsrs"]) {
        complaints.push(format!("{name} has no [package.metadata.docs.rs] with all features and `--cfg docsrs`"));
    }
    Ok(complaints)
}

/// Links of a README that are relative, or that name a file or a page of the guide which the repository does not have.
fn links_to_nowhere(readme: &str, root: &Path) -> Vec<String> {
    let targets = readme.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let complaint = |target: &str| {
        if let Some(file) = target.strip_prefix(LINK) {
            let file = file.split('#').next().unwrap_or(file);
            return (!root.join(file).exists()).then(|| format!("README: the repository has no {file}"));
        }
        if let Some(page) = target.strip_prefix(GUIDE).map(|page| page.split('/').next().unwrap_or(page)) {
            let is_there = page.is_empty() || root.join(GUIDE_PAGES).join(page).with_extension("md").exists();
            return (!is_there).then(|| format!("README: the guide has no page {page}"));
        }
        let leads_somewhere = target.starts_with("https://") || target.starts_with('#');
        (!leads_somewhere).then(|| format!("README: `{target}` is a relative link, and leads nowhere on docs.rs"))
    };
    targets.filter_map(complaint).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn readmes_link_to_files_that_are_there() {
        let readme = format!(
            "[one]({LINK}docs/redis.md#split-brain) [two]({LINK}docs/none.md) [three](docs/redis.md) [four](#limits) [five](https://x.y) \
             [six]({GUIDE}) [seven]({GUIDE}keys/#what-can-be-in-a-key) [eight]({GUIDE}none/)"
        );
        let complaints = links_to_nowhere(&readme, Path::new(ROOT));
        assert_eq!(complaints.len(), 3, "{complaints:?}");
        assert!(complaints[0].contains("docs/none.md") && complaints[1].contains("`docs/redis.md`"));
        assert!(complaints[2].contains("no page none"));
    }

    #[test]
    fn the_manifests_of_published_crates_are_held_to_rules() {
        let docs = json!({ "docs": { "rs": { "all-features": true, "rustdoc-args": ["--cfg", "docsrs"] } } });
        let dependency = |name: &str, req: &str, kind: Option<&str>, path: Option<&str>| json!({ "name": name, "req": req, "kind": kind, "path": path });
        let good = json!({ "name": "facade", "metadata": docs, "dependencies": [
            dependency("core", "=0.1.0", None, Some("core")),
            dependency("helper", "*", Some("dev"), Some("helper")),
            dependency("tokio", "^1.20", None, None),
        ] });
        assert_eq!(complaints_of(&good), Ok(Vec::new()));
        let bad = json!({ "name": "facade", "metadata": null, "dependencies": [
            dependency("core", "^0.1.0", None, Some("core")),
            dependency("helper", "^0.1", Some("dev"), Some("helper")),
            dependency("shuttle", "^0.9", None, None),
        ] });
        assert_eq!(complaints_of(&bad).unwrap().len(), 4);
    }

    #[test]
    fn this_workspace_keeps_the_rules() {
        let metadata = metadata::read().unwrap();
        for package in metadata::published(&metadata).unwrap() {
            assert_eq!(complaints_of(package), Ok(Vec::new()));
        }
        let readme = std::fs::read_to_string(Path::new(ROOT).join("cachemacro/README.md")).unwrap();
        assert_eq!(links_to_nowhere(&readme, Path::new(ROOT)), Vec::<String>::new());
    }
}
