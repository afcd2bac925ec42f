//! The programs that are compiled: a workspace of their own, generated.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// How a function is annotated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Not at all.
    Bare,
    /// `#[cached::macros::cached]`.
    Cached,
    /// `#[cachemacro::cached]`.
    Ours,
}

/// All kinds.
pub(crate) const KINDS: [Kind; 3] = [Kind::Bare, Kind::Cached, Kind::Ours];

/// Packages that contain nothing but a dependency.
pub(crate) const DEPENDENTS: [(&str, &str, &str); 3] = [
    ("only-ours", "cachemacro, default features", OURS),
    ("only-cached", "`cached` with `async`", CACHED),
    ("only-ours-redis", "cachemacro with `redis`", "cachemacro = { path = PATH, features = [\"redis\"] }"),
];

const OURS: &str = "cachemacro = { path = PATH }";
const CACHED: &str = "cached = { version = \"4\", features = [\"async\"] }";

const HEAD: &str = r#"
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct User { pub id: u64, pub version: u64, pub name: String }

#[derive(Clone, Debug)]
pub struct Failed;

async fn load(id: u64) -> Result<Option<User>, Failed> {
    tokio::task::yield_now().await;
    Ok(Some(User { id, version: 1, name: id.to_string() }))
}
"#;

const EVENT: &str = r#"
#[derive(Clone, Serialize, Deserialize, cachemacro::CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
pub struct UserUpdated { pub id: u64, pub version: u64 }
"#;

impl Kind {
    /// What the report calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Cached => "`cached` #[cached]",
            Self::Ours => "cachemacro",
        }
    }

    /// The package with so many functions of this kind.
    pub(crate) fn package(self, functions: usize) -> String {
        let kind = match self {
            Self::Bare => "bare",
            Self::Cached => "cached",
            Self::Ours => "ours",
        };
        format!("program-{kind}-{functions}")
    }

    fn dependency(self) -> &'static str {
        match self {
            Self::Bare => "",
            Self::Cached => CACHED,
            Self::Ours => OURS,
        }
    }

    fn annotation(self) -> &'static str {
        match self {
            Self::Bare => "",
            Self::Cached => "#[cached::macros::cached(max_size = 1_000, ttl_secs = 600)]\n",
            Self::Ours => {
                "#[cachemacro::cached(key = \"user:<id>\", version_from = |user| user.version, invalidated_by(UserUpdated { id }), \
                 soft_ttl = \"60s\", hard_ttl = \"10m\", negative_ttl = \"10s\")]\n"
            }
        }
    }

    /// A program that calls so many functions of this kind.
    fn source(self, functions: usize) -> String {
        let mut text = HEAD.to_owned();
        if self == Self::Ours {
            text += EVENT;
        }
        for number in 0..functions {
            let annotation = self.annotation();
            let _ = writeln!(
                text,
                "{annotation}async fn find_{number}(id: u64) -> Result<Option<User>, Failed> {{ load(id + {number}).await }}"
            );
        }
        text += "type Call = std::pin::Pin<Box<dyn Future<Output = Result<Option<User>, Failed>> + Send>>;\n";
        text += "#[tokio::main(flavor = \"current_thread\")]\nasync fn main() {\n    let calls: Vec<Call> = vec![\n";
        for number in 0..functions {
            let _ = writeln!(text, "        Box::pin(find_{number}(1)),");
        }
        text + "    ];\n    for call in calls { println!(\"{:?}\", call.await); }\n}\n"
    }
}

/// Writes the workspace into a folder, anew.
///
/// # Panics
/// If it cannot be written.
pub(crate) fn generate(folder: &Path, sizes: &[usize]) {
    // What was compiled in an earlier run stays: only the programs are timed.
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cachemacro");
    let ours = format!("{:?}", ours.canonicalize().expect("it is beside this package"));
    let mut members = Vec::new();
    for kind in KINDS {
        for size in sizes {
            let dependencies = "serde = { version = \"1\", features = [\"derive\"] }\n\
                                tokio = { version = \"1\", features = [\"macros\", \"rt\", \"time\"] }\n";
            let dependencies = dependencies.to_owned() + &kind.dependency().replace("PATH", &ours);
            members.push(kind.package(*size));
            write(&folder.join(kind.package(*size)), &dependencies, "main.rs", &kind.source(*size));
        }
    }
    for (name, _, dependency) in DEPENDENTS {
        members.push(name.to_owned());
        write(&folder.join(name), &dependency.replace("PATH", &ours), "lib.rs", "");
    }
    let members = members.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    save(folder.join("Cargo.toml"), &format!("[workspace]\nresolver = \"3\"\nmembers = [{members}]\n"));
    save(folder.join("Cargo.lock"), include_str!("../../../Cargo.lock"));
}

fn write(folder: &Path, dependencies: &str, file: &str, source: &str) {
    fs::create_dir_all(folder.join("src")).expect("a folder of our own");
    let name = folder.file_name().expect("a name").to_string_lossy();
    let head = format!("[package]\nname = {name:?}\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n");
    save(folder.join("Cargo.toml"), &(head + dependencies));
    save(folder.join("src").join(file), source);
}

fn save(path: PathBuf, text: &str) {
    fs::write(path, text).expect("a folder of our own");
}
