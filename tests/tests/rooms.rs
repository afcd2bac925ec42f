//! Imports of the runtime, of the store on Redis, of the headers of responses and of the macros go down their rooms, and make no circle: neither between rooms
//! nor between files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, UseTree};

/// A crate whose imports are checked.
struct Layout {
    /// Its folder, from here.
    folder: &'static str,
    /// Its rooms, from the bottom. Those of one row may import each other, as long as no circle comes of it.
    rows: &'static [&'static [&'static str]],
    /// It has more files than this.
    files: usize,
}

const CRATES: [Layout; 4] = [
    Layout { folder: "../cachemacro-runtime/src", rows: RUNTIME, files: 100 },
    Layout { folder: "../cachemacro-redis/src", rows: REDIS, files: 30 },
    Layout { folder: "../cachemacro-http/src", rows: HTTP, files: 10 },
    MACROS,
];

const MACROS: Layout = Layout { folder: "../cachemacro/macros/src", rows: MACRO_ROOMS, files: 60 };

const RUNTIME: &[&[&str]] = &[
    &["util", "error", "key", "protocol"],
    &["event", "policy", "callsite", "entry", "encoding", "value", "observe"],
    &["remote", "local", "near", "coalesce", "retry"],
    &["groups"],
    &["cache"],
    &["call", "publish"],
    &["strategy"],
    &["store", "tier_stores", "fuzz", "__private", "bounds", "lib"],
];

const REDIS: &[&[&str]] = &[
    &["connection"],
    &["config", "keys", "scripts"],
    &["format"],
    &["lookup", "lease"],
    &["store"],
    &["channel", "event_log"],
    &["connect", "fuzz", "lib"],
];

const HTTP: &[&[&str]] = &[
    &["body", "browser", "edge", "ends", "entry_state", "version", "versioned"],
    &["dependencies", "etag", "headers", "told"],
    &["collector", "vary"],
    &["before", "not_modified", "public_route", "scope"],
    &["settings"],
    &["asked"],
    &["layer"],
    &["lib"],
];

const MACRO_ROOMS: &[&[&str]] = &[
    &["syntax"],
    &["model"],
    &["parse", "analyze"],
    &["validate"],
    &["expand"],
    &["fallback"],
    &["pipeline"],
    &["lib"],
];

fn row(layout: &Layout, room: &str) -> usize {
    let found = layout.rows.iter().position(|rooms| rooms.contains(&room));
    found.unwrap_or_else(|| panic!("room `{room}` of {} is in no row: add it", layout.folder))
}

/// A module: its path inside the crate.
type Module = Vec<String>;

struct File {
    module: Module,
    syntax: syn::File,
}

/// The modules of the crate, each a file.
struct Crate {
    files: BTreeMap<Module, File>,
    /// What a module's `use` brings into it: the name, and the path that it stands for.
    names: BTreeMap<Module, BTreeMap<String, Module>>,
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the crate's sources are there") {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

fn module_of(file: &Path) -> Module {
    let mut module: Module = file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| last == "mod") || module == ["lib"] {
        module.pop();
    }
    module
}

impl Crate {
    fn read(layout: &Layout) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(layout.folder);
        let mut paths = Vec::new();
        sources(&root, &mut paths);
        let mut files = BTreeMap::new();
        for path in paths {
            let inside = path.strip_prefix(&root).expect("a file of the crate");
            if inside.iter().any(|part| part == "tests" || part == "tests.rs") {
                continue;
            }
            let module = module_of(inside);
            let text = fs::read_to_string(&path).expect("a readable file");
            let syntax = syn::parse_file(&text).expect("a file of Rust");
            files.insert(module.clone(), File { module, syntax });
        }
        assert!(files.len() > layout.files, "the files of {} are found", layout.folder);
        let mut read = Self { files, names: BTreeMap::new() };
        read.names = read.files.values().map(|file| (file.module.clone(), read.names_in(file))).collect();
        read
    }

    fn names_in(&self, file: &File) -> BTreeMap<String, Module> {
        let mut names = BTreeMap::new();
        for item in &file.syntax.items {
            if let Item::Use(item) = item {
                for (path, name) in flat(&item.tree) {
                    names.extend(self.absolute(&file.module, &path).map(|path| (name, path)));
                }
            }
        }
        names
    }

    /// A path as it is written in a module, from the crate's root; none for those of other crates.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Module> {
        let mut from = module.clone();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => (from, rest) = (Vec::new(), &path[1..]),
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|first| first == "super") {
                    (_, rest) = (from.pop(), &rest[1..]);
                }
            }
            first => {
                from.push(first.to_owned());
                if !self.files.contains_key(&from) {
                    return None;
                }
                rest = &path[1..];
            }
        }
        from.extend(rest.iter().cloned());
        Some(from)
    }

    /// The file that a path leads to, through what modules re-export.
    fn home(&self, path: &Module) -> Option<&Module> {
        let at = (0..=path.len()).rev().find(|length| self.files.contains_key(&path[..*length]))?;
        let (module, _) = self.files.get_key_value(&path[..at])?;
        let through = path.get(at).and_then(|name| self.names.get(module)?.get(name));
        match through {
            Some(through) if through != path => {
                let mut through = through.clone();
                through.extend_from_slice(&path[at + 1..]);
                self.home(&through)
            }
            _ => Some(module),
        }
    }

    /// The files that each file imports, outside of its tests.
    fn imports(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let imports = self.files.values().map(|file| {
            let mut found = Found { paths: Vec::new() };
            found.visit_file(&file.syntax);
            let paths = found.paths.iter().filter_map(|path| self.absolute(&file.module, path));
            let homes = paths.filter_map(|path| self.home(&path)).filter(|home| **home != file.module);
            // A room's `mod.rs` names its files, and what it re-exports is found through it.
            let homes = homes.filter(|home| !home.starts_with(&file.module)).cloned();
            (file.module.clone(), homes.collect())
        });
        imports.collect()
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg") && quote::ToTokens::to_token_stream(attribute).to_string().contains("test)")
    })
}

