//! What cargo knows of the workspace.

use serde_json::Value;

/// The workspace and its dependencies, every feature on.
pub(crate) fn read() -> Result<Value, String> {
    let output = crate::cargo()
        .args(["metadata", "--format-version=1", "--all-features"])
        .output()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata failed:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata is no JSON: {error}"))
}

/// The packages of the workspace that its manifests let be published, which are those that users compile.
pub(crate) fn published(metadata: &Value) -> Result<Vec<&Value>, String> {
    let members = array(metadata, "workspace_members")?;
    let packages = array(metadata, "packages")?.iter();
    // `publish = false` is an empty list of registries.
    let is_published = |package: &&Value| !package["publish"].as_array().is_some_and(Vec::is_empty);
    Ok(packages.filter(|package| members.contains(&package["id"])).filter(is_published).collect())
}

pub(crate) fn array<'m>(value: &'m Value, field: &str) -> Result<&'m Vec<Value>, String> {
    value[field].as_array().ok_or_else(|| format!("cargo metadata has no list `{field}`"))
}

pub(crate) fn text<'m>(value: &'m Value, field: &str) -> Result<&'m str, String> {
    value[field].as_str().ok_or_else(|| format!("cargo metadata has no text `{field}`"))
}
