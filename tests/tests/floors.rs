//! Imports of the runtime go down its floors, and never up.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// DESIGN §4. Rooms of one floor may import each other, as long as no circle comes of it.
const FLOORS: &[&[&str]] = &[
    &["key", "version", "clock", "protocol", "error", "telemetry", "sync", "weak_map", "connection", "context"],
    &["codec", "deferred", "entry", "finding", "policy", "event", "site", "value"],
    &["store"],
    &["flight", "lease", "load", "load_lock", "rounds", "scope", "bus"],
    &["engine"],
    &["strategy"],
    &["lib", "__private", "fuzz"],
];

fn floor(room: &str) -> usize {
    let found = FLOORS.iter().position(|rooms| rooms.contains(&room));
    found.unwrap_or_else(|| panic!("room `{room}` stands on no floor: add it to FLOORS"))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the runtime's sources are there") {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// The rooms that each room imports, outside of its own tests.
fn imports() -> BTreeMap<String, Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cachemacro-runtime/src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut imports: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files {
        let inside = file.strip_prefix(&root).expect("a file of the runtime");
        let room = inside.iter().next().expect("a room").to_string_lossy().replace(".rs", "");
        let text = fs::read_to_string(&file).expect("a readable file");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let found = code.match_indices("crate::").filter_map(|(at, _)| {
            let before = code[..at].chars().next_back();
            let after: String = code[at + 7..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let is_doc = code[..at].rsplit('\n').next().is_some_and(|line| line.trim_start().starts_with("//"));
            let is_room = after.chars().next().is_some_and(|first| first.is_lowercase() || first == '_');
            (before != Some('$') && !is_doc && is_room).then_some(after)
        });
        imports.entry(room).or_default().extend(found);
    }
    imports
}

#[test]
fn imports_go_down() {
    for (room, imported) in imports() {
        for other in imported.iter().filter(|other| **other != room) {
            assert!(floor(other) <= floor(&room), "`{room}` imports `{other}` from a floor above");
        }
    }
}

#[test]
fn no_two_rooms_import_each_other() {
    let imports = imports();
    for (room, imported) in &imports {
        for other in imported.iter().filter(|other| *other != room) {
            let back = imports.get(other).is_some_and(|back| back.contains(room));
            assert!(!back, "`{room}` and `{other}` import each other");
        }
    }
}