/// The paths in a file.
struct Found {
    paths: Vec<Module>,
}

impl<'ast> Visit<'ast> for Found {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !is_test(&item.attrs) {
            self.paths.extend(flat(&item.tree).into_iter().map(|(path, _)| path));
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Module = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        // `pub(crate)` is a path of one segment.
        if segments.len() > 1 && (segments[0] == "crate" || segments[0] == "super") {
            self.paths.push(segments);
        }
        visit::visit_path(self, path);
    }
}

/// Each name of a `use`, with its path.
fn flat(tree: &UseTree) -> Vec<(Module, String)> {
    match tree {
        UseTree::Path(path) => {
            let inside = flat(&path.tree).into_iter();
            let first = path.ident.to_string();
            let longer = |(path, name): (Module, String)| {
                let name = if name == "self" { first.clone() } else { name };
                ([&[first.clone()][..], &path].concat(), name)
            };
            inside.map(longer).collect()
        }
        UseTree::Name(name) if name.ident == "self" => vec![(Vec::new(), "self".to_owned())],
        UseTree::Name(name) => vec![(vec![name.ident.to_string()], name.ident.to_string())],
        UseTree::Rename(name) => vec![(vec![name.ident.to_string()], name.rename.to_string())],
        UseTree::Glob(_) => vec![(Vec::new(), "*".to_owned())],
        UseTree::Group(group) => group.items.iter().flat_map(flat).collect(),
    }
}

/// A way from a node back to itself, if there is one.
fn circle<'a>(imports: &'a BTreeMap<Module, BTreeSet<Module>>, from: &'a Module) -> Option<Vec<&'a Module>> {
    let mut ways = vec![vec![from]];
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop() {
        for next in &imports[way[way.len() - 1]] {
            if next == from {
                return Some(way);
            }
            if imports.contains_key(next) && seen.insert(next) {
                ways.push([&way[..], &[next]].concat());
            }
        }
    }
    None
}

fn room(module: &Module) -> &str {
    module.first().map_or("lib", String::as_str)
}

#[test]
fn imports_go_down() {
    let mut up = Vec::new();
    for layout in &CRATES {
        for (module, imported) in Crate::read(layout).imports() {
            let above = imported.iter().filter(|other| row(layout, room(other)) > row(layout, room(&module)));
            up.extend(above.map(|other| format!("{} imports {}", module.join("/"), other.join("/"))));
        }
    }
    assert!(up.is_empty(), "imports from a room above:\n{}", up.join("\n"));
}

#[test]
fn no_rooms_import_each_other() {
    for layout in &CRATES {
        let mut rooms: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
        for (module, imported) in Crate::read(layout).imports() {
            let of = |module: &Module| vec![room(module).to_owned()];
            let others = imported.iter().map(of).filter(|other| *other != of(&module));
            rooms.entry(of(&module)).or_default().extend(others);
        }
        assert_no_circle(&rooms);
    }
}

#[test]
fn no_files_import_each_other() {
    for layout in &CRATES {
        assert_no_circle(&Crate::read(layout).imports());
    }
}

/// The generated code depends on what the annotation means, and not on how it was written.
#[test]
fn the_expansion_reads_the_model_alone() {
    let imports = Crate::read(&MACROS).imports();
    let expansion = imports.iter().filter(|(module, _)| room(module) == "expand");
    let others: Vec<_> = expansion
        .flat_map(|(module, imported)| imported.iter().map(move |other| (module.join("/"), other)))
        .filter(|(_, other)| !["expand", "model", "syntax"].contains(&room(other)))
        .map(|(module, other)| format!("{module} imports {}", other.join("/")))
        .collect();
    assert!(others.is_empty(), "{others:#?}");
}

#[track_caller]
fn assert_no_circle(imports: &BTreeMap<Module, BTreeSet<Module>>) {
    let circles: BTreeSet<Vec<String>> = imports
        .keys()
        .filter_map(|from| {
            let mut circle: Vec<_> = circle(imports, from)?.into_iter().map(|module| module.join("/")).collect();
            circle.sort_unstable();
            Some(circle)
        })
        .collect();
    assert!(circles.is_empty(), "circles of imports: {circles:#?}");
}

/// Neither crate can depend on the other.
#[test]
fn the_macros_and_the_runtime_know_the_same_crates() {
    let [macros, runtime] =
        ["cachemacro/macros/src/analyze/connection/crates.rs", "cachemacro-runtime/src/callsite/crates.rs"].map(
            |file| {
                fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file))
                    .expect("the list is there")
            },
        );
    assert!(macros.contains("\"sqlx\""));
    assert_eq!(macros, runtime);
}
